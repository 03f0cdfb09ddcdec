"""Types of command line options, for argparse."""

import argparse
import re


def input_size(text):
    """HEIGHTxWIDTH of an input, multiples of the networks' 32 pixels."""
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    height, width = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 0 < height <= 16384 or not 0 < width <= 16384 or height % 32 or width % 32:
        raise argparse.ArgumentTypeError("%s is not HEIGHTxWIDTH in multiples of 32 up to 16384" % text)
    return height, width


def number(smallest, largest, kind=float):
    """A type for numbers within bounds; for what goes into a model file, those within which limn accepts it."""

    def check(text):
        value = kind(text)
        if not smallest <= value <= largest:
            raise argparse.ArgumentTypeError("%s is not between %s and %s" % (text, smallest, largest))
        return value

    check.__name__ = "number"  # for argparse's "invalid number value"
    return check


def crop_factor(text):
    """How much larger than the box what is seen of the photo is; 0 for all of it."""
    value = number(0, 1e3)(text)
    if 0 < value < 1:
        raise argparse.ArgumentTypeError("%s is neither 0 nor at least 1" % text)
    return value
