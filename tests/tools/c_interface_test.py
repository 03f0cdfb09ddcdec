#!/usr/bin/env python3
"""limn's C interface from C, through the shared library: finds the people that the limn program finds."""

import json
import os
import re
import shutil
import subprocess
import sys
import unittest

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
