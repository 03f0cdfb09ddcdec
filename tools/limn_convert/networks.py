"""Which layers and tensors a network has. Each type of network is a class of its options, which builds a Network.

This is Python's one description of them: the converter knows networks by it, and the trainer builds its own of it. That
limn's include/limn/models says the same is tested in tests/tools/families_test.py.

A checkpoint shows the options in its tensors' names and shapes: one function for each type. An ONNX file shows the
layers: onnx_match.py tries options until their layers are those.
"""

import re
from typing import Dict, List, NamedTuple, Optional, Tuple

from . import ConvertError

Shape = Tuple[int, ...]


class Convolution(NamedTuple):
    """Extents and strides are the same vertically and horizontally."""

    channels: int
    out: int
    kernel: int
    stride: int = 1
    padding: int = 0
    bias: bool = False
    transposed: bool = False
    output_padding: int = 0  # of a transposed one

    def weight_shape(self):
        first = (self.channels, self.out) if self.transposed else (self.out, self.channels)
        return first + (self.kernel, self.kernel)

    def kind(self):
        numbers = ("%dx%d" % (self.kernel, self.kernel), self.channels, self.out, self.stride, self.padding)
        return deconv_kind(*numbers, self.output_padding) if self.transposed else conv_kind(*numbers)


class Layer(NamedTuple):
    """One node of the network: what it does, and which values it takes and gives. Value 0 is the picture."""

    kind: str  # such as "Relu", "Conv 3x3, 64 to 128 channels, stride 2, padding 1": equal texts are equal layers
    name: str  # limn's
    inputs: Tuple[int, ...]
    output: int
    convolution: Optional[Convolution] = None
    norm: str = ""  # the batch norm after it, which is no layer of its own here


class Network(NamedTuple):
    name: str  # for the model's default name
    document: Dict  # the model file's "network"
    keypoints: int  # 0: it finds people's boxes
    stride: int  # input pixels per heatmap cell
    shapes: Dict[str, Shape]  # every tensor it has, in the order of the layers
    layers: List[Layer]  # in the order of execution
    outputs: Tuple[int, ...]  # values
    links: Optional[int] = None  # with a part affinity field each; None: the network has no such fields

    def parameters(self):
        """What PyTorch counts: all but batch norm's running statistics."""
        return sum(_product(shape) for name, shape in self.shapes.items() if ".running_" not in name)


class Choices(NamedTuple):
    """What is not to be seen in a checkpoint."""

    stride_on: str = "3x3"
    output_activation: str = "none"
    activation: str = "relu"


# depth: (has bottleneck blocks, blocks in each layer). He et al., "Deep Residual Learning", table 1.
RESNETS = {
    18: (False, (2, 2, 2, 2)),
    34: (False, (3, 4, 6, 3)),
    50: (True, (3, 4, 6, 3)),
    101: (True, (3, 4, 23, 3)),
    152: (True, (3, 8, 36, 3)),
}
BASE_CHANNELS = 64  # of the stem and of layer1's blocks, where it is no option; each further layer has twice as many

# Bounds of the options. limn refuses a model file with others (include/limn/model_file/network_document.hpp, and for
# keypoints and links document.hpp): they are a damaged or hostile file's.
WIDTHS = range(1, 4097)  # of a network's finest resolution
CHANNELS = range(1, 65537)  # of a deconvolution
DECONVS = range(1, 6)  # how many: from 1/32 of the input's size back to all of it
DECONV_KERNELS = (2, 3, 4)
FINAL_KERNELS = (1, 3)
FLAT_LAYERS = range(0, 17)  # after each of trt_pose's deconvolutions
KEYPOINTS = range(1, 4097)
LINKS = range(1, 4097)
BOUNDS = {
    "depth": tuple(RESNETS),
    "width": WIDTHS,
    "upsample_channels": CHANNELS,
    "upsamples": DECONVS,
    "flat_layers": FLAT_LAYERS,
    "head_channels": range(0, CHANNELS[-1] + 1),
    "final_kernel": FINAL_KERNELS,
    "keypoints": KEYPOINTS,
    "links": LINKS,
    "stride_on": ("3x3", "1x1"),
    "output_activation": ("none", "sigmoid"),
    "normalization": ("batch_norm", "bias", "none"),
    "activation": ("relu", "none"),
}


def check_options(options):
    """Raises ConvertError for an option that limn would refuse to read."""
    values = options._asdict()
    deconvs = values.pop("deconvs", None)
    for name, value in values.items():
        _check_option(name, value, BOUNDS.get(name, (False, True)))
    if deconvs is not None:
        _check_option("the number of deconvolutions", len(deconvs), DECONVS)
        for channels, kernel in deconvs:
            _check_option("a deconvolution's channels", channels, CHANNELS)
            _check_option("a deconvolution's kernel", kernel, DECONV_KERNELS)


def _check_option(name, value, bounds):
    if value not in bounds:
        raise ConvertError("%s would be %s, expected %s" % (name, value, _text_of(bounds)))


def _text_of(bounds):
    if isinstance(bounds, range):
        return "%d to %d" % (bounds[0], bounds[-1])
    return " or ".join(str(value) for value in bounds)


# ---- The families --------------------------------------------------------------------------------------------------


class PoseResNet(NamedTuple):
    """A ResNet, transposed convolutions of stride 2, a convolution to heatmaps (Microsoft, lib/models/pose_resnet.py).

    width: channels of conv1 and layer1. deconvs: (channels, kernel) each. deconv_bias: beside batch norm.
    """

    depth: int
    width: int
    deconvs: Tuple[Tuple[int, int], ...]
    keypoints: int
    final_kernel: int = 1
    deconv_bias: bool = False
    stride_on: str = "3x3"
    output_activation: str = "none"
    normalization: str = "batch_norm"
    activation: str = "relu"

    def network(self):
        check_options(self)
        layers = Layers(self.normalization, self.activation)
        bias = self.deconv_bias and self.normalization != "bias"  # of every convolution then
        x, channels = layers.resnet(0, *RESNETS[self.depth], self.width, self.stride_on)
        x, channels = layers.deconvs(x, channels, self.deconvs, bias)
        x = layers.conv(x, "final_layer", channels, self.keypoints, self.final_kernel, bias=True)
        if self.output_activation == "sigmoid":
            x = layers.add("Sigmoid", "sigmoid", x)

        document = {
            "type": "pose_resnet",
            "depth": self.depth,
            **_width_entry(self.width),
            "deconv": _deconv_entry(self.deconvs, bias),
            "final_kernel": self.final_kernel,
            "stride_on": self.stride_on,
            "output_activation": self.output_activation,
            **_style(self),
        }
        name, stride = "pose_resnet" + _resnet_name(self.depth, self.width), stride_after(len(self.deconvs))
        return Network(name, document, self.keypoints, stride, layers.shapes, layers.layers, (x,))


class CenterNet(NamedTuple):
    """A ResNet and deconvolutions as above, and a head for each kind of map, of people alone (Zhou et al., "Objects as
    Points"; xingyizhou/CenterNet, src/lib/models/networks/msra_resnet.py).

    convolutions: 3x3, with biases, one before each deconvolution. head_channels: of the 3x3 convolution with which a
    head begins; 0: it has none. offsets: whether there is a head for them.
    """

    depth: int
    width: int
    deconvs: Tuple[Tuple[int, int], ...]
    deconv_bias: bool = False
    convolutions: bool = False
    head_channels: int = 0
    offsets: bool = True
    normalization: str = "batch_norm"
    activation: str = "relu"

    def network(self):
        check_options(self)
        layers = Layers(self.normalization, self.activation)
        bias = self.deconv_bias and self.normalization != "bias"
        x, channels = layers.resnet(0, *RESNETS[self.depth], self.width)
        x, channels = layers.deconvs(x, channels, self.deconvs, bias, self.convolutions)
        heatmaps = layers.add("Sigmoid", "hm.sigmoid", self._head(layers, x, channels, "hm", 1))
        outputs = (heatmaps, self._head(layers, x, channels, "wh", 2))
        if self.offsets:
            outputs += (self._head(layers, x, channels, "reg", 2),)
        document = {
            "type": "center_net",
            "depth": self.depth,
            **_width_entry(self.width),
            "deconv": _deconv_entry(self.deconvs, bias),
            "convolutions": self.convolutions,
            "head_channels": self.head_channels,
            "offsets": self.offsets,
            **_style(self),
        }
        name, stride = "center_net_resnet" + _resnet_name(self.depth, self.width), stride_after(len(self.deconvs))
        return Network(name, document, 0, stride, layers.shapes, layers.layers, outputs)

    def _head(self, layers, x, channels, name, maps):
        if self.head_channels:
            x = layers.conv(x, name + ".0", channels, self.head_channels, 3, bias=True)
            x = layers.add("Relu", name + ".1", x)
            channels, name = self.head_channels, name + ".2"
        return layers.conv(x, name, channels, maps, 1, bias=True)


class HRNet(NamedTuple):
    """Four branches of different resolution (leoxiaobin/deep-high-resolution-net.pytorch, lib/models/pose_hrnet.py)."""

    width: int
    keypoints: int
    final_kernel: int = 1
    normalization: str = "batch_norm"
    activation: str = "relu"

    def network(self):
        check_options(self)
        layers = Layers(self.normalization, self.activation)
        widths = [self.width << branch for branch in range(4)]
        x = layers.conv_and_norm(0, "conv1", "bn1", 3, BASE_CHANNELS, 3, 2)
        x = layers.relu(x, "relu1")
        x = layers.conv_and_norm(x, "conv2", "bn2", BASE_CHANNELS, BASE_CHANNELS, 3, 2)
        x = layers.relu(x, "relu2")
        channels = BASE_CHANNELS
        for block in range(4):
            x, channels = layers.block(x, "layer1.%d" % block, True, channels, BASE_CHANNELS)
        same = channels == widths[0]
        branches = [
            x if same else layers.sequence(x, "transition1.0", channels, widths[0], 1),
            layers.sequence(x, "transition1.1.0", channels, widths[1], 2),
        ]
        for stage, modules in ((2, 1), (3, 4), (4, 3)):
            if stage > 2:
                at = "transition%d.%d.0" % (stage - 1, stage - 1)
                branches.append(layers.sequence(branches[-1], at, widths[stage - 2], widths[stage - 1], 2))
            for module in range(modules):
                finest_only = stage == 4 and module == modules - 1
                branches = _exchange(layers, "stage%d.%d" % (stage, module), branches, widths, finest_only)
        x = layers.conv(branches[0], "final_layer", self.width, self.keypoints, self.final_kernel, bias=True)
        document = {
            "type": "hrnet",
            "width": self.width,
            "final_kernel": self.final_kernel,
            **_style(self),
        }
        return Network("hrnet_w%d" % self.width, document, self.keypoints, 4, layers.shapes, layers.layers, (x,))


def stride_after(deconvs):
    """Input pixels per heatmap cell: a ResNet halves five times, each deconvolution doubles."""
    return 32 >> deconvs


def _resnet_name(depth, width):
    return "%d" % depth if width == BASE_CHANNELS else "%d_w%d" % (depth, width)


def _width_entry(width):
    """Left out where it is the usual one."""
    return {} if width == BASE_CHANNELS else {"width": width}


def _deconv_entry(deconvs, bias):
    kernels = [kernel for _, kernel in deconvs]
    return {
        "channels": [width for width, _ in deconvs],
        "kernel": kernels[0] if len(set(kernels)) == 1 else kernels,
        "bias": bias,
    }


def _style(options):
    """What an ablation leaves out; nothing for the published networks."""
    usual = {"normalization": "batch_norm", "activation": "relu"}
    return {key: getattr(options, key) for key, value in usual.items() if getattr(options, key) != value}


def _exchange(layers, at, branches, widths, finest_only):
    """A module of HRNet: four blocks in each branch, then each branch becomes a sum of all."""
    branches = list(branches)
    for branch, width in enumerate(widths[: len(branches)]):
        for block in range(4):
            name = "%s.branches.%d.%d" % (at, branch, block)
            branches[branch], _ = layers.block(branches[branch], name, False, width, width)
    fused = []
    for to in range(1 if finest_only else len(branches)):
        for branch, x in enumerate(branches):
            name = "%s.fuse_layers.%d.%d" % (at, to, branch)
            if branch > to:
                x = layers.conv_and_norm(x, name + ".0", name + ".1", widths[branch], widths[to], 1)
                x = layers.add(upsample_kind(1 << (branch - to)), name + ".2", x)
            for step in range(branch, to):
                last = step == to - 1
                out = widths[to] if last else widths[branch]
                x = layers.sequence(x, "%s.%d" % (name, step - branch), widths[branch], out, 2, relu=not last)
            fuse = "%s.fuse_layers.%d" % (at, to)
            sum_name = "%s.sum%d" % (fuse, branch)
            if branch == 0:
                total = x
            elif branch + 1 < len(branches):
                total = layers.add("Add", sum_name, total, x)
            else:
                fused.append(layers.add_and_activate(fuse, sum_name, total, x))
    return fused


class CmapPaf(NamedTuple):
    """A ResNet and two branches, to heatmaps and to part affinity fields (trt_pose, trt_pose/models/common.py).

    It always has batch norm, and biases in its branches beside that.
    """

    depth: int
    keypoints: int
    links: int  # each has a field of two maps
    upsample_channels: int = 256
    upsamples: int = 3
    flat_layers: int = 0
    attention: bool = True

    def network(self):
        check_options(self)
        layers = Layers()
        features, channels = layers.resnet(0, *RESNETS[self.depth], BASE_CHANNELS)
        outputs = (
            self._branch(layers, features, channels, "cmap", "Sigmoid", self.keypoints),
            self._branch(layers, features, channels, "paf", "Tanh", 2 * self.links),
        )
        document = {
            "type": "cmap_paf",
            "depth": self.depth,
            "upsample_channels": self.upsample_channels,
            "upsamples": self.upsamples,
            "flat_layers": self.flat_layers,
            "attention": self.attention,
        }
        name, stride = "cmap_paf_resnet%d" % self.depth, stride_after(self.upsamples)
        return Network(name, document, self.keypoints, stride, layers.shapes, layers.layers, outputs, self.links)

    def _branch(self, layers, x, channels, branch, weighing, maps):
        width, up, module = self.upsample_channels, branch + "_up.", 0
        for _ in range(self.upsamples):
            x = layers.deconv_and_norm(x, up, module, channels, width, 4, bias=True)
            x = layers.relu(x, "%s%d" % (up, module + 2))
            channels, module = width, module + 3
            for _ in range(self.flat_layers):
                names = ("%s%d" % (up, module), "%s%d" % (up, module + 1))
                x = layers.conv_and_norm(x, *names, width, width, 3, bias=True)
                x = layers.relu(x, "%s%d" % (up, module + 2))
                module += 3
        if self.attention:
            name = branch + "_att"
            weight = layers.conv(x, name, width, width, 3, bias=True)
            weight = layers.add(weighing, "%s.%s" % (name, weighing.lower()), weight)
            x = layers.add("Mul", name + ".multiply", x, weight)
        return layers.conv(x, branch + "_conv", width, maps, 1, bias=True)


# ---- The layers of the parts ---------------------------------------------------------------------------------------


def conv_kind(kernel, channels, out, stride, padding):
    return "Conv %s, %s to %s channels, stride %s, padding %s" % (kernel, channels, out, stride, padding)


def deconv_kind(kernel, channels, out, stride, padding, output_padding):
    text = "ConvTranspose %s, %s to %s channels, stride %s, padding %s, output padding %s"
    return text % (kernel, channels, out, stride, padding, output_padding)


def max_pool_kind(kernel, stride, padding):
    return "MaxPool %s, stride %s, padding %s" % (kernel, stride, padding)


def upsample_kind(factor):
    return "nearest upsampling by %s" % factor


# kernel of a transposed convolution of stride 2: (padding, output padding) that double the size exactly (Microsoft,
# _get_deconv_cfg)
DECONV_PADDING = {4: (1, 0), 3: (1, 1), 2: (0, 0)}


class Layers:
    """Collects layers, and the names and shapes of their tensors, in the order of execution.

    normalization: "batch_norm", "bias" or "none". activation: "relu" or "none". Methods take values and return them.
    """

    def __init__(self, normalization="batch_norm", activation="relu"):
        self.shapes = {}
        self.layers = []
        self.normalization = normalization
        self.activation = activation

    def add(self, kind, name, *inputs, convolution=None, norm=""):
        self.layers.append(Layer(kind, name, inputs, len(self.layers) + 1, convolution, norm))
        return len(self.layers)

    def convolve(self, x, name, convolution, norm=""):
        """A convolution and, unless the normalization says otherwise, its batch norm, which has the name `norm`."""
        if norm and self.normalization == "bias":
            convolution = convolution._replace(bias=True)
        if self.normalization != "batch_norm":
            norm = ""
        self.shapes[name + ".weight"] = convolution.weight_shape()
        if convolution.bias:
            self.shapes[name + ".bias"] = (convolution.out,)
        if norm:
            for part in ("weight", "bias", "running_mean", "running_var"):
                self.shapes["%s.%s" % (norm, part)] = (convolution.out,)
        return self.add(convolution.kind(), name, x, convolution=convolution, norm=norm)

    def conv(self, x, name, channels, out, kernel, bias):
        return self.convolve(x, name, Convolution(channels, out, kernel, 1, kernel // 2, bias))

    def relu(self, x, name):
        return self.add("Relu", name, x) if self.activation == "relu" else x

    def add_and_activate(self, name, sum_name, x, y):
        """The ReLU of a sum, or the sum alone, under `name`."""
        if self.activation != "relu":
            return self.add("Add", name, x, y)
        return self.relu(self.add("Add", sum_name, x, y), name)

    def conv_and_norm(self, x, conv, norm, channels, out, kernel, stride=1, bias=False):
        return self.convolve(x, conv, Convolution(channels, out, kernel, stride, kernel // 2, bias), norm)

    def deconv_and_norm(self, x, prefix, number, channels, out, kernel, bias):
        padding, extra = DECONV_PADDING[kernel]
        doubling = Convolution(channels, out, kernel, 2, padding, bias, True, extra)
        return self.convolve(x, "%s%d" % (prefix, number), doubling, "%s%d" % (prefix, number + 1))

    def deconvs(self, x, channels, deconvs, bias, convolutions=False):
        """Transposed convolutions, (channels, kernel) each; returns the last one's output and its channels."""
        for i, (width, kernel) in enumerate(deconvs):
            if convolutions:
                names = ("conv_layers.%d" % (3 * i), "conv_layers.%d" % (3 * i + 1))
                x = self.conv_and_norm(x, *names, channels, width, 3, bias=True)
                x = self.relu(x, "conv_layers.%d" % (3 * i + 2))
                channels = width
            x = self.deconv_and_norm(x, "deconv_layers.", 3 * i, channels, width, kernel, bias)
            x = self.relu(x, "deconv_layers.%d" % (3 * i + 2))
            channels = width
        return x, channels

    def sequence(self, x, name, channels, out, stride, relu=True):
        x = self.conv_and_norm(x, name + ".0", name + ".1", channels, out, 3, stride)
        return self.relu(x, name + ".2") if relu else x

    def block(self, x, name, bottleneck, channels, width, stride=1, stride_on="3x3"):
        """A residual block; returns its output and that one's channels. Where the size is halved, they also change."""
        out = 4 * width if bottleneck else width
        kernels = (1, 3, 1) if bottleneck else (3, 3)
        widths = (channels,) + ((width, width, out) if bottleneck else (width, out))
        strides = [1] * len(kernels)
        strides[1 if bottleneck and stride_on == "3x3" else 0] = stride
        branch = x
        for i, kernel in enumerate(kernels):
            conv, norm = "%s.conv%d" % (name, i + 1), "%s.bn%d" % (name, i + 1)
            branch = self.conv_and_norm(branch, conv, norm, widths[i], widths[i + 1], kernel, strides[i])
            if i + 1 < len(kernels):
                branch = self.relu(branch, "%s.relu%d" % (name, i + 1))
        if channels != out:
            x = self.conv_and_norm(x, name + ".downsample.0", name + ".downsample.1", channels, out, 1, stride)
        return self.add_and_activate(name, name + ".add", branch, x), out

    def resnet(self, x, bottleneck, blocks, width, stride_on="3x3"):
        """conv1 to layer4; returns its output and that one's channels. width: of conv1 and layer1."""
        x = self.conv_and_norm(x, "conv1", "bn1", 3, width, 7, 2)
        x = self.add(max_pool_kind("3x3", 2, 1), "maxpool", self.relu(x, "relu"))
        channels = width
        for layer, count in enumerate(blocks, 1):
            for block in range(count):
                name, planes = "layer%d.%d" % (layer, block), width << (layer - 1)
                stride = 2 if layer > 1 and block == 0 else 1
                x, channels = self.block(x, name, bottleneck, channels, planes, stride, stride_on)
        return x, channels


# ---- What a checkpoint shows ---------------------------------------------------------------------------------------


def pose_resnet(found, choices=Choices()):
    """`found` maps tensor names to shapes. Depth, widths, deconvolutions, keypoints, normalisation come from it."""
    depth = _resnet(found)
    if choices.stride_on == "1x1" and not RESNETS[depth][0]:
        raise ConvertError("--stride-on 1x1 is for bottleneck blocks, from depth 50 on; this is a ResNet%d" % depth)
    deconvs, bias = _deconvs(found)
    keypoints, kernel = _final(found)
    normalization = normalization_of(found)
    options = PoseResNet(depth, _width(found), deconvs, keypoints, kernel, bias, normalization=normalization)
    return options._replace(**choices._asdict()).network()


def center_net(found, choices=Choices()):
    """Likewise."""
    _only(choices, "a CenterNet", stride_on="3x3", output_activation="none")
    depth = _resnet(found)
    deconvs, bias = _deconvs(found)
    convolutions = any(name.startswith("conv_layers.") for name in found)
    offsets = any(name.startswith("reg.") for name in found)
    head_channels, name = 0, "hm.0.weight"
    if name in found:
        head_channels = _count(name, _kernel_shape(found, name, (3,)), 0, CHANNELS)
    options = CenterNet(depth, _width(found), deconvs, bias, convolutions, head_channels, offsets)
    return options._replace(normalization=normalization_of(found), activation=choices.activation).network()


def hrnet(found, choices=Choices()):
    """Likewise."""
    _only(choices, "an HRNet", stride_on="3x3", output_activation="none")
    name = "stage2.0.branches.0.0.conv1.weight"
    width = _count(name, _kernel_shape(found, name, (3,)), 0, WIDTHS)
    return HRNet(width, *_final(found), normalization_of(found), choices.activation).network()


def pose_resnet_or_hrnet(found, choices=Choices()):
    """For families that have both."""
    return (hrnet if any(name.startswith("stage2.") for name in found) else pose_resnet)(found, choices)


def cmap_paf(found, choices=Choices()):
    """Likewise."""
    _only(choices, "a network of part affinity fields", **Choices()._asdict())
    depth = _resnet(found)
    width, upsamples, flat_layers = _upsampling(found)
    keypoints = _count("cmap_conv.weight", _kernel_shape(found, "cmap_conv.weight", (1,)), 0, KEYPOINTS)
    maps = _count("paf_conv.weight", _kernel_shape(found, "paf_conv.weight", (1,)), 0, range(1, 2 * LINKS[-1] + 1))
    if maps % 2 != 0:
        raise ConvertError("tensor paf_conv.weight makes %d maps, expected two for each link" % maps)
    attention = "cmap_att.weight" in found
    return CmapPaf(depth, keypoints, maps // 2, width, upsamples, flat_layers, attention).network()


def normalization_of(found):
    """Batch norm; without it a bias in each convolution (an export may have folded it so), or nothing."""
    if any(re.fullmatch(r"bn1\.\w+", name) for name in found):
        return "batch_norm"
    return "bias" if "conv1.bias" in found else "none"


def _resnet(found):
    """The depth, told by which blocks there are."""
    bottleneck = any(re.fullmatch(r"layer\d\.\d{1,3}\.conv3\.weight", name) for name in found)
    blocks = tuple(_last_index(found, "layer%d" % layer) + 1 for layer in (1, 2, 3, 4))
    for depth, kind in RESNETS.items():
        if kind == (bottleneck, blocks):
            return depth
    raise ConvertError(
        "%s blocks %d, %d, %d, %d make no ResNet of depth %s"
        % (("bottleneck" if bottleneck else "basic",) + blocks + (", ".join(map(str, RESNETS)),))
    )


def _width(found):
    name = "conv1.weight"
    return _count(name, _kernel_shape(found, name, (7,)), 0, WIDTHS)


def _last_index(found, module):
    """The highest n of the names that begin with `module.n.`; -1 if there are none."""
    matches = [re.match(module + r"\.(\d{1,3})\.", name) for name in found]
    return max((int(match[1]) for match in matches if match), default=-1)


def _deconvs(found):
    """[(channels, kernel), ...] and whether they have a bias. Each is three entries: itself, batch norm, ReLU."""
    count = max(_last_index(found, "deconv_layers"), 0) // 3 + 1
    if count not in DECONVS:
        raise ConvertError("%d deconvolutions, expected %s" % (count, _text_of(DECONVS)))
    deconvs = []
    for i in range(count):
        name = "deconv_layers.%d.weight" % (3 * i)
        shape = _kernel_shape(found, name, DECONV_KERNELS)
        deconvs.append((_count(name, shape, 1, CHANNELS), shape[2]))
    return tuple(deconvs), any("deconv_layers.%d.bias" % (3 * i) in found for i in range(count))


def _upsampling(found):
    """Channels, deconvolutions and convolutions after each of trt_pose's branches, told by one of them."""
    kernels = {}
    for name, shape in found.items():
        match = re.fullmatch(r"cmap_up\.(\d{1,3})\.weight", name)
        if match and len(shape) == 4:
            kernels[int(match[1])] = shape[2]
    upsamples = sum(kernel == 4 for kernel in kernels.values())
    flat_layers, rest = divmod(len(kernels), upsamples or 1)
    if upsamples not in DECONVS or rest != 0 or flat_layers - 1 not in FLAT_LAYERS:
        raise ConvertError(
            "%d deconvolutions of 4x4 among the %d convolutions of cmap_up, "
            "expected %s and an equal share of the others for each, %s"
            % (upsamples, len(kernels), _text_of(DECONVS), _text_of(FLAT_LAYERS))
        )
    name = "cmap_up.0.weight"
    return _count(name, _kernel_shape(found, name, (4,)), 1, CHANNELS), upsamples, flat_layers - 1


def _final(found):
    name = "final_layer.weight"
    shape = _kernel_shape(found, name, FINAL_KERNELS)
    return _count(name, shape, 0, KEYPOINTS), shape[2]


def _kernel_shape(found, name, kernels):
    if name not in found:
        raise ConvertError("missing tensor %s" % name)
    shape = found[name]
    if len(shape) != 4 or shape[2] != shape[3] or shape[2] not in kernels:
        sizes = " or ".join("%dx%d" % (kernel, kernel) for kernel in kernels)
        raise ConvertError("tensor %s has shape %s, expected a kernel of %s" % (name, list(shape), sizes))
    return shape


def _count(name, shape, axis, bounds):
    if shape[axis] not in bounds:
        raise ConvertError("tensor %s has shape %s, expected %s channels" % (name, list(shape), _text_of(bounds)))
    return shape[axis]


def _only(choices, network, **allowed):
    """Refuses a choice that the network does not have."""
    for name, value in allowed.items():
        if getattr(choices, name) != value:
            option = {"stride_on": "--stride-on", "output_activation": "--activation"}.get(name, "--inner-activation")
            raise ConvertError("%s %s does not apply to %s" % (option, getattr(choices, name), network))


# ---- Comparison ----------------------------------------------------------------------------------------------------


def check_tensors(expected, found, originals):
    """Raises one error that names what is missing, unknown or of another shape. `originals`: the checkpoint's names."""

    def called(name):
        original = originals.get(name, name)
        return name if original == name else "%s (%s)" % (original, name)

    problems = []
    missing = [name for name in expected if name not in found]
    if missing:
        problems.append("missing tensor %s%s" % (missing[0], _and_more(missing)))
    unknown = [name for name in found if name not in expected]
    if unknown:
        problems.append("unknown tensor %s%s" % (called(unknown[0]), _and_more(unknown)))
    wrong = [name for name in expected if name in found and tuple(found[name]) != tuple(expected[name])]
    if wrong:
        shapes = (list(found[wrong[0]]), list(expected[wrong[0]]))
        problems.append("tensor %s has shape %s, expected %s%s" % ((called(wrong[0]),) + shapes + (_and_more(wrong),)))
    if problems:
        raise ConvertError("; ".join(problems))


def _and_more(names):
    return " and %d more" % (len(names) - 1) if len(names) > 1 else ""


def _product(shape):
    result = 1
    for extent in shape:
        result *= extent
    return result
