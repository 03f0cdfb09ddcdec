"""Weights and inputs computed from their names, so that whole networks can be compared without committing weights.

tests/formula_weights.hpp computes the same numbers in C++. Everything is computed in double and rounded to float once.

For flat index i of tensor NAME (row-major, PyTorch's order of extents):
    x = fnv1a32(NAME) + i * 0x9E3779B9              (mod 2^32)
    x ^= x >> 16;  x *= 0x7FEB352D;  x ^= x >> 15;  x *= 0x846CA68B;  x ^= x >> 16
    u = (x >> 8) / 2^24                             in [0, 1)
and then
    convolution weight (O, I, h, w)                 (2u - 1) * sqrt(6 / (I h w))
    transposed convolution weight (I, O, h, w)      (2u - 1) * sqrt(6 / (I h w / 4)), stride 2: each output sees a quarter
    batch norm weight and running_var               0.5 + u
    the last batch norm of a residual branch        weight (0.5 + u) * 0.4, so that deep networks do not blow up
    every bias, running_mean                        0.2 u - 0.1
    the input                                       2u - 1
FNV-1a: Fowler, Noll, Vo, public domain. The mixing constants are those of Chris Wellons' "lowbias32" hash, public domain.
"""

import numpy as np


def fnv1a32(name):
    value = 0x811C9DC5
    for byte in name.encode("utf-8"):
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def uniform(name, shape):
    """u in [0, 1), double."""
    x = np.arange(int(np.prod(shape)), dtype=np.uint32) * np.uint32(0x9E3779B9) + np.uint32(fnv1a32(name))
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return ((x >> np.uint32(8)) / 2.0**24).reshape(shape)


def transposed(name, shape):
    """Whether it is the weight of a transposed convolution: in trt_pose's branches, those of 4x4."""
    return name.startswith("deconv_layers.") and len(shape) == 4 or "_up." in name and tuple(shape[2:]) == (4, 4)


def tensor(name, shape, names):
    """One weight of a network, float32, by limn's name of it. `names` are all names of the network."""
    u = uniform(name, shape)
    if transposed(name, shape):
        values = (2 * u - 1) * np.sqrt(6 / (shape[0] * shape[2] * shape[3] / 4))
    elif len(shape) == 4:
        values = (2 * u - 1) * np.sqrt(6 / (shape[1] * shape[2] * shape[3]))
    elif name.endswith((".bias", ".running_mean")):
        values = 0.2 * u - 0.1
    elif name.endswith(".bn3.weight") or (
        name.endswith(".bn2.weight") and name.replace(".bn2.", ".bn3.") not in names
    ):
        values = (0.5 + u) * 0.4
    elif name.endswith((".weight", ".running_var")):
        values = 0.5 + u
    else:
        raise ValueError(f"no formula for tensor {name} of shape {shape}")
    return values.astype(np.float32)


def weights(shapes):
    """{name: float32 array} for {name: shape}."""
    return {name: tensor(name, shape, shapes) for name, shape in shapes.items()}


def network_input(channels, height, width):
    """The input, float32 (channels, height, width)."""
    return (2 * uniform("input", (channels, height, width)) - 1).astype(np.float32)
