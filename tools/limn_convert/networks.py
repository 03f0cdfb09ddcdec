"""Which tensors a network has. Each type of network is a function from the shapes that were found to a Network."""

import re
from typing import Dict, NamedTuple, Tuple

from . import ConvertError

Shape = Tuple[int, ...]


class Network(NamedTuple):
    document: Dict  # the model file's "network"
    keypoints: int
    shapes: Dict[str, Shape]  # every tensor it has, in the order of the layers

    def parameters(self):
        """What PyTorch counts: all but batch norm's running statistics."""
        return sum(_product(shape) for name, shape in self.shapes.items() if ".running_" not in name)


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


def pose_resnet(found, stride_on="3x3", output_activation="none"):
    """A ResNet, transposed convolutions of stride 2, a convolution to heatmaps (Microsoft, lib/models/pose_resnet.py).

    `found` maps tensor names to shapes. Depth, deconvolutions and keypoints come from it, the two options are not to
    be seen in a checkpoint.
    """
    depth, bottleneck, blocks = _resnet(found)
    if stride_on == "1x1" and not bottleneck:
        raise ConvertError("--stride-on 1x1 is for bottleneck blocks, from depth 50 on; this is a ResNet%d" % depth)
    deconvs, bias = _deconvs(found)
    keypoints, final_kernel = _final(found)

    shapes = {}

    def conv(name, *shape):
        shapes[name + ".weight"] = shape

    def batch_norm(name, channels):
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes["%s.%s" % (name, part)] = (channels,)

    conv("conv1", BASE_CHANNELS, 3, 7, 7)
    batch_norm("bn1", BASE_CHANNELS)
    channels = BASE_CHANNELS
    for layer, count in enumerate(blocks, 1):
        width = BASE_CHANNELS << (layer - 1)
        out = 4 * width if bottleneck else width
        for block in range(count):
            prefix = "layer%d.%d." % (layer, block)
            kernels = (1, 3, 1) if bottleneck else (3, 3)
            widths = (width, width, out) if bottleneck else (width, out)
            inputs = (channels,) + widths
            for i, kernel in enumerate(kernels):
                conv("%sconv%d" % (prefix, i + 1), widths[i], inputs[i], kernel, kernel)
                batch_norm("%sbn%d" % (prefix, i + 1), widths[i])
            if channels != out:  # in a layer's first block
                conv(prefix + "downsample.0", out, channels, 1, 1)
                batch_norm(prefix + "downsample.1", out)
            channels = out
    for i, (width, kernel) in enumerate(deconvs):
        conv("deconv_layers.%d" % (3 * i), channels, width, kernel, kernel)
        if bias:
            shapes["deconv_layers.%d.bias" % (3 * i)] = (width,)
        batch_norm("deconv_layers.%d" % (3 * i + 1), width)
        channels = width
    conv("final_layer", keypoints, channels, final_kernel, final_kernel)
    shapes["final_layer.bias"] = (keypoints,)

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
        "stride_on": stride_on,
        "output_activation": output_activation,
    }
    return Network(document, keypoints, shapes)


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
