"""Reads people from annotations in COCO's keypoint format."""

import hashlib
import json
import math
import os
from typing import List, NamedTuple, Optional, Tuple

import numpy as np

from limn_convert.skeletons import SKELETONS, Skeleton, flip_pairs_by_name

from . import TrainError


class Person(NamedTuple):
    photo: str  # path
    photo_size: Optional[Tuple[int, int]]  # width, height as annotated
    box: Tuple[float, float, float, float]  # x, y, width, height in pixels
    places: np.ndarray  # (K, 2): x, y in pixels
    labelled: np.ndarray  # (K,) bool: visible or hidden, but there
    entry: int = -1  # number in the file's annotations


class Annotations(NamedTuple):
    skeleton: Skeleton
    people: List[Person]
    sha256: str  # of the file

    def summary(self):
        return f"{len(self.people)} people"


def read_json(path):
    """(what the file holds, the file's sha256)"""
    try:
        with open(path, "rb") as file:
            data = file.read()
        return json.loads(data.decode("utf-8")), hashlib.sha256(data).hexdigest()
    except OSError as error:
        raise TrainError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise TrainError(f"{path}: not valid JSON: {error}") from None


def read_annotations(path, images=None):
    """People with a box and a labelled keypoint, crowds left out. images: the photos' folder (default: the file's)."""
    return annotations_of(path, *read_json(path), images)


def annotations_of(path, document, sha256, images=None):
    """What read_annotations() gives, of a file that was read."""
    if not isinstance(document, dict):
        raise TrainError(f"{path}: expected an object with images, annotations and categories")
    categories = [c for c in _entries(path, document, "categories") if c.get("keypoints")]
    if len(categories) != 1:
        raise TrainError(f"{path}: expected one category with keypoints, found {len(categories)}")
    skeleton = _skeleton(path, categories[0])
    photos = _photos(path, document, images)

    people = []
    for number, entry in enumerate(_entries(path, document, "annotations")):
        if entry.get("iscrowd") or entry.get("category_id", categories[0].get("id")) != categories[0].get("id"):
            continue
        where = f"{path}: annotations[{number}]"
        if entry.get("image_id") not in photos:
            raise TrainError(f"{where}: image_id: expected the id of one of the images")
        triples = np.array(_numbers(where, entry, "keypoints", 3 * len(skeleton.keypoints)), float).reshape(-1, 3)
        box = tuple(_numbers(where, entry, "bbox", 4))
        labelled = triples[:, 2] > 0
        if labelled.any() and box[2] > 0 and box[3] > 0:
            photo, size = photos[entry["image_id"]]
            people.append(Person(photo, size, box, triples[:, :2].copy(), labelled, number))
    if not people:
        raise TrainError(f"{path}: nobody in it has both a box and a labelled keypoint")
    return Annotations(skeleton, people, sha256)


class Photo(NamedTuple):
    """A photo and everybody in it."""

    file: str
    size: Optional[Tuple[int, int]]  # width, height as annotated
    boxes: np.ndarray  # (N, 4): x, y, width, height in pixels
    ignored: np.ndarray  # (N,) bool: crowds, of which it is not known where each person is


class Boxes(NamedTuple):
    photos: List[Photo]
    sha256: str  # of the file

    def summary(self):
        return f"{sum(len(photo.boxes) for photo in self.photos)} people in {len(self.photos)} photos"


def read_boxes(path, images=None):
    """The photos and the boxes of people in them, from annotations in COCO's format; keypoints are not needed.

    People are the category named person, or the only one. images: the photos' folder (default: the file's).
    """
    document, sha256 = read_json(path)
    if not isinstance(document, dict):
        raise TrainError(f"{path}: expected an object with images, annotations and categories")
    categories = _entries(path, document, "categories")
    people = [c for c in categories if c.get("name") == "person"] or categories
    if len(people) != 1:
        raise TrainError(f"{path}: expected one category named person, found {len(people)}")
    photos = _photos(path, document, images)
    found = {number: ([], []) for number in photos}
    for number, entry in enumerate(_entries(path, document, "annotations")):
        if entry.get("category_id", people[0].get("id")) != people[0].get("id"):
            continue
        where = f"{path}: annotations[{number}]"
        if entry.get("image_id") not in photos:
            raise TrainError(f"{where}: image_id: expected the id of one of the images")
        box = _numbers(where, entry, "bbox", 4)
        if box[2] > 0 and box[3] > 0:
            boxes, ignored = found[entry["image_id"]]
            boxes.append(box)
            ignored.append(bool(entry.get("iscrowd")))
    result = [
        Photo(*photos[number], np.array(boxes, float).reshape(-1, 4), np.array(ignored, bool))
        for number, (boxes, ignored) in found.items()
    ]
    if not any(len(photo.boxes) for photo in result):
        raise TrainError(f"{path}: nobody in it has a box")
    return Boxes(result, sha256)


def with_keypoints(annotations, names):
    """The same people with the keypoints `names`, matched by name; what they do not have is not labelled."""
    own = annotations.skeleton.keypoints
    source = np.array([own.index(name) if name in own else -1 for name in names])
    if (source < 0).all():
        raise TrainError(f"the validation's keypoints are {', '.join(own)}: none of those trained on")
    people = []
    for person in annotations.people:
        labelled = person.labelled[source] & (source >= 0)
        if labelled.any():
            people.append(person._replace(places=person.places[source], labelled=labelled))
    return annotations._replace(people=people)


def _photos(path, document, images):
    """{id: (path, (width, height) or None)}"""
    folder = os.path.dirname(path) if images is None else images
    photos = {}
    for number, image in enumerate(_entries(path, document, "images")):
        if type(image.get("id")) is not int or not isinstance(image.get("file_name"), str):
            raise TrainError(f"{path}: images[{number}]: expected an id and a file_name")
        size = (image.get("width"), image.get("height"))
        photos[image["id"]] = (os.path.join(folder, image["file_name"]), size if None not in size else None)
    return photos


def _entries(path, document, key):
    entries = document.get(key)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise TrainError(f"{path}: {key}: expected a list of objects")
    return entries


def _numbers(where, entry, key, count):
    values = entry.get(key)
    good = isinstance(values, list) and len(values) == count
    if not good or not all(type(v) in (int, float) and math.isfinite(v) for v in values):
        raise TrainError(f"{where}: {key}: expected {count} numbers")
    return values


def _skeleton(path, category):
    """The category's keypoints; names that limn knows have its links where the file has none."""
    names = category["keypoints"]
    if not isinstance(names, list) or not all(isinstance(n, str) and n for n in names) or len(set(names)) < len(names):
        raise TrainError(f"{path}: categories: keypoints: expected different names")
    known = [skeleton for skeleton in SKELETONS.values() if skeleton.keypoints == names]
    name = known[0].name if known else f"{category.get('name', 'keypoints')}{len(names)}"
    links = known[0].links if known else []
    if category.get("skeleton"):
        links = category["skeleton"]
        numbers = range(1, len(names) + 1)
        pairs = isinstance(links, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in links)
        if not pairs or not all(a in numbers and b in numbers and a != b for a, b in links):
            raise TrainError(f"{path}: categories: skeleton: expected pairs of keypoint numbers, counted from 1")
        links = [(a - 1, b - 1) for a, b in links]
    return Skeleton(name, names, links, flip_pairs_by_name(names))
