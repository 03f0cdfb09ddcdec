"""The published families of networks: one row each. A new family is a new row, and a network type if it has its own."""

import re
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

from . import ConvertError
from .checkpoint import zeros
from .networks import center_net, cmap_paf, hrnet, pose_resnet, pose_resnet_or_hrnet

COCO_CLASSES = 80  # of objects; the first are people


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
    is_it: Callable = lambda tensors: True  # where another family has the same names
    finish: Callable = lambda tensors: None  # makes of the renamed tensors those that limn's network has


def _imagenet(channels, geometry="affine", resample="bilinear", padding=1.25):
    """Mean and standard deviation in the order of the planes that are fed, whichever colours these are."""
    return {
        "channels": channels,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "geometry": geometry,
        "padding": padding,
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


def _center(network):
    """Peaks, sizes and offsets mean the same to all publishers; without offsets the middle of a cell is meant
    (xingyizhou/CenterNet, src/lib/models/decode.py, ctdet_decode).

    The score is the one from which its demo draws boxes (src/lib/opts.py, vis_thresh). No publisher leaves out boxes
    that overlap, but above this overlap they are nearly always of one person.
    """
    offset = 0.0 if network.document["offsets"] else network.stride / 2
    return {"type": "center", "offset": offset, "threshold": 0.3, "max_people": 100, "iou": 0.6}


def _one_class(tensors):
    return any(name in tensors and tensors[name].shape[:1] == (1,) for name in ("hm.weight", "hm.2.weight"))


def _people_alone(tensors):
    """Leaves of the heatmaps of COCO's classes those of people."""
    for layer in ("hm.", "hm.2."):
        names = [layer + "weight", layer + "bias"]
        if all(name in tensors and tensors[name].shape[:1] == (COCO_CLASSES,) for name in names):
            tensors.update({name: tensors[name].first() for name in names})


def _people_alone_and_biases(tensors):
    """Likewise; and the convolutions before the deconvolutions get the biases that limn's always have."""
    _people_alone(tensors)
    for name, tensor in list(tensors.items()):
        match = re.fullmatch(r"(conv_layers\.\d+\.)weight", name)
        if match and len(tensor.shape) == 4:
            tensors.setdefault(match[1] + "bias", zeros(tensor.shape[0]))


def _coco_or_mpii_size(keypoints):
    return (256, 256) if keypoints == 16 else (256, 192)


def _prefixes(prefixes):
    """Rules that drop what a name begins with; prefixes: {pattern: what is put instead}."""
    return [(pattern + r"(.+)", lambda m, new=new: new + m[m.lastindex]) for pattern, new in prefixes.items()]


_UNIT = r"backbone\.stage(\d)\.unit(\d{1,3})\."
_IMGCLSMOB_RESNET = [  # pytorchcv's resnet.py and common.py
    (r"backbone\.init_block\.conv\.conv\.(\w+)", lambda m: "conv1." + m[1]),
    (r"backbone\.init_block\.conv\.bn\.(\w+)", lambda m: "bn1." + m[1]),
    (_UNIT + r"body\.conv(\d)\.conv\.(\w+)", lambda m: "%s.conv%s.%s" % (_block(m), m[3], m[4])),
    (_UNIT + r"body\.conv(\d)\.bn\.(\w+)", lambda m: "%s.bn%s.%s" % (_block(m), m[3], m[4])),
    (_UNIT + r"identity_conv\.conv\.(\w+)", lambda m: "%s.downsample.0.%s" % (_block(m), m[3])),
    (_UNIT + r"identity_conv\.bn\.(\w+)", lambda m: "%s.downsample.1.%s" % (_block(m), m[3])),
]
_IMGCLSMOB_HEADS = {"heapmap_block.head": "hm", "wh_block": "wh", "reg_block": "reg"}
_MMDET_HEADS = {"heatmap": "hm", "wh": "wh", "offset": "reg"}

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
        # github.com/osmr/imgclsmob, pytorchcv's centernet.py: ResNets whose stride is on the 3x3 convolution. Whole
        # photos of 512x512, fitted and centred, and mean_rgb: pytorch/datasets/coco_det_dataset.py. That file hands on
        # OpenCV's BGR; the same for Gluon reads RGB (mx.image.imread), as does gluon-cv, whose network this is.
        name="imgclsmob centernet",
        marks=["backbone.init_block.", "decoder.heads."],
        rename=_IMGCLSMOB_RESNET
        + [
            (
                r"decoder\.unit(\d{1,3})\.(conv|deconv)\.(conv|bn)\.(\w+)",
                lambda m: "%s_layers.%d.%s" % (m[2], 3 * int(m[1]) - (3 if m[3] == "conv" else 2), m[4]),
            ),
            (
                r"decoder\.heads\.(heapmap_block\.head|wh_block|reg_block)\.conv(1\.conv|2)\.(\w+)",
                lambda m: "%s.%d.%s" % (_IMGCLSMOB_HEADS[m[1]], 2 if m[2] == "2" else 0, m[3]),
            ),
        ],
        finish=_people_alone,
        network=center_net,
        input=_imagenet("rgb", "letterbox", padding=1.0),
        decoder=_center,
        size=lambda keypoints: (512, 512),
        types=("center_net",),
    ),
    Family(
        # github.com/osmr/imgclsmob, pytorchcv's simplepose_coco.py and common.py (HeatmapMaxDetBlock: margin 0).
        name="imgclsmob simplepose",
        marks=["backbone.init_block.", "decoder.unit1."],
        rename=_IMGCLSMOB_RESNET
        + [
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
        # github.com/open-mmlab/mmdetection, configs/centernet/centernet_resnet18_140e_coco.py (2.x) and
        # centernet_r18_8xb16-crop512-140e_coco.py (3.x), ct_resnet_neck.py without use_dcn, centernet_head.py. Trained
        # with 512x512; its evaluation feeds each photo in its own size, with a border.
        name="mmdetection CenterNet",
        marks=["backbone.layer1.", "bbox_head.heatmap_head."],
        rename=[
            (
                r"neck\.deconv_layers\.(\d{1,3})\.(conv|bn)\.(\w+)",
                lambda m: "%s_layers.%d.%s"
                % ("deconv" if int(m[1]) % 2 else "conv", int(m[1]) // 2 * 3 + (m[2] == "bn"), m[3]),
            ),
            (
                r"bbox_head\.(heatmap|wh|offset)_head\.(\d)\.(\w+)",
                lambda m: "%s.%s.%s" % (_MMDET_HEADS[m[1]], m[2], m[3]),
            ),
        ]
        + _prefixes({r"backbone\.": ""}),
        unused=r"data_preprocessor\.(mean|std)",
        finish=_people_alone_and_biases,
        network=center_net,
        input=_imagenet("rgb", "letterbox", padding=1.0),
        decoder=_center,
        size=lambda keypoints: (512, 512),
        types=("center_net",),
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
        # tools/train.py --detector. Of the next family's networks it has the names, and one class.
        name="limn person detector",
        marks=["layer1.0.", "deconv_layers.", "hm.", "wh."],
        is_it=_one_class,
        network=center_net,
        input=_imagenet("rgb", "letterbox", padding=1.0),
        decoder=_center,
        size=lambda keypoints: (320, 320),
        types=("center_net",),
    ),
    Family(
        # github.com/xingyizhou/CenterNet, --arch res_18 to res_152 (src/lib/models/networks/msra_resnet.py), and COCO's
        # classes. Planes, mean and std of src/lib/datasets/dataset/coco.py, whose photos OpenCV reads; whole photos,
        # fitted and centred (src/lib/detectors/base_detector.py, fix_res).
        name="xingyizhou CenterNet",
        marks=["layer1.0.", "deconv_layers.", "hm.", "wh."],
        finish=_people_alone,
        network=center_net,
        input={
            "channels": "bgr",
            "mean": [0.40789654, 0.44719302, 0.47026115],
            "std": [0.28863828, 0.27408164, 0.27809835],
            "geometry": "letterbox",
            "padding": 1.0,
            "resample": "bilinear",
        },
        decoder=_center,
        size=lambda keypoints: (512, 512),
        types=("center_net",),
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
    """The family that these tensors belong to."""
    for name in tensors:
        if ".conv_offset" in name:  # xingyizhou's and mmcv's names begin so
            raise ConvertError("tensor %s is of a deformable convolution (DCN), which limn does not have" % name)
    for family in FAMILIES:
        named = all(any(name.startswith(mark) for name in tensors) for mark in family.marks)
        if named and family.is_it(tensors):
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

    A name that no rule knows stays as it is. Tensors that the checkpoint does not have go by limn's names.
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
    family.finish(renamed)
    originals.update({name: name for name in renamed if name not in originals})
    return renamed, originals, unused
