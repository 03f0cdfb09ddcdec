#!/usr/bin/env python3
"""Tests of tools/train.py; need PyTorch, and OpenCV or Pillow.

    tests/tools/train_test.py                                      what it is made of, and a training of a minute
    LIMN_PROGRAM=build/tools/limn tests/tools/train_test.py        and the limn program is given its result

The training is on drawn figures. Its result is compared with `limn evaluate`, whose PCK is to be the trainer's own.
"""

import functools
import json
import math
import os
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

try:
    import numpy as np
    import torch
except ImportError as error:
    print(f"skipped: {error.name} is missing")
    sys.exit(77)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
sys.path.insert(0, os.path.join(ROOT, "tests", "reference"))

import convert
import pose_resnet as reference
import quantized_models
import stick_figures
import train
from folder_test_case import FolderTestCase
from limn_program import FLOAT_MODEL, PROGRAM
from limn_convert.skeletons import flip_pairs_by_name
from limn_train import TrainError, images
from limn_train.annotations import Person, read_annotations, with_keypoints
from limn_train.augmentation import (
    Variation,
    cropped,
    half_body_box,
    input_map,
    jitter_colours,
    occlude,
    mirrored_keypoints,
    mirrored_map,
    varied_map,
)
from limn_train.crew import run_crew
from limn_train.decoding import dark_kernel, decode
from limn_train.network import Doubling, PoseResNet, initialize
from limn_train.samples import Samples, order
from limn_train.scores import Tally
from limn_train.start import start_from
from limn_train.targets import gaussian_targets, joints_mse
from limn_train.training import Recipe, Trainer, learning_rate
from training_run import document_of, run_training

if images.cv2 is None and images.Image is None:
    print("skipped: neither OpenCV nor Pillow is installed")
    sys.exit(77)

STRIDE = 4
TINY = Recipe(size=(32, 32), head=(8, 8, 8), epochs=2, batch=4, sigma=1.0, steps=(1,))


def targets_of(places, size=(64, 48), sigma=2.0, exact=False, labelled=None, absent=False):
    """Of one person: (K, height, width) and (K,) as numpy arrays."""
    places = torch.tensor([places], dtype=torch.float32)
    labelled = torch.ones(places.shape[:2]) if labelled is None else torch.tensor([labelled])
    heatmaps, weights = gaussian_targets(places, labelled, *size, STRIDE, sigma, exact, absent)
    return heatmaps[0].numpy(), weights[0].numpy()


class Loss(unittest.TestCase):
    def test_is_what_it_is_by_hand(self):
        # Two people, two keypoints, maps of 1x2. The squares, weighted within: person 1, keypoint 1: (1-0)^2 + (0-2)^2
        # = 5, keypoint 2 has weight 0; person 2: (3-1)^2 + 0 = 4 and (0.5-0)^2 + (0.5-1)^2 = 0.5. Means over people
        # and pixels: keypoint 1: 9/4, keypoint 2: 0.5/4. Half of each, mean over keypoints: (9/8 + 0.5/8) / 2.
        heatmaps = torch.tensor([[[[1.0, 0.0]], [[7.0, 7.0]]], [[[3.0, 5.0]], [[0.5, 0.5]]]])
        targets = torch.tensor([[[[0.0, 2.0]], [[0.0, 0.0]]], [[[1.0, 5.0]], [[0.0, 1.0]]]])
        weights = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
        self.assertAlmostEqual(float(joints_mse(heatmaps, targets, weights)), 9.5 / 16, places=6)

    def test_multiplies_both_by_the_weight_before_the_square(self):
        loss = joints_mse(torch.full((1, 1, 1, 1), 3.0), torch.full((1, 1, 1, 1), 1.0), torch.tensor([[0.5]]))
        self.assertAlmostEqual(float(loss), 0.5, places=6)


class Targets(unittest.TestCase):
    def test_peak_where_the_keypoint_is(self):
        # x 101 / 4 + 0.5 = 25.75, y 58 / 4 + 0.5 = 15: cell (25, 15)
        heatmaps, weights = targets_of([[101, 58]])
        self.assertEqual(np.unravel_index(heatmaps[0].argmax(), (64, 48)), (15, 25))
        self.assertEqual(weights.tolist(), [1])
        for dx, dy, squared in ((0, 0, 0), (1, 0, 1), (-2, 3, 13), (6, 0, 36)):
            self.assertAlmostEqual(heatmaps[0, 15 + dy, 25 + dx], math.exp(-squared / 8), places=6)
        self.assertEqual(heatmaps[0, 15, 32], 0)  # beyond 3 sigma
        self.assertEqual(np.count_nonzero(heatmaps), 13 * 13)

    def test_may_lie_between_the_cells(self):
        heatmaps, _ = targets_of([[101, 58]], exact=True)
        for x, y in ((25, 14), (26, 15), (30, 20), (0, 0)):
            expected = math.exp(-((x - 25.25) ** 2 + (y - 14.5) ** 2) / 8)
            self.assertAlmostEqual(heatmaps[0, y, x], expected, places=6)

    def test_count_while_their_window_reaches_the_map(self):
        # The window is 6 cells to each side: cell 53 reaches the map of 48, 54 does not. On the left, as published, -7
        # counts although it just does not, and int(-32 / 4 + 0.5) is -7.
        for x, expected in ((53 * 4, 1), (54 * 4, 0), (-32, 1), (-34, 0)):
            heatmaps, weights = targets_of([[x, 40]])
            self.assertEqual(weights[0], expected, x)
        heatmaps, weights = targets_of([[40, 40], [40, 40]], labelled=[1, 0])
        self.assertEqual(weights.tolist(), [1, 0])
        self.assertEqual(heatmaps[1].max(), 0)

    def test_say_that_a_labelled_keypoint_is_not_in_the_picture(self):
        places, labelled = [[54 * 4, 40], [54 * 4, 40], [40, 40]], [1, 0, 1]
        for exact in (False, True):
            self.assertEqual(targets_of(places, labelled=labelled, exact=exact)[1].tolist(), [0, 0, 1])
            heatmaps, weights = targets_of(places, labelled=labelled, exact=exact, absent=True)
            self.assertEqual(weights.tolist(), labelled)
            self.assertEqual(heatmaps[:2].max(), 0)
            self.assertEqual(heatmaps[2].max(), 1)

    def test_are_read_back_to_a_tenth_of_a_pixel_by_dark_if_they_are_exact(self):
        random = np.random.default_rng(3)
        for sigma in (1.0, 1.5, 2.0, 3.0):
            edge = 3 * sigma + 5  # within, so that neither window nor blur is cut by the border
            places = random.uniform(4 * edge, 4 * np.array([48 - edge, 64 - edge]), (50, 2))
            heatmaps, _ = targets_of(places.tolist(), sigma=sigma, exact=True)
            found = STRIDE * decode(heatmaps[None], {"type": "dark", "kernel": dark_kernel(sigma)})[0]
            self.assertLess(np.abs(found - places).max(), 0.1, sigma)

    def test_as_published_are_read_back_to_a_tenth_of_a_pixel_on_the_cells_and_to_half_a_cell_between_them(self):
        decoder = {"type": "quarter_offset", "margin": 1}
        cells = np.array([[20, 31], [5, 60], [2, 2]])
        heatmaps, _ = targets_of((STRIDE * cells).tolist())
        self.assertLess(np.abs(decode(heatmaps[None], decoder)[0] - cells).max(), 0.1 / STRIDE)
        places = np.random.default_rng(4).uniform(20, 160, (200, 2))
        heatmaps, _ = targets_of(places.tolist())
        self.assertLessEqual(np.abs(STRIDE * decode(heatmaps[None], decoder)[0] - places).max(), STRIDE / 2 + 1e-4)

    def test_have_the_kernels_of_mmpose(self):
        self.assertEqual([dark_kernel(sigma) for sigma in (2, 3)], [11, 17])


class Decoder(unittest.TestCase):
    def test_moves_by_a_quarter_towards_the_larger_neighbour(self):
        map_ = np.zeros((1, 2, 6, 6))
        map_[0, 0, 3, 2], map_[0, 0, 3, 1], map_[0, 0, 4, 2] = 2, 1, 0.5
        map_[0, 1, 3, 1], map_[0, 1, 3, 2] = 2, 1  # at the border: not refined
        found = decode(map_, {"type": "quarter_offset", "margin": 1})
        self.assertEqual(found[0].tolist(), [[1.75, 3.25], [1, 3]])
        self.assertEqual(decode(-map_ - 1, {"type": "quarter_offset", "margin": 1})[0].tolist(), [[0, 0], [0, 0]])


class Geometry(unittest.TestCase):
    def test_is_the_published_one(self):
        # The values that Microsoft's transform gives for an input of 192x256.
        for box, expected in (
            ((100, 50, 80, 240), [[0.853333, 0, -23.466667], [0, 0.853333, -17.066667]]),
            ((10, 20, 300, 150), [[0.512, 0, 14.08], [0, 0.512, 79.36]]),
            ((0, 0, 640, 480), [[0.24, 0, 19.2], [0, 0.24, 70.4]]),
        ):
            np.testing.assert_allclose(input_map(box, 256, 192), expected, atol=1e-6)

    def test_turns_clockwise_around_the_centre_and_shows_more_with_scale(self):
        map_ = input_map((0, 0, 80, 80), 100, 100, padding=1.25, scale=2, rotation=90)  # two photo pixels to one
        found = images.apply(map_, np.array([[40, 40], [60, 40], [40, 60]]))  # centre, right of it, below it
        np.testing.assert_allclose(found, [[50, 50], [50, 60], [40, 50]], atol=1e-9)

    def test_and_its_inverse_are_the_identity(self):
        map_ = input_map((12, 7, 33, 91), 64, 96, rotation=33, scale=1.2)
        places = np.random.default_rng(0).uniform(-50, 200, (20, 2))
        np.testing.assert_allclose(images.apply(images.inverted(map_), images.apply(map_, places)), places, atol=1e-9)

    def test_of_the_flip_of_a_flip_is_the_identity(self):
        map_ = input_map((12, 7, 33, 91), 64, 96, rotation=33)
        flipped = mirrored_map(map_, 96)
        self.assertFalse(np.allclose(flipped, map_))
        np.testing.assert_allclose(mirrored_map(flipped, 96), map_, atol=1e-12)
        pairs = flip_pairs_by_name(stick_figures.NAMES)
        values = np.arange(26).reshape(13, 2)
        once = mirrored_keypoints(values, pairs)
        self.assertEqual(once[:3].tolist(), [[0, 1], [4, 5], [2, 3]])  # the head, then left and right shoulder
        self.assertEqual(mirrored_keypoints(once, pairs).tolist(), values.tolist())

    def test_of_a_flip_mirrors_picture_and_places_alike(self):
        picture = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
        map_ = input_map((10, 10, 40, 40), 64, 64)
        flipped = mirrored_map(map_, 64)
        there, back = images.warp(picture, map_, 64, 64), images.warp(picture, flipped, 64, 64)
        difference = there[:, :0:-1].astype(int) - back[:, 1:]  # pixel x has become 64 - x
        self.assertLessEqual(np.abs(difference).max(), 8)  # OpenCV rounds places to 1/32 pixel
        self.assertLess(np.abs(difference).mean(), 1)
        places = np.array([[20.0, 30.0]])
        x, y = images.apply(map_, places)[0]
        np.testing.assert_allclose(images.apply(flipped, places)[0], [64 - x, y])

    def test_of_half_bodies_takes_one_half(self):
        names = stick_figures.NAMES
        places = stick_figures.figure(np.random.default_rng(0))
        labelled = np.ones(13, bool)
        lower = np.array([name.split("_")[-1] in ("hip", "knee", "ankle") for name in names])
        expected = []
        for half in (places[~lower], places[lower]):
            size = half.max(axis=0) - half.min(axis=0)
            expected.append([*(half.mean(axis=0) - size / 2), *size])
        found = [half_body_box(names, places, labelled, np.random.default_rng(seed)) for seed in range(20)]
        for box in found:
            self.assertTrue(any(np.allclose(box, half) for half in expected))
        for half in expected:
            self.assertTrue(any(np.allclose(box, half) for box in found))
        self.assertIsNone(half_body_box(names, places, np.arange(13) == 3, np.random.default_rng(0)))

    def test_of_samples_varies_as_it_is_told(self):
        places = np.full((13, 2), 50.0)
        person = Person("", None, (30, 10, 40, 80), places, np.ones(13, bool))

        def maps(variation, count=400):
            random = np.random.default_rng(7)
            return [varied_map(person, stick_figures.NAMES, 64, 64, variation, random) for _ in range(count)]

        plain = input_map(person.box, 64, 64)
        for map_, mirrors, box in maps(Variation(0, 0, 0), 10):
            np.testing.assert_allclose(map_, plain)
            self.assertFalse(mirrors)
            self.assertEqual(box, person.box)
        varied = maps(Variation(30, 0.25, 0.5))
        factors = np.array([np.sqrt(abs(np.linalg.det(m[:, :2]))) for m, _, _ in varied]) / plain[0, 0]
        self.assertTrue((factors >= 1 / 1.25 - 1e-9).all() and (factors <= 1 / 0.75 + 1e-9).all())
        self.assertGreater(factors.std(), 0.1)
        self.assertTrue(all((np.linalg.det(m[:, :2]) < 0) == mirrors for m, mirrors, _ in varied))
        self.assertAlmostEqual(np.mean([mirrors for _, mirrors, _ in varied]), 0.5, delta=0.1)
        angles = np.rad2deg([np.arctan2(m[1, 0], m[1, 1]) for m, _, _ in varied])
        self.assertLessEqual(np.abs(angles).max(), 60 + 1e-9)
        self.assertAlmostEqual(np.mean(np.abs(angles) < 1e-9), 0.4, delta=0.1)
        self.assertAlmostEqual(angles[np.abs(angles) > 1e-9].std(), 29, delta=5)  # 30, cut at 60

    def test_knows_the_box_that_the_input_shows(self):
        """Without a turn, the map of estimation for that box is the sample's, half bodies as well."""
        random = np.random.default_rng(3)
        places = np.random.default_rng(4).uniform(20, 90, (len(stick_figures.NAMES), 2))
        person = Person("", None, (20, 20, 70, 70), places, np.ones(len(places), bool))
        for _ in range(50):
            map_, _, box = varied_map(person, stick_figures.NAMES, 64, 64, Variation(0, 0.25, 0, 0.5), random)
            np.testing.assert_allclose(input_map(box, 64, 64)[:, :2], map_[:, :2])
            np.testing.assert_allclose(input_map(box, 64, 64)[:, 2], map_[:, 2], atol=1e-9)

    def test_of_a_crop_blackens_what_estimation_does_not_see(self):
        """tests/estimator/crop_test.cpp has the same numbers."""
        photo = np.full((10, 20, 3), 200, np.uint8)
        for box, factor, (left, top, columns, rows) in (
            ((4, 2, 8, 4), 1, (4, 2, 9, 5)),
            ((4, 2, 8, 4), 1.25, (3, 2, 11, 5)),
            ((4.1, 2.1, 8, 4), 1, (5, 3, 8, 4)),
            ((4.4, 2.4, 0.2, 0.2), 1, (4, 2, 1, 1)),
            ((-5, -5, 10, 30), 2, (0, 0, 11, 10)),
            ((-9, 3, 4, 4), 1, (0, 3, 1, 5)),
            ((30, 40, 4, 4), 1, (19, 9, 1, 1)),
        ):
            seen, sides = cropped(photo, box, factor)
            self.assertEqual(sides, (left, top, left + columns, top + rows))
            self.assertTrue((seen[top : top + rows, left : left + columns] == 200).all())
            self.assertEqual(int(seen.sum()), 3 * 200 * columns * rows)

    def test_of_a_crop_takes_keypoints_outside_of_it_out_of_the_input(self):
        with tempfile.TemporaryDirectory() as folder:
            stick_figures.write_png(os.path.join(folder, "dots.png"), np.full((96, 96, 3), 90, np.uint8))
            path = write_annotations(folder, ["a", "b"], [48, 48, 2, 48, 3, 2], "dots.png")
            annotations = read_annotations(path)  # a in the box, b above it
            inside = images.apply(input_map(annotations.people[0].box, 64, 64), annotations.people[0].places)
            for variation in (None, Variation(0, 0, 1)):
                _, places, labelled, _ = Samples(annotations, (64, 64), variation, crop=1)[0]
                self.assertTrue(labelled.all())
                expected = [64 - inside[0, 0] if variation else inside[0, 0], inside[0, 1]]
                np.testing.assert_allclose(places[0].numpy(), expected, atol=1e-4)
                for exact in (False, True):
                    heatmaps, weights = gaussian_targets(places[None], labelled[None], 16, 16, 4, 2.0, exact, True)
                    self.assertEqual(float(heatmaps[0, 1].max()), 0)
                    self.assertEqual(weights.tolist(), [[1, 1]])

    def test_in_a_sample_moves_keypoints_with_the_picture(self):
        """A spot at each keypoint is found again where the sample says that it is, and of the right side."""
        with tempfile.TemporaryDirectory() as folder:
            dots = {"head": (48, 30), "left_hip": (60, 50), "right_hip": (34, 54)}
            y, x = np.mgrid[:96, :96]
            planes = [255 * np.exp(-((x - u) ** 2 + (y - v) ** 2) / 18) for u, v in dots.values()]
            stick_figures.write_png(os.path.join(folder, "dots.png"), np.stack(planes, axis=2).astype(np.uint8))
            path = write_annotations(folder, list(dots), [v for dot in dots.values() for v in (*dot, 2)], "dots.png")
            annotations = read_annotations(path)
            seen = set()
            for variation in (None, Variation(30, 0.2, 0), Variation(30, 0.2, 1)):
                samples = Samples(annotations, (64, 64), variation, seed=5)
                for samples.epoch in range(5):
                    image, places, labelled, _ = samples[0]
                    self.assertTrue(labelled.all())
                    mirrors = variation is not None and variation.flip == 1
                    for plane, keypoint in enumerate((0, 2, 1) if mirrors else (0, 1, 2)):
                        values = image[plane].numpy().astype(float)
                        y, x = (np.indices(values.shape) * values).sum(axis=(1, 2)) / values.sum()
                        np.testing.assert_allclose(places[keypoint].numpy(), [x, y], atol=0.1)
                    seen.add(tuple(places.flatten().tolist()))
            self.assertEqual(len(seen), 11)  # without variation always the same


class Pictures(FolderTestCase):
    def setUp(self):
        super().setUp()
        self.file = self.path("photo.png")
        self.picture = stick_figures.draw(stick_figures.figure(np.random.default_rng(1)), np.random.default_rng(1))
        stick_figures.write_png(self.file, self.picture)

    def test_are_read_as_rgb(self):
        np.testing.assert_array_equal(images.read_image(self.file, (96, 96)), self.picture)
        with self.assertRaisesRegex(TrainError, r"photo.png: 96x96 pixels, but 96x80 are annotated"):
            images.read_image(self.file, (96, 80))
        self.write("photo.png", b"no picture")
        with self.assertRaisesRegex(TrainError, "photo.png: no picture"):
            images.read_image(self.file)
        with self.assertRaisesRegex(TrainError, "nowhere.png: No such file"):
            images.read_image("nowhere.png")

    @unittest.skipUnless(images.cv2 and images.Image, "OpenCV or Pillow is not installed")
    def test_are_the_same_with_pillow_as_with_opencv(self):
        map_ = input_map((30, 20, 40, 50), 64, 64, rotation=20)
        with_opencv = images.warp(self.picture, map_, 64, 64)
        with mock.patch.object(images, "cv2", None):
            np.testing.assert_array_equal(images.read_image(self.file), self.picture)
            with_pillow = images.warp(self.picture, map_, 64, 64)
        difference = np.abs(with_opencv.astype(int) - with_pillow)
        self.assertLessEqual(difference.max(), 8)  # OpenCV rounds places to 1/32 pixel
        self.assertLess(difference.mean(), 1)

    def test_change_their_colours_within_bounds(self):
        random = np.random.default_rng(0)
        np.testing.assert_array_equal(jitter_colours(self.picture, 0.0, random), self.picture)
        grey = np.full((4, 4, 3), 100, np.uint8)  # no contrast, no saturation: brightness times plane remains
        found = [jitter_colours(grey, 0.2, random)[0, 0] for _ in range(100)]
        self.assertGreaterEqual(np.min(found), 64)
        self.assertLessEqual(np.max(found), 144)
        self.assertGreater(np.std(found), 8)

    def test_change_their_colours_as_one_factor_after_another_does(self):
        contrast, saturation, brightness, *planes = np.random.default_rng(3).uniform(0.8, 1.2, 6)
        grey = self.picture @ np.array([0.299, 0.587, 0.114])
        expected = grey[:, :, None] + saturation * (self.picture - grey[:, :, None])
        expected = (grey.mean() + contrast * (expected - grey.mean())) * brightness * np.array(planes)
        for cv2 in (images.cv2, None):
            with mock.patch.object(images, "cv2", cv2):
                found = jitter_colours(self.picture, 0.2, np.random.default_rng(3))
            self.assertLessEqual(np.abs(found - np.clip(expected, 0, 255)).max(), 1)


    def test_occlusion_hides_a_part_and_leaves_the_rest(self):
        random = np.random.default_rng(5)
        before = self.picture.copy()
        shares = []
        for _ in range(100):
            hidden = (occlude(self.picture, random) != self.picture).any(axis=2)
            rows, columns = np.nonzero(hidden)
            box = (rows.max() - rows.min() + 1) * (columns.max() - columns.min() + 1)
            shares.append(box / hidden.size)
            self.assertGreater(hidden.sum() / box, 0.7)
        np.testing.assert_array_equal(self.picture, before)
        self.assertLessEqual(max(shares), 0.2)
        self.assertGreater(max(shares), 0.1)
        self.assertLess(min(shares), 0.1)


class Network(unittest.TestCase):
    def test_doubles_as_a_transposed_convolution_does(self):
        for channels, out, height, width in ((3, 5, 4, 6), (8, 2, 1, 1), (1, 1, 2, 7)):
            torch.manual_seed(height)
            doubling = Doubling(channels, out)
            results = []
            for forward in (super(Doubling, doubling).forward, doubling.on_cpu):
                x = torch.linspace(-1, 1, 2 * channels * height * width).view(2, channels, height, width)
                x.requires_grad_()
                doubling.weight.grad = None
                y = forward(x)
                (y * torch.arange(y.numel()).view(y.shape).sin()).sum().backward()
                results.append((y.detach(), x.grad, doubling.weight.grad))
            for plain, fast in zip(*results):
                torch.testing.assert_close(fast, plain, rtol=1e-5, atol=1e-5)

    def test_doubles_a_picture_worked_out_by_hand(self):
        doubling = Doubling(1, 1)
        doubling.weight.data = torch.arange(1.0, 17).view(1, 1, 4, 4)
        y = doubling.on_cpu(torch.tensor([[[[1.0, 2], [3, 4]]]]))
        expected = [[6, 17, 20, 14], [16, 42, 52, 34], [32, 82, 92, 58], [30, 69, 76, 44]]
        self.assertEqual(y[0, 0].tolist(), expected)

    def test_is_the_reference_network(self):
        for depth in (18, 50):
            network, original = PoseResNet(depth, 7), reference.PoseResNet(depth, 7)
            initialize(network, torch.Generator().manual_seed(1))
            original.load_state_dict(network.state_dict())
            self.assertEqual(list(network.state_dict()), list(original.state_dict()))  # Adam's state goes by the order
            x = torch.randn(2, 3, 64, 32, generator=torch.Generator().manual_seed(2))
            for module in (network, original):
                module.train()  # with running statistics the outputs would be next to nothing
            with torch.no_grad():
                found, expected = network(x), original(x)
            self.assertEqual(found.shape, (2, 7, 16, 8))
            self.assertLess(float((found - expected).abs().max() / expected.abs().max()), 1e-4)

    def test_of_every_depth_has_the_tensors_that_the_converter_expects(self):
        for depth, parameters in ((18, 15376464), (34, None), (50, 33999440), (101, None), (152, None)):
            network = PoseResNet(depth, 16)
            shapes = {n: tuple(v.shape) for n, v in network.state_dict().items() if "num_batches" not in n}
            expected = convert.FAMILIES[-1].network(shapes)
            self.assertEqual(expected.shapes, shapes)
            self.assertEqual(expected.document["depth"], depth)
            self.assertIn(parameters, (None, sum(p.numel() for p in network.parameters())))


class Start(FolderTestCase):
    def setUp(self):
        super().setUp()
        self.file = self.path("start.pth")
        self.network = PoseResNet(18, 5, (8, 8, 8))
        initialize(self.network, torch.Generator().manual_seed(0))
        self.other = PoseResNet(18, 5, (8, 8, 8))
        initialize(self.other, torch.Generator().manual_seed(1))

    def start(self, state):
        torch.save(state, self.file)
        return start_from(self.network, self.file)

    def test_from_a_backbone_takes_what_it_has(self):
        head = ("deconv_layers", "final_layer")
        backbone = {n: v for n, v in self.other.state_dict().items() if not n.startswith(head)}
        del backbone["layer4.1.conv2.weight"]
        backbone["fc.weight"] = torch.zeros(1000, 512)
        before = {n: v.clone() for n, v in self.network.state_dict().items()}
        taken, left = self.start(backbone)
        after = self.network.state_dict()
        new = {name for name in after if name.startswith(head) and "num_batches" not in name}
        self.assertEqual(set(left), new | {"layer4.1.conv2.weight"})
        for name in taken:
            self.assertTrue(torch.equal(after[name], backbone[name]))
        for name in left:
            self.assertTrue(torch.equal(after[name], before[name]))

    def test_from_a_whole_network_leaves_heatmaps_of_other_keypoints(self):
        state = {"state_dict": PoseResNet(18, 7, (8, 8, 8)).state_dict()}
        self.assertEqual(self.start(state)[1], ["final_layer.weight", "final_layer.bias"])
        self.assertEqual(self.start({"state_dict": self.other.state_dict()})[1], [])

    def test_from_a_model_file_takes_its_values(self):
        network = PoseResNet(18, 16)
        taken, left = start_from(network, FLOAT_MODEL)
        self.assertEqual(left, [])
        with open(FLOAT_MODEL, "rb") as file:
            data = file.read()
        (length,) = struct.unpack("<Q", data[:8])
        entry = json.loads(data[8 : 8 + length])["final_layer.weight"]
        begin, end = entry["data_offsets"]
        expected = np.frombuffer(data[8 + length + begin : 8 + length + end], "<f2")
        np.testing.assert_array_equal(network.final_layer.weight.detach().numpy().ravel(), expected)

    def features(self, network, x):
        """What the last layer is given."""
        given = []
        hook = network.final_layer.register_forward_pre_hook(lambda _, inputs: given.extend(inputs))
        network(x)
        hook.remove()
        return given[0]

    def test_from_a_wider_network_takes_the_channels_that_say_something(self):
        for depth in (18, 50):
            wide = PoseResNet(depth, 5, (16, 12, 8), width=8)
            initialize(wide, torch.Generator().manual_seed(2))
            random = torch.Generator().manual_seed(3)
            for module in wide.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    with torch.no_grad():
                        for values in (module.weight, module.bias):
                            values.uniform_(0.5, 1.5, generator=random)
                            values[::2] = 0  # so that these channels are 0 wherever they are read
                        module.running_mean.normal_(generator=random)
            network = PoseResNet(depth, 5, (8, 6, 4), width=4)
            torch.save(wide.state_dict(), self.file)
            taken, left = start_from(network, self.file)
            self.assertEqual(left, ["final_layer.weight", "final_layer.bias"])
            self.assertEqual(len(taken), len([name for name in wide.state_dict() if "num_b" not in name]) - 2)
            x = torch.randn(1, 3, 64, 64, generator=random)
            with torch.no_grad():
                expected, found = (self.features(net.eval(), x) for net in (wide, network))
            self.assertEqual(float(expected[:, ::2].abs().max()), 0)
            torch.testing.assert_close(found, expected[:, 1::2])

    def test_from_what_does_not_fit_is_refused(self):
        with self.assertRaisesRegex(TrainError, r"conv1.weight has shape \[8, 3, 7, 7\], expected \[64, 3, 7, 7\]"):
            self.start({"conv1.weight": torch.zeros(8, 3, 7, 7)})
        with self.assertRaisesRegex(TrainError, r"none of its tensors \(classifier.weight, ...\)"):
            self.start({"classifier.weight": torch.zeros(3)})
        with self.assertRaisesRegex(TrainError, "nowhere.pth: No such file"):
            start_from(self.network, "nowhere.pth")
        quantized = self.path("quantized.safetensors")
        with open(quantized, "wb") as file:
            file.write(quantized_models.safetensors([("conv1.weight", "I8", (8, 3, 7, 7), bytes(8 * 3 * 7 * 7))]))
        says = "quantized.safetensors: is quantised to 8 bit; start from the float model"
        with self.assertRaisesRegex(TrainError, says):
            start_from(self.network, quantized)


class Schedule(unittest.TestCase):
    def test_steps_to_a_tenth(self):
        recipe = Recipe(epochs=140, steps=(90, 120))
        rates = [learning_rate(recipe, epoch, 5, 10) for epoch in (0, 89, 90, 119, 120, 139)]
        np.testing.assert_allclose(rates, [1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5])

    def test_falls_as_a_cosine_after_a_warm_up(self):
        recipe = Recipe(epochs=4, schedule="cosine", warmup=4)
        rates = [learning_rate(recipe, step // 10, step % 10, 10) for step in range(40)]
        self.assertAlmostEqual(rates[0], 1e-3 / 4)
        self.assertAlmostEqual(rates[20], 0.5e-3)
        self.assertAlmostEqual(rates[10], 1e-3 * (1 + math.cos(math.pi / 4)) / 2)
        self.assertLess(rates[39], 1e-5)

    def test_scales_its_steps_with_the_epochs(self):
        options = train.parse(["a.json", "b.safetensors", "--epochs", "14", "--input", "384x288", "--head", "64"])
        recipe = train.recipe_of(options, torch.device("cpu"))
        self.assertEqual((recipe.steps, recipe.sigma, recipe.head), ((9, 12), 3.0, (64, 64, 64)))
        self.assertEqual(train.decoder_of(recipe), {"type": "quarter_offset", "margin": 1})


def write_annotations(folder, names, keypoints, photo="0001.png", **changes):
    entry = {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "bbox": [8, 8, 80, 80], "keypoints": keypoints}
    document = {
        "images": [{"id": 1, "file_name": photo, "width": 96, "height": 96}],
        "annotations": [{**entry, **changes}],
        "categories": [{"id": 1, "name": "person", "keypoints": names}],
    }
    path = os.path.join(folder, "annotations.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file)
    return path


class Annotated(FolderTestCase):
    def annotated(self, names, keypoints, **changes):
        return read_annotations(write_annotations(self.folder, names, keypoints, **changes))

    def test_people_have_places_and_labels(self):
        annotations = self.annotated(["nose", "left_eye", "right_eye"], [1, 2, 2, 3, 4, 1, 0, 0, 0])
        person = annotations.people[0]
        self.assertEqual(person.places.tolist(), [[1, 2], [3, 4], [0, 0]])
        self.assertEqual(person.labelled.tolist(), [True, True, False])  # hidden ones count
        self.assertEqual(person.photo, self.path("0001.png"))
        self.assertEqual(annotations.skeleton.flip_pairs, [(1, 2)])

    def test_sets_that_limn_knows_have_its_links(self):
        annotations = self.annotated(convert.SKELETONS["mpii16"].keypoints, [1, 1, 2] * 16)
        self.assertEqual(annotations.skeleton.links, convert.SKELETONS["mpii16"].links)
        self.assertCountEqual(
            [tuple(sorted(pair)) for pair in annotations.skeleton.flip_pairs], convert.SKELETONS["mpii16"].flip_pairs
        )

    def test_validation_is_matched_by_name(self):
        annotations = self.annotated(["a", "b", "c"], [1, 2, 2, 3, 4, 2, 5, 6, 2])
        person = with_keypoints(annotations, ["c", "x", "a"]).people[0]
        self.assertEqual(person.places[[0, 2]].tolist(), [[5, 6], [1, 2]])
        self.assertEqual(person.labelled.tolist(), [True, False, True])
        with self.assertRaisesRegex(TrainError, "none of those trained on"):
            with_keypoints(annotations, ["x"])

    def test_that_are_wrong_are_refused_by_name(self):
        for says, keypoints, changes in (
            (r"annotations\[0\]: keypoints: expected 6 numbers", [1, 2, 2], {}),
            (r"annotations\[0\]: keypoints: expected 6 numbers", [1, 2, 2, float("nan"), 1, 2], {}),
            (r"annotations\[0\]: bbox: expected 4 numbers", [1, 2, 2] * 2, {"bbox": "no"}),
            (r"annotations\[0\]: image_id: expected the id of one of the images", [1, 2, 2] * 2, {"image_id": 7}),
            ("nobody in it has both a box and a labelled keypoint", [1, 2, 0] * 2, {}),
            ("nobody in it has both a box and a labelled keypoint", [1, 2, 2] * 2, {"iscrowd": 1}),
        ):
            with self.assertRaisesRegex(TrainError, "annotations.json: ?.*" + says):
                self.annotated(["a", "b"], keypoints, **changes)
        path = self.write("list.json", "[]")
        with self.assertRaisesRegex(TrainError, "list.json: expected an object"):
            read_annotations(path)


class Pck(unittest.TestCase):
    def test_is_what_it_is_by_hand(self):
        # Torso (0, 0) to (30, 40): 50 pixels, so 10 are allowed; the box would allow 0.2 * 0.3125 * 100 = 6.25.
        names = ["left_shoulder", "right_hip", "head", "pelvis"]
        places = np.array([[0.0, 0], [30, 40], [15, 0], [20, 40]])
        found = places + [[9.9, 0], [0, 10.1], [6, 7], [99, 0]]
        tally = Tally(names)
        tally.add(Person("", None, (0, 0, 50, 100), places, np.array([True, True, True, True])), found)
        self.assertEqual(tally.right.tolist(), [1, 0, 1, 0])
        self.assertAlmostEqual(tally.mean(), 2 / 3)  # pelvis left out
        tally = Tally(names)
        tally.add(Person("", None, (0, 0, 50, 100), places, np.array([True, False, True, True])), found)
        self.assertEqual((tally.right.tolist(), tally.labelled.tolist()), ([0, 0, 0, 0], [1, 0, 1, 1]))


class Interrupted(FolderTestCase):
    def setUp(self):
        super().setUp()
        self.annotations = read_annotations(stick_figures.write(self.folder, 13, seed=9))
        self.checkpoint = self.path("checkpoint.pth")

    def trained(self, stops_after=(), recipe=TINY, workers=0):
        """The weights after a training that is stopped after some of its steps, and goes on in a new Trainer."""
        done = 0
        for stop in (*stops_after, None):
            trainer = Trainer(recipe, self.annotations, workers=workers)
            if os.path.exists(self.checkpoint):
                trainer.load(self.checkpoint)

            class StopThere(train.Report):
                def step(self, trainer, losses):
                    nonlocal done
                    done += 1
                    trainer.stop = done == stop

            self.assertEqual(trainer.run(self.checkpoint, report=StopThere()), stop is None)
        os.remove(self.checkpoint)
        self.assertEqual(done, 6)  # 13 people make three batches of 4
        return trainer.learned().state_dict()

    def assert_same(self, a, b):
        self.assertTrue(all(torch.equal(a[name], b[name]) for name in a))

    def test_within_and_between_epochs_it_ends_with_the_same_weights(self):
        whole = self.trained()
        self.assert_same(self.trained(stops_after=(2, 3, 5)), whole)
        other = self.trained(recipe=TINY._replace(seed=1))
        self.assertFalse(torch.equal(other["conv1.weight"], whole["conv1.weight"]))
        self.assert_same(self.trained(stops_after=(4,), workers=1), whole)
        averaged = self.trained(recipe=TINY._replace(average=0.9))
        self.assert_same(self.trained(stops_after=(2, 3), recipe=TINY._replace(average=0.9)), averaged)
        self.assertFalse(torch.equal(averaged["conv1.weight"], whole["conv1.weight"]))

    def test_average_is_that_of_the_weights_after_each_step(self):
        trainer = Trainer(TINY._replace(average=0.5), self.annotations)
        seen = []

        class Weights(train.Report):
            def step(self, trainer, losses):
                seen.append(trainer.network.state_dict()["bn1.weight"].clone())

        mean = trainer.network.state_dict()["bn1.weight"].clone()
        trainer.run(report=Weights())
        for number, weights in enumerate(seen, 1):
            share = min(0.5, number / (number + 9))
            mean = share * mean + (1 - share) * weights
        torch.testing.assert_close(trainer.learned().state_dict()["bn1.weight"], mean)

    def test_it_refuses_to_go_on_with_something_else(self):
        trainer = Trainer(TINY, self.annotations)
        trainer.save(self.checkpoint)
        for recipe, says in ((TINY._replace(batch=5), "with batch 4, "), (TINY._replace(depth=34), "with depth 18, ")):
            with self.assertRaisesRegex(TrainError, says):
                Trainer(recipe, self.annotations).load(self.checkpoint)
        with self.assertRaisesRegex(TrainError, "other annotations"):
            Trainer(TINY, self.annotations._replace(sha256="0")).load(self.checkpoint)
        class Hostile:
            def __reduce__(self):
                return os.mkdir, (checkpoint + ".was_run",)

        checkpoint = self.checkpoint
        torch.save({"recipe": Hostile(), "annotations": ""}, checkpoint)
        with self.assertRaisesRegex(TrainError, "no checkpoint of train.py"):
            trainer.load(checkpoint)
        self.assertFalse(os.path.exists(checkpoint + ".was_run"))
        with open(self.checkpoint, "wb") as file:
            file.write(b"nothing")
        with self.assertRaisesRegex(TrainError, "no checkpoint of train.py"):
            trainer.load(self.checkpoint)

    def test_by_a_signal_it_leaves_a_checkpoint_to_go_on_from(self):
        path, output = self.path("annotations.json"), self.path("out.safetensors")
        arguments = [path, output, "--input", "32x32", "--head", "8", "--batch", "4", "--epochs", "1", "--threads", "1"]
        arguments += ["--targets", "exact", "--half-body", "0.5", "--colour-jitter", "0.2", "--schedule", "cosine"]
        arguments += ["--warmup", "2", "--precision", "f32", "--depth", "34", "--f16", "--name", "tiny"]
        command = [sys.executable, os.path.join(ROOT, "tools", "train.py"), *arguments]
        say_when = "train.Printed.step = lambda self, trainer, losses: os.kill(os.getpid(), %d)" % signal.SIGTERM
        program = f"import os, sys; sys.path.insert(0, {os.path.dirname(command[1])!r}); import train; {say_when}; "
        program += f"sys.exit(train.main({arguments!r}))"
        done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 130, done.stdout)
        self.assertIn("--resume goes on from", done.stdout)
        self.assertFalse(os.path.exists(output))
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"train.py: .*out.checkpoint.pth: exists; --resume goes on from it")
        done = subprocess.run(command + ["--resume"], stdout=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 0)
        self.assertIn("goes on after 0 epochs and 1 steps", done.stdout)
        document = document_of(output)
        self.assertEqual((document["name"], document["network"]["depth"]), ("tiny", 34))
        self.assertEqual(document["decoder"], {"type": "dark", "offset": 0.0, "kernel": 11})
        self.assertEqual(document["accuracy"], [])


def weights_of_crew(annotations, crew):
    """What a process of a crew has learned of a training of TINY's; a function of the module, for it is sent."""
    torch.set_num_threads(1)
    losses = []

    class Losses(train.Report):
        def step(self, trainer, of_epoch):
            losses.append(float(of_epoch[-1]))

    trainer = Trainer(TINY, read_annotations(annotations), crew=crew)
    trainer.run(report=Losses())
    return {name: value.numpy() for name, value in trainer.network.state_dict().items()}, losses


class Processes(FolderTestCase):
    def setUp(self):
        super().setUp()
        self.annotations = stick_figures.write(self.folder, 9, seed=9)

    def test_share_each_batch_and_learn_from_the_mean(self):
        """As one process that works out the gradient of each half of a batch, and steps along their mean."""
        (first, losses), (second, _) = run_crew(2, functools.partial(weights_of_crew, self.annotations))
        trainer = Trainer(TINY, read_annotations(self.annotations))
        network, expected_losses = trainer.network.train(), []
        for epoch in range(TINY.epochs):
            samples = trainer.task.samples(epoch)
            people = order(9, TINY.seed, epoch)[:8]
            for batch in (people[:4], people[4:]):
                gradients, halves = [], []
                for half in (batch[:2], batch[2:]):
                    images, places, labelled, _ = zip(*(samples[number] for number in half))
                    maps = trainer._forward(network, torch.stack(images))
                    loss = trainer.task.loss(maps, torch.stack(places), torch.stack(labelled))
                    network.zero_grad()
                    loss.backward()
                    halves.append(float(loss))
                    gradients.append([parameter.grad.clone() for parameter in network.parameters()])
                for parameter, one, other in zip(network.parameters(), *gradients):
                    parameter.grad = (one + other) / 2
                trainer.optimizer.param_groups[0]["lr"] = learning_rate(TINY, epoch, 0, 2)
                trainer.optimizer.step()
                expected_losses.append(sum(halves) / 2)
        np.testing.assert_allclose(losses, expected_losses, rtol=1e-4)
        for name, parameter in network.named_parameters():
            np.testing.assert_array_equal(first[name], second[name])
            np.testing.assert_allclose(first[name], parameter.detach().numpy(), atol=1e-4)

    def test_do_what_one_does_and_say_it_once(self):
        arguments = [self.annotations, self.path("out.safetensors"), "--input", "32x32", "--head", "8", "--batch", "4"]
        arguments += ["--epochs", "1", "--threads", "1", "--precision", "f32", "--processes", "2"]
        command = [sys.executable, os.path.join(ROOT, "tools", "train.py"), *arguments]
        run = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "check": False}
        done = subprocess.run(command, **run)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.count("epoch 1/1"), 1)
        self.assertEqual(document_of(self.path("out.safetensors"))["network"]["depth"], 18)
        done = subprocess.run(command, **run)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.count("exists; --resume goes on from it"), 1)
        done = subprocess.run(command + ["--batch", "5", "--resume"], **run)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, "train.py: a batch of 5 cannot be shared by 2 processes\n")

    def test_stop_together_at_a_signal(self):
        arguments = [self.annotations, self.path("out.safetensors"), "--input", "32x32", "--head", "8", "--batch", "4"]
        arguments += ["--epochs", "100000", "--threads", "1", "--processes", "2"]
        command = [sys.executable, "-u", os.path.join(ROOT, "tools", "train.py"), *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                if line.startswith("epoch 1/"):
                    break
            process.send_signal(signal.SIGTERM)
            said = process.stdout.read()
        self.assertEqual(process.returncode, 130, said)
        self.assertIn("interrupted; --resume goes on from", said)
        self.assertTrue(os.path.exists(self.path("out.checkpoint.pth")))


class StickFigures(unittest.TestCase):
    """A training from nothing, with the published recipe but for its size."""

    def test_are_learned_in_a_minute(self):
        with tempfile.TemporaryDirectory() as folder:
            seen = stick_figures.write(os.path.join(folder, "seen"), 600, seed=1)
            unseen = stick_figures.write(os.path.join(folder, "unseen"), 200, seed=2)
            output = os.path.join(folder, "sticks.safetensors")
            arguments = [seen, output, "--validation", unseen, "--input", "64x64", "--head", "64", "--sigma", "1"]
            arguments += ["--rotation", "15", "--batch", "16", "--epochs", "8", "--steps", "6", "--validate-every", "8"]
            arguments += ["--device", "cpu", "--threads", "1", "--license", "none"]
            status, said = run_training(arguments)
            print(said)
            self.assertEqual(status, 0)

            document = document_of(output)
            self.assertEqual(document["name"], "pose_resnet18_person13_64x64")
            self.assertEqual(document["keypoints"], stick_figures.NAMES)
            self.assertEqual(document["links"], [list(link) for link in stick_figures.LINKS])
            self.assertEqual(document["flip_pairs"], [[i, i + 1] for i in range(1, 13, 2)])
            self.assertEqual(document["decoder"], {"type": "quarter_offset", "offset": 0.0, "margin": 1})
            self.assertEqual(document["input"]["channels"], "rgb")
            self.assertEqual(document["source"]["trained_on"], "annotations.json, 600 people")
            (accuracy,) = document["accuracy"]
            self.assertEqual((accuracy["set"], accuracy["metric"]), ("unseen/annotations.json", "PCK@0.2"))
            self.assertGreater(accuracy["value"], 0.9)

            if PROGRAM:
                result = os.path.join(folder, "result.json")
                run = {"stdout": subprocess.PIPE, "text": True, "check": True}
                self.assertIn("left_shoulder", subprocess.run([PROGRAM, "info", output], **run).stdout)
                evaluate = [PROGRAM, "evaluate", unseen, "--model", output, "--json", result]
                subprocess.run(evaluate, stderr=subprocess.DEVNULL, **run)
                with open(result, encoding="utf-8") as file:
                    score = json.load(file)["values"]["Mean"]
                # The trainer may have used bfloat16, and OpenCV's rounding of places.
                self.assertAlmostEqual(score, accuracy["value"], delta=0.01)


if __name__ == "__main__":
    torch.set_num_threads(1)
    unittest.main()
