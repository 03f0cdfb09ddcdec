"""trt_pose's networks in PyTorch, which limn's models/cmap_paf.hpp is compared with.

Structure and key names of the state dict: NVIDIA-AI-IOT/trt_pose, trt_pose/models/resnet.py and common.py: a ResNet
("0.resnet") and a head of two branches ("1"). With attention each branch weighs its features with a sigmoid or a tanh
of a convolution of them; without, upsampling and last convolution are one Sequential.

It owes nothing to limn's own descriptions, of which it is independent on purpose: what they have wrong shall show here.
"""

import re

import torch
from torch import nn

from resnet import ResNet


class Multiply(nn.Module):
    def forward(self, x, y):
        return x * y


class Attention(nn.Conv2d):
    """The 3x3 convolution, and as modules what is done with its result."""

    def __init__(self, channels, activation, name):
        super().__init__(channels, channels, 3, padding=1)
        self.add_module(name, activation)
        self.activation = name
        self.multiply = Multiply()

    def weigh(self, x):
        return self.multiply(x, getattr(self, self.activation)(self(x)))


class Backbone(nn.Module):
    """As in torchvision, the classifier is there; nothing uses it."""

    def __init__(self, depth):
        super().__init__()
        self.resnet = ResNet(depth)
        self.resnet.fc = nn.Linear(self.resnet.channels, 1000)

    def forward(self, x):
        return self.resnet(x)


def upsampling(channels, width, count, num_flat):
    modules = []
    for _ in range(count):
        modules += [nn.ConvTranspose2d(channels, width, 4, 2, 1), nn.BatchNorm2d(width), nn.ReLU()]
        for _ in range(num_flat):
            modules += [nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    return nn.Sequential(*modules)


class Head(nn.Module):
    def __init__(self, channels, keypoints, links, width, num_upsample, num_flat, attention):
        super().__init__()
        for branch, maps, activation, name in (
            ("cmap", keypoints, nn.Sigmoid(), "sigmoid"),
            ("paf", 2 * links, nn.Tanh(), "tanh"),
        ):
            up, conv = upsampling(channels, width, num_upsample, num_flat), nn.Conv2d(width, maps, 1)
            if attention:
                setattr(self, branch + "_up", up)
                setattr(self, branch + "_att", Attention(width, activation, name))
                setattr(self, branch + "_conv", conv)
            else:
                setattr(self, branch + "_conv", nn.Sequential(up, conv))
        self.attention = attention

    def forward(self, x):
        if not self.attention:
            return self.cmap_conv(x), self.paf_conv(x)
        return (
            self.cmap_conv(self.cmap_att.weigh(self.cmap_up(x))),
            self.paf_conv(self.paf_att.weigh(self.paf_up(x))),
        )


class CmapPaf(nn.Sequential):
    """(N, 3, H, W) -> (N, keypoints, h, w) and (N, 2 links, h, w), h = H / 32 * 2^num_upsample."""

    def __init__(self, depth, keypoints, links, upsample_channels=256, num_upsample=3, num_flat=0, attention=True):
        backbone = Backbone(depth)
        channels = backbone.resnet.channels
        super().__init__(
            backbone, Head(channels, keypoints, links, upsample_channels, num_upsample, num_flat, attention)
        )


def limn_name(name):
    """limn's name of a tensor or module of these networks; None for the classifier and for the two halves."""
    if name in ("0", "1") or name.startswith("0.resnet.fc."):
        return None
    name = re.sub(r"^(0\.resnet|1)\.", "", name)
    name = re.sub(r"^(cmap|paf)_conv\.0\.", r"\1_up.", name)
    return re.sub(r"^(cmap|paf)_conv\.1(?=$|\.)", r"\1_conv", name)
