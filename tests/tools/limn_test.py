#!/usr/bin/env python3
"""Tests of the limn program from outside: LIMN_PROGRAM names it. Only the tests of `verify` need numpy."""

import json
import math
import os
import re
import shutil
import struct
import subprocess
import sys
import unittest

import dot_detector
import quantized_models
from dot_detector import Dot
from limn_program import (
    FIVE_PEOPLE,
    FLOAT_MODEL,
    JPEG_PHOTO,
    MODEL,
    PHOTO,
    PROGRAM,
    ROOT,
    SMALL_PERSON,
    STALL,
    ProgramTest,
    bmp,
    grey_photo,
    greys,
    jpeg,
    picture_size,
    png,
    read_png,
    skip_without_program,
    surroundings,
)

skip_without_program()

try:
    import numpy as np
except ImportError:
    np = None

KEYPOINTS = (
    "right_ankle right_knee right_hip left_hip left_knee left_ankle pelvis thorax upper_neck head_top right_wrist "
    "right_elbow right_shoulder left_shoulder left_elbow left_wrist"
).split()
WIDTH, HEIGHT = 40, 56
GREYS = greys(WIDTH, HEIGHT)


def small_photo(seed=0):
    return grey_photo(WIDTH, HEIGHT, seed)


def header_of(model):
    """The header of a model file, as JSON."""
    with open(model, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        return json.loads(file.read(length))


def photos_of(text):
    return json.loads(text)["photos"]


def poses_of(text):
    """The poses of the only photo."""
    (photo,) = photos_of(text)
    return photo["poses"]


class EstimateTest(ProgramTest):
    """Most photos here are small, and the network's input too: what is tested is the program. Nobody is detected, so
    that without boxes a photo shows one person all over it."""

    def limn(self, *arguments, **options):
        return super().limn(*arguments, *(["--no-detector"] if arguments[0] == "estimate" else []), **options)

    def estimate(self, *arguments, **options):
        """Returns what the program writes as JSON."""
        return self.limn("estimate", *arguments, "--input", "64x64", "--json", "-", "-q", **options)[0]


class APhoto(EstimateTest):
    def test_gives_named_keypoints_and_a_picture_of_its_size(self):
        out, _ = self.limn("estimate", PHOTO, "-o", "drawn.png", "--json", "pose.json")
        result = json.loads(self.read("pose.json"))
        (photo,) = result["photos"]
        self.assertEqual(result["model"], "pose_resnet18_mpii16_256x192")
        self.assertEqual((photo["file"], photo["width"], photo["height"]), (PHOTO, 512, 512))
        (pose,) = photo["poses"]
        self.assertEqual([keypoint["name"] for keypoint in pose["keypoints"]], KEYPOINTS)
        self.assertEqual(pose["box"], [0, 0, 512, 512])
        for keypoint in pose["keypoints"]:
            self.assertGreater(keypoint["score"], 0)
            self.assertLess(keypoint["score"], 1.5)
        mean = sum(keypoint["score"] for keypoint in pose["keypoints"]) / 16
        self.assertAlmostEqual(pose["score"], mean, delta=2e-4)
        self.assertEqual(picture_size(self.read("drawn.png")), (512, 512))
        self.assertRegex(out, rf"^{re.escape(PHOTO)} -> drawn\.png: 1 person, score 0\.\d\d\n$")

    def test_of_a_person_has_the_head_above_the_hips(self):
        # The photographer stands upright; his head is at about (225, 120), his hips half way down.
        (pose,) = poses_of(self.limn("estimate", PHOTO, "--json", "-", "--no-pictures", "-q")[0])
        points = {keypoint["name"]: (keypoint["x"], keypoint["y"]) for keypoint in pose["keypoints"]}
        self.assertLess(points["head_top"][1], points["pelvis"][1] - 80)
        self.assertLess(abs(points["head_top"][0] - 225), 60)
        self.assertLess(abs(points["head_top"][1] - 100), 60)

    def test_is_drawn_on_from_the_threshold_on_only(self):
        self.write("a.png", small_photo())
        self.estimate("a.png", "--threshold", "0", "-o", "all.png")
        self.estimate("a.png", "--threshold", "100", "-o", "none.png")
        width, height, channels, samples = read_png(self.read("none.png"))
        self.assertEqual((width, height, channels), (WIDTH, HEIGHT, 3))
        self.assertEqual(list(samples), [value for value in GREYS for _ in range(3)])
        self.assertNotEqual(read_png(self.read("all.png"))[3], samples)

    def test_may_be_any_kind_of_file(self):
        rgb = [value for value in GREYS for _ in range(3)]
        kinds = {
            "grey.png": png(WIDTH, HEIGHT, 0, 8, GREYS),
            "grey16.png": png(WIDTH, HEIGHT, 0, 16, [257 * value for value in GREYS]),
            "grey_alpha.png": png(WIDTH, HEIGHT, 4, 8, [part for value in GREYS for part in (value, 255)]),
            "rgb.PNG": png(WIDTH, HEIGHT, 2, 8, rgb),
            "rgb16.png": png(WIDTH, HEIGHT, 2, 16, [257 * value for value in rgb]),
            "rgba.png": png(WIDTH, HEIGHT, 6, 8, [part for value in GREYS for part in (value, value, value, 255)]),
            "rgb.bmp": bmp(WIDTH, HEIGHT, rgb),
        }
        for name, content in kinds.items():
            self.write(name, content)
        photos = photos_of(self.estimate(*kinds, "--no-pictures"))
        self.assertEqual([photo["file"] for photo in photos], list(kinds))
        for photo in photos:
            self.assertEqual(photo["poses"], photos[0]["poses"], photo["file"])

    def test_may_be_a_jpeg_in_four_colours_that_says_which(self):
        # Adobe writes CMYK inverted: light is (ink, ink, ink) times black.
        self.write("cmyk.jpg", jpeg([200, 100, 50, 255], adobe=0))
        self.write("rgb.png", png(8, 8, 2, 8, [200, 100, 50] * 64))
        for name in ("cmyk.jpg", "rgb.png"):
            self.estimate(name, "--threshold", "100", "-o", "drawn.png")
            samples = read_png(self.read("drawn.png"))[3]
            self.assertTrue(all(abs(a - b) <= 2 for a, b in zip(samples, [200, 100, 50] * 64)), samples[:6])

    def test_that_limn_would_get_wrong_is_refused_and_the_rest_done(self):
        self.write("a.png", small_photo())
        self.write("cmyk.jpg", jpeg([200, 100, 50, 255]))
        self.write("twelve_bits.jpg", jpeg([200, 100, 50], bits=12))
        self.write("sixteen_bits.jpg", jpeg([200, 100, 50], bits=16))
        self.write("empty.jpg", "")
        os.mkfifo(self.path("pipe.jpg"))
        os.mkdir(self.path("folder.jpg"))
        names = ["cmyk.jpg", "twelve_bits.jpg", "sixteen_bits.jpg", "empty.jpg", "pipe.jpg", "folder.jpg"]
        out, err = self.limn("estimate", *names, "a.png", "--no-pictures", "--input", "64x64", status=1)
        lines = err.splitlines()
        reasons = ("four colours", "8 bits", "8 bits", "empty", "pipe", "no picture")
        for name, line, reason in zip(names, lines, reasons):
            self.assertTrue(line.startswith(f"limn: {name}: ") and reason in line, line)
        self.assertEqual(lines[len(names) :], ["limn: 6 of 7 photos could not be done"])
        self.assertTrue(out.startswith("a.png: 1 person"), out)
        # In a folder as well, where folders are left out.
        out, err = self.limn("estimate", ".", "--no-pictures", "--input", "64x64", status=1)
        self.assertEqual((out.count("\n"), err.count("\n")), (1, 6))

    def test_may_come_through_a_pipe(self):
        with self.stalled("estimate", "--no-detector", STALL, "--json", "a.json", "--no-pictures") as program:
            program.feed(small_photo())
            self.assertEqual(program.wait(), 0)
        self.assertEqual(len(poses_of(self.read("a.json"))), 1)

    def test_may_be_tiny(self):
        self.write("dot.png", png(1, 1, 0, 8, [77]))
        (pose,) = poses_of(self.estimate("dot.png"))
        self.assertEqual(pose["box"], [0, 0, 1, 1])
        self.assertEqual(picture_size(self.read("dot_pose.png")), (1, 1))

    def test_that_cannot_be_read_is_reported(self):
        _, err = self.fails(1, "estimate", "nowhere.jpg", says=["nowhere.jpg"])
        self.assertEqual(err.count("nowhere.jpg"), 1)
        self.write("text.png", "this is not a picture")
        self.fails(1, "estimate", "text.png", says=["limn: text.png: "])
        self.write("empty.jpg", "")
        self.fails(1, "estimate", "empty.jpg", says=["limn: empty.jpg: "])
        self.write("cut.png", small_photo()[:150])
        self.fails(1, "estimate", "cut.png", says=["limn: cut.png: "])
        self.assertEqual(self.files(), ["cut.png", "empty.jpg", "text.png"])


class Pictures(EstimateTest):
    def test_go_to_the_working_directory(self):
        self.write("photos/a.png", small_photo())
        out, _ = self.limn("estimate", "photos/a.png", "--input", "64x64")
        self.assertEqual(self.files(), ["a_pose.png", "photos"])
        self.assertEqual(self.files("photos"), ["a.png"])
        self.assertIn("photos/a.png -> a_pose.png: 1 person", out)

    def test_of_jpeg_photos_are_jpeg_files(self):
        self.limn("estimate", JPEG_PHOTO, "--input", "64x64", "-q")
        picture = self.read("grace_hopper_pose.jpg")
        self.assertEqual(picture[:2], b"\xff\xd8")
        self.assertEqual(picture_size(picture), (512, 600))

    def test_go_to_a_folder_that_is_made(self):
        self.write("a.png", small_photo())
        self.limn("estimate", "a.png", "-q", "--input", "64x64", "-o", "new/folder")
        self.assertEqual(self.files("new/folder"), ["a_pose.png"])
        self.limn("estimate", "a.png", "-q", "--input", "64x64", "-o", "other/name.jpg")
        self.assertEqual(self.files("other"), ["name.jpg"])
        self.assertEqual(self.read("other/name.jpg")[:2], b"\xff\xd8")

    def test_never_overwrite_a_photo(self):
        for name in ("a.png", "a_pose.png"):
            self.write(name, small_photo())
        self.estimate("a.png", "a_pose.png")
        self.assertEqual(self.files(), ["a.png", "a_pose.png", "a_pose_2.png", "a_pose_pose.png"])
        self.assertEqual(self.read("a_pose.png"), small_photo())
        self.estimate(".", "-o", ".")
        self.assertEqual(self.read("a_pose.png"), small_photo())
        self.fails(2, "estimate", "a.png", "-o", "./a.png", says=["overwrite"])
        self.assertEqual(self.read("a.png"), small_photo())

    def test_of_photos_with_one_name_are_all_kept(self):
        for name in ("one/a.png", "two/a.png", "two/a.bmp"):
            self.write(name, bmp(8, 8, [9] * 192) if name.endswith("bmp") else small_photo())
        self.estimate("one/a.png", "two", "-o", "out")
        self.assertEqual(self.files("out"), ["a_pose.png", "a_pose_2.png", "a_pose_3.png"])
        self.assertEqual(picture_size(self.read("out/a_pose_2.png")), (8, 8))  # "two/a.bmp" comes before "two/a.png"

    def test_of_several_photos_need_a_folder(self):
        self.write("a.png", small_photo())
        self.fails(2, "estimate", "a.png", "a.png", "-o", "out.png", says=["folder"])
        self.write("file", "")
        self.fails(2, "estimate", "a.png", "-o", "file", says=["file", "folder"])

    def test_may_be_left_out(self):
        self.write("a.png", small_photo())
        out, _ = self.limn("estimate", "a.png", "--no-pictures", "--input", "64x64")
        self.assertRegex(out, r"^a\.png: 1 person, score")
        self.assertEqual(self.files(), ["a.png"])

    def test_of_heatmaps_are_grids_of_small_photos(self):
        self.write("a.png", small_photo())
        out, _ = self.limn("estimate", "a.png", "--heatmaps", "--input", "64x64")
        self.assertIn("a.png -> a_pose.png, a_heatmaps.png: 1 person", out)
        # 16 keypoints: 4 x 4 copies of the photo, which is small enough to stay as it is, and 4 pixels between them.
        self.assertEqual(picture_size(self.read("a_heatmaps.png")), (4 * WIDTH + 12, 4 * HEIGHT + 12))
        self.limn("estimate", JPEG_PHOTO, "--heatmaps", "--input", "64x64", "-q", "-o", "big.jpg", "--no-pictures")
        # 512 x 600 shrinks to 218 x 256.
        self.assertEqual(picture_size(self.read("big_heatmaps.jpg")), (4 * 218 + 12, 4 * 256 + 12))
        self.assertEqual(self.files(), ["a.png", "a_heatmaps.png", "a_pose.png", "big_heatmaps.jpg"])


class Folders(EstimateTest):
    def test_are_done_in_the_order_of_names_and_not_entered(self):
        for name in ("b.png", "a.png", "C.PNG"):
            self.write("photos/" + name, small_photo())
        self.write("photos/notes.txt", "no picture")
        self.write("photos/deeper/d.png", small_photo())
        self.write("photos/folder.png/e.png", small_photo())
        files = [photo["file"] for photo in photos_of(self.estimate("photos", "--no-pictures"))]
        self.assertEqual(files, [os.path.join("photos", name) for name in ("C.PNG", "a.png", "b.png")])

    def test_with_a_broken_picture_are_done_but_for_that(self):
        for name in ("a.png", "c.png"):
            self.write("photos/" + name, small_photo())
        self.write("photos/b.png", b"\x89PNG\r\n\x1a\n broken")
        out, err = self.limn(
            "estimate", "photos", "nowhere.png", "-o", "out", "--json", "all.json", "--input", "64x64", status=1
        )
        photos = photos_of(self.read("all.json"))
        files = [photo["file"] for photo in photos]
        self.assertEqual(files, ["photos/a.png", "photos/b.png", "photos/c.png", "nowhere.png"])
        for number in (0, 2):
            self.assertEqual(len(photos[number]["poses"]), 1)
        for number in (1, 3):
            self.assertEqual(sorted(photos[number]), ["error", "file"])
            self.assertIn(f"limn: {photos[number]['file']}: {photos[number]['error']}\n", err)
        self.assertIn("limn: 2 of 4 photos could not be done\n", err)
        self.assertEqual(out.count("\n"), 2)
        self.assertEqual(self.files("out"), ["a_pose.png", "c_pose.png"])

    def test_without_pictures_are_reported(self):
        self.write("photos/notes.txt", "")
        self.fails(1, "estimate", "photos", says=["limn: photos: no picture"])


class Boxes(EstimateTest):
    def setUp(self):
        super().setUp()
        self.write("images/a_1.png", small_photo(1))
        self.write("images/a_2.png", small_photo(2))
        self.write("images/a_3.png", small_photo(3))

    def annotations(self, **changes):
        """Two people and a crowd and a dog in a_1, nobody in a_2, one person in a_3, whose id is not its number."""
        boxes = [
            (1, 1, 0, [2, 3, 20, 30]),
            (1, 1, 1, [0, 0, 9, 9]),
            (1, 7, 0, [1, 1, 5, 5]),
            (30, 1, 0, [0, 0, WIDTH, HEIGHT]),
            (1, 1, 0, [10.5, 3, 20.25, 30]),
        ]
        document = {
            "images": [
                {"id": 1, "file_name": "images/a_1.png", "width": WIDTH, "height": HEIGHT},
                {"id": 2, "file_name": "a_2.png"},
                {"id": 30, "file_name": "./images//a_3.png", "width": WIDTH, "height": HEIGHT},
                {"id": 4, "file_name": "elsewhere/a_3.png", "width": 1, "height": 1},
            ],
            "annotations": [
                {"image_id": image, "category_id": category, "iscrowd": crowd, "bbox": box}
                for image, category, crowd, box in boxes
            ],
            "categories": [{"id": 7, "name": "dog"}, {"id": 1, "name": "person"}],
        }
        document.update(changes)
        return self.write("boxes.json", json.dumps(document))

    def test_of_the_command_line_hold_one_person_each(self):
        both = poses_of(self.estimate("images/a_1.png", "--box", "2,3,20,30", "--box=10.5,3,20.25,30", "--no-pictures"))
        self.assertEqual([pose["box"] for pose in both], [[2, 3, 20, 30], [10.5, 3, 20.25, 30]])
        (second,) = poses_of(self.estimate("images/a_1.png", "--box", "10.5,3,20.25,30", "--no-pictures"))
        self.assertEqual(both[1], second)
        self.assertNotEqual(both[0]["keypoints"], second["keypoints"])

    def test_that_hold_the_whole_photo_change_nothing(self):
        (given,) = poses_of(self.estimate("images/a_1.png", "--box", f"0,0,{WIDTH},{HEIGHT}", "--no-pictures"))
        (default,) = poses_of(self.estimate("images/a_1.png", "--no-pictures"))
        self.assertEqual(given, default)

    def test_may_reach_beyond_the_photo_but_not_lie_beside_it(self):
        (pose,) = poses_of(self.estimate("images/a_1.png", "--box", "-10,-5,100,100", "--no-pictures"))
        self.assertEqual(pose["box"], [-10, -5, 100, 100])
        for box in (f"{WIDTH},0,5,5", f"0,{HEIGHT},5,5", "-5,0,5,5", "0,-9,5,5", "1e30,0,5,5"):
            self.fails(1, "estimate", "images/a_1.png", "--box", box, says=["a_1.png: box [", "40x56"])

    def test_that_are_no_boxes_are_refused(self):
        unusable = "1,2,3 1,2,3,4,5 1,2,3, a,b,c,d 1;2;3;4 0,0,0,5 0,0,5,-1 nan,0,1,1 0,0,1,inf 1,2,3,4,".split()
        for box in ("", *unusable):
            self.fails(2, "estimate", "images/a_1.png", "--box", box, says=["--box", "x,y,width,height"])

    def test_of_annotations_are_found_by_name(self):
        self.annotations()
        options = ("--boxes", "boxes.json", "--json", "out.json", "-o", "out", "--heatmaps", "--input", "64x64")
        out, _ = self.limn("estimate", "images", *options)
        photos = photos_of(self.read("out.json"))
        boxes = [[pose["box"] for pose in photo["poses"]] for photo in photos]
        self.assertEqual(boxes, [[[2, 3, 20, 30], [10.5, 3, 20.25, 30]], [], [[0, 0, WIDTH, HEIGHT]]])
        self.assertIn("images/a_2.png: no box\n", out)
        self.assertRegex(out, r"a_1\.png -> .*: 2 people, score \d\.\d\d \d\.\d\d\n")
        pictures = ["a_1_heatmaps.png", "a_1_heatmaps_2.png", "a_1_pose.png", "a_3_heatmaps.png", "a_3_pose.png"]
        self.assertEqual(self.files("out"), pictures)

    def test_of_detections_are_found_by_the_id_in_the_name(self):
        detections = [
            {"image_id": 1, "category_id": 1, "bbox": [2, 3, 20, 30], "score": 0.9},
            {"image_id": 3, "category_id": 1, "bbox": [0, 0, 5, 5], "score": 0.2},
            {"image_id": 3, "category_id": 18, "bbox": [0, 0, 6, 6], "score": 0.9},
            {"image_id": 3, "category_id": 1, "bbox": [0, 0, 7, 7]},
            {"image_id": 77, "category_id": 1, "bbox": [0, 0, 8, 8], "score": 0.9},
        ]
        self.write("boxes.json", json.dumps(detections))
        arguments = ("images", "--boxes", "boxes.json", "--no-pictures")
        photos = photos_of(self.estimate(*arguments))
        boxes = [[pose["box"] for pose in photo["poses"]] for photo in photos]
        self.assertEqual(boxes, [[[2, 3, 20, 30]], [], [[0, 0, 5, 5], [0, 0, 7, 7]]])
        photos = photos_of(self.estimate(*arguments, "--min-box-score", "0.5"))
        self.assertEqual([pose["box"] for pose in photos[2]["poses"]], [[0, 0, 7, 7]])

    def test_of_another_category_are_persons_on_demand(self):
        boxes = [{"image_id": 1, "category_id": 4, "bbox": [2, 3, 20, 30]}]
        boxes.append({"image_id": 1, "category_id": 18, "bbox": [2, 3, 9, 9]})
        self.write("boxes.json", json.dumps(boxes))
        command = ("images/a_1.png", "--boxes", "boxes.json", "--no-pictures")
        self.fails(2, "estimate", *command, says=["boxes.json", "found 4, 18", "--box-category"])
        (pose,) = poses_of(self.estimate(*command, "--box-category", "4"))
        self.assertEqual(pose["box"], [2, 3, 20, 30])
        (result,) = json.loads(self.estimate(*command, "--box-category", "4", "--format", "coco"))
        self.assertEqual(result["category_id"], 4)
        box = {"image_id": 1, "category_id": 4, "bbox": [2, 3, 20, 30]}
        categories = [{"id": 1, "name": "dog"}, {"id": 4, "name": "person"}]
        self.annotations(annotations=[box, {**box, "category_id": 1}], categories=categories)
        (result,) = json.loads(self.estimate(*command, "--format", "coco"))
        self.assertEqual((result["image_id"], result["category_id"]), (1, 4))

    def test_that_are_not_finite_cost_their_photo_only(self):
        good = {"image_id": 3, "bbox": [0, 0, 7, 7]}
        for number in ("NaN", "Infinity", "-Infinity", "1e300"):
            # As Python's json writes them; what looks alike in a text stays.
            bad = '{"image_id": 1, "bbox": [2, %s, 20, 30], "note": "NaN \\" NaN"}' % number
            self.write("boxes.json", f"[{bad}, {json.dumps(good)}]")
            command = ("estimate", "images", "--boxes", "boxes.json", "--no-pictures", "--input", "64x64")
            out, err = self.limn(*command, status=1)
            self.assertIn("limn: images/a_1.png: boxes.json: [0]: bbox: expected finite numbers\n", err)
            self.assertIn("images/a_3.png: 1 person", out)
        boxes = [{"image_id": 1, "bbox": [math.nan, 0, 5, 5]}, {"image_id": 30, "bbox": [0, 0, 5, 5]}]
        self.annotations(annotations=boxes)
        out, err = self.limn(*command, status=1)
        self.assertIn("limn: images/a_1.png: boxes.json: annotations[0]: bbox: expected finite numbers\n", err)
        self.assertIn("images/a_3.png: 1 person", out)

    def test_for_a_photo_of_another_size_are_refused(self):
        image = {"id": 1, "file_name": "a_1.png", "width": HEIGHT, "height": WIDTH}
        self.annotations(images=[image], annotations=[{"image_id": 1, "bbox": [0, 0, 5, 5]}])
        self.fails(1, "estimate", "images/a_1.png", "--boxes", "boxes.json", says=["56x40", "40x56"])

    def test_that_could_be_for_two_photos_are_refused(self):
        images = [{"id": 1, "file_name": "x/a_1.png"}, {"id": 2, "file_name": "y/a_1.png"}]
        self.annotations(images=images, annotations=[{"image_id": 1, "bbox": [0, 0, 5, 5]}])
        self.write("x/a_1.png", small_photo())
        _, err = self.limn("estimate", "images/a_1.png", "x/a_1.png", "--boxes", "boxes.json", "-q", status=1)
        self.assertIn("limn: images/a_1.png: boxes.json: both x/a_1.png and y/a_1.png", err)
        self.assertEqual(self.files(), ["a_1_pose.png", "boxes.json", "images", "x"])

    def test_files_that_are_wrong_are_refused(self):
        def refused(content, *says):
            self.write("boxes.json", content if isinstance(content, str) else json.dumps(content))
            self.fails(2, "estimate", "images/a_1.png", "--boxes", "boxes.json", says=["boxes.json", *says])

        self.fails(2, "estimate", "images/a_1.png", "--boxes", "nowhere.json", says=["nowhere.json"])
        refused("{not json", "JSON")
        refused({"pictures": []}, "COCO")
        refused({"images": {}, "annotations": []}, "COCO")
        refused(3, "COCO")
        refused([{"bbox": [0, 0, 1, 1]}], "[0]", "image_id")
        refused([7], "[0]", "object")
        image = {"id": 1, "file_name": "a_1.png"}
        refused({"images": [{"id": "one", "file_name": "a"}], "annotations": []}, "images[0]", "id")
        refused({"images": [{"id": 1}], "annotations": []}, "images[0]", "file_name")
        refused({"images": [image, image], "annotations": []}, "images[1]", "twice")
        refused({"images": [image], "annotations": [{"image_id": 5, "bbox": [0, 0, 1, 1]}]}, "annotations[0]", "5")
        refused({"images": [image], "annotations": [{"image_id": 1, "bbox": [0, 0, 1]}]}, "annotations[0]", "bbox")
        refused({"images": [image], "annotations": [{"image_id": 1, "bbox": [0, 0, 1, "w"]}]}, "annotations[0]", "bbox")
        refused({"images": [image], "annotations": []}, "no box")

    def test_come_from_one_place_only(self):
        self.annotations()
        self.fails(2, "estimate", "images/a_1.png", "--boxes", "boxes.json", "--box", "0,0,9,9", says=["--box"])


class CocoResults(EstimateTest):
    def results(self, *arguments):
        return json.loads(self.estimate(*arguments, "--format", "coco", "--no-pictures"))

    def test_take_the_image_id_from_the_name(self):
        self.write("COCO_val2014_000000000042.png", small_photo())
        (result,) = self.results("COCO_val2014_000000000042.png")
        self.assertEqual(sorted(result), ["category_id", "image_id", "keypoints", "score"])
        self.assertEqual((result["image_id"], result["category_id"]), (42, 1))
        (pose,) = poses_of(self.estimate("COCO_val2014_000000000042.png", "--no-pictures"))
        expected = [keypoint[key] for keypoint in pose["keypoints"] for key in ("x", "y", "score")]
        self.assertEqual(result["keypoints"], expected)
        self.assertEqual(result["score"], pose["score"])

    def test_take_the_image_id_from_the_boxes(self):
        self.write("five_5.png", small_photo())
        box = {"image_id": 17, "bbox": [0, 0, 9, 9]}
        document = {"images": [{"id": 17, "file_name": "five_5.png"}], "annotations": [box, box]}
        self.write("boxes.json", json.dumps(document))
        results = self.results("five_5.png", "--boxes", "boxes.json")
        self.assertEqual([result["image_id"] for result in results], [17, 17])

    def test_need_an_image_id(self):
        self.write("photo.png", small_photo())
        self.write("photo_99999999999999999999.png", small_photo())
        for name in ("photo.png", "photo_99999999999999999999.png"):
            self.fails(1, "estimate", name, "--json", "-", "--format", "coco", says=[name, "image id"])
        self.fails(2, "estimate", "photo.png", "--format", "coco", says=["--json"])
        self.fails(2, "estimate", "photo.png", "--json", "-", "--format", "xml", says=["xml"])


class JsonLines(EstimateTest):
    def test_are_the_photos_of_the_document_one_to_a_line(self):
        self.write("a.png", small_photo(1))
        self.write("b.png", small_photo(2))
        names = ("a.png", "nowhere.png", "b.png")
        command = ("estimate", *names, "--input", "64x64", "--no-pictures", "-q", "--json")
        for name in ("all.json", "all.jsonl"):
            self.limn(*command, name, status=1)
        lines = [json.loads(line) for line in self.read("all.jsonl").splitlines()]
        self.assertEqual(lines, photos_of(self.read("all.json")))
        self.assertEqual([line["file"] for line in lines], list(names))
        self.fails(2, "estimate", "a.png", "--json", "a.jsonl", "--format", "coco", says=["a.jsonl", "list"])


class Repeating(EstimateTest):
    def test_gives_the_same_bytes_with_any_number_of_threads(self):
        for number in range(5):
            self.write(f"photos/{number}.png", small_photo(number))
        for source in ("photos", PHOTO):
            texts, pictures = set(), set()
            for run, threads in enumerate(("1", "1", "2", "3")):
                folder = f"out{run}"
                texts.add(self.limn("estimate", source, "-o", folder, "-q", "--json", "-", "--threads", threads)[0])
                pictures.add(b"".join(self.read(os.path.join(folder, name)) for name in self.files(folder)))
            self.assertEqual((len(texts), len(pictures)), (1, 1), source)

    def test_reports_in_the_order_of_the_photos(self):
        names = [f"{number}.png" for number in range(8)]
        for number, name in enumerate(names):
            size = 200 if number == 0 else 4  # the first takes longest
            self.write(name, png(size, size, 0, 8, [5] * size * size))
        out, _ = self.limn("estimate", *names, "--no-pictures", "--threads", "4", "--input", "64x64")
        self.assertEqual([line.split(":")[0] for line in out.splitlines()], names)


class Messages(EstimateTest):
    def test_go_to_stderr_if_the_json_goes_to_stdout(self):
        self.write("a.png", small_photo())
        done = subprocess.run(
            [PROGRAM, "estimate", "a.png", "--json", "-", "--input", "64x64", "--no-pictures", "--no-detector"],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=True,
        )
        self.assertEqual(len(poses_of(done.stdout)), 1)
        self.assertRegex(done.stderr, rb"^a\.png: 1 person, score \d\.\d\d\n$")

    def test_are_left_out_on_demand(self):
        self.write("a.png", small_photo())
        out, err = self.limn("estimate", "a.png", "-q", "--input", "64x64")
        self.assertEqual((out, err), ("", ""))

    def test_count_the_photos_on_a_terminal_only(self):
        try:
            import pty

            terminal, stderr = pty.openpty()
        except (ImportError, OSError) as error:
            self.skipTest(f"no pseudo-terminal: {error}")
        names = [self.write(f"{number}.png", small_photo(number)) for number in range(3)]
        command = [PROGRAM, "estimate", *names, "--input", "64x64", "--no-pictures", "--no-detector"]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=stderr, check=True)
        os.close(stderr)
        shown = os.read(terminal, 10000)
        os.close(terminal)
        for part in (b"1/3", b"2/3"):
            self.assertIn(part, shown)
        self.assertNotIn(b"3/3", shown)
        self.assertTrue(shown.endswith(b"\r\033[K"), shown)
        self.assertEqual(self.limn("estimate", *names, "--input", "64x64", "--no-pictures")[1], "")

    def test_name_a_file_that_cannot_be_written(self):
        self.write("a.png", small_photo())
        self.fails(2, "estimate", "a.png", "--json", "no/folder.json", says=["no/folder.json"])
        self.assertEqual(self.files(), ["a.png"])


class TheModel(EstimateTest):
    def test_that_is_missing_is_named(self):
        self.write("a.png", small_photo())
        self.fails(2, "estimate", "a.png", "--model", "nowhere.safetensors", says=["nowhere.safetensors"])
        self.write("text.safetensors", "this is no model file")
        self.fails(2, "estimate", "a.png", "--model", "text.safetensors", says=["text.safetensors"])
        self.assertEqual(self.files(), ["a.png", "text.safetensors"])

    def test_may_come_from_the_environment(self):
        self.write("a.png", small_photo())
        environment = {"LIMN_MODEL": "elsewhere.safetensors"}
        self.fails(2, "estimate", "a.png", says=["elsewhere.safetensors"], environment=environment)
        expected = self.estimate("a.png", "--no-pictures")
        self.assertEqual(self.estimate("a.png", "--no-pictures", "--model", MODEL, environment=environment), expected)
        self.assertEqual(self.estimate("a.png", "--no-pictures", environment={"LIMN_MODEL": MODEL}), expected)

    def test_of_an_installed_program_is_the_installed_one(self):
        self.write("a.png", small_photo())
        installed = self.path("bin", os.path.basename(PROGRAM))
        shutil.copy(PROGRAM, installed)
        self.write("share/limn/" + os.path.basename(MODEL), "this is no model file")
        command = [installed, "estimate", self.path("a.png")]
        done = subprocess.run(command, env=surroundings(), stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn(os.path.join("share", "limn", os.path.basename(MODEL)).encode(), done.stderr)

    def test_takes_inputs_of_other_sizes(self):
        self.write("a.png", small_photo())
        results = {
            size: self.limn("estimate", "a.png", "--no-pictures", "-q", "--json", "-", "--input", size)[0]
            for size in ("256x192", "64x96", "96x64")
        }
        self.assertEqual(len(set(results.values())), 3)
        default = self.limn("estimate", "a.png", "--no-pictures", "-q", "--json", "-")[0]
        self.assertEqual(default, results["256x192"])
        self.fails(2, "estimate", "a.png", "--input", "100x64", says=["32", "100x64"])
        for size in ("64", "x", "64x", "64x64x64", "0x64", "-64x64", "9999999999999x32", "big"):
            self.fails(2, "estimate", "a.png", f"--input={size}", says=["--input", "HEIGHTxWIDTH"])


class Detecting(ProgramTest):
    """People are dots here, see dot_detector."""

    SURE = Dot(32, 32, 40, 60)
    UNSURE = Dot(96, 64, 50, 90, red=128)
    HARDLY = Dot(64, 96, 20, 20, red=100)

    def setUp(self):
        super().setUp()
        self.write("dots.safetensors", dot_detector.model())
        self.write("three.png", dot_detector.photo(self.HARDLY, self.UNSURE, self.SURE))
        self.write("nobody.png", dot_detector.photo())

    def estimate(self, *arguments, **options):
        command = ("estimate", *arguments, "--input", "64x64", "--no-pictures", "--json", "-", "-q")
        return self.limn(*command, **options)[0]

    def detect(self, *arguments):
        return poses_of(self.estimate(*arguments, "--detector", "dots.safetensors"))

    def check(self, poses, *dots):
        self.assertEqual([pose["box"] for pose in poses], [dot.box for dot in dots])
        self.assertEqual([pose["box_score"] for pose in poses], [round(dot.score, 4) for dot in dots])

    def test_gives_everybodys_pose_in_their_box_the_surest_first(self):
        poses = self.detect("three.png")
        self.check(poses, self.SURE, self.UNSURE)
        boxes = [f"--box={','.join(map(str, dot.box))}" for dot in (self.SURE, self.UNSURE)]
        for given, found in zip(poses_of(self.estimate("three.png", *boxes)), poses):
            self.assertNotIn("box_score", given)
            del found["box_score"]
            self.assertEqual(given, found)
        result = json.loads(self.estimate("three.png", "--detector", "dots.safetensors"))
        self.assertEqual((result["model"], result["detector"]), ("pose_resnet18_mpii16_256x192", "dot_detector"))

    def test_is_as_sure_as_the_threshold_asks_for(self):
        self.check(self.detect("three.png", "--detector-threshold", "0.2"), self.SURE, self.UNSURE, self.HARDLY)
        self.check(self.detect("three.png", "--detector-threshold", "0.6"), self.SURE)
        for threshold in ("-0.1", "1.1", "sure"):
            command = ("estimate", "three.png", f"--detector-threshold={threshold}")
            self.fails(2, *command, says=["--detector-threshold"])

    def test_may_be_at_another_size(self):
        # Half the size: the dot is seen at (32, 32), and its box is as large again on the photo.
        dot = Dot(64, 64, 30, 40)
        self.write("one.png", dot_detector.photo(dot))
        (pose,) = self.detect("one.png", "--detector-input", "64x64")
        self.assertEqual(pose["box"], [64 - 30, 64 - 40, 60, 80])
        command = ("estimate", "one.png", "--detector", "dots.safetensors", "--detector-input")
        self.fails(2, *command, "100x64", says=["32", "100x64"])
        self.fails(2, *command, "big", says=["--detector-input big", "HEIGHTxWIDTH"])

    def test_finds_nobody_where_nobody_is(self):
        self.assertEqual(self.detect("nobody.png"), [])
        out, _ = self.limn("estimate", "nobody.png", "--detector", "dots.safetensors", "--heatmaps")
        self.assertEqual(out, "nobody.png -> nobody_pose.png: nobody\n")
        self.assertEqual(self.files(), ["dots.safetensors", "nobody.png", "nobody_pose.png", "three.png"])

    def test_writes_a_picture_of_all_and_heatmaps_of_each(self):
        self.write("other/three.png", dot_detector.photo(self.SURE))
        options = ("--detector", "dots.safetensors", "--heatmaps", "--input", "64x64", "-o", "out")
        out, _ = self.limn("estimate", "three.png", "other/three.png", *options)
        first, second = out.splitlines()
        written = "out/three_pose.png, out/three_heatmaps.png, out/three_heatmaps_2.png"
        self.assertRegex(first, rf"^three\.png -> {re.escape(written)}: 2 people, score")
        # Of up to 20 people, whom the detector might have found in the first.
        written = "out/three_pose_2.png, out/three_heatmaps_21.png"
        self.assertRegex(second, rf"^other/three\.png -> {re.escape(written)}: 1 person, score")
        self.assertEqual(len(self.files("out")), 5)

    def test_gives_coco_results_of_each(self):
        self.write("dots_7.png", dot_detector.photo(self.SURE, self.UNSURE))
        out = self.estimate("dots_7.png", "--detector", "dots.safetensors", "--format", "coco")
        self.assertEqual([result["image_id"] for result in json.loads(out)], [7, 7])

    def test_gives_the_same_with_any_number_of_threads(self):
        for number in range(4):
            self.write(f"photos/{number}.png", dot_detector.photo(Dot(32 * number, 32, 40, 50), self.UNSURE))
        for source in ("photos", "three.png"):
            detector = ("--detector", "dots.safetensors", "--threads")
            self.assertEqual(len({self.estimate(source, *detector, threads) for threads in ("1", "2", "5")}), 1)

    def test_finds_the_same_by_an_8_bit_detector(self):
        self.write("dots_8_bit.safetensors", dot_detector.quantized_model())
        expected = self.detect("three.png")
        found = poses_of(self.estimate("three.png", "--detector", "dots_8_bit.safetensors"))
        self.assertEqual(len(found), len(expected))
        for pose, other in zip(found, expected):
            self.assertAlmostEqual(pose["box_score"], other["box_score"], delta=0.01)
            for value, wanted in zip(pose["box"], other["box"]):
                self.assertAlmostEqual(value, wanted, delta=0.1)

    def test_is_by_the_detector_that_the_environment_names(self):
        environment = {"LIMN_DETECTOR": "dots.safetensors"}
        self.check(poses_of(self.estimate("three.png", environment=environment)), self.SURE, self.UNSURE)
        environment = {"LIMN_DETECTOR": "nowhere.safetensors"}
        self.fails(2, "estimate", "three.png", says=["nowhere.safetensors"], environment=environment)

    def test_is_by_the_installed_detector_of_an_installed_program(self):
        installed = self.path("bin", os.path.basename(PROGRAM))
        shutil.copy(PROGRAM, installed)
        self.write("share/limn/person_detector_320x320.int8.safetensors", dot_detector.model())
        command = [installed, "estimate", self.path("three.png"), "--json", "-", "-q", "--no-pictures"]
        done = subprocess.run(command, env=surroundings(), stdout=subprocess.PIPE, check=True)
        self.check(poses_of(done.stdout), self.SURE, self.UNSURE)

    def test_is_not_done_where_boxes_are_given_or_everything_is_somebodys(self):
        environment = {"LIMN_DETECTOR": "nowhere.safetensors"}
        self.write("boxes.json", json.dumps([{"image_id": 7, "bbox": [0, 0, 9, 9]}]))
        self.write("dots_7.png", dot_detector.photo(self.SURE))
        for arguments in (("--box", "0,0,9,9"), ("--boxes", "boxes.json"), ("--no-detector",)):
            (pose,) = poses_of(self.estimate("dots_7.png", *arguments, environment=environment))
            self.assertNotIn("box_score", pose)
            for option in (("--detector", "dots.safetensors"), ("--detector-threshold", "0.5")):
                self.fails(2, "estimate", "dots_7.png", *arguments, *option, says=[arguments[0], option[0]])

    def test_takes_a_detectors_model_for_nothing_else(self):
        self.fails(2, "estimate", "three.png", "--detector", MODEL, says=[MODEL, "boxes"])
        command = ("estimate", "three.png", "--model", "dots.safetensors")
        self.fails(2, *command, says=["dots.safetensors", "person detector"])


class CommandLine(ProgramTest):
    COMMANDS = (("estimate", "a.png"), ("evaluate", "labels.json"), ("verify", "reference.safetensors"), ("bench",))

    def test_explains_itself(self):
        for command in ((), ("estimate",), ("evaluate",), ("info",), ("verify",), ("bench",), ("quantize",)):
            out, _ = self.limn(*command, "--help")
            self.assertIn("Exit status", out, command)
            self.assertEqual(self.limn(*command, "-h")[0], out)
        out, _ = self.limn("--version")
        self.assertRegex(out, r"^limn \d+\.\d+\.\d+\n$")

    def test_that_is_wrong_is_refused_in_one_line(self):
        self.fails(2)
        self.fails(2, "guess")
        self.fails(2, "estimate")
        self.fails(2, "estimate", "--guess", "a.png", says=["--guess"])
        self.fails(2, "verify", says=["REFERENCE"])
        self.fails(2, "verify", MODEL, "reference.safetensors", says=["reference.safetensors"])
        self.fails(2, "bench", "--runs", "0")

    def explained(self, command, option):
        """The words of the command's help on an option; None if it has none of that name."""
        out, _ = self.limn(command, "--help")
        match = re.search(rf"^  {option} (.*\n(?: {{10,}}.*\n)*)", out, re.MULTILINE)
        return match and re.sub(r" Excludes: [-\w ]*?(?=\s{2}|\n)", "", match.group(1)).split()

    def test_has_the_same_words_for_the_same_in_every_command(self):
        model = self.explained("estimate", "--model")
        self.assertEqual(" ".join(model), "FILE Model file; default: LIMN_MODEL, or the one that comes with limn")
        threads = self.explained("estimate", "--threads")
        self.assertIn("processors", threads)
        self.assertEqual(self.explained("quantize", "--threads"), threads)
        for command, *arguments in (*self.COMMANDS, ("info",)):
            self.assertEqual(self.explained(command, "--model"), model, command)
            if command == "info":  # nothing is computed there
                self.assertIsNone(self.explained(command, "--threads"))
                continue
            self.assertEqual(self.explained(command, "--threads"), threads, command)
            for wish in ("0", "-1", "1025", "60000", "many", "1.5"):
                self.fails(2, command, *arguments, f"--threads={wish}", says=["--threads", wish, "1 to 1024"])

    def test_names_the_model_alike_in_every_command(self):
        self.write("a.png", small_photo())
        categories = [{"id": 1, "name": "person", "keypoints": KEYPOINTS}]
        photo = {"id": 1, "file_name": "a.png"}
        self.write("labels.json", json.dumps({"images": [photo], "annotations": [], "categories": categories}))
        for command in (*self.COMMANDS, ("info",)):
            self.fails(2, *command, "--model", "nowhere.safetensors", says=["nowhere.safetensors"])
            environment = {"LIMN_MODEL": "elsewhere.safetensors"}
            self.fails(2, *command, says=["elsewhere.safetensors"], environment=environment)
            self.fails(2, *command, "--model", MODEL, "--model", MODEL, says=["--model"])
        for command in ("bench", "info"):
            self.fails(2, command, "nowhere.safetensors", says=["nowhere.safetensors"])
            self.fails(2, command, MODEL, "--model", MODEL, says=["MODEL", "--model"])
            self.fails(2, command, "--model", MODEL, "--network", "resnet18", says=["--model", "--network"])


class Info(ProgramTest):
    def rows(self, out):
        """[(layer, type, shape, parameters, multiply-adds)] of a table; blocks have no numbers."""
        found = []
        for match in re.finditer(r"^(\S+) \((\w+)\) +(\[[\d, ]+\])(?: +([\d,]+) +([\d,]+))?$", out, re.MULTILINE):
            name, kind, shape, *numbers = match.groups()
            numbers = [None if number is None else int(number.replace(",", "")) for number in numbers]
            found.append((name, kind, json.loads(shape), *numbers))
        return found

    def total(self, out, name):
        return re.search(rf"^{name}: ([\d,]+)", out, re.MULTILINE).group(1)

    def test_counts_the_parameters_as_published(self):
        # Parameters as PyTorch counts them; multiply-adds worked out from the structure, in thousands of millions.
        published = {
            ("resnet18", "16", "256x256"): ("15,376,464", 3.862),
            ("resnet18", "17", "256x192"): ("15,376,721", 2.897),
            ("resnet50", "16", "256x256"): ("33,999,440", 7.234),
            ("resnet50", "17", "256x192"): ("33,999,697", 5.426),
            ("resnet101", "17", "256x192"): ("52,991,825", 9.063),
            ("resnet152", "17", "256x192"): ("68,635,473", 12.699),
        }
        for (network, keypoints, size), (parameters, giga) in published.items():
            out, _ = self.limn("info", "--network", network, "--keypoints", keypoints, "--input", size)
            self.assertEqual(self.total(out, "Parameters"), parameters)
            multiply_adds = int(self.total(out, "Multiply-adds").replace(",", ""))
            self.assertAlmostEqual(multiply_adds / 1e9, giga, delta=0.002, msg=network)

    def test_counts_the_parameters_of_every_family_as_published(self):
        classifier = 512 * 1000 + 1000  # in trt_pose's count, and used by nothing
        for network, size, parameters, outputs in (
            ("pose-resnet18-body", "[18, 56, 56]", 21278308 - classifier, ("cmap_conv", "paf_conv")),
            ("hrnet-w32", "[17, 64, 48]", 28536113, ("final_layer",)),
            ("hrnet-w48", "[17, 64, 48]", 63595745, ("final_layer",)),
            ("lip", "[16, 64, 64]", 23770704, ("final_layer", "sigmoid")),
        ):
            out, _ = self.limn("info", "--network", network)
            self.assertEqual(self.total(out, "Parameters"), f"{parameters:,}")
            self.assertIn(size, out)
            names = [row[0] for row in self.rows(out)]
            for output in outputs:
                self.assertIn(output, names)
        out, _ = self.limn("info", "--network", "hrnet-w32", "--keypoints", "5", "--input", "64x96")
        self.assertEqual(self.rows(out)[-1][2], [5, 16, 24])

    def test_lists_every_layer_as_pytorch_does(self):
        out, _ = self.limn("info", "--network", "resnet18", "--input", "256x192")
        rows = self.rows(out)
        for expected in (
            ("conv1", "Conv2d", [64, 128, 96], 64 * 3 * 7 * 7),
            ("bn1", "BatchNorm2d", [64, 128, 96], 128),
            ("relu", "ReLU", [64, 128, 96], 0),
            ("maxpool", "MaxPool2d", [64, 64, 48], 0),
            ("layer2.0", "BasicBlock", [128, 32, 24], None),
            ("layer2.0.downsample.0", "Conv2d", [128, 32, 24], 64 * 128),
            ("deconv_layers.0", "ConvTranspose2d", [256, 16, 12], 512 * 256 * 16),
            ("final_layer", "Conv2d", [16, 64, 48], 256 * 16 + 16),
        ):
            self.assertIn(expected, [row[:4] for row in rows])
        # The rows that torchsummary has: 4 of the stem, 8 blocks of 7, 3 with 2 more, 3 deconvolutions of 3, the last.
        kinds = [row[1] for row in rows]
        self.assertEqual(len(kinds), 4 + 8 * 7 + 3 * 2 + 3 * 3 + 1)
        self.assertEqual(kinds.count("ReLU"), 1 + 8 * 2 + 3)
        self.assertEqual(kinds.count("BasicBlock"), 8)
        for column, name in ((3, "Parameters"), (4, "Multiply-adds")):
            total = sum(row[column] for row in rows if row[column] is not None)
            self.assertEqual(f"{total:,}", self.total(out, name))

    def test_shows_what_a_model_file_says(self):
        # The 8-bit model has no batch norms, but a scale for each row.
        default = (MODEL, "I8", "15,370,896", "QuantizedConv2d")
        in_floats = (FLOAT_MODEL, "F16", "15,376,464", "Conv2d")
        for arguments, expected in (
            ((MODEL,), default),
            (("--model", MODEL), default),
            ((), default),
            ((FLOAT_MODEL,), in_floats),
        ):
            file, dtype, parameters, kind = expected
            sizes = {dtype: 0, "F32": 0}
            for name, entry in header_of(file).items():
                if name != "__metadata__":
                    sizes[entry["dtype"]] += entry["data_offsets"][1] - entry["data_offsets"][0]
            shares = f"{sizes[dtype]:,} {dtype}, {sizes['F32']:,} F32"
            out, _ = self.limn("info", *arguments)
            input_ = ("256 x 192", "RGB", "affine, padding 1.25, crop 1.2")
            decoder = ("dark, kernel 11", "drawn from score 0.7")
            for text in ("pose_resnet18_mpii16_256x192", *input_, *decoder, "right_ankle"):
                self.assertIn(text, out)
            self.assertEqual(self.total(out, "Parameters"), parameters)
            self.assertIn(f"Model file: {os.path.getsize(file):,} bytes ({shares})\n", out)
            self.assertEqual(self.rows(out)[-1][:3], ("final_layer", kind, [16, 64, 48]))
        out, _ = self.limn("info", "--input", "64x96")
        self.assertEqual(self.rows(out)[-1][2], [16, 16, 24])

    def test_shows_what_a_detectors_file_says(self):
        self.write("dots.safetensors", dot_detector.model())
        out, _ = self.limn("info", "dots.safetensors")
        decoder = ("letterbox", "center, threshold 0.3", "20 people")
        for text in ("dot_detector", "center_net, depth 18, width 3", *decoder):
            self.assertIn(text, out)
        self.assertNotIn("keypoints", out)
        self.assertEqual([row[0] for row in self.rows(out)[-3:]], ["hm.sigmoid", "wh", "reg"])

    def test_says_the_same_in_json(self):
        self.write("dots.safetensors", dot_detector.model())
        others = (("dots.safetensors", "--input", "96x64"), ("--network", "pose-resnet18-body"))
        for arguments in ((MODEL,), (FLOAT_MODEL,), *others):
            out, found = self.limn("info", *arguments)[0], json.loads(self.limn("info", "--json", *arguments)[0])
            # Sums and products of two maps have no row, and blocks are apart.
            keys = ("name", "type", "output", "parameters", "multiply_adds")
            rowless = ("Add", "Multiply", "QuantizedAdd")
            layers = [tuple(layer[key] for key in keys) for layer in found["layers"] if layer["type"] not in rowless]
            self.assertEqual(layers, [row for row in self.rows(out) if row[3] is not None])
            blocks = [(block["name"], block["type"]) for block in found["blocks"]]
            self.assertEqual(blocks, [row[:2] for row in self.rows(out) if row[3] is None])
            for name, key in (("Parameters", "parameters"), ("Multiply-adds", "multiply_adds")):
                self.assertEqual(f"{found[key]:,}", self.total(out, name))
            self.assertEqual(found["input"], json.loads(re.search(r"^input +(\[.*?\])", out, re.MULTILINE).group(1)))
            if arguments[0] == "--network":
                self.assertEqual(found["outputs"], {"heatmaps": "cmap_conv", "part_affinity": "paf_conv"})
                self.assertIn(found["network"], out)
                self.assertEqual([key for key in ("document", "tensors", "memory") if key in found], [])
                continue
            self.assertEqual(found["file"], arguments[0])
            self.assertIn(found["document"]["name"], out)
            self.assertEqual(found["bytes"], os.path.getsize(self.path(arguments[0])))
            self.assertEqual(f"{found['bytes']:,}", self.total(out, "Model file"))
            memory = (found["memory"][key] for key in ("weights", "thread"))
            self.assertIn("In memory: {:,} bytes of weights, and {:,} bytes".format(*memory), out)
        block = json.loads(self.limn("info", "--json", FLOAT_MODEL)[0])["blocks"][0]
        self.assertEqual((block["first"], block["last"]), ("layer1.0.conv1", "layer1.0"))

    PRECISION = {
        "calibration": {"inputs": 300, "photos": 212, "set": "dots of all colours"},
        "loss": {"snr": 33.2, "moved": 0.004},
    }

    def test_shows_how_a_network_is_an_8_bit_one(self):
        self.write("dots.safetensors", dot_detector.quantized_model(["conv1"], **self.PRECISION))
        out, _ = self.limn("info", "dots.safetensors")
        for line in (
            "precision   int8, all convolutions but conv1",
            "calibrated  300 inputs from 212 photos: dots of all colours",
            "loss        33.2 dB of signal to noise, 0.4% of maxima moved by more than a cell",
        ):
            self.assertIn(line + "\n", out)
        layers = [row[:4] for row in self.rows(out)]
        for expected in (
            ("conv1", "Conv2d", [3, 64, 64], 3 * 3 * 49),
            ("relu.quantize", "Quantize", [3, 64, 64], 0),
            ("layer1.0.relu1", "QuantizedConv2d", [3, 32, 32], 3 * 3 * 9 + 3),
            ("layer1.0", "QuantizedConv2d", [3, 32, 32], 3 * 3 * 9 + 3),
            ("layer1.0", "BasicBlock", [3, 32, 32], None),
            ("deconv_layers.2", "QuantizedConvTranspose2d", [3, 8, 8], 24 * 3 * 16 + 3),
            ("hm.sigmoid", "Sigmoid", [1, 16, 16], 0),
        ):
            self.assertIn(expected, layers)
        floats, _ = self.limn("info", "--network", "resnet18")
        self.assertNotIn("precision", floats)

        self.write("all.safetensors", dot_detector.quantized_model())
        out, _ = self.limn("info", "all.safetensors")
        self.assertIn("precision   int8, all convolutions\n", out)
        for name in ("calibrated", "loss"):
            self.assertNotRegex(out, rf"(?m)^{name} ")

    def test_says_the_same_of_an_8_bit_network_in_json(self):
        self.write("dots.safetensors", dot_detector.quantized_model(["conv1"], **self.PRECISION))
        found = json.loads(self.limn("info", "--json", "dots.safetensors")[0])
        document = dot_detector.quantized_document(["conv1"], **self.PRECISION)
        precision = found["document"]["precision"]
        maps = precision["maps"]
        for entry in (precision, document["precision"]):  # scales are floats of 32 bits
            entry["maps"] = {name: [struct.pack("<f", scale), zero] for name, (scale, zero) in entry["maps"].items()}
        self.assertEqual(precision, document["precision"])
        layers = {layer["name"]: layer for layer in found["layers"]}
        self.assertEqual(layers["layer1.0"]["tensors"], "layer1.0.conv2")
        self.assertEqual(layers["layer1.0"]["scale"], maps["layer1.0"])
        self.assertNotIn("scale", layers["conv1"])
        self.assertEqual(layers["hm"]["inputs"], ["deconv_layers.5"])
        self.assertEqual(found["parameters"], sum(layer["parameters"] for layer in found["layers"]))

        sizes = {}
        for tensor in found["tensors"]:
            sizes[tensor["dtype"]] = sizes.get(tensor["dtype"], 0) + tensor["bytes"]
        self.assertEqual(found["bytes_by_type"], sizes)
        out, _ = self.limn("info", "dots.safetensors")
        shares = f"{sizes['I8']:,} I8, {sizes['F32']:,} F32"
        self.assertIn(f"Model file: {os.path.getsize(self.path('dots.safetensors')):,} bytes ({shares})\n", out)

    def test_refuses_an_8_bit_file_that_contradicts_itself(self):
        document = dot_detector.quantized_document()
        document["precision"]["maps"]["nowhere"] = [1, 0]
        self.write("map.safetensors", dot_detector.quantized_model(entry=document))
        says = ["map.safetensors: metadata 'limn': precision: ", "no map nowhere"]
        self.fails(2, "info", "map.safetensors", says=says)
        self.write("float.safetensors", dot_detector.model(precision=dot_detector.quantized_document()["precision"]))
        self.fails(2, "info", "float.safetensors", says=["float.safetensors: tensor conv1.weight_scale: missing"])

    def test_lists_the_tensors_of_a_file_in_json(self):
        # What was measured of the float model is said of it alone.
        header = header_of(FLOAT_MODEL)
        document = json.loads(header.pop("__metadata__")["limn"])
        found = json.loads(self.limn("info", "--json", FLOAT_MODEL)[0])
        tensors = {tensor["name"]: (tensor["dtype"], tensor["shape"], tensor["bytes"]) for tensor in found["tensors"]}
        expected = {}
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            expected[name] = (entry["dtype"], entry["shape"], end - begin)
        self.assertEqual(tensors, expected)
        self.assertEqual(len(tensors), len(found["tensors"]))
        for key in ("keypoints", "links", "flip_pairs", "source", "accuracy"):
            self.assertEqual(found["document"][key], document[key])

    def test_knows_the_default_detectors_network(self):
        out, _ = self.limn("info", "--network", "person-detector")
        maps = {row[0]: row[2] for row in self.rows(out)}
        self.assertEqual((maps["hm"], maps["wh"], maps["reg"]), ([1, 40, 40], [2, 40, 40], [2, 40, 40]))
        # A ResNet18 of width 32 without its classifier, two deconvolutions to 128 with batch norm, and five maps.
        backbone, before = 32 * 3 * 49 + 2 * 32, 32
        for width in (32, 64, 128, 256):
            if width != before:
                backbone += before * width + 2 * width
            backbone += 9 * before * width + 3 * 9 * width * width + 4 * 2 * width
            before = width
        head = 256 * 128 * 16 + 2 * 128 + 128 * 128 * 16 + 2 * 128 + 5 * 128 + 5
        self.assertEqual(self.total(out, "Parameters"), f"{backbone + head:,}")
        self.fails(2, "info", "--network", "person-detector", "--keypoints", "3", says=["keypoints"])

    def test_refuses_what_there_is_not(self):
        self.fails(2, "info", "nowhere.safetensors", says=["nowhere.safetensors"])
        self.fails(2, "info", "--network", "resnet19", says=["resnet19"])
        self.fails(2, "info", "--network", "resnet18", "--input", "100x100", says=["multiples of 32", "100x100"])
        self.fails(2, "info", "--network", "resnet18", "--keypoints", "0", says=["keypoint"])

    def test_gives_the_terminal_nothing_to_obey(self):
        with open(MODEL, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length))
            data = file.read()
        document = json.loads(header["__metadata__"]["limn"])
        document["name"] = "\x1b]0;title\x07\x1b[2Jname\x9b1m\n\u00fc"
        document["source"]["url"] = "a\rb"
        header["__metadata__"]["limn"] = json.dumps(document)
        text = json.dumps(header).encode()
        self.write("hostile.safetensors", struct.pack("<Q", len(text)) + text + data)
        out, _ = self.limn("info", "hostile.safetensors")
        self.assertNotRegex(out, "[\x00-\x09\x0b-\x1f\x7f-\x9f]")
        self.assertIn("?]0;title??[2Jname?1m \u00fc", out)
        self.assertIn("a?b", out)
        out, _ = self.limn("info", "--json", "hostile.safetensors")
        self.assertNotRegex(out, "[^\n\x20-\x7e]")
        self.assertEqual(json.loads(out)["document"]["name"], document["name"])
        document["decoder"]["type"] = "\x1b[31m"
        header["__metadata__"]["limn"] = json.dumps(document)
        text = json.dumps(header).encode()
        self.write("hostile.safetensors", struct.pack("<Q", len(text)) + text + data)
        _, err = self.fails(2, "info", "hostile.safetensors", says=["decoder.type"])
        self.assertNotRegex(err, "[\x00-\x09\x0b-\x1f\x7f-\x9f]")

        self.fails(2, "info", MODEL, "--network", "resnet18")


@unittest.skipIf(np is None, "numpy is missing")
class Verify(ProgramTest):
    """The network of the formula weights (see tests/reference), whose heatmaps PyTorch computed."""

    SIZE = 64
    COMMAND = ("verify", "reference.safetensors", "--model", "model.safetensors")

    @classmethod
    def setUpClass(cls):
        sys.path.insert(0, os.path.join(ROOT, "tests", "reference"))
        import formula
        import tensor_file

        cls.write_tensors = staticmethod(tensor_file.write)
        cls.input = formula.network_input(3, cls.SIZE, cls.SIZE)
        networks, _ = tensor_file.read(os.path.join(ROOT, "tests", "reference", "networks.safetensors"))
        cls.heatmaps = networks["resnet18/heatmaps"]
        header = header_of(FLOAT_MODEL)
        cls.document = json.loads(header.pop("__metadata__")["limn"])
        cls.weights = formula.weights({name: tuple(entry["shape"]) for name, entry in header.items()})

    def setUp(self):
        super().setUp()
        self.write_tensors(self.path("model.safetensors"), self.weights, {"limn": self.document})

    def reference(self, **tensors):
        tensors.setdefault("input", self.input)
        tensors = {name: value for name, value in tensors.items() if value is not None}
        self.write_tensors(self.path("reference.safetensors"), tensors, {})

    def verify(self, *arguments, status=0):
        return self.limn(*self.COMMAND, *arguments, status=status)

    def test_accepts_what_pytorch_computed(self):
        self.reference(heatmaps=self.heatmaps)
        out, _ = self.verify()
        self.assertRegex(out, r"(?m)^heatmaps +16x16x16 ")
        self.assertIn("the tensor agrees", out)
        self.assertEqual(out.count("heatmaps"), 1)

    def test_accepts_batches_of_one_and_checks_the_engine_on_demand(self):
        self.reference(input=self.input[None], heatmaps=self.heatmaps[None], final_layer=self.heatmaps)
        for threads in ((), ("--threads", "1"), ("--threads", "3")):
            out, _ = self.verify("--engine", *threads)
            self.assertEqual(out.count("all 2 tensors agree"), 2)
            self.assertEqual(len(re.findall(r"(?m)^heatmaps +16x16x16 ", out)), 2)

    def test_follows_a_detectors_maps(self):
        # One pixel is all that it looks at: of red 1, green 0.5 and blue 0.25.
        self.write("model.safetensors", dot_detector.model())
        image = np.zeros((3, 32, 32), np.float32)
        image[:, 0, 0] = 1, 0.5, 0.25
        heatmaps = np.full((1, 4, 4), 1 / (1 + np.exp(6)), np.float32)
        heatmaps[0, 0, 0] = 1 / (1 + np.exp(-6))
        sizes = np.zeros((2, 4, 4), np.float32)
        sizes[:, 0, 0] = 0.5 * 255 / 8, 0.25 * 255 / 8
        self.reference(input=image, heatmaps=heatmaps, sizes=sizes)
        out, _ = self.verify("--engine")
        self.assertEqual(out.count("all 2 tensors agree"), 2)
        sizes[1, 0, 0] += 0.1
        self.reference(input=image, heatmaps=heatmaps, sizes=sizes)
        self.assertIn("sizes", self.verify(status=1)[1])

    def test_takes_8_bit_maps_for_the_numbers_that_they_stand_for(self):
        self.write("model.safetensors", dot_detector.quantized_model())
        image = np.zeros((3, 32, 32), np.float32)
        image[:, 0, 0] = 1, 200 / 255, 100 / 255
        relu = np.zeros((3, 16, 16), np.float32)
        relu[:, 0, 0] = image[:, 0, 0]
        sizes = np.zeros((2, 4, 4), np.float32)
        sizes[:, 0, 0] = 200 / 8, 100 / 8
        self.reference(input=image, conv1=relu, relu=relu, sizes=sizes)  # conv1 was drawn into its ReLU
        out, _ = self.verify("--engine")
        self.assertEqual(out.count("all 2 tensors agree"), 2)
        relu[1, 0, 0] += 1 / 255
        self.reference(input=image, relu=relu, sizes=sizes)
        _, err = self.verify("--tolerance", "0.003", status=1)
        self.assertIn("relu (relative difference 0.00392)", err)
        self.verify("--tolerance", "0.004")
        self.reference(input=image, conv1=relu)
        self.fails(2, *self.COMMAND, says=["reference.safetensors: expected a tensor to compare with", "heatmaps"])

    def test_names_a_wrong_result(self):
        wrong = self.heatmaps.copy()
        wrong[3, 5, 7] += 0.01 * np.abs(wrong).max()
        self.reference(heatmaps=wrong)
        for arguments in ((), ("--engine",)):
            out, err = self.verify(*arguments, status=1)
            self.assertRegex(out, r"(?m)^heatmaps .* departs$")
            self.assertIn("heatmaps", err)
        self.verify("--tolerance", "0.02")

    def test_names_the_first_of_several(self):
        zeros = np.zeros((64, 16, 16), np.float32)
        tensors = {"layer1.0": zeros, "maxpool": zeros, "layer1.1": zeros, "heatmaps": self.heatmaps}
        self.reference(**tensors)
        out, err = self.verify("--engine", status=1)
        self.assertIn("the first is maxpool", out)
        self.assertIn("maxpool", err)
        self.assertEqual(out.count("3 of 4 tensors depart"), 2)
        names = re.findall(r"(?m)^(\S+) +\d+x\d+x\d+ ", out)
        self.assertEqual(names, ["maxpool", "layer1.0", "layer1.1", "heatmaps"] * 2)

    def test_takes_a_wrong_shape_for_a_departure(self):
        self.reference(heatmaps=self.heatmaps[:, :8])
        out, err = self.verify(status=1)
        self.assertIn("[16, 8, 16]", out)
        self.assertIn("heatmaps", err)

    def test_takes_what_is_no_number_for_a_departure(self):
        wrong = self.heatmaps.copy()
        wrong[0, 0, 0] = np.nan
        self.reference(heatmaps=wrong)
        self.verify("--tolerance", "1e9", status=1)

    def test_is_what_a_benchmark_computes_of_what_it_is_fed(self):
        self.write("input", self.input.astype("<f4").tobytes())
        size = ("--input", f"{self.SIZE}x{self.SIZE}")
        for threads in ("1", "2"):
            command = ("bench", "model.safetensors", *size, "--runs", "2", "--threads", threads)
            self.limn(*command, "--feed", "input", "--result", "output")
            found = np.frombuffer(self.read("output"), "<f4").reshape(self.heatmaps.shape)
            self.assertLess(np.abs(found - self.heatmaps).max(), 1e-4 * np.abs(self.heatmaps).max())
        self.write("input", self.input.astype("<f4").tobytes() + b"x")
        self.fails(2, "bench", "model.safetensors", *size, "--feed", "input", says=["input", "49152 bytes"])
        self.write("input", self.input.astype("<f4").tobytes()[:-1])
        self.fails(2, "bench", "model.safetensors", *size, "--feed", "input", says=["input", "49152 bytes"])
        self.fails(2, "bench", "model.safetensors", *size, "--feed", "nowhere", says=["nowhere"])

    def test_refuses_references_it_cannot_use(self):
        def refused(says, **tensors):
            self.reference(**tensors)
            self.fails(2, *self.COMMAND, says=["reference.safetensors", *says])

        refused(["guess", "layer9"], heatmaps=self.heatmaps, guess=self.heatmaps, layer9=self.heatmaps)
        refused(["input", "missing"], input=None, heatmaps=self.heatmaps)
        refused(["input", "[1, 3, H, W]"], input=self.input[:2], heatmaps=self.heatmaps)
        refused(["input", "[1, 3, H, W]"], input=self.input[0], heatmaps=self.heatmaps)
        refused(["heatmaps"])
        self.reference(input=self.input[:, :48], heatmaps=self.heatmaps)
        self.fails(2, *self.COMMAND, says=["multiples of 32"])
        self.write("reference.safetensors", "nothing")
        self.fails(2, *self.COMMAND, says=["reference.safetensors"])
        self.fails(2, "verify", "nowhere", *self.COMMAND[2:], says=["nowhere"])

    def follow_pytorch(self, network, keypoints):
        """Random weights through generate.py, convert.py and verify. Returns the model file and what info says of it."""
        command = [sys.executable, os.path.join(ROOT, "tests", "reference", "generate.py")]
        done = subprocess.run(
            [*command, "--network", network, "64", "96", keypoints, self.folder],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        if done.returncode == 77:
            self.skipTest("PyTorch is not installed")
        self.assertEqual(done.returncode, 0, done.stderr)
        checkpoint, reference = done.stdout.decode().split()
        converter = [sys.executable, os.path.join(ROOT, "tools", "convert.py")]
        model = self.path("converted.safetensors")
        subprocess.run([*converter, checkpoint, model], stdout=subprocess.DEVNULL, check=True)
        out, _ = self.limn("verify", reference, "--model", model, "--engine")
        plain, engine = (int(number) for number in re.findall(r"all (\d+) tensors agree", out))
        self.assertGreater(plain, 60)
        self.assertGreater(engine, 20)
        return model, self.limn("info", model)[0]

    def test_follows_pytorch_through_every_layer(self):
        self.follow_pytorch("18", "16")

    def test_follows_pytorch_through_every_branch_of_an_hrnet(self):
        _, info = self.follow_pytorch("hrnet-w32", "17")
        self.assertIn("hrnet, width 32", info)
        self.assertIn("28,536,113", info)

    def test_follows_pytorch_through_the_lip_network(self):
        _, info = self.follow_pytorch("lip", "16")
        for text in ("512 (4x4) 512 (4x4) 512 (4x4), sigmoid", "BGR", "stretch", "argmax", "spine", "23,770,704"):
            self.assertIn(text, info)

    def test_follows_pytorch_through_both_branches_of_trt_pose_and_reads_them(self):
        for network, attention in (("pose-resnet18-body", "attention"), ("pose-resnet18-body-plain", "no attention")):
            model, info = self.follow_pytorch(network, "18")
            for text in (f", {attention}, part affinity of 21 links", "stretch, nearest", "part_affinity", "neck"):
                self.assertIn(text, info)
            self.write("photo.png", small_photo())
            out, _ = self.limn("estimate", "photo.png", "--model", model, "--json", "-", "-q")
            for pose in poses_of(out):
                self.assertEqual(len(pose["keypoints"]), 18)


class VerifyWithAFloatModel(ProgramTest):
    """The dot detector, whose 8-bit network is exact for colours, beside the one in floats."""

    MAPS = 28  # of the 8-bit network, with the input

    def setUp(self):
        super().setUp()
        self.write("float.safetensors", dot_detector.model())
        self.write("int8.safetensors", dot_detector.quantized_model())
        self.write("a.png", dot_detector.photo(Dot(64, 64, 40, 80), Dot(32, 96, 100, 200, red=130)))
        self.write("b.png", dot_detector.photo(Dot(96, 32, 254, 254)))

    def verify(self, *arguments, model="int8.safetensors", photos=("a.png", "b.png"), status=0):
        command = ("verify", "float.safetensors", "--model", model)
        return self.limn(*command, "--photo", *photos, *arguments, status=status)

    def write_with_scale(self, name, factor):
        """The 8-bit model with another scale of one map."""
        document = dot_detector.quantized_document()
        document["precision"]["maps"][name][0] *= factor
        self.write("int8.safetensors", dot_detector.quantized_model(entry=document))

    def decibels(self, out):
        """{map: text of its decibels} of the table."""
        rows = re.findall(r"(?m)^(\S+) +\d+x\d+x\d+ .*?((?:the same|-?\d+\.\d|-inf|nan)(?:  departs)?)$", out)
        self.assertEqual(len(rows), len(dict(rows)))
        return dict(rows)

    def test_shows_each_map_and_finds_them_near_enough(self):
        out, _ = self.verify()
        self.assertIn("Plain layers of int8.safetensors beside those of float.safetensors, on 2 photos\n", out)
        found = self.decibels(out)
        self.assertEqual(len(found), self.MAPS)
        self.assertEqual((found["input"], found["reg"]), ("the same", "the same"))
        for name in ("relu", "layer4.1", "deconv_layers.5", "wh"):
            self.assertGreater(float(found[name]), 80)
        self.assertRegex(out, r"(?m)^relu +3x64x64  0\.003922 +0 +\d+\.\d$")
        self.assertRegex(out, r"(?m)^wh +2x16x16 +\d+\.\d$")  # put out in floats
        self.assertRegex(out, r"all 28 maps have at least 20 dB, hm\.sigmoid the least: \d+\.\d\n")

    def test_takes_folders_of_photos(self):
        os.mkdir(self.path("photos"))
        for name in ("a.png", "b.png"):
            shutil.move(self.path(name), self.path("photos"))
        self.assertIn("on 2 photos\n", self.verify(photos=("photos",))[0])

    def test_names_the_first_that_departs(self):
        # A map whose numbers reach to 0.5 only, where 1, 254/255 and 254/255 come: the noise is what is missing.
        self.write_with_scale("layer2.0", 1 / 2)
        values = (1, 254 / 255, 254 / 255)
        noise = sum((value - 0.5) ** 2 for value in values)
        wanted = "%.1f" % (10 * math.log10(sum(value**2 for value in values) / noise))
        out, err = self.verify(photos=("b.png",), status=1)
        found = self.decibels(out)
        self.assertEqual(found["layer2.0"], wanted + "  departs")
        departed = [name for name, db in found.items() if db.endswith("departs")]
        self.assertEqual(departed[0], "layer2.0")
        self.assertEqual(departed[1], "layer2.1")
        self.assertNotIn("layer1.1", departed)
        self.assertIn(
            f"{len(departed)} of 28 maps have less than 20 dB, the first is layer2.0 ({wanted} dB)\n", out
        )
        self.assertEqual(err, f"limn: int8.safetensors departs from float.safetensors: layer2.0 ({wanted} dB)\n")
        self.verify("--snr", "6", photos=("b.png",))
        self.verify("--snr", "6.1", photos=("b.png",), status=1)

    def test_adds_up_what_the_photos_give(self):
        self.write_with_scale("layer2.0", 1 / 2)
        one = self.decibels(self.verify(photos=("b.png",), status=1)[0])["layer2.0"]
        other = self.decibels(self.verify(photos=("a.png",), status=1)[0])["layer2.0"]
        both = self.decibels(self.verify(status=1)[0])["layer2.0"]
        low, high = sorted(float(db.split()[0]) for db in (one, other))
        self.assertLess(low, float(both.split()[0]))
        self.assertLess(float(both.split()[0]), high)

    def test_shows_what_is_kept_in_floats(self):
        self.write("kept.safetensors", dot_detector.quantized_model(["conv1"]))
        out, _ = self.verify(model="kept.safetensors")
        self.assertRegex(out, r"(?m)^conv1 +3x64x64 +the same$")
        self.assertRegex(out, r"(?m)^relu +3x64x64 +the same$")
        self.assertRegex(out, r"(?m)^maxpool +3x32x32  0\.003922 +0 +\d+\.\d$")

    def test_wants_the_engines_8_bit_maps_to_be_the_same(self):
        self.write("kept.safetensors", dot_detector.quantized_model(["conv1", "hm"]))
        for model, quantized, floats in (("int8.safetensors", 24, 4), ("kept.safetensors", 23, 6)):
            for threads in ("1", "3"):
                out, _ = self.verify("--engine", "--threads", threads, model=model)
                self.assertRegex(out, r"(?m)^Fast engine on \S+, each map beside what the plain layers make")
                self.assertIn(f"all {quantized} 8-bit maps are the same\n", out)
                self.assertIn(f"all {floats} maps of floats agree within 0.0001 of the largest magnitude\n", out)

    def test_takes_what_is_no_number_for_a_departure(self):
        # Sums beyond the largest float: infinite in both networks, and the difference is nothing that can be measured.
        tensors = dot_detector.tensors()
        shape, values = tensors["wh.weight"]
        for i in range(len(values)):
            values[i] = 3e38
        floats = [(name, "F32", shape, values.tobytes()) for name, (shape, values) in tensors.items()]
        document = json.dumps(dot_detector.document())
        self.write("float.safetensors", quantized_models.safetensors(floats, {"limn": document}))
        self.write("int8.safetensors", quantized_models.model(dot_detector.quantized_document(), tensors))
        out, err = self.verify(status=1)
        self.assertIn("1 of 28 maps have less than 20 dB, the first is wh (nan dB)\n", out)
        self.assertIn("wh (nan dB)", err)

    def test_may_compare_floats_with_floats(self):
        out, _ = self.verify("--engine", model="float.safetensors")
        self.assertIn("all 55 maps are the same\n", out)
        self.assertIn("all 27 maps of floats agree within 0.0001 of the largest magnitude\n", out)

    def test_gives_each_network_what_its_own_document_makes_of_a_photo(self):
        document = dot_detector.quantized_document()
        document["input"]["std"] = [2, 2, 2]
        self.write("int8.safetensors", dot_detector.quantized_model(entry=document))
        _, err = self.verify(status=1)
        self.assertIn("departs from float.safetensors: input (6.0 dB)", err)  # half of it is missing

    def test_goes_on_without_a_photo_that_cannot_be_read(self):
        self.write("broken.png", b"no picture")
        out, err = self.verify(photos=("a.png", "broken.png", "nowhere.png"), status=1)
        self.assertIn("on 1 photo\n", out)
        self.assertIn("at least 20 dB", out)
        self.assertRegex(err, "^limn: broken\\.png: .*\nlimn: nowhere\\.png: .*\n$")
        out, _ = self.verify(photos=("broken.png",), status=1)
        self.assertEqual(out, "")

    def test_refuses_other_networks_with_one_message(self):
        def refused(says, reference="float.safetensors", model="int8.safetensors", more=("--photo", "a.png")):
            self.fails(2, "verify", reference, "--model", model, *more, says=says)

        refused(["float.safetensors: a model is compared", "--photo"], more=())
        refused(["int8.safetensors: expected a float model, found an 8-bit one"], reference="int8.safetensors")
        refused(["expected the network of float.safetensors", "map input is 3x128x128, found 3x256x192"], model=MODEL)
        larger = dot_detector.document()
        larger["input"]["width"] = 256
        self.write("larger.safetensors", dot_detector.model(input=larger["input"]))
        refused(["whose map input is 3x128x128, found 3x128x256"], model="larger.safetensors")
        other = dot_detector.quantized_document()
        other["network"]["offsets"] = False
        tensors = {name: value for name, value in dot_detector.tensors().items() if not name.startswith("reg.")}
        self.write("other.safetensors", quantized_models.model(other, tensors))
        refused(["which has a map reg, found none"], model="other.safetensors")
        del other["precision"]
        entries = [(name, "F32", shape, values.tobytes()) for name, (shape, values) in tensors.items()]
        self.write("floats.safetensors", quantized_models.safetensors(entries, {"limn": json.dumps(other)}))
        refused(["expected the network of floats.safetensors, which has no map reg"], reference="floats.safetensors")
        self.write("tensors.safetensors", quantized_models.safetensors(entries))
        refused(["tensors.safetensors: expected a model for --photo"], reference="tensors.safetensors")
        refused(["tensors.safetensors: expected a model for --snr"], "tensors.safetensors", more=("--snr", "20"))


class Bench(ProgramTest):
    """Numbers depend on the machine; here only that there are some."""

    def test_measures_a_described_network_and_its_layers(self):
        out, _ = self.limn(
            "bench", "--network", "resnet18", "--input", "64x32", "--runs", "2", "--threads", "2", "--layers"
        )
        self.assertIn("input 64x32, 2 threads, fp32, 2 runs, ", out)
        self.assertRegex(out, r"(?m)^ms +median [\d.]+, min [\d.]+, max [\d.]+$")
        self.assertRegex(out, r"(?m)^GFLOP/s +[\d.]+ of [\d.]+ ")
        self.assertRegex(out, r"(?m)^conv1 \.\.\. relu +\S.*64x32x16 +[\d.]+ +[\d.]+ % +[\d.]+ +\d+ %$")
        self.assertRegex(out, r"(?m)^final_layer ")

    def test_measures_a_model(self):
        command = ("bench", "--input", "32x32", "--runs", "1")
        float_model = [FLOAT_MODEL]
        for model in ([MODEL], ["--model", MODEL], [], float_model):
            out, _ = self.limn(*command, *model, "--threads", "1")
            precision = "fp32" if model is float_model else "int8"
            self.assertIn(f"pose_resnet18_mpii16_256x192, input 32x32, 1 thread, {precision}, 1 run, ", out)
        self.assertNotIn("final_layer", out)

    def test_measures_a_detector(self):
        self.write("dots.safetensors", dot_detector.model())
        out, _ = self.limn("bench", "dots.safetensors", "--runs", "1", "--layers", "--threads", "1")
        self.assertIn("dot_detector, input 128x128, 1 thread, fp32, 1 run, ", out)
        self.assertRegex(out, r"(?m)^reg ")
        command = ("bench", "--network", "person-detector", "--runs", "1", "--input", "64x96", "--threads", "2")
        self.assertIn("person-detector, input 64x96, 2 threads, fp32, 1 run, ", self.limn(*command)[0])

    def targets(self):
        return json.loads(self.limn("info", MODEL, "--json")[0])["targets"]

    def test_runs_on_every_instruction_set_of_this_processor(self):
        targets = self.targets()
        says = f"Runs on: {targets[0]}, of the instruction sets here ({', '.join(targets)})\n"
        self.assertIn(says, self.limn("info")[0])
        for target in targets:
            for model, precision in ((MODEL, "int8"), (FLOAT_MODEL, "fp32")):
                out, _ = self.limn("bench", model, "--input", "32x32", "--runs", "1", "--target", target)
                self.assertIn(f", {precision}, 1 run, {target}\n", out)
        self.fails(2, "bench", "--target", "mmx", says=["mmx", *targets])

    def test_several_images_in_one_run(self):
        out, _ = self.limn("bench", MODEL, "--input", "64x32", "--runs", "2", "--batch", "3")
        self.assertIn("for each of 3 images", out)
        self.fails(2, "bench", MODEL, "--batch", "2", "--layers", says=["--batch", "--layers"])
        self.fails(2, "bench", MODEL, "--batch", "0")

    def test_says_the_same_in_json(self):
        out, _ = self.limn("bench", MODEL, "--input", "64x32", "--runs", "3", "--threads", "2", "--json")
        result = json.loads(out)
        self.assertEqual(result["network"], "pose_resnet18_mpii16_256x192")
        self.assertEqual(result["input"], {"height": 64, "width": 32})
        self.assertEqual(result["threads"], 2)
        self.assertEqual(result["target"], self.targets()[0])
        self.assertEqual(len(result["milliseconds"]), 3)
        self.assertEqual(result["median_milliseconds"], sorted(result["milliseconds"])[1])
        self.assertGreater(min(result["milliseconds"]), 0)
        self.assertNotIn("layers", result)
        described = ("--network", "resnet18", "--input", "32x32", "--runs", "1", "--layers", "--json")
        layers = json.loads(self.limn("bench", *described)[0])["layers"]
        self.assertEqual((layers[0]["first"], layers[0]["output"]), ("conv1", [64, 16, 16]))
        self.assertEqual(layers[-1]["multiply_adds"], 256 * 16 * 8 * 8)

    def test_refuses_what_there_is_not(self):
        self.fails(2, "bench", "nowhere.safetensors", says=["nowhere.safetensors"])
        self.fails(2, "bench", "--network", "alexnet", says=["alexnet"])


class TheDefaultModels(ProgramTest):
    def test_find_five_people_in_a_photo_of_five(self):
        out, _ = self.limn("estimate", FIVE_PEOPLE, "-q", "--json", "-", "-o", "five.png")
        result = json.loads(out)
        self.assertEqual(result["detector"], "person_detector_320x320")
        poses = sorted(poses_of(out), key=lambda pose: pose["box"][0])
        # By hand: where the heads are, from left to right; the feet are at about 400 to 430.
        heads = [(50, 190), (167, 200), (318, 185), (458, 200), (545, 185)]
        self.assertEqual(len(poses), len(heads))
        for pose, (x, y) in zip(poses, heads):
            points = {keypoint["name"]: keypoint for keypoint in pose["keypoints"]}
            self.assertLess(math.dist((points["head_top"]["x"], points["head_top"]["y"]), (x, y)), 35)
            for name in ("left_ankle", "right_ankle"):
                self.assertLess(abs(points[name]["y"] - 415), 35)
            self.assertGreater(pose["score"], 0.6)

    def test_find_the_one_person_who_is_small(self):
        poses = poses_of(self.limn("estimate", SMALL_PERSON, "-q", "--json", "-", "--no-pictures")[0])
        # By hand: the person stands from (192, 97) to (272, 372).
        best = max(poses, key=lambda pose: pose["score"])
        for found, expected in zip(best["box"], (192, 97, 80, 275)):
            self.assertLess(abs(found - expected), 30)
        points = {keypoint["name"]: keypoint["y"] for keypoint in best["keypoints"]}
        self.assertLess(points["head_top"], points["pelvis"])
        self.assertLess(points["pelvis"], points["left_ankle"])


class NothingIsLost(EstimateTest):
    def test_the_json_is_no_photo_that_was_to_be_read(self):
        photo = small_photo()
        for name in ("a.png", "b.png"):
            self.write(name, photo)
        # What a shell makes of `limn estimate --json *.png`.
        self.fails(2, "estimate", "--json", "a.png", "b.png", says=["--json a.png", "picture"])
        self.assertEqual(self.read("a.png"), photo)
        # Another name of the same file.
        os.link(self.path("a.png"), self.path("a.json"))
        self.fails(2, "estimate", "a.png", "--json", "a.json", says=["--json a.json", "a.png"])
        self.assertEqual(self.read("a.png"), photo)
        self.write("boxes.json", json.dumps([]))
        self.fails(2, "estimate", "a.png", "--boxes", "boxes.json", "--json", "./boxes.json", says=["boxes.json"])
        self.assertEqual(self.read("boxes.json"), b"[]")

    def test_no_picture_replaces_what_is_read(self):
        photo = small_photo()
        self.write("a.png", photo)
        os.link(self.path("a.png"), self.path("a_pose.png"))  # another name of the photo
        self.write("boxes.png", json.dumps([{"image_id": 1, "bbox": [0, 0, 9, 9]}]))
        self.estimate("a.png")
        self.assertEqual(self.files(), ["a.png", "a_pose.png", "a_pose_2.png", "boxes.png"])
        self.assertEqual((self.read("a.png"), self.read("a_pose.png")), (photo, photo))
        self.write("a_1.png", photo)
        self.fails(2, "estimate", "a_1.png", "--boxes", "boxes.png", "-o", "boxes.png", says=["overwrite boxes.png"])
        self.fails(2, "estimate", "a.png", "-o", "a_pose.png", says=["overwrite"])

    def test_no_output_is_the_default_model(self):
        self.write("a.png", small_photo())
        shutil.copy(MODEL, self.path("model"))
        environment = {"LIMN_MODEL": "model"}
        self.fails(2, "estimate", "a.png", "--json", "./model", says=["overwrite model"], environment=environment)

    def test_what_an_output_is_called_while_it_is_written_is_nobody_elses(self):
        boxes = json.dumps([{"image_id": 1, "bbox": [0, 0, 9, 9]}])
        self.write("a_1.png", small_photo())
        self.write("out.json.part", boxes)
        self.write("a_1_pose.png.part", "somebody's")
        self.limn("estimate", "a_1.png", "--boxes", "out.json.part", "--json", "out.json", "--input", "64x64")
        self.assertEqual(self.read("out.json.part").decode(), boxes)
        self.assertEqual(self.read("a_1_pose.png.part"), b"somebody's")
        self.assertEqual(len(poses_of(self.read("out.json"))), 1)
        self.assertEqual(len(self.files()), 5)

    def test_a_file_keeps_its_permissions(self):
        self.write("a.png", small_photo())
        os.chmod(self.write("a.json", "old"), 0o600)
        self.limn("estimate", "a.png", "--no-pictures", "--input", "64x64", "--json", "a.json")
        self.assertEqual(os.stat(self.path("a.json")).st_mode & 0o777, 0o600)

    def test_an_old_file_stays_until_the_new_one_is_complete(self):
        self.write("a.png", small_photo())
        self.write("old.json", "kept")
        os.symlink("old.json", self.path("link.json"))
        with self.stalled("estimate", "--no-detector", STALL, "--json", "old.json") as program:
            self.wait_for("old.json.part")
            program.kill()
        self.assertEqual(self.read("old.json"), b"kept")
        os.remove(self.path("old.json.part"))
        self.limn("estimate", "a.png", "--no-pictures", "--input", "64x64", "--json", "link.json")
        self.assertTrue(os.path.islink(self.path("link.json")))
        self.assertEqual(len(json.loads(self.read("old.json"))["photos"]), 1)
        self.limn("estimate", "a.png", "--no-pictures", "--input", "64x64", "--json", os.devnull)
        self.assertEqual(self.files(), ["a.png", "link.json", "old.json"])


class Readme(unittest.TestCase):
    def test_shows_the_smallest_example_as_it_is_built(self):
        with open(os.path.join(ROOT, "examples", "smallest.cpp"), encoding="utf-8") as file:
            program = file.read()
        self.assertLessEqual(program.count("\n"), 10)
        try:
            with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
                readme = file.read()
        except FileNotFoundError:
            self.skipTest("no README.md")
        marker = "<!-- examples/smallest.cpp -->"
        self.assertIn(marker, readme)
        block = re.search(re.escape(marker) + r"\s*```\w*\n(.*?)```", readme, re.DOTALL)
        self.assertIsNotNone(block, "no code block after the marker")
        self.assertEqual(block.group(1), program)


if __name__ == "__main__":
    unittest.main()
