"""The networks' files, made unless they are there and newer than what makes them."""

import json
import os
import sys

from .networks import NETWORKS, REFERENCE
from .programs import HELPERS, TOOLS, find_python, run, say


class Case:
    """A network and its files."""

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
