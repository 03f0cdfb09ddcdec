#!/usr/bin/env python3
"""Makes a limn model file of a PyTorch checkpoint. Needs Python 3.9 and numpy, not PyTorch."""

import argparse
import os
import re
import sys

try:
    import numpy as np
except ImportError:
    sys.exit("convert.py: numpy is missing (on Debian: apt install python3-numpy, and run it with /usr/bin/python3)")

from limn_convert import ConvertError
from limn_convert.checkpoint import Checkpoint, state_dict
from limn_convert.families import FAMILIES, recognise, rename
from limn_convert.model_file import write_model
from limn_convert.networks import Choices, check_tensors
from limn_convert.skeletons import SKELETONS, fitting_skeleton, load_skeleton

# The settings of each decoder, with their defaults.
DECODERS = {
    "argmax": {},
    "quarter_offset": {"margin": 1},
    "dark": {"kernel": 11},
    "part_affinity": {"cmap_threshold": 0.1, "link_threshold": 0.1},
}

EPILOG = """\
What the checkpoint shows is found in it: depth, deconvolutions, number of keypoints. The rest comes from its family,
told by the tensor names, and from the options. Families: {families}.

--f16 halves the file: convolution weights are rounded to half precision. Biases and batch norm, less than 1 % of the
file, stay F32, since a running variance can lie outside of half's range.
"""


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="convert.py",
        description=__doc__,
        epilog=EPILOG.format(families=", ".join(family.name for family in FAMILIES)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("checkpoint", metavar="CHECKPOINT", help=".pth, .pt or .pth.tar from torch.save, or a .zip around one")
    add("output", metavar="OUT.safetensors", help="the model file to write")
    add("--keypoints", metavar="SET", help="%s or FILE.json (default: by their number)" % ", ".join(SKELETONS))
    add("--f16", action="store_true", help="store convolution weights in half precision")
    add("--name", help="the model's name (default: network, keypoints and input size)")

    group = parser.add_argument_group("what the network is fed (default: as its family)")
    add = group.add_argument
    add("--input", type=_size, metavar="HxW", help="input height x width, multiples of 32")
    add("--channels", choices=("rgb", "bgr"), help="order of the colour planes")
    values = _number(-1e6, 1e6)
    add("--mean", type=values, nargs=3, metavar="M", help="of each plane, in their order, for values from 0 to 1")
    add("--std", type=_number(1e-6, 1e6), nargs=3, metavar="S", help="likewise")
    add("--geometry", choices=("affine", "stretch", "letterbox"), help="how a person's box becomes the input")
    add("--padding", type=_number(1e-3, 1e3), metavar="P", help="factor by which the box is enlarged")
    add("--resample", choices=("bilinear", "nearest"))

    group = parser.add_argument_group("how its heatmaps are read (default: as its family)")
    add = group.add_argument
    add("--decoder", choices=tuple(DECODERS))
    pixels = _number(-1e4, 1e4)
    add("--offset", type=pixels, metavar="PIXELS", help="heatmap cell x stands for input pixel stride * x + PIXELS")
    cells = _number(0, 4096, int)
    add("--margin", type=cells, metavar="CELLS", help="quarter_offset: peaks this near to a border are not refined")
    add("--kernel", type=_odd, metavar="CELLS", help="dark: size of its Gaussian (default: 11)")
    threshold = _number(1e-6, 1e6)
    add("--cmap-threshold", type=threshold, metavar="T", help="part_affinity: least value of a peak")
    add("--link-threshold", type=threshold, metavar="T", help="part_affinity: least score of a link")

    group = parser.add_argument_group("what a checkpoint does not show of its network")
    add = group.add_argument
    add("--stride-on", choices=("3x3", "1x1"), default="3x3", help="1x1: caffe-style bottlenecks (default: 3x3)")
    add("--activation", choices=("none", "sigmoid"), help="after the last layer (default: as its family)")
    add("--inner-activation", choices=("relu", "none"), default="relu", help="after the others (default: relu)")

    group = parser.add_argument_group("where it comes from")
    add = group.add_argument
    add("--sha256", type=_hash(64), metavar="HEX", help="refuse a checkpoint with another hash")
    add("--sha1", type=_hash(40), metavar="HEX", help="likewise; in a .zip, the file inside counts too")
    add("--url", default="", help="where the checkpoint was published")
    add("--license", default="", help="its licence")
    add("--trained-on", default="", metavar="TEXT", help="the training data")
    add("--accuracy", nargs=3, action="append", default=[], metavar=("SET", "METRIC", "VALUE"), help="may be repeated")

    options = parser.parse_args(arguments)
    if options.keypoints not in SKELETONS and not (options.keypoints or ".json").endswith(".json"):
        parser.error("--keypoints: %s is neither %s nor a .json file" % (options.keypoints, ", ".join(SKELETONS)))
    try:
        options.accuracy = [{"set": s, "metric": m, "value": _number(-1e9, 1e9)(v)} for s, m, v in options.accuracy]
    except (ValueError, argparse.ArgumentTypeError):
        parser.error("--accuracy: VALUE must be a number")
    return options


def _size(text):
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    height, width = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 0 < height <= 16384 or not 0 < width <= 16384 or height % 32 or width % 32:
        raise argparse.ArgumentTypeError("%s is not HEIGHTxWIDTH in multiples of 32 up to 16384" % text)
    return height, width


def _number(smallest, largest, kind=float):
    """A type for argparse. The bounds are those within which limn accepts a model file."""

    def check(text):
        value = kind(text)
        if not smallest <= value <= largest:
            raise argparse.ArgumentTypeError("%s is not between %s and %s" % (text, smallest, largest))
        return value

    check.__name__ = "number"  # for argparse's "invalid number value"
    return check


def _odd(text):
    value = _number(3, 99, int)(text)
    if value % 2 == 0:
        raise argparse.ArgumentTypeError("%s is not odd" % text)
    return value


def _hash(digits):
    def check(text):
        if not re.fullmatch("[0-9a-fA-F]{%d}" % digits, text):
            raise argparse.ArgumentTypeError("%d hexadecimal digits expected" % digits)
        return text.lower()

    return check


def convert(options):
    """Does what the command line says and returns a line that tells it."""
    skeleton = options.keypoints
    if skeleton is not None:
        skeleton = SKELETONS.get(skeleton) or load_skeleton(skeleton)
    if os.path.exists(options.output) and os.path.samefile(options.checkpoint, options.output):
        raise ConvertError("the checkpoint and the file to write are the same")
    with open(options.checkpoint, "rb") as file:
        checkpoint = Checkpoint(file.read())
    for algorithm in ("sha256", "sha1"):
        if getattr(options, algorithm):
            checkpoint.check(algorithm, getattr(options, algorithm))
    tensors = state_dict(checkpoint.load())
    family = recognise(tensors)
    tensors, originals, unused = rename(family, tensors)
    tensors = {name: t for name, t in tensors.items() if not name.endswith(".num_batches_tracked")}
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    activation = options.activation or family.output_activation
    network = family.network(shapes, Choices(options.stride_on, activation, options.inner_activation))
    check_tensors(network.shapes, shapes, originals)
    own = SKELETONS.get(family.skeleton)
    if skeleton is None and own and network.keypoints == len(own.keypoints):
        skeleton = own
    skeleton = fitting_skeleton(skeleton, network.keypoints, network.links)

    document = make_document(options, family, network, skeleton, checkpoint.sha256)
    arrays = {name: read_values(originals[name], tensors[name], options.f16) for name in network.shapes}
    size = write_model(options.output, arrays, document)
    without = ", without %s, which nothing uses" % " and ".join(unused) if unused else ""
    return "%s: %s, %s %dx%d, %d parameters%s, %s, %d bytes (%s)" % (
        options.output,
        document["name"],
        document["input"]["channels"],
        document["input"]["height"],
        document["input"]["width"],
        network.parameters(),
        without,
        "F16" if options.f16 else "F32",
        size,
        family.name,
    )


def read_values(name, tensor, f16):
    """A tensor's values as they are stored: float32, or float16 for a kernel if wanted."""
    if not tensor.storage.type.is_float:
        raise ConvertError("tensor %s holds %s, floating-point numbers expected" % (name, tensor.storage.type.name))
    values = tensor.to_float32()
    if not np.isfinite(values).all():
        raise ConvertError("tensor %s has values that are NaN or infinite" % name)
    if name.endswith("running_var") and values.min() < 0:
        raise ConvertError("tensor %s, a variance, has negative values" % name)
    if not f16 or values.ndim != 4:
        return values
    with np.errstate(over="ignore"):
        halves = values.astype("<f2")
    if not np.isfinite(halves).all():
        raise ConvertError("tensor %s has values beyond half precision's 65504: convert without --f16" % name)
    return halves


def make_document(options, family, network, skeleton, sha256):
    """The JSON document of the model file: the family's defaults, overridden by the options."""
    height, width = options.input or family.size(network.keypoints)
    input_ = {"width": width, "height": height}
    input_.update(family.input)
    for key in family.input:
        if getattr(options, key) is not None:
            input_[key] = getattr(options, key)
    default_name = "%s_%s_%dx%d" % (network.name, skeleton.name, height, width)
    return {
        "version": 1,
        "name": options.name or default_name,
        "network": network.document,
        "input": input_,
        "decoder": make_decoder(options, network, family.decoder(network)),
        "keypoints": skeleton.keypoints,
        "links": skeleton.links,
        "flip_pairs": skeleton.flip_pairs,
        "source": {
            "url": options.url,
            "sha256": sha256,
            "license": options.license,
            "trained_on": options.trained_on,
        },
        "accuracy": options.accuracy,
    }


def make_decoder(options, network, default):
    """A decoder has a type, an offset, and the settings of its type."""
    kind = options.decoder or default["type"]
    if kind == "part_affinity" and network.links is None:
        raise ConvertError("--decoder part_affinity is for networks with part affinity fields")
    decoder = dict(default)
    if kind != default["type"]:
        decoder = {"type": kind, "offset": default["offset"], **DECODERS[kind]}
    if options.offset is not None:
        decoder["offset"] = options.offset
    for key in ("margin", "kernel", "cmap_threshold", "link_threshold"):
        given = getattr(options, key)
        if given is None:
            continue
        if key not in DECODERS[kind]:
            raise ConvertError("--%s does not apply to the decoder %s" % (key.replace("_", "-"), kind))
        decoder[key] = given
    return decoder


def main(arguments=None):
    options = parse(arguments)
    try:
        print(convert(options))
        return 0
    except ConvertError as error:
        problem = "%s: %s" % (error.file or options.checkpoint, error)
    except MemoryError:
        problem = "%s: not enough memory" % options.checkpoint
    except OSError as error:
        problem = "%s: %s" % (error.filename or options.checkpoint, error.strerror or error)
    printable = "".join(c if c.isprintable() else "?" for c in problem)  # it quotes names from the checkpoint
    print("convert.py: " + printable, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
