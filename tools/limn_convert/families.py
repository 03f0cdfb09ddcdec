"""The published families of networks: one row each. A new family is a new row, and a network type if it has its own."""

import re
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

from . import ConvertError
from .networks import cmap_paf, hrnet, pose_resnet, pose_resnet_or_hrnet


class Family(NamedTuple):
    name: str
    marks: List[str]  # how some of its tensor names begin, and of no other family before it all of these
    network: Callable  # see networks.py
    input: Dict  # the document's "input", without size
    decoder: Callable  # network -> the document's "decoder"
    size: Callable  # keypoints -> (height, width), where no --input says
    rename: List[Tuple[str, Callable]] = []  # the first pattern that matches a whole name makes limn's name of it
    unused: Optional[str] = None  # pattern of whole names that the checkpoint has and the network does not use
    skeleton: Optional[str] = None  # the keypoint set, where the number of keypoints does not tell it
    output_activation: str = "none"
    option: str = ""  # --family's name for it
    types: Tuple[str, ...] = ("pose_resnet",)  # of networks
    head: str = r"(?!)"  # how names of the head begin, some of which an ONNX file keeps when the rest is folded


def _imagenet(channels, geometry="affine", resample="bilinear"):
    """Mean and standard deviation in the order of the planes that are fed, whichever colours these are."""
    return {
        "channels": channels,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "geometry": geometry,
        "padding": 1.25,
        "resample": resample,
    }


def _quarter_offset(margin):
    return lambda network: {"type": "quarter_offset", "offset": 0.0, "margin": margin}


def _part_affinity(network):
    """trt_pose's defaults (trt_pose/parse_objects.py); it places a cell's centre at (cell + 0.5) / width."""
    return {
        "type": "part_affinity",
        "offset": network.stride / 2,
        "cmap_threshold": 0.1,
        "link_threshold": 0.1,
        "window": 5,
        "samples": 7,
        "max_peaks": 100,
        "max_objects": 100,
        "min_keypoints": 1,
    }


def _coco_or_mpii_size(keypoints):
    return (256, 256) if keypoints == 16 else (256, 192)


def _prefixes(prefixes):
    """Rules that drop what a name begins with; prefixes: {pattern: what is put instead}."""
    return [(pattern + r"(.+)", lambda m, new=new: new + m[m.lastindex]) for pattern, new in prefixes.items()]


_UNIT = r"backbone\.stage(\d)\.unit(\d{1,3})\."

FAMILIES = [
    Family(
        # github.com/NVIDIA-AI-IOT/trt_pose, and dusty-nv's Pose-ResNet18-Body. trt_pose's evaluation and
        # jetson-inference both stretch the whole frame and take the nearest pixel.
        name="trt_pose",
        marks=["0.resnet.layer1.", "1.cmap_conv."],
        rename=[
            (r"1\.(cmap|paf)_conv\.0\.(.+)", lambda m: "%s_up.%s" % (m[1], m[2])),  # without attention
            (r"1\.(cmap|paf)_conv\.1\.(.+)", lambda m: "%s_conv.%s" % (m[1], m[2])),
        ]
        + _prefixes({r"0\.resnet\.": "", r"1\.": ""}),
        unused=r"0\.resnet\.fc\.(weight|bias)",
        network=cmap_paf,
        input=_imagenet("rgb", "stretch", "nearest"),
        decoder=_part_affinity,
        size=lambda keypoints: (224, 224),
        option="trt_pose",
        types=("cmap_paf",),
    ),
    Family(
        # github.com/smolboii/single-person-pose-estimation: trained on LIP, fed OpenCV's BGR planes, whole pictures.
        name="LIP single-person",
        marks=["resnet_backbone.4.", "heatmap_out.0."],
        rename=[
            (r"resnet_backbone\.([4567])\.(.+)", lambda m: "layer%d.%s" % (int(m[1]) - 3, m[2])),
        ]
        + _prefixes(
            {
                r"resnet_backbone\.0\.": "conv1.",
                r"resnet_backbone\.1\.": "bn1.",
                r"deconv\.": "deconv_layers.",
                r"heatmap_out\.0\.": "final_layer.",
            }
        ),
        network=pose_resnet,
        input=_imagenet("bgr", "stretch"),
        decoder=lambda network: {"type": "argmax", "offset": 0.0},
        size=lambda keypoints: (256, 256),
        skeleton="lip16",
        output_activation="sigmoid",
        option="lip",
        head=r"heatmap_out\.",
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
        decoder=_quarter_offset(0),
        size=lambda keypoints: (256, 192),
        option="imgclsmob",
        head=r"decoder\.(unit\d|final_block)\.",
    ),
    Family(
        # github.com/open-mmlab/mmpose, configs topdown_heatmap of its versions 0.x: ResNet and HRNet.
        name="mmpose 0.x",
        marks=["backbone.layer1.", "keypoint_head."],
        rename=_prefixes({r"backbone\.": "", r"keypoint_head\.": ""}),
        network=pose_resnet_or_hrnet,
        input=_imagenet("rgb"),
        decoder=_quarter_offset(1),
        size=_coco_or_mpii_size,
        option="mmpose",
        types=("pose_resnet", "hrnet"),
        head=r"(keypoint_head|head)\.(deconv_layers|final_layer)\.",
    ),
    Family(
        # The same from 1.0 on. Its data_preprocessor holds mean and standard deviation, which are ImageNet's.
        name="mmpose 1.x",
        marks=["backbone.layer1.", "head.final_layer."],
        rename=_prefixes({r"backbone\.": "", r"head\.": ""}),
        unused=r"data_preprocessor\.(mean|std)",
        network=pose_resnet_or_hrnet,
        input=_imagenet("rgb"),
        decoder=_quarter_offset(1),
        size=_coco_or_mpii_size,
    ),
    Family(
        # github.com/leoxiaobin/deep-high-resolution-net.pytorch. Its configurations say COLOR_RGB: true.
        name="HRNet",
        marks=["transition1.1.0.", "stage2.0.branches."],
        network=hrnet,
        input=_imagenet("rgb"),
        decoder=_quarter_offset(1),
        size=_coco_or_mpii_size,
        option="hrnet",
        types=("hrnet",),
    ),
    Family(
        # github.com/microsoft/human-pose-estimation.pytorch. It feeds OpenCV's BGR planes to statistics meant for RGB.
        name="Microsoft Simple Baselines",
        marks=["layer1.0.", "deconv_layers."],
        network=pose_resnet,
        input=_imagenet("bgr"),
        decoder=_quarter_offset(1),
        size=_coco_or_mpii_size,
        option="microsoft",
        head=r"(deconv_layers|final_layer)\.",
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


def recognise_network(network, names, option=None):
    """The family of a network from an ONNX file, told by --family, the network itself, or names in the file.

    The structure shows what trt_pose, HRNet and the LIP network are. But Simple Baselines is the same network whoever
    published it, and fed other colours: where no name tells, nothing is guessed.
    """
    type_ = network.document["type"]
    fitting = [family for family in FAMILIES if type_ in family.types and family.option]
    if option:
        for family in fitting:
            if family.option == option:
                return family
        raise ConvertError("--family %s has no network of type %s, as this one is" % (option, type_))
    if network.document.get("output_activation") == "sigmoid":
        return next(family for family in fitting if family.output_activation == "sigmoid")
    if type_ == "hrnet":  # mmpose feeds and reads it in the same way
        return next(family for family in fitting if family.option == "hrnet")
    bare = [re.sub(r"^((module|model)\.)+", "", name) for name in names]
    named = [family for family in fitting if any(re.match(family.head, name) for name in bare)]
    if len(named) == 1 or len(fitting) == 1:
        return (named or fitting)[0]
    colours = ", ".join("%s (%s)" % (family.option, family.input["channels"].upper()) for family in fitting)
    raise ConvertError("nothing in it tells whose network it is and which colours it is fed: say --family: " + colours)


def rename(family, tensors):
    """({limn's name: tensor}, {limn's name: the checkpoint's}, [names that the network does not use]).

    A name that no rule knows stays as it is.
    """
    renamed, originals, unused = {}, {}, []
    for original, tensor in tensors.items():
        if family.unused and re.fullmatch(family.unused, original):
            unused.append(original)
            continue
        name = original
        for pattern, make in family.rename:
            match = re.fullmatch(pattern, original)
            if match:
                name = make(match)
                break
        if name in renamed:
            raise ConvertError("tensors %s and %s are both %s" % (originals[name], original, name))
        renamed[name], originals[name] = tensor, original
    return renamed, originals, unused
