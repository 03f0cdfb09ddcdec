"""ResNet in PyTorch without its classifier, and its blocks, which HRNet has too (He et al., 2015).

Parameters have torchvision's key names. Modules without weights (relu1, add, ...) are named as the nodes of limn's
graph are, so that forward hooks give limn's names.

It owes nothing to limn's own descriptions, of which it is independent on purpose: what they have wrong shall show here.
"""

from typing import NamedTuple

import torch
from torch import nn

# depth: (bottleneck?, blocks in layer1..layer4)
DEPTHS = {
    18: (False, (2, 2, 2, 2)),
    34: (False, (3, 4, 6, 3)),
    50: (True, (3, 4, 6, 3)),
    101: (True, (3, 4, 23, 3)),
    152: (True, (3, 8, 36, 3)),
}


class Style(NamedTuple):
    """The ablations. normalization: "batch_norm", "bias" (of the convolutions, in its place) or "none".

    activation: "relu" or "none".
    """

    normalization: str = "batch_norm"
    activation: str = "relu"

    def conv(self, layer, *arguments, bias=False, **options):
        return layer(*arguments, bias=bias or self.normalization == "bias", **options)

    def norm(self, channels):
        return nn.BatchNorm2d(channels) if self.normalization == "batch_norm" else None

    def relu(self):
        return nn.ReLU() if self.activation == "relu" else None

    def last_sum(self):
        """A module where a ReLU follows; without, the sum is the output of the module around it, and goes by its name."""
        return Add() if self.activation == "relu" else None


class Add(nn.Module):
    def forward(self, x, y):
        return x + y


def sequence(*modules, first=0):
    """Sequential with the usual numbers from `first` on, in which a None takes a number but is not there."""
    result = nn.Sequential()
    for number, module in enumerate(modules, first):
        if module is not None:
            result.add_module(str(number), module)
    return result


def through(x, *modules):
    """x through the modules that are not None, one after another."""
    for module in modules:
        x = module(x) if module is not None else x
    return x


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_channels, planes, stride, stride_on="3x3", style=Style()):
        super().__init__()
        self.conv1 = style.conv(nn.Conv2d, in_channels, planes, 3, stride, 1)
        self.bn1 = style.norm(planes)
        self.relu1 = style.relu()
        self.conv2 = style.conv(nn.Conv2d, planes, planes, 3, 1, 1)
        self.bn2 = style.norm(planes)
        self.downsample = shortcut(in_channels, planes, stride, style)
        self.add = style.last_sum()

    def forward(self, x):
        branch = through(x, self.conv1, self.bn1, self.relu1, self.conv2, self.bn2)
        return add_and_activate(self.add, branch, through(x, self.downsample))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_channels, planes, stride, stride_on="3x3", style=Style()):
        super().__init__()
        first, middle = (stride, 1) if stride_on == "1x1" else (1, stride)
        self.conv1 = style.conv(nn.Conv2d, in_channels, planes, 1, first)
        self.bn1 = style.norm(planes)
        self.relu1 = style.relu()
        self.conv2 = style.conv(nn.Conv2d, planes, planes, 3, middle, 1)
        self.bn2 = style.norm(planes)
        self.relu2 = style.relu()
        self.conv3 = style.conv(nn.Conv2d, planes, planes * 4, 1)
        self.bn3 = style.norm(planes * 4)
        self.downsample = shortcut(in_channels, planes * 4, stride, style)
        self.add = style.last_sum()

    def forward(self, x):
        branch = through(x, self.conv1, self.bn1, self.relu1, self.conv2, self.bn2, self.relu2, self.conv3, self.bn3)
        return add_and_activate(self.add, branch, through(x, self.downsample))


def shortcut(in_channels, channels, stride, style):
    """A 1x1 convolution where the shape changes, else None."""
    if stride == 1 and in_channels == channels:
        return None
    return sequence(style.conv(nn.Conv2d, in_channels, channels, 1, stride), style.norm(channels))


def add_and_activate(add, x, y):
    return add(x, y).relu() if add is not None else x + y


class ResNet(nn.Module):
    """conv1 to layer4: (N, 3, H, W) -> (N, self.channels, H / 32, W / 32).

    stride_on: "3x3", or "1x1" for Caffe's bottleneck, whose stride is on the first convolution. width: channels of
    conv1 and layer1, doubled by each further layer.
    """

    def __init__(self, depth, stride_on="3x3", style=Style(), width=64):
        super().__init__()
        bottleneck, counts = DEPTHS[depth]
        block = Bottleneck if bottleneck else BasicBlock
        self.conv1 = style.conv(nn.Conv2d, 3, width, 7, 2, 3)
        self.bn1 = style.norm(width)
        self.relu = style.relu()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels = width
        for number, count in enumerate(counts):
            planes = width << number
            blocks = []
            for index in range(count):
                stride = 2 if number > 0 and index == 0 else 1
                blocks.append(block(channels, planes, stride, stride_on, style))
                channels = planes * block.expansion
            setattr(self, f"layer{number + 1}", nn.Sequential(*blocks))
        self.channels = channels

    def features(self, x):
        x = through(x, self.conv1, self.bn1, self.relu, self.maxpool)
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    forward = features


def intermediates(network, x, rename=lambda name: name):
    """Runs the network and returns (output, {name: output of the module of that name}), in order of execution.

    Named are the layers and the blocks, not the containers around them, whose output is that of their last layer, nor
    modules that put out several tensors.
    """
    seen = {}
    handles = []

    def keep(name, output):
        if isinstance(output, torch.Tensor) and rename(name) is not None:
            seen[rename(name)] = output.clone()

    for name, module in network.named_modules():
        if name and not isinstance(module, (nn.Sequential, ResNet)):
            handles.append(module.register_forward_hook(lambda _, __, output, name=name: keep(name, output)))
    try:
        output = network(x)
    finally:
        for handle in handles:
            handle.remove()
    return output, seen
