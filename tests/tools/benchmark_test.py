#!/usr/bin/env python3
"""What tools/benchmark.py makes of measurements. Nothing is timed here: times of a shared machine decide no test."""

import io
import os
import stat
import sys
import tempfile
import unittest
from contextlib import redirect_stderr

import numpy as np

ROOT = os.environ.get(
    "LIMN_SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
)
sys.path.insert(0, os.path.join(ROOT, "tools"))

import benchmark
from limn_benchmark import measuring, programs, tables


class Named:
    def __init__(self, name, version=""):
        self.name = name
        self.version = version

    def __str__(self):
        return self.name


class Differences(unittest.TestCase):
    SHAPES = ((2, 1, 2), (1, 1, 3))
    EXPECTED = np.array([1, -8, 2, 4, 0.5, 0.25, 0], np.float32)

    def test_are_shares_of_each_outputs_largest_value(self):
        self.assertEqual(measuring.difference(self.EXPECTED, self.EXPECTED, self.SHAPES), 0)
        for index, expected in ((0, 0.25), (3, 0.25), (4, 4), (6, 4)):
            found = self.EXPECTED.copy()
            found[index] -= 2
            self.assertEqual(measuring.difference(found, self.EXPECTED, self.SHAPES), expected)

    def test_of_what_is_no_number_or_of_another_size_are_not_overlooked(self):
        for wrong in (np.nan, np.inf):
            found = self.EXPECTED.copy()
            found[5] = wrong
            self.assertEqual(measuring.difference(found, self.EXPECTED, self.SHAPES), float("inf"))
        with self.assertRaisesRegex(programs.Failure, "7 values, found 6 and 7"):
            measuring.difference(self.EXPECTED[:6], self.EXPECTED, self.SHAPES)


class Rounds(unittest.TestCase):
    """Programs that answer at once, of which one is wrong in the second round."""

    class Fake(Named):
        log = []

        def __init__(self, name, wrong_from=99):
            super().__init__(name)
            self.calls = 0
            self.wrong_from = wrong_from

        def time(self, case, threads, runs, output):
            self.log.append(self.name)
            self.calls += 1
            outputs = np.full(4, 5 if self.calls < self.wrong_from else 5.1)
            return programs.Answer(float(self.calls), outputs)

    def setUp(self):
        self.Fake.log.clear()
        self.case = Named("case")
        self.case.outputs = {"heatmaps": [1, 2, 2]}

    def measure(self, *timed, rounds):
        with redirect_stderr(io.StringIO()):
            return measuring.measure([self.case], timed, [1], rounds, 1, "")

    def test_let_each_program_be_first_in_turn(self):
        results = self.measure(self.Fake("limn"), self.Fake("peer"), self.Fake("other"), rounds=3)
        self.assertEqual(self.Fake.log[::3], ["limn", "peer", "other"])
        self.assertEqual(results.times[self.case, 1, "peer"], [1, 2, 3])
        self.assertEqual(results.differences, {"peer": 0, "other": 0})

    def test_end_when_two_outputs_differ(self):
        with self.assertRaisesRegex(programs.Failure, "case: limn and peer differ by 0.02"):
            self.measure(self.Fake("limn"), self.Fake("peer", wrong_from=2), rounds=2)


class Others(unittest.TestCase):
    def test_have_what_is_left_of_the_busy_time(self):
        processors = os.cpu_count()
        share = measuring.share_of_others((100, 5), (100 + 9 * processors, 5 + 6 * processors), 10)
        self.assertAlmostEqual(share, 0.3)
        self.assertEqual(measuring.share_of_others((100, 5), (101, 7), 10), 0)
        self.assertIsNone(measuring.share_of_others(None, (101, 7), 10))


class Tables(unittest.TestCase):
    def test_hold_medians_and_ratios(self):
        case, names = Named("net, 64x32"), [Named("limn"), Named("Peer")]
        results = measuring.Results()
        results.times = {(case, 1, "limn"): [20, 10, 90], (case, 1, "Peer"): [50, 16, 40]}
        text = tables.speed_table([case], tables.float_columns(names), [1], results)
        self.assertIn("| net, 64x32 | 1 | 20.0 ms | 40.0 ms | 0.50 |\n", text)

    def test_name_the_programs_versions_and_what_they_differ_by(self):
        results = measuring.Results()
        results.differences = {"Peer": 2e-6, "other": 1e-6}
        results.others = 0.42
        text = tables.description([Named("limn", "0.1"), Named("Peer", "7.8")], results, 5, 10)
        for words in ("limn 0.1, Peer 7.8", "at most 2e-06", "medians of 5 rounds of 10 runs", "had 42 % of"):
            self.assertIn(words, text.replace("\n", " "))

    def test_go_between_the_marks_of_the_readme(self):
        part = tables.FLOATS
        before, after = f"text\n{part.begin}\n", f"{part.end}\nmore\n"
        put = tables.put_into_readme(f"{before}old\n\n{after}", part, "new \\1\n")
        self.assertEqual(put, f"{before}new \\1\n{after}")
        with self.assertRaises(programs.Failure):
            tables.put_into_readme("no marks\n", part, "new\n")
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            tables.put_into_readme(file.read(), part, "")  # the real one has them


class Problems(unittest.TestCase):
    def test_of_a_program_are_told_in_its_last_words(self):
        with tempfile.TemporaryDirectory() as folder:
            script = os.path.join(folder, "program")
            with open(script, "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\necho first >&2\necho the reason >&2\nexit 3\n")
            os.chmod(script, stat.S_IRWXU)
            with self.assertRaisesRegex(programs.Failure, "ended with 3: the reason"):
                programs.run([script])
            with self.assertRaisesRegex(programs.Failure, "No such file"):
                programs.run([os.path.join(folder, "nowhere")])

    def test_with_modules_say_how_to_get_them(self):
        with self.assertRaisesRegex(programs.Missing, r"import limn_nonsense \(on Debian: \.\.\.\)"):
            programs.find_python("limn_nonsense", "on Debian: ...")

    @unittest.skipUnless(os.path.exists("/proc/self/status"), "no Linux")
    def test_with_memory_are_not_inherited_from_this_process(self):
        ballast = np.ones(25_000_000)  # 200 MB in this process
        limn = Named("limn")
        limn.path = "true"
        seconds, memory = measuring.first_answer(limn, None, 1, 1)
        self.assertEqual(len(ballast), 25_000_000)
        self.assertGreater(seconds, 0)
        self.assertLess(memory, 100e6)


if __name__ == "__main__":
    unittest.main()
