"""safetensors files of float32 tensors: 8-byte little-endian header length, JSON header, the tensors one after another."""

import json
import struct

import numpy as np


def write(path, tensors, metadata):
    """Writes {name: array} and {key: JSON-able value}; safetensors wants metadata to be text, so values are dumped."""
    arrays = {name: np.ascontiguousarray(values, dtype="<f4") for name, values in tensors.items()}
    header = {"__metadata__": {key: json.dumps(value) for key, value in metadata.items()}}
    offset = 0
    for name, values in arrays.items():
        end = offset + values.nbytes
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)  # the tensors begin aligned
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for values in arrays.values():
            file.write(values.tobytes())


def read(path):
    """Returns ({name: array}, {key: value}) of a file written by write()."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    metadata = {key: json.loads(text) for key, text in header.pop("__metadata__").items()}
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = np.frombuffer(data[begin:end], dtype="<f4").reshape(entry["shape"])
    return tensors, metadata
