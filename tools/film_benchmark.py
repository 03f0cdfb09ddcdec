#!/usr/bin/env python3
"""How well and how fast `limn video` follows people, on films of known motion made of the sample photos by ffmpeg.

    tools/film_benchmark.py                 every table
    tools/film_benchmark.py --follow        identities, tremble and lag: these do not depend on the machine
    tools/film_benchmark.py --speed         frames a second, and milliseconds of each stage

LIMN_PROGRAM names the program (default: build/tools/limn). Nothing else should run beside --speed.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "tools"))
import film_maker  # noqa: E402  beside the tests, which use it too

PROGRAM = os.environ.get("LIMN_PROGRAM", os.path.join(ROOT, "build", "tools", "limn"))
PHOTOS = os.path.join(ROOT, "examples", "photos")
FIVE = os.path.join(PHOTOS, "five_people.jpg")
WOMAN = (FIVE, "120:300:128:160")
MAN = (FIVE, "140:300:255:145")
FLOAT_MODEL = os.path.join(ROOT, "weights", "pose_resnet18_mpii16_256x192.safetensors")
ALWAYS = "1"


def frames_of(film, *arguments):
    """[(time, {id: person})] of a film."""
    done = subprocess.run([PROGRAM, "video", film, "--json", "-", "-q", *arguments], stdout=subprocess.PIPE, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [(line["time"], {person["id"]: person for person in line["people"]}) for line in lines]


def middle(person):
    x, y, width, height = person["box"]
    return x + width / 2, y + height / 2


def identities(frames, truth):
    """Frames x people that were found, people in all frames, and how often somebody got another id. `truth`(time): where
    the middles of people are, by name."""
    found = expected = switches = 0
    last = {}
    for time, people in frames:
        free = dict(people)
        for name, (x, y, reach) in truth(time).items():
            expected += 1
            near = [(math.dist(middle(person), (x, y)), number) for number, person in free.items()]
            near = [entry for entry in near if entry[0] < reach]
            if not near:
                continue
            number = min(near)[1]
            del free[number]
            found += 1
            switches += last.get(name, number) != number
            last[name] = number
    return found, expected, switches


def scenes(folder):
    """(name, film, truth) of each."""
    path = lambda name: os.path.join(folder, name + ".mp4")  # noqa: E731
    places = [(74, 330), (188, 318), (325, 300), (450, 320), (560, 310)]  # of the five, in the photo

    film_maker.of_photo(FIVE, path("pan"), seconds=4, filters="crop=iw-60:ih-20:15*t:5*t")
    pan = lambda t: {i: (x - 15 * t, y - 5 * t, 60) for i, (x, y) in enumerate(places)}  # noqa: E731
    yield "pan over five people", path("pan"), pan

    film_maker.of_photo(FIVE, path("zoom"), seconds=4,
                        filters="zoompan=z='1+0.1*on/25':x='iw/2-iw/zoom/2':y='ih/2-ih/zoom/2':d=1:s=640x480:fps=25")
    def zoom(t):
        scale = 1 + 0.1 * t
        inside = {i: (320 + (x - 320) * scale, 240 + (y - 240) * scale, 60 * scale) for i, (x, y) in enumerate(places)}
        return {i: place for i, place in inside.items() if 60 * scale < place[0] < 640 - 60 * scale}
    yield "zoom on them", path("zoom"), zoom

    film_maker.on_grey([(*MAN, "740-200*t", "90", ALWAYS), (*WOMAN, "60+200*t", "90", ALWAYS)], path("cross"))
    def cross(t):
        if 1.3 < t < 2.1:  # one is before the other
            return {}
        return {"man": (740 - 200 * t + 70, 240, 70), "woman": (60 + 200 * t + 60, 240, 70)}
    yield "two who cross", path("cross"), cross

    def gone(t):
        return 1.5 <= t < 2.2
    film_maker.on_grey([(*MAN, "200+20*t", "90", ALWAYS), (*WOMAN, "600", "90", "not(between(t,1.5,2.19))")], path("away"))
    def away(t):
        people = {"man": (200 + 20 * t + 70, 240, 70)}
        return people if gone(t) else {**people, "woman": (660, 240, 70)}
    yield "one leaves for 0.7 s", path("away"), away

    film_maker.on_grey([(*MAN, "200", "90", "lt(t,2)"), (*WOMAN, "640", "90", "gte(t,2)")], path("cut"))
    yield "a cut to somebody else", path("cut"), lambda t: {"man": (270, 240, 70)} if t < 2 else {"woman": (700, 240, 70)}


def coordinates(frames):
    """For each keypoint that is sure in all frames its (time, x, y)s."""
    rows = [(time, next(iter(people.values()))) for time, people in frames if people]
    result = []
    for i in range(len(rows[0][1]["keypoints"])):
        points = [(time, person["keypoints"][i]) for time, person in rows]
        if min(point["score"] for _, point in points) > 0.5:
            result.append([(time, point["x"], point["y"]) for time, point in points])
    return result


def tremble(frames):
    """Root of the mean square distance of keypoints from their mean places, pixels, after the first half second."""
    squares = []
    for points in coordinates(frames):
        points = [(x, y) for time, x, y in points if time > 0.5]
        center = [sum(values) / len(points) for values in zip(*points)]
        squares += [math.dist(point, center) ** 2 for point in points]
    return math.sqrt(sum(squares) / len(squares))


def lag(smoothed, found, speed):
    """By how many milliseconds keypoints that move to the right are behind."""
    behind = []
    for one, other in zip(coordinates(smoothed), coordinates(found)):
        behind += [b[1] - a[1] for a, b in zip(one, other) if a[0] > 0.5]
    return 1000 * sum(behind) / len(behind) / speed


def follow(folder, more):
    print("| film | frames x people found | ids that changed |\n|---|---|---|")
    for name, film, truth in scenes(folder):
        found, expected, switches = identities(frames_of(film, *more), truth)
        print(f"| {name} | {found} of {expected} | {switches} |", flush=True)

    still, moving = os.path.join(folder, "still.mp4"), os.path.join(folder, "moving.mp4")
    film_maker.on_grey([(*WOMAN, "400", "90", ALWAYS)], still, rate=30, noise=24)
    speed = 200
    film_maker.on_grey([(*WOMAN, f"40+{speed}*t", "90", ALWAYS)], moving, rate=30, noise=24)
    print("\n| | tremble of somebody at rest, px rms | lag at 200 px/s, ms |\n|---|---|---|")
    raw_still = frames_of(still, "--no-smooth", *more)
    raw_moving = frames_of(moving, "--no-smooth", *more)
    print(f"| as found | {tremble(raw_still):.2f} | 0 |")
    for cutoff, beta in ((0.5, 4),) if not ARGUMENTS.sweep else [(c, b) for c in (0.5, 1, 2) for b in (2, 4, 8, 16)]:
        smooth = ("--smooth-cutoff", str(cutoff), "--smooth-beta", str(beta), *more)
        print(f"| smoothed, {cutoff} Hz, beta {beta} | {tremble(frames_of(still, *smooth)):.2f} "
              f"| {lag(frames_of(moving, *smooth), raw_moving, speed):.0f} |", flush=True)


def stages(film, *arguments):
    """(frames a second, {stage: ms}) of a film."""
    out = subprocess.run([PROGRAM, "video", film, "--times", *arguments], stdout=subprocess.PIPE, check=True)
    lines = out.stdout.decode("utf-8").splitlines()
    rate = float(lines[0].split(" frames/s")[0].split()[-1])
    rows = [line.rsplit(None, 1) for line in lines[1:] if line and line[-1].isdigit()]
    return rate, {name: float(ms) for name, ms in rows}


def speed(folder):
    films = []
    for width, height in ((640, 480), (1920, 1080)):
        film = os.path.join(folder, f"{height}.mp4")
        film_maker.of_photo(FIVE, film, seconds=4,
                            filters=f"crop=iw-40:ih-20:10*t:5*t,scale={width}:{height}:force_original_aspect_ratio=decrease,"
                                    f"pad={width}:{height}:(ow-iw)/2:(oh-ih)/2")
        films.append((f"{width}x{height}", film))
    print("\n| frames, five people in each | model | threads | frames/s | wait for decoding | find, estimate, track | draw | "
          "wait for encoding |\n|---|---|---|---|---|---|---|---|")
    for size, film in films:
        for name, model in (("8 bit", ()), ("float", ("--model", FLOAT_MODEL))):
            for threads in (1, 2):
                rate, ms = stages(film, "--threads", str(threads), "-o", os.path.join(folder, "out.mp4"), *model)
                print(f"| {size} | {name} | {threads} | {rate:.1f} | " + " | ".join(f"{value:.1f}" for value in ms.values()) +
                      " |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--follow", action="store_true", help="identities, tremble and lag")
    parser.add_argument("--speed", action="store_true", help="frames a second")
    parser.add_argument("--sweep", action="store_true", help="tremble and lag for several settings of the filter")
    parser.add_argument("more", nargs="*", help="more options for limn video, after --")
    ARGUMENTS = parser.parse_args()
    both = not ARGUMENTS.follow and not ARGUMENTS.speed and not ARGUMENTS.sweep
    with tempfile.TemporaryDirectory(prefix="limn_films_") as made:
        if ARGUMENTS.follow or ARGUMENTS.sweep or both:
            follow(made, ARGUMENTS.more)
        if ARGUMENTS.speed or both:
            speed(made)
