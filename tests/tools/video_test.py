#!/usr/bin/env python3
"""`limn video`: films, cameras' addresses, pictures and pipes in; films, frames and records out.

    LIMN_PROGRAM=build/tools/limn tests/tools/video_test.py
"""

import csv
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
import unittest

import film_maker
from limn_program import FIVE_PEOPLE, JPEG_PHOTO, PHOTO, PROGRAM, ProgramTest, skip_without_program, surroundings

skip_without_program()
if not film_maker.have_ffmpeg():
    print("skipped: there is no ffmpeg")
    sys.exit(77)

SMALL = ("--no-detector", "--input", "64x64")  # fast, and the poses do not matter


class FilmTest(ProgramTest):
    def film(self, name="film.mp4", **options):
        film_maker.of_photo(PHOTO, self.path(name), **{"filters": "scale=128:96", **options})
        return name

    def lines(self, name="out.jsonl"):
        return [json.loads(line) for line in self.read(name).decode("utf-8").splitlines()]

    def people_of(self, name, *arguments):
        self.limn("video", name, "--json", "out.jsonl", *arguments)
        return [[person["id"] for person in line["people"]] for line in self.lines()]


class RecordsTest(FilmTest):
    def test_every_record_has_each_frame_once_at_its_time(self):
        self.film(seconds=1)
        out, _ = self.limn("video", "film.mp4", "--json", "out.jsonl", "--csv", "out.csv", "--openpose", "poses",
                           "--posetrack", "track.json", *SMALL)
        self.assertRegex(out, r"^film.mp4: 25 frames \(0\.96 s\), 1 person, [0-9.]+ frames/s\n$")
        lines = self.lines()
        self.assertEqual([line["frame"] for line in lines], list(range(25)))
        for line, time_of_frame in zip(lines, film_maker.frame_times(self.path("film.mp4"))):
            self.assertAlmostEqual(line["time"], time_of_frame, places=4)
        person = lines[3]["people"][0]
        self.assertEqual(person["id"], 1)
        self.assertEqual(len(person["keypoints"]), 16)

        rows = list(csv.DictReader(self.read("out.csv").decode("utf-8").splitlines()))
        self.assertEqual([int(row["frame"]) for row in rows], list(range(25)))
        names = self.files("poses")
        self.assertEqual(names, [f"film_{i:012d}_keypoints.json" for i in range(25)])
        openpose = json.loads(self.read("poses/" + names[3]))["people"][0]
        self.assertEqual(openpose["person_id"], [1])
        track = json.loads(self.read("track.json"))
        self.assertEqual([image["frame_id"] for image in track["images"]], list(range(25)))
        self.assertEqual([entry["image_id"] for entry in track["annotations"]], list(range(25)))
        self.assertEqual({entry["track_id"] for entry in track["annotations"]}, {1})
        # All of them say the same.
        for i, keypoint in enumerate(person["keypoints"]):
            self.assertEqual(openpose["pose_keypoints_2d"][3 * i:3 * i + 3],
                             [keypoint["x"], keypoint["y"], keypoint["score"]])
            self.assertEqual(track["annotations"][3]["keypoints"][3 * i:3 * i + 2], [keypoint["x"], keypoint["y"]])
            self.assertAlmostEqual(float(rows[3][keypoint["name"] + "_x"]), keypoint["x"], places=2)

    def test_a_frame_without_anybody_is_recorded_as_well(self):
        film_maker.ffmpeg("-f", "lavfi", "-i", "color=c=gray:s=160x120:r=10:d=1", self.path("empty.mp4"))
        self.limn("video", "empty.mp4", "--json", "out.jsonl", "--csv", "out.csv", "--posetrack", "track.json")
        self.assertEqual([line["people"] for line in self.lines()], [[]] * 10)
        rows = list(csv.DictReader(self.read("out.csv").decode("utf-8").splitlines()))
        self.assertEqual([(int(row["frame"]), row["id"]) for row in rows], [(i, "") for i in range(10)])
        track = json.loads(self.read("track.json"))
        self.assertEqual((len(track["images"]), track["annotations"]), (10, []))

    def test_json_goes_to_stdout_and_the_summary_then_to_stderr(self):
        self.film(seconds=0.2)
        done = subprocess.run([PROGRAM, "video", self.path("film.mp4"), "--json", "-", *SMALL], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=surroundings())
        self.assertEqual([json.loads(line)["frame"] for line in done.stdout.splitlines()], list(range(5)))
        self.assertIn(b"film.mp4: 5 frames", done.stderr)


class SourcesTest(FilmTest):
    def test_a_part_of_a_film_and_every_so_many_frames(self):
        self.film(seconds=2)
        self.limn("video", "film.mp4", "--json", "out.jsonl", "--start", "0.8", "--duration", "0.4", *SMALL)
        times = [line["time"] for line in self.lines()]
        self.assertEqual(len(times), 10)
        self.assertAlmostEqual(times[0], 0.8, places=3)
        self.limn("video", "film.mp4", "--json", "out.jsonl", "--every", "7", *SMALL)
        self.assertEqual([(line["frame"], round(line["time"], 3)) for line in self.lines()],
                         [(7 * i, round(0.28 * i, 3)) for i in range(8)])

    def test_times_that_are_not_regular_are_kept_and_shown(self):
        # Frames 0 to 9 and 40 to 49 of 50: in between nothing for 1.2 s.
        self.film("film.mkv", seconds=2, filters="scale=128:96,select='lt(n,10)+gte(n,40)'", more=("-fps_mode", "vfr"))
        times = film_maker.frame_times(self.path("film.mkv"))
        self.assertEqual(len(times), 20)
        self.limn("video", "film.mkv", "--json", "out.jsonl", "-o", "out.mkv", *SMALL)
        for line, time_of_frame in zip(self.lines(), times):
            self.assertAlmostEqual(line["time"], time_of_frame, places=3)
        self.assertEqual(len(self.lines()), 20)
        self.assertAlmostEqual(film_maker.frame_times(self.path("out.mkv"))[-1], times[-1], delta=0.05)

    def test_turned_films_are_looked_at_and_written_as_they_are_shown(self):
        self.film(seconds=0.4)
        film_maker.ffmpeg("-i", self.path("film.mp4"), "-c", "copy", "-metadata:s:v", "rotate=90", self.path("turned.mp4"))
        self.limn("video", "turned.mp4", "-o", "out.mp4", *SMALL)
        stream = film_maker.video_stream(self.path("out.mp4"))
        self.assertEqual((stream["width"], stream["height"]), (96, 128))

    def test_odd_sizes_and_ten_bits(self):
        # testsrc2 itself makes its size even.
        source = "testsrc2=s=98x66:r=10:d=0.5,format=yuv444p10le,crop=97:65"
        film_maker.ffmpeg("-f", "lavfi", "-i", source, "-c:v", "ffv1", self.path("odd.mkv"))
        stream = film_maker.video_stream(self.path("odd.mkv"))
        self.assertEqual((stream["width"], stream["height"]), (97, 65))
        self.limn("video", "odd.mkv", "-o", "out.mp4", "--json", "out.jsonl", *SMALL)
        stream = film_maker.video_stream(self.path("out.mp4"))
        self.assertEqual((stream["width"], stream["height"], int(stream["nb_read_frames"])), (98, 66, 5))
        self.assertEqual(len(self.lines()), 5)

    def test_pictures_in_a_folder_by_a_pattern_and_a_film_in_a_pipe(self):
        film_maker.ffmpeg("-i", PHOTO, "-vf", "scale=128:96,loop=3:1:0", "-start_number", "0", self.path("frames", "img_%d.png"))
        self.assertEqual(len(self.files("frames")), 4)
        self.limn("video", "frames", "--json", "folder.jsonl", "--rate", "10", *SMALL)
        self.limn("video", "frames/img_%i.png", "--json", "pattern.jsonl", "--rate", "10", *SMALL)
        self.assertEqual(self.lines("folder.jsonl"), self.lines("pattern.jsonl"))
        self.assertEqual([line["time"] for line in self.lines("folder.jsonl")], [0, 0.1, 0.2, 0.3])

        self.film("film.mkv", seconds=0.4)
        with open(self.path("film.mkv"), "rb") as film:
            subprocess.run([PROGRAM, "video", "-", "--json", self.path("out.jsonl"), "-q", *SMALL], stdin=film, check=True,
                           env=surroundings())
        self.assertEqual(len(self.lines()), 10)

    def test_a_picture_that_cannot_be_read_is_said_and_the_others_go_on(self):
        for i in range(3):
            film_maker.ffmpeg("-i", PHOTO, "-vf", "scale=64:64", self.path("frames", f"{i}.png"))
        self.write("frames/1.png", "no picture")
        _, err = self.limn("video", "frames", "--json", "out.jsonl", *SMALL, status=1)
        self.assertIn("frames/1.png", err)
        self.assertEqual([line["frame"] for line in self.lines()], [0, 2])

    def test_several_films_go_into_folders(self):
        self.film("a.mp4", seconds=0.2)
        self.film("b.mp4", seconds=0.4)
        self.limn("video", "a.mp4", "b.mp4", "-o", "films", "--json", "records", *SMALL)
        self.assertEqual(self.files("films"), ["a_pose.mp4", "b_pose.mp4"])
        self.assertEqual([len(self.lines(f"records/{name}.jsonl")) for name in "ab"], [5, 10])

    def test_names_are_never_commands_or_options_of_anybody(self):
        for name in ("a b;touch x.mp4", "-y.mp4", "$(touch x).mp4", "concat:film.mp4", "quote'\".mp4"):
            with self.subTest(name):
                self.film("film.mp4", seconds=0.12)
                os.rename(self.path("film.mp4"), os.path.join(self.folder, name))
                self.limn("video", "-o", "out.mp4", "--json", "out.jsonl", *SMALL, "--", name)
                self.assertEqual(len(self.lines()), 3)
        self.assertNotIn("x", self.files())
        self.assertNotIn("x.mp4", self.files())

    def test_what_is_no_source_is_said(self):
        self.fails(2, "video", "none.mp4", says=["none.mp4", "no such file"])
        self.fails(2, "video", "csi://0", says=["csi://", "rtsp://"])
        self.write("text.mp4", "no film at all")
        self.fails(2, "video", "text.mp4", says=["text.mp4: cannot be read as a film"])
        self.film(seconds=0.2)
        self.fails(2, "video", "film.mp4", "--overlay", "links,hats", says=["--overlay", "hats"])
        self.fails(2, "video", "film.mp4", "-o", "film.mp4", says=["would overwrite film.mp4"])
        self.fails(2, "video", "film.mp4", environment={"PATH": "/nowhere"}, says=["ffprobe: not found on PATH"])


@unittest.skipUnless(os.path.exists("/proc/net/tcp"), "nothing says who listens")
class LiveTest(FilmTest):
    """A stream as a camera in the network sends it, in its own time."""

    def setUp(self):
        super().setUp()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"

    def send(self, photo, seconds, rate, size):
        """ffmpeg, which waits for somebody to connect and then sends."""
        command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-loop", "1", "-framerate", rate, "-t", seconds, "-i", photo,
                   "-vf", "scale=" + size, "-c:v", "mpeg2video", "-q:v", "3", "-f", "mpegts", self.address + "?listen=1"]
        sender = subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL)
        self.addCleanup(sender.wait)
        self.addCleanup(sender.kill)
        port = int(self.address.rsplit(":", 1)[1])
        for _ in range(200):
            with open("/proc/net/tcp", encoding="ascii") as sockets:
                if any(f":{port:04X} " in line and " 0A " in line for line in sockets):
                    return sender
            time.sleep(0.05)
        self.fail("ffmpeg does not listen")

    def test_frames_that_nobody_has_time_for_are_dropped_and_counted(self):
        self.send(FIVE_PEOPLE, 6, 60, "640:480")
        out, _ = self.limn("video", self.address, "--json", "out.jsonl", "--threads", "1", "--detect-every", "1")
        lines = self.lines()
        numbers = [line["frame"] for line in lines]
        self.assertEqual(numbers, sorted(set(numbers)))
        dropped = int(re.search(r", ([0-9]+) frames dropped", out).group(1))
        self.assertGreater(dropped, 30)
        self.assertLessEqual(abs(len(lines) + dropped - (numbers[-1] + 1)), 1)
        # It looked at the last there was, not at what it had missed.
        self.assertGreater(lines[-1]["time"], 3)
        for line in lines:
            self.assertAlmostEqual(line["time"], line["frame"] / 60, delta=0.05)

    def test_with_no_latest_every_frame_is_looked_at(self):
        self.send(PHOTO, 1, 25, "128:96")
        out, _ = self.limn("video", self.address, "--json", "out.jsonl", "--no-latest", *SMALL)
        self.assertEqual([line["frame"] for line in self.lines()], list(range(25)))
        self.assertNotIn("dropped", out)

    def test_what_came_before_a_camera_went_away_is_kept(self):
        sender = self.send(PHOTO, 60, 25, "128:96")
        program = subprocess.Popen([PROGRAM, "video", self.address, "--json", "out.jsonl", "-o", "out.mp4", *SMALL],
                                   cwd=self.folder, env=surroundings(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.wait_for("out.jsonl.part", b"}\n{")  # two records, of any frames: how many are dropped is the machine's
        sender.kill()
        _, err = program.communicate(timeout=60)
        frames = len(self.lines())
        self.assertGreaterEqual(frames, 2, err)
        self.assertGreaterEqual(int(film_maker.video_stream(self.path("out.mp4"))["nb_read_frames"]), frames)


class FilmsWrittenTest(FilmTest):
    def test_a_film_has_the_frames_and_the_sound_of_its_origin(self):
        self.film(seconds=1, sound=True)
        self.limn("video", "film.mp4", "-o", "out.mp4", *SMALL)
        self.assertEqual(int(film_maker.video_stream(self.path("out.mp4"))["nb_read_frames"]), 25)
        sounds = [film_maker.probe(self.path(name), "stream=codec_name,sample_rate,duration", "-select_streams", "a")
                  for name in ("film.mp4", "out.mp4")]
        self.assertEqual(sounds[1]["streams"][0]["codec_name"], sounds[0]["streams"][0]["codec_name"])
        self.assertAlmostEqual(float(sounds[1]["streams"][0]["duration"]), 1, delta=0.1)
        self.limn("video", "film.mp4", "-o", "silent.mp4", "--no-audio", *SMALL)
        self.assertEqual(film_maker.probe(self.path("silent.mp4"), "stream=codec_name", "-select_streams", "a")["streams"], [])
        self.limn("video", "film.mp4", "-o", "other.mkv", "--start", "0.4", *SMALL)
        self.assertEqual(int(film_maker.video_stream(self.path("other.mkv"))["nb_read_frames"]), 15)
        self.assertEqual(len(film_maker.probe(self.path("other.mkv"), "stream=codec_name")["streams"]), 2)
        self.assertEqual([name for name in self.files() if "part" in name], [])

    def test_frames_go_into_a_folder(self):
        self.film(seconds=0.2)
        self.limn("video", "film.mp4", "-o", "frames", "--every", "2", *SMALL)
        self.assertEqual(self.files("frames"), ["000000000.jpg", "000000002.jpg", "000000004.jpg"])

    def test_overlays_draw_what_they_say(self):
        film_maker.of_photo(FIVE_PEOPLE, self.path("film.mkv"), seconds=0.04)
        drawn = {}
        for overlay in ("none", "links", "keypoints", "box", "id", "links,keypoints,box,id,trail"):
            self.limn("video", "film.mkv", "-o", "frames", "--overlay", overlay, "-q")
            drawn[overlay] = self.read("frames/000000000.jpg")
        self.assertEqual(len(set(drawn.values())), len(drawn))

    def test_a_film_that_ends_in_the_middle_is_kept_as_far_as_it_goes(self):
        self.film("film.mkv", seconds=2, filters="scale=320:240,noise=alls=30:allf=t")
        whole = self.read("film.mkv")
        self.write("half.mkv", whole[: len(whole) // 2])
        _, err = self.limn("video", "half.mkv", "-o", "out.mp4", "--json", "out.jsonl", *SMALL, status=1)
        self.assertIn("half.mkv: ffmpeg: ", err)
        self.assertGreater(len(self.lines()), 10)
        self.assertLess(len(self.lines()), 45)
        # A frame that cannot be decoded leaves a gap, in which the one before it is shown.
        shown = round(25 * (self.lines()[-1]["time"] - self.lines()[0]["time"])) + 1
        self.assertEqual(int(film_maker.video_stream(self.path("out.mp4"))["nb_read_frames"]), shown)

    def test_an_interrupt_ends_film_and_records_properly(self):
        self.film("film.mkv", seconds=60)
        program = subprocess.Popen([PROGRAM, "video", "film.mkv", "-o", "out.mp4", "--json", "out.jsonl", *SMALL],
                                   cwd=self.folder, env=surroundings(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.wait_for("out.jsonl.part", b'"frame":30')
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=60)
        self.assertEqual(program.returncode, 130)
        frames = len(self.lines())
        self.assertLess(frames, 1500)
        self.assertEqual(int(film_maker.video_stream(self.path("out.mp4"))["nb_read_frames"]), frames)

    def test_a_full_disk_is_said_and_the_records_are_kept(self):
        self.film("film.mkv", seconds=4, filters="scale=320:240,noise=alls=60:allf=t")
        limit = 200_000  # bytes of a file: what a full disk does to the film alone, since the records are shorter
        done = subprocess.run(
            [PROGRAM, "video", "film.mkv", "-o", "out.mp4", "--csv", "out.csv", *SMALL], cwd=self.folder, env=surroundings(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(b"out.mp4: cannot be written", done.stderr)
        self.assertGreater(len(self.read("out.csv").splitlines()), 1)
        self.assertNotIn("out.mp4", self.files())


class FollowingTest(FilmTest):
    """Films of known motion, with the default models. tools/film_benchmark.py has more of them, and numbers."""

    def test_five_people_keep_their_ids_in_a_pan_and_get_others_after_a_cut(self):
        film_maker.of_photo(FIVE_PEOPLE, self.path("pan.mp4"), seconds=1, filters="crop=iw-40:ih-20:20*t:5*t")
        for ids in self.people_of("pan.mp4"):
            self.assertEqual(ids, [1, 2, 3, 4, 5])

    def test_two_who_cross_keep_their_ids(self):
        man, woman = (FIVE_PEOPLE, "140:300:255:145"), (FIVE_PEOPLE, "120:300:128:160")
        film_maker.on_grey([(*man, "640-220*t", "90", "1"), (*woman, "60+220*t", "90", "1")], self.path("cross.mp4"),
                           seconds=2.4)
        seen = self.people_of("cross.mp4")
        self.assertEqual(set(sum(seen, [])), {1, 2})
        places = [{person["id"]: person["box"][0] for person in line["people"]} for line in self.lines()]
        self.assertEqual(seen[0], [1, 2])
        self.assertEqual(seen[-1], [1, 2])
        first_on_the_left = places[0][1] < places[0][2]
        self.assertEqual(places[-1][1] < places[-1][2], not first_on_the_left)

    def test_without_tracking_people_are_numbered_anew(self):
        film_maker.of_photo(FIVE_PEOPLE, self.path("film.mp4"), seconds=0.2)
        for ids in self.people_of("film.mp4", "--no-track", "--no-smooth"):
            self.assertEqual(ids, list(range(1, len(ids) + 1)))

    def test_memory_does_not_grow_with_the_film(self):
        frames = 10_000
        film_maker.ffmpeg("-f", "lavfi", "-i", f"testsrc2=s=64x64:r=100:d={frames // 100}", "-c:v", "libx264", "-preset",
                          "ultrafast", self.path("long.mkv"))
        program = subprocess.Popen([PROGRAM, "video", "long.mkv", "--json", "out.jsonl", "-o", "out.mkv", "--no-detector",
                                    "--input", "32x32", "--overlay", "links,keypoints,box,id,trail"], cwd=self.folder,
                                   env=surroundings(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        kilobytes = []
        while program.poll() is None:
            try:
                with open(f"/proc/{program.pid}/status", encoding="ascii") as status:
                    size = [int(line.split()[1]) for line in status if line.startswith("VmRSS")]
            except OSError:
                break
            kilobytes += size
            time.sleep(0.05)
        _, err = program.communicate()
        self.assertEqual(program.returncode, 0, err)
        self.assertEqual(len(self.lines()), frames)
        early = max(kilobytes[: len(kilobytes) // 4])
        late = max(kilobytes[len(kilobytes) // 2 :])
        self.assertLess(late, early * 1.05 + 2000, kilobytes[:: max(1, len(kilobytes) // 20)])


if __name__ == "__main__":
    unittest.main()
