#!/usr/bin/env python3
"""Makes a limn model file of a PyTorch checkpoint or an ONNX file.

Needs Python 3.9 and numpy, not PyTorch; for ONNX files also the package onnx.
"""

import argparse
import os
import re
import sys
from typing import Dict, List, NamedTuple, Optional, Tuple

# Where it is installed, a link of this name leads to it.
NAME = "limn-convert" if os.path.basename(sys.argv[0]) == "limn-convert" else "convert.py"

try:
    import numpy as np
except ImportError:
    sys.exit(NAME + ": numpy is missing (on Debian: apt install python3-numpy, and run it with /usr/bin/python3)")

from limn_convert import ConvertError
from limn_convert.checkpoint import Checkpoint, state_dict
from limn_convert.families import FAMILIES, Family, recognise, recognise_network, rename
from limn_convert.model_file import write_model
from limn_convert.networks import Choices, Network, check_tensors
from limn_convert.onnx_file import is_onnx, read_onnx
from limn_convert.onnx_match import match_network
from limn_convert.options import crop_factor, input_size, number
from limn_convert.skeletons import SKELETONS, fitting_skeleton, load_skeleton

# The settings of each decoder, with their defaults.
DECODERS = {
    "argmax": {},
    "quarter_offset": {"margin": 1},
    "dark": {"kernel": 11},
    "dark_udp": {"kernel": 11},
    "part_affinity": {"cmap_threshold": 0.1, "link_threshold": 0.1, "min_keypoints": 1},
    "center": {"threshold": 0.3, "max_people": 100, "iou": 0.6},
}

EPILOG = """\
What the checkpoint shows is found in it: depth, deconvolutions, number of keypoints. The rest comes from its family,
told by the tensor names, and from the options. Families: {families}.

A person detector (CenterNet) has no keypoints. Of one that finds COCO's 80 classes, the people are kept. One that has
a single class is taken for limn's own: if xingyizhou's code has trained it, say --channels bgr --input 512x512
--mean 0.40789654 0.44719302 0.47026115 --std 0.28863828 0.27408164 0.27809835.

An ONNX file (.onnx) is recognised by its layers and how they are connected, whatever they are named, with batch norm or
with batch norm folded into the convolutions. It shows its input size as well. Networks that it does not hold whole, or
that hold more, are refused with the first node that does not fit. It may not show whose Simple Baselines network it is:
then say --family. Person detectors must come as checkpoints.

--f16 halves the file: convolution weights are rounded to half precision. Biases and batch norm, less than 1 % of the
file, stay F32, since a running variance can lie outside of half's range.
"""


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog=NAME,
        description=__doc__,
        epilog=EPILOG.format(families=", ".join(family.name for family in FAMILIES)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("checkpoint", metavar="CHECKPOINT", help=".pth, .pt or .pth.tar from torch.save, a .zip around one, or .onnx")
    add("output", metavar="OUT.safetensors", help="the model file to write")
    add("--keypoints", metavar="SET", help="%s or FILE.json (default: by their number)" % ", ".join(SKELETONS))
    add("--f16", action="store_true", help="store convolution weights in half precision")
    add("--name", help="the model's name (default: network, keypoints, if any, and input size)")

    group = parser.add_argument_group("what the network is fed (default: as its family)")
    add = group.add_argument
    add("--input", type=input_size, metavar="HxW", help="input height x width, multiples of 32")
    add("--channels", choices=("rgb", "bgr"), help="order of the colour planes")
    values = number(-1e6, 1e6)
    add("--mean", type=values, nargs=3, metavar="M", help="of each plane, in their order, for values from 0 to 1")
    add("--std", type=number(1e-6, 1e6), nargs=3, metavar="S", help="likewise")
    add("--geometry", choices=("affine", "stretch", "letterbox", "udp"), help="how a person's box becomes the input")
    add("--padding", type=number(1e-3, 1e3), metavar="P", help="factor by which the box is enlarged")
    add("--crop", type=crop_factor, metavar="C", help="black: all outside of the box enlarged C times; 0: nothing")
    add("--resample", choices=("bilinear", "nearest"))

    group = parser.add_argument_group("how its heatmaps are read (default: as its family)")
    add = group.add_argument
    add("--decoder", choices=tuple(DECODERS))
    pixels = number(-1e4, 1e4)
    add("--offset", type=pixels, metavar="PIXELS", help="heatmap cell x stands for input pixel stride * x + PIXELS")
    cells = number(0, 4096, int)
    add("--margin", type=cells, metavar="CELLS", help="quarter_offset: peaks this near to a border are not refined")
    add("--kernel", type=_odd, metavar="CELLS", help="dark, dark_udp: size of its Gaussian (default: 11)")
    add("--draw-threshold", type=number(0, 1e6), metavar="SCORE", help="from which keypoints are drawn (default: 0.2)")
    threshold = number(1e-6, 1e6)
    add("--cmap-threshold", type=threshold, metavar="T", help="part_affinity: least value of a peak")
    add("--link-threshold", type=values, metavar="T", help="part_affinity: least score of a link")
    add("--min-keypoints", type=number(1, 4096, int), metavar="N", help="part_affinity: people with fewer are dropped")
    share = number(0, 1)
    add("--threshold", type=share, metavar="SCORE", help="center: least value of a peak (default: 0.3)")
    add("--iou", type=share, metavar="IOU", help="center: of boxes that overlap more, the best stays (default: 0.6)")
    add("--max-people", type=number(1, 4096, int), metavar="N", help="center: the best so many stay (default: 100)")

    group = parser.add_argument_group("what a checkpoint does not show of its network")
    add = group.add_argument
    add("--stride-on", choices=("3x3", "1x1"), help="1x1: caffe-style bottlenecks (default: 3x3)")
    add("--activation", choices=("none", "sigmoid"), help="after the last layer (default: as its family)")
    add("--inner-activation", choices=("relu", "none"), help="after the others (default: relu)")

    group = parser.add_argument_group("what an ONNX file may not show")
    add = group.add_argument
    known = [family.option for family in FAMILIES if family.option]
    add("--family", choices=known, help="who published it (default: told by structure or names)")

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
        options.accuracy = [{"set": s, "metric": m, "value": number(-1e9, 1e9)(v)} for s, m, v in options.accuracy]
    except (ValueError, argparse.ArgumentTypeError):
        parser.error("--accuracy: VALUE must be a number")
    return options


def _odd(text):
    value = number(3, 99, int)(text)
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
    read = read_graph if is_onnx(options.checkpoint, checkpoint.data) else read_tensors
    family, network, tensors, originals, unused, size = read(options, checkpoint)
    if network.keypoints:
        own = SKELETONS.get(family.skeleton)
        if skeleton is None and own and network.keypoints == len(own.keypoints):
            skeleton = own
        skeleton = fitting_skeleton(skeleton, network.keypoints, network.links)
    else:
        for key in ("keypoints", "crop"):
            if getattr(options, key) is not None:
                raise ConvertError("--%s does not apply to a person detector" % key)

    document = make_document(options, family, network, skeleton, size, checkpoint.sha256)
    arrays = {name: read_values(originals[name], tensors[name], options.f16) for name in network.shapes}
    written = write_model(options.output, arrays, document)
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
        written,
        family.name,
    )


class Found(NamedTuple):
    """What a file holds."""

    family: Family
    network: Network
    tensors: Dict  # limn's name: tensor
    originals: Dict[str, str]  # limn's name: the file's
    unused: List[str]  # names of tensors that the network does not use
    size: Optional[Tuple[int, int]] = None  # height and width of the input, where the file shows them


def read_tensors(options, checkpoint):
    """Of a PyTorch checkpoint."""
    if options.family:
        raise ConvertError("--family is for ONNX files; a checkpoint's tensor names tell it")
    tensors = state_dict(checkpoint.load())
    family = recognise(tensors)
    tensors, originals, unused = rename(family, tensors)
    tensors = {name: t for name, t in tensors.items() if not name.endswith(".num_batches_tracked")}
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    activation = options.activation or family.output_activation
    choices = Choices(options.stride_on or "3x3", activation, options.inner_activation or "relu")
    network = family.network(shapes, choices)
    check_tensors(network.shapes, shapes, originals)
    return Found(family, network, tensors, originals, unused)


def read_graph(options, checkpoint):
    """Of an ONNX file."""
    for key in ("stride_on", "activation", "inner_activation"):
        if getattr(options, key):
            raise ConvertError("--%s does not apply to an ONNX file, which shows it" % key.replace("_", "-"))
    graph = read_onnx(checkpoint.data)
    network, tensors, originals = match_network(graph)
    family = recognise_network(network, graph.names, options.family)
    if graph.size and not options.input and any(not 0 < extent <= 16384 or extent % 32 for extent in graph.size):
        raise ConvertError("its input is %dx%d, expected multiples of 32 up to 16384: say --input" % graph.size)
    return Found(family, network, tensors, originals, [], graph.size)


def read_values(name, tensor, f16):
    """A tensor's values as they are stored: float32, or float16 for a kernel if wanted."""
    if not tensor.is_float:
        raise ConvertError("tensor %s holds %s, floating-point numbers expected" % (name, tensor.type_name))
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


def make_document(options, family, network, skeleton, size, sha256):
    """The JSON document of the model file: the file's size, the family's defaults, both overridden by the options.

    skeleton: None for a person detector.
    """
    height, width = options.input or size or family.size(network.keypoints)
    input_ = {"width": width, "height": height}
    input_.update(family.input)
    for key in family.input:
        if getattr(options, key) is not None:
            input_[key] = getattr(options, key)
    if options.crop:
        input_["crop"] = options.crop
    default_name = "%s_%s_%dx%d" % (network.name, skeleton.name if skeleton else "people", height, width)
    document = {
        "version": 1,
        "name": options.name or default_name,
        "network": network.document,
        "input": input_,
        "decoder": make_decoder(options, network, family.decoder(network)),
    }
    if skeleton:
        document.update({key: getattr(skeleton, key) for key in ("keypoints", "links", "flip_pairs")})
    document["source"] = {
        "url": options.url,
        "sha256": sha256,
        "license": options.license,
        "trained_on": options.trained_on,
    }
    document["accuracy"] = options.accuracy
    return document


def make_decoder(options, network, default):
    """A decoder has a type, an offset, and the settings of its type."""
    kind = options.decoder or default["type"]
    if kind == "part_affinity" and network.links is None:
        raise ConvertError("--decoder part_affinity is for networks with part affinity fields")
    if (kind == "center") != (network.keypoints == 0):
        raise ConvertError("--decoder %s is for %s" % (kind, "person detectors" if network.keypoints else "keypoints"))
    decoder = dict(default)
    if kind != default["type"]:
        decoder = {"type": kind, "offset": default["offset"], **DECODERS[kind]}
    if options.offset is not None:
        decoder["offset"] = options.offset
    if options.draw_threshold is not None:
        if kind in ("part_affinity", "center"):
            raise ConvertError("--draw-threshold does not apply to the decoder %s" % kind)
        decoder["draw_threshold"] = options.draw_threshold
    for key in sorted({key for settings in DECODERS.values() for key in settings}):
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
    print("%s: %s" % (NAME, printable), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
