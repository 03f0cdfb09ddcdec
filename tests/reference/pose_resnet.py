"""PoseResNet in PyTorch, the network that limn's models/pose_resnet.hpp is compared with.

Structure: Xiao, Wu & Wei, "Simple Baselines for Human Pose Estimation and Tracking", ECCV 2018. The state dict has the
key names of the authors' release (microsoft/human-pose-estimation.pytorch).

It owes nothing to limn's own descriptions, of which it is independent on purpose: what they have wrong shall show here.
"""

from torch import nn

from resnet import ResNet, Style, sequence, through

# kernel of a transposed convolution of stride 2: (padding, output_padding) that double the size exactly
DECONV_PADDING = {4: (1, 0), 3: (1, 1), 2: (0, 0)}


def deconvolution(channels, width, kernel, bias, style):
    """A doubling, its normalisation and ReLU; None for what the style leaves out."""
    conv = style.conv(nn.ConvTranspose2d, channels, width, kernel, 2, *DECONV_PADDING[kernel], bias=bias)
    return [conv, style.norm(width), style.relu()]


class PoseResNet(ResNet):
    """(N, 3, H, W) -> (N, keypoints, h, w) with H and W multiples of 32 and h = H / 32 * 2^len(deconv_channels).

    channels: those of conv1. stride_on: "3x3", or "1x1" for Caffe's bottleneck, whose stride is on the first convolution.
    output_activation: "none" or "sigmoid". normalization, activation: see Style.
    """

    def __init__(
        self,
        depth,
        keypoints,
        channels=64,
        deconv_channels=(256, 256, 256),
        deconv_kernels=(4, 4, 4),
        deconv_bias=False,
        final_kernel=1,
        stride_on="3x3",
        output_activation="none",
        normalization="batch_norm",
        activation="relu",
    ):
        style = Style(normalization, activation)
        super().__init__(depth, stride_on, style, channels)
        channels = self.channels
        head = []
        for width, kernel in zip(deconv_channels, deconv_kernels):
            head += deconvolution(channels, width, kernel, deconv_bias, style)
            channels = width
        self.deconv_layers = sequence(*head)
        self.final_layer = nn.Conv2d(channels, keypoints, final_kernel, padding=final_kernel // 2)
        self.sigmoid = nn.Sigmoid() if output_activation == "sigmoid" else None

    def forward(self, x):
        return through(self.features(x), self.deconv_layers, self.final_layer, self.sigmoid)


def lip_name(name):
    """A tensor's name in smolboii/single-person-pose-estimation, whose backbone is torchvision's as a Sequential."""
    places = {
        "conv1": "resnet_backbone.0",
        "bn1": "resnet_backbone.1",
        "layer1": "resnet_backbone.4",
        "layer2": "resnet_backbone.5",
        "layer3": "resnet_backbone.6",
        "layer4": "resnet_backbone.7",
        "deconv_layers": "deconv",
        "final_layer": "heatmap_out.0",
    }
    part, _, rest = name.partition(".")
    return f"{places[part]}.{rest}"
