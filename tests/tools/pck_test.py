#!/usr/bin/env python3
"""How right the default model's keypoints are, from the JSON that `limn estimate` writes: PCK@0.2 on lspet-val.

    LIMN_PROGRAM=build/tools/limn tests/tools/pck_test.py           the test: the first 200 people
    LIMN_PROGRAM=build/tools/limn tests/tools/pck_test.py --all     all 1000, joint by joint; 0.6237 is expected

The labelled photos are no part of the repository. They are looked for in ../shared/eval/lspet-val beside it, and in the
folder that the environment variable LIMN_LSPET_VAL names: annotations.json in COCO's keypoint format, with joints in
MPII's order, and images/.
"""

import json
import math
import os
import subprocess
import sys
import unittest

from limn_program import MODEL, PROGRAM, SHARED, skip_without_program

skip_without_program()

DATA = os.environ.get("LIMN_LSPET_VAL", os.path.join(SHARED, "eval", "lspet-val"))
RIGHT_HIP, PELVIS, THORAX, LEFT_SHOULDER = 2, 6, 7, 13

# PyTorch's results with the same weights (see weights/README.md): people, joints, PCK@0.2.
FIRST = (200, 2464, 0.5921)
ALL = (1000, 12394, 0.6237)
TOLERANCE = 0.005


def labelled_joints(annotation):
    """{joint: (x, y)} of those that count, and how far a keypoint may be off in photo pixels."""
    numbers = annotation["keypoints"]
    seen = {i: tuple(numbers[3 * i : 3 * i + 2]) for i in range(len(numbers) // 3) if numbers[3 * i + 2] > 0}
    torso = 0.0
    if LEFT_SHOULDER in seen and RIGHT_HIP in seen:
        torso = math.dist(seen[LEFT_SHOULDER], seen[RIGHT_HIP])
    size = max(torso, 0.25 * 1.25 * max(annotation["bbox"][2:]))
    return {joint: place for joint, place in seen.items() if joint not in (PELVIS, THORAX)}, 0.2 * size


def count_right(annotations, keypoints):
    """{joint: [right, labelled]}; `keypoints` are the persons' lists of (x, y)."""
    counts = {}
    for annotation, found in zip(annotations, keypoints):
        joints, allowed = labelled_joints(annotation)
        for joint, place in joints.items():
            count = counts.setdefault(joint, [0, 0])
            count[0] += math.dist(place, found[joint]) <= allowed
            count[1] += 1
    return counts


def share(counts):
    return sum(right for right, _ in counts.values()) / sum(labelled for _, labelled in counts.values())


def measure(people):
    """Counts for the first people of the data set, and the names of the joints."""
    boxes = os.path.join(DATA, "annotations.json")
    with open(boxes, encoding="utf-8") as file:
        document = json.load(file)
    files = {image["id"]: os.path.join(DATA, image["file_name"]) for image in document["images"]}
    annotations = document["annotations"][:people]
    photos = [files[annotation["image_id"]] for annotation in annotations]
    command = [PROGRAM, "estimate", *photos, "--boxes", boxes, "--json", "-", "--no-pictures", "-q", "--model", MODEL]
    result = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    keypoints = []
    for photo in result["photos"]:
        (pose,) = photo["poses"]
        names = [keypoint["name"] for keypoint in pose["keypoints"]]
        assert names == document["categories"][0]["keypoints"]
        keypoints.append([(keypoint["x"], keypoint["y"]) for keypoint in pose["keypoints"]])
    return count_right(annotations, keypoints), names


class Pck(unittest.TestCase):
    def test_counts_what_lies_within_a_fifth_of_the_size(self):
        # A torso of 50 pixels against a box whose side counts 0.3125 * 100: 10 pixels are allowed.
        places = [(7 * joint, 200) for joint in range(16)]
        places[LEFT_SHOULDER], places[RIGHT_HIP] = (30, 40), (0, 0)
        keypoints = [number for x, y in places for number in (x, y, 2)]
        keypoints[2] = 0  # the first joint is not labelled
        annotation = {"keypoints": keypoints, "bbox": [0, 0, 100, 80]}
        self.assertEqual(share(count_right([annotation], [places])), 1)
        self.assertEqual(len(count_right([annotation], [places])), 13)
        self.assertEqual(share(count_right([annotation], [[(x, y + 10) for x, y in places]])), 1)
        self.assertEqual(share(count_right([annotation], [[(x, y + 10.1) for x, y in places]])), 0)
        annotation["bbox"] = [0, 0, 400, 80]  # now the box decides: 25 pixels
        self.assertEqual(share(count_right([annotation], [[(x + 15, y + 20) for x, y in places]])), 1)
        self.assertEqual(share(count_right([annotation], [[(x + 15, y + 20.1) for x, y in places]])), 0)

    def test_of_the_default_model_is_what_pytorch_reaches(self):
        if not os.path.exists(os.path.join(DATA, "annotations.json")):
            self.skipTest(f"no labelled photos in {DATA}")
        people, joints, expected = FIRST
        counts, _ = measure(people)
        self.assertEqual(sum(labelled for _, labelled in counts.values()), joints)
        self.assertAlmostEqual(share(counts), expected, delta=TOLERANCE)


def main():
    if "--all" not in sys.argv:
        return unittest.main()
    people, joints, expected = ALL
    counts, names = measure(people)
    for joint, (right, labelled) in sorted(counts.items()):
        print(f"{names[joint]:15} {right / labelled:.3f}")
    labelled = sum(count[1] for count in counts.values())
    print(f"PCK@0.2 {share(counts):.4f} over {labelled} joints, expected {expected} over {joints}")
    return 0 if labelled == joints and abs(share(counts) - expected) <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
