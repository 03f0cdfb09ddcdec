"""Which part of a photo becomes the network's input, and how it is varied.

Maps are (2, 3) arrays from photo pixels to input pixels. Source of the variations and their defaults: Microsoft Simple
Baselines, lib/dataset/JointsDataset.py and experiments/mpii; of half bodies: HRNet, lib/dataset/JointsDataset.py.
"""

from typing import NamedTuple

import numpy as np

from .images import mean_colour, recoloured

PADDING = 1.25  # of a person's box (model_file's "padding")
HALF_BODY_PADDING = 1.5
HALF_BODY_LEAST = 8  # a person with more labelled keypoints than this may be cut in half
TURNED_SHARE = 0.6  # of the samples
LOWER_BODY = ("hip", "knee", "ankle", "pelvis", "foot", "feet", "heel", "toe")


class Variation(NamedTuple):
    rotation: float = 30.0  # degrees, standard deviation; at most twice as much
    scale: float = 0.25  # of the factor's difference from 1, standard deviation and bound
    flip: float = 0.5  # share of mirrored samples
    half_body: float = 0.0  # share of the people that are cut in half where that can be done
    colour_jitter: float = 0.0  # brightness, contrast, saturation and each plane are multiplied by 1 +- this
    occlusion: float = 0.0  # share of samples of which a part is hidden


def input_map(box, height, width, padding=PADDING, scale=1.0, rotation=0.0):
    """The map of geometry "affine": the box, enlarged to the input's shape and by `padding`, becomes the input.

    scale: > 1 shows more of the photo, the person smaller. rotation: degrees by which the picture is turned clockwise
    around the box's centre. Source: as limn's pose/geometry.hpp; rotation and scale as get_affine_transform,
    lib/utils/transforms.py.
    """
    x, y, box_width, box_height = box
    k = min(width / box_width, height / box_height) / (padding * scale)
    radians = np.deg2rad(rotation)
    linear = k * np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    centre = np.array([x + box_width / 2, y + box_height / 2])
    shift = np.array([width / 2, height / 2]) - linear @ centre
    return np.concatenate([linear, shift[:, None]], axis=1)


def mirrored_map(map_, width):
    """The map to the mirror image: x becomes width - x, so that the box's centre stays at width / 2, as published."""
    result = -map_[:1]
    result[0, 2] += width
    return np.concatenate([result, map_[1:]])


def mirrored_keypoints(values, pairs):
    """What is to be told of each keypoint, (K, ...), of the mirror image: left and right have changed places."""
    result = values.copy()
    for left, right in pairs:
        result[left], result[right] = values[right], values[left]
    return result


def half_body_box(names, places, labelled, random):
    """The box of the keypoints of the upper or the lower half of a body, by chance; None where there are too few.

    The halves are told by the keypoints' names; hips and pelvis are the lower one's.
    """
    lower = np.array([any(part in name for part in LOWER_BODY) for name in names])
    halves = [places[labelled & ~lower], places[labelled & lower]]
    first, second = halves if random.random() < 0.5 else halves[::-1]
    chosen = first if len(first) > 2 else second
    if len(chosen) < 2:
        return None
    low, high = chosen.min(axis=0), chosen.max(axis=0)
    if (high - low).max() < 1:
        return None
    # Around the mean, not around the middle, as published.
    size = np.maximum(high - low, 1)
    corner = chosen.mean(axis=0) - size / 2
    return (corner[0], corner[1], size[0], size[1])


def cropped(image, box, factor):
    """A copy that is black outside of the box enlarged `factor` times, and its (left, top, right, bottom) that is not,
    the last two beyond it. Source: limn's estimator/crop.hpp.
    """
    sides = []
    for start, length, limit in ((box[0], box[2], image.shape[1]), (box[1], box[3], image.shape[0])):
        middle, half = start + length / 2, factor * length / 2
        first, last = np.clip([np.ceil(middle - half), np.floor(middle + half)], 0, limit - 1).astype(int)
        first = min(first, last)
        sides.append((first, last + 1))
    (left, right), (top, bottom) = sides
    result = np.zeros_like(image)
    result[top:bottom, left:right] = image[top:bottom, left:right]
    return result, (left, top, right, bottom)


def varied_map(person, names, height, width, variation, random):
    """(map, whether it mirrors, the box that estimation would have been given for it, not turned) of one sample."""
    half, turned, flip = random.random(3)
    scale, rotation = random.standard_normal(2)
    box, padding = person.box, PADDING
    if half < variation.half_body and person.labelled.sum() > HALF_BODY_LEAST:
        cut = half_body_box(names, person.places, person.labelled, random)
        if cut is not None:
            box, padding = cut, HALF_BODY_PADDING
    scale = np.clip(1 + variation.scale * scale, 1 - variation.scale, 1 + variation.scale)
    rotation = variation.rotation * np.clip(rotation, -2, 2) if turned < TURNED_SHARE else 0.0
    map_ = input_map(box, height, width, padding, scale, rotation)
    mirrors = flip < variation.flip
    return mirrored_map(map_, width) if mirrors else map_, mirrors, enlarged(box, padding / PADDING * scale)


def enlarged(box, factor):
    """(x, y, width, height) around the same centre."""
    x, y, width, height = box
    return (x + (1 - factor) * width / 2, y + (1 - factor) * height / 2, factor * width, factor * height)


def jitter_colours(image, amount, random):
    """RGB, uint8: contrast, saturation, brightness and each plane times a factor from 1 - amount to 1 + amount."""
    contrast, saturation, brightness, *planes = random.uniform(1 - amount, 1 + amount, 6)
    grey = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    mean = mean_colour(image) @ grey
    # All of it is linear: one matrix, and a constant that keeps the mean where contrast alone is changed.
    gains = brightness * np.array(planes)
    matrix = contrast * gains[:, None] * (saturation * np.eye(3) + (1 - saturation) * grey)
    return recoloured(image, matrix, (1 - contrast) * mean * gains)


OCCLUDED_AREA = (0.02, 0.2)  # of the picture
OCCLUDED_ASPECT = (0.3, 3.3)  # height / width


def occlude(image, random):
    """A copy with a rectangle of noise somewhere, as if something stood before the person; keypoints behind it are still
    to be found. Source: Zhong et al., "Random Erasing Data Augmentation" (2017), and its constants but for the largest
    area, 0.4 there.
    """
    height, width = image.shape[:2]
    area = random.uniform(*OCCLUDED_AREA) * height * width
    aspect = np.exp(random.uniform(*np.log(OCCLUDED_ASPECT)))
    rows = min(max(int(np.sqrt(area * aspect)), 1), height)
    columns = min(max(int(np.sqrt(area / aspect)), 1), width)
    top, left = random.integers(0, height - rows + 1), random.integers(0, width - columns + 1)
    result = image.copy()
    result[top : top + rows, left : left + columns] = random.integers(0, 256, (rows, columns, 3), np.uint8)
    return result
