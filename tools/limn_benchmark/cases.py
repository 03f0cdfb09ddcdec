"""The networks' files, in floats and in 8 bits, made unless they are there and newer than what makes them."""

import copy
import glob
import json
import os
import sys

from .networks import NETWORKS, REFERENCE
from .programs import HELPERS, ROOT, TOOLS, Failure, Program, find_python, run, say

# What 8-bit models learn their ranges from, and a photo that is not among them, to be fed.
CALIBRATION = sorted(glob.glob(os.path.join(ROOT, "examples", "photos", "*.jpg")))
FED = os.path.join(ROOT, "examples", "photos", "photographer.png")


class Case:
    """A network and its files."""

    def __init__(self, name, folder):
        self.network = NETWORKS[name]
        self.name = name
        self.stem = stem = os.path.join(folder, name)
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


# ---- In 8 bits -------------------------------------------------------------------------------------------------------


def in_8_bits(program):
    """The program with the 8-bit model of a case."""
    command = program.command
    result = Program(
        f"{program.name} int8",
        lambda case, *rest: command(case.int8, *rest),
        program.environment,
        approximate=True,
    )
    result.version = program.version
    return result


def make(path, command, needed, **options):
    """Has `command` with a path appended write a file, unless it is newer than what it needs; never half of one."""
    if is_newer(path, needed):
        return
    say(f"making {os.path.basename(path)}")
    name, ending = os.path.splitext(path)
    partial = f"{name}.partial{ending}"
    run([*command, partial], **options)
    if not os.path.exists(partial):
        raise Failure(f"{' '.join(command[:2])} ... wrote no file")
    os.replace(partial, path)


def quantize(case, limn, onnxruntime=None):
    """Makes the 8-bit models of a case, `case.int8`, and has a photo fed to all programs instead of noise."""
    reader = os.path.join(HELPERS, "photos.py")
    pictures = "on Debian: apt install python3-numpy python3-opencv"
    read = [find_python("numpy, cv2", pictures), reader, str(case.network.height), str(case.network.width)]
    calibration, fed = case.stem + ".calibration", case.stem + ".photo"
    make(calibration, [*read, *CALIBRATION], [reader, *CALIBRATION])
    make(fed, [*read, FED], [reader, FED])
    case.input = fed
    case.int8 = copy.copy(case)
    case.int8.model = case.stem + ".int8.safetensors"
    command = [limn.path, "quantize", case.model, *CALIBRATION, "-o"]
    make(case.int8.model, command, [case.model, limn.path, *CALIBRATION])
    if onnxruntime:
        case.int8.onnx = case.stem + ".int8.onnx"
        scripts = [os.path.join(HELPERS, name) for name in ("quantize_onnx.py", "ranges_onnxruntime.js")]
        python = find_python("numpy, onnx", "on Debian: apt install python3-numpy python3-onnx")
        command = [python, scripts[0], case.onnx, calibration]
        make(case.int8.onnx, command, [case.onnx, calibration, *scripts], env=onnxruntime.environment)
