"""Networks to train: Simple Baselines' for keypoints, and for people the one of "Objects as Points". Their layers are
those that the converter knows (limn_convert/networks.py), with their names.

Sources: He et al., "Deep Residual Learning for Image Recognition"; Xiao et al., "Simple Baselines for Human Pose
Estimation and Tracking"; Zhou, Wang & Kraehenbuehl, "Objects as Points" (2019).
"""

import math

import torch
from torch import nn
from torch.nn import functional

from limn_convert import networks
from limn_convert.networks import BASE_CHANNELS, max_pool_kind


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


# kind of a layer without weights: what it does. What a ReLU overwrites, no other layer reads.
OPERATIONS = {
    "Relu": lambda x: functional.relu(x, inplace=True),
    "Add": torch.add,
    max_pool_kind("3x3", 2, 1): lambda x: functional.max_pool2d(x, 3, 2, 1),
    "Sigmoid": lambda x: x,  # of the loss's business
}


class Network(nn.Module):
    """The layers of a description (limn_convert's Network), and modules of their names for those that have weights.

    (N, 3, H, W) to maps (N, M, H / stride, W / stride), before their sigmoid if they have one; of several outputs the
    maps behind one another.
    """

    def __init__(self, description):
        super().__init__()
        self.outputs = description.outputs
        last_reader = {value: layer for layer in description.layers for value in layer.inputs}
        self.steps = []  # what is done, the values that go in and come out, those that nothing reads afterwards
        for layer in description.layers:
            convolution = layer.convolution
            operation = self._put(layer.name, _module(convolution)) if convolution else OPERATIONS[layer.kind]
            norm = self._put(layer.norm, nn.BatchNorm2d(convolution.out)) if layer.norm else None
            done = [value for value in set(layer.inputs) if last_reader[value] is layer]
            self.steps.append((operation, norm, layer.inputs, layer.output, done))

    def _put(self, name, module):
        """Adds a module, and those that the dots in its name stand for. Returns it."""
        *folders, last = name.split(".")
        parent = self
        for folder in folders:
            if not hasattr(parent, folder):
                parent.add_module(folder, nn.Module())
            parent = getattr(parent, folder)
        parent.add_module(last, module)
        return module

    def forward(self, x):
        values = {0: x}
        for operation, norm, inputs, output, done in self.steps:
            y = operation(*(values[value] for value in inputs))
            values[output] = norm(y) if norm else y
            for value in done:
                del values[value]
        outputs = [values[value] for value in self.outputs]
        return torch.cat(outputs, dim=1) if len(outputs) > 1 else outputs[0]


def _module(convolution):
    channels, out, kernel, stride, padding, bias, transposed, _ = convolution
    if transposed:  # see doublings()
        return Doubling(channels, out)
    return nn.Conv2d(channels, out, kernel, stride, padding, bias=bias)


class PoseResNet(Network):
    """To heatmaps. head: channels of the transposed convolutions. width: of conv1 and layer1."""

    def __init__(self, depth, keypoints, head=(256, 256, 256), width=BASE_CHANNELS):
        super().__init__(networks.PoseResNet(depth, width, doublings(head), keypoints).network())


class CenterNet(Network):
    """To five maps: a person's centre, before the sigmoid; width and height; the centre's offset from its cell in x and
    y. All in cells."""

    def __init__(self, depth, head=(128, 128), width=32):
        super().__init__(networks.CenterNet(depth, width, doublings(head)).network())


def doublings(head):
    return tuple((channels, 4) for channels in head)


HEADS = ("deconv_layers", "final_layer", "hm", "wh", "reg")
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
