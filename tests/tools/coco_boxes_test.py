#!/usr/bin/env python3
"""Tests of tools/coco_boxes.py; need numpy and Pillow."""

import contextlib
import io
import json
import os
import sys
import unittest

try:
    import numpy as np
    import PIL  # noqa: F401
except ImportError as error:
    print(f"skipped: {error.name} is missing")
    sys.exit(77)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))

import coco_boxes
import stick_figures
from folder_test_case import FolderTestCase


class Boxes(FolderTestCase):
    def photo(self, name, labels="", folder="photos", grey=9):
        """A photo of 20x10 pixels, of one grey, with labels beside it."""
        self.path(folder, "images", name)
        self.path(folder, "labels", name)
        picture = np.full((10, 20, 3), grey, np.uint8)
        stick_figures.write_png(self.path(folder, "images", name), picture)
        self.write(os.path.join(folder, "labels", os.path.splitext(name)[0] + ".txt"), labels)

    def run_it(self, *arguments):
        """(exit status, what it said, the annotations)"""
        said = io.StringIO()
        output = self.path("boxes.json")
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            status = coco_boxes.main([output, *arguments])
        return status, said.getvalue(), json.loads(self.read("boxes.json")) if status == 0 else None

    def names(self, *arguments):
        return [os.path.basename(image["file_name"]) for image in self.run_it(*arguments)[2]["images"]]

    def test_are_brought_into_pixels_and_cut_to_the_photo(self):
        self.photo("b.png")
        self.photo("a.png", "0 0.5 0.5 0.5 0.4\n\n0 0.95 0.5 0.2 1\n0 0.1 0.2 0.4 0.2 0.25 0.6\n0 2 2 0.1 0.1\n")
        status, said, document = self.run_it(self.path("photos"))
        self.assertEqual(status, 0, said)
        self.assertIn("3 people in 2 photos, 0 photos left out", said)
        first, second = document["images"]
        self.assertEqual(first["file_name"], os.path.join("photos", "images", "a.png"))
        self.assertEqual((first["width"], first["height"], second["id"]), (20, 10, 2))
        boxes = [entry["bbox"] for entry in document["annotations"]]
        self.assertEqual(boxes, [[5, 3, 10, 4], [17, 0, 3, 10], [2, 2, 6, 4]])
        self.assertEqual({entry["image_id"] for entry in document["annotations"]}, {1})
        self.assertEqual(document["categories"], [{"id": 1, "name": "person"}])

    def test_of_photos_that_must_not_be_seen_are_left_out_with_all_copies(self):
        self.photo("one.rf.1.png", grey=1)
        self.photo("one.rf.2.png", grey=2)
        self.photo("two.rf.1.png", grey=3)
        self.photo("three.png", grey=4)
        photos = self.path("photos")
        self.assertEqual(len(self.names(photos)), 4)
        # One of the copies, under another name: its bytes tell.
        self.photo("seen.png", folder="seen", grey=2)
        kept = ["three.png", "two.rf.1.png"]
        self.assertEqual(self.names(photos, "--leave-out", self.path("seen", "images")), kept)
        # A copy with other bytes: its name tells.
        self.photo("two.rf.9.png", folder="other", grey=9)
        others = [self.path(folder, "images") for folder in ("seen", "other")]
        self.assertEqual(self.names(photos, "--leave-out", *others), ["three.png"])
        self.assertEqual(self.names(photos, "--skip", "^t|2"), ["one.rf.1.png"])

    def test_of_turned_photos_and_of_groups_are_told_by_their_shape(self):
        self.photo("people.png", "0 0.2 0.5 0.1 0.8\n0 0.5 0.5 0.1 0.8\n0 0.8 0.5 0.4 0.5\n")  # the last 8x5 pixels
        self.photo("turned.png", "0 0.5 0.3 0.8 0.2\n0 0.5 0.7 0.6 0.2\n")
        self.photo("nobody.png")
        document = self.run_it(self.path("photos"), "--upright")[2]
        names = [os.path.basename(image["file_name"]) for image in document["images"]]
        self.assertEqual(names, ["nobody.png", "people.png"])
        self.assertEqual([entry["iscrowd"] for entry in document["annotations"]], [0, 0, 1])
        document = self.run_it(self.path("photos"))[2]
        self.assertEqual(len(document["images"]), 3)
        self.assertEqual(sum(entry["iscrowd"] for entry in document["annotations"]), 0)

    def test_that_are_none_are_refused_by_file_and_line(self):
        for second in ("0.5 0.5", "a b c d", "1 2 3 4 5 6 7"):
            self.photo("a.png", f"0 0.5 0.5 0.5 0.4\n0 {second}\n")
            status, said, _ = self.run_it(self.path("photos"))
            self.assertEqual(status, 1)
            self.assertRegex(said, r"^coco_boxes.py: .*a.txt: line 2: expected a class and a box or a polygon")
        status, said, _ = self.run_it(self.path("nowhere"))
        self.assertEqual((status, said.split(": ")[0]), (1, "coco_boxes.py"))
        self.assertIn("No such file", said)


if __name__ == "__main__":
    unittest.main()
