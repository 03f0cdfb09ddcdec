#!/usr/bin/env python3
"""How fast `limn batch` is, where the time goes, and what a second worker adds.

    tools/batch_benchmark.py PHOTO|FOLDER... [--rounds N]

LIMN_PROGRAM names the program (default: build/tools/limn). Nothing else should run beside it. Each way of working runs
once a round, in turn; the figures are medians.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAM = os.environ.get("LIMN_PROGRAM", os.path.join(ROOT, "build", "tools", "limn"))


def photos_in(arguments):
    photos = []
    for argument in arguments:
        for folder, _, names in sorted(os.walk(argument)) if os.path.isdir(argument) else [("", [], [argument])]:
            photos += [os.path.join(folder, name) for name in sorted(names)]
    return [photo for photo in photos if photo.lower().endswith((".jpg", ".jpeg", ".png", ".bmp"))]


def workers(count, threads, photos):
    """(seconds, what --times says) of so many processes that share the photos."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "list"), "w", encoding="utf-8") as file:
            file.writelines(photo + "\n" for photo in photos)
        block = str(max(1, len(photos) // 16))
        start = time.monotonic()
        running = []
        for share in range(count):
            with open(file.name, "rb") as paths:
                command = [PROGRAM, "batch", "-o", os.path.join(folder, "out"), "--block", block, "--times"]
                command += ["--shard", f"{share}/{count}", "--threads", str(threads)]
                running.append(subprocess.Popen(command, stdin=paths, stderr=subprocess.PIPE, text=True))
        said = [process.communicate()[1] for process in running]
        return time.monotonic() - start, said


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    photos = photos_in(options.photos)
    if not photos:
        sys.exit("no photos")

    ways = {"1 worker of 1 thread": (1, 1), "2 workers of 1 thread": (2, 1), "1 worker of 2 threads": (1, 2)}
    seconds = {way: [] for way in ways}
    stages = people = None
    for _ in range(options.rounds):
        for way, (count, threads) in ways.items():
            taken, said = workers(count, threads, photos)
            seconds[way].append(taken)
            if (count, threads) == (1, 1):
                stages = re.search(r"limn: (decode .*) of the threads' time", said[0]).group(1)
                people = int(re.search(r"(\d+) (?:people|person),", said[0]).group(1))

    print(f"{len(photos)} photos, {people} people; {options.rounds} rounds\n")
    print("| | photos/s | photos/s a core | of one worker's |\n|---|---|---|---|")
    one = statistics.median(seconds["1 worker of 1 thread"])
    for way, (count, threads) in ways.items():
        median = statistics.median(seconds[way])
        rate = len(photos) / median
        print(f"| {way} | {rate:.1f} | {rate / count / threads:.1f} | {one / median:.2f} |")
    print(f"\nOne thread: {stages}")


if __name__ == "__main__":
    main()
