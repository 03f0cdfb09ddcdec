#!/usr/bin/env python3
"""Tests of `limn batch`: every photo once and in its order, whatever the threads, the shares and the kills."""

import hashlib
import io
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tarfile
import time
import unittest

from checkpoints import arrays_for, trt_pose_shapes
from limn_program import (
    FIVE_PEOPLE,
    JPEG_PHOTO,
    MODEL,
    PHOTO,
    PROGRAM,
    SMALL_PERSON,
    ProgramTest,
    grey_photo,
    png,
    skip_without_program,
    surroundings,
)
from quantized_models import safetensors

PHOTOS = [FIVE_PEOPLE, SMALL_PERSON, PHOTO, JPEG_PHOTO]
SHARD_KINDS = {"ustar": tarfile.USTAR_FORMAT, "GNU": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
ZEROS = bytes(1024)  # what ends a tar archive


def short_hash(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()[:16]


def shard(files, kind=tarfile.PAX_FORMAT):
    """The bytes of a tar archive of (name, content)."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=kind) as tar:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def model_of_several():
    """The bytes of a model of several people with random weights, which finds them anywhere."""
    arrays = arrays_for(trt_pose_shapes(keypoints=3, links=2, base=64, prefix=False))
    entries = []
    for name, array in arrays.items():
        if not name.endswith("num_batches_tracked"):
            scale = 0.05 if array.ndim > 1 else 1
            entries.append((name, "F32", array.shape, (scale * array).astype("<f4").tobytes()))
    document = {
        "version": 1,
        "name": "several",
        "network": {"type": "cmap_paf", "depth": 18, "upsample_channels": 8},
        "input": {
            "width": 96,
            "height": 64,
            "channels": "rgb",
            "mean": [0.5, 0.5, 0.5],
            "std": [0.25, 0.25, 0.25],
            "geometry": "letterbox",
        },
        "decoder": {"type": "part_affinity", "link_threshold": 0, "cmap_threshold": 0.01, "min_keypoints": 1},
        "keypoints": ["nose", "left_eye", "right_eye"],
        "links": [[0, 1], [0, 2]],
    }
    return safetensors(entries, {"limn": json.dumps(document)})


class BatchTest(ProgramTest):
    def batch(self, *arguments, stdin=b"", status=0):
        """(answers, stderr), answers being the lines of stdout in JSON."""
        done = subprocess.run(
            [PROGRAM, "batch", *arguments],
            cwd=self.folder,
            env=surroundings(),
            input=stdin if isinstance(stdin, bytes) else "".join(line + "\n" for line in stdin).encode("utf-8"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
        )
        err = done.stderr.decode("utf-8")
        self.assertEqual(done.returncode, status, err)
        self.assertEqual(err == "", status == 0, err)
        for line in err.splitlines():
            self.assertTrue(line.startswith("limn: "), err)
        return [json.loads(line) for line in done.stdout.decode("utf-8").splitlines()], err

    def small_photos(self, count):
        """The paths of so many files that a network is through with in no time."""
        return [self.write(f"photos/{i:03d}.png", grey_photo(40 + i % 7, 60, i)) for i in range(count)]

    def answers_in(self, folder):
        names = [name for name in self.files(folder) if name.endswith(".jsonl")]
        return b"".join(self.read(os.path.join(folder, name)) for name in names)


class AnswersTest(BatchTest):
    def test_each_photo_has_one_answer_in_its_order_which_says_what_estimate_does(self):
        self.limn("estimate", *PHOTOS, "--no-pictures", "--json", "all.jsonl", "-q")
        expected = [json.loads(line) for line in self.read("all.jsonl").splitlines()]
        for threads in ("1", "3"):
            answers, _ = self.batch("--threads", threads, stdin=PHOTOS)
            self.assertEqual([answer["key"] for answer in answers], PHOTOS)
            for answer, photo in zip(answers, expected):
                self.assertEqual(answer["status"], "ok")
                self.assertEqual((answer["width"], answer["height"]), (photo["width"], photo["height"]))
                self.assertEqual(answer["people"], photo["poses"])
                self.assertEqual(answer["model"], short_hash(MODEL))
                self.assertEqual(len(answer["detector"]), 16)
        self.assertEqual(len(answers[0]["people"]), 5)

    def test_answers_do_not_depend_on_threads_or_on_who_is_looked_at_together(self):
        photos = self.small_photos(40) + PHOTOS
        alone, _ = self.batch("--threads", "1", "--no-detector", stdin=photos)
        random.Random(5).shuffle(photos)
        together, _ = self.batch("--threads", "4", "--no-detector", stdin=photos)
        self.assertEqual([answer["key"] for answer in together], photos)
        self.assertEqual(sorted(map(json.dumps, together)), sorted(map(json.dumps, alone)))
        self.assertNotIn("detector", alone[0])

    def test_photos_that_cannot_be_done_are_named_and_the_others_done(self):
        broken = self.write("broken.jpg", b"\xff\xd8 no picture")
        answers, err = self.batch(stdin=[PHOTO, broken, "missing.png", JPEG_PHOTO], status=1)
        self.assertEqual([answer["status"] for answer in answers], ["ok", "error", "error", "ok"])
        self.assertIn("not a picture", answers[1]["error"])
        self.assertIn("cannot be opened", answers[2]["error"])
        self.assertNotIn("people", answers[1])
        self.assertEqual(answers[1]["model"], short_hash(MODEL))
        self.assertEqual(len(err.splitlines()), 2)
        self.assertIn(f"limn: {broken}: not a picture", err)
        self.assertIn("limn: missing.png: cannot be opened", err)

    def test_paths_end_with_lines_or_zero_bytes(self):
        strange = self.write("two\nlines.png", grey_photo(40, 60))
        answers, _ = self.batch("--stdin", "nul", stdin=f"{strange}\0{PHOTO}".encode("utf-8"))
        self.assertEqual([answer["key"] for answer in answers], [strange, PHOTO])
        answers, _ = self.batch("-", stdin=f"{PHOTO}\r\n\n{PHOTO}".encode("utf-8"))
        self.assertEqual([answer["key"] for answer in answers], [PHOTO, PHOTO])

    def test_a_name_that_is_not_utf_8_has_an_answer(self):
        os.rename(self.write("name.png", grey_photo(40, 60)), os.path.join(os.fsencode(self.folder), b"\xff.png"))
        answers, _ = self.batch(stdin=b"\xff.png\n")
        self.assertEqual(answers[0]["key"], "\ufffd.png")

    def test_folders_are_walked_by_name(self):
        for name in ("b/2.png", "b/1.PNG", "b/c/3.png", "a.png", "c.txt"):
            self.write(os.path.join("photos", name), grey_photo(40, 60))
        os.symlink("..", self.path("photos", "b", "up"))
        os.mkdir(self.path("empty"))
        names = ["photos/a.png", "photos/b/1.PNG", "photos/b/2.png", "photos/b/c/3.png"]
        answers, _ = self.batch("photos")
        self.assertEqual([answer["key"] for answer in answers], names)
        answers, err = self.batch("empty", "photos/a.png", status=1)
        self.assertEqual([answer["status"] for answer in answers], ["error", "ok"])
        self.assertIn("limn: empty: no picture in this folder", err)

    def test_a_model_of_several_people_finds_them_without_a_detector(self):
        model = self.write("several.safetensors", model_of_several())
        self.limn("estimate", *PHOTOS, "--model", model, "--no-pictures", "--json", "all.jsonl", "-q")
        expected = [json.loads(line)["poses"] for line in self.read("all.jsonl").splitlines()]
        self.assertTrue(any(expected))
        answers, _ = self.batch("--model", model, stdin=PHOTOS)
        self.assertEqual([answer["people"] for answer in answers], expected)
        self.assertNotIn("detector", answers[0])
        _, err = self.batch("--model", model, "--detector-threshold", "0.3", stdin=PHOTOS, status=2)
        self.assertIn("finds several people by itself, without --detector", err)

    def test_large_photos_do_not_pile_up_in_memory(self):
        photo = png(2000, 1500, 0, 8, bytes(2000 * 1500))
        self.write("large.tar", shard((f"{i:03d}.png", photo) for i in range(60)))  # 540 MB of pixels
        command = [PROGRAM, "batch", "large.tar", "--threads", "2"]
        with subprocess.Popen(command, cwd=self.folder, env=surroundings(), stdout=subprocess.PIPE) as process:
            self.assertEqual(process.stdout.read().count(b'"status":"ok"'), 60)
            _, _, usage = os.wait4(process.pid, 0)
            process.returncode = 0
        self.assertLess(usage.ru_maxrss, 450 * 1024)


class RequestsTest(BatchTest):
    def test_requests_say_where_people_are_and_what_the_answer_is_called(self):
        box = [60.5, 20, 300, 400]
        self.limn("estimate", PHOTO, "--no-pictures", "--json", "a.jsonl", "--box", "60.5,20,300,400", "-q")
        requests = [
            {"file": PHOTO, "boxes": [box], "key": "with a box"},
            {"file": PHOTO, "boxes": []},
            {"file": PHOTO},
        ]
        answers, _ = self.batch("--stdin", "jsonl", stdin=map(json.dumps, requests))
        self.assertEqual([answer["key"] for answer in answers], ["with a box", PHOTO, PHOTO])
        self.assertEqual(answers[0]["people"], json.loads(self.read("a.jsonl"))["poses"])
        self.assertEqual(answers[1]["people"], [])
        self.assertEqual(len(answers[2]["people"]), 1)
        self.write("list.jsonl", "".join(json.dumps(request) + "\n" for request in requests))
        self.assertEqual(self.batch("list.jsonl")[0], answers)

    def test_each_request_that_is_none_has_its_answer(self):
        requests = {
            "{": "not a request in JSON",
            "[]": 'expected {"file"',
            '{"key": "a"}': '"file" is missing',
            '{"file": 5}': '"file": expected a text',
            '{"file": "a.png", "box": []}': 'unknown field "box"',
            '{"file": "a.png", "boxes": [[1, 2, 3]]}': "expected a list of [x, y, width, height]",
            '{"file": "a.png", "boxes": [[1, 2, -3, 4]]}': "the size positive",
            json.dumps({"file": PHOTO, "boxes": [[9000, 0, 5, 5]]}): "lies outside of the photo",
        }
        answers, err = self.batch("--stdin", "jsonl", stdin=[*requests, json.dumps({"file": PHOTO})], status=1)
        self.assertEqual(len(answers), len(requests) + 1)
        for answer, (request, text) in zip(answers, requests.items()):
            self.assertEqual(answer["status"], "error", request)
            self.assertIn(text, answer["error"])
        self.assertEqual(answers[0]["key"], "stdin:1")
        self.assertEqual(answers[2]["key"], "a")
        self.assertEqual(answers[-1]["status"], "ok")
        self.assertEqual(len(err.splitlines()), len(requests))

    def test_a_list_that_is_not_there_is_an_answer(self):
        answers, _ = self.batch("missing.jsonl", status=1)
        self.assertEqual(answers[0]["key"], "missing.jsonl")
        self.assertIn("cannot be opened", answers[0]["error"])

    def test_a_worker_answers_as_soon_as_it_is_asked_and_stays_until_stdin_ends(self):
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen([PROGRAM, "batch"], env=surroundings(), cwd=self.folder, **streams) as worker:
            for photo in (PHOTO, FIVE_PEOPLE, PHOTO):
                worker.stdin.write(photo.encode("utf-8") + b"\n")
                worker.stdin.flush()
                self.assertEqual(json.loads(worker.stdout.readline())["key"], photo)
            worker.stdin.close()
            self.assertEqual(worker.stdout.read(), b"")
            self.assertEqual(worker.wait(), 0)


class ShardsTest(BatchTest):
    def setUp(self):
        super().setUp()
        self.photos = [(f"{i:04d}", grey_photo(40, 60 + i, i)) for i in range(6)]

    def sample(self, key, photo):
        """The files of a sample as WebDataset has them."""
        return [(key + ".json", b"{}"), (key + ".png", photo), (key + ".mask.png", b"another"), (key + ".cls", b"1")]

    def test_shards_of_every_kind_are_read_without_unpacking(self):
        files = [file for photo in self.photos for file in self.sample(*photo)]
        expected = None
        for name, kind in SHARD_KINDS.items():
            self.write("a.tar", shard(files, kind))
            answers, _ = self.batch("a.tar")
            self.assertEqual([answer["key"] for answer in answers], [key for key, _ in self.photos], name)
            self.assertEqual({answer["status"] for answer in answers}, {"ok"})
            self.assertIn(expected, (None, answers))
            expected = answers
        self.assertEqual(self.batch("--stdin", "tar", stdin=self.read("a.tar"))[0], expected)

    def test_long_names_are_read(self):
        key = "/".join(["a folder with a long name"] * 8) + "/0001"
        for kind in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
            self.write("a.tar", shard([(key + ".png", self.photos[0][1])], kind))
            self.assertEqual([answer["key"] for answer in self.batch("a.tar")[0]], [key])
        key = "a" * 120 + "/" + "b" * 60  # ustar's prefix
        self.write("a.tar", shard([(key + ".png", self.photos[0][1])], tarfile.USTAR_FORMAT))
        self.assertEqual([answer["key"] for answer in self.batch("a.tar")[0]], [key])

    def test_what_a_shard_has_before_it_breaks_is_done(self):
        whole = shard([(key + ".png", photo) for key, photo in self.photos], tarfile.USTAR_FORMAT)
        last = whole.index(self.photos[-1][0].encode("ascii"))
        damaged = bytearray(whole)
        damaged[last + 5] ^= 1
        ends = {
            "ends within 0005.png": whole[: last + 600],
            "ends without a tar archive's end": whole[: last + 300],
            "damaged, expected the header": bytes(damaged),
        }
        for text, content in ends.items():
            self.write("a.tar", content)
            answers, err = self.batch("a.tar", status=1)
            self.assertEqual([answer["status"] for answer in answers], ["ok"] * 5 + ["error"])
            self.assertIn(text, answers[-1]["error"])
            self.assertIn(text, err)

    def test_what_is_no_shard_is_said(self):
        contents = {
            "is empty, expected a tar archive": b"",
            "is compressed, expected a plain tar archive": b"\x1f\x8b" + bytes(600),
            "not a tar archive": b"a text " * 100,
            "no picture in this shard": shard([("a.txt", b"text")]),
        }
        for text, content in contents.items():
            self.write("a.tar", content)
            answers, _ = self.batch("a.tar", status=1)
            self.assertEqual([answer["key"] for answer in answers], ["a.tar"])
            self.assertIn(text, answers[0]["error"])

    def test_a_broken_photo_in_a_shard_is_named_with_it(self):
        self.write("a.tar", shard([("1.png", b"none"), ("2.png", self.photos[0][1])]))
        answers, err = self.batch("a.tar", status=1)
        self.assertEqual([answer["status"] for answer in answers], ["error", "ok"])
        self.assertIn("limn: a.tar: 1.png: not a picture", err)

    def test_a_shard_that_is_not_there_is_said_and_leaves_no_file(self):
        self.write("b.tar", shard([("1.png", self.photos[0][1])]))
        _, err = self.batch("a.tar", "b.tar", "-o", "out", status=1)
        self.assertIn("limn: a.tar: cannot be opened", err)
        self.assertEqual(self.files("out"), ["b.jsonl", "batch.json"])

    def test_each_shard_has_its_file(self):
        for name in ("a", "b", "c"):
            self.write(f"in/{name}.tar", shard([(f"{name}{key}.png", photo) for key, photo in self.photos]))
        shards = [f"in/{name}.tar" for name in "abc"]
        self.batch(*shards, "-o", "out")
        self.assertEqual(self.files("out"), ["a.jsonl", "b.jsonl", "batch.json", "c.jsonl"])
        for share in ("0/2", "1/2"):
            self.batch(*shards, "-o", "shared", "--shard", share)
        self.assertEqual(self.answers_in("shared"), self.answers_in("out"))


class OutputsTest(BatchTest):
    def test_shares_of_a_list_are_what_one_process_makes_of_it(self):
        photos = self.small_photos(25)
        self.batch("-o", "alone", "--block", "4", stdin=photos)
        self.assertEqual(self.files("alone"), [f"{i:06d}.jsonl" for i in range(7)] + ["batch.json"])
        for share in ("2/3", "0/3", "1/3"):
            self.batch("-o", "shared", "--block", "4", "--shard", share, stdin=photos)
        self.assertEqual(self.answers_in("shared"), self.answers_in("alone"))
        self.assertEqual([json.loads(line)["key"] for line in self.answers_in("alone").splitlines()], photos)

    def test_what_is_there_is_not_done_again(self):
        photos = self.small_photos(9)
        self.batch("-o", "out", "--block", "3", stdin=photos)
        self.batch("-o", "one.jsonl", stdin=photos)
        expected = self.answers_in("out")
        self.assertEqual(self.read("one.jsonl"), expected)
        os.remove(self.path("out", "000001.jsonl"))
        self.write("out/000000.jsonl", b"marked\n")
        self.write("one.jsonl", b"marked\n")
        self.batch("-o", "out", "--block", "3", stdin=photos)
        self.batch("-o", "one.jsonl", stdin=photos)
        self.assertEqual(self.read("one.jsonl"), b"marked\n")
        self.assertEqual(self.answers_in("out"), b"marked\n" + b"".join(expected.splitlines(True)[3:]))

    def test_a_folder_holds_what_was_made_in_one_way_only(self):
        photos = self.small_photos(2)
        self.batch("-o", "out", stdin=photos)
        for option in (["--flip"], ["--block", "7"], ["--detector-threshold", "0.5"], ["--no-detector"], ["--crop", "0"]):
            _, err = self.batch("-o", "out", *option, stdin=photos, status=2)
            self.assertIn("out/batch.json: what is in the folder was made with another", err)
        self.batch("-o", "out", "--threads", "1", stdin=photos)

    def test_resuming_takes_over_what_was_done_by_the_same_networks(self):
        photos = self.small_photos(6)
        self.batch("-o", "a.jsonl", stdin=photos)
        lines = self.read("a.jsonl").splitlines(True)
        marked = lines[0].replace(b'"status":"ok"', b'"status":"ok" ')
        torn = b"".join([marked, lines[1], lines[2][:-20]])
        another = b"".join([marked, lines[1].replace(b'"model":"', b'"model":"0')])
        foreign = b"".join([marked, lines[2]])
        for part in (torn, another, foreign):
            self.write("b.jsonl.part", part)
            self.batch("-o", "b.jsonl", "--resume", stdin=photos)
            self.assertEqual(self.read("b.jsonl"), b"".join([marked] + lines[1:]))
            self.assertNotIn("b.jsonl.part", self.files())
            os.remove(self.path("b.jsonl"))
        self.write("b.jsonl.part", torn)
        self.batch("-o", "b.jsonl", stdin=photos)
        self.assertEqual(self.read("b.jsonl"), b"".join(lines))
        self.assertIn("b.jsonl.part", self.files(), "what nobody asked for is not touched")

    def test_photos_that_could_not_be_done_before_count_when_resuming(self):
        photos = [*self.small_photos(2), "missing.png"]
        self.batch("-o", "a.jsonl", stdin=photos, status=1)
        os.rename(self.path("a.jsonl"), self.path("a.jsonl.part"))
        _, err = self.batch("-o", "a.jsonl", "--resume", stdin=photos, status=1)
        self.assertEqual(err, "limn: missing.png: cannot be opened: No such file or directory\n")

    def test_killed_and_resumed_at_random_it_writes_what_an_undisturbed_run_does(self):
        photos = self.small_photos(60)
        photos[20:20] = PHOTOS
        photos[33] = "missing.png"
        self.batch("-o", "undisturbed", "--block", "10", stdin=photos, status=1)
        self.write("list", "".join(photo + "\n" for photo in photos))
        generator = random.Random(os.environ.get("LIMN_SEED", "7"))
        kills = 0
        for share in ("0/2", "1/2"):
            command = [PROGRAM, "batch", "-o", "out", "--block", "10", "--shard", share, "--resume", "--threads", "1"]
            patience = 0.05
            while True:
                with open(self.path("list"), "rb") as stdin, subprocess.Popen(
                    command, cwd=self.folder, env=surroundings(), stdin=stdin, stderr=subprocess.DEVNULL
                ) as worker:
                    try:
                        status = worker.wait(generator.uniform(0, patience))
                    except subprocess.TimeoutExpired:
                        worker.kill()
                        kills += 1
                        patience *= 1.3  # it ends, on however slow a machine
                        continue
                self.assertIn(status, (0, 1))
                break
        self.assertGreater(kills, 4)
        self.assertEqual(self.answers_in("out"), self.answers_in("undisturbed"))
        self.assertEqual(self.files("out"), self.files("undisturbed"), "nothing else is left")

    def test_an_interrupt_leaves_whole_lines_with_which_it_goes_on(self):
        photos = PHOTOS * 30
        self.write("list", "".join(photo + "\n" for photo in photos))
        with open(self.path("list"), "rb") as stdin, subprocess.Popen(
            [PROGRAM, "batch", "-o", "a.jsonl"], cwd=self.folder, env=surroundings(), stdin=stdin, stderr=subprocess.PIPE
        ) as worker:
            self.wait_for("a.jsonl.part", b"\n")
            worker.send_signal(signal.SIGTERM)
            err = worker.stderr.read().decode("utf-8")
            self.assertEqual(worker.wait(), 128 + signal.SIGTERM)
        done = self.read("a.jsonl.part").splitlines(True)
        self.assertIn(f"limn: interrupted after {len(done)} photo", err)
        self.assertNotIn("a.jsonl", self.files())
        self.assertTrue(0 < len(done) < len(photos))
        self.assertEqual([json.loads(line)["key"] for line in done], photos[: len(done)])

    def test_an_interrupt_within_a_photo_s_bytes_or_its_path_is_no_answer(self):
        whole = shard([("1.png", grey_photo(40, 60)), ("2.png", grey_photo(300, 300))], tarfile.USTAR_FORMAT)
        begun = {"tar": whole[: whole.index(b"2.png") + 2000], "lines": f"{PHOTO}\nmissi".encode("utf-8")}
        for kind, content in begun.items():
            command = [PROGRAM, "batch", "--stdin", kind, "-o", f"{kind}.jsonl"]
            streams = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE}
            with subprocess.Popen(command, cwd=self.folder, env=surroundings(), **streams) as worker:
                worker.stdin.write(content)
                worker.stdin.flush()
                self.wait_for(f"{kind}.jsonl.part", b"\n")
                worker.send_signal(signal.SIGTERM)
                self.assertEqual(worker.wait(), 128 + signal.SIGTERM)
                self.assertEqual(worker.stderr.read(), b"limn: interrupted after 1 photo\n")
            self.assertEqual(self.read(f"{kind}.jsonl.part").count(b"\n"), 1)

    def test_an_interrupt_ends_a_worker_that_waits(self):
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen([PROGRAM, "batch"], cwd=self.folder, env=surroundings(), **streams) as worker:
            worker.stdin.write(PHOTO.encode("utf-8") + b"\n")
            worker.stdin.flush()
            worker.stdout.readline()
            start = time.monotonic()
            worker.send_signal(signal.SIGINT)
            self.assertEqual(worker.wait(), 128 + signal.SIGINT)
            self.assertLess(time.monotonic() - start, 30)

    def test_a_full_disk_is_said_and_ends_it(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [PROGRAM, "batch", *PHOTOS * 20], env=surroundings(), stdout=full, stderr=subprocess.PIPE, check=False
            )
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr.count(b"\n"), 1)
        self.assertIn(b"limn: stdout: cannot be written", done.stderr)

    def test_what_cannot_work_is_refused_before_any_photo(self):
        self.write("in/a.tar", ZEROS)
        self.write("b/a.tar", ZEROS)
        self.write("file", b"")
        self.write("model.jsonl", b"")
        wrong = {
            ("--shard", "2/2"): "expected I/N",
            ("--shard", "0"): "expected I/N",
            ("--shard", "-1/2"): "expected I/N",
            ("--shard", "0/2"): "expected a folder",
            ("--resume",): "expected a file or a folder",
            ("-", "-"): "expected stdin once",
            ("-o", "file"): "cannot make this folder",
            ("-o", "file/a.jsonl"): "cannot be written",
            ("in/a.tar", "b/a.tar", "-o", "out"): "another shard of this name",
            ("in/a.tar", PHOTO, "-o", "out"): "shards only or none",
            ("model.jsonl", "-o", "new/../model.jsonl"): "would overwrite model.jsonl",
            ("--model", "missing"): "cannot be opened",
            ("--stdin", "csv"): "csv",
            ("--block", "0"): "--block",
        }
        for arguments, text in wrong.items():
            with self.subTest(arguments):
                answers, err = self.batch(*arguments, status=2)
                self.assertEqual(answers, [])
                self.assertIn(text, err)

    def test_few_threads_are_enough(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_NPROC, (2, 2))

        if os.getuid() == 0:
            self.skipTest("root may start as many threads as it likes")
        done = subprocess.run(
            [PROGRAM, "batch", "--threads", "8", PHOTO],
            env=surroundings(),
            stdout=subprocess.PIPE,
            preexec_fn=limit,
            check=False,
        )
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout.count(b"\n"), 1)

    def test_times_say_where_they_went(self):
        done = subprocess.run([PROGRAM, "batch", "--times", *PHOTOS], env=surroundings(), capture_output=True, check=True)
        self.assertRegex(done.stderr.decode("utf-8"), r"limn: 4 photos, \d+ people, [\d.]+ s: [\d.]+ photos/s")
        self.assertRegex(done.stderr.decode("utf-8"), r"limn: decode [\d.]+ %, detect [\d.]+ %, pose [\d.]+ %, JSON")


if __name__ == "__main__":
    skip_without_program()
    sys.exit(unittest.main())
