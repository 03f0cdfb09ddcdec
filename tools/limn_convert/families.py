"""The published families of networks: one row each. A new family is a new row, and a network type if it has its own."""

import re
from typing import Callable, Dict, List, NamedTuple, Tuple

from . import ConvertError
from .networks import pose_resnet


class Family(NamedTuple):
    name: str
    marks: List[str]  # how some of its tensor names begin, and of no other family all of these
    rename: List[Tuple[str, Callable]]  # the first pattern that matches a whole name makes limn's name of it
    network: Callable  # see networks.py
    input: Dict  # the document's "input", without size
    decoder: Dict  # the document's "decoder"
    size: Callable  # keypoints -> (height, width), where no --input says


def _imagenet(channels):
    """Mean and standard deviation in the order of the planes that are fed, whichever colours these are."""
    return {
        "channels": channels,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "geometry": "affine",
        "padding": 1.25,
        "resample": "bilinear",
    }


_UNIT = r"backbone\.stage(\d)\.unit(\d{1,3})\."

FAMILIES = [
    Family(
        # github.com/microsoft/human-pose-estimation.pytorch. It feeds OpenCV's BGR planes to statistics meant for RGB.
        name="Microsoft Simple Baselines",
        marks=["layer1.0.", "deconv_layers."],
        rename=[],
        network=pose_resnet,
        input=_imagenet("bgr"),
        decoder={"type": "quarter_offset", "offset": 0.0, "margin": 1},
        size=lambda keypoints: (256, 256) if keypoints == 16 else (256, 192),
    ),
    Family(
        # github.com/osmr/imgclsmob, pytorchcv's simplepose_coco.py and common.py (HeatmapMaxDetBlock: margin 0).
        name="imgclsmob simplepose",
        marks=["backbone.init_block.", "decoder.unit1."],
        rename=[
            (r"backbone\.init_block\.conv\.conv\.(\w+)", lambda m: "conv1." + m[1]),
            (r"backbone\.init_block\.conv\.bn\.(\w+)", lambda m: "bn1." + m[1]),
            (_UNIT + r"body\.conv(\d)\.conv\.(\w+)", lambda m: "%s.conv%s.%s" % (_block(m), m[3], m[4])),
            (_UNIT + r"body\.conv(\d)\.bn\.(\w+)", lambda m: "%s.bn%s.%s" % (_block(m), m[3], m[4])),
            (_UNIT + r"identity_conv\.conv\.(\w+)", lambda m: "%s.downsample.0.%s" % (_block(m), m[3])),
            (_UNIT + r"identity_conv\.bn\.(\w+)", lambda m: "%s.downsample.1.%s" % (_block(m), m[3])),
            (r"decoder\.unit(\d{1,3})\.conv\.(\w+)", lambda m: "deconv_layers.%d.%s" % (3 * int(m[1]) - 3, m[2])),
            (r"decoder\.unit(\d{1,3})\.bn\.(\w+)", lambda m: "deconv_layers.%d.%s" % (3 * int(m[1]) - 2, m[2])),
            (r"decoder\.final_block\.(\w+)", lambda m: "final_layer." + m[1]),
        ],
        network=pose_resnet,
        input=_imagenet("rgb"),
        decoder={"type": "quarter_offset", "offset": 0.0, "margin": 0},
        size=lambda keypoints: (256, 192),
    ),
]


def _block(match):
    """imgclsmob counts a stage's units from 1, PyTorch a layer's blocks from 0."""
    return "layer%s.%d" % (match[1], int(match[2]) - 1)


def recognise(tensors):
    """The family that these tensor names belong to."""
    for family in FAMILIES:
        if all(any(name.startswith(mark) for name in tensors) for mark in family.marks):
            return family
    raise ConvertError(
        "a network of no known family (%s): its tensors are named %s, ..."
        % ("; ".join(family.name for family in FAMILIES), ", ".join(list(tensors)[:3]))
    )


def rename(family, tensors):
    """({limn's name: tensor}, {limn's name: the checkpoint's}); a name that no rule knows stays as it is."""
    renamed, originals = {}, {}
    for original, tensor in tensors.items():
        name = original
        for pattern, make in family.rename:
            match = re.fullmatch(pattern, original)
            if match:
                name = make(match)
                break
        if name in renamed:
            raise ConvertError("tensors %s and %s are both %s" % (originals[name], original, name))
        renamed[name], originals[name] = tensor, original
    return renamed, originals
