#!/usr/bin/env python3
"""Faults: what the program loses, and says, where it is killed, interrupted, or denied disk, memory, threads or files.

    LIMN_PROGRAM=build/tools/limn tests/tools/faults_test.py              as CI runs it
    LIMN_PROGRAM=build/tools/limn LIMN_KILLS=1000 tests/tools/faults_test.py    more kills at random moments

Whatever happens, a file that was there before is as it was or complete and new, what is left behind is called
NAME.part, the exit status tells, and the same command completes when nothing happens to it.
"""

import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
import unittest

from limn_program import PROGRAM, STALL, ProgramTest, grey_photo, png, skip_without_program, surroundings

skip_without_program()

KILLS = int(os.environ.get("LIMN_KILLS", "12"))  # for each command
NOBODY = 65534
WIDTH, HEIGHT = 40, 56
SMALL = ("--input", "64x64", "--no-detector")


def small_photo(seed=0):
    return grey_photo(WIDTH, HEIGHT, seed)


def annotations(photos, category=1):
    """COCO's, with a person in each of the photos."""
    names = "left_shoulder right_shoulder left_hip right_hip".split()
    person = {"category_id": category, "bbox": [2, 2, 30, 50], "area": 900, "keypoints": [9, 9, 2, 30, 40, 2] * 2}
    return {
        "images": [{"id": i, "file_name": photo.lstrip("/")} for i, photo in enumerate(photos)],
        "annotations": [{"image_id": i, **person} for i in range(len(photos))],
        "categories": [{"id": category, "name": "person", "keypoints": names}],
    }


class FaultTest(ProgramTest):
    def photos(self, count):
        for number in range(count):
            self.write(f"photos/{number}.png", small_photo(number))

    def run_limn(self, *arguments, **options):
        """(exit status, stdout, stderr); a signal's number is negative. Every line of stderr is the program's, or the
        system's if it cannot load the program."""
        done = subprocess.run(
            [PROGRAM, *arguments],
            **{
                **dict(cwd=self.folder, env=surroundings(), stdin=subprocess.DEVNULL, check=False, timeout=120),
                **dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE),
                **options,
            },
        )
        err = (done.stderr or b"").decode()
        loader = "error while loading shared libraries: "
        for line in err.splitlines():
            self.assertTrue(line.startswith("limn: ") or (done.returncode == 127 and loader in line), err)
        return done.returncode, (done.stdout or b"").decode(), err

    def outputs(self, folder="out"):
        """{name: content} without parts."""
        return {name: self.read(f"{folder}/{name}") for name in self.files(folder) if ".part" not in name}


# ---- Kills and interrupts --------------------------------------------------------------------------------------------


class AKill(FaultTest):
    """kill -9 at random moments."""

    def check_kills(self, *command):
        """The command writes into out/, always the same."""
        os.makedirs(self.path("out"), exist_ok=True)
        started = time.monotonic()
        self.assertEqual(self.run_limn(*command)[0], 0)
        lasts = time.monotonic() - started
        new = self.outputs()
        rng = random.Random(1)
        caught = 0
        for _ in range(KILLS):
            for name in new:
                self.write(f"out/{name}", "old " + name)
            options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            with subprocess.Popen([PROGRAM, *command], cwd=self.folder, env=surroundings(), **options) as program:
                time.sleep(lasts * rng.uniform(0.1, 1))
                program.kill()
            found = self.outputs()
            self.assertEqual(list(found), list(new))
            replaced = [name for name in new if found[name] == new[name]]
            kept = [name for name in new if found[name] == b"old " + name.encode()]
            self.assertEqual(sorted(replaced + kept), sorted(new), "a file is neither the old nor the new one")
            caught += len(kept) > 0
        self.assertGreater(caught, 0)
        self.assertEqual(self.run_limn(*command)[0], 0)
        self.assertEqual(self.outputs(), new)

    def test_leaves_pictures_and_json_old_or_new(self):
        self.photos(8)
        self.check_kills("estimate", "photos", *SMALL, "-o", "out", "--json", "out/all.json", "--heatmaps", "-q")

    def test_leaves_scores_and_results_old_or_new(self):
        self.photos(4)
        self.write("labels.json", json.dumps(annotations([f"photos/{number}.png" for number in range(4)])))
        files = ("--results", "out/results.json", "--json", "out/scores.json")
        self.check_kills("evaluate", "labels.json", "--input", "64x64", *files)

    def test_leaves_what_was_done_until_then_in_the_part(self):
        self.photos(3)
        command = ("estimate", "photos/0.png", "photos/1.png", STALL, *SMALL, "--no-pictures", "--threads", "1")
        for name in ("all.json", "all.jsonl"):
            with self.stalled(*command, "--json", name) as program:
                self.wait_for(name + ".part", b"photos/1.png")
                program.kill()
            self.assertNotIn(name, self.files())
        lines = self.read("all.jsonl.part").splitlines(keepends=True)
        self.assertEqual([json.loads(line)["file"] for line in lines], ["photos/0.png", "photos/1.png"])
        self.assertTrue(lines[-1].endswith(b"\n"))
        # A later run leaves that alone.
        self.assertEqual(self.run_limn("estimate", "photos", *SMALL, "--no-pictures", "--json", "all.jsonl")[0], 0)
        self.assertEqual(self.read("all.jsonl").count(b"\n"), 3)
        self.assertEqual(self.read("all.jsonl.part"), b"".join(lines))
        self.assertEqual(self.files(), ["all.json.part", "all.jsonl", "all.jsonl.part", "photos"])


class AnInterrupt(FaultTest):
    def test_ends_the_work_in_order(self):
        self.photos(3)
        kinds = (("limn", "all.json"), ("limn", "all.jsonl"), ("coco", "results.json"))
        photos = ["photos/0.png", STALL, "photos/1.png", "photos/2.png"]
        for number, (kind, name) in zip((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), kinds):
            options = ["--no-pictures", "--threads", "1", "--format", kind, "--json", name]
            with self.stalled("estimate", *photos, *SMALL, *options) as program:
                program.wait_until_read()
                program.send_signal(number)
                program.feed(small_photo())
                _, err = program.communicate()
            self.assertEqual(program.returncode, 128 + number, err)
            self.assertIn(b"limn: interrupted after 2 of 4 photos\n", err)
            text = self.read(name).decode()
            if name == "all.json":
                document = json.loads(text)
                self.assertIs(document["interrupted"], True)
                self.assertEqual([len(photo["poses"]) for photo in document["photos"]], [1, 1])
            elif name == "all.jsonl":
                self.assertEqual([len(json.loads(line)["poses"]) for line in text.splitlines()], [1, 1])
            else:
                self.assertGreaterEqual(len(json.loads(text)), 1)
            self.assertEqual([part for part in self.files() if ".part" in part], [])

    def test_before_anything_is_done_changes_nothing(self):
        self.write("all.json", "old")
        with self.stalled("estimate", STALL, *SMALL, "--no-pictures", "--json", "all.json") as program:
            program.wait_until_read()
            program.send_signal(signal.SIGINT)
            time.sleep(0.1)
            program.send_signal(signal.SIGINT)  # the second does not wait
            self.assertEqual(program.wait(), -signal.SIGINT)
        self.assertEqual(self.read("all.json"), b"old")

    def test_of_an_evaluation_keeps_the_results_and_gives_no_scores(self):
        self.photos(2)
        photos = [self.path("photos/0.png"), STALL, self.path("photos/1.png")]
        self.write("labels.json", json.dumps(annotations(photos, category=4)))
        command = ("evaluate", "labels.json", "--images", "/", "--input", "64x64", "--threads", "1")
        with self.stalled(*command, "--results", "results.json", "--json", "scores.json") as program:
            program.wait_until_read()
            program.send_signal(signal.SIGTERM)
            program.feed(small_photo())
            out, err = program.communicate()
        self.assertEqual((program.returncode, out), (128 + signal.SIGTERM, b""), err)
        self.assertRegex(err, rb"limn: interrupted after [12] of 3 photos\n")
        self.assertIn(len(json.loads(self.read("results.json"))), (1, 2))
        self.assertNotIn("scores.json", self.files())


# ---- Where output goes -----------------------------------------------------------------------------------------------


class Stdout(FaultTest):
    def setUp(self):
        super().setUp()
        self.photos(3)

    def test_that_is_full_fails(self):
        with open("/dev/full", "wb") as full:
            estimate = ("estimate", "photos", *SMALL, "--no-pictures", "--json")
            for command in (("info",), ("--help",), (*estimate, "a.json")):
                status, _, err = self.run_limn(*command, stdout=full)
                self.assertEqual((status, err.count("\n")), (2, 1), err)
                self.assertIn("stdout", err)
            status, _, err = self.run_limn(*estimate, "-", "-q", stdout=full)
            self.assertEqual((status, err.count("\n")), (2, 1), err)
            self.assertIn("No space left", err)
        self.assertEqual(len(json.loads(self.read("a.json"))["photos"]), 3)

    def test_that_is_closed_is_not_taken_for_a_file(self):
        command = ["estimate", "photos", *SMALL, "--no-pictures", "--json", "a.json"]
        for closed in ("1", "0", "0 1", "0 1 2"):
            script = "exec " + " ".join(f"{number}>&-" for number in closed.split()) + '; exec "$@"'
            done = subprocess.run(
                ["sh", "-c", script, "sh", PROGRAM, *command], cwd=self.folder, env=surroundings(), check=False,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
            )  # fmt: skip
            self.assertEqual(done.returncode, 2 if "1" in closed else 0, done.stderr)
            self.assertEqual(len(json.loads(self.read("a.json"))["photos"]), 3)

    def test_that_nobody_reads_ends_the_work_and_keeps_it(self):
        for ignored in (False, True):
            read, write = os.pipe()
            os.close(read)
            status, _, err = self.run_limn(
                "estimate", "photos", *SMALL, "--no-pictures", "--threads", "1", "--json", "a.json",
                stdout=write, preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN) if ignored else None,
                restore_signals=True,
            )  # fmt: skip
            os.close(write)
            self.assertEqual(status, 2 if ignored else 128 + signal.SIGPIPE, err)
            self.assertIn(len(json.loads(self.read("a.json"))["photos"]), (3,) if ignored else (1, 2))
            self.assertEqual(self.files(), ["a.json", "photos"])


class AFullDisk(FaultTest):
    def setUp(self):
        super().setUp()
        self.photos(10)
        os.makedirs(self.path("disk"))

    def on_a_full_disk(self, *command, room=8):
        """Runs the program with `room` KiB left in disk/, then copies that to after/. Returns (status, stderr)."""
        script = (
            "mount -t tmpfs -o size=128k none disk || exit 99; printf old > disk/all.json; "
            f"head -c {128 - 4 - room}k /dev/zero > disk/filler; "
            '"$@" > /dev/null; status=$?; rm -rf after; rm disk/filler; cp -r disk after; exit $status'
        )
        try:
            done = subprocess.run(
                ["unshare", "-m", "sh", "-c", script, "sh", PROGRAM, *command], cwd=self.folder, env=surroundings(),
                stderr=subprocess.PIPE, check=False, timeout=60,
            )  # fmt: skip
        except FileNotFoundError:
            self.skipTest("no unshare")
        err = done.stderr.decode()
        if done.returncode == 99 or "unshare:" in err:
            self.skipTest("a tmpfs cannot be mounted here: " + err)
        return done.returncode, err

    def test_costs_the_pictures_that_do_not_fit_and_no_more(self):
        command = ("estimate", "photos", *SMALL, "-o", "disk", "--json", "all.json", "--threads", "2")
        status, err = self.on_a_full_disk(*command, room=12)
        self.assertEqual(status, 1, err)
        failed = re.findall(r"limn: (photos/\d\.png): disk/\d_pose\.png: cannot be written: No space left", err)
        written = [name for name in self.files("after") if name.endswith("_pose.png")]
        self.assertTrue(failed and written, err)
        self.assertEqual(len(failed) + len(written), 10)
        self.assertEqual(self.files("after"), [*written, "all.json"])  # no parts
        errors = [photo["file"] for photo in json.loads(self.read("all.json"))["photos"] if "error" in photo]
        self.assertEqual(errors, sorted(failed))
        self.assertEqual(self.run_limn(*command)[0], 0)
        for name in written:
            self.assertEqual(self.read("after/" + name), self.read("disk/" + name))

    def test_leaves_the_old_json_and_what_was_done(self):
        command = ("estimate", "photos", *SMALL, "--no-pictures", "-q", "--json")
        status, err = self.on_a_full_disk(*command, "disk/all.json")
        self.assertEqual((status, err.count("\n")), (2, 1), err)
        self.assertIn("limn: disk/all.json: cannot be written: No space left", err)
        self.assertIn("all.json.part", err)
        self.assertEqual(self.files("after"), ["all.json", "all.json.part"])
        self.assertEqual(self.read("after/all.json"), b"old")
        self.assertGreater(len(json.loads(self.read("after/all.json.part") + b"]}")["photos"]), 0)
        status, err = self.on_a_full_disk(*command, "disk/all.jsonl")
        self.assertEqual((status, self.files("after")), (2, ["all.json", "all.jsonl.part"]), err)
        for line in self.read("after/all.jsonl.part").splitlines():  # all of them whole
            self.assertEqual(len(json.loads(line)["poses"]), 1)
        self.assertEqual(self.run_limn(*command, "disk/all.json")[0], 0)

    def test_that_is_a_device_fails(self):
        status, _, err = self.run_limn("estimate", "photos", *SMALL, "--no-pictures", "-q", "--json", "/dev/full")
        self.assertEqual((status, err), (2, "limn: /dev/full: cannot be written: No space left on device\n"))


# ---- What is denied --------------------------------------------------------------------------------------------------


class Denied(FaultTest):
    """As a user who is not root, if it is root who runs the tests."""

    def setUp(self):
        super().setUp()
        self.user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        os.chmod(self.folder, 0o777)
        self.photos(3)
        try:
            status = self.run_limn("info", **self.user)[0]
        except (OSError, subprocess.SubprocessError) as error:
            self.skipTest(f"nobody may not run the program: {error}")
        if status != 0:
            self.skipTest("nobody may not read the default model")

    def test_photos_and_folders_are_named_and_the_rest_is_done(self):
        os.makedirs(self.path("closed"))
        os.chmod(self.path("closed"), 0)
        self.addCleanup(os.chmod, self.path("closed"), 0o700)
        os.chmod(self.path("photos/1.png"), 0)
        command = ("estimate", "closed", "photos", "closed/a.png", *SMALL, "--no-pictures", "-q", "--json", "all.json")
        status, _, err = self.run_limn(*command, **self.user)
        self.assertEqual(status, 1)
        for name in ("closed", "photos/1.png", "closed/a.png"):
            self.assertRegex(err, rf"(?m)^limn: {name}: .*Permission denied$")
        self.assertEqual(err.count("\n"), 4)
        photos = json.loads(self.read("all.json"))["photos"]
        self.assertEqual(["error" in photo for photo in photos], [True, False, True, False, True])

    def test_outputs_are_named(self):
        os.makedirs(self.path("closed"))
        os.chmod(self.path("closed"), 0o555)
        self.write("closed/0_pose.png", "old")
        status, _, err = self.run_limn("estimate", "photos", *SMALL, "-q", "-o", "closed", **self.user)
        self.assertEqual((status, err.count("Permission denied")), (1, 3), err)
        command = ("estimate", "photos", *SMALL, "--no-pictures", "--json", "closed/all.json")
        self.assertEqual(self.run_limn(*command, **self.user)[:2], (2, ""))
        self.assertEqual(self.files("closed"), ["0_pose.png"])

    def test_threads_are_done_without_or_said_to_be_missing(self):
        for number in (1, 2, 3):
            limit = lambda: resource.setrlimit(resource.RLIMIT_NPROC, (number, number))  # noqa: E731
            for photos in (["photos"], ["photos/0.png"]):
                command = ("estimate", *photos, *SMALL, "--no-pictures", "-q", "--threads", "4", "--json", "all.json")
                status, _, err = self.run_limn(*command, preexec_fn=limit, **self.user)
                self.assertIn((status, err.count("\n")), ((0, 0), (2, 1)), err)
                if status == 0:
                    self.assertIn(len(json.loads(self.read("all.json"))["photos"]), (1, 3))


class TooLittleMemory(FaultTest):
    """ulimit -v."""

    def limited(self, megabytes, *command):
        limit = (megabytes << 20, megabytes << 20)
        return self.run_limn(*command, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limit))

    def setUp(self):
        super().setUp()
        self.photos(4)
        if self.limited(1000, "--version")[0] != 0:
            self.skipTest("the program itself needs more than 1000 MB of addresses, as with sanitizers")

    def test_is_said_and_loses_nothing(self):
        command = ("estimate", "photos", *SMALL, "-o", "out", "--json", "out/all.json", "--threads", "2", "-q")
        self.assertEqual(self.run_limn(*command)[0], 0)
        new = self.outputs()
        statuses = set()
        for megabytes in (8, 16, 32, 64, 96, 128, 160, 192, 224, 256, 320, 1000):
            for name in new:
                self.write(f"out/{name}", "old")
            status, _, err = self.limited(megabytes, *command)
            if status in (127, -signal.SIGSEGV, -signal.SIGKILL) and megabytes < 64:
                continue  # the system cannot load the program
            self.assertIn(status, (0, 1, 2), f"{megabytes} MB: {err}")
            self.assertEqual(err == "", status == 0)
            statuses.add(status)
            found = self.outputs()
            for name in new:
                expected = [b"old", new[name]]
                if name != "all.json" or status != 1:
                    self.assertIn(found[name], expected, f"{megabytes} MB: {name}")
        self.assertIn(2, statuses)
        self.assertEqual(self.run_limn(*command)[0], 0)
        self.assertEqual(self.outputs(), new)

    def test_for_one_photo_costs_that_one(self):
        side = 12000
        self.write("photos/2.png", png(side, side, 0, 8, bytes(side * side)))
        status, _, err = self.limited(600, "estimate", "photos", *SMALL, "--no-pictures", "-q", "--json", "all.json")
        self.assertEqual(status, 1, err)
        self.assertIn("limn: photos/2.png: not enough memory\n", err)
        photos = json.loads(self.read("all.json"))["photos"]
        self.assertEqual(["error" in photo for photo in photos], [False, False, True, False])


if __name__ == "__main__":
    if sys.platform == "win32":
        print("skipped: these are faults of POSIX systems")
        sys.exit(77)
    unittest.main()
