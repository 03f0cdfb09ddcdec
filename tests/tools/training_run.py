"""What the tests of train.py need: running it within the test's process, and what its model file says."""

import contextlib
import io
import json
import signal
import struct

import train


def run_training(arguments):
    """train.py's exit status and what it printed. Its signal handlers are gone afterwards."""
    said = io.StringIO()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with contextlib.redirect_stdout(said):
            status = train.main(arguments)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return status, said.getvalue()


def document_of(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        return json.loads(json.loads(file.read(length))["__metadata__"]["limn"])
