"""8-bit models for tests, made by hand of ResNet18s with deconvolutions, in plain Python.

Weights are rounded as they should be; the scales of the maps are given.
"""

import json
import struct
from array import array


def maps(deconvs, kept_first=False):
    """The names of all maps but the outputs that convolutions of such a network read, after limn's names of layers."""
    names = [] if kept_first else ["input"]
    names.append("relu")
    for layer in range(1, 5):
        for block in range(2):
            at = "layer%d.%d" % (layer, block)
            names += [at + ".relu1"] + ([at + ".bn2"] if layer > 1 and block == 0 else []) + [at]
    return names + ["deconv_layers.%d" % (3 * i + 2) for i in range(deconvs)]


def precision(deconvs, normalization=True, scale=1 / 64, below_zero=True, kept=()):
    """The document's entry, with one scale for all maps. below_zero: some maps have values there."""
    scales = {}
    for name in maps(deconvs, "conv1" in kept):
        signed = below_zero and name.endswith(("input", ".bn2"))
        # Without batch norm, its map is the convolution's own.
        scales[name if normalization else name.replace(".bn2", ".conv2")] = [scale, 128 if signed else 0]
    return {"type": "int8", "maps": scales, "float": list(kept)}


def tensors(floats, kept=()):
    """[(name, dtype, shape, bytes)] of {name: (shape, values)} without batch norm."""
    found = []
    for name, (shape, values) in floats.items():
        layer, parameter = name.rsplit(".", 1)
        if layer in kept:
            found.append((name, "F32", shape, array("f", values).tobytes()))
        elif parameter == "weight":
            # Transposed convolutions have their outputs in the second place.
            transposed = layer.startswith("deconv_layers")
            outputs, inputs, area = shape[int(transposed)], shape[int(not transposed)], shape[2] * shape[3]
            channel = [i // area % outputs if transposed else i // (area * inputs) for i in range(len(values))]
            largest = [0.0] * outputs
            for at, value in zip(channel, values):
                largest[at] = max(largest[at], abs(value))
            scales = array("f", [value / 127 or 1.0 for value in largest])
            rounded = array("b", [round(value / scales[at]) for at, value in zip(channel, values)])
            found.append((name, "I8", shape, rounded.tobytes()))
            found.append((layer + ".weight_scale", "F32", (outputs,), scales.tobytes()))
            bias = floats.get(layer + ".bias", ((), [0.0] * outputs))[1]
            found.append((layer + ".bias", "F32", (outputs,), array("f", bias).tobytes()))
    return sorted(found, key=lambda tensor: ({"F32": 0, "I8": 1}[tensor[1]], tensor[0]))


def safetensors(entries, metadata=None):
    """The bytes of a file of [(name, dtype, shape, bytes)]."""
    header, data = {}, b""
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, dtype, shape, values in entries:
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def model(document, floats, kept=()):
    """The bytes of a model file with the document, which has the entry, and the network's tensors."""
    return safetensors(tensors(floats, kept), {"format": "pt", "limn": json.dumps(document)})
