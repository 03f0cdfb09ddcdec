"""Times of programs that take turns, and how far their outputs are apart."""

import json
import math
import os
import statistics
import sys
import time

import numpy as np

from .programs import ROOT, Failure, run, say

PHOTO = os.path.join(ROOT, "examples", "photos", "pool_players.jpg")

# The largest difference between the outputs of two programs, as a share of the largest magnitude.
TOLERANCE = 1e-3


def each_output(found, expected, shapes):
    """(found, expected) of each output as doubles. Both arrays hold all outputs, which have these shapes, one after
    another."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    if found.size != sum(sizes) or expected.size != sum(sizes):
        raise Failure(f"expected outputs of {sum(sizes)} values, found {found.size} and {expected.size}")
    ends = np.cumsum(sizes)[:-1]
    return zip(np.split(found.astype(float), ends), np.split(expected.astype(float), ends))


def difference(found, expected, shapes):
    """The largest difference as a share of the largest magnitude of `expected`, output by output."""
    worst = 0.0
    for output, correct in each_output(found, expected, shapes):
        apart = np.abs(output - correct)
        if not np.isfinite(apart).all():
            return float("inf")
        worst = max(worst, float(apart.max() / np.abs(correct).max()))
    return worst


def signal_to_noise(found, expected, shapes):
    """10 log10(sum of expected^2 / sum of (expected - found)^2) in dB, of the worst output."""
    worst = math.inf
    for output, correct in each_output(found, expected, shapes):
        noise, signal = float(np.sum((correct - output) ** 2)), float(np.sum(correct**2))
        if not math.isfinite(noise) or not signal > 0:
            return -math.inf
        worst = min(worst, 10 * math.log10(signal / noise) if noise > 0 else math.inf)
    return worst


def processor_seconds():
    """(of all programs, of those started here) since the system's and this program's start; None where not known."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            ticks = [int(number) for number in file.readline().split()[1:]]
    except (OSError, ValueError):
        return None
    idle_and_guests = ticks[3] + ticks[4] + sum(ticks[8:])
    times = os.times()
    return (sum(ticks) - idle_and_guests) / os.sysconf("SC_CLK_TCK"), sum(times[:4])


def share_of_others(begin, end, seconds):
    """The share of this machine's processors that other programs had between two values of processor_seconds()."""
    if begin is None or end is None:
        return None
    others = (end[0] - begin[0]) - (end[1] - begin[1])
    return max(0.0, others / (seconds * os.cpu_count()))


class Results:
    def __init__(self):
        self.others = None  # share_of_others() while the networks were timed
        self.times = {}  # (case, threads, program's name): medians of the rounds in milliseconds
        self.memory = {}  # (case, program's name): bytes of weights and workspace, the most of all
        self.differences = {}  # program's name: from limn, the largest of all
        self.noise = {}  # (case, name of an approximate program): signal_to_noise() against limn, the least of all

    def add(self, case, threads, program, answer):
        self.times.setdefault((case, threads, program.name), []).append(answer.milliseconds)
        if answer.memory:
            most = self.memory.get((case, program.name), (0, 0))
            self.memory[case, program.name] = tuple(map(max, answer.memory, most))

    def compare(self, case, program, found, expected):
        shapes = case.outputs.values()
        if program.approximate:
            ratio = signal_to_noise(found, expected, shapes)
            self.noise[case, program.name] = min(ratio, self.noise.get((case, program.name), math.inf))
            return
        apart = difference(expected, found, shapes)
        if not apart < TOLERANCE:
            raise Failure(f"{case}: limn and {program.name} differ by {apart:.2g} of the largest value")
        self.differences[program.name] = max(apart, self.differences.get(program.name, 0))


def measure(cases, programs, threads, rounds, runs, folder):
    """programs[0] is the one that the others' outputs are compared with."""
    results = Results()
    output = os.path.join(folder, "output")
    start, begin = time.monotonic(), processor_seconds()
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        for case in cases:
            for count in threads:
                outputs = {}
                for i in range(len(programs)):  # each is first, second, ... in turn
                    program = programs[(i + number) % len(programs)]
                    answer = program.time(case, count, runs, output)
                    results.add(case, count, program, answer)
                    outputs[program.name] = answer.outputs
                for program in programs[1:]:
                    results.compare(case, program, outputs[program.name], outputs[programs[0].name])
    results.others = share_of_others(begin, processor_seconds(), time.monotonic() - start)
    return results


# A fresh interpreter: a process inherits the peak memory of the one it was forked from.
MEASURE_CHILD = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
seconds = time.perf_counter() - start
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024]))
"""


def first_answer(limn, model, threads, repetitions):
    """Median seconds from the start of the process to the keypoints in one photo, and the most bytes it had. Without a
    model the default ones find everybody, else one person all over the photo."""
    command = [limn.path, "estimate", PHOTO, "--json", "-", "--no-pictures", "--quiet", "--threads", str(threads)]
    command += ["--model", model, "--no-detector"] if model else []
    environment = {key: value for key, value in os.environ.items() if key not in ("LIMN_MODEL", "LIMN_DETECTOR")}
    runs = [
        json.loads(run([sys.executable, "-S", "-c", MEASURE_CHILD, *command], env=environment))
        for _ in range(repetitions)
    ]
    return statistics.median(seconds for seconds, _ in runs), max(memory for _, memory in runs)
