#!/usr/bin/env python3
"""Tests of examples/large_runs: whatever dies at whatever moment, the answers are those of an undisturbed run."""

import importlib.util
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import unittest

import slurm_cluster
from limn_program import FIVE_PEOPLE, PHOTO, PROGRAM, ROOT, ProgramTest, grey_photo, skip_without_program, surroundings

EXAMPLES = os.path.join(ROOT, "examples", "large_runs")
SHARES = 4


def children_of(process):
    """The numbers of the processes that a process has started, and that those have."""
    parents = {}
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                parents[int(name)] = int(file.read().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue  # no process, or one that has just ended
    found = {process}
    while True:
        more = {child for child, parent in parents.items() if parent in found} - found
        if not more:
            return found - {process}
        found |= more


def command_of(process):
    try:
        with open(f"/proc/{process}/cmdline", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def running_batches(folder):
    """The processes of `limn batch` that write to the folder."""
    wanted = os.fsencode(folder)
    return [
        int(name)
        for name in os.listdir("/proc")
        if name.isdigit() and b"batch" in command_of(name)[1:2] and wanted in command_of(name)
    ]


class LargeRunTest(ProgramTest):
    def setUp(self):
        super().setUp()
        photos = [self.write(f"photos/{i:03d}.png", grey_photo(40 + i % 7, 60, i)) for i in range(90)]
        photos[30:30] = [PHOTO, FIVE_PEOPLE]
        photos[50] = self.path("photos", "missing.png")
        self.photos = photos
        self.list = self.write("list", "".join(photo + "\n" for photo in photos))
        # The same settings as in the examples, where each file of the folder has so many photos.
        self.write("slow", f"#!/bin/sh\nexec {PROGRAM} \"$@\" --block 8\n")
        os.chmod(self.path("slow"), 0o755)
        with open(self.list, "rb") as photos:
            done = subprocess.run(
                [self.path("slow"), "batch", "-o", self.path("undisturbed")],
                stdin=photos,
                stderr=subprocess.PIPE,
                env=surroundings(),
                check=False,
            )
        self.assertEqual(done.returncode, 1)

    def environment(self):
        return {**surroundings(), "LIMN": self.path("slow")}

    def kill_some(self, process, victims, count):
        """Kills one of the victims at random moments, so many times or until the process ends."""
        generator = random.Random(os.environ.get("LIMN_SEED", "3"))
        killed = 0
        while process.poll() is None and killed < count:
            time.sleep(generator.uniform(0.02, 0.3))
            found = victims()
            if not found:
                continue
            try:
                os.kill(generator.choice(sorted(found)), signal.SIGKILL)
                killed += 1
            except ProcessLookupError:
                pass
        return killed

    def check_answers(self):
        """Each photo once, in its order, and nothing left of what was killed."""
        folder = self.path("out")
        names = [name for name in self.files("out") if name.endswith(".jsonl")]
        answers = b"".join(self.read(os.path.join(folder, name)) for name in names)
        expected = b"".join(self.read(os.path.join("undisturbed", name)) for name in names)
        self.assertEqual(names, [name for name in self.files("undisturbed") if name.endswith(".jsonl")])
        self.assertEqual([json.loads(line)["key"] for line in answers.splitlines()], self.photos)
        self.assertEqual(answers, expected)


@unittest.skipUnless(shutil.which("parallel"), "no GNU parallel")
class GnuParallelTest(LargeRunTest):
    def test_processes_that_are_killed_are_started_again(self):
        command = [os.path.join(EXAMPLES, "gnu_parallel.sh"), "list", "out", str(SHARES), "--jobs", "2"]
        with subprocess.Popen(command, cwd=self.folder, env=self.environment(), stderr=subprocess.DEVNULL) as run:
            killed = self.kill_some(run, lambda: running_batches(self.path("out")), 5)
            self.assertEqual(run.wait(), 0)
        self.assertGreater(killed, 2)
        self.check_answers()
        self.assertEqual(self.files("out"), self.files("undisturbed"), "nothing else is left")
        subprocess.run(command, cwd=self.folder, env=self.environment(), check=True)  # there is nothing to be done
        self.check_answers()


@unittest.skipUnless(importlib.util.find_spec("distributed"), "no Dask")
class DaskTest(LargeRunTest):
    def test_workers_that_are_killed_are_replaced(self):
        command = [sys.executable, os.path.join(EXAMPLES, "dask_shares.py"), "list", "out", str(SHARES), "--workers", "2"]
        with subprocess.Popen(
            command, cwd=self.folder, env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as run:

            def victims():
                """What Dask started: its workers, of which the first are nannies' own, and what they run."""
                batches = running_batches(self.path("out"))
                workers = [child for child in children_of(run.pid) if b"--multiprocessing-fork" in command_of(child)]
                return batches + workers if batches else []

            killed = self.kill_some(run, victims, 3)
            out, err = run.communicate()
            self.assertEqual(run.returncode, 0, err.decode("utf-8"))
        self.assertGreater(killed, 1)
        self.assertIn(f"{SHARES} of {SHARES} shares", out.decode("utf-8"))
        while running_batches(self.path("out")):
            time.sleep(0.1)  # what a killed worker had begun
        self.check_answers()


@unittest.skipUnless(slurm_cluster.is_installed(), "no Slurm")
class SlurmTest(LargeRunTest):
    def test_tasks_that_are_killed_are_queued_again(self):
        cluster = slurm_cluster.SlurmCluster(self.path("slurm", "x")[:-2], 2)
        cluster.environment["LIMN"] = self.path("slow")
        self.addCleanup(cluster.stop)
        cluster.start()
        script = os.path.join(EXAMPLES, "slurm_array.sh")
        command = ["sbatch", "--wait", f"--array=0-{SHARES - 1}", script, self.list, self.path("out")]

        def victims():
            cluster.hurry()
            return running_batches(self.path("out"))

        with subprocess.Popen(command, cwd=self.folder, env=cluster.environment, stdout=subprocess.DEVNULL) as run:
            killed = self.kill_some(run, victims, 4)
            while run.poll() is None:
                cluster.hurry()
                time.sleep(0.5)
        self.assertGreater(killed, 1)
        while cluster.run("squeue", "--noheader").stdout.strip():
            time.sleep(0.5)
        self.check_answers()
        self.assertEqual(self.files("out"), self.files("undisturbed"), "nothing else is left")


class WorkerTest(ProgramTest):
    def test_a_worker_answers_many_requests_again_and_again(self):
        sys.path.insert(0, EXAMPLES)
        from limn_worker import LimnWorker  # pylint: disable=import-outside-toplevel

        small = self.write("small.png", grey_photo(40, 60))
        with LimnWorker(PROGRAM) as worker:
            answers = list(worker.ask([{"file": FIVE_PEOPLE}, {"file": "missing.jpg"}]))
            self.assertEqual([answer["status"] for answer in answers], ["ok", "error"])
            self.assertEqual(len(answers[0]["people"]), 5)
            requests = [{"file": small, "key": str(i), "boxes": []} for i in range(3000)]  # more than pipes hold
            self.assertEqual([answer["key"] for answer in worker.ask(requests)], [str(i) for i in range(3000)])
        with self.assertRaisesRegex(RuntimeError, "exit status 2"):
            with LimnWorker(PROGRAM, ["--threads", "many"]) as worker:
                list(worker.ask([{"file": small}]))

    def test_a_pipe_of_lines_gives_a_line_for_each(self):
        """What Spark's RDD.pipe() does, as docs/large_runs.md says it."""
        command = f"{PROGRAM} batch --threads 1 || [ $? -eq 1 ]"
        paths = f"{FIVE_PEOPLE}\nmissing.jpg\n{PHOTO}\n".encode("utf-8")
        done = subprocess.run(["sh", "-c", command], input=paths, capture_output=True, env=surroundings(), check=True)
        self.assertEqual(done.stdout.count(b"\n"), 3)


if __name__ == "__main__":
    skip_without_program()
    sys.exit(unittest.main())
