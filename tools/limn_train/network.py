"""Simple Baselines' network: a ResNet, transposed convolutions, a convolution to heatmaps; or, for a person detector,
to the maps of "Objects as Points".

Parameters have torchvision's and Microsoft's names. Sources: He et al., "Deep Residual Learning for Image Recognition";
Xiao et al., "Simple Baselines for Human Pose Estimation and Tracking", lib/models/pose_resnet.py.
"""

import math

import torch
from torch import nn
from torch.nn import functional

from limn_convert.networks import BASE_CHANNELS, RESNETS


class Residual(nn.Module):
    """A residual block: 3x3 and 3x3 convolution, or (bottleneck) 1x1, 3x3 and 1x1 to four times the channels."""

    def __init__(self, channels, planes, stride, bottleneck):
        super().__init__()
        out = 4 * planes if bottleneck else planes
        if bottleneck:
            layers = [(channels, planes, 1, 1), (planes, planes, 3, stride), (planes, out, 1, 1)]
        else:
            layers = [(channels, planes, 3, stride), (planes, planes, 3, 1)]
        self.count = len(layers)
        for number, (before, after, kernel, step) in enumerate(layers, 1):
            setattr(self, f"conv{number}", nn.Conv2d(before, after, kernel, step, kernel // 2, bias=False))
            setattr(self, f"bn{number}", nn.BatchNorm2d(after))
        self.downsample = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        branch = x
        for number in range(1, self.count + 1):
            branch = getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(branch))
            if number < self.count:
                branch = functional.relu(branch, inplace=True)
        return functional.relu(branch + (x if self.downsample is None else self.downsample(x)), inplace=True)


class _DoublingOnCpu(torch.autograd.Function):
    """ConvTranspose2d(kernel 4, stride 2, padding 1) by convolutions, as PyTorch's own is slow on a CPU.

    An output pixel gets something from 2x2 inputs, by kernel rows and columns that depend on whether it is even or odd.
    So a 2x2 convolution with four times the channels puts out each 2x2 square of pixels, which are then laid beside
    one another; with row q = 2p + r of these, q - 1 is the output's row, and tap t of that convolution is row
    2 (1 - t) + r of the kernel. Likewise columns. Backward it is the convolution of which it is the transpose.
    """

    @staticmethod
    def forward(context, x, weight):
        context.save_for_backward(x, weight)
        channels, out = weight.shape[:2]
        kernel = weight.reshape(channels, out, 2, 2, 2, 2).flip(2, 4)  # taps of rows, r, taps of columns, s
        kernel = kernel.permute(1, 3, 5, 0, 2, 4).reshape(4 * out, channels, 2, 2)
        y = functional.pixel_shuffle(functional.conv2d(x, kernel, padding=1), 2)[:, :, 1:-1, 1:-1]
        return y.contiguous(memory_format=torch.channels_last)

    @staticmethod
    def backward(context, gradient):
        x, weight = context.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        of_x = functional.conv2d(gradient, weight, stride=2, padding=1)
        of_weight = torch.ops.aten.convolution_backward(
            x, gradient, weight, None, [2, 2], [1, 1], [1, 1], False, [0, 0], 1, [False, True, False]
        )[1]
        return of_x, of_weight


class Doubling(nn.ConvTranspose2d):
    """ConvTranspose2d(kernel 4, stride 2, padding 1)"""

    def __init__(self, channels, out):
        super().__init__(channels, out, 4, stride=2, padding=1, bias=False)

    def forward(self, x):
        return super().forward(x) if x.is_cuda else self.on_cpu(x)

    def on_cpu(self, x):
        weight = self.weight
        if torch.is_autocast_cpu_enabled():
            x, weight = x.to(torch.get_autocast_cpu_dtype()), weight.to(torch.get_autocast_cpu_dtype())
        with torch.autocast("cpu", enabled=False):
            return _DoublingOnCpu.apply(x, weight)


class Baseline(nn.Module):
    """What comes before the last layers: (N, 3, H, W) to (N, head[-1], H / 32 * 2^n, W / 32 * 2^n), n doublings.

    width: channels of conv1 and layer1, doubled by each further layer. head: channels of each of the doublings.
    """

    def __init__(self, depth, head, width):
        super().__init__()
        bottleneck, counts = RESNETS[depth]
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        channels = width
        for layer, count in enumerate(counts):
            planes = width << layer
            blocks = nn.Sequential()
            for block in range(count):
                stride = 2 if layer > 0 and block == 0 else 1
                blocks.add_module(str(block), Residual(channels, planes, stride, bottleneck))
                channels = 4 * planes if bottleneck else planes
            setattr(self, f"layer{layer + 1}", blocks)
        self.deconv_layers = nn.Sequential()
        for number, out in enumerate(head):
            for i, module in enumerate((Doubling(channels, out), nn.BatchNorm2d(out), nn.ReLU(inplace=True))):
                self.deconv_layers.add_module(str(3 * number + i), module)
            channels = out

    def features(self, x):
        x = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        x = functional.max_pool2d(x, 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.deconv_layers(x)


class PoseResNet(Baseline):
    """To heatmaps (N, keypoints, H / stride, W / stride)."""

    def __init__(self, depth, keypoints, head=(256, 256, 256), width=BASE_CHANNELS):
        super().__init__(depth, head, width)
        self.final_layer = nn.Conv2d(head[-1], keypoints, 1)

    def forward(self, x):
        return self.final_layer(self.features(x))


class CenterNet(Baseline):
    """To five maps (N, 5, H / stride, W / stride): a person's centre, before the sigmoid; width, height; the centre's
    offset from its cell in x, y. All in cells.

    Source: Zhou, Wang & Kraehenbuehl, "Objects as Points" (2019); names as in its authors' msra_resnet.py.
    """

    MAPS = {"hm": 1, "wh": 2, "reg": 2}

    def __init__(self, depth, head=(128, 128), width=32):
        super().__init__(depth, head, width)
        for name, maps in self.MAPS.items():
            setattr(self, name, nn.Conv2d(head[-1], maps, 1))

    def forward(self, x):
        x = self.features(x)
        return torch.cat([getattr(self, name)(x) for name in self.MAPS], dim=1)


def stride_of(head):
    """Input pixels per cell of the maps: the ResNet halves five times, each of the head's layers doubles."""
    return 32 >> len(head)


HEADS = ("deconv_layers", "final_layer", *CenterNet.MAPS)
RARE = -2.19  # log(0.1 / 0.9): before it has learned anything, a centre is said to be unlikely ("Objects as Points")


def initialize(network, generator):
    """He et al.'s numbers for the ResNet (torchvision, resnet.py), Microsoft's, N(0, 0.001), behind it."""
    with torch.no_grad():
        for name, module in network.named_modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.fill_(1)
                module.bias.zero_()
            elif isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                new = name.startswith(HEADS)
                fan_out = module.out_channels * module.kernel_size[0] * module.kernel_size[1]
                module.weight.normal_(0, 0.001 if new else math.sqrt(2 / fan_out), generator=generator)
                if module.bias is not None:
                    module.bias.fill_(RARE if name == "hm" else 0)
