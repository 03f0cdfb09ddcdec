#!/usr/bin/env python3
"""Fuzzes what reads foreign files in Python: the checkpoints and ONNX files that tools/convert.py is given.

    python_fuzzer.py checkpoint|onnx [--seconds N | --executions N] [--seed N] [--findings FOLDER]

First it reads the seeds (seeds.py) and what has been found before (regressions/), then changes them at random. A change
that reaches a line of tools/ which none has reached before is kept and changed further. All that may come out of a file
is ConvertError; anything else is a finding, and so is a file that takes more than 10 seconds. Each is told of once, and
its file written to FOLDER (of one that takes too long, the file is FOLDER/running). The last line counts. Exit status: 0, or 1 if anything was found.
"""

import argparse
import faulthandler
import hashlib
import io
import os
import pickletools
import random
import signal
import struct
import sys
import time
import traceback
import warnings
import zipfile

try:
    import resource  # not on Windows

    import numpy
except ImportError as error:
    print("skipped: %s is missing" % error.name)
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TOOLS = os.path.join(ROOT, "tools")
sys.path.insert(0, TOOLS)

import convert
import seeds
from limn_convert import ConvertError
from limn_convert.checkpoint import Checkpoint

SECONDS_FOR_ONE = 10
MEMORY = 4 << 30  # bytes that a file of some KiB may make the reader ask for, before it is told that there are no more
LARGEST = 1 << 16  # bytes of a file
OPTIONS = convert.parse(["in", "out"])


# ---- What is fuzzed ------------------------------------------------------------------------------------------------


def _read(read, data):
    """As convert.convert() does, without files and without writing the model."""
    found = read(OPTIONS, Checkpoint(data))
    for name in found.network.shapes:
        convert.read_values(found.originals[name], found.tensors[name], False)


def read_checkpoint(data):
    _read(convert.read_tensors, data)


def read_onnx(data):
    _read(convert.read_graph, data)


# ---- Changing files ------------------------------------------------------------------------------------------------

NUMBERS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 2**15, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**64 - 1)

# Of pickles: names that are and are not known, calls, tuples that hold themselves again and again, marks, ends.
SNIPPETS = (
    b"cbuiltins\neval\n",
    b"cbuiltins\nset\n",
    b"ccollections\nOrderedDict\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ctorch\nFloatStorage\n",
    b"ctorch\nBFloat16Storage\n",
    b"cnumpy\nndarray\n",
    b"X\x06\x00\x00\x00module",
    b"X\x07\x00\x00\x00storage",
    b"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01",
    b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\xff",
    b"r\xff\xff\xff\x00",
    b"G\x7f\xf8\x00\x00\x00\x00\x00\x00",
    b"K\x02",
    *(bytes([code]) for code in b"().0123QRNadelpqrstu]}\x81\x82\x85\x86\x87\x88\x89\x8f\x90\x91\x93\x94\x95\x96\x97\x98"),
    b"\x86" * 3 + b"2" * 3,
)


def change_bytes(rng, data, others):
    """One change anywhere."""
    if not data:
        return bytes([rng.randrange(256)])
    at = rng.randrange(len(data))
    length = min(rng.choice((1, 1, 2, 4, 8, rng.randrange(1, 200))), len(data) - at)
    kind = rng.randrange(7)
    if kind == 0:
        return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
    if kind == 1:
        size = rng.choice((1, 2, 4, 8))
        number = struct.pack("<Q", rng.choice(NUMBERS))[:size]
        return data[:at] + (number if rng.randrange(2) else number[::-1]) + data[at + size :]
    if kind == 2:
        return data[:at] + data[at + length :]
    if kind == 3:
        return data[: at + length] + data[at : at + length] + data[at + length :]
    if kind == 4:
        other = rng.choice(others)
        start = rng.randrange(len(other) + 1)
        return data[:at] + other[start : start + length] + data[at + rng.choice((0, length)) :]
    if kind == 5:
        return data[:at]
    return data[:at] + rng.randbytes(length) + data[at:]


def change_pickle(rng, data, others):
    """One change between opcodes, so that most of the rest still means something."""
    try:
        places = [place for _, _, place in pickletools.genops(data)]
    except Exception:  # it is broken already
        return change_bytes(rng, data, others)
    at = rng.randrange(len(places))
    start, end = places[at], (places + [len(data)])[min(at + rng.choice((1, 1, 2, 5)), len(places))]
    kind = rng.randrange(4)
    if kind == 0:
        return data[:start] + data[end:]
    if kind == 1:
        return data[:end] + data[start:end] + data[end:]
    if kind == 2:
        return data[:start] + rng.choice(SNIPPETS) + data[end:]
    return data[:start] + rng.choice(SNIPPETS) + data[start:]


def change_checkpoint(rng, data, others):
    """Of a zip archive mostly what is in it, since its checksums would give the rest away."""
    if data[:4] != b"PK\x03\x04":
        return rng.choice((change_bytes, change_pickle))(rng, data, others)
    if rng.randrange(4) == 0:
        return change_bytes(rng, data, others)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [(info.filename, archive.read(info)) for info in archive.infolist()]
    except Exception:  # it is broken already
        return change_bytes(rng, data, others)
    pickles = [i for i, (name, _) in enumerate(entries) if name.endswith(".pkl")]
    if not entries or (pickles and rng.randrange(8)):
        at, change = (rng.choice(pickles) if pickles else 0), rng.choice((change_bytes, change_pickle, change_pickle))
    else:
        at, change = rng.randrange(len(entries)), change_bytes
    kind = rng.randrange(20)
    if kind == 0 and entries:
        del entries[at]
    elif kind == 1 and entries:
        name = rng.choice(("archive/constants.pkl", "archive/byteorder", "x/data.pkl", "a.pth", entries[at][0]))
        entries.append((name, entries[at][1]))
    elif entries:
        entries[at] = (entries[at][0], change(rng, entries[at][1], others))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name, content in entries:
            archive.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def change_onnx(rng, data, others):
    """Mostly a change of the graph, in its own terms."""
    import onnx

    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except Exception:  # it is broken already
        return change_bytes(rng, data, others)
    graph = model.graph
    if rng.randrange(4) == 0 or not graph.node:
        return change_bytes(rng, data, others)
    node = rng.choice(graph.node)
    values = [name for n in graph.node for name in (*n.input, *n.output) if isinstance(name, str)] or ["x"]  # UTF-8
    operators = "Conv ConvTranspose BatchNormalization MaxPool Relu Add Mul Sigmoid Identity Constant Shape Gather Concat"
    operators += " Slice Unsqueeze Squeeze Cast Div Floor Ceil Sub Resize Upsample Dropout Reshape"

    def some_integers(numbers):
        at = rng.randrange(len(numbers)) if numbers else 0
        if numbers and rng.randrange(3):
            numbers[at] = rng.choice((-1, 0, 1, 2, 3, 32, 2**31, 2**62))
        elif numbers and rng.randrange(2):
            del numbers[at]
        else:
            numbers.append(rng.choice((0, 1, 3)))

    kind = rng.randrange(13)
    if kind == 0:
        node.op_type = rng.choice(operators.split())
    elif kind == 1 and node.input:
        node.input[rng.randrange(len(node.input))] = rng.choice(values + [""])
    elif kind == 2 and node.output:
        node.output[rng.randrange(len(node.output))] = rng.choice(values + ["", "new"])
    elif kind == 3:
        graph.node.remove(node)
    elif kind == 4:
        graph.node.add().CopyFrom(node)
    elif kind == 5 and node.attribute:
        some_integers(rng.choice(node.attribute).ints)
    elif kind == 6 and node.attribute:
        attribute = rng.choice(node.attribute)
        attribute.type = rng.randrange(15)
        attribute.i = rng.choice((0, 1, 2, -1, 2**40))
        attribute.s = rng.choice((b"nearest", b"VALID", b"\xff", b""))
    elif kind == 7:
        attribute = node.attribute.add(name=rng.choice("group dilations axis axes to starts ends value pads mode".split()))
        attribute.type = rng.choice((1, 2, 3, 4, 6, 7))
        attribute.i = rng.randrange(-2, 12)
        attribute.ints.extend([rng.randrange(-2, 5)])
        if graph.initializer:
            attribute.t.CopyFrom(rng.choice(graph.initializer))
    elif kind == 8 and graph.initializer:
        some_integers(rng.choice(graph.initializer).dims)
    elif kind == 9 and graph.initializer:
        tensor = rng.choice(graph.initializer)
        tensor.data_type = rng.randrange(25)
        tensor.raw_data = rng.randbytes(rng.choice((0, 4, 8, 16)))
    elif kind == 10 and graph.initializer:
        graph.initializer.remove(rng.choice(graph.initializer))
    elif kind == 11:
        some = rng.choice((graph.input, graph.output))
        some.add().name = rng.choice(values)
        if rng.randrange(2):
            del some[0]
    else:
        node.input.append(rng.choice(values))
    return model.SerializeToString()


TARGETS = {"checkpoint": (read_checkpoint, change_checkpoint), "onnx": (read_onnx, change_onnx)}


# ---- The fuzzer ----------------------------------------------------------------------------------------------------


class Lines:
    """The lines of tools/ that have been run."""

    def __init__(self):
        self.seen = set()
        self._files = {}

    def _trace(self, frame, event, _):
        code = frame.f_code
        ours = self._files.get(code.co_filename)
        if ours is None:
            ours = self._files[code.co_filename] = os.path.abspath(code.co_filename).startswith(TOOLS)
        if not ours:
            return None
        if event == "line":
            self.seen.add((code.co_filename, frame.f_lineno))
        return self._trace

    def of(self, read, data):
        """Whether reading reaches a new line; raises what reading raises, but for ConvertError."""
        before = len(self.seen)
        sys.settrace(self._trace)
        try:
            read(data)
        except ConvertError:
            pass
        finally:
            sys.settrace(None)
        return len(self.seen) > before


class Fuzzer:
    def __init__(self, target, findings):
        self.read, self.change = TARGETS[target]
        self.lines = Lines()
        self.executions = 0
        self.corpus = []
        self.faults = {}  # where: first file
        self._findings = findings
        if findings:
            os.makedirs(findings, exist_ok=True)

    def try_file(self, data, name=None):
        self.executions += 1
        self._keep(data, "running")  # for when it never ends
        signal.alarm(SECONDS_FOR_ONE)
        try:
            if self.lines.of(self.read, data) or name:
                self.corpus.append(data)
        except Exception as error:  # the findings
            frames = [f for f in traceback.extract_tb(error.__traceback__) if os.path.abspath(f.filename).startswith(TOOLS)]
            place = "%s:%d" % (os.path.basename(frames[-1].filename), frames[-1].lineno) if frames else "?"
            self._found("%s at %s" % (type(error).__name__, place), data, name, error)
        finally:
            signal.alarm(0)

    def check_good(self, data, name):
        try:
            self.read(data)
        except ConvertError as error:
            self._found("%s is refused" % name, data, name, error)

    def mutate(self, rng):
        data = min(rng.choices(self.corpus, k=2), key=len)  # small files are read faster
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of names that an archive has twice, and of damaged messages
            for _ in range(rng.choice((1, 1, 2, 3, 6))):
                data = self.change(rng, data, self.corpus)
        return data[:LARGEST]

    def _found(self, what, data, name, error):
        if what in self.faults:
            return
        self.faults[what] = data
        print("%s: %s: %.300s" % (name or "found", what, error), flush=True)
        if not name:
            self._keep(data, hashlib.sha1(data).hexdigest()[:12])

    def _keep(self, data, name):
        if self._findings:
            with open(os.path.join(self._findings, name), "wb") as file:
                file.write(data)

    def end(self):
        if self._findings:
            os.remove(os.path.join(self._findings, "running"))


def known_files(target):
    """(name, bytes) of the seeds and of what has been found before."""
    folder = os.path.join(HERE, "regressions", target)
    for name, data in sorted(seeds.all_seeds()[target].items()):
        yield name, data
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        with open(os.path.join(folder, name), "rb") as file:
            yield "regressions/%s/%s" % (target, name), file.read()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=tuple(TARGETS))
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--executions", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--findings", metavar="FOLDER")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    faulthandler.register(signal.SIGALRM, chain=True)  # tells where, and then the signal ends the program
    fuzzer = Fuzzer(options.target, options.findings)
    for name, data in known_files(options.target):
        fuzzer.try_file(data, name)
        if name.startswith("good"):
            fuzzer.check_good(data, name)
    if not fuzzer.corpus and not fuzzer.faults:
        print("skipped: no seeds (onnx is missing)")
        return 77
    rng = random.Random(options.seed)
    start = time.monotonic()
    done = 0
    while done < options.executions or time.monotonic() - start < options.seconds:
        fuzzer.try_file(fuzzer.mutate(rng))
        done += 1
    fuzzer.end()
    numbers = (fuzzer.executions, len(fuzzer.lines.seen), len(fuzzer.corpus), len(fuzzer.faults))
    print("%d executions, %d lines, %d files kept, %d findings" % numbers)
    return 1 if fuzzer.faults else 0


if __name__ == "__main__":
    sys.exit(main())
