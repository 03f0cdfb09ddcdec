#!/usr/bin/env python3
"""Cleans crowd-sourced keypoints by agreement with a first model: left and right that were taken for each other are
exchanged back, and places that the model is sure are elsewhere are left out. Or completes labels that lack keypoints
which the model knows.

Needs numpy. The first model's poses come from limn itself:

    limn evaluate ANNOTATIONS.json --model FIRST.safetensors --flip --results POSES.json
    clean_labels.py ANNOTATIONS.json POSES.json CLEANED.json
"""

import argparse
import json
import sys

try:
    import numpy as np
except ImportError:
    sys.exit("clean_labels.py: numpy is missing (on Debian: apt install python3-numpy)")

from limn_convert.files import replaced
from limn_convert.options import number
from limn_train import TrainError
from limn_train.annotations import annotations_of, read_json
from limn_train.cleaning import clean, completed
from limn_train.scores import size_of


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="clean_labels.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("annotations", metavar="ANNOTATIONS.json", help="in COCO's keypoint format")
    add("poses", metavar="POSES.json", help="what the first model found: `limn evaluate --results`")
    add("output", metavar="CLEANED.json", help="the same annotations with other keypoints")
    share = number(0, 1)
    add("--least-score", type=share, default=0.3, metavar="SCORE", help="with which a keypoint may vote on its side")
    add("--confident", type=share, default=0.6, metavar="SCORE", help="from which a label far away is left out")
    add("--add", nargs="+", default=[], metavar="KEYPOINT", help="to take from the model where unlabelled")
    add("--only-add", action="store_true", help="leave the labels that are there as they are")
    add("--sure", type=share, default=0.5, metavar="SCORE", help="from which a keypoint is added (default: 0.5)")
    return parser.parse_args(arguments)


def read_poses(path, keypoints):
    """{annotation id: (K, 3) x, y, score}"""
    document, _ = read_json(path)
    poses = {}
    for number, entry in enumerate(document if isinstance(document, list) else [None]):
        where = f"{path}: [{number}]"
        if not isinstance(entry, dict):
            raise TrainError(f"{path}: expected a list of COCO results")
        if type(entry.get("annotation_id")) is not int:
            raise TrainError(f"{where}: annotation_id: expected a number, as `limn evaluate --results` writes it")
        try:
            pose = np.array(entry.get("keypoints"), float).reshape(keypoints, 3)
        except (ValueError, TypeError):
            raise TrainError(f"{where}: keypoints: expected {3 * keypoints} numbers") from None
        poses[entry["annotation_id"]] = pose
    return poses


def photo_size_of(person):
    if person.photo_size is None:
        raise TrainError(f"{person.photo}: --add needs its width and height in the annotations")
    return person.photo_size


def clean_file(options):
    """Returns what to tell the user."""
    document, sha256 = read_json(options.annotations)
    annotations = annotations_of(options.annotations, document, sha256)
    skeleton = annotations.skeleton
    poses = read_poses(options.poses, len(skeleton.keypoints))
    unknown = [name for name in options.add if name not in skeleton.keypoints]
    if unknown:
        raise TrainError(f"--add {unknown[0]}: not among the annotations' keypoints, {', '.join(skeleton.keypoints)}")
    wanted = [skeleton.keypoints.index(name) for name in options.add]
    people = halves = labels = left_out = seen = added = 0
    for person in annotations.people:
        entry = document["annotations"][person.entry]
        pose = poses.get(entry.get("id"))
        if pose is None:
            continue
        seen += 1
        labels += int(person.labelled.sum())
        before = np.reshape(entry["keypoints"], (-1, 3)).astype(float)
        after, found, scores = before, pose[:, :2], pose[:, 2]
        if not options.only_add:
            size = size_of(person, skeleton.keypoints)
            cleaned = clean(after, found, scores, size, skeleton, options.least_score, options.confident)
            after = cleaned.triples
            people += cleaned.exchanged > 0
            halves += cleaned.exchanged
            left_out += cleaned.left_out
        if wanted:
            after, count = completed(after, found, scores, photo_size_of(person), wanted, options.sure)
            added += count
        if (after != before).any():
            entry["keypoints"] = [int(v) if v == int(v) else v for v in after.ravel().tolist()]
            entry["num_keypoints"] = int((after[:, 2] > 0).sum())
    if seen == 0:
        raise TrainError(f"{options.poses}: nobody in it is in {options.annotations}")
    with replaced(options.output) as temporary, open(temporary, "w", encoding="utf-8") as file:
        json.dump(document, file)
    exchanged = f"sides exchanged in {people} of {seen} people (upper and lower bodies: {halves})"
    also = f", {added} added" if wanted else ""
    return f"{exchanged}, {left_out} of {labels} labels left out{also}"


def main(arguments=None):
    options = parse(arguments)
    try:
        print(clean_file(options))
        return 0
    except TrainError as error:
        print(f"clean_labels.py: {error}", file=sys.stderr)
    except OSError as error:
        print(f"clean_labels.py: {error.filename or options.output}: {error.strerror or error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
