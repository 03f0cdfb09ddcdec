#!/usr/bin/env python3
"""Tests of tools/train.py --detector; need PyTorch, and OpenCV or Pillow.

    tests/tools/train_detector_test.py                                  what it is made of, and a training of a minute
    LIMN_PROGRAM=build/tools/limn tests/tools/train_detector_test.py    and the limn program is given its result
"""

import json
import os
import subprocess
import sys
import unittest

try:
    import numpy as np
    import torch
except ImportError as error:
    print(f"skipped: {error.name} is missing")
    sys.exit(77)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))

import stick_figures
from folder_test_case import FolderTestCase
from limn_program import PROGRAM
from limn_train import TrainError, images
from limn_train.annotations import Photo, read_boxes
from limn_train.detection import (
    BoxTally,
    PhotoSamples,
    SceneVariation,
    center_loss,
    center_targets,
    corners_of,
    decode_boxes,
    found_in,
    iou,
    mapped,
    varied_map,
    whole_map,
)
from limn_train.network import CenterNet, initialize
from training_run import document_of, run_training

if images.cv2 is None and images.Image is None:
    print("skipped: neither OpenCV nor Pillow is installed")
    sys.exit(77)


def targets_of(boxes, ignored=None, size=(64, 96), stride=8):
    """boxes: [(left, top, right, bottom), ...] in input pixels."""
    boxes = np.array(boxes, float).reshape(-1, 4)
    return center_targets(boxes, np.zeros(len(boxes), bool) if ignored is None else np.array(ignored), *size, stride)


def maps_of(targets):
    """What a network would put out that is right."""
    heatmap = np.clip(targets[:1], 1e-3, 1 - 1e-3)
    return np.concatenate([np.log(heatmap / (1 - heatmap)), targets[3:]])


class Targets(unittest.TestCase):
    def test_have_a_peak_in_the_centres_cell_with_size_and_offset(self):
        maps = targets_of([(20, 8, 44, 56)])  # centre (32, 32): cell (4, 4); 24 x 48 pixels: 3 x 6 cells
        self.assertEqual(maps.shape, (7, 8, 12))
        self.assertEqual(maps[[0, 1, 3, 4, 5, 6], 4, 4].tolist(), [1, 1, 3, 6, 0, 0])
        maps = targets_of([(21, 9, 47, 59)])  # centre (34, 34), a quarter of a cell further
        np.testing.assert_allclose(maps[3:, 4, 4], [26 / 8, 50 / 8, 0.25, 0.25])
        self.assertEqual(np.argwhere(maps[0] == 1).tolist(), [[4, 4]])
        self.assertTrue((maps[1] == 1).all())

    def test_tell_the_box_around_its_centre_too(self):
        """TTFNet, section 3: of a person 4 cells wide and 8 high, 0.54 of it: the centre's cell, one to each side, two
        up and down; standard deviations of a sixth of 3 and of 5 cells."""
        maps = targets_of([(32, 0, 64, 64)])
        rows, columns = np.nonzero(maps[2])
        self.assertEqual((rows.min(), rows.max(), columns.min(), columns.max()), (2, 6, 5, 7))
        self.assertEqual(np.count_nonzero(maps[0]), 15)
        np.testing.assert_allclose(maps[0, 4, 5:8], np.exp([-2, 0, -2]), atol=1e-6)
        np.testing.assert_allclose(maps[0, 2:7, 6], np.exp([-2.88, -0.72, 0, -0.72, -2.88]), atol=1e-6)
        self.assertAlmostEqual(float(maps[2].sum()), 1, places=6)
        np.testing.assert_allclose(maps[2] / maps[2].max(), maps[0], atol=1e-6)
        for row, column in zip(rows, columns):
            self.assertEqual(maps[3:, row, column].tolist(), [4, 8, 6 - column, 4 - row])

    def test_are_read_back_exactly(self):
        boxes = np.array([(3, 5, 30, 61), (50, 10, 60, 40), (70, 2, 95, 63)], float)
        found = decode_boxes(maps_of(targets_of(boxes)), 8, 0.5, 0.6)
        np.testing.assert_allclose(found[np.argsort(found[:, 0]), :4], boxes, atol=1e-5)

    def test_of_somebody_cut_off_are_of_the_part_that_is_seen(self):
        found = decode_boxes(maps_of(targets_of([(-20, 10, 40, 90)])), 8, 0.5, 0.6)
        np.testing.assert_allclose(found[:, :4], [(0, 10, 40, 64)], atol=1e-5)

    def test_do_not_count_where_it_is_unclear(self):
        for box, ignored in (((40, 20, 44, 50), False), ((-60, 10, 10, 60), False), ((40, 20, 70, 50), True)):
            maps = targets_of([box], [ignored])
            self.assertEqual(maps[0].max(), 0)
            self.assertEqual(maps[1, 4, max(int((box[0] + box[2]) / 16), 0)], 0, box)
            self.assertEqual(maps[1, 7, 11], 1)
        # Somebody in a crowd who has a box of their own counts.
        maps = targets_of([(0, 0, 96, 64), (20, 8, 44, 56)], [True, False])
        self.assertEqual(maps[0, 4, 4], 1)
        self.assertTrue((maps[1] == (maps[0] > 0)).all())


class Loss(unittest.TestCase):
    def test_is_what_it_is_by_hand(self):
        # One person in the second of two cells. Logit 0 is 0.5: at the centre -(1 - 0.5)^2 log 0.5; beside it the
        # target is 0.5: -(1 - 0.5)^4 0.5^2 log 0.5. The width is off by 2 of 3, the height by 1 of 4, and the centre
        # by 0.5 of the width.
        targets = torch.zeros(1, 7, 1, 3)
        targets[0, 0, 0, :2] = torch.tensor([0.5, 1])
        targets[0, 1, 0, :2] = 1  # the third cell counts for nothing
        targets[0, 2, 0] = torch.tensor([0.25, 0.75, 0])
        targets[0, 3:, 0, :2] = torch.tensor([[3, 3], [4, 4], [1.5, 0.5], [0.25, 0.25]])
        maps = torch.zeros(1, 5, 1, 3)
        maps[0, 1:, 0, 0] = targets[0, 3:, 0, 0]
        maps[0, 1:, 0, 1] = torch.tensor([1, 5, 0, 0.25])
        maps[0, 1:, 0, 2] = 99
        focal = (0.25 + 0.0625 * 0.25) * np.log(2)
        boxes = 2 / 3 + 1 / 4 + 2 * 0.5 / 3
        self.assertAlmostEqual(float(center_loss(maps, targets)), focal + 2 * 0.75 * boxes, places=6)
        maps[0, 4, 0, 0] += 1
        self.assertAlmostEqual(float(center_loss(maps, targets)), focal + 2 * (0.75 * boxes + 0.25 * 2 / 4), places=6)

    def test_falls_towards_the_targets(self):
        targets = torch.from_numpy(targets_of([(20, 8, 44, 56)]))[None]
        right = torch.from_numpy(maps_of(targets[0].numpy())).float()[None]
        self.assertLess(float(center_loss(right, targets)), 0.02)
        self.assertGreater(float(center_loss(torch.zeros_like(right), targets)), 1)


class Decoder(unittest.TestCase):
    def test_keeps_the_surer_of_two_that_overlap(self):
        maps = np.zeros((5, 8, 12))
        maps[0] = -9
        maps[1:3] = 4
        maps[0, 4, 4], maps[0, 4, 6], maps[0, 4, 9] = 2, 1, 0  # 0.88, 0.73, 0.5; widths of 4 cells
        self.assertEqual(len(decode_boxes(maps, 8, 0.3, 0.2)), 2)
        self.assertEqual(len(decode_boxes(maps, 8, 0.3, 0.5)), 3)
        self.assertEqual(len(decode_boxes(maps, 8, 0.6, 0.5)), 2)
        self.assertEqual(decode_boxes(maps - 9, 8, 0.3, 0.5).shape, (0, 5))
        maps[1] = -1
        self.assertEqual(len(decode_boxes(maps, 8, 0.3, 0.5)), 0)


    def test_gives_boxes_in_photo_pixels_within_the_photo(self):
        # 0.16 times as large, with bars of 16 rows above and below.
        in_photo = np.array([(20, 10, 120, 190), (300, 50, 400, 200)], float)
        in_input = 0.16 * in_photo + [0, 16, 0, 16]
        maps = maps_of(targets_of(in_input, size=(64, 64)))
        found = found_in((400, 200), maps, 8, (64, 64))
        np.testing.assert_allclose(found[np.argsort(found[:, 0]), :4], in_photo, atol=1e-4)
        maps[1] = np.where(maps[1] > 0, 99, 0)
        self.assertEqual(found_in((400, 200), maps, 8, (64, 64))[0, [0, 2]].tolist(), [0, 400])


class Variation(unittest.TestCase):
    def test_of_nothing_is_the_letterbox(self):
        random = np.random.default_rng(1)
        map_, mirrors = varied_map((400, 200), 64, 64, SceneVariation(0, 0, 0, 0), random)
        self.assertFalse(mirrors)
        np.testing.assert_allclose(map_[:, :2], 0.16 * np.eye(2))
        np.testing.assert_allclose(whole_map((400, 200), 64, 64), [[0.16, 0, 0], [0, 0.16, 16]], atol=1e-12)

    def test_leaves_no_border_that_need_not_be_and_mirrors_boxes(self):
        random = np.random.default_rng(2)
        box = np.array([[10, 20, 30, 60]])
        mirrored = 0
        for _ in range(50):
            map_, mirrors = varied_map((200, 200), 64, 64, SceneVariation(), random)
            mirrored += mirrors
            left, top, right, bottom = mapped(map_, np.array([[0, 0, 200, 200]]))[0]
            for low, high in ((left, right), (top, bottom)):
                self.assertTrue((low >= -1e-9 and high <= 64 + 1e-9) or (low <= 1e-9 and high >= 64 - 1e-9))
            low = mapped(map_, box)[0]
            self.assertTrue(low[0] < low[2] and low[1] < low[3])
        self.assertTrue(10 < mirrored < 40)


class Tallies(unittest.TestCase):
    def photo(self, boxes, ignored=()):
        ignored = np.array([i in ignored for i in range(len(boxes))])
        return Photo("", (100, 100), np.array(boxes, float).reshape(-1, 4), ignored)

    def test_precision_is_averaged_over_recalls(self):
        # Of two people one is found, after a box where nobody is: recall 0.5 with precision 0.5.
        tally = BoxTally()
        found = np.array([(60, 60, 90, 90, 0.9), (0, 0, 20, 50, 0.8)])
        tally.add(self.photo([(0, 0, 20, 50), (50, 0, 20, 50)]), (100, 100), found)
        self.assertAlmostEqual(tally.mean(), 0.5 * 51 / 101)
        self.assertEqual([value.tolist() for value in tally.curve()[1:]], [[0, 0.5], [0, 0.5]])

    def test_small_people_and_crowds_are_neither_missed_nor_wrong(self):
        tally = BoxTally()
        people = [(0, 0, 20, 50), (50, 0, 5, 19), (60, 50, 40, 50)]
        found = np.array([(0, 0, 20, 50, 0.9), (50, 0, 55, 19, 0.8), (60, 50, 100, 100, 0.7), (60, 50, 99, 100, 0.7),
                          (20, 80, 30, 99, 0.6)])
        tally.add(self.photo(people, ignored=(2,)), (100, 100), found)
        self.assertEqual((tally.people, tally.mean()), (1, 1))

    def test_somebody_found_twice_is_once_wrong(self):
        tally = BoxTally()
        tally.add(self.photo([(0, 0, 20, 50)]), (100, 100), np.array([(0, 0, 20, 50, 0.9), (0, 0, 20, 49, 0.8)]))
        self.assertEqual([value.tolist() for value in tally.curve()[1:]], [[1, 1], [1, 0.5]])
        tally = BoxTally()
        tally.add(self.photo([(0, 0, 20, 50)]), (100, 100), np.zeros((0, 5)))
        self.assertEqual(tally.mean(), 0)


class Boxes(FolderTestCase):
    def write_boxes(self, **changes):
        document = {
            "images": [{"id": 7, "file_name": "a.png", "width": 4, "height": 4}, {"id": 8, "file_name": "b.png"}],
            "annotations": [
                {"image_id": 7, "category_id": 2, "bbox": [0, 1, 2, 3]},
                {"image_id": 7, "category_id": 2, "bbox": [0, 0, 4, 4], "iscrowd": 1},
                {"image_id": 7, "category_id": 1, "bbox": [0, 0, 1, 1]},
            ],
            "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "person"}],
        }
        return self.write("boxes.json", json.dumps({**document, **changes}))

    def test_are_those_of_people_in_all_photos(self):
        first, second = read_boxes(self.write_boxes()).photos
        self.assertEqual((first.boxes.tolist(), first.ignored.tolist()), ([[0, 1, 2, 3], [0, 0, 4, 4]], [False, True]))
        self.assertEqual((second.file, second.size, len(second.boxes)), (self.path("b.png"), None, 0))

    def test_that_cannot_be_are_refused(self):
        box = {"image_id": 7, "category_id": 2, "bbox": [0, 1, 2]}
        for changes, says in (
            ({"annotations": [box]}, r"annotations\[0\]: bbox: expected 4 numbers"),
            ({"annotations": [{**box, "image_id": 9}]}, r"annotations\[0\]: image_id: expected the id"),
            ({"annotations": []}, "nobody in it has a box"),
            ({"categories": [{"id": 1}, {"id": 2}]}, "expected one category named person, found 2"),
        ):
            with self.assertRaisesRegex(TrainError, says):
                read_boxes(self.write_boxes(**changes))


def write_scenes(folder, count, seed):
    """Photos of one to three stick figures of different sizes, none on another, and their boxes."""
    random = np.random.default_rng(seed)
    document = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "person"}]}
    os.makedirs(folder, exist_ok=True)
    for number in range(count):
        ground = random.uniform(60, 200, 3)
        picture = np.clip(ground + random.normal(0, 8, (128, 192, 3)), 0, 255).astype(np.uint8)
        document["images"].append({"id": number, "file_name": f"{number}.png", "width": 192, "height": 128})
        for third in random.permutation(3)[: random.integers(1, 4)]:
            places = stick_figures.figure(random)
            figure = stick_figures.draw(places, random)
            low, high = places.min(axis=0) - 4, places.max(axis=0) + 4
            left, top = int(low[0]), int(low[1])
            part = figure[top : int(high[1]), left : int(high[0])]
            step = random.choice([1, 1, 2])
            part = part[::step, ::step]
            height, width = min(part.shape[0], 128), min(part.shape[1], 64)
            y, x = random.integers(0, 128 - height + 1), 64 * third + random.integers(0, 64 - width + 1)
            picture[y : y + height, x : x + width] = part[:height, :width]
            box = [int(x), int(y), int(width), int(height)]
            entry = {"id": len(document["annotations"]), "image_id": number, "category_id": 1, "bbox": box}
            document["annotations"].append({**entry, "area": int(width * height), "iscrowd": 0})
        stick_figures.write_png(os.path.join(folder, f"{number}.png"), picture)
    path = os.path.join(folder, "boxes.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file)
    return path


class Samples(FolderTestCase):
    def test_show_people_where_the_targets_say(self):
        boxes = read_boxes(write_scenes(self.folder, 4, seed=3))
        for variation in (None, SceneVariation(colour_jitter=0.2)):
            samples = PhotoSamples(boxes.photos, (128, 192), 8, variation, seed=5)
            for number in range(len(samples)):
                image, targets, same = samples[number]
                self.assertEqual((image.shape, image.dtype, same), ((3, 128, 192), torch.uint8, number))
                found = decode_boxes(maps_of(targets.numpy()), 8, 0.9, 0.9)
                if variation is None:
                    expected = corners_of(boxes.photos[number].boxes)
                    self.assertTrue((iou(expected, found[:, :4]).max(axis=1) > 0.99).all())
                again = samples[number]
                self.assertTrue(torch.equal(again[0], image) and torch.equal(again[1], targets))


class Network(unittest.TestCase):
    def test_puts_out_five_maps_and_at_first_finds_nobody(self):
        network = CenterNet(18, (16, 8), 4)
        initialize(network, torch.Generator().manual_seed(1))
        maps = network(torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(2)))
        self.assertEqual(maps.shape, (2, 5, 8, 12))
        self.assertLess(float(torch.sigmoid(maps[:, 0]).max()), 0.2)
        names = network.state_dict()
        self.assertEqual(names["hm.weight"].shape, (1, 8, 1, 1))
        self.assertEqual(names["layer4.1.conv2.weight"].shape, (32, 32, 3, 3))
        heads = [f"{name}.{part}" for name in ("hm", "wh", "reg") for part in ("weight", "bias")]
        self.assertEqual(list(names)[-6:], heads)


class Scenes(FolderTestCase):
    """A training from nothing."""

    def test_are_learned_in_a_minute(self):
        seen, unseen = write_scenes(self.path("seen"), 480, seed=1), write_scenes(self.path("unseen"), 100, seed=2)
        output = self.path("people.safetensors")
        arguments = [seen, output, "--detector", "--validation", unseen, "--input", "128x192", "--width", "8"]
        arguments += ["--head", "32", "16", "--batch", "8", "--epochs", "10", "--validate-every", "10", "--scale", "0.2"]
        arguments += ["--stretch", "0.1", "--schedule", "cosine", "--learning-rate", "2e-3", "--device", "cpu"]
        arguments += ["--threads", "1", "--license", "none", "--f16"]
        status, said = run_training(arguments)
        print(said)
        self.assertEqual(status, 0)

        document = document_of(output)
        self.assertEqual(document["name"], "center_net_resnet18_w8_people_128x192")
        self.assertEqual(document["network"]["deconv"]["channels"], [32, 16])
        self.assertEqual((document["input"]["width"], document["input"]["geometry"]), (192, "letterbox"))
        self.assertEqual(document["source"]["trained_on"], "boxes.json, 947 people in 480 photos")
        (accuracy,) = document["accuracy"]
        self.assertEqual((accuracy["set"], accuracy["metric"]), ("unseen/boxes.json", "AP@0.5"))
        self.assertGreater(accuracy["value"], 0.85)

        if PROGRAM:
            result = self.path("result.json")
            run = {"stdout": subprocess.PIPE, "text": True, "check": True}
            self.assertIn("center", subprocess.run([PROGRAM, "info", output], **run).stdout)
            evaluate = [PROGRAM, "evaluate", unseen, "--metric", "boxes", "--detector", output, "--json", result]
            subprocess.run(evaluate, stderr=subprocess.DEVNULL, **run)
            # The trainer may have used bfloat16, and takes no box below 0.05.
            self.assertAlmostEqual(json.loads(self.read("result.json"))["values"]["AP"], accuracy["value"], delta=0.02)


if __name__ == "__main__":
    torch.set_num_threads(1)
    unittest.main()
