"""PoseResNet in PyTorch, the network that limn's models/pose_resnet.hpp is compared with.

Structure: Xiao, Wu & Wei, "Simple Baselines for Human Pose Estimation and Tracking", ECCV 2018; ResNet: He et al., 2015.
The state dict has the key names of the authors' release (microsoft/human-pose-estimation.pytorch). Modules without weights
(relu1, add, ...) are named as the nodes of limn's graph are, so that forward hooks give limn's names.
"""

from torch import nn

# depth: (bottleneck?, blocks in layer1..layer4)
DEPTHS = {
    18: (False, (2, 2, 2, 2)),
    34: (False, (3, 4, 6, 3)),
    50: (True, (3, 4, 6, 3)),
    101: (True, (3, 4, 23, 3)),
    152: (True, (3, 8, 36, 3)),
}

# kernel of a transposed convolution of stride 2: (padding, output_padding) that double the size exactly
DECONV_PADDING = {4: (1, 0), 3: (1, 1), 2: (0, 0)}


class Add(nn.Module):
    def forward(self, x, y):
        return x + y


def shortcut(in_channels, channels, stride):
    """A 1x1 convolution where the shape changes, else None."""
    if stride == 1 and in_channels == channels:
        return None
    return nn.Sequential(nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_channels, planes, stride, stride_on="3x3"):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = shortcut(in_channels, planes, stride)
        self.add = Add()

    def forward(self, x):
        branch = self.relu1(self.bn1(self.conv1(x)))
        branch = self.bn2(self.conv2(branch))
        return self.add(branch, self.downsample(x) if self.downsample else x).relu()


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_channels, planes, stride, stride_on="3x3"):
        super().__init__()
        first, middle = (stride, 1) if stride_on == "1x1" else (1, stride)
        self.conv1 = nn.Conv2d(in_channels, planes, 1, first, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(planes, planes, 3, middle, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(planes, planes * 4, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(planes * 4)
        self.downsample = shortcut(in_channels, planes * 4, stride)
        self.add = Add()

    def forward(self, x):
        branch = self.relu1(self.bn1(self.conv1(x)))
        branch = self.relu2(self.bn2(self.conv2(branch)))
        branch = self.bn3(self.conv3(branch))
        return self.add(branch, self.downsample(x) if self.downsample else x).relu()


class PoseResNet(nn.Module):
    """(N, 3, H, W) -> (N, keypoints, h, w) with H and W multiples of 32 and h = H / 32 * 2^len(deconv_channels).

    stride_on: "3x3", or "1x1" for Caffe's bottleneck, whose stride is on the first convolution.
    output_activation: "none" or "sigmoid".
    """

    def __init__(
        self,
        depth,
        keypoints,
        deconv_channels=(256, 256, 256),
        deconv_kernels=(4, 4, 4),
        deconv_bias=False,
        final_kernel=1,
        stride_on="3x3",
        output_activation="none",
    ):
        super().__init__()
        bottleneck, counts = DEPTHS[depth]
        block = Bottleneck if bottleneck else BasicBlock
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels = 64
        for number, count in enumerate(counts):
            planes = 64 << number
            blocks = []
            for index in range(count):
                stride = 2 if number > 0 and index == 0 else 1
                blocks.append(block(channels, planes, stride, stride_on))
                channels = planes * block.expansion
            setattr(self, f"layer{number + 1}", nn.Sequential(*blocks))
        head = []
        for width, kernel in zip(deconv_channels, deconv_kernels):
            padding, output_padding = DECONV_PADDING[kernel]
            head.append(nn.ConvTranspose2d(channels, width, kernel, 2, padding, output_padding, bias=deconv_bias))
            head.append(nn.BatchNorm2d(width))
            head.append(nn.ReLU())
            channels = width
        self.deconv_layers = nn.Sequential(*head)
        self.final_layer = nn.Conv2d(channels, keypoints, final_kernel, padding=final_kernel // 2)
        self.sigmoid = nn.Sigmoid() if output_activation == "sigmoid" else None

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        x = self.final_layer(self.deconv_layers(x))
        return self.sigmoid(x) if self.sigmoid else x


def intermediates(network, x):
    """Runs the network and returns (output, {name: output of the module of that name}), in order of execution.

    Named are the layers and the residual blocks, not the containers around them, whose output is that of their last layer.
    """
    seen = {}
    handles = []
    for name, module in network.named_modules():
        if name and not isinstance(module, nn.Sequential):
            handles.append(
                module.register_forward_hook(lambda _, __, output, name=name: seen.update({name: output.clone()}))
            )
    try:
        output = network(x)
    finally:
        for handle in handles:
            handle.remove()
    return output, seen
