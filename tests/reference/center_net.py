"""CenterNet for one class in PyTorch, the network that limn's models/center_net.hpp is compared with.

Structure: Zhou, Wang & Kraehenbuehl, "Objects as Points", 2019. The state dict has the key names of the authors'
release (xingyizhou/CenterNet, src/lib/models/networks/msra_resnet.py). The convolutions before the deconvolutions are
imgclsmob's (pytorchcv/models/centernet.py), under limn's names.

It owes nothing to limn's own descriptions, of which it is independent on purpose: what they have wrong shall show here.
"""

from torch import nn

from pose_resnet import deconvolution
from resnet import ResNet, Style, sequence, through


def head(channels, width, maps):
    if width == 0:
        return nn.Conv2d(channels, maps, 1)
    return nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, maps, 1))


def stage(layers, number):
    """Three modules of a sequence, None for those that are not there."""
    return [getattr(layers, str(3 * number + i), None) for i in range(3)]


class CenterNet(ResNet):
    """(N, 3, H, W) -> (N, 1, h, w), (N, 2, h, w) and, with offsets, (N, 2, h, w), h = H / 32 * 2^len(deconv_channels).

    channels: those of conv1. head_channels: of a 3x3 convolution in each head, 0 for none. normalization, activation:
    see Style.
    """

    def __init__(
        self,
        depth,
        channels=64,
        deconv_channels=(256, 256, 256),
        deconv_kernels=(4, 4, 4),
        deconv_bias=False,
        convolutions=False,
        head_channels=0,
        offsets=True,
        normalization="batch_norm",
        activation="relu",
    ):
        style = Style(normalization, activation)
        super().__init__(depth, style=style, width=channels)
        channels = self.channels
        before, doubling = [], []
        for width, kernel in zip(deconv_channels, deconv_kernels):
            if convolutions:
                before += [nn.Conv2d(channels, width, 3, padding=1), style.norm(width), style.relu()]
                channels = width
            doubling += deconvolution(channels, width, kernel, deconv_bias, style)
            channels = width
        self.conv_layers = sequence(*before)
        self.deconv_layers = sequence(*doubling)
        self.stages = len(deconv_channels)
        self.hm = head(channels, head_channels, 1)
        self.hm_sigmoid = nn.Sigmoid()
        self.wh = head(channels, head_channels, 2)
        self.reg = head(channels, head_channels, 2) if offsets else None

    def forward(self, x):
        x = self.features(x)
        for i in range(self.stages):
            x = through(x, *stage(self.conv_layers, i), *stage(self.deconv_layers, i))
        outputs = self.hm_sigmoid(self.hm(x)), self.wh(x)
        return outputs if self.reg is None else (*outputs, self.reg(x))


def center_name(name):
    """limn's name of a tensor or module."""
    return "hm.sigmoid" if name == "hm_sigmoid" else name
