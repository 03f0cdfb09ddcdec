#!/usr/bin/env python3
"""Tests of `limn evaluate`; LIMN_PROGRAM names the program.

    LIMN_PROGRAM=build/tools/limn tests/tools/evaluate_test.py         the tests, of them one with 200 labelled people
    LIMN_PROGRAM=build/tools/limn tests/tools/evaluate_test.py --all   all 1000; 0.6630 is expected

The labelled photos are no part of the repository. They are looked for in ../shared/eval/lspet-val beside it, and in the
folder that the environment variable LIMN_LSPET_VAL names: annotations.json in COCO's keypoint format, with joints in
MPII's order, and images/.

COCO's evaluation is computed here a second time, with numpy, from its description (https://cocodataset.org, "Keypoint
Evaluation"), and compared with the program's on random people.
"""

import json
import math
import os
import random
import struct
import subprocess
import sys
import unittest

import dot_detector
from dot_detector import Dot
from limn_program import FLOAT_MODEL, MODEL, PROGRAM, ROOT, SHARED, ProgramTest, grey_photo, skip_without_program

skip_without_program()

try:
    import numpy as np
except ImportError:
    np = None

DATA = os.environ.get("LIMN_LSPET_VAL", os.path.join(SHARED, "eval", "lspet-val"))

# PyTorch's results with the same weights (see weights/README.md): people, joints, PCK@0.2.
FIRST = (200, 2464, 0.7256)
ALL = (1000, 12394, 0.7375)
TOLERANCE = 0.005

MODEL_NAME = "pose_resnet18_mpii16_256x192"
MPII = (
    "right_ankle right_knee right_hip left_hip left_knee left_ankle pelvis thorax upper_neck head_top right_wrist "
    "right_elbow right_shoulder left_shoulder left_elbow left_wrist"
).split()
COCO = (
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist "
    "right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle"
).split()
COCO_SIGMAS = [0.26, 0.25, 0.25, 0.35, 0.35, 0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89]
NUMBERS = "AP|AP .50|AP .75|AP medium|AP large|AR|AR .50|AR .75|AR medium|AR large".split("|")

WIDTH, HEIGHT = 60, 72


def small_photo(seed=0):
    return grey_photo(WIDTH, HEIGHT, seed)


# ---- COCO's evaluation again -----------------------------------------------------------------------------------------


def similarities(people, poses, sigmas):
    """OKS of every pose (rows) with every annotated person."""
    table = np.zeros((len(poses), len(people)))
    spread = (2 * np.asarray(sigmas)) ** 2
    for j, person in enumerate(people):
        labels = np.reshape(person["keypoints"], (-1, 3)).astype(float)
        seen = labels[:, 2] > 0
        x, y, width, height = person["bbox"]
        for i, pose in enumerate(poses):
            places = np.reshape(pose["keypoints"], (-1, 3))[:, :2].astype(float)
            if seen.any():
                squares = ((places - labels[:, :2]) ** 2).sum(axis=1)[seen]
                own = spread[seen]
            else:  # distance to the box grown threefold
                low, high = np.array([x - width, y - height]), np.array([x + 2 * width, y + 2 * height])
                squares = ((places - np.clip(places, low, high)) ** 2).sum(axis=1)
                own = spread
            table[i, j] = np.exp(-squares / own / (2 * person["area"])).mean()
    return table


def coco_numbers(document, results, sigmas):
    """The ten numbers, in their order."""
    images = sorted(image["id"] for image in document["images"])
    scenes = []
    for image in images:
        people = [person for person in document["annotations"] if person["image_id"] == image]
        poses = [pose for pose in results if pose["image_id"] == image]
        poses = sorted(poses, key=lambda pose: -pose["score"])[:20]  # a stable sort
        scenes.append((people, poses, similarities(people, poses, sigmas)))

    def curve(threshold, smallest, largest):
        """Average precision and recall at one threshold."""
        verdicts, wanted = [], 0
        for people, poses, table in scenes:
            outside = [not smallest <= person["area"] <= largest for person in people]
            unlabelled = [not any(person["keypoints"][2::3]) for person in people]
            ignored = [a or b or bool(p["iscrowd"]) for a, b, p in zip(outside, unlabelled, people)]
            wanted += ignored.count(False)
            free = set(range(len(people)))
            for i, pose in enumerate(poses):
                able = [j for j in free if table[i, j] >= threshold]
                able = [j for j in able if not ignored[j]] or able
                if able:
                    best = max(able, key=lambda j: (table[i, j], j))  # of equals the last, as pycocotools has it
                    if not people[best]["iscrowd"]:
                        free.remove(best)
                    if not ignored[best]:
                        verdicts.append((pose["score"], True))
                    continue
                places = np.reshape(pose["keypoints"], (-1, 3))
                extent = np.ptp(places[:, 0]) * np.ptp(places[:, 1])
                if smallest <= extent <= largest:
                    verdicts.append((pose["score"], False))
        if wanted == 0:
            return -1.0, -1.0
        right = np.array([good for _, good in sorted(verdicts, key=lambda v: -v[0])], dtype=float)
        if right.size == 0:
            return 0.0, 0.0
        recall = right.cumsum() / wanted
        precision = right.cumsum() / np.arange(1, right.size + 1)
        at = [precision[recall >= step].max(initial=0) for step in np.linspace(0, 1, 101)]
        return float(np.mean(at)), float(recall[-1])

    thresholds = [0.5 + 0.05 * i for i in range(10)]
    ranges = [(0, 1e10), (32**2, 96**2), (96**2, 1e10)]
    every, medium, large = (np.array([curve(t, *limits) for t in thresholds]) for limits in ranges)
    numbers = []
    for column in (0, 1):
        numbers += [every[:, column].mean(), every[0, column], every[5, column]]
        numbers += [medium[:, column].mean(), large[:, column].mean()]
    return numbers


def random_scene(seed):
    """People of all sizes, some unlabelled, some crowds; poses near them, double, missing and out of nowhere."""
    rng = random.Random(seed)
    document = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "person", "keypoints": COCO}]}
    results = []
    for image in rng.sample(range(1, 1000), 25):
        document["images"].append({"id": image, "file_name": f"{image}.jpg", "width": 640, "height": 480})
        for _ in range(rng.choice([0, 1, 2, 3, 5])):
            size = math.exp(rng.uniform(math.log(20), math.log(300)))
            x, y = rng.uniform(0, 500), rng.uniform(0, 300)
            kind = rng.random()
            shown = 0 if kind < 0.12 else rng.choice([0.3, 0.7, 1])
            keypoints = []
            for _ in COCO:
                seen = rng.choice([1, 2]) if rng.random() < shown else 0
                place = (rng.uniform(x, x + size), rng.uniform(y, y + 1.5 * size)) if seen else (0, 0)
                keypoints += [round(place[0], 1), round(place[1], 1), seen]
            person = {"id": len(document["annotations"]) + 1, "image_id": image, "category_id": 1}
            person["iscrowd"] = int(kind < 0.06)
            person["bbox"] = [round(x, 1), round(y, 1), round(size, 1), round(1.5 * size, 1)]
            person["area"] = round(0.8 * size * size, 2)
            person["keypoints"] = keypoints
            person["num_keypoints"] = sum(value > 0 for value in keypoints[2::3])
            document["annotations"].append(person)
            for _ in range(rng.choice([0, 1, 1, 1, 2, 4])):
                off = size * rng.choice([0.02, 0.05, 0.1, 0.3])
                pose = []
                for i in range(17):
                    near = keypoints[3 * i : 3 * i + 2] if keypoints[3 * i + 2] else [x + size / 2, y + size]
                    pose += [round(value + rng.gauss(0, off), 2) for value in near] + [1]
                results.append((image, pose))
        for _ in range(rng.choice([0, 0, 1, 22])):  # sometimes more than take part
            x, y, size = rng.uniform(0, 600), rng.uniform(0, 400), rng.uniform(10, 200)
            results.append((image, [round(v, 2) for _ in COCO for v in (rng.gauss(x, size), rng.gauss(y, size), 1)]))
    rng.shuffle(results)
    scored = [
        {"image_id": image, "category_id": 1, "keypoints": pose, "score": round(rng.random(), 2)}
        for image, pose in results
    ]  # some scores are equal
    return document, scored


@unittest.skipIf(np is None, "numpy is missing")
class CocoNumbers(ProgramTest):
    def numbers(self, document, results, *arguments):
        self.write("annotations.json", json.dumps(document))
        self.write("results.json", json.dumps(results))
        command = ("evaluate", "annotations.json", "--metric", "oks", "--poses", "results.json", "--json", "-")
        values = json.loads(self.limn(*command, *arguments)[0])["values"]
        self.assertEqual(list(values), NUMBERS)
        return list(values.values())

    def assert_close(self, found, expected):
        for name, one, other in zip(NUMBERS, found, expected):
            self.assertAlmostEqual(one, other, delta=1e-6, msg=f"{name}: {found} {expected}")

    def test_are_those_of_the_published_description_on_random_people(self):
        sigmas = [sigma / 10 for sigma in COCO_SIGMAS]
        for seed in range(20):
            document, results = random_scene(seed)
            found = self.numbers(document, results)
            self.assert_close(found, coco_numbers(document, results, sigmas))
            self.assertTrue(0.02 < found[0] < 0.98, found)  # neither all right nor all wrong

    def test_take_sigmas_and_category_from_the_file(self):
        document, results = random_scene(1)
        sigmas = [0.02 + 0.01 * i for i in range(17)]
        document["categories"] = [{"id": 9, "name": "person", "keypoints": COCO, "sigmas": sigmas}]
        for person in document["annotations"]:
            person["category_id"] = 9
        self.assert_close(self.numbers(document, results), coco_numbers(document, results, sigmas))

    def test_leave_out_keypoints_whose_spread_nobody_knows(self):
        document, results = random_scene(2)
        sigmas = [sigma / 10 for sigma in COCO_SIGMAS]
        expected = coco_numbers(document, results, sigmas)
        # A keypoint more in front, called as none of COCO's: labelled everywhere, and found where it is not.
        document["categories"][0]["keypoints"] = ["tail", *COCO]
        for person in document["annotations"]:
            person["keypoints"] = [5, 5, 2, *person["keypoints"]]
        for pose in results:
            pose["keypoints"] = [900, 900, 1, *pose["keypoints"]]
        self.assert_close(self.numbers(document, results), expected)
        out, _ = self.limn("evaluate", "annotations.json", "--metric", "oks", "--poses", "results.json")
        self.assertRegex(out, r"(?m)^Left out, .*: tail\.$")


# ---- The program with a network --------------------------------------------------------------------------------------


class EvaluateTest(ProgramTest):
    """Small photos and a small input of the network; labels that are partly where it finds something."""

    def setUp(self):
        super().setUp()
        rng = random.Random(4)
        images, self.people = [], []
        for number in (3, 1, 2):
            self.write(f"photos/{number}.png", small_photo(number))
            images.append({"id": 10 * number, "file_name": f"{number}.png", "width": WIDTH, "height": HEIGHT})
            for _ in range(number):
                keypoints = []
                for _ in MPII:
                    seen = rng.choice([0, 1, 2, 2])
                    keypoints += [round(rng.uniform(5, 55), 1), round(rng.uniform(5, 65), 1), seen]
                box = [rng.randrange(8), rng.randrange(8), rng.randrange(30, 50), rng.randrange(30, 60)]
                person = {"image_id": 10 * number, "category_id": 1, "iscrowd": 0, "bbox": box, "area": box[2] * box[3]}
                self.people.append({"id": 70 + len(self.people), **person, "keypoints": keypoints})
        self.document = {"images": images, "annotations": self.people}
        self.document["categories"] = [{"id": 1, "name": "person", "keypoints": MPII}]
        self.save()

    def save(self):
        self.write("photos/labels.json", json.dumps(self.document))

    def evaluate(self, *arguments, **options):
        out, _ = self.limn("evaluate", "photos/labels.json", "--input", "64x64", "--json", "-", *arguments, **options)
        return json.loads(out)

    def estimated(self, *arguments):
        """The photos of `limn estimate`, with the poses of everybody labelled."""
        names = [f"photos/{number}.png" for number in (1, 2, 3)]
        options = ("--boxes", "photos/labels.json", "--no-pictures", "-q", "--input", "64x64", "--json", "-")
        return json.loads(self.limn("estimate", *names, *options, *arguments)[0])["photos"]

    def poses(self):
        """{(image id, box): places} of `limn estimate`, an independent way to the same keypoints."""
        found = {}
        for photo in self.estimated():
            image = 10 * int(os.path.basename(photo["file"]).split(".")[0])
            for pose in photo["poses"]:
                found[image, tuple(pose["box"])] = pose["keypoints"]
        return found

    def estimated_as_evaluated(self, *arguments):
        """The poses of evaluating with these options, which are those of estimating with them."""
        self.evaluate("--results", "results.json", *arguments)
        poses = [pose["keypoints"] for pose in json.loads(self.read("results.json"))]
        estimated = [pose["keypoints"] for photo in self.estimated(*arguments) for pose in photo["poses"]]
        expected = [[v for k in pose for v in (k["x"], k["y"], k["score"])] for pose in estimated]
        self.assertEqual(len(poses), len(expected))
        for found, wanted in zip(poses, expected):
            # estimate looks at several people in one run of the network, which rounds otherwise: the last digit, and
            # more of a place only where nothing was found: DARK goes by logarithms of what is nearly 0 there.
            self.assertEqual(len(found), len(wanted))
            for k in range(0, len(wanted), 3):
                score = wanted[k + 2]
                self.assertAlmostEqual(found[k + 2], score, delta=0.00021)
                for value, other in zip(found[k : k + 2], wanted[k : k + 2]):
                    self.assertAlmostEqual(value, other, delta=0.021 if score >= 0.004 else 0.2)
        sure = [score >= 0.004 for wanted in expected for score in wanted[2::3]]
        self.assertGreater(sum(sure), len(sure) / 2)
        return poses

    def expected_pck(self, share, size_of, left_out=("pelvis", "thorax")):
        counts = {name: [0, 0] for name in MPII}
        found = self.poses()
        for person in self.people:
            labels = labels_of(person)
            size = size_of(person, labels)
            places = {k["name"]: (k["x"], k["y"]) for k in found[person["image_id"], tuple(person["bbox"])]}
            for name, place in labels.items() if size > 0 else ():
                counts[name][0] += math.dist(place, places[name]) <= share * size
                counts[name][1] += 1
        counted = [count for name, count in counts.items() if name not in left_out]
        return counts, sum(right for right, _ in counted) / sum(labelled for _, labelled in counted)

    def check(self, result, expected):
        counts, mean = expected
        self.assertEqual({name: [k["right"], k["labelled"]] for name, k in result["keypoints"].items()}, counts)
        self.assertAlmostEqual(result["values"]["Mean"], mean, places=12)
        self.assertTrue(0 < mean < 1, mean)


def labels_of(person):
    triples = [person["keypoints"][i : i + 3] for i in range(0, 48, 3)]
    return {name: (x, y) for name, (x, y, visibility) in zip(MPII, triples) if visibility > 0}


def other_side(name):
    return name.replace("left", "?").replace("right", "left").replace("?", "right")


def distance(labels, a, b):
    return math.dist(labels[a], labels[b]) if a in labels and b in labels else 0


def torso(person, labels):
    return distance(labels, "left_shoulder", "right_hip")


class Pck(EvaluateTest):
    def test_is_by_torso_or_box_or_both(self):
        def box(person, labels):
            return max(person["bbox"][2:])

        self.check(self.evaluate("--size", "torso", "--at", "0.7"), self.expected_pck(0.7, torso))
        self.check(self.evaluate("--size", "box"), self.expected_pck(0.2, box))
        both = self.expected_pck(0.5, lambda person, labels: max(torso(person, labels), 0.3125 * box(person, labels)))
        self.check(self.evaluate("--at", "0.5"), both)

    def test_is_printed_keypoint_by_keypoint(self):
        out, _ = self.limn("evaluate", "photos/labels.json", "--input", "64x64", "--at", "0.6")
        result = self.evaluate("--at", "0.6")
        self.assertRegex(out, r"^pose_resnet18_mpii16_256x192 on photos/labels\.json: 6 people\n")
        self.assertRegex(out, r"(?m)^Keypoint +PCK@0\.6 +Labelled +Other side's$")
        self.assertRegex(out, r"(?m)^Torso +PCK@0\.6 +People +Other side's$")
        for name, count in result["keypoints"].items():
            share = f"{count['right'] / count['labelled']:.4f}"
            both = count["labelled_on_both_sides"]
            sides = f"{count['other_sides'] / both:.4f}" if both else "-"
            self.assertRegex(out, rf"(?m)^{name}( \(not in the mean\))? +{share} +{count['labelled']} +{sides}$")
        self.assertRegex(out, rf"(?m)^Mean +{result['values']['Mean']:.4f} +\d+ +[01]\.\d{{4}}$")
        for name, count in result["torso"].items():
            share = f"{count['right'] / count['labelled']:.4f}" if count["labelled"] else "-"
            row = rf"(?m)^{name} +{share} +{count['people']} +"
            (self.assertRegex if count["people"] else self.assertNotRegex)(out, row)

    def test_counts_what_was_found_at_the_other_sides_label(self):
        for person in self.people[:2]:  # whose sides an annotator took for each other
            triples = [person["keypoints"][3 * i : 3 * i + 3] for i in range(16)]
            order = [MPII.index(other_side(name)) for name in MPII]
            person["keypoints"] = sum((triples[i] for i in order), [])
        self.save()
        result = self.evaluate("--at", "0.3", "--size", "box")
        found = self.poses()
        counts = {name: [0, 0] for name in MPII}
        for person in self.people:
            labels = labels_of(person)
            allowed = 0.3 * max(person["bbox"][2:])
            for keypoint in found[person["image_id"], tuple(person["bbox"])]:
                name, place = keypoint["name"], (keypoint["x"], keypoint["y"])
                other = other_side(name)
                if other != name and name in labels and other in labels:
                    counts[name][1] += 1
                    counts[name][0] += math.dist(place, labels[other]) <= allowed < math.dist(place, labels[name])
        shown = {n: [k["other_sides"], k["labelled_on_both_sides"]] for n, k in result["keypoints"].items()}
        self.assertEqual(shown, counts)
        self.assertGreater(sum(swapped for swapped, _ in counts.values()), 0)

    def test_is_told_by_how_the_torso_lies(self):
        def vector(person):
            labels = labels_of(person)
            ends = []
            for joint in ("hip", "shoulder"):
                places = [labels[f"{side}_{joint}"] for side in ("left", "right") if f"{side}_{joint}" in labels]
                if not places:
                    return None
                ends.append([sum(values) / len(places) for values in zip(*places)])
            return ends[1][0] - ends[0][0], ends[0][1] - ends[1][1]

        def name_of(person):
            torso = vector(person)
            if torso is None:
                return "not to be told"
            angle = math.degrees(math.atan2(abs(torso[0]), torso[1]))  # from straight up
            return "upright" if angle <= 45 else "upside down" if angle >= 135 else "tilted"

        # Somebody without labels of the torso; one of each other kind there is by chance.
        for name in ("left_hip", "right_hip"):
            self.people[0]["keypoints"][3 * MPII.index(name) + 2] = 0
        self.save()
        everybody = list(self.people)
        result = self.evaluate("--at", "0.5")
        kinds = {name_of(person) for person in everybody}
        self.assertGreater(len(kinds), 2)
        self.assertEqual(sum(torso["people"] for torso in result["torso"].values()), len(everybody))
        for kind, shown in result["torso"].items():
            chosen = [person for person in everybody if name_of(person) == kind]
            self.assertEqual(shown["people"], len(chosen), kind)
            if not chosen:
                self.assertEqual(shown["labelled"], 0)
                continue
            self.document["annotations"] = chosen
            self.save()
            alone = self.evaluate("--at", "0.5")
            self.assertAlmostEqual(shown["right"] / shown["labelled"], alone["values"]["Mean"], places=12)

    def test_matches_keypoints_by_name(self):
        expected = self.evaluate()
        # The keypoints in another order, one that the model has not in between, and one that the annotations lack.
        order = [MPII.index(name) for name in reversed(MPII) if name != "left_knee"]
        names = [MPII[i] for i in order]
        self.document["categories"][0]["keypoints"] = names[:4] + ["tail"] + names[4:]
        for person in self.people:
            triples = [person["keypoints"][3 * i : 3 * i + 3] for i in order]
            triples.insert(4, [7, 7, 2])
            person["keypoints"] = sum(triples, [])
        self.save()
        found = self.evaluate()
        del expected["keypoints"]["left_knee"]
        expected["keypoints"]["right_knee"].update(other_sides=0, labelled_on_both_sides=0)  # it has none now
        self.assertEqual(found["keypoints"], expected["keypoints"])
        out, _ = self.limn("evaluate", "photos/labels.json", "--input", "64x64")
        self.assertRegex(out, r"(?m)^Left out, .*: tail\.$")

    def test_leaves_out_crowds_and_people_without_labels_or_box(self):
        expected = self.evaluate()
        self.assertEqual(expected["people"], 6)
        copies = [dict(self.people[0]) for _ in range(3)]
        copies[0]["iscrowd"] = 1
        copies[1]["keypoints"] = [0] * 48
        copies[2]["bbox"] = [3, 3, 0, 20]
        self.document["annotations"] = self.people + copies
        self.save()
        self.assertEqual(self.evaluate(), expected)


class Pckh(EvaluateTest):
    def test_is_by_the_length_of_the_head(self):
        def head(person, labels):
            return distance(labels, "head_top", "upper_neck")

        result = self.evaluate("--metric", "pckh", "--at", "0.8")
        counts, mean = self.expected_pck(0.8, head)
        self.check(result, (counts, mean))
        shares = {name: right / labelled if labelled else math.nan for name, (right, labelled) in counts.items()}
        for row, joint in (("Elbow", "elbow"), ("Knee", "knee"), ("Shoulder", "shoulder")):
            self.assertAlmostEqual(result["values"][row], (shares["left_" + joint] + shares["right_" + joint]) / 2)
        self.assertAlmostEqual(result["values"]["Head"], shares["head_top"])

    def test_is_by_head_boxes_where_there_are_some(self):
        for person in self.people[1:]:
            person["headbox"] = [10, 10, 40, 50]  # a diagonal of 50: a head size of 30
        self.save()
        result = self.evaluate("--metric", "pckh")
        self.check(result, self.expected_pck(0.5, lambda person, labels: 30 if "headbox" in person else 0))
        for name, share in (("Mean@0.1", 0.1), ("Mean@0.1 as published, @0.11", 0.11)):
            _, mean = self.expected_pck(share, lambda person, labels: 30 if "headbox" in person else 0)
            self.assertAlmostEqual(result["values"][name], mean, places=12)
        out, _ = self.limn("evaluate", "photos/labels.json", "--input", "64x64", "--metric", "pckh")
        self.assertIn("Left out for want of a size: 1 person.", out)
        self.assertIn("0.6 times the diagonal", out)

    def test_of_labels_counted_from_one_is_that_of_the_same_counted_from_zero(self):
        expected = self.evaluate("--metric", "pckh")
        for person in self.people:
            person["keypoints"] = [v if i % 3 == 2 else round(v + 1, 1) for i, v in enumerate(person["keypoints"])]
            person["bbox"][0] += 1
            person["bbox"][1] += 1
        self.save()
        self.assertEqual(self.evaluate("--metric", "pckh", "--from-one"), expected)
        differ = [
            self.evaluate("--at", share)["keypoints"] != self.evaluate("--at", share, "--from-one")["keypoints"]
            for share in ("0.1", "0.2", "0.3", "0.4", "0.5")
        ]
        self.assertIn(True, differ)


class Oks(EvaluateTest):
    def setUp(self):
        super().setUp()
        # Labels where the network finds something, give or take some pixels: then there is something to score.
        rng = random.Random(5)
        found = self.poses()
        for person in self.people:
            pose = found[person["image_id"], tuple(person["bbox"])]
            off = rng.choice([0, 1, 4])
            person["keypoints"] = [v for k in pose for v in (k["x"] + rng.gauss(0, off), k["y"] + rng.gauss(0, off), 2)]
        self.save()

    def test_results_are_scored_again_as_they_were(self):
        values = self.evaluate("--metric", "oks", "--results", "results.json")["values"]
        self.assertTrue(0.2 < values["AP"] < 1, values)
        results = json.loads(self.read("results.json"))
        self.assertEqual([result["image_id"] for result in results], [10, 20, 20, 30, 30, 30])
        for result in results:
            self.assertEqual(len(result["keypoints"]), 48)
            scores = [score for score in result["keypoints"][2::3] if score > 0.2]
            self.assertAlmostEqual(result["score"], sum(scores) / len(scores) if scores else 0, delta=2e-4)
        command = ("evaluate", "photos/labels.json", "--metric", "oks", "--poses", "results.json", "--json", "-")
        again = json.loads(self.limn(*command)[0])["values"]
        for name, value in values.items():
            self.assertAlmostEqual(again[name], value, delta=0.01, msg=name)

    def test_takes_boxes_and_their_scores_from_a_detector(self):
        detections = [
            {"image_id": 10, "category_id": 1, "bbox": [2, 3, 40, 50], "score": 0.5},
            {"image_id": 10, "category_id": 1, "bbox": [2, 3, 40, 50], "score": 0.75},
            {"image_id": 20, "category_id": 1, "bbox": [0, 0, 30, 30], "score": 0.25},
            {"image_id": 99, "category_id": 1, "bbox": [0, 0, 9, 9], "score": 1},
        ]
        self.write("detections.json", json.dumps(detections))
        arguments = ("--metric", "oks", "--boxes", "detections.json", "--results", "results.json")
        self.evaluate(*arguments)
        results = json.loads(self.read("results.json"))
        # Of the two that are the same box, the better scored stays; nobody knows image 99.
        self.assertEqual([result["image_id"] for result in results], [10, 20])
        for result, box_score in zip(results, (0.75, 0.25)):
            self.assertNotIn("annotation_id", result)
            scores = [score for score in result["keypoints"][2::3] if score > 0.2]
            mean = sum(scores) / len(scores) if scores else 0
            self.assertAlmostEqual(result["score"], box_score * mean, delta=2e-4)
        self.evaluate(*arguments, "--min-box-score", "0.4")
        self.assertEqual([result["image_id"] for result in json.loads(self.read("results.json"))], [10])

    def test_results_have_the_annotations_keypoints(self):
        self.document["categories"][0] = {"id": 4, "name": "person", "keypoints": ["nose", "left_hip"]}
        for person in self.people:
            person["keypoints"] = [0, 0, 0, 30, 30, 2]
            person["category_id"] = 4
        self.save()
        self.evaluate("--metric", "oks", "--results", "results.json")
        results = json.loads(self.read("results.json"))
        self.assertEqual({result["category_id"] for result in results}, {4})
        for result in results:
            self.assertEqual(result["keypoints"][:3], [0, 0, 0])
            self.assertEqual(len(result["keypoints"]), 6)
            self.assertGreater(result["keypoints"][5], 0)

    def set_category(self, number, *others):
        self.document["categories"][0]["id"] = number
        self.document["categories"] += [{"id": other, "name": "other"} for other in others]
        for person in self.people:
            person["category_id"] = number
        self.save()

    def test_results_are_scored_again_whatever_the_category_of_persons(self):
        self.set_category(4, 1)
        values = self.evaluate("--metric", "oks", "--results", "results.json")["values"]
        self.assertTrue(0.2 < values["AP"] < 1, values)
        command = ("evaluate", "photos/labels.json", "--metric", "oks", "--json", "-", "--poses", "results.json")
        again = json.loads(self.limn(*command)[0])["values"]
        for name, value in values.items():
            self.assertAlmostEqual(again[name], value, delta=0.01, msg=name)
        # What is of the category 1 is another thing here, unless the annotations have none that is called so.
        results = json.loads(self.read("results.json"))
        self.write("results.json", json.dumps([{**result, "category_id": 1} for result in results]))
        self.fails(2, *command, says=["results.json", "category of persons, 4; found 1"])
        self.document["categories"].pop()
        self.save()
        self.assertEqual(json.loads(self.limn(*command)[0])["values"], again)
        self.write("results.json", json.dumps([{**result, "category_id": 18} for result in results]))
        self.fails(2, *command, says=["results.json", "found 18"])

    def test_boxes_are_taken_whatever_the_category_of_persons(self):
        self.set_category(4, 1)
        boxes = [{"image_id": p["image_id"], "category_id": 4, "bbox": p["bbox"], "score": 1} for p in self.people]
        self.write("boxes.json", json.dumps([*boxes, {**boxes[0], "category_id": 1, "bbox": [0, 0, 5, 5]}]))
        self.evaluate("--metric", "oks", "--boxes", "boxes.json", "--results", "results.json")
        results = json.loads(self.read("results.json"))
        self.assertEqual({result["category_id"] for result in results}, {4})
        self.assertEqual({result["image_id"] for result in results}, {10, 20, 30})

    def test_estimated_poses_are_scored_whatever_the_category_of_persons(self):
        self.set_category(4, 1)
        photos = [f"photos/{number}.png" for number in (1, 2, 3)]
        options = ("--boxes", "photos/labels.json", "--no-pictures", "-q", "--input", "64x64", "--format", "coco")
        self.limn("estimate", *photos, *options, "--json", "results.json")
        command = ("evaluate", "photos/labels.json", "--metric", "oks", "--json", "-", "--poses", "results.json")
        self.assertGreater(json.loads(self.limn(*command)[0])["values"]["AP"], 0.2)

    def test_misses_whom_no_box_can_find(self):
        values = self.evaluate("--metric", "oks")["values"]
        self.people[5]["bbox"] = [WIDTH - 1, 5, 20, 20]  # one column of it is on the photo
        self.save()
        fewer = self.evaluate("--metric", "oks", "--results", "results.json")
        ids = [result["annotation_id"] for result in json.loads(self.read("results.json"))]
        self.assertCountEqual(ids, [person["id"] for person in self.people[:5]])
        self.assertEqual(fewer["people"], 6)
        self.assertLess(fewer["values"]["AR .50"], values["AR .50"])

    def test_needs_areas(self):
        del self.people[2]["area"]
        self.save()
        self.fails(2, "evaluate", "photos/labels.json", "--metric", "oks", "--input", "64x64", says=["[2]", "area"])


class Everybody(EvaluateTest):
    def test_is_looked_for_by_a_model_of_several_people(self):
        try:
            import torch
        except ImportError:
            self.skipTest("PyTorch is not installed")
        sys.path.insert(0, os.path.join(ROOT, "tests", "reference"))
        from cmap_paf import CmapPaf

        # Random weights, the confidence moved up so that there are peaks.
        torch.manual_seed(3)
        state = CmapPaf(18, 18, 21, 8, 3, 0, True).state_dict()
        state["1.cmap_conv.bias"] += 0.2
        torch.save(state, self.path("several.pth"))
        converter = [sys.executable, os.path.join(ROOT, "tools", "convert.py"), "several.pth", "several.safetensors"]
        subprocess.run(converter, cwd=self.folder, stdout=subprocess.DEVNULL, check=True)

        names = [f"photos/{number}.png" for number in (1, 2, 3)]
        options = ("--model", "several.safetensors", "--no-pictures", "-q", "--input", "64x64", "--json", "-")
        found = json.loads(self.limn("estimate", *names, *options)[0])["photos"]
        people = [pose for photo in found for pose in photo["poses"]]
        self.assertGreater(len(people), 3)

        # Two of them become the labels: those are to be found again.
        self.document["categories"][0]["keypoints"] = [keypoint["name"] for keypoint in people[0]["keypoints"]]
        self.document["annotations"] = []
        for photo, image in zip(found[1:], (20, 30)):
            pose = max(photo["poses"], key=lambda pose: sum(k["score"] > 0 for k in pose["keypoints"]))
            triples = [(k["x"], k["y"], 2 * (k["score"] > 0)) for k in pose["keypoints"]]
            person = {"image_id": image, "category_id": 1, "bbox": [0, 0, WIDTH, HEIGHT], "area": 2000}
            self.document["annotations"].append({**person, "keypoints": sum(map(list, triples), [])})
        self.save()
        result = self.evaluate("--metric", "oks", "--model", "several.safetensors", "--results", "results.json")
        self.assertEqual((result["boxes"], result["people"]), ("none", 2))
        self.assertEqual(result["values"]["AR"], 1)
        poses = [pose["keypoints"] for pose in json.loads(self.read("results.json"))]
        expected = [[v for k in pose["keypoints"] for v in (k["x"], k["y"], k["score"])] for pose in people]
        self.assertEqual(poses, expected)
        command = ("evaluate", "photos/labels.json", "--model", "several.safetensors", "--flip")
        self.fails(2, *command, says=["flip test", "one person"])
        self.write("dots.safetensors", dot_detector.model())
        command = ("estimate", "photos/1.png", "--model", "several.safetensors", "--detector", "dots.safetensors")
        self.fails(2, *command, says=["several.safetensors", "several people", "--detector"])


def surer_model(factor):
    """The default model in floats, its heatmaps times this factor: it finds nothing but noise in the small photos."""
    with open(FLOAT_MODEL, "rb") as file:
        data = bytearray(file.read())
    start = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:start])
    for name in ("final_layer.weight", "final_layer.bias"):
        first, last = (start + offset for offset in header[name]["data_offsets"])
        size, code = {"F16": (2, "e"), "F32": (4, "f")}[header[name]["dtype"]]
        pattern = f"<{(last - first) // size}{code}"
        data[first:last] = struct.pack(pattern, *(factor * value for value in struct.unpack(pattern, data[first:last])))
    return data


class Scores(EvaluateTest):
    """Keypoints come from `limn estimate` here as well, and are counted a second time."""

    STEPS = [i / 20 for i in range(1, 20)]

    def limn(self, *arguments, **options):
        options["environment"] = {"LIMN_MODEL": "surer.safetensors"}
        return super().limn(*arguments, **options)

    def setUp(self):
        super().setUp()
        self.write("surer.safetensors", surer_model(130))  # no score where it rounds to a step
        # Labels of which some are where the network finds something; nobody has a right wrist.
        rng = random.Random(6)
        found = self.poses()
        for person in self.people:
            keypoints = []
            for k in found[person["image_id"], tuple(person["bbox"])]:
                off = 0 if rng.random() < 3 * k["score"] else 40
                seen = 0 if k["name"] == "right_wrist" else rng.choice([0, 1, 2])
                keypoints += [k["x"] + off, k["y"], seen]
            person["keypoints"] = keypoints
        self.save()

    def expected(self, names, share=0.2):
        """{"labelled": [scores of those], "right": ..., "absent": ...}"""
        kinds = {"labelled": [], "right": [], "absent": []}
        found = self.poses()
        for person in self.people:
            labels = labels_of(person)
            for k in found[person["image_id"], tuple(person["bbox"])]:
                name, place = k["name"], (k["x"], k["y"])
                if name not in names:
                    continue
                kinds["labelled" if name in labels else "absent"].append(k["score"])
                if name in labels and math.dist(place, labels[name]) <= share * max(person["bbox"][2:]):
                    kinds["right"].append(k["score"])
        return kinds

    def check_table(self, table, kinds):
        for kind, scores in kinds.items():
            self.assertEqual(table[kind], len(scores))
            counts = [sum(score >= step for score in scores) for step in self.STEPS]
            self.assertEqual([row[kind] for row in table["from"]], counts)
        self.assertEqual([row["score"] for row in table["from"]], self.STEPS)
        for row in table["from"]:
            for share, part, whole in (
                ("precision", row["right"], row["labelled"]),
                ("kept", row["right"], len(kinds["right"])),
                ("absent_drawn", row["absent"], len(kinds["absent"])),
            ):
                if whole:
                    self.assertAlmostEqual(row[share], part / whole, places=12)
                else:
                    self.assertIsNone(row[share])

    def test_tell_right_keypoints_from_wrong_and_absent_ones(self):
        result = self.evaluate("--size", "box", "--scores")
        known = [name for name in MPII if name != "right_wrist"]
        self.assertEqual(list(result["scores"]["keypoints"]), known)
        for name, table in result["scores"]["keypoints"].items():
            self.check_table(table, self.expected([name]))
        mean = result["scores"]["mean"]
        self.check_table(mean, self.expected([name for name in known if name not in ("pelvis", "thorax")]))
        # That says something only if the scores differ.
        for share in ("precision", "kept", "absent_drawn"):
            self.assertGreater(len({row[share] for row in mean["from"]}), 2)
        self.assertNotIn("scores", self.evaluate())

    def test_are_printed_as_a_table(self):
        out, _ = self.limn("evaluate", "photos/labels.json", "--input", "64x64", "--size", "box", "--scores")
        mean = self.evaluate("--size", "box", "--scores")["scores"]["mean"]
        for row in mean["from"]:
            shares = [row[share] for share in ("precision", "kept", "absent_drawn")]
            texts = [r" +" + ("-" if share is None else f"{share:.4f}") for share in shares]
            self.assertRegex(out, rf"(?m)^{row['score']:.2f}{''.join(texts)}$")
        self.assertIn(f"of {mean['labelled']} labelled keypoints {mean['right']} are right", out)
        self.assertNotIn("Score from", self.limn("evaluate", "photos/labels.json", "--input", "64x64")[0])

    def test_are_for_pck_only(self):
        self.fails(2, "evaluate", "photos/labels.json", "--metric", "oks", "--scores", says=["--scores", "pck"])


class DetectorTest(ProgramTest):
    """Photos of dots that a detector finds, see dot_detector, with the people they are taken for."""

    COMMAND = ("evaluate", "labels.json", "--detector", "dots.safetensors", "--json", "-")

    def setUp(self):
        super().setUp()
        self.write("dots.safetensors", dot_detector.model())
        self.document = {"images": [], "annotations": []}
        self.document["categories"] = [{"id": 1, "name": "person", "keypoints": MPII}]
        self.random = random.Random(8)

    def add_photo(self, *dots):
        """Returns its id."""
        number = len(self.document["images"]) + 1
        self.write(f"{number}.png", dot_detector.photo(*dots))
        self.document["images"].append({"id": number, "file_name": f"{number}.png"})
        return number

    def add_person(self, image, box, **more):
        """Somebody with keypoints anywhere in the box, those of the torso's size among them."""
        x, y, width, height = box
        keypoints = []
        for name in MPII:
            place = self.random.uniform(x, x + width), self.random.uniform(y, y + height)
            keypoints += [*place, 2 if name in ("left_shoulder", "right_hip") else self.random.choice([0, 1, 2])]
        person = {"id": 50 + len(self.document["annotations"]), "image_id": image, "category_id": 1, "iscrowd": 0}
        self.document["annotations"].append({**person, "bbox": box, "area": width * height, "keypoints": keypoints})
        self.document["annotations"][-1].update(more)
        return self.document["annotations"][-1]

    def evaluate(self, *arguments, status=0):
        self.write("labels.json", json.dumps(self.document))
        return json.loads(self.limn(*self.COMMAND, *arguments, status=status)[0])


class DetectedPeople(DetectorTest):
    POSE = ("--boxes", "detect", "--input", "64x64", "--size", "torso", "--at", "0.7")

    def setUp(self):
        super().setUp()
        # Two dots in the first photo, one in the second, and one that is not sure enough.
        self.dots = [Dot(32, 32, 60, 60), Dot(96, 64, 40, 90, red=160), Dot(64, 64, 50, 80, red=200)]
        self.dots.append(Dot(96, 32, 10, 10, red=90))
        self.first, self.second = self.add_photo(*self.dots[:2]), self.add_photo(*self.dots[2:])

    def shifted(self, box, share):
        """As large a box that has this share of its width beside the other."""
        return [box[0] + share * box[2], *box[1:]]

    def test_are_judged_in_the_boxes_that_were_found_and_the_others_are_wrong(self):
        a, b, c = (dot.box for dot in self.dots[:3])
        # An intersection over union of 0.4 / 1.6 is too little, one of 0.5 / 1.5 enough.
        self.add_person(self.first, self.shifted(a, 0.5))
        missed = [self.add_person(self.first, self.shifted(b, -0.6)), self.add_person(self.second, [0, 0, 20, 120])]
        self.add_person(self.second, c)
        result = self.evaluate(*self.POSE, "--results", "results.json")
        self.assertEqual((result["boxes"], result["detector"], result["model"]), ("detect", "dot_detector", MODEL_NAME))
        self.assertEqual((result["people"], result["people_found"]), (4, 2))
        poses = json.loads(self.read("results.json"))
        self.assertEqual([pose["annotation_id"] for pose in poses], [50, 53])

        out, _ = self.limn(*self.COMMAND[:4], *self.POSE)
        self.assertIn("Boxes: those that dot_detector found, of 2 of 4 people;", out)

        # The same people in their detections' boxes, without those that were not found.
        found = [person for person in self.document["annotations"] if person not in missed]
        for person, box in zip(found, (a, c)):
            person["bbox"] = box
        self.document["annotations"] = found
        self.write("labels.json", json.dumps(self.document))
        command = ("evaluate", "labels.json", *self.POSE[2:], "--json", "-")
        alone = json.loads(self.limn(*command)[0])
        self.assertGreater(sum(count["right"] for count in alone["keypoints"].values()), 0)
        for name, count in result["keypoints"].items():
            own = alone["keypoints"][name]
            self.assertEqual(count["right"], own["right"])
            self.assertEqual(count["other_sides"], own["other_sides"])
            self.assertEqual(count["labelled"], own["labelled"] + sum(name in labels_of(person) for person in missed))

    def test_share_no_detection(self):
        # Who fits better has it, whether annotated first or last, with labels or without.
        a = self.dots[0].box
        self.add_person(self.first, self.shifted(a, 0.3))
        self.add_person(self.first, self.shifted(a, 0.1))
        self.assertEqual(self.evaluate(*self.POSE, "--results", "results.json")["people_found"], 1)
        (pose,) = json.loads(self.read("results.json"))
        self.assertEqual(pose["annotation_id"], 51)
        self.document["annotations"][1]["keypoints"] = [0] * 48
        self.assertEqual(self.evaluate(*self.POSE)["people_found"], 0)
        # A crowd takes nothing from anybody.
        self.document["annotations"][1]["iscrowd"] = 1
        self.assertEqual(self.evaluate(*self.POSE)["people_found"], 1)

    def test_are_those_the_threshold_and_the_input_size_find(self):
        self.add_person(self.first, self.dots[1].box)
        self.assertEqual(self.evaluate(*self.POSE)["people_found"], 1)
        for option in (("--detector-threshold", "0.9"), ("--min-box-score", "0.9"), ("--detector-input", "64x64")):
            self.assertEqual(self.evaluate(*self.POSE, *option)["people_found"], 0, option)

    def test_have_keypoints_without_a_score_if_they_are_not_found(self):
        self.add_person(self.first, [0, 100, 20, 20])
        mean = self.evaluate("--boxes", "detect", "--input", "64x64", "--scores")["scores"]["mean"]
        self.assertGreater(mean["labelled"], 0)
        self.assertEqual({(row["labelled"], row["absent"]) for row in mean["from"]}, {(0, 0)})

    def test_are_scored_by_oks_as_from_a_file(self):
        for image, dots in ((self.first, self.dots[:2]), (self.second, self.dots[2:3])):
            for dot in dots:
                self.add_person(image, dot.box)
        arguments = ("--metric", "oks", "--input", "64x64", "--results", "results.json")
        detected = self.evaluate(*arguments, "--boxes", "detect")
        poses = json.loads(self.read("results.json"))
        self.assertEqual([pose["image_id"] for pose in poses], [1, 1, 2])
        detections = [
            {"image_id": image, "category_id": 1, "bbox": dot.box, "score": dot.score}
            for image, dot in zip((1, 1, 2), self.dots)
        ]
        self.write("detections.json", json.dumps(detections))
        command = ("evaluate", "labels.json", *arguments, "--boxes", "detections.json", "--json", "-")
        given = json.loads(self.limn(*command)[0])
        self.assertEqual(detected["values"], given["values"])
        self.assertEqual(json.loads(self.read("results.json")), poses)

    def test_need_a_detector_and_boxes_that_are_to_be_detected(self):
        self.write("labels.json", json.dumps(self.document))
        self.add_person(self.first, self.dots[1].box)
        self.evaluate(*self.POSE)
        command = ("evaluate", "labels.json", "--input", "64x64")
        for option in (("--detector", "dots.safetensors"), ("--detector-threshold", "0.5")):
            self.fails(2, *command, *option, says=["--detector", "--boxes detect"])
        nowhere = {"LIMN_DETECTOR": "nowhere.safetensors"}
        self.fails(2, *command, "--boxes", "detect", says=["nowhere.safetensors"], environment=nowhere)
        self.fails(2, *command, "--boxes", "detect", "--detector", MODEL, says=[MODEL, "boxes"])


def box_numbers(document, detections, threshold, min_height):
    """AP, recall and precision of boxes at an intersection over union of 0.5, from COCO's description."""
    verdicts, wanted = [], 0
    for image in document["images"]:
        least = min_height * dot_detector.SIDE
        people = [person for person in document["annotations"] if person["image_id"] == image["id"]]
        free = list(range(len(people)))
        ignored = [bool(person["iscrowd"]) or person["bbox"][3] < least for person in people]
        wanted += ignored.count(False)
        found = [detection for detection in detections if detection["image_id"] == image["id"]]
        for detection in sorted(found, key=lambda entry: -entry["score"]):

            def overlap(j):
                ax, ay, aw, ah = detection["bbox"]
                bx, by, bw, bh = people[j]["bbox"]
                common = max(0, min(ax + aw, bx + bw) - max(ax, bx)) * max(0, min(ay + ah, by + bh) - max(ay, by))
                return common / (aw * ah if people[j]["iscrowd"] else aw * ah + bw * bh - common)

            able = [j for j in free if overlap(j) >= 0.5]
            able = [j for j in able if not ignored[j]] or able
            if able:
                best = max(able, key=overlap)
                if not people[best]["iscrowd"]:
                    free.remove(best)
                if not ignored[best]:
                    verdicts.append((detection["score"], True))
            elif detection["bbox"][3] >= least:
                verdicts.append((detection["score"], False))
    verdicts.sort(key=lambda verdict: -verdict[0])
    points, right = [], 0
    for count, (_, good) in enumerate(verdicts, 1):
        right += good
        points.append((right / wanted, right / count))
    ap = sum(max((p for r, p in points if r >= step / 100), default=0) for step in range(101)) / 101
    sure = [good for score, good in verdicts if score >= threshold]
    return ap, sum(sure) / wanted, sum(sure) / len(sure) if sure else None


class BoxesOfPeople(DetectorTest):
    def setUp(self):
        super().setUp()
        del self.document["categories"]
        for _ in range(12):
            places = self.random.sample([(32 * i, 32 * j) for i in range(4) for j in range(4)], 5)
            dots = []
            for place in places:
                size = [2 * self.random.randrange(5, 60) for _ in range(2)]
                dots.append(Dot(*place, *size, red=self.random.randrange(50, 240)))
            image = self.add_photo(*dots)
            for dot in dots:
                kind = self.random.random()
                left, top, width, height = dot.box
                off = self.random.choice([0, 0.1, 0.3, 0.6])  # of a box that still lies on the photo
                box = [left * (1 - off), top, width, height]
                person = {"image_id": image, "category_id": 1, "iscrowd": int(kind > 0.9), "bbox": box}
                if kind > 0.15:
                    self.document["annotations"].append(person)

    def test_are_counted_as_coco_does(self):
        for min_height in ("0", "0.2", "0.5"):
            arguments = ("--metric", "boxes", "--min-height", min_height, "--results", "results.json")
            result = self.evaluate(*arguments)
            detections = json.loads(self.read("results.json"))
            self.assertGreater(len(detections), 30)
            for step in result["thresholds"]:
                numbers = box_numbers(self.document, detections, step["threshold"], float(min_height))
                self.assertAlmostEqual(step["recall"], numbers[1])
                self.assertEqual(step["precision"] is None, numbers[2] is None)
                if numbers[2] is not None:
                    self.assertAlmostEqual(step["precision"], numbers[2])
            ap, recall, precision = box_numbers(self.document, detections, 0.3, float(min_height))
            self.assertAlmostEqual(result["values"]["AP"], ap)
            self.assertAlmostEqual(result["values"]["Recall"], recall)
            self.assertAlmostEqual(result["values"]["Precision"], precision)
            self.assertTrue(0.1 < ap < 0.95 and recall < 0.95 and precision < 0.95, result["values"])
            self.assertEqual((result["detector"], result["threshold"]), ("dot_detector", 0.3))
            heights = [p["bbox"][3] for p in self.document["annotations"] if not p["iscrowd"]]
            least = float(min_height) * dot_detector.SIDE
            self.assertEqual(result["people"], sum(height >= least for height in heights))

    def test_are_looked_into_again_whatever_the_category_of_persons(self):
        self.document["categories"] = [{"id": 4, "name": "person"}, {"id": 1, "name": "dog"}]
        for person in self.document["annotations"]:
            person["category_id"] = 4
        self.evaluate("--metric", "boxes", "--results", "results.json")
        detections = json.loads(self.read("results.json"))
        self.assertEqual({detection["category_id"] for detection in detections}, {4})
        image = detections[0]["image_id"]
        (name,) = [entry["file_name"] for entry in self.document["images"] if entry["id"] == image]
        command = ("estimate", name, "--boxes", "results.json", "--box-category", "4", "--json", "-", "-q")
        (photo,) = json.loads(self.limn(*command, "--no-pictures", "--input", "64x64")[0])["photos"]
        self.assertEqual(len(photo["poses"]), sum(detection["image_id"] == image for detection in detections))

    def test_are_at_the_threshold_asked_for(self):
        result = self.evaluate("--metric", "boxes", "--detector-threshold", "0.6")
        (row,) = [row for row in result["thresholds"] if row["threshold"] == 0.6]
        self.assertEqual(result["values"]["Recall"], row["recall"])
        self.assertEqual(result["values"]["Precision"], row["precision"])
        self.assertEqual(result["values"]["AP"], self.evaluate("--metric", "boxes")["values"]["AP"])

    def test_are_cut_to_the_photo_as_those_that_are_found(self):
        self.document["annotations"] = []
        image = self.add_photo(Dot(0, 64, 80, 100))
        person = {"image_id": image, "category_id": 1, "iscrowd": 0, "bbox": [-40, 14, 80, 100]}
        self.document["annotations"].append(person)
        self.assertEqual(self.evaluate("--metric", "boxes")["values"]["Recall"], 1)

    def test_are_printed_as_tables(self):
        result = self.evaluate("--metric", "boxes")
        out, _ = self.limn(*self.COMMAND[:4], "--metric", "boxes")
        self.assertRegex(out, rf"^dot_detector on labels\.json: {result['people']} people\n")
        for name, value in result["values"].items():
            self.assertRegex(out, rf"(?m)^{name} +{value:.4f}$")
        for row in result["thresholds"]:
            precision = "-" if row["precision"] is None else f"{row['precision']:.4f}"
            self.assertRegex(out, rf"(?m)^{row['threshold']:.2f} +{row['recall']:.4f} +{precision} +{row['wrong']}$")
        self.assertIn("at the threshold 0.3.", out)

    def test_in_photos_that_cannot_be_read_are_named_and_do_not_count(self):
        everybody = self.document["annotations"]
        self.document["annotations"] = [person for person in everybody if person["image_id"] != 2]
        expected = self.evaluate("--metric", "boxes")
        self.document["annotations"] = everybody
        self.write("2.png", "this is not a picture")
        result = self.evaluate("--metric", "boxes", status=1)
        self.assertEqual((result["people"], result["failed_photos"]), (expected["people"], 1))

    def test_are_of_a_detector_alone(self):
        self.write("labels.json", json.dumps(self.document))
        command = ("evaluate", "labels.json", "--metric", "boxes")
        self.fails(2, *command, "--model", MODEL, says=["--metric boxes", "--model"])
        self.fails(2, *command, "--boxes", "labels.json", says=["--metric boxes", "--boxes"])
        self.fails(2, *command, "--scores", says=["--scores"])
        self.fails(2, *command, "--from-one", says=["--from-one"])
        self.fails(2, *command, "--min-height", "2", says=["--min-height"])
        self.document["annotations"] = []
        self.write("labels.json", json.dumps(self.document))
        self.fails(2, *command, says=["labels.json", "nobody"])


class TheFlipTest(EvaluateTest):
    def test_averages_heatmaps_and_may_shift_them(self):
        results = set()
        for arguments in ((), ("--flip",), ("--flip", "--flip-shift")):
            self.evaluate("--results", "results.json", *arguments)
            results.add(self.read("results.json"))
        self.assertEqual(len(results), 3)
        out, _ = self.limn("evaluate", "photos/labels.json", "--input", "64x64", "--flip", "--flip-shift")
        self.assertIn("flip test with shift", out)
        for command in ("evaluate", "estimate"):
            self.fails(2, command, "photos/labels.json", "--flip-shift", says=["--flip"])

    def test_is_the_same_for_estimating(self):
        for arguments in (("--flip",), ("--flip", "--flip-shift")):
            self.estimated_as_evaluated(*arguments)


class Crops(EvaluateTest):
    def test_change_what_is_seen_and_are_the_same_for_estimating(self):
        results = []
        for factor in ("0", "1", "1.5"):
            results.append(self.estimated_as_evaluated("--crop", factor))
            self.assertNotIn(results[-1], results[:-1])

    def test_are_named_with_the_scores(self):
        out, _ = self.limn("evaluate", "photos/labels.json", "--input", "64x64", "--crop", "1.5", "--json", "-")
        self.assertEqual(json.loads(out)["crop"], 1.5)
        out, _ = self.limn("evaluate", "photos/labels.json", "--input", "64x64", "--crop", "1.5")
        self.assertRegex(out, r"^\S+, crop 1\.5 on photos/labels\.json")

    def test_that_are_none_are_refused(self):
        for command in ("evaluate", "estimate"):
            for factor in ("0.5", "-1", "nan", "big"):
                self.fails(2, command, "photos/labels.json", f"--crop={factor}", says=["crop"])


class Photos(EvaluateTest):
    def test_that_cannot_be_read_are_named_and_nobody_in_them_counts(self):
        self.write("photos/2.png", "this is not a picture")
        arguments = ("evaluate", "photos/labels.json", "--input", "64x64")
        out, err = self.limn(*arguments, "--json", "scores.json", status=1)
        self.assertRegex(err, r"^limn: photos/2\.png: .*\nlimn: 1 of 3 photos could not be done\n$")
        self.assertIn("Left out with everybody in them: 1 photo.", out)
        result = json.loads(self.read("scores.json"))
        self.assertEqual((result["people"], result["failed_photos"]), (4, 1))
        self.document["annotations"] = [person for person in self.people if person["image_id"] != 20]
        self.save()
        without = self.evaluate()
        self.assertEqual((without["values"], without["keypoints"]), (result["values"], result["keypoints"]))
        os.remove(self.path("photos/1.png"))
        os.remove(self.path("photos/3.png"))
        result = self.evaluate(status=1)
        self.assertEqual((result["people"], result["values"]["Mean"]), (0, None))

    def test_of_another_size_than_annotated_cannot_be_done(self):
        self.document["images"][1]["width"] = 99
        self.save()
        _, err = self.limn("evaluate", "photos/labels.json", "--input", "64x64", status=1)
        self.assertIn("photos/1.png: its boxes are for a photo of 99x72 pixels, found 60x72", err)

    def test_may_lie_elsewhere(self):
        expected = self.evaluate()
        os.rename(self.path("photos/labels.json"), self.path("labels.json"))
        out, _ = self.limn("evaluate", "labels.json", "--images", "photos", "--input", "64x64", "--json", "-")
        self.assertEqual(json.loads(out)["keypoints"], expected["keypoints"])

    def test_are_counted_on_a_terminal_only(self):
        try:
            import pty

            terminal, stderr = pty.openpty()
        except (ImportError, OSError) as error:
            self.skipTest(f"no pseudo-terminal: {error}")
        command = [PROGRAM, "evaluate", self.path("photos/labels.json"), "--input", "64x64"]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=stderr, check=True)
        os.close(stderr)
        shown = os.read(terminal, 10000)
        os.close(terminal)
        self.assertIn(b"2/3", shown)
        self.assertTrue(shown.endswith(b"\r\033[K"), shown)

    def test_give_the_same_numbers_with_any_number_of_threads(self):
        command = ("evaluate", "photos/labels.json", "--metric", "oks", "--input", "64x64", "--threads")
        for images in (self.document["images"], self.document["images"][:1]):  # shared out, and a single one shared
            ids = [image["id"] for image in images]
            people = [person for person in self.people if person["image_id"] in ids]
            self.document.update(images=images, annotations=people)
            self.save()
            texts = {self.limn(*command, threads)[0] for threads in ("1", "2", "5")}
            self.assertEqual(len(texts), 1)


class WrongInput(EvaluateTest):
    def refused(self, *arguments, says):
        self.fails(2, "evaluate", *arguments, says=says)

    def test_what_is_read_is_not_overwritten(self):
        labels = self.read("photos/labels.json")
        for option in ("--results", "--json"):
            self.refused("photos/labels.json", option, "photos/../photos/labels.json", says=[option, "overwrite"])
            self.refused("photos/labels.json", option, "a.jpg", says=[f"{option} a.jpg", "picture"])
        self.refused("photos/labels.json", "--results", "new.json", "--json", "./new.json", says=["--json", "new.json"])
        self.assertEqual(self.read("photos/labels.json"), labels)
        self.assertNotIn("new.json", self.files())

    def test_is_refused_with_its_reason(self):
        self.refused("nowhere.json", says=["nowhere.json"])
        self.refused(says=["ANNOTATIONS"])
        self.write("list.json", "[]")
        self.refused("list.json", says=["list.json", "annotations"])
        self.refused("photos/labels.json", "--metric", "best", says=["--metric"])
        self.refused("photos/labels.json", "--at", "0", says=["--at"])
        self.refused("photos/labels.json", "--boxes", "list.json", says=["--boxes", "pck"])
        self.refused("photos/labels.json", "--poses", "list.json", says=["--poses", "oks"])
        self.refused("photos/labels.json", "--metric", "oks", "--from-one", says=["--from-one"])
        oks = ("photos/labels.json", "--metric", "oks")
        self.refused(*oks, "--boxes", "photos/labels.json", says=["list of COCO results"])
        self.refused(*oks, "--boxes", "list.json", says=["nobody"])
        self.refused("photos/labels.json", "--json", "no/folder.json", says=["no/folder.json"])
        self.refused("photos/labels.json", "--model", "nowhere.safetensors", says=["nowhere.safetensors"])
        self.write("poses.json", json.dumps([{"image_id": 10, "category_id": 1, "keypoints": [1, 2, 3], "score": 1}]))
        self.refused(*oks, "--poses", "poses.json", says=["poses.json: [0]", "16 keypoints"])
        self.write("poses.json", json.dumps([{"image_id": 10, "category_id": 1, "bbox": [1, 2, 3, 4]}]))
        self.refused(*oks, "--boxes", "poses.json", says=["poses.json: [0]", "score"])

    def test_in_the_annotations_is_refused_with_its_place(self):
        def refused(change, *says):
            original = json.dumps(self.document)
            change(self.document)
            self.save()
            self.refused("photos/labels.json", says=["photos/labels.json", *says])
            self.document = json.loads(original)

        refused(lambda d: d["annotations"][1].update(keypoints=[1, 2, 2]), "annotations[1]", "16 keypoints")
        refused(lambda d: d["annotations"][1]["keypoints"].__setitem__(2, 7), "annotations[1]", "visibilities")
        refused(lambda d: d["annotations"][2].update(image_id=5), "annotations[2]", "5")
        refused(lambda d: d["categories"][0].pop("keypoints"), "keypoints")
        refused(lambda d: d["categories"][0].update(keypoints=["a"] * 16), "twice")
        refused(lambda d: d["categories"][0].update(keypoints=[f"k{i}" for i in range(16)]), "none of its keypoints")
        refused(lambda d: d["categories"][0].update(sigmas=[0.1]), "categories[0]", "sigmas")
        refused(lambda d: d["categories"][0].update(sigmas=[0.1] * 15 + [0]), "categories[0]", "sigmas")
        refused(lambda d: d.update(annotations=[]), "nobody")
        refused(lambda d: d.pop("images"), "images")
        for number in (math.nan, math.inf, 1e300):
            refused(lambda d: d["annotations"][1]["bbox"].__setitem__(2, number), "annotations[1]", "bbox", "finite")

    def test_in_a_detectors_boxes_is_refused_with_its_place(self):
        box = {"image_id": 10, "category_id": 1, "bbox": [2, math.nan, 40, 50], "score": 0.5}
        self.write("boxes.json", json.dumps([box]))
        command = ("photos/labels.json", "--metric", "oks", "--boxes", "boxes.json")
        self.refused(*command, says=["boxes.json: [0]", "bbox", "finite"])
        self.write("boxes.json", json.dumps([{**box, "bbox": [0, 0, 9, 9], "score": math.nan}]))
        self.refused(*command, says=["boxes.json: [0]", "score"])

    def test_of_photos_costs_those_only(self):
        for number in (1, 3):
            os.remove(self.path(f"photos/{number}.png"))
        os.mkfifo(self.path("photos/1.png"))
        os.mkdir(self.path("photos/3.png"))
        _, err = self.limn("evaluate", "photos/labels.json", "--input", "64x64", status=1)
        self.assertIn("limn: photos/1.png: expected a file, found a named pipe", err)
        self.assertIn("limn: photos/3.png: ", err)
        self.assertIn("limn: 2 of 3 photos could not be done\n", err)


# ---- The default model -----------------------------------------------------------------------------------------------


def labelled_people(count):
    """The data set's annotations cut down to the first people and their photos."""
    with open(os.path.join(DATA, "annotations.json"), encoding="utf-8") as file:
        document = json.load(file)
    document["annotations"] = document["annotations"][:count]
    wanted = {person["image_id"] for person in document["annotations"]}
    document["images"] = [image for image in document["images"] if image["id"] in wanted]
    return document


class TheDefaultModel(ProgramTest):
    def test_reaches_what_pytorch_does(self):
        if not os.path.exists(os.path.join(DATA, "annotations.json")):
            self.skipTest(f"no labelled photos in {DATA}")
        people, joints, expected = FIRST
        self.write("first.json", json.dumps(labelled_people(people)))
        out, _ = self.limn("evaluate", "first.json", "--images", DATA, "--model", MODEL, "--json", "-")
        result = json.loads(out)
        counted = [count for name, count in result["keypoints"].items() if name not in ("pelvis", "thorax")]
        self.assertEqual(result["people"], people)
        self.assertEqual(sum(count["labelled"] for count in counted), joints)
        self.assertAlmostEqual(result["values"]["Mean"], expected, delta=TOLERANCE)


def main():
    if "--all" not in sys.argv:
        return unittest.main()
    people, joints, expected = ALL
    command = [PROGRAM, "evaluate", os.path.join(DATA, "annotations.json"), "--model", MODEL]
    print(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout, end="")
    print(f"expected: {expected} over {joints:,} joints of {people:,} people")
    return 0


if __name__ == "__main__":
    sys.exit(main())
