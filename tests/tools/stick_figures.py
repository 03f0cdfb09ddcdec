"""Drawn people with known keypoints, as photos and annotations in COCO's format: what a short training can learn."""

import json
import os
import struct
import zlib

import numpy as np

from limn_program import png_chunk

SIDES = ("left", "right")
JOINTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
NAMES = ["head"] + [f"{side}_{joint}" for joint in JOINTS for side in SIDES]
LIMBS = [("shoulder", "elbow"), ("elbow", "wrist"), ("shoulder", "hip"), ("hip", "knee"), ("knee", "ankle")]
LINKS = [(NAMES.index(f"{side}_{a}"), NAMES.index(f"{side}_{b}")) for a, b in LIMBS for side in SIDES]
LINKS += [(NAMES.index(f"left_{joint}"), NAMES.index(f"right_{joint}")) for joint in ("shoulder", "hip")]
SIZE = 96  # pixels of a photo's side


def figure(random):
    """(13, 2) places of somebody who faces us: the left side is the picture's right one. Nothing else tells sides."""
    places = {}
    height = random.uniform(60, 76)
    down = np.deg2rad(90 + random.uniform(-12, 12))  # of the torso's direction
    neck = np.array([SIZE / 2, SIZE / 2 - 0.30 * height]) + random.uniform(-6, 6, 2)

    def towards(start, angle, length):
        return start + length * height * np.array([np.cos(angle), np.sin(angle)])

    hips = towards(neck, down, 0.33)
    places["head"] = towards(neck, down + np.pi + random.uniform(-0.2, 0.2), 0.13)
    for side, sign in zip(SIDES, (1, -1)):
        out = -sign * np.pi / 2  # from down towards this side
        places[f"{side}_shoulder"] = towards(neck, down + out, 0.12)
        places[f"{side}_hip"] = towards(hips, down + out, 0.09)
        upper = down - sign * random.uniform(0.3, 2.4)
        places[f"{side}_elbow"] = towards(places[f"{side}_shoulder"], upper, 0.18)
        places[f"{side}_wrist"] = towards(places[f"{side}_elbow"], upper - sign * random.uniform(-0.9, 0.9), 0.17)
        thigh = down - sign * random.uniform(0.05, 0.7)
        places[f"{side}_knee"] = towards(places[f"{side}_hip"], thigh, 0.22)
        places[f"{side}_ankle"] = towards(places[f"{side}_knee"], thigh + sign * random.uniform(-0.1, 0.5), 0.22)
    return np.array([places[name] for name in NAMES])


def draw(places, random):
    """(SIZE, SIZE, 3) uint8: strokes and a disc on a ground of another brightness, with noise."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(float)
    ground = random.uniform(120, 255, 3) if random.random() < 0.5 else random.uniform(0, 100, 3)
    ink = ground + np.where(ground > 110, -1, 1) * random.uniform(70, 110, 3)
    picture = np.broadcast_to(ground, (SIZE, SIZE, 3)).copy()
    for a, b in LINKS:
        start, along = places[a], places[b] - places[a]
        share = np.clip(((x - start[0]) * along[0] + (y - start[1]) * along[1]) / (along @ along), 0, 1)
        distance = np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1])
        picture[distance < 1.6] = ink
    picture[np.hypot(x - places[0][0], y - places[0][1]) < 6] = ink
    return np.clip(picture + random.normal(0, 8, picture.shape), 0, 255).astype(np.uint8)


def write_png(path, picture):
    height, width, _ = picture.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), picture.reshape(height, -1)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (png_chunk(b"IHDR", header), png_chunk(b"IDAT", zlib.compress(rows.tobytes(), 1)), png_chunk(b"IEND", b""))
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def document(count, seed):
    """COCO's JSON of so many people, each in a photo of its own, and the pictures by file name."""
    random = np.random.default_rng(seed)
    category = {"id": 1, "name": "person", "keypoints": NAMES, "skeleton": [[a + 1, b + 1] for a, b in LINKS]}
    annotations = {"images": [], "annotations": [], "categories": [category]}
    pictures = {}
    for number in range(1, count + 1):
        places = figure(random)
        name = f"{number:04d}.png"
        pictures[name] = draw(places, random)
        low, high = places.min(axis=0) - 4, places.max(axis=0) + 4
        keypoints = np.concatenate([places, np.full((len(NAMES), 1), 2)], axis=1)
        annotations["images"].append({"id": number, "file_name": name, "width": SIZE, "height": SIZE})
        annotations["annotations"].append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "iscrowd": 0,
                "bbox": [*low.tolist(), *(high - low).tolist()],
                "area": float(np.prod(high - low)),
                "num_keypoints": len(NAMES),
                "keypoints": keypoints.ravel().tolist(),
            }
        )
    return annotations, pictures


def write(folder, count, seed):
    """Returns the path of annotations.json, with the photos beside it."""
    annotations, pictures = document(count, seed)
    os.makedirs(folder, exist_ok=True)
    for name, picture in pictures.items():
        write_png(os.path.join(folder, name), picture)
    path = os.path.join(folder, "annotations.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(annotations, file)
    return path
