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
from limn_benchmark import cases, measuring, photos, programs, tables
from limn_train import images


class Named:
    def __init__(self, name, version="", approximate=False):
        self.name = name
        self.version = version
        self.approximate = approximate

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

    def test_as_noise_are_told_of_the_worst_output(self):
        expected = np.array([3, 4, 0, 0, 1, 0, 0], np.float32)  # sums of squares 25 and 1
        found = expected + np.array([0, 0, 0.5, 0, 0, 0, 0.01], np.float32)
        self.assertAlmostEqual(measuring.signal_to_noise(found, expected, self.SHAPES), 20, places=5)
        found[6] = 0
        self.assertAlmostEqual(measuring.signal_to_noise(found, expected, self.SHAPES), 20, places=5)
        found[5] = 0.1
        self.assertAlmostEqual(measuring.signal_to_noise(found, expected, self.SHAPES), 20, places=5)
        found[5] = 1
        self.assertAlmostEqual(measuring.signal_to_noise(found, expected, self.SHAPES), 0, places=5)
        self.assertEqual(measuring.signal_to_noise(expected, expected, self.SHAPES), float("inf"))
        for wrong in (np.nan, np.inf):
            found[1] = wrong
            self.assertEqual(measuring.signal_to_noise(found, expected, self.SHAPES), float("-inf"))
        with self.assertRaisesRegex(programs.Failure, "7 values, found 6 and 7"):
            measuring.signal_to_noise(expected[:6], expected, self.SHAPES)


class Rounds(unittest.TestCase):
    """Programs that answer at once, of which one is wrong in the second round."""

    class Fake(Named):
        log = []

        def __init__(self, name, wrong_from=99, approximate=False):
            super().__init__(name, approximate=approximate)
            self.calls = 0
            self.wrong_from = wrong_from

        def time(self, case, threads, runs, output):
            self.log.append(self.name)
            self.calls += 1
            outputs = np.full(4, 5 if self.calls < self.wrong_from else 5.1)
            return programs.Answer(float(self.calls), outputs, (1000, 10 * self.calls))

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

    def test_go_on_where_an_approximate_program_differs_and_keep_its_least_ratio_and_the_most_memory(self):
        fakes = self.Fake("limn"), self.Fake("peer"), self.Fake("limn int8", wrong_from=2, approximate=True)
        results = self.measure(*fakes, rounds=3)
        self.assertEqual(results.differences, {"peer": 0})
        self.assertAlmostEqual(results.noise.pop((self.case, "limn int8")), 33.979, places=3)  # 20 log10(5 / 0.1)
        self.assertEqual(results.noise, {})
        self.assertEqual(results.memory[self.case, "limn int8"], (1000, 30))


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
            readme = file.read()
        for part in (tables.FLOATS, tables.INT8):  # the real one has them
            tables.put_into_readme(readme, part, "")

    def test_of_8_bits_show_them_beside_floats(self):
        names = [Named("limn", "0.1"), Named("Peer", "7.8"), Named("limn int8", approximate=True)]
        names.append(Named("Peer int8", approximate=True))
        case = Named("net, 64x32")
        results = measuring.Results()
        for name, time in zip(names, (40, 90, 10, 16)):
            results.times[case, 2, name.name] = [time]
        text = tables.speed_table([case], tables.int8_columns(names), [2], results)
        self.assertIn("| limn | Peer | limn int8 | limn int8 / limn | Peer int8 | limn int8 / Peer int8 |\n", text)
        self.assertIn("| net, 64x32 | 2 | 40.0 ms | 90.0 ms | 10.0 ms | 0.25 | 16.0 ms | 0.62 |\n", text)
        results.differences = {"Peer": 2e-6}
        text = tables.description(names, results, 5, 10, int8=True).replace("\n", " ")
        for words in ("fp32 and int8", "(limn 0.1, Peer 7.8; ", "fp32 outputs differ", "`tools/benchmark.py --int8"):
            self.assertIn(words, text)

    def test_of_8_bits_tell_noise_files_and_memory(self):
        with tempfile.TemporaryDirectory() as folder:
            case = cases.Case.__new__(cases.Case)
            case.network = Named("net")
            case.network.title, case.network.height, case.network.width = "net", 64, 32
            case.int8 = Named("")
            files = [os.path.join(folder, name) for name in ("floats", "int8", "onnx")]
            case.model, case.int8.model, case.int8.onnx = files
            for file, size in zip(files, (4_000_000, 1_000_000, 1_100_000)):
                with open(file, "wb") as opened:
                    opened.truncate(size)
            results = measuring.Results()
            results.noise = {(case, "limn int8"): 34.56, (case, "Peer int8"): 30}
            results.memory = {(case, "limn"): (8_000_000, 300_000), (case, "limn int8"): (2_000_000, 100_000)}
            names = [Named("limn"), Named("limn int8", approximate=True), Named("Peer int8", approximate=True)]
            row = "| net, 64x32 | 34.6 dB | 30.0 dB | 4.0 MB | 1.0 MB | 1.1 MB | 8.0 MB + 0.3 MB | 2.0 MB + 0.1 MB |\n"
            self.assertIn(row, tables.int8_table([case], names, results))
            row = "| net, 64x32 | 34.6 dB | 4.0 MB | 1.0 MB | 8.0 MB + 0.3 MB | 2.0 MB + 0.1 MB |\n"
            self.assertIn(row, tables.int8_table([case], names[:2], results))  # where the peer is missing


class Options(unittest.TestCase):
    def test_choose_the_networks_that_8_bits_are_timed_with(self):
        self.assertEqual(benchmark.parse([]).networks, list(benchmark.NETWORKS))
        self.assertEqual(benchmark.parse(["--int8"]).networks, list(benchmark.INT8_NETWORKS))
        self.assertLess(set(benchmark.INT8_NETWORKS), set(benchmark.NETWORKS))
        chosen = benchmark.parse(["--int8", "--networks", "body_224x224"]).networks
        self.assertEqual(chosen, ["body_224x224"])


class Files(unittest.TestCase):
    """What is made for networks of 8 bits."""

    WRITE = "import sys; open(sys.argv[1], 'w').write('new')"

    def test_are_made_again_when_older_than_what_they_need_and_never_by_halves(self):
        with tempfile.TemporaryDirectory() as folder, redirect_stderr(io.StringIO()):
            needed, path = os.path.join(folder, "needed"), os.path.join(folder, "made.onnx")
            open(needed, "w", encoding="utf-8").close()
            cases.make(path, [sys.executable, "-c", self.WRITE], [needed])
            self.assertEqual(sorted(os.listdir(folder)), ["made.onnx", "needed"])
            fails = [sys.executable, "-c", self.WRITE + "; sys.exit('the reason')"]
            os.utime(needed, (1, 1))
            cases.make(path, fails, [needed])  # new enough
            os.utime(path, (0, 0))
            with open(path, "w", encoding="utf-8") as file:
                file.write("old")
            os.utime(path, (0, 0))
            with self.assertRaisesRegex(programs.Failure, "the reason"):
                cases.make(path, fails, [needed])
            with open(path, encoding="utf-8") as file:
                self.assertEqual(file.read(), "old")
            with self.assertRaisesRegex(programs.Failure, "wrote no file"):
                os.remove(os.path.join(folder, "made.partial.onnx"))
                cases.make(path, [sys.executable, "-c", ""], [needed])

    def test_of_8_bits_are_what_such_a_program_runs(self):
        limn = programs.Program("limn", lambda case, threads, runs, output: [case.model, threads, runs, output])
        case, case_int8 = Named("net"), Named("net")
        case.model, case.int8, case_int8.model = "floats", case_int8, "bytes"
        program = cases.in_8_bits(limn)
        self.assertEqual((program.name, program.approximate), ("limn int8", True))
        self.assertEqual(program.command(case, 1, 2, "out"), ["bytes", 1, 2, "out"])
        self.assertEqual(limn.command(case, 1, 2, "out"), ["floats", 1, 2, "out"])

    @unittest.skipUnless(images.cv2 or images.Image, "neither OpenCV nor Pillow")
    def test_of_photos_hold_them_stretched_and_normalised(self):
        photo = np.zeros((4, 2, 3), np.uint8)
        photo[:2, :, 0], photo[2:, 1, 2] = 255, 51
        found = photos.network_input(photo, 2, 2)  # a pixel is the mean of two
        red, blue = np.array([[1, 1], [0, 0]]), np.array([[0, 0], [0, 0.2]])
        expected = [(red - 0.485) / 0.229, np.full((2, 2), -0.456 / 0.224), (blue - 0.406) / 0.225]
        np.testing.assert_allclose(found, expected, rtol=1e-5)


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
