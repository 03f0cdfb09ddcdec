#!/usr/bin/env python3
"""Times limn beside ONNX Runtime and OpenCV on the same networks with the same weights and the same input.

The networks are made in PyTorch with random weights. Each program runs them in a process of its own, in turns, for
several rounds; the outputs must agree. Everything that is made or installed for it lies in build/benchmark.

Needs Python 3.9 with numpy and, of Debian, python3-torch, libopenblas0-pthread, python3-opencv, nodejs and npm. What is
missing is said; a peer that is missing is left out.
"""

import argparse
import datetime
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import textwrap
import time

try:
    import numpy as np
except ImportError:
    sys.exit("benchmark.py: numpy is missing (on Debian: apt install python3-numpy, and run it with /usr/bin/python3)")

from limn_benchmark.networks import NETWORKS, REFERENCE

TOOLS = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(TOOLS)
HELPERS = os.path.join(TOOLS, "limn_benchmark")
README = os.path.join(ROOT, "README.md")
PHOTO = os.path.join(ROOT, "examples", "photos", "pool_players.jpg")
BEGIN, END = "<!-- speed -->", "<!-- end of speed -->"

# The largest difference between the outputs of two programs, as a share of the largest magnitude.
TOLERANCE = 1e-3


class Missing(Exception):
    """Something that is not installed; the sentence says how to get it."""


class Failure(Exception):
    """Something that went wrong, in a sentence."""


def say(text):
    print("benchmark.py: " + text, file=sys.stderr, flush=True)


def run(command, **options):
    """What the command prints. Throws Failure with its last words."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
        )
    except OSError as error:
        raise Failure(f"{command[0]}: {error.strerror}") from error
    if done.returncode != 0:
        words = (done.stderr.strip() or done.stdout.strip() or "no word").splitlines()
        raise Failure(f"{' '.join(command[:3])} ... ended with {done.returncode}: {words[-1]}")
    return done.stdout


# ---- The programs ----------------------------------------------------------------------------------------------------


class Program:
    """name; version, known after the first run; time(), which runs it once in a process of its own."""

    def __init__(self, name, command, environment=None):
        self.name = name
        self.version = ""
        self.command = command  # function of (case, threads, runs, output file)
        self.environment = {**os.environ, **(environment or {})}

    def time(self, case, threads, runs, output):
        """Returns (median milliseconds, outputs as one array)."""
        result = json.loads(run(self.command(case, threads, runs, output), env=self.environment))
        self.version = result.get("version", self.version)
        return statistics.median(result["milliseconds"]), np.fromfile(output, "<f4")


def find_python(module, remedy):
    """An interpreter that can import the module: not every one that is installed has what Debian installs."""
    for candidate in (sys.executable, "python3", "/usr/bin/python3"):
        try:
            run([candidate, "-c", f"import {module}"])
            return candidate
        except Failure:
            pass
    raise Missing(f"no python3 that can import {module} ({remedy})")


def find_limn(folder, program):
    """limn itself, built from this tree unless a program is given."""
    if not program:
        if not shutil.which("cmake"):
            raise Missing("cmake is missing, and --limn names no program (tools/demo.sh installs what limn needs)")
        build = os.path.join(folder, "limn")
        say(f"building limn in {os.path.relpath(build)}")
        leave_out = [f"-DLIMN_{part}=OFF" for part in ("BUILD_TESTS", "BUILD_EXAMPLES", "INSTALL")]
        run(["cmake", "-S", ROOT, "-B", build, "-DCMAKE_BUILD_TYPE=Release", *leave_out])
        run(["cmake", "--build", build, "--target", "limn_program"])
        program = os.path.join(build, "tools", "limn")
    limn = Program(
        "limn",
        lambda case, threads, runs, output: [program, "bench", case.model, "--json", "--threads", str(threads)]
        + ["--runs", str(runs), "--feed", case.input, "--result", output],
    )
    limn.path = program
    limn.version = run([program, "--version"]).split()[-1]
    return limn


def find_onnxruntime(folder):
    for name in ("node", "npm"):
        if not shutil.which(name):
            raise Missing(f"{name} is missing (on Debian: apt install nodejs npm)")
    modules = os.path.join(folder, "node_modules")
    if not os.path.isdir(os.path.join(modules, "onnxruntime-node")):
        say("installing onnxruntime-node")
        quiet = ("--no-audit", "--no-fund", "--loglevel=error")
        try:
            # Its library comes in the package; what its scripts would fetch is for GPUs.
            run(["npm", "install", "--ignore-scripts", *quiet, "--prefix", folder, "onnxruntime-node"])
        except Failure as failure:
            raise Missing(f"npm could not install onnxruntime-node: {failure}") from failure
    script = os.path.join(HELPERS, "time_onnxruntime.js")
    return Program(
        "ONNX Runtime",
        lambda case, threads, runs, output: ["node", script, *case.for_peer(threads, runs, output)],
        {"NODE_PATH": modules},
    )


def find_opencv(_):
    python = find_python("cv2", "on Debian: apt install python3-opencv")
    script = os.path.join(HELPERS, "time_opencv.py")
    return Program(
        "OpenCV",
        lambda case, threads, runs, output: [python, script, *case.for_peer(threads, runs, output), *case.outputs],
    )


PEERS = (find_onnxruntime, find_opencv)


# ---- The networks ----------------------------------------------------------------------------------------------------


class Case:
    """A network and its files, made unless they are there and newer than what makes them."""

    def __init__(self, name, folder):
        self.network = NETWORKS[name]
        self.name = name
        stem = os.path.join(folder, name)
        self.onnx, self.input, self.model = stem + ".onnx", stem + ".input", stem + ".safetensors"
        shapes = stem + ".json"
        if not is_newer(shapes, sources()):
            say(f"making {name}")
            remedy = "on Debian: apt install python3-torch libopenblas0-pthread"
            outputs = run([find_python("torch", remedy), os.path.join(HELPERS, "networks.py"), name, stem])
            size = f"{self.network.height}x{self.network.width}"
            convert = [sys.executable, os.path.join(TOOLS, "convert.py"), stem + ".pth", self.model, "--input", size]
            run([*convert, *self.network.convert])
            with open(shapes, "w", encoding="utf-8") as file:
                file.write(outputs.splitlines()[-1])
        with open(shapes, encoding="utf-8") as file:
            self.outputs = dict(json.load(file))

    def __str__(self):
        return f"{self.network.title}, {self.network.height}x{self.network.width}"

    def for_peer(self, threads, runs, output):
        numbers = (self.network.height, self.network.width, threads, runs)
        return [self.onnx, *map(str, numbers), self.input, output]


def sources():
    """What the networks' files depend on."""
    yield os.path.join(HELPERS, "networks.py")
    for folder in (REFERENCE, os.path.join(TOOLS, "limn_convert")):
        yield from (os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".py"))


def is_newer(path, others):
    return os.path.exists(path) and all(os.path.getmtime(path) > os.path.getmtime(other) for other in others)


# ---- Measuring -------------------------------------------------------------------------------------------------------


def difference(found, expected, shapes):
    """The largest difference as a share of the largest magnitude of `expected`, output by output.

    Both arrays hold all outputs, which have these shapes, one after another.
    """
    size = sum(int(np.prod(shape)) for shape in shapes)
    if found.size != size or expected.size != size:
        raise Failure(f"expected outputs of {size} values, found {found.size} and {expected.size}")
    worst, begin = 0.0, 0
    for shape in shapes:
        end = begin + int(np.prod(shape))
        apart = np.abs(found[begin:end].astype(float) - expected[begin:end])
        if not np.isfinite(apart).all():
            return float("inf")
        worst = max(worst, float(apart.max() / np.abs(expected[begin:end]).max()))
        begin = end
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
        self.differences = {}  # program's name: from limn, the largest of all


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
                    median, outputs[program.name] = program.time(case, count, runs, output)
                    results.times.setdefault((case, count, program.name), []).append(median)
                limn = outputs[programs[0].name]
                for program in programs[1:]:
                    apart = difference(limn, outputs[program.name], case.outputs.values())
                    if not apart < TOLERANCE:
                        raise Failure(f"{case}: limn and {program.name} differ by {apart:.2g} of the largest value")
                    results.differences[program.name] = max(apart, results.differences.get(program.name, 0))
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


# ---- Telling ---------------------------------------------------------------------------------------------------------


def processor():
    """Its name and its widest registers, as far as the system tells."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            text = file.read()
    except OSError:
        return "unknown processor"
    name = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    flags = set((re.search(r"^flags\s*:\s*(.*)$", text, re.MULTILINE) or ["", ""])[1].split())
    widest = [title for flag, title in (("avx512f", "AVX-512"), ("avx2", "AVX2"), ("sse4_2", "SSE4")) if flag in flags]
    return (name[1] if name else "unknown processor") + (f" ({widest[0]})" if widest else "")


def speed_table(cases, programs, threads, results):
    limn, *peers = [program.name for program in programs]
    header = ["network, input", "threads", limn]
    for peer in peers:
        header += [peer, f"{limn} / {peer}"]
    rows = [header, ["---"] * len(header)]
    for case in cases:
        for count in threads:
            medians = {name: statistics.median(results.times[case, count, name]) for name in (limn, *peers)}
            row = [str(case), str(count), f"{medians[limn]:.1f} ms"]
            for peer in peers:
                row += [f"{medians[peer]:.1f} ms", f"{medians[limn] / medians[peer]:.2f}"]
            rows.append(row)
    return table(rows)


def first_answer_table(rows, threads):
    """rows: [(title, {threads: (seconds, bytes)})]"""
    header = ["`limn estimate` on one photo"]
    for count in threads:
        words = f"{count} thread{'s' if count > 1 else ''}"
        header += [f"{words}, from start to answer", "memory at most"]
    lines = [header, ["---"] * len(header)]
    for title, measured in rows:
        line = [title]
        for count in threads:
            seconds, memory = measured[count]
            line += [f"{seconds:.2f} s", f"{memory / 1e6:.0f} MB"]
        lines.append(line)
    return table(lines)


def table(rows):
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def description(programs, results, rounds, runs):
    versions = ", ".join(f"{program.name} {program.version}" for program in programs)
    apart = max(results.differences.values(), default=0)
    text = (
        f"One photo, fp32, the network alone, on {processor()}: medians of {rounds} rounds of {runs} runs, the "
        f"programs taking turns ({versions}; {datetime.date.today().isoformat()}). A ratio below 1 means that limn is "
        f"faster. The outputs differ by at most {apart:.0e} of the largest value. "
    )
    if results.others is not None:
        text += f"Other programs had {100 * results.others:.0f} % of the processors meanwhile. "
    text += "`tools/benchmark.py --readme` wrote this."
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False) + "\n"


def put_into_readme(readme, text):
    """The README with `text` between the marks. Throws Failure if they are not there."""
    pattern = re.compile(f"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)}\n)", re.DOTALL)
    if len(pattern.findall(readme)) != 1:
        raise Failure(f"README.md: expected one part between {BEGIN} and {END}")
    return pattern.sub(lambda _: text, readme)


def spread(cases, programs, threads, results):
    for case in cases:
        for count in threads:
            for program in programs:
                times = results.times[case, count, program.name]
                yield (
                    f"{case.name}, threads {count}, {program.name}: median {statistics.median(times):.2f} ms, "
                    f"rounds from {min(times):.2f} to {max(times):.2f}"
                )


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
    add("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS), metavar="NAME", help=", ".join(NETWORKS))
    add("--threads", nargs="+", type=positive, default=[1, 2], metavar="N", help="numbers of threads (default: 1 2)")
    add("--rounds", type=positive, default=5, metavar="N", help="turns of all programs (default: 5)")
    add("--runs", type=positive, default=10, metavar="N", help="runs of a network in a turn (default: 10)")
    add("--limn", metavar="PROGRAM", help="the limn program to time (default: build this tree's)")
    add("--prepare", action="store_true", help="build, install and make what is needed, and time nothing")
    add("--readme", action="store_true", help="put the tables into README.md")
    return parser.parse_args(arguments)


def benchmark(options):
    folder = os.path.join(ROOT, "build", "benchmark")
    os.makedirs(folder, exist_ok=True)
    programs = [find_limn(folder, options.limn)]
    for find in PEERS:
        try:
            programs.append(find(folder))
        except Missing as missing:
            if options.readme:
                raise
            say(f"left out: {missing}")
    cases = [Case(name, folder) for name in options.networks]
    if options.prepare:
        return

    results = measure(cases, programs, options.threads, options.rounds, options.runs, folder)
    repetitions = max(3, options.rounds)
    rows = [("default detector and model, two people", None), (f"{cases[0]}, F32 file, no detector", cases[0].model)]
    answers = [
        (title, {count: first_answer(programs[0], model, count, repetitions) for count in options.threads})
        for title, model in rows
    ]

    print("\n".join(spread(cases, programs, options.threads, results)) + "\n")
    text = description(programs, results, options.rounds, options.runs) + "\n"
    text += speed_table(cases, programs, options.threads, results) + "\n"
    text += first_answer_table(answers, options.threads)
    print(text)
    if options.readme:
        with open(README, encoding="utf-8") as file:
            readme = put_into_readme(file.read(), text)
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
