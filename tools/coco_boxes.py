#!/usr/bin/env python3
"""Makes COCO annotations, for `train.py --detector` and `limn evaluate --metric boxes`, of photos whose boxes are in
YOLO's format: folders with images/ and labels/, in these a line for each box or polygon, `class x y ...` in parts of
the photo's size. All of them are taken for people.

Needs Pillow.
"""

import argparse
import hashlib
import json
import os
import re
import statistics
import sys

try:
    from PIL import Image
except ImportError:
    sys.exit("coco_boxes.py: Pillow is missing (on Debian: apt install python3-pil)")

EPILOG = """\
Roboflow's copies of a photo, turned, darkened or not, share the name before `.rf.`: what is left out goes with all of
its copies.
"""


TURNED_ASPECT = 1.2  # width / height of a photo's median person from which on the photo is taken for a turned one
GROUP_ASPECT = 1.5  # width / height from which on a box is taken for a group's


class BoxError(Exception):
    pass


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="coco_boxes.py", description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("output", metavar="OUT.json")
    add("folders", nargs="+", metavar="FOLDER", help="with images/ and labels/")
    add("--leave-out", nargs="+", default=[], metavar="FOLDER", help="of photos that must not be among them")
    add(
        "--upright",
        action="store_true",
        help="leave out photos that were turned, by their people who are wider than high, and take boxes half as wide "
        "again as high for groups (iscrowd): no more is known of who is in them",
    )
    add("--skip", type=re.compile, metavar="REGEX", help="leave out photos in whose name this is found")
    return parser.parse_args(arguments)


def photos_in(folder):
    """Names of the pictures, in order."""
    return sorted(n for n in os.listdir(folder) if n.lower().endswith((".jpg", ".jpeg", ".png")))


def base_of(name):
    return os.path.splitext(name.split(".rf.")[0])[0]


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).digest()


def boxes_in(path, width, height):
    """[[x, y, width, height] in pixels, ...] of a file of labels."""
    boxes = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            words = line.split()
            if not words:
                continue
            try:
                values = [float(word) for word in words[1:]]
            except ValueError:
                values = []
            if len(values) == 4:
                x, y, across, down = values
                left, top, right, bottom = x - across / 2, y - down / 2, x + across / 2, y + down / 2
            elif len(values) >= 6 and len(values) % 2 == 0:
                left, right, top, bottom = *_ends(values[::2]), *_ends(values[1::2])
            else:
                raise BoxError(f"{path}: line {number}: expected a class and a box or a polygon")
            left, right = (min(max(x, 0), 1) * width for x in (left, right))
            top, bottom = (min(max(y, 0), 1) * height for y in (top, bottom))
            if right > left and bottom > top:
                boxes.append([round(value, 2) for value in (left, top, right - left, bottom - top)])
    return boxes


def _ends(values):
    return min(values), max(values)


def convert(options):
    """Writes the annotations; returns a line about them."""
    found = []
    for folder in options.folders:
        images = os.path.join(folder, "images")
        found += [(images, folder, name) for name in photos_in(images)]
    known = [os.path.join(folder, name) for folder in options.leave_out for name in photos_in(folder)]
    left_out = {base_of(os.path.basename(path)) for path in known if ".rf." in path}
    hashes = {sha256_of(path) for path in known}
    if hashes:
        left_out |= {base_of(name) for images, _, name in found if sha256_of(os.path.join(images, name)) in hashes}
    document = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "person"}]}
    for images, folder, name in found:
        if base_of(name) in left_out or (options.skip and options.skip.search(name)):
            continue
        path = os.path.join(images, name)
        with Image.open(path) as image:
            width, height = image.size
        boxes = boxes_in(os.path.join(folder, "labels", os.path.splitext(name)[0] + ".txt"), width, height)
        if options.upright and boxes and statistics.median(box[2] / box[3] for box in boxes) > TURNED_ASPECT:
            continue
        where = os.path.relpath(path, os.path.dirname(options.output) or ".")
        photo = {"id": len(document["images"]) + 1, "file_name": where, "width": width, "height": height}
        document["images"].append(photo)
        for box in boxes:
            crowd = int(options.upright and box[2] > GROUP_ASPECT * box[3])
            entry = {"id": len(document["annotations"]) + 1, "image_id": photo["id"], "category_id": 1, "iscrowd": crowd}
            document["annotations"].append({**entry, "bbox": box, "area": round(box[2] * box[3], 2)})
    with open(options.output, "w", encoding="utf-8") as file:
        json.dump(document, file)
    people, photos = len(document["annotations"]), len(document["images"])
    return f"{options.output}: {people} people in {photos} photos, {len(found) - photos} photos left out"


def main(arguments=None):
    options = parse(arguments)
    try:
        print(convert(options))
        return 0
    except BoxError as error:
        print(f"coco_boxes.py: {error}", file=sys.stderr)
    except OSError as error:
        print(f"coco_boxes.py: {error.filename}: {error.strerror or error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
