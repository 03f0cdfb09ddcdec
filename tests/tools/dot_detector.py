"""A person detector that finds coloured dots, so that a test decides who is found: its weights are written by hand.

The network passes one pixel in 32 x 32 on and nothing else: the red of the pixel (32 i, 32 j) is how surely somebody's
box has its centre there, green and blue are the box's width and height in pixels. Black is nobody.
"""

import json
import math
from array import array
from typing import NamedTuple

import quantized_models
from limn_program import png

SIDE = 128  # pixels of the input's and a photo's side
THRESHOLD = 0.3
NAME = "dot_detector"


class Dot(NamedTuple):
    """Somebody in the photo."""

    x: int  # of the centre, a multiple of 32
    y: int
    width: int  # at most 255, and even, so that the box begins at a whole number
    height: int
    red: int = 255

    @property
    def box(self):
        """[x, y, width, height] as far as it lies on the photo."""
        left, top = max(0, self.x - self.width / 2), max(0, self.y - self.height / 2)
        right, bottom = min(SIDE, self.x + self.width / 2), min(SIDE, self.y + self.height / 2)
        return [left, top, right - left, bottom - top]

    @property
    def score(self):
        return 1 / (1 + math.exp(6 - 12 * self.red / 255))


def photo(*dots):
    """A PNG of SIDE x SIDE pixels."""
    pixels = bytearray(3 * SIDE * SIDE)
    for dot in dots:
        for y in range(max(0, dot.y - 6), min(SIDE, dot.y + 6)):
            for x in range(max(0, dot.x - 6), min(SIDE, dot.x + 6)):
                pixels[3 * (y * SIDE + x) : 3 * (y * SIDE + x) + 3] = bytes((dot.red, dot.width, dot.height))
    return png(SIDE, SIDE, 2, 8, pixels)


def sparse(*shape, ones=(), value=1.0):
    """A tensor of zeros but for `value` at these places."""
    values = array("f", bytes(4 * math.prod(shape)))
    for place in ones:
        at = 0
        for extent, index in zip(shape, place):
            at = at * extent + index
        values[at] = value
    return shape, values


def tensors():
    """{name: (shape, values)} of a ResNet18 of width 3 without batch norm, two deconvolutions and the heads."""
    colours = range(3)
    found = {"conv1.weight": sparse(3, 3, 7, 7, ones=[(c, c, 3, 3) for c in colours])}
    before = 3
    for layer, width in enumerate((3, 6, 12, 24), 1):
        for block in range(2):
            at = f"layer{layer}.{block}."
            found[at + "conv1.weight"] = sparse(width, before, 3, 3)
            found[at + "conv2.weight"] = sparse(width, width, 3, 3)
            if before != width:
                found[at + "downsample.0.weight"] = sparse(width, before, 1, 1, ones=[(c, c, 0, 0) for c in colours])
            before = width
    for name, into in (("deconv_layers.0", 24), ("deconv_layers.3", 3)):
        found[name + ".weight"] = sparse(into, 3, 4, 4, ones=[(c, c, 1, 1) for c in colours])  # to every second cell
    found["hm.weight"] = sparse(1, 3, 1, 1, ones=[(0, 0, 0, 0)], value=12.0)
    found["hm.bias"] = sparse(1, ones=[(0,)], value=-6.0)
    found["wh.weight"] = sparse(2, 3, 1, 1, ones=[(0, 1, 0, 0), (1, 2, 0, 0)], value=255 / 8)  # 8 pixels to a cell
    found["wh.bias"] = sparse(2)
    found["reg.weight"], found["reg.bias"] = sparse(2, 3, 1, 1), sparse(2)
    return found


def document(**changes):
    entry = {
        "version": 1,
        "name": NAME,
        "network": {
            "type": "center_net",
            "depth": 18,
            "width": 3,
            "deconv": {"channels": [3, 3], "kernel": 4},
            "normalization": "none",
        },
        "input": {"width": SIDE, "height": SIDE, "channels": "rgb", "mean": [0, 0, 0], "std": [1, 1, 1]},
        "decoder": {"type": "center", "threshold": THRESHOLD, "max_people": 20, "iou": 0.6},
    }
    entry["input"]["geometry"] = "letterbox"
    entry.update(changes)
    return entry


def model(**changes):
    """The bytes of its model file; `changes` are to the document."""
    entries = [(name, "F32", shape, values.tobytes()) for name, (shape, values) in tensors().items()]
    return quantized_models.safetensors(entries, {"format": "pt", "limn": json.dumps(document(**changes))})


def quantized_document(kept=(), **more):
    """Of the 8-bit network; `more` is what the entry has beside scales. The scales are exact for colours."""
    precision = quantized_models.precision(2, normalization=False, scale=1 / 255, below_zero=False, kept=kept)
    return document(precision={**precision, **more})


def quantized_model(kept=(), entry=None, **more):
    """The bytes of the 8-bit network's model file; `entry`: with another document."""
    return quantized_models.model(entry or quantized_document(kept, **more), tensors(), kept)
