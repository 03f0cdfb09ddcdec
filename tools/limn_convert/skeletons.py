"""Keypoint sets: names, the links that are drawn, and the pairs that a mirror image swaps."""

import json
import os
from typing import List, NamedTuple, Tuple

from . import ConvertError

MAX_LINKS = 4096  # likewise of pairs: limn reads no more of them (include/limn/model_file/document.hpp)


class Skeleton(NamedTuple):
    name: str
    keypoints: List[str]
    links: List[Tuple[int, int]]
    flip_pairs: List[Tuple[int, int]]


# MPII Human Pose: order and flip pairs of Microsoft's lib/dataset/mpii.py, links from each keypoint towards the pelvis.
_MPII16 = Skeleton(
    "mpii16",
    "right_ankle right_knee right_hip left_hip left_knee left_ankle pelvis thorax upper_neck head_top "
    "right_wrist right_elbow right_shoulder left_shoulder left_elbow left_wrist".split(),
    [(9, 8), (8, 7), (7, 6), (6, 2), (2, 1), (1, 0), (6, 3), (3, 4), (4, 5)]
    + [(7, 12), (12, 11), (11, 10), (7, 13), (13, 14), (14, 15)],
    [(0, 5), (1, 4), (2, 3), (10, 15), (11, 14), (12, 13)],
)

# COCO person keypoints: the `skeleton` of its annotation files, counted from 0.
_COCO17 = Skeleton(
    "coco17",
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow "
    "left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle".split(),
    [(15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8), (7, 9), (8, 10)]
    + [(1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6)],
    [(1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16)],
)

# COCO and a neck between the shoulders: trt_pose's human_pose.json, counted from 0.
_BODY18 = Skeleton(
    "body18",
    _COCO17.keypoints + ["neck"],
    [(15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 7), (6, 8), (7, 9), (8, 10), (1, 2), (0, 1), (0, 2)]
    + [(1, 3), (2, 4), (3, 5), (4, 6), (17, 0), (17, 5), (17, 6), (17, 11), (17, 12)],
    _COCO17.flip_pairs,
)

# trt_pose's hand_pose.json, counted from 0: fingers are numbered from tip to palm.
_FINGERS = "thumb index_finger middle_finger ring_finger baby_finger".split()
_HAND21 = Skeleton(
    "hand21",
    ["palm"] + ["%s_%d" % (finger, joint) for finger in _FINGERS for joint in range(1, 5)],
    [(0, 4 * finger) for finger in range(1, 6)]
    + [(4 * finger + joint, 4 * finger + joint + 1) for finger in range(5) for joint in range(1, 4)],
    [],
)

# Look Into Person: MPII's order, with a spine between pelvis and neck; links as the single-person network draws them.
_LIP16 = Skeleton(
    "lip16",
    "right_ankle right_knee right_hip left_hip left_knee left_ankle pelvis spine neck head "
    "right_wrist right_elbow right_shoulder left_shoulder left_elbow left_wrist".split(),
    [(0, 1), (1, 2), (5, 4), (4, 3), (2, 6), (3, 6), (6, 7), (7, 8), (8, 9)]
    + [(12, 8), (13, 8), (12, 11), (11, 10), (13, 14), (14, 15)],
    _MPII16.flip_pairs,
)

SKELETONS = {skeleton.name: skeleton for skeleton in (_MPII16, _COCO17, _BODY18, _HAND21, _LIP16)}


def fitting_skeleton(skeleton, count, links=None):
    """The skeleton for a network of `count` keypoints: the given one if it fits; None goes by the count.

    `links`: their number, where the network has something to say of each.
    """
    skeleton = _with_keypoints(skeleton, count)
    if links is not None and len(skeleton.links) != links:
        numbers = (links, skeleton.name, len(skeleton.links))
        raise ConvertError("the network has part affinity fields for %d links, but %s has %d" % numbers)
    return skeleton


def _with_keypoints(skeleton, count):
    if skeleton is None:
        fitting = [known for known in SKELETONS.values() if len(known.keypoints) == count]
        if not fitting:
            raise ConvertError("the network has %d keypoints, as no known set has: name them with --keypoints" % count)
        return fitting[0]
    if len(skeleton.keypoints) != count:
        names = (count, skeleton.name, len(skeleton.keypoints))
        raise ConvertError("the network has %d keypoints, but %s has %d" % names)
    return skeleton


def load_skeleton(path):
    """Reads {"keypoints": [name, ...], "links": [[a, b], ...], "flip_pairs": [[a, b], ...]}, the last one optional.

    Also a COCO category, such as trt_pose's human_pose.json: its "skeleton" counts keypoints from 1; flip pairs are the
    names that differ in left and right.
    """
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except (ValueError, RecursionError) as error:
        raise ConvertError("not valid JSON: %s" % error, path) from None
    if not isinstance(document, dict):
        raise ConvertError("expected a JSON object", path)
    names = document.get("keypoints")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        raise ConvertError('"keypoints" must be a list of names', path)
    if len(set(names)) != len(names):
        raise ConvertError('"keypoints" has a name twice', path)

    def pairs(key, first=0):
        value = document.get(key)
        if isinstance(value, list) and len(value) > MAX_LINKS:
            raise ConvertError('"%s" has %d pairs, at most %d are possible' % (key, len(value), MAX_LINKS), path)
        for pair in value if isinstance(value, list) else [None]:
            numbers = isinstance(pair, list) and len(pair) == 2 and all(type(n) is int for n in pair)
            if not numbers or not all(0 <= n - first < len(names) for n in pair) or pair[0] == pair[1]:
                last = len(names) - 1 + first
                raise ConvertError(
                    '"%s" must be a list of pairs of different keypoint numbers from %d to %d, found %.40s'
                    % (key, first, last, json.dumps(pair)),
                    path,
                )
        return [tuple(n - first for n in pair) for pair in value]

    is_category = "skeleton" in document and "links" not in document
    links = pairs("skeleton", first=1) if is_category else pairs("links")
    flip_pairs = pairs("flip_pairs") if "flip_pairs" in document else flip_pairs_by_name(names) if is_category else []
    if len({n for pair in flip_pairs for n in pair}) != 2 * len(flip_pairs):
        raise ConvertError('"flip_pairs" has a keypoint twice', path)
    name = os.path.splitext(os.path.basename(path))[0]
    return Skeleton(name, names, links, flip_pairs)


def flip_pairs_by_name(names):
    """[(left, right), ...]: names with `left` and `right` in the same place and otherwise alike."""
    lefts = {name: number for number, name in enumerate(names) if "left" in name and "right" not in name}
    rights = {name.replace("right", "left", 1): number for number, name in enumerate(names) if "right" in name}
    return [(number, rights[name]) for name, number in lefts.items() if name in rights]
