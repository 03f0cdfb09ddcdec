#!/usr/bin/env python3
"""Writes the tensors that limn's tests compare with, computed by PyTorch. See README.md.

    generate.py [--output DIR]      write layers.safetensors and networks.safetensors (default: beside this script)
    generate.py --check             compute them again and compare with the files; exit status 1 names what differs
    generate.py --network NAME HEIGHT WIDTH KEYPOINTS DIR [--seed N]
                                    write a checkpoint with random weights and every intermediate tensor of it;
                                    NAME: the depth of a PoseResNet (18, 34, 50, 101, 152), lip, hrnet-w32, hrnet-w48,
                                    pose-resnet18-body, pose-resnet18-body-plain (without attention) or person-detector
                                    (with 0 for KEYPOINTS)

Exit status 77 (CTest's "skipped") if PyTorch or numpy is not installed.
"""

import argparse
import json
import os
import re
import sys
import zlib

try:
    import numpy as np
    import torch
    from torch.nn import functional
except ImportError as error:
    print(f"generate.py: {error} (Debian: python3-numpy, python3-torch)", file=sys.stderr)
    sys.exit(77)

import formula
import quantized_layers
import tensor_file
from center_net import CenterNet, center_name
from cmap_paf import CmapPaf, limn_name
from hrnet import HRNet
from pose_resnet import PoseResNet, lip_name
from resnet import BasicBlock, Bottleneck, intermediates

HERE = os.path.dirname(os.path.abspath(__file__))
TOLERANCE = 1e-5  # of a tensor's largest magnitude; what another PyTorch on another processor may differ by


class Layers:
    """Collects the cases of layers.safetensors. Seeds come from the case's name, so that a new case changes no other."""

    def __init__(self):
        self.tensors = {}
        self.options = {}

    def add(self, case, inputs, output, **options):
        """inputs: {name: float32 array without batch}; output: double tensor, with batch."""
        assert case not in self.options, case
        self.options[case] = options
        for name, values in inputs.items():
            self.tensors[f"{case}/{name}"] = values
        self.tensors[f"{case}/output"] = output[0].numpy().astype(np.float32)


def random(case):
    return np.random.RandomState(zlib.crc32(case.encode("utf-8")))


def normal(generator, *shape, scale=1.0):
    return (generator.standard_normal(shape) * scale).astype(np.float32)


def double(values):
    """PyTorch computes the references in double: the rounding of one machine's float kernels is no part of them."""
    return torch.from_numpy(values.astype(np.float64))


def image(values):
    return double(values)[None]


def conv2d(layers):
    def case(in_channels, out_channels, size, kernel, stride, padding, bias):
        k, s, p = (f"{pair[0]}x{pair[1]}" for pair in (kernel, stride, padding))
        name = f"conv2d/k{k}_s{s}_p{p}_{in_channels}to{out_channels}_on_{size[0]}x{size[1]}{'_bias' if bias else ''}"
        rng = random(name)
        fan_in = in_channels * kernel[0] * kernel[1]
        inputs = {
            "input": normal(rng, in_channels, *size),
            "weight": normal(rng, out_channels, in_channels, *kernel, scale=fan_in**-0.5),
        }
        if bias:
            inputs["bias"] = normal(rng, out_channels)
        output = functional.conv2d(
            image(inputs["input"]),
            double(inputs["weight"]),
            double(inputs["bias"]) if bias else None,
            stride,
            padding,
        )
        layers.add(name, inputs, output, stride=stride, padding=padding)

    # in, out, (height, width), kernel, stride, padding, bias
    case(1, 1, (1, 1), (1, 1), (1, 1), (0, 0), False)
    case(3, 5, (5, 7), (1, 1), (1, 1), (0, 0), True)
    case(17, 3, (13, 9), (1, 1), (1, 1), (0, 0), False)
    case(5, 17, (13, 9), (1, 1), (2, 2), (0, 0), False)
    case(3, 17, (8, 6), (1, 1), (3, 3), (0, 0), True)
    case(5, 3, (4, 3), (1, 1), (1, 1), (1, 1), True)
    case(1, 1, (5, 7), (3, 3), (1, 1), (1, 1), False)
    case(3, 5, (1, 1), (3, 3), (1, 1), (1, 1), True)
    case(3, 5, (1, 9), (3, 3), (1, 1), (1, 1), False)
    case(3, 5, (9, 1), (3, 3), (1, 1), (1, 1), False)
    case(5, 5, (2, 2), (3, 3), (1, 1), (1, 1), False)
    case(17, 17, (13, 9), (3, 3), (1, 1), (1, 1), False)
    case(16, 8, (6, 8), (3, 3), (1, 1), (1, 1), True)
    case(1, 17, (5, 7), (3, 3), (1, 1), (0, 0), True)
    case(5, 3, (3, 3), (3, 3), (1, 1), (0, 0), True)
    case(3, 1, (5, 7), (3, 3), (1, 1), (2, 2), False)
    case(3, 3, (2, 5), (3, 3), (1, 1), (3, 3), True)
    case(5, 3, (1, 1), (3, 3), (2, 2), (1, 1), False)
    case(3, 5, (5, 7), (3, 3), (2, 2), (1, 1), True)
    case(17, 5, (13, 9), (3, 3), (2, 2), (1, 1), False)
    case(3, 5, (8, 6), (3, 3), (2, 2), (1, 1), False)
    case(5, 3, (13, 9), (3, 3), (3, 3), (1, 1), False)
    case(3, 5, (13, 9), (3, 3), (3, 3), (2, 2), True)
    case(3, 5, (13, 9), (3, 3), (2, 1), (1, 0), False)
    case(3, 5, (13, 9), (3, 3), (1, 3), (0, 2), True)
    case(3, 5, (13, 9), (5, 3), (1, 1), (2, 1), False)
    case(5, 3, (5, 7), (5, 3), (1, 1), (0, 0), True)
    case(3, 3, (13, 9), (5, 3), (2, 2), (1, 3), False)
    case(3, 3, (5, 7), (1, 5), (1, 1), (0, 2), False)
    case(3, 3, (5, 7), (5, 1), (2, 1), (2, 0), False)
    case(3, 5, (5, 7), (2, 2), (1, 1), (0, 0), False)
    case(3, 5, (13, 9), (2, 2), (2, 2), (0, 0), True)
    case(5, 3, (5, 7), (2, 2), (1, 1), (1, 1), False)
    case(3, 3, (13, 9), (4, 4), (2, 2), (1, 1), False)
    case(1, 3, (5, 7), (4, 4), (1, 1), (2, 2), True)
    case(3, 3, (5, 7), (4, 2), (1, 2), (3, 0), True)
    case(3, 16, (13, 9), (7, 7), (2, 2), (3, 3), False)
    case(3, 17, (16, 24), (7, 7), (2, 2), (3, 3), False)
    case(1, 5, (1, 1), (7, 7), (2, 2), (3, 3), True)
    case(3, 5, (5, 7), (7, 7), (1, 1), (3, 3), False)


def batch_norm2d(layers):
    def case(channels, size, eps, smallest_variance=0.5):
        name = f"batch_norm2d/c{channels}_on_{size[0]}x{size[1]}_eps{eps:g}_var{smallest_variance:g}"
        rng = random(name)
        inputs = {
            "input": normal(rng, channels, *size),
            "weight": normal(rng, channels),
            "bias": normal(rng, channels),
            "running_mean": normal(rng, channels),
            "running_var": (smallest_variance + np.abs(rng.standard_normal(channels))).astype(np.float32),
        }
        inputs["running_var"][0] = smallest_variance
        output = functional.batch_norm(
            image(inputs["input"]),
            *(double(inputs[key]) for key in ("running_mean", "running_var", "weight", "bias")),
            training=False,
            eps=eps,
        )
        layers.add(name, inputs, output, eps=eps)

    case(1, (1, 1), 1e-5)
    case(3, (5, 7), 1e-5)
    case(5, (13, 9), 1e-5)
    case(17, (5, 7), 1e-5)
    case(64, (2, 3), 1e-5)
    case(5, (5, 7), 1e-3)
    case(3, (5, 7), 1e-5, smallest_variance=0.0)


def activations(layers):
    for channels, size in ((1, (1, 1)), (3, (5, 7)), (17, (13, 9))):
        for layer, function in (("relu", torch.relu), ("sigmoid", torch.sigmoid), ("tanh", torch.tanh)):
            name = f"{layer}/c{channels}_on_{size[0]}x{size[1]}"
            values = normal(random(name), channels, *size, scale=3.0)
            layers.add(name, {"input": values}, function(image(values)))
    extremes = np.array([0, -0.0, 1e-30, -1e-30, 1e-4, -1e-4, 9, -9, 20, -20, 90, -90, 1e4, -1e4, 3e38, -3e38])
    for layer, function in (("relu", torch.relu), ("sigmoid", torch.sigmoid), ("tanh", torch.tanh)):
        values = extremes.astype(np.float32).reshape(1, 2, 8)
        layers.add(f"{layer}/extremes", {"input": values}, function(image(values)))


def max_pool2d(layers):
    def case(channels, size, kernel, stride, padding, all_negative):
        k, s, p = (f"{pair[0]}x{pair[1]}" for pair in (kernel, stride, padding))
        sign = "_all_negative" if all_negative else ""
        name = f"max_pool2d/k{k}_s{s}_p{p}_c{channels}_on_{size[0]}x{size[1]}{sign}"
        values = normal(random(name), channels, *size)
        if all_negative:  # a zero that padding lets in would be the maximum
            values = -np.abs(values) - np.float32(0.1)
        output = functional.max_pool2d(image(values), kernel, stride, padding)
        layers.add(name, {"input": values}, output, kernel=kernel, stride=stride, padding=padding)

    for size in ((1, 1), (5, 7), (13, 9), (8, 6)):
        case(5, size, (3, 3), (2, 2), (1, 1), True)
    case(17, (13, 9), (3, 3), (2, 2), (1, 1), False)
    case(1, (5, 7), (3, 3), (1, 1), (1, 1), True)
    case(3, (5, 7), (3, 3), (3, 3), (0, 0), False)
    case(3, (8, 6), (2, 2), (2, 2), (0, 0), False)
    case(3, (5, 7), (2, 2), (2, 2), (0, 0), True)
    case(3, (5, 7), (2, 2), (2, 2), (1, 1), True)
    case(3, (13, 9), (3, 2), (2, 1), (1, 0), True)
    case(3, (5, 7), (1, 1), (2, 2), (0, 0), False)


def conv_transpose2d(layers):
    def add(name, inputs, stride, padding, output_padding):
        output = functional.conv_transpose2d(
            image(inputs["input"]),
            double(inputs["weight"]),
            double(inputs["bias"]) if "bias" in inputs else None,
            stride,
            padding,
            output_padding,
        )
        layers.add(name, inputs, output, stride=stride, padding=padding, output_padding=output_padding)

    def case(in_channels, out_channels, size, kernel, stride, padding, output_padding, bias):
        k, s, p, o = (f"{pair[0]}x{pair[1]}" for pair in (kernel, stride, padding, output_padding))
        name = (
            f"conv_transpose2d/k{k}_s{s}_p{p}_op{o}_{in_channels}to{out_channels}_on_{size[0]}x{size[1]}"
            f"{'_bias' if bias else ''}"
        )
        rng = random(name)
        inputs = {
            "input": normal(rng, in_channels, *size),
            "weight": normal(rng, in_channels, out_channels, *kernel, scale=in_channels**-0.5),
        }
        if bias:
            inputs["bias"] = normal(rng, out_channels)
        add(name, inputs, stride, padding, output_padding)

    # Worked out by hand: every output is a sum of at most four products.
    add(
        "conv_transpose2d/by_hand",
        {
            "input": np.arange(1, 5, dtype=np.float32).reshape(1, 2, 2),
            "weight": np.arange(1, 17, dtype=np.float32).reshape(1, 1, 4, 4),
        },
        (2, 2),
        (1, 1),
        (0, 0),
    )
    # in, out, (height, width), kernel, stride, padding, output padding, bias
    doubling = (((4, 4), (1, 1), (0, 0)), ((3, 3), (1, 1), (1, 1)), ((2, 2), (0, 0), (0, 0)))
    for kernel, padding, output_padding in doubling:
        case(1, 1, (1, 1), kernel, (2, 2), padding, output_padding, False)
        case(3, 5, (5, 7), kernel, (2, 2), padding, output_padding, True)
        case(17, 3, (3, 4), kernel, (2, 2), padding, output_padding, False)
        case(5, 17, (1, 9), kernel, (2, 2), padding, output_padding, False)
        case(5, 3, (9, 1), kernel, (2, 2), padding, output_padding, True)
    case(3, 5, (5, 7), (3, 3), (1, 1), (1, 1), (0, 0), False)
    case(5, 3, (5, 7), (3, 3), (1, 1), (0, 0), (0, 0), True)
    case(5, 3, (5, 7), (3, 3), (1, 1), (2, 2), (0, 0), False)
    case(3, 5, (5, 7), (3, 3), (2, 2), (1, 1), (0, 0), True)
    case(3, 5, (5, 7), (4, 4), (2, 2), (0, 0), (0, 0), False)
    case(3, 5, (5, 7), (4, 4), (2, 2), (1, 1), (1, 1), False)
    case(3, 5, (5, 7), (5, 5), (3, 3), (2, 2), (1, 1), True)
    case(3, 5, (5, 7), (2, 2), (3, 3), (0, 0), (1, 1), True)  # outputs that no input reaches hold the bias alone
    case(3, 5, (5, 7), (1, 1), (1, 1), (0, 0), (0, 0), False)
    case(3, 5, (5, 7), (1, 1), (2, 2), (0, 0), (1, 1), True)
    case(3, 5, (5, 7), (4, 2), (2, 1), (1, 0), (0, 0), True)
    case(3, 5, (5, 7), (3, 4), (1, 2), (1, 1), (0, 0), False)
    case(3, 5, (5, 7), (3, 5), (2, 3), (0, 2), (1, 2), False)
    case(3, 5, (7, 5), (4, 4), (2, 2), (3, 2), (0, 0), False)


def add(layers):
    for channels, size in ((1, (1, 1)), (3, (5, 7)), (17, (13, 9))):
        name = f"add/c{channels}_on_{size[0]}x{size[1]}"
        rng = random(name)
        inputs = {"input": normal(rng, channels, *size), "other": normal(rng, channels, *size)}
        layers.add(name, inputs, image(inputs["input"]) + image(inputs["other"]))


def multiply(layers):
    for channels, size in ((1, (1, 1)), (3, (5, 7)), (17, (2, 3))):
        name = f"multiply/c{channels}_on_{size[0]}x{size[1]}"
        rng = random(name)
        inputs = {"input": normal(rng, channels, *size), "other": normal(rng, channels, *size)}
        layers.add(name, inputs, image(inputs["input"]) * image(inputs["other"]))


def upsample_nearest(layers):
    for factor, channels, size in ((2, 1, (1, 1)), (2, 17, (5, 7)), (4, 3, (5, 7)), (8, 3, (2, 3)), (3, 5, (1, 4))):
        name = f"upsample_nearest/x{factor}_c{channels}_on_{size[0]}x{size[1]}"
        values = normal(random(name), channels, *size)
        output = functional.interpolate(image(values), scale_factor=factor, mode="nearest")
        layers.add(name, {"input": values}, output, factor=factor)


def residual_block(layers):
    def case(block, in_channels, planes, size, stride, stride_on="3x3"):
        kind = {BasicBlock: "basic", Bottleneck: "bottleneck"}[block]
        where = f"_on_{stride_on}" if block is Bottleneck else ""
        name = f"residual_block/{kind}_{in_channels}to{planes}_s{stride}{where}_{size[0]}x{size[1]}"
        rng = random(name)
        network = block(in_channels, planes, stride, stride_on).double().eval()
        inputs = {"input": normal(rng, in_channels, *size)}
        for key, value in network.state_dict().items():
            if key.endswith("num_batches_tracked"):
                continue
            if value.dim() == 4:
                inputs[key] = normal(rng, *value.shape, scale=value[0].numel() ** -0.5)
            elif key.endswith("running_var"):
                inputs[key] = (0.5 + rng.random_sample(value.shape)).astype(np.float32)
            else:
                inputs[key] = normal(rng, *value.shape)
        network.load_state_dict({key: double(value) for key, value in inputs.items() if key != "input"}, strict=False)
        output = network(image(inputs["input"]))
        layers.add(name, inputs, output, type=kind, planes=planes, stride=stride, stride_on=stride_on)

    case(BasicBlock, 8, 8, (5, 7), 1)
    case(BasicBlock, 5, 5, (1, 1), 1)
    case(BasicBlock, 8, 16, (8, 6), 2)
    case(BasicBlock, 3, 7, (13, 9), 2)
    case(BasicBlock, 5, 7, (5, 7), 1)
    case(Bottleneck, 12, 3, (5, 7), 1)
    case(Bottleneck, 12, 3, (5, 7), 1, "1x1")
    case(Bottleneck, 5, 3, (5, 7), 1)
    case(Bottleneck, 12, 5, (8, 6), 2)
    case(Bottleneck, 12, 5, (8, 6), 2, "1x1")
    case(Bottleneck, 7, 4, (13, 9), 2)
    case(Bottleneck, 7, 4, (13, 9), 2, "1x1")


def layers_file():
    layers = Layers()
    for write in (
        conv2d,
        batch_norm2d,
        activations,
        max_pool2d,
        conv_transpose2d,
        add,
        multiply,
        upsample_nearest,
        residual_block,
        quantized_layers.write,
    ):
        write(layers)
    return layers.tensors, {"cases": layers.options}


NETWORKS = {
    "resnet18": {"depth": 18, "keypoints": 16, "height": 64, "width": 64},
    "resnet34": {"depth": 34, "keypoints": 17, "height": 64, "width": 96},
    "resnet50": {"depth": 50, "keypoints": 17, "height": 32, "width": 64},
    "resnet152": {"depth": 152, "keypoints": 17, "height": 32, "width": 32},
    "resnet50_caffe": {"depth": 50, "keypoints": 16, "height": 64, "width": 32, "stride_on": "1x1"},
    "resnet18_bias_sigmoid": {
        "depth": 18,
        "keypoints": 16,
        "height": 64,
        "width": 64,
        "deconv_channels": [32, 24],
        "deconv_kernels": [3, 3],
        "deconv_bias": True,
        "output_activation": "sigmoid",
    },
    "resnet18_kernel2": {
        "depth": 18,
        "keypoints": 17,
        "height": 96,
        "width": 32,
        "deconv_channels": [20],
        "deconv_kernels": [2],
    },
    "resnet18_mixed_kernels": {
        "depth": 18,
        "keypoints": 3,
        "height": 32,
        "width": 64,
        "deconv_channels": [24, 17, 8],
        "deconv_kernels": [2, 3, 4],
        "final_kernel": 3,
    },
    "resnet18_bias": {
        "depth": 18,
        "keypoints": 4,
        "height": 32,
        "width": 32,
        "deconv_channels": [24, 16, 8],
        "normalization": "bias",
    },
    "resnet50_linear": {
        "depth": 50,
        "keypoints": 4,
        "height": 32,
        "width": 32,
        "deconv_channels": [24, 16, 8],
        "normalization": "none",
        "activation": "none",
    },
    "lip": {
        "depth": 18,
        "keypoints": 16,
        "height": 64,
        "width": 32,
        "deconv_channels": [512, 512, 512],
        "output_activation": "sigmoid",
    },
    "resnet18_w20": {
        "depth": 18,
        "keypoints": 3,
        "height": 64,
        "width": 32,
        "channels": 20,
        "deconv_channels": [16],
        "deconv_kernels": [4],
    },
    "resnet50_w7": {
        "depth": 50,
        "keypoints": 2,
        "height": 32,
        "width": 32,
        "channels": 7,
        "deconv_channels": [8],
        "deconv_kernels": [3],
    },
    "person_detector": {
        "type": "center_net",
        "depth": 18,
        "height": 64,
        "width": 96,
        "channels": 32,
        "deconv_channels": [128, 128],
        "deconv_kernels": [4, 4],
    },
    "detector_heads": {
        "type": "center_net",
        "depth": 50,
        "height": 32,
        "width": 64,
        "channels": 9,
        "deconv_channels": [24, 17, 8],
        "deconv_kernels": [4, 3, 2],
        "deconv_bias": True,
        "convolutions": True,
        "head_channels": 11,
    },
    "detector_linear": {
        "type": "center_net",
        "depth": 18,
        "height": 32,
        "width": 32,
        "channels": 8,
        "deconv_channels": [12, 10],
        "deconv_kernels": [4, 4],
        "convolutions": True,
        "offsets": False,
        "normalization": "none",
        "activation": "none",
    },
    "body": {"type": "cmap_paf", "depth": 18, "keypoints": 18, "links": 21, "height": 32, "width": 64},
    "body_plain": {
        "type": "cmap_paf",
        "depth": 18,
        "keypoints": 5,
        "links": 4,
        "height": 64,
        "width": 32,
        "upsample_channels": 24,
        "num_upsample": 2,
        "attention": False,
    },
    "body_flat": {
        "type": "cmap_paf",
        "depth": 50,
        "keypoints": 3,
        "links": 1,
        "height": 32,
        "width": 64,
        "upsample_channels": 17,
        "num_upsample": 1,
        "num_flat": 2,
    },
    "hrnet_w32": {"type": "hrnet", "channels": 32, "keypoints": 17, "height": 32, "width": 64},
    "hrnet_w48": {"type": "hrnet", "channels": 48, "keypoints": 16, "height": 64, "width": 32},
    "hrnet_w7": {"type": "hrnet", "channels": 7, "keypoints": 3, "height": 96, "width": 32, "final_kernel": 3},
    "hrnet_w8_bias": {
        "type": "hrnet",
        "channels": 8,
        "keypoints": 3,
        "height": 32,
        "width": 32,
        "normalization": "bias",
    },
    "hrnet_w8_linear": {
        "type": "hrnet",
        "channels": 8,
        "keypoints": 3,
        "height": 32,
        "width": 32,
        "normalization": "none",
        "activation": "none",
    },
}
DEFAULTS = {
    "pose_resnet": {
        "channels": 64,
        "deconv_channels": [256, 256, 256],
        "deconv_kernels": [4, 4, 4],
        "deconv_bias": False,
        "final_kernel": 1,
        "stride_on": "3x3",
        "output_activation": "none",
        "normalization": "batch_norm",
        "activation": "relu",
    },
    "cmap_paf": {"upsample_channels": 256, "num_upsample": 3, "num_flat": 0, "attention": True},
    "hrnet": {"final_kernel": 1, "normalization": "batch_norm", "activation": "relu"},
    "center_net": {
        "channels": 64,
        "deconv_bias": False,
        "convolutions": False,
        "head_channels": 0,
        "offsets": True,
        "normalization": "batch_norm",
        "activation": "relu",
    },
}
OUTPUTS = {"cmap_paf": ("heatmaps", "part_affinity"), "center_net": ("heatmaps", "sizes", "offsets")}
PROBES = 64
PROBE_STEP = 7919  # a prime that divides no size here, so the probes spread over channels, rows and columns


def probed(names):
    """The intermediates of which some values are kept: the ends of every part of the network."""
    last = {}
    for name in names:
        if name.startswith("layer") and name.count(".") == 1:
            last[name.split(".")[0]] = name
    wanted = {"conv1", "bn1", "maxpool", "layer2.0", "layer2.0.bn2", "layer2.0.downsample.1", "final_layer"}
    wanted.update(last.values())
    parts = (
        r"(de)?conv_layers\..*",
        r"(hm|wh|reg)(\..*)?",
        r"(cmap|paf)_.*",
        r"transition\d\..*\.2",
        r"stage\d\.\d\.fuse_layers\.\d",
        r"stage3\.1\.fuse_layers\.2\..*",
        r"stage4\.2\.fuse_layers\.0\.(\d\.2|sum\d)",
    )
    return [name for name in names if name in wanted or any(re.fullmatch(part, name) for part in parts)]


def options_of(own):
    """All options of a network, from those that are its own."""
    kind = own.get("type", "pose_resnet")
    return {"type": kind, **DEFAULTS[kind], **own}


def network_of(options):
    """The network, and limn's names of its tensors and modules."""
    own = {key: value for key, value in options.items() if key not in ("type", "height", "width")}
    if options["type"] == "pose_resnet":
        return PoseResNet(**own).eval(), lambda name: name
    if options["type"] == "cmap_paf":
        return CmapPaf(**own).eval(), limn_name
    if options["type"] == "center_net":
        return CenterNet(**own).eval(), center_name
    own["width"] = own.pop("channels")
    return HRNet(**own).eval(), lambda name: name


def maps_of(options, output):
    """A network's outputs under limn's names of them."""
    if not isinstance(output, tuple):
        return {"heatmaps": output}
    return dict(zip(OUTPUTS[options["type"]], output))


def weights_of(network, rename):
    """{limn's name: tensor} of what the network computes with, sharing memory with it."""
    state = network.state_dict()
    return {rename(name): state[name] for name in state if not name.endswith("num_batches_tracked") and rename(name)}


def networks_file():
    tensors = {}
    described = {}
    for name, own in NETWORKS.items():
        options = options_of(own)
        network, rename = network_of(options)
        network.double()
        weights = weights_of(network, rename)
        parameters = [name for name in weights if ".running_" not in name]
        described[name] = {**options, "parameters": sum(weights[parameter].numel() for parameter in parameters)}
        for key, value in formula.weights({key: tuple(value.shape) for key, value in weights.items()}).items():
            weights[key].copy_(double(value))
        x = image(formula.network_input(3, options["height"], options["width"]))
        output, seen = intermediates(network, x, rename)
        for probe in probed(seen):
            values = seen[probe].numpy().ravel()
            tensors[f"{name}/probe/{probe}"] = values[np.arange(PROBES) * PROBE_STEP % values.size].astype(np.float32)
        for key, values in maps_of(options, output).items():
            tensors[f"{name}/{key}"] = values[0].numpy().astype(np.float32)
    return tensors, {"networks": described}


FILES = {"layers.safetensors": layers_file, "networks.safetensors": networks_file}


def check(directory):
    """Compares what PyTorch computes now with the files in directory. Returns what differs, one line each."""
    problems = []
    for file, generate in FILES.items():
        expected, expected_metadata = generate()
        found, found_metadata = tensor_file.read(os.path.join(directory, file))
        if json.loads(json.dumps(expected_metadata)) != found_metadata:
            problems.append(f"{file}: the description of the cases differs")
        for name in sorted(set(expected) ^ set(found)):
            problems.append(f"{file}: tensor {name} is {'missing' if name in expected else 'not from this script'}")
        for name in sorted(set(expected) & set(found)):
            now, then = expected[name].astype(np.float64), found[name].astype(np.float64)
            if now.shape != then.shape:
                problems.append(f"{file}: tensor {name} has shape {now.shape} now, {then.shape} in the file")
            elif not np.abs(now - then).max() <= TOLERANCE * np.abs(now).max():
                problems.append(f"{file}: tensor {name} differs by {np.abs(now - then).max():g}")
        print(f"{file}: {len(found)} tensors compared")
    return problems


def named_network(name):
    """(options, what the checkpoint's file name begins with) of a network that --network names."""
    if name.isdigit():
        return {"depth": int(name)}, f"pose_resnet{name}"
    known = {
        "lip": {"depth": 18, "deconv_channels": [512, 512, 512], "output_activation": "sigmoid"},
        "hrnet-w32": {"type": "hrnet", "channels": 32},
        "hrnet-w48": {"type": "hrnet", "channels": 48},
        "pose-resnet18-body": {"type": "cmap_paf", "depth": 18, "links": 21},
        "pose-resnet18-body-plain": {"type": "cmap_paf", "depth": 18, "links": 21, "attention": False},
        "person-detector": NETWORKS["person_detector"],
    }
    if name not in known:
        sys.exit(f"generate.py: --network {name}: expected a depth or one of {', '.join(known)}")
    return known[name], name


def random_network(name, height, width, keypoints, directory, seed):
    """Writes NAME_HxW.pth and reference.safetensors, everything in float as a user's PyTorch computes it."""
    torch.manual_seed(seed)
    own, file_name = named_network(name)
    own = {**own, "keypoints": keypoints} if keypoints else own
    options = options_of({**own, "height": height, "width": width})
    network, rename = network_of(options)
    weights = weights_of(network, rename)
    for name, value in weights.items():
        if value.dim() == 4:
            transposed = formula.transposed(name, value.shape)
            fan_in = value.shape[0] * value[0, 0].numel() / 4 if transposed else value[0].numel()
            value.normal_(0, (2 / fan_in) ** 0.5)
            if "_att." in name:  # large values would all come out of the sigmoid or tanh as 0 or 1
                value.mul_(0.1)
        elif name.endswith((".bias", ".running_mean")):
            value.uniform_(-0.1, 0.1)
        else:  # a branch of half the size keeps deep networks from blowing up
            third = name.replace(".bn2.", ".bn3.")
            last = name.endswith(".bn3.weight") or name.endswith(".bn2.weight") and third not in weights
            value.uniform_(0.5, 1.5).mul_(0.4 if last else 1.0)
    x = torch.randn(1, 3, height, width)
    with torch.no_grad():
        output, seen = intermediates(network, x, rename)
    os.makedirs(directory, exist_ok=True)
    checkpoint = os.path.join(directory, f"{file_name}_{height}x{width}.pth")
    state = network.state_dict()
    torch.save({lip_name(key): state[key] for key in state} if file_name == "lip" else state, checkpoint)
    reference = os.path.join(directory, "reference.safetensors")
    tensors = {"input": x, **seen, **maps_of(options, output)}
    tensor_file.write(reference, {name: value.numpy() for name, value in tensors.items()}, {"network": options})
    print(f"{checkpoint}\n{reference}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", metavar="DIR", default=HERE)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--network", nargs=5, metavar=("NAME", "HEIGHT", "WIDTH", "KEYPOINTS", "DIR"))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    if arguments.network:
        name, *numbers, directory = arguments.network
        random_network(name, *(int(number) for number in numbers), directory, arguments.seed)
        return 0
    with torch.no_grad():
        if arguments.check:
            problems = check(arguments.output)
            print("\n".join(problems) or "all as PyTorch computes them now")
            return 1 if problems else 0
        os.makedirs(arguments.output, exist_ok=True)
        for file, generate in FILES.items():
            tensors, metadata = generate()
            path = os.path.join(arguments.output, file)
            tensor_file.write(path, tensors, metadata)
            print(f"{path}: {len(tensors)} tensors, {os.path.getsize(path)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
