#!/usr/bin/env python3
"""Everybody in a picture and their poses, from Python: limn's C interface (limn/c.h) through ctypes, with numpy.

    examples/people.py MODEL DETECTOR PHOTO.ppm

The environment variable LIMN_LIBRARY names the shared library; else it is looked for as the system does. A picture is any
numpy array of bytes, height x width x 3: what cv2.imread() gives is as good, with order="BGR".
"""

import ctypes
import ctypes.util
import os
import sys

import numpy as np

ORDERS = {"RGB": 0, "BGR": 1, "RGBA": 2, "BGRA": 3}


class Error(ctypes.Structure):
    _fields_ = [("message", ctypes.c_char * 1024)]


class Image(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("width", ctypes.c_int32),
        ("height", ctypes.c_int32),
        ("row_stride", ctypes.c_ssize_t),
        ("format", ctypes.c_int32),
    ]


class Keypoint(ctypes.Structure):
    _fields_ = [("x", ctypes.c_float), ("y", ctypes.c_float), ("score", ctypes.c_float)]


class Person(ctypes.Structure):
    _fields_ = [("keypoints", ctypes.POINTER(Keypoint)), ("box", ctypes.c_float * 4), ("score", ctypes.c_float)]


class Options(ctypes.Structure):
    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        ("threads", ctypes.c_int32),
        ("input_width", ctypes.c_int32),
        ("input_height", ctypes.c_int32),
        ("batch", ctypes.c_int32),
        ("flip", ctypes.c_int32),
        ("flip_shift", ctypes.c_int32),
        ("crop", ctypes.c_double),
        ("max_memory", ctypes.c_int64),
        ("target", ctypes.c_char_p),
        ("pool", ctypes.c_void_p),
        ("detector", ctypes.c_void_p),
    ]


class PoseEstimator:
    """Finds poses with the model, of everybody whom the detector finds. For one thread at a time."""

    def __init__(self, model, detector=None, threads=1, library=None):
        self._detector, self._estimator, self._workspace = (ctypes.c_void_p() for _ in range(3))
        found = library or os.environ.get("LIMN_LIBRARY") or ctypes.util.find_library("limn")
        if not found:
            raise OSError("no shared library of limn: set LIMN_LIBRARY to liblimn.so's path")
        self._limn = ctypes.CDLL(found)
        self._limn.limn_keypoint_name.restype = ctypes.c_char_p
        self._limn.limn_people.restype = ctypes.POINTER(Person)
        options = Options(struct_size=ctypes.sizeof(Options), threads=threads)
        if detector is not None:
            self._call("limn_detector_open", os.fsencode(detector), None, ctypes.byref(self._detector))
            options.detector = self._detector
        self._call("limn_estimator_open", os.fsencode(model), ctypes.byref(options), ctypes.byref(self._estimator))
        self._call("limn_workspace_create", self._estimator, ctypes.byref(self._workspace))
        count = self._limn.limn_keypoint_count(self._estimator)
        self.names = [self._limn.limn_keypoint_name(self._estimator, k).decode("utf-8") for k in range(count)]

    def __call__(self, picture, order="RGB"):
        """[{"score", "box": x, y, width, height, "keypoints": array of (x, y, score) for each of self.names}], the surest
        first, in the picture's pixels."""
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != len(order):
            raise ValueError(f"expected bytes, height x width x {len(order)}, found {picture.dtype} {picture.shape}")
        if picture.strides[1:] != (len(order), 1):  # rows may lie anywhere, pixels beside one another
            picture = np.ascontiguousarray(picture)
        height, width = picture.shape[:2]
        image = Image(picture.ctypes.data, width, height, picture.strides[0], ORDERS[order])
        self._call("limn_estimate_all", self._estimator, self._workspace, ctypes.byref(image))
        count = ctypes.c_size_t()
        people = self._limn.limn_people(self._workspace, ctypes.byref(count))
        return [
            {
                "score": person.score,
                "box": list(person.box),
                "keypoints": np.array([(k.x, k.y, k.score) for k in person.keypoints[: len(self.names)]], np.float32),
            }
            for person in people[: count.value]
        ]

    def __del__(self):
        for kind, handle in (("workspace", self._workspace), ("estimator", self._estimator), ("detector", self._detector)):
            if handle:
                getattr(self._limn, f"limn_{kind}_free")(handle)

    def _call(self, name, *arguments):
        error = Error()
        if getattr(self._limn, name)(*arguments, ctypes.byref(error)) != 0:
            raise RuntimeError(error.message.decode("utf-8", "replace"))


def read_ppm(path):
    """A picture as `ffmpeg -i photo.jpg photo.ppm` writes it: https://netpbm.sourceforge.net/doc/ppm.html."""
    with open(path, "rb") as file:
        if file.readline() != b"P6\n":
            raise ValueError(f"{path}: expected a PPM file, P6")
        width, height = map(int, file.readline().split())
        if int(file.readline()) != 255:
            raise ValueError(f"{path}: expected bytes")
        return np.frombuffer(file.read(3 * width * height), np.uint8).reshape(height, width, 3)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: people.py MODEL DETECTOR PHOTO.ppm")
    estimator = PoseEstimator(sys.argv[1], sys.argv[2])
    for number, person in enumerate(estimator(read_ppm(sys.argv[3])), 1):
        print(f"person {number}: {person['score']:.4f}")
        for name, (x, y, score) in zip(estimator.names, person["keypoints"]):
            print(f"  {name:<16} {x:7.2f} {y:7.2f}  {score:.4f}")
