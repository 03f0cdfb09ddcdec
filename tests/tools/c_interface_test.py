#!/usr/bin/env python3
"""limn's C interface from C and from Python, through the shared library: finds the people that the limn program finds."""

import json
import os
import re
import shutil
import subprocess
import sys
import unittest

import film_maker
from limn_program import FIVE_PEOPLE, MODEL, ROOT, ProgramTest, skip_without_program

DETECTOR = os.path.join(ROOT, "weights", "person_detector_320x320.int8.safetensors")
C_PROGRAM = os.environ.get("LIMN_C_PROGRAM")
LIBRARY = os.environ.get("LIMN_SHARED")


class CInterfaceTest(ProgramTest):
    def test_a_c_program_finds_what_the_limn_program_finds(self):
        result = subprocess.run([C_PROGRAM, MODEL, DETECTOR, FIVE_PEOPLE], stdout=subprocess.PIPE, text=True, check=True)
        lines = result.stdout.splitlines()
        self.limn("estimate", FIVE_PEOPLE, "--json", "people.json", "--no-pictures")
        with open(self.path("people.json"), encoding="utf-8") as file:
            document = json.load(file)
        expected = [f"model {document['model']}"]
        for pose in document["photos"][0]["poses"]:
            expected.append("person {:.4f} {:.2f} {:.2f} {:.2f} {:.2f}".format(pose["score"], *pose["box"]))
            for keypoint in pose["keypoints"]:
                expected.append("keypoint {name} {x:.2f} {y:.2f} {score:.4f}".format(**keypoint))
        self.assertEqual(len(document["photos"][0]["poses"]), 5)
        self.assertEqual(lines[: len(expected)], expected)
        self.assertRegex(lines[-1], "^error nothing.safetensors: ")

    @unittest.skipUnless(film_maker.have_ffmpeg(), "there is no ffmpeg to decode a photo")
    def test_the_python_example_finds_what_the_limn_program_finds(self):
        # Both are handed the same pixels, since decoders of JPEG differ a little.
        film_maker.ffmpeg("-i", FIVE_PEOPLE, self.path("people.ppm"))
        film_maker.ffmpeg("-i", self.path("people.ppm"), self.path("people.png"))
        self.limn("estimate", "people.png", "--json", "people.json", "--no-pictures")
        with open(self.path("people.json"), encoding="utf-8") as file:
            poses = json.load(file)["photos"][0]["poses"]
        expected = []
        for number, pose in enumerate(poses, 1):
            expected.append(f"person {number}: {pose['score']:.4f}")
            for keypoint in pose["keypoints"]:
                expected.append("  {name:<16} {x:7.2f} {y:7.2f}  {score:.4f}".format(**keypoint))
        self.assertEqual(len(poses), 5)
        self.assertEqual(self.run_example(MODEL, DETECTOR, self.path("people.ppm")).stdout.splitlines(), expected)

    def test_the_python_example_raises_what_the_library_says(self):
        self.write("people.ppm", b"P6\n1 1\n255\n\0\0\0")
        failed = self.run_example("nothing.safetensors", DETECTOR, self.path("people.ppm"))
        self.assertNotEqual(failed.returncode, 0)
        self.assertRegex(failed.stderr, "RuntimeError: nothing.safetensors: cannot be opened: ")

    def test_the_python_example_takes_rows_that_lie_anywhere(self):
        sys.path.insert(0, os.path.join(ROOT, "examples"))
        import numpy as np
        import people

        estimator = people.PoseEstimator(MODEL, library=LIBRARY)
        picture = np.random.RandomState(1).randint(0, 256, (90, 70, 3)).astype(np.uint8)
        (whole,) = estimator(picture)
        for same, order in (
            (np.asfortranarray(picture), "RGB"),
            (picture[:, :, ::-1], "BGR"),
            (np.pad(picture, ((0, 0), (5, 9), (0, 0)))[:, 5:75], "RGB"),
            (picture[::-1].copy()[::-1], "RGB"),
            (np.concatenate([picture, picture[:, :, :1]], 2), "RGBA"),
        ):
            (pose,) = estimator(same, order)
            np.testing.assert_array_equal(pose["keypoints"], whole["keypoints"])
        with self.assertRaisesRegex(ValueError, "height x width x 3, found float64"):
            estimator(picture / 2)

    def run_example(self, *arguments):
        return subprocess.run([sys.executable, os.path.join(ROOT, "examples", "people.py"), *arguments], cwd=self.folder,
                              env={**os.environ, "LIMN_LIBRARY": LIBRARY}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, check=False)

    @unittest.skipUnless(shutil.which("nm"), "there is no nm")
    def test_the_shared_library_shows_nothing_but_its_interface(self):
        output = subprocess.run(["nm", "-D", "--defined-only", LIBRARY], stdout=subprocess.PIPE, text=True, check=True)
        names = {line.split()[-1] for line in output.stdout.splitlines()}
        with open(os.path.join(ROOT, "include", "limn", "c.h"), encoding="utf-8") as file:
            header = file.read()
        declared = set(re.findall(r"^LIMN_API .*?\b(limn_\w+)\(", header, re.MULTILINE))
        self.assertGreater(len(declared), 20)
        self.assertEqual(names, declared)


if __name__ == "__main__":
    skip_without_program()
    if not C_PROGRAM or not LIBRARY:
        print("skipped: the environment variables LIMN_C_PROGRAM and LIMN_SHARED do not name what to test")
        sys.exit(77)
    unittest.main()
