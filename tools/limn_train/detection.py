"""Photos as what a person detector is fed, what it is to say of them, and how its answers are read.

Source, where nothing else is said: Zhou, Wang & Kraehenbuehl, "Objects as Points" (2019). What is taught around the
centres: Liu et al., "Training-Time-Friendly Network for Real-Time Object Detection" (TTFNet, AAAI 2020), which needs a
fraction of the epochs: heatmaps as long and as wide as the boxes, and sizes and offsets in all cells near a centre.
"""

import math
from typing import NamedTuple

import numpy as np
import torch

from .augmentation import input_map, jitter_colours, mirrored_map
from .images import apply, inverted, read_image, warp

LEAST_SIDE = 6.0  # input pixels: whoever is smaller, or of whom less is to be seen, need neither be found nor not
LEAST_SEEN = 0.25  # of the box's area within the input
SPREAD = 0.54  # of a box's sides, about its centre: where the heatmap is not 0, and the box is taught (TTFNet)
BOX_WEIGHT = 2.0  # of the boxes' part in the loss
PEOPLE = 100  # at most in a photo (the model file's "max_people")


class SceneVariation(NamedTuple):
    """How a photo is varied for a detector."""

    scale: float = 0.5  # the photo is shown up to 1 + this times as large, or as small
    stretch: float = 0.3  # its width likewise, its height left
    flip: float = 0.5  # share of mirrored samples
    colour_jitter: float = 0.0  # brightness, contrast, saturation and each plane are multiplied by 1 +- this


def whole_map(size, height, width):
    """The map of geometry "letterbox": the whole photo, (width, height), fits into the input and is centred there."""
    return input_map((0, 0, *size), height, width, padding=1)


def varied_map(size, height, width, variation, random):
    """(map, whether it mirrors) of one sample: another size and aspect, anywhere that leaves no avoidable border."""
    scale, stretch = (math.exp(math.log1p(limit) * random.uniform(-1, 1)) for limit in variation[:2])
    flip, *place = random.random(3)
    map_ = whole_map(size, height, width)
    map_[0] *= scale * stretch
    map_[1] *= scale
    corners = apply(map_, np.array([(0, 0), size], float))
    spare = np.array([width, height]) - (corners[1] - corners[0])  # negative where the photo is larger than the input
    map_[:, 2] += spare * place - corners[0]
    mirrors = flip < variation.flip
    return (mirrored_map(map_, width), True) if mirrors else (map_, False)


def corners_of(boxes):
    """x, y, width, height to left, top, right, bottom, (N, 4)."""
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def mapped(map_, corners):
    """Left, top, right, bottom, (N, 4), through a map that does not turn."""
    ends = apply(map_, corners.reshape(-1, 2)).reshape(-1, 2, 2)
    return np.concatenate([ends.min(axis=1), ends.max(axis=1)], axis=1)


class PhotoSamples(torch.utils.data.Dataset):
    """(image (3, H, W) uint8, targets (7, H / stride, W / stride), photo's number) of each photo: center_targets().

    variation None: as limn sees the photo.
    """

    def __init__(self, photos, size, stride, variation=None, seed=0, epoch=0):
        self.photos = photos
        self.size = size
        self.stride = stride
        self.variation = variation
        self.seed = seed
        self.epoch = epoch

    def __len__(self):
        return len(self.photos)

    def __getitem__(self, number):
        photo = self.photos[number]
        image = read_image(photo.file, photo.size)
        size = (image.shape[1], image.shape[0])
        random = np.random.default_rng([self.seed, self.epoch, number + 1])
        if self.variation is None:
            map_ = whole_map(size, *self.size)
        else:
            map_, _ = varied_map(size, *self.size, self.variation, random)
        image = warp(image, map_, *self.size)
        if self.variation is not None and self.variation.colour_jitter > 0:
            image = jitter_colours(image, self.variation.colour_jitter, random)
        targets = center_targets(mapped(map_, corners_of(photo.boxes)), photo.ignored, *self.size, self.stride)
        planes = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
        return planes, torch.from_numpy(targets), number


def profile(count, center, side):
    """A Gaussian over `count` cells around the whole cell `center`, 0 from SPREAD / 2 of the side (in cells) on."""
    radius = int(SPREAD * side / 2)
    distance = np.arange(count) - center
    return np.exp(-0.5 * (distance * 6 / (2 * radius + 1)) ** 2) * (abs(distance) <= radius)


def center_targets(corners, ignored, height, width, stride):
    """(7, height / stride, width / stride) float32, of left, top, right, bottom in input pixels, (N, 4): the centres'
    heatmap, 1 where it counts, how much the box counts there (1 in all for a person), and near the centres width, height,
    and the way to the centre in x and y, as the network has them.
    """
    rows, columns = np.arange(height // stride), np.arange(width // stride)
    maps = np.zeros((7, len(rows), len(columns)), np.float32)
    maps[1] = 1
    ends = np.array([width, height, width, height], float)
    whole = (corners[:, 2:] - corners[:, :2]).prod(axis=1)
    seen = np.clip(corners, 0, ends)
    sides = seen[:, 2:] - seen[:, :2]
    unclear = ignored | (sides.min(axis=1, initial=np.inf) < LEAST_SIDE)
    unclear |= sides.prod(axis=1) < LEAST_SEEN * whole
    cells = seen / stride
    for left, top, right, bottom in cells[unclear]:
        maps[1, int(top) : math.ceil(bottom) + 1, int(left) : math.ceil(right) + 1] = 0
    # Small ones last: where two people's areas meet, the box is that of the one in front or within the other.
    clear = cells[~unclear]
    for left, top, right, bottom in clear[np.argsort(-sides[~unclear].prod(axis=1))]:
        x, y, across, down = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
        column, row = min(int(x), len(columns) - 1), min(int(y), len(rows) - 1)
        gaussian = profile(len(rows), row, down)[:, None] * profile(len(columns), column, across)
        near = gaussian > 0
        np.maximum(maps[0], gaussian, out=maps[0])
        maps[1, near] = 1
        maps[2, near] = gaussian[near] / gaussian.sum()
        maps[3, near], maps[4, near] = across, down
        maps[5, near], maps[6, near] = np.broadcast_to(x - columns, near.shape)[near], (y - rows).repeat(near.sum(axis=1))
    return maps


def center_loss(maps, targets):
    """Of (N, 5, H, W) maps: the focal loss of the centres, and the error of the boxes in parts of their sides, about
    what it takes from their overlap (a centre that is off by so much takes it twice); each for one person on average.
    """
    logits, (heatmap, counts) = maps[:, 0].float(), (targets[:, 0], targets[:, 1])
    centers = (heatmap == 1) & (counts > 0)
    people = centers.sum().clamp(min=1)
    log_found, log_missed = torch.nn.functional.logsigmoid(logits), torch.nn.functional.logsigmoid(-logits)
    found = log_found.exp()
    at_centers = -((1 - found) ** 2) * log_found
    elsewhere = -((1 - heatmap) ** 4) * found**2 * log_missed
    focal = (torch.where(centers, at_centers, elsewhere) * counts).sum() / people
    error = (maps[:, 1:].float() - targets[:, 3:]).abs()
    relative = (error[:, :2] + 2 * error[:, 2:]) / targets[:, 3:5].clamp(min=1)
    return focal + BOX_WEIGHT * (relative.sum(dim=1) * targets[:, 2]).sum() / people


def decode_boxes(maps, stride, threshold, overlap):
    """[(left, top, right, bottom, score), ...] in input pixels, (M, 5), best first, of (5, H, W) maps before the
    sigmoid. As limn's pose/box_decoder.hpp describes it."""
    heatmap = 1 / (1 + np.exp(-maps[0].astype(np.float64)))
    height, width = heatmap.shape
    framed = np.pad(heatmap, 1, constant_values=-np.inf)
    around = np.max([framed[y : y + height, x : x + width] for y in range(3) for x in range(3)], axis=0)
    rows, columns = np.nonzero((heatmap >= threshold) & (heatmap >= around))
    across, down, x, y = maps[1:, rows, columns].astype(np.float64)
    x, y, scores = x + columns, y + rows, heatmap[rows, columns]
    boxes = stride * np.stack([x - across / 2, y - down / 2, x + across / 2, y + down / 2], axis=1)
    boxes = np.concatenate([boxes, scores[:, None]], axis=1)[(across > 0) & (down > 0)]
    kept = []
    for box in boxes[np.argsort(-boxes[:, 4], kind="stable")]:
        if len(kept) < PEOPLE and all(iou(box[None, :4], other[None, :4])[0, 0] <= overlap for other in kept):
            kept.append(box)
    return np.array(kept).reshape(-1, 5)


def iou(first, second):
    """Intersection over union of each two boxes of corners, (N, 4) and (M, 4): (N, M)."""
    low, high = np.maximum(first[:, None, :2], second[None, :, :2]), np.minimum(first[:, None, 2:], second[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (first, second)]
    return common / np.maximum(areas[0][:, None] + areas[1][None] - common, 1e-12)


class BoxTally:
    """Average precision at an overlap of half (COCO's 101 recalls), of people at least a fifth of the photo's height.

    Smaller people and crowds need not be found, and it is no mistake to find them.
    """

    metric = "AP@0.5"
    LEAST_HEIGHT = 0.2

    def __init__(self):
        self.people = 0
        self.found = []  # (score, whether it is right)

    def add(self, photo, size, found):
        """found: (M, 5) corners and score in photo pixels, best first. size: the photo's (width, height)."""
        truth = corners_of(photo.boxes)
        least = self.LEAST_HEIGHT * size[1]
        counts = ~photo.ignored & (photo.boxes[:, 3] >= least)
        self.people += int(counts.sum())
        overlaps = iou(found[:, :4], truth)
        taken = np.zeros(len(truth), bool)
        for number, box in enumerate(found):
            for of_those in (counts, ~counts):
                free = np.where(of_those & ~(taken & ~photo.ignored), overlaps[number], 0)
                best = int(free.argmax()) if len(free) else 0
                if len(free) and free[best] >= 0.5:
                    taken[best] = True
                    if of_those is counts:
                        self.found.append((box[4], True))
                    break
            else:
                if box[3] - box[1] >= least:
                    self.found.append((box[4], False))

    def curve(self):
        """(scores, recall, precision) from the surest on, (M,) each."""
        found = np.array(sorted(self.found, key=lambda entry: -entry[0])).reshape(-1, 2)
        right = found[:, 1].cumsum()
        return found[:, 0], right / max(self.people, 1), right / np.arange(1, len(found) + 1)

    def mean(self):
        _, recall, precision = self.curve()
        best = np.maximum.accumulate(precision[::-1])[::-1]
        places = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
        return float(np.append(best, 0)[np.minimum(places, len(best))].mean()) if self.people else float("nan")

    def lines(self):
        """Recall and precision by threshold."""
        scores, recall, precision = self.curve()
        for threshold in np.arange(0.1, 0.65, 0.05):
            last = int((scores >= threshold).sum()) - 1
            if last >= 0:
                yield f"score {threshold:.2f}: recall {recall[last]:.4f}, precision {precision[last]:.4f}"
        yield f"{self.metric:<20} {self.mean():.4f}"


def found_in(size, maps, stride, input_size, threshold=0.05, overlap=0.6):
    """(M, 5) corners and score in photo pixels, clipped to the photo."""
    boxes = decode_boxes(maps, stride, threshold, overlap)
    back = inverted(whole_map(size, *input_size))
    boxes[:, :4] = np.clip(mapped(back, boxes[:, :4]), 0, np.array([*size, *size], float))
    return boxes[(boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])]
