#!/usr/bin/env python3
"""Times limn beside ONNX Runtime and OpenCV on the same networks with the same weights and the same input.

The networks are made in PyTorch with random weights. Each program runs them in a process of its own, in turns, for
several rounds; the outputs must agree. Everything that is made or installed for it lies in build/benchmark.

With --int8 limn's and ONNX Runtime's 8-bit models of the networks, made of the sample photos, take turns with their
floats; their outputs are compared with limn's floats, and sizes and memory are told.

Needs Python 3.9 with numpy and, of Debian, python3-torch, libopenblas0-pthread, python3-opencv, nodejs, npm and, for
--int8, python3-onnx. What is missing is said; a peer that is missing is left out.
"""

import argparse
import os
import sys

try:
    import numpy  # noqa: F401, to say it in one line
except ImportError:
    sys.exit("benchmark.py: numpy is missing (on Debian: apt install python3-numpy, and run it with /usr/bin/python3)")

from limn_benchmark import tables
from limn_benchmark.cases import Case, in_8_bits, quantize
from limn_benchmark.measuring import first_answer, measure
from limn_benchmark.networks import INT8_NETWORKS, NETWORKS
from limn_benchmark.programs import (
    ROOT,
    Failure,
    Missing,
    find_limn,
    find_onnxruntime,
    find_opencv,
    find_peers,
    say,
)

README = os.path.join(ROOT, "README.md")


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="benchmark.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    networks = f"{', '.join(NETWORKS)} (default: all; with --int8: {', '.join(INT8_NETWORKS)})"
    add("--networks", nargs="+", choices=NETWORKS, metavar="NAME", help=networks)
    add("--threads", nargs="+", type=positive, default=[1, 2], metavar="N", help="numbers of threads (default: 1 2)")
    add("--rounds", type=positive, default=5, metavar="N", help="turns of all programs (default: 5)")
    add("--runs", type=positive, default=10, metavar="N", help="runs of a network in a turn (default: 10)")
    add("--limn", metavar="PROGRAM", help="the limn program to time (default: build this tree's)")
    add("--int8", action="store_true", help="time 8-bit models of limn and ONNX Runtime beside floats, without OpenCV")
    add("--prepare", action="store_true", help="build, install and make what is needed, and time nothing")
    add("--readme", action="store_true", help="put the tables into README.md")
    options = parser.parse_args(arguments)
    options.networks = options.networks or list(INT8_NETWORKS if options.int8 else NETWORKS)
    return options


def measured(options, cases, programs, folder):
    """Times the programs, prints each one's spread, and returns what measure() does."""
    results = measure(cases, programs, options.threads, options.rounds, options.runs, folder)
    print("\n".join(tables.spread(cases, programs, options.threads, results)) + "\n")
    return results


def compare_floats(options, folder):
    """The tables, or None where nothing is to be timed."""
    limn = find_limn(folder, options.limn)
    programs = [limn, *find_peers((find_onnxruntime, find_opencv), folder, options.readme)]
    cases = [Case(name, folder) for name in options.networks]
    if options.prepare:
        return None
    results = measured(options, cases, programs, folder)
    repetitions = max(3, options.rounds)
    rows = [("default detector and model, two people", None), (f"{cases[0]}, F32 file, no detector", cases[0].model)]
    answers = [
        (title, {count: first_answer(limn, model, count, repetitions) for count in options.threads})
        for title, model in rows
    ]
    text = tables.description(programs, results, options.rounds, options.runs) + "\n"
    text += tables.speed_table(cases, tables.float_columns(programs), options.threads, results) + "\n"
    return text + tables.first_answer_table(answers, options.threads)


def compare_int8(options, folder):
    """The tables, or None where nothing is to be timed."""
    limn = find_limn(folder, options.limn)
    floats = [limn, *find_peers((find_onnxruntime,), folder, options.readme)]
    programs = floats + [in_8_bits(program) for program in floats]
    cases = [Case(name, folder) for name in options.networks]
    for case in cases:
        quantize(case, limn, *floats[1:])
    if options.prepare:
        return None
    results = measured(options, cases, programs, folder)
    text = tables.description(programs, results, options.rounds, options.runs, int8=True) + "\n"
    text += tables.speed_table(cases, tables.int8_columns(programs), options.threads, results) + "\n"
    return text + tables.int8_table(cases, programs, results)


def benchmark(options):
    folder = os.path.join(ROOT, "build", "benchmark")
    os.makedirs(folder, exist_ok=True)
    text = (compare_int8 if options.int8 else compare_floats)(options, folder)
    if text is None:
        return
    print(text)
    if options.readme:
        part = tables.INT8 if options.int8 else tables.FLOATS
        with open(README, encoding="utf-8") as file:
            readme = tables.put_into_readme(file.read(), part, text)
        with open(README, "w", encoding="utf-8") as file:
            file.write(readme)


def main(arguments=None):
    try:
        benchmark(parse(arguments))
        return 0
    except (Missing, Failure) as problem:
        say(str(problem))
        return 1


if __name__ == "__main__":
    sys.exit(main())
