"""The programs that are timed: limn, ONNX Runtime, OpenCV; found, built or installed."""

import json
import os
import shutil
import statistics
import subprocess
import sys
from typing import NamedTuple, Optional, Tuple

import numpy as np

HELPERS = os.path.dirname(os.path.abspath(__file__))
TOOLS = os.path.dirname(HELPERS)
ROOT = os.path.dirname(TOOLS)


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


class Answer(NamedTuple):
    milliseconds: float  # median of the runs
    outputs: np.ndarray  # all of them, one after another
    memory: Optional[Tuple[int, int]] = None  # bytes of weights and workspace, where the program tells


class Program:
    """name; version, known after the first run; time(), which runs it once in a process of its own."""

    def __init__(self, name, command, environment=None, approximate=False):
        self.name = name
        self.version = ""
        self.command = command  # function of (case, threads, runs, output file)
        self.environment = {**os.environ, **(environment or {})}
        self.approximate = approximate  # whether its outputs may differ by more than rounding of floats

    def time(self, case, threads, runs, output):
        result = json.loads(run(self.command(case, threads, runs, output), env=self.environment))
        self.version = result.get("version", self.version)
        memory = (result["weight_bytes"], result["workspace_bytes"]) if "weight_bytes" in result else None
        return Answer(statistics.median(result["milliseconds"]), np.fromfile(output, "<f4"), memory)


def find_python(modules, remedy):
    """An interpreter that can import the modules: not every one that is installed has what Debian installs."""
    for candidate in (sys.executable, "python3", "/usr/bin/python3"):
        try:
            run([candidate, "-c", f"import {modules}"])
            return candidate
        except Failure:
            pass
    raise Missing(f"no python3 that can import {modules} ({remedy})")


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
    program = shutil.which(program) or program
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


def find_peers(finders, folder, must):
    """The programs that are there; with `must` Missing is thrown for one that is not."""
    for find in finders:
        try:
            yield find(folder)
        except Missing as missing:
            if must:
                raise
            say(f"left out: {missing}")
