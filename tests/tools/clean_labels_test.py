#!/usr/bin/env python3
"""Tests of tools/clean_labels.py; need numpy."""

import contextlib
import copy
import io
import json
import os
import sys
import unittest

try:
    import numpy as np
except ImportError:
    print("skipped: numpy is missing")
    sys.exit(77)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))

import clean_labels
from folder_test_case import FolderTestCase
from limn_convert.skeletons import SKELETONS
from limn_train.cleaning import clean, completed, halves

MPII = SKELETONS["mpii16"]
NAMES = MPII.keypoints
SIZE = 100  # pixels of the person: 20 are near, 50 are far


def numbers(*names):
    return [NAMES.index(name) for name in names]


ARMS = [pair for pair in MPII.flip_pairs if NAMES[pair[0]].split("_")[1] in ("wrist", "elbow", "shoulder")]
LEGS = [pair for pair in MPII.flip_pairs if pair not in ARMS]


def somebody():
    """(16, 3) labels, no two of them near one another."""
    return np.array([[60.0 * (i % 4), 60.0 * (i // 4), 2] for i in range(16)])


def exchange(values, pairs):
    values = np.array(values)
    for a, b in pairs:
        values[[a, b]] = values[[b, a]]
    return values


def cleaned(labels, found=None, scores=0.5):
    found = somebody() if found is None else found
    return clean(labels, found[:, :2], np.broadcast_to(scores, 16), SIZE, MPII)


class Sides(unittest.TestCase):
    def test_are_those_of_upper_and_lower_body(self):
        self.assertEqual(list(map(sorted, halves(MPII))), [sorted(ARMS), sorted(LEGS)])
        coco = SKELETONS["coco17"]
        upper, lower = ([{coco.keypoints[i].split("_")[1] for i in pair} for pair in half] for half in halves(coco))
        self.assertEqual(sorted(map(min, upper)), ["ear", "elbow", "eye", "shoulder", "wrist"])
        self.assertEqual(sorted(map(min, lower)), ["ankle", "hip", "knee"])

    def test_stay_where_the_model_agrees(self):
        result = cleaned(somebody())
        self.assertEqual((result.triples.tolist(), result.exchanged, result.left_out), (somebody().tolist(), 0, 0))

    def test_are_exchanged_half_by_half_where_the_model_has_them_the_other_way_round(self):
        for pairs, count in ((ARMS, 1), (LEGS, 1), (ARMS + LEGS, 2)):
            result = cleaned(exchange(somebody(), pairs))
            self.assertEqual((result.triples.tolist(), result.exchanged), (somebody().tolist(), count))

    def test_are_exchanged_with_labels_that_are_there_on_one_side_only(self):
        labels = exchange(somebody(), LEGS)
        labels[numbers("left_ankle")] = 0
        result = cleaned(labels)
        self.assertEqual(result.exchanged, 1)
        self.assertEqual(result.triples[numbers("right_ankle")].tolist(), [[0, 0, 0]])
        self.assertEqual(result.triples[numbers("left_ankle")].tolist(), somebody()[numbers("left_ankle")].tolist())

    def test_stay_where_a_third_of_the_votes_or_more_are_against_it(self):
        ankles, knees, hips = LEGS
        self.assertEqual(cleaned(exchange(somebody(), [ankles, knees])).exchanged, 0)  # 4 to 2
        labels = exchange(somebody(), [ankles, knees])
        labels[hips[0]] = 0
        result = cleaned(labels)  # 4 to 1
        self.assertEqual(result.exchanged, 1)

    def test_stay_where_the_model_is_not_sure_or_few_vote(self):
        labels = exchange(somebody(), LEGS)
        self.assertEqual(cleaned(labels, scores=0.29).exchanged, 0)
        scores = np.full(16, 0.1)
        scores[LEGS[0][0]] = 0.5
        self.assertEqual(cleaned(labels, scores=scores).exchanged, 0)
        scores[LEGS[1][0]] = 0.5
        self.assertEqual(cleaned(labels, scores=scores).exchanged, 1)

    def test_stay_where_both_labels_are_near(self):
        labels = somebody()
        for a, b in LEGS:
            labels[b, :2] = labels[a, :2] + [10, 0]
        found = exchange(labels, LEGS)
        self.assertEqual(cleaned(labels, found).exchanged, 0)


class Places(unittest.TestCase):
    def test_are_left_out_where_the_model_is_sure_of_another_far_away(self):
        (head,) = numbers("head_top")
        for distance, score, left_out in ((51, 0.6, 1), (49, 0.6, 0), (51, 0.59, 0)):
            found = somebody()
            found[head, 1] -= distance
            scores = np.full(16, 0.5)
            scores[head] = score
            result = cleaned(somebody(), found, scores)
            self.assertEqual(result.left_out, left_out)
            self.assertEqual(result.triples[head].tolist(), [0, 0, 0] if left_out else somebody()[head].tolist())

    def test_stay_where_the_model_may_have_taken_one_side_for_the_other(self):
        ankle, other = LEGS[0]
        found = somebody()
        found[ankle] = found[other]
        self.assertEqual(cleaned(somebody(), found, 0.9).left_out, 0)

    def test_that_nobody_labelled_are_not_made_up(self):
        labels = somebody()
        labels[0] = 0
        result = cleaned(labels, scores=1.0)
        self.assertEqual((result.triples[0].tolist(), result.left_out), ([0, 0, 0], 0))


class Additions(unittest.TestCase):
    def completed(self, labels, found, scores, size=(300, 300)):
        return completed(labels, found[:, :2], scores, size, numbers("head_top", "upper_neck"), 0.5)

    def test_are_what_was_wanted_and_is_sure_and_on_the_photo(self):
        head, neck, wrist = numbers("head_top", "upper_neck", "left_wrist")
        found, scores = somebody() + [3.04, 0, 0], np.full(16, 0.5)
        labels = somebody()
        labels[[head, neck, wrist]] = 0
        scores[neck] = 0.49
        result, count = self.completed(labels, found, scores)
        expected = labels.copy()
        expected[head] = somebody()[head] + [3, 0, 0]
        self.assertEqual((result.tolist(), count), (expected.tolist(), 1))
        self.assertEqual(self.completed(labels, found, scores, size=(found[head][0], 300))[1], 0)

    def test_leave_labels_alone(self):
        result, count = self.completed(somebody(), somebody() + [9, 9, 0], np.ones(16))
        self.assertEqual((result.tolist(), count), (somebody().tolist(), 0))


class Files(FolderTestCase):
    def setUp(self):
        super().setUp()
        person = {"image_id": 1, "category_id": 1, "iscrowd": 0, "bbox": [0, 0, 180, 320], "num_keypoints": 16}
        right = {**person, "id": 7, "keypoints": somebody().astype(int).ravel().tolist()}
        wrong = {**person, "id": 8, "keypoints": exchange(somebody(), LEGS).astype(int).ravel().tolist()}
        unseen = {**wrong, "id": 9}
        category = {"id": 1, "name": "person", "keypoints": NAMES}
        image = {"id": 1, "file_name": "1.png", "width": 300, "height": 300}
        self.annotations = {
            "info": {"kept": True},
            "images": [image],
            "annotations": [right, wrong, unseen],
            "categories": [category],
        }
        pose = somebody()
        pose[:, 2] = 0.5
        self.poses = [{"image_id": 1, "annotation_id": i, "keypoints": pose.ravel().tolist()} for i in (8, 7)]

    def run_it(self, *more):
        paths = [self.path(name) for name in ("annotations.json", "poses.json", "cleaned.json")]
        for path, value in zip(paths, (self.annotations, self.poses)):
            with open(path, "w", encoding="utf-8") as file:
                json.dump(value, file)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = clean_labels.main([*paths, *more])
        return status, out.getvalue(), err.getvalue(), paths[2]

    def test_come_out_as_they_were_but_for_what_was_mended(self):
        expected = copy.deepcopy(self.annotations)
        expected["annotations"][1]["keypoints"] = expected["annotations"][0]["keypoints"]
        status, out, err, path = self.run_it()
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(out, "sides exchanged in 1 of 2 people (upper and lower bodies: 1), 0 of 32 labels left out\n")
        with open(path, encoding="utf-8") as file:
            self.assertEqual(json.load(file), expected)
        _, out, _, _ = self.run_it("--least-score", "0.6")
        self.assertIn("in 0 of 2 people", out)

    def test_are_completed_and_left_as_they_are_otherwise(self):
        head = NAMES.index("head_top")
        expected = copy.deepcopy(self.annotations)
        self.annotations["annotations"][0]["keypoints"][3 * head : 3 * head + 3] = [0, 0, 0]
        status, out, _, path = self.run_it("--add", "head_top", "--only-add")
        self.assertEqual(status, 0)
        self.assertIn("in 0 of 2 people (upper and lower bodies: 0), 0 of 31 labels left out, 1 added", out)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(json.load(file), expected)
        _, out, _, _ = self.run_it("--add", "head_top", "--sure", "0.6")
        self.assertIn("in 1 of 2 people", out)
        self.assertIn(", 0 added", out)

    def test_that_are_wrong_are_refused(self):
        def refused(says, *more):
            status, _, err, path = self.run_it(*more)
            self.assertEqual(status, 1)
            self.assertRegex(err, "^clean_labels.py: .*" + says)
            self.assertFalse(os.path.exists(path))

        refused("--add nose: not among the annotations' keypoints, right_ankle, ", "--add", "nose")
        del self.annotations["images"][0]["width"]
        refused("1.png: --add needs its width and height in the annotations", "--add", "head_top")
        poses = self.poses
        self.poses = {}
        refused("poses.json: expected a list of COCO results")
        self.poses = [{**poses[0], "keypoints": [1, 2, 3]}]
        refused(r"poses.json: \[0\]: keypoints: expected 48 numbers")
        self.poses = [poses[0], {"image_id": 1, "keypoints": poses[0]["keypoints"]}]
        refused(r"poses.json: \[1\]: annotation_id: expected a number, as `limn evaluate --results` writes it")
        self.poses = [{**poses[0], "annotation_id": 99}]
        refused("nobody in it is in .*annotations.json")
        self.annotations = []
        refused("annotations.json: expected an object")


if __name__ == "__main__":
    unittest.main()
