"""Which tensors a network has. Each type of network is a function from the shapes that were found to a Network."""

import re
from typing import Dict, NamedTuple, Optional, Tuple

from . import ConvertError

Shape = Tuple[int, ...]


class Network(NamedTuple):
    name: str  # for the model's default name
    document: Dict  # the model file's "network"
    keypoints: int
    stride: int  # input pixels per heatmap cell
    shapes: Dict[str, Shape]  # every tensor it has, in the order of the layers
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
BASE_CHANNELS = 64  # of the stem and of layer1's blocks; each further layer has twice as many
MAX_CHANNELS = 4096  # of a deconvolution, or keypoints: more is a damaged or hostile file
MAX_DECONVS = 5  # from 1/32 of the input's size back to all of it
MAX_FLAT_LAYERS = 16  # after each of trt_pose's deconvolutions


# ---- The families --------------------------------------------------------------------------------------------------


def pose_resnet(found, choices=Choices()):
    """A ResNet, transposed convolutions of stride 2, a convolution to heatmaps (Microsoft, lib/models/pose_resnet.py).

    `found` maps tensor names to shapes. Depth, deconvolutions, keypoints and normalisation come from it.
    """
    depth, bottleneck, blocks = _resnet(found)
    if choices.stride_on == "1x1" and not bottleneck:
        raise ConvertError("--stride-on 1x1 is for bottleneck blocks, from depth 50 on; this is a ResNet%d" % depth)
    deconvs, bias = _deconvs(found)
    keypoints, final_kernel = _final(found)
    tensors = Tensors(normalization_of(found))
    bias = bias and tensors.normalization != "bias"  # of every convolution then
    channels = tensors.resnet(bottleneck, blocks)
    for i, (width, kernel) in enumerate(deconvs):
        tensors.deconv_and_norm("deconv_layers.", 3 * i, channels, width, kernel, bias)
        channels = width
    tensors.conv("final_layer", channels, keypoints, final_kernel, bias=True)

    kernels = [kernel for _, kernel in deconvs]
    document = {
        "type": "pose_resnet",
        "depth": depth,
        "deconv": {
            "channels": [width for width, _ in deconvs],
            "kernel": kernels[0] if len(set(kernels)) == 1 else kernels,
            "bias": bias,
        },
        "final_kernel": final_kernel,
        "stride_on": choices.stride_on,
        "output_activation": choices.output_activation,
        **_style(tensors, choices),
    }
    return Network("pose_resnet%d" % depth, document, keypoints, 32 >> len(deconvs), tensors.shapes)


def hrnet(found, choices=Choices()):
    """Four branches of different resolution (leoxiaobin/deep-high-resolution-net.pytorch, lib/models/pose_hrnet.py)."""
    _only(choices, "an HRNet", stride_on="3x3", output_activation="none")
    name = "stage2.0.branches.0.0.conv1.weight"
    width = _count(name, _kernel_shape(found, name, (3,)), 0)
    keypoints, final_kernel = _final(found)
    tensors = Tensors(normalization_of(found))
    widths = [width << branch for branch in range(4)]

    tensors.conv_and_norm("conv1", "bn1", 3, BASE_CHANNELS, 3)
    tensors.conv_and_norm("conv2", "bn2", BASE_CHANNELS, BASE_CHANNELS, 3)
    channels = BASE_CHANNELS
    for block in range(4):
        channels = tensors.block("layer1.%d." % block, True, channels, BASE_CHANNELS)
    if channels != widths[0]:
        tensors.sequence("transition1.0.", channels, widths[0], 3)
    tensors.sequence("transition1.1.0.", channels, widths[1], 3)
    for stage, modules in ((2, 1), (3, 4), (4, 3)):
        if stage > 2:
            at = "transition%d.%d.0." % (stage - 1, stage - 1)
            tensors.sequence(at, widths[stage - 2], widths[stage - 1], 3)
        for module in range(modules):
            finest_only = stage == 4 and module == modules - 1
            _exchange(tensors, "stage%d.%d." % (stage, module), widths[:stage], finest_only)
    tensors.conv("final_layer", width, keypoints, final_kernel, bias=True)
    document = {
        "type": "hrnet",
        "width": width,
        "final_kernel": final_kernel,
        **_style(tensors, choices),
    }
    return Network("hrnet_w%d" % width, document, keypoints, 4, tensors.shapes)


def _style(tensors, choices):
    """What an ablation leaves out; nothing for the published networks."""
    style = {"normalization": tensors.normalization, "activation": choices.activation}
    usual = {"normalization": "batch_norm", "activation": "relu"}
    return {key: value for key, value in style.items() if value != usual[key]}


def _exchange(tensors, at, widths, finest_only):
    """A module of HRNet: four blocks in each branch, then each branch becomes a sum of all."""
    for branch, width in enumerate(widths):
        for block in range(4):
            tensors.block("%sbranches.%d.%d." % (at, branch, block), False, width, width)
    for to in range(1 if finest_only else len(widths)):
        for branch, width in enumerate(widths):
            name = "%sfuse_layers.%d.%d." % (at, to, branch)
            if branch > to:
                tensors.sequence(name, width, widths[to], 1)
            for step in range(branch, to):
                out = widths[to] if step == to - 1 else width
                tensors.sequence("%s%d." % (name, step - branch), width, out, 3)


def pose_resnet_or_hrnet(found, choices=Choices()):
    """For families that have both."""
    return (hrnet if any(name.startswith("stage2.") for name in found) else pose_resnet)(found, choices)


def cmap_paf(found, choices=Choices()):
    """A ResNet and two branches, to heatmaps and to part affinity fields (trt_pose, trt_pose/models/common.py)."""
    _only(choices, "a network of part affinity fields", **Choices()._asdict())
    depth, bottleneck, blocks = _resnet(found)
    attention = "cmap_att.weight" in found
    width, upsamples, flat_layers = _upsampling(found)
    keypoints = _count("cmap_conv.weight", _kernel_shape(found, "cmap_conv.weight", (1,)), 0)
    fields = _count("paf_conv.weight", _kernel_shape(found, "paf_conv.weight", (1,)), 0)
    if fields % 2 != 0:
        raise ConvertError("tensor paf_conv.weight makes %d maps, expected two for each link" % fields)

    tensors = Tensors()
    features = tensors.resnet(bottleneck, blocks)
    for branch, maps in (("cmap", keypoints), ("paf", fields)):
        channels, module = features, 0
        for _ in range(upsamples):
            tensors.deconv_and_norm(branch + "_up.", module, channels, width, 4, bias=True)
            channels, module = width, module + 3
            for _ in range(flat_layers):
                tensors.conv("%s_up.%d" % (branch, module), width, width, 3, bias=True)
                tensors.norm("%s_up.%d" % (branch, module + 1), width)
                module += 3
        if attention:
            tensors.conv(branch + "_att", width, width, 3, bias=True)
        tensors.conv(branch + "_conv", width, maps, 1, bias=True)
    document = {
        "type": "cmap_paf",
        "depth": depth,
        "upsample_channels": width,
        "upsamples": upsamples,
        "flat_layers": flat_layers,
        "attention": attention,
    }
    name = "cmap_paf_resnet%d" % depth
    return Network(name, document, keypoints, 32 >> upsamples, tensors.shapes, fields // 2)


# ---- The tensors of the parts --------------------------------------------------------------------------------------


class Tensors:
    """Collects names and shapes in the order of the layers. normalization: "batch_norm", "bias" or "none"."""

    def __init__(self, normalization="batch_norm"):
        self.shapes = {}
        self.normalization = normalization

    def conv(self, name, channels, out, kernel, bias=False):
        self.shapes[name + ".weight"] = (out, channels, kernel, kernel)
        if bias:
            self.shapes[name + ".bias"] = (out,)

    def norm(self, name, channels):
        if self.normalization == "batch_norm":
            for part in ("weight", "bias", "running_mean", "running_var"):
                self.shapes["%s.%s" % (name, part)] = (channels,)

    def conv_and_norm(self, conv, norm, channels, out, kernel):
        self.conv(conv, channels, out, kernel, bias=self.normalization == "bias")
        self.norm(norm, out)

    def deconv_and_norm(self, prefix, number, channels, out, kernel, bias):
        self.shapes["%s%d.weight" % (prefix, number)] = (channels, out, kernel, kernel)
        if bias or self.normalization == "bias":
            self.shapes["%s%d.bias" % (prefix, number)] = (out,)
        self.norm("%s%d" % (prefix, number + 1), out)

    def sequence(self, prefix, channels, out, kernel):
        self.conv_and_norm(prefix + "0", prefix + "1", channels, out, kernel)

    def block(self, prefix, bottleneck, channels, width):
        """A residual block; returns its output's channels. Where the size is halved, they also change."""
        out = 4 * width if bottleneck else width
        kernels = (1, 3, 1) if bottleneck else (3, 3)
        widths = (channels,) + ((width, width, out) if bottleneck else (width, out))
        for i, kernel in enumerate(kernels):
            conv, norm = "%sconv%d" % (prefix, i + 1), "%sbn%d" % (prefix, i + 1)
            self.conv_and_norm(conv, norm, widths[i], widths[i + 1], kernel)
        if channels != out:
            self.conv_and_norm(prefix + "downsample.0", prefix + "downsample.1", channels, out, 1)
        return out

    def resnet(self, bottleneck, blocks):
        """conv1 to layer4; returns the channels of its output."""
        self.conv_and_norm("conv1", "bn1", 3, BASE_CHANNELS, 7)
        channels = BASE_CHANNELS
        for layer, count in enumerate(blocks, 1):
            for block in range(count):
                prefix = "layer%d.%d." % (layer, block)
                channels = self.block(prefix, bottleneck, channels, BASE_CHANNELS << (layer - 1))
        return channels


# ---- What a checkpoint shows ---------------------------------------------------------------------------------------


def normalization_of(found):
    """Batch norm; without it a bias in each convolution (an export may have folded it so), or nothing."""
    if any(re.fullmatch(r"bn1\.\w+", name) for name in found):
        return "batch_norm"
    return "bias" if "conv1.bias" in found else "none"


def _resnet(found):
    """Depth, block type and blocks per layer, told by which blocks there are."""
    bottleneck = any(re.fullmatch(r"layer\d\.\d{1,3}\.conv3\.weight", name) for name in found)
    blocks = tuple(_last_index(found, "layer%d" % layer) + 1 for layer in (1, 2, 3, 4))
    for depth, kind in RESNETS.items():
        if kind == (bottleneck, blocks):
            return depth, bottleneck, blocks
    raise ConvertError(
        "%s blocks %d, %d, %d, %d make no ResNet of depth %s"
        % (("bottleneck" if bottleneck else "basic",) + blocks + (", ".join(map(str, RESNETS)),))
    )


def _last_index(found, module):
    """The highest n of the names that begin with `module.n.`; -1 if there are none."""
    matches = [re.match(module + r"\.(\d{1,3})\.", name) for name in found]
    return max((int(match[1]) for match in matches if match), default=-1)


def _deconvs(found):
    """[(channels, kernel), ...] and whether they have a bias. Each is three entries: itself, batch norm, ReLU."""
    count = max(_last_index(found, "deconv_layers"), 0) // 3 + 1
    if count > MAX_DECONVS:
        raise ConvertError("%d deconvolutions, at most %d are possible" % (count, MAX_DECONVS))
    deconvs = []
    for i in range(count):
        name = "deconv_layers.%d.weight" % (3 * i)
        shape = _kernel_shape(found, name, (2, 3, 4))
        deconvs.append((_count(name, shape, 1), shape[2]))
    return deconvs, any("deconv_layers.%d.bias" % (3 * i) in found for i in range(count))


def _upsampling(found):
    """Channels, deconvolutions and convolutions after each of trt_pose's branches, told by one of them."""
    kernels = {}
    for name, shape in found.items():
        match = re.fullmatch(r"cmap_up\.(\d{1,3})\.weight", name)
        if match and len(shape) == 4:
            kernels[int(match[1])] = shape[2]
    upsamples = sum(kernel == 4 for kernel in kernels.values())
    flat_layers, rest = divmod(len(kernels), upsamples or 1)
    if not 1 <= upsamples <= MAX_DECONVS or rest != 0 or flat_layers - 1 > MAX_FLAT_LAYERS:
        raise ConvertError(
            "%d deconvolutions of 4x4 among the %d convolutions of cmap_up, "
            "expected 1 to %d and an equal share of the others for each"
            % (upsamples, len(kernels), MAX_DECONVS)
        )
    name = "cmap_up.0.weight"
    return _count(name, _kernel_shape(found, name, (4,)), 1), upsamples, flat_layers - 1


def _final(found):
    name = "final_layer.weight"
    shape = _kernel_shape(found, name, (1, 3))
    return _count(name, shape, 0), shape[2]


def _kernel_shape(found, name, kernels):
    if name not in found:
        raise ConvertError("missing tensor %s" % name)
    shape = found[name]
    if len(shape) != 4 or shape[2] != shape[3] or shape[2] not in kernels:
        sizes = " or ".join("%dx%d" % (kernel, kernel) for kernel in kernels)
        raise ConvertError("tensor %s has shape %s, expected a kernel of %s" % (name, list(shape), sizes))
    return shape


def _count(name, shape, axis):
    if not 0 < shape[axis] <= MAX_CHANNELS:
        raise ConvertError("tensor %s has shape %s, expected 1 to %d channels" % (name, list(shape), MAX_CHANNELS))
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
