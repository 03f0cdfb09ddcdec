"""Writes limn's model file: safetensors, with one JSON document under `limn` in its metadata.

Layout (github.com/huggingface/safetensors): the header's length as 8 little-endian bytes, the JSON header, the values
of one tensor after the other. The header is padded with spaces to a multiple of 8 bytes; F32 tensors come before F16
ones, so that every tensor is aligned to its element.
"""

import json
import struct

from . import ConvertError
from .files import replaced

_DTYPES = {"<f4": "F32", "<f2": "F16"}


def write_model(path, tensors, document):
    """Writes {name: float32 or float16 array} and the document; all of the file or none. Returns its size in bytes."""
    header = {"__metadata__": {"format": "pt", "limn": _compact(document)}}
    blocks = []
    position = 0
    for name, array in sorted(tensors.items(), key=lambda item: -item[1].dtype.itemsize):  # stable: else layer order
        blocks.append(array)
        header[name] = {
            "dtype": _DTYPES[array.dtype.str],
            "shape": list(array.shape),
            "data_offsets": [position, position + array.nbytes],
        }
        position += array.nbytes
    text = _compact(header).encode("ascii")
    text += b" " * (-len(text) % 8)

    try:
        with replaced(path) as temporary, open(temporary, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for array in blocks:
                file.write(memoryview(array).cast("B"))
    except OSError as error:
        raise ConvertError("cannot be written: %s" % error.strerror, path) from None
    return 8 + len(text) + position


def _compact(value):
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
