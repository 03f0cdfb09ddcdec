"""People as what a network is fed. Each sample's chance is a function of seed, epoch and person alone: it does not
matter which process makes it, or what was made before."""

import numpy as np
import torch

from .augmentation import cropped, input_map, jitter_colours, mirrored_keypoints, occlude, varied_map
from .images import apply, read_image, warp


BEYOND = -1e4  # input pixels: farther from every cell than a Gaussian reaches


class Samples(torch.utils.data.Dataset):
    """(image (3, H, W) uint8, places (K, 2) in input pixels, labelled (K,), person's number) of each person.

    variation None: as limn sees the person. crop: black is all outside of the person's box enlarged so often, and a
    keypoint there lies beyond the input; 0 for no crop.
    """

    def __init__(self, annotations, size, variation=None, seed=0, crop=0.0):
        self.annotations = annotations
        self.size = size
        self.variation = variation
        self.seed = seed
        self.crop = crop
        self.epoch = 0

    def __len__(self):
        return len(self.annotations.people)

    def __getitem__(self, number):
        person = self.annotations.people[number]
        skeleton = self.annotations.skeleton
        image = read_image(person.photo, person.photo_size)
        labelled = person.labelled
        if self.variation is None:
            map_ = input_map(person.box, *self.size)
            image, places = self._seen(image, person, person.box, map_)
            image = warp(image, map_, *self.size)
        else:
            random = np.random.default_rng([self.seed, self.epoch, number + 1])
            map_, mirrors, box = varied_map(person, skeleton.keypoints, *self.size, self.variation, random)
            image, places = self._seen(image, person, box, map_)
            if mirrors:
                places = mirrored_keypoints(places, skeleton.flip_pairs)
                labelled = mirrored_keypoints(labelled, skeleton.flip_pairs)
            image = warp(image, map_, *self.size)
            if self.variation.colour_jitter > 0:
                image = jitter_colours(image, self.variation.colour_jitter, random)
            if self.variation.occlusion > 0 and random.random() < self.variation.occlusion:
                image = occlude(image, random)
        planes = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
        return planes, torch.from_numpy(places.astype(np.float32)), torch.from_numpy(labelled.copy()), number

    def _seen(self, image, person, box, map_):
        """(photo, places in input pixels) with the crop of a box."""
        places = apply(map_, person.places)
        if self.crop == 0:
            return image, places
        image, (left, top, right, bottom) = cropped(image, box, self.crop)
        x, y = np.rint(person.places).T
        places[(x < left) | (x >= right) | (y < top) | (y >= bottom)] = BEYOND
        return image, places


def order(count, seed, epoch):
    """The people's numbers in the order of an epoch."""
    return np.random.default_rng([seed, epoch, 0]).permutation(count).tolist()
