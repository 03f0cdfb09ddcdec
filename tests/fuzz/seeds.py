#!/usr/bin/env python3
"""seeds.py FOLDER: writes what fuzzing starts from, FOLDER/TARGET/NAME, and FOLDER/json.dict, the words of the documents.

All are small, since a small file is read ten thousand times in the time of a large one. What begins with "good" is as
it should be and must be read without complaint. Needs numpy; the ONNX files need onnx and are left out without it.
"""

import io
import json
import os
import re
import shutil
import struct
import sys
import tarfile
import zipfile
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "tools"))

import checkpoints
import quantized_models
from quantized_models import safetensors

# ---- Model files ---------------------------------------------------------------------------------------------------


def model_files():
    return {
        "good_empty": safetensors([]),
        "good_metadata": safetensors([("a.weight", "F16", (2, 3), bytes(12))], {"format": "pt", "limn": "{}"}),
        "good_several": safetensors(
            [
                ("a", "F32", (), struct.pack("<f", 1.5)),
                ("b", "F32", (2, 0, 3), b""),
                ("c", "F16", (1, 2, 1), b"\x00\x7c\x01\x00"),
                ("\u00e9", "F32", (1,), struct.pack("<f", float("inf"))),
            ]
        ),
        "good_int8": safetensors(
            [
                ("conv1.bias", "F32", (2,), struct.pack("<2f", 0.5, -1)),
                ("conv1.weight_scale", "F32", (2,), struct.pack("<2f", 0.01, 0.02)),
                ("conv1.weight", "I8", (2, 3, 1, 1), b"\x00\x01\x7f\x80\x81\xff"),
            ]
        ),
        "huge_shape": safetensors([("a", "F32", (2**31, 2**31, 0, 2**31), b"")]),
        "header_too_long": struct.pack("<Q", 2**63) + b"{}",
        "deep": struct.pack("<Q", 400) + b'{"a":' + b"[" * 395,
    }


# ---- Model documents -----------------------------------------------------------------------------------------------


def document(network, decoder, keypoints=3, **more):
    """A whole document of a small network."""
    names = ["nose", "left_eye", "right_eye", "left_ear", "right_ear"][:keypoints]
    result = {
        "version": 1,
        "name": "n",
        "network": network,
        "input": {
            "width": 32,
            "height": 32,
            "channels": "rgb",
            "mean": [0.5, 0.5, 0.5],
            "std": [0.25, 0.25, 0.25],
            "geometry": "affine",
        },
        "decoder": decoder,
    }
    if keypoints:
        result.update(keypoints=names, links=[[0, 1], [0, 2]], flip_pairs=[[1, 2]])
    result["input"].update(more.pop("input", {}))
    result.update(more)
    return result


def documents():
    deconv = {"channels": [2, 2], "kernel": [4, 3], "bias": True}
    resnet = {"type": "pose_resnet", "depth": 18, "width": 1, "deconv": deconv}
    bottleneck = {"type": "pose_resnet", "depth": 50, "width": 1, "deconv": {"channels": [1], "kernel": 2}}
    bottleneck.update(final_kernel=3, stride_on="1x1", output_activation="sigmoid", normalization="bias")
    several = {"type": "cmap_paf", "depth": 18, "upsample_channels": 2, "upsamples": 2, "flat_layers": 1}
    search = {"type": "part_affinity", "cmap_threshold": 0.1, "link_threshold": 0.1, "window": 5, "samples": 7}
    search.update(max_peaks=10, max_objects=10, min_keypoints=1)
    boxes = {"type": "center_net", "depth": 18, "width": 1, "deconv": {"channels": [1], "kernel": 4}}
    boxes.update(convolutions=True, head_channels=2, offsets=True, normalization="none", activation="none")
    source = {"url": "http://a", "sha256": "00", "license": "MIT", "trained_on": "x"}
    accuracy = [{"set": "s", "metric": "PCK@0.2", "value": 0.5}]
    precision = quantized_models.precision(deconvs=2, kept=["conv1"])
    precision.update(calibration={"inputs": 9, "photos": 3, "set": "s"}, loss={"snr": 33.25, "moved": 0.004})
    return {
        "good_argmax": document(resnet, {"type": "argmax", "offset": 0.5}),
        "good_quarter": document(resnet, {"type": "quarter_offset", "margin": 1}, input={"geometry": "stretch"}),
        "good_dark": document(bottleneck, {"type": "dark", "kernel": 3}, input={"padding": 1.5, "crop": 1.25}),
        "good_dark_udp": document(resnet, {"type": "dark_udp", "draw_threshold": 0.2}, input={"geometry": "udp"}),
        "good_hrnet": document({"type": "hrnet", "width": 1}, {"type": "argmax"}, source=source, accuracy=accuracy),
        "good_several": document(several, search, input={"geometry": "letterbox", "resample": "nearest"}),
        "good_int8": document(resnet, {"type": "argmax"}, precision=precision),
        "good_boxes": document(boxes, {"type": "center", "threshold": 0.1, "max_people": 9, "iou": 0.5}, keypoints=0),
    }


def whole_models():
    """Documents with patterns of weights behind them, see estimate.cpp, and one model file as it is."""
    seeds = {}
    for name, value in documents().items():
        if name != "good_hrnet":  # not narrow enough to be fast
            for pattern in (b"", b"\x00\x2c\x11\xa8\x55", b"\xff\x7b\x00\xfb\x00\x3c"):
                seeds["%s_%d" % (name, len(pattern))] = json.dumps(value).encode() + b"\x00" + pattern
    resnet = documents()["good_argmax"]
    resnet["network"] = dict(resnet["network"], deconv={"channels": [1], "kernel": 2}, normalization="none")
    shapes = checkpoints.shapes_of(keypoints=3, deconvs=((1, 2),), base=1, normalization="none")
    tensors = []
    for name, shape in shapes.items():
        count = 1
        for extent in shape:
            count *= extent
        tensors.append((name, "F16", shape, struct.pack("<e", 0.25) * count))
    seeds["good_file"] = safetensors(tensors, {"limn": json.dumps(resnet)})
    return seeds


# ---- Pictures ------------------------------------------------------------------------------------------------------


def png(width, height, bits, color_type, rows, chunks=b"", interlace=0):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, interlace)
    end = chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunk(*pair) for pair in chunks) + end


def bmp(width, height, bits, rows, palette=b""):
    offset = 54 + len(palette)
    head = b"BM" + struct.pack("<IHHI", offset + len(rows), 0, 0, offset)
    colors = len(palette) // 4
    return head + struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, 0, len(rows), 0, 0, colors, 0) + palette + rows


def tiff(orientation):
    """Exif data with one entry, the orientation."""
    return b"II*\x00\x08\x00\x00\x00\x01\x00" + struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0) + bytes(4)


def pictures():
    # The JPEG files of the tests, which libjpeg-turbo wrote: one is grey, one is progressive and in colour.
    with open(os.path.join(ROOT, "tests", "image", "io_test.cpp"), encoding="utf-8") as file:
        texts = re.findall(r'char\* const \w+_jpeg =\n((?:\s+"[0-9a-f]+"\n?)+);', file.read())
    jpegs = [bytes.fromhex("".join(re.findall("[0-9a-f]+", text))) for text in texts]
    assert len(jpegs) >= 2, "the JPEG files of tests/image/io_test.cpp are not where they were"
    seeds = {"good_jpeg_%d" % i: data for i, data in enumerate(jpegs)}
    exif = b"Exif\x00\x00" + tiff(6)
    seeds["good_jpeg_turned"] = jpegs[0][:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpegs[0][2:]
    row = bytes(range(1, 25))
    seeds.update(
        good_png_rgb=png(8, 5, 8, 2, b"".join(bytes([f]) + row for f in range(5)), [(b"eXIf", tiff(3))]),
        good_png_rgba_16=png(3, 2, 16, 6, (b"\x00" + row) * 2),
        good_png_palette=png(4, 3, 4, 3, b"\x00\x01\x20" * 3, [(b"PLTE", row[:12]), (b"tRNS", b"\x00\x80")]),
        good_png_gray_interlaced=png(9, 9, 1, 0, bytes(100), interlace=1),
        good_bmp_24=bmp(2, 3, 24, bytes(range(24))),
        good_bmp_8=bmp(4, -2, 8, bytes([0, 1, 1, 0] * 2), bytes(range(8))),
        good_bmp_4=bmp(3, 2, 4, b"\x01\x00\x00\x00" * 2, bytes(range(8))),
        good_bmp_16=bmp(2, 1, 16, b"\x12\x34\x56\x78"),
        png_of_a_terapixel=png(2**24, 2**16, 8, 2, b""),
    )
    return seeds


# ---- COCO's files --------------------------------------------------------------------------------------------------


def coco_files():
    images = [{"id": 7, "file_name": "photos/a.jpg", "width": 40, "height": 30}, {"id": 42, "file_name": "b.jpg"}]
    person = {"id": 1, "image_id": 7, "category_id": 1, "bbox": [1, 2.5, 30, 20], "iscrowd": 0, "area": 600.0}
    person.update(keypoints=[1, 2, 2, 0, 0, 0], headbox=[1, 2, 3, 4])
    crowd = {"image_id": 42, "iscrowd": 1, "segmentation": {"counts": [1, 2]}}
    category = {"id": 1, "name": "person", "keypoints": ["nose", "left_eye"], "sigmas": [0.026, 0.025]}
    other = {"id": 3, "name": "cat", "supercategory": None}
    result = {"image_id": 42, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.75, "keypoints": [1, 2, 0.5]}
    return {
        "good_annotations": {"images": images, "annotations": [person, crowd], "categories": [other, category]},
        "good_results": [result, {"image_id": 7, "category_id": 3}],
        "good_nobody": {"images": [], "annotations": []},
        "good_nothing": [],
        "twice": {"images": images + images, "annotations": []},
    }


# ---- Shards --------------------------------------------------------------------------------------------------------


def shards():
    def shard(kind, *names):
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w", format=kind) as tar:
            for i, name in enumerate(names):
                member = tarfile.TarInfo(name)
                member.size = 300 * i
                tar.addfile(member, io.BytesIO(bytes(member.size)))
        return archive.getvalue().rstrip(b"\0") + bytes(2048)  # of the end, which is of 10 KiB, as much as is needed

    long = "folder/" * 40 + "a.jpg"
    return {
        "good_ustar": shard(tarfile.USTAR_FORMAT, "a.jpg", "b/c.png", "f" * 90 + "/" + "d" * 60),
        "good_gnu": shard(tarfile.GNU_FORMAT, "a.jpg", long, "b.jpg"),
        "good_pax": shard(tarfile.PAX_FORMAT, "\u00e9.jpg", long, "b.jpg"),
        "cut_short": shard(tarfile.USTAR_FORMAT, "a.jpg", "b.jpg")[:1400],
    }


# ---- Checkpoints and ONNX files, for python_fuzzer.py --------------------------------------------------------------


def checkpoint_files():
    narrow = checkpoints.arrays_of(keypoints=16, deconvs=((1, 2),), base=1, normalization="none")
    boxes = checkpoints.arrays_for(checkpoints.center_net_shapes(deconvs=((1, 2),), base=1))
    small = {"state_dict": {"conv1.weight": narrow["conv1.weight"], "bias": narrow["final_layer.bias"]}, "epoch": 1}
    return {
        "no_network_zip": checkpoints.zip_checkpoint(small),
        "no_network_legacy": checkpoints.legacy_checkpoint(small),
        "good_zip": checkpoints.zip_checkpoint(narrow, byteorder="little"),
        "good_legacy": checkpoints.legacy_checkpoint(narrow),
        "good_wrapped": checkpoints.zip_checkpoint(
            {"epoch": 3, "state_dict": {"module." + name: value for name, value in boxes.items()}},
            compression=zipfile.ZIP_DEFLATED,
        ),
    }


def onnx_files():
    """Pose-ResNet-18 as narrow as can be, batch norm folded; empty without onnx."""
    try:
        from onnx import TensorProto, helper
    except ImportError:
        return {}
    nodes, weights = [], []

    def conv(kind, value, name, out, channels, kernel, stride, padding):
        shape = (channels, out, kernel, kernel) if kind == "ConvTranspose" else (out, channels, kernel, kernel)
        count = out * channels * kernel * kernel
        weights.append(helper.make_tensor(name + ".weight", TensorProto.FLOAT, shape, [0.25] * count))
        weights.append(helper.make_tensor(name + ".bias", TensorProto.FLOAT, (out,), [0.5] * out))
        attributes = {"strides": [stride] * 2, "pads": [padding] * 4, "kernel_shape": [kernel] * 2}
        nodes.append(helper.make_node(kind, [value, name + ".weight", name + ".bias"], [name], name, **attributes))
        return name

    def node(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    x = node("Relu", [conv("Conv", "input", "conv1", 1, 3, 7, 2, 3)], "relu1")
    x = node("MaxPool", [x], "pool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = 1
    for layer in range(4):
        width = 2**layer
        for block in range(2):
            at = "layer%d.%d." % (layer + 1, block)
            stride = 2 if layer > 0 and block == 0 else 1
            y = node("Relu", [conv("Conv", x, at + "conv1", width, channels, 3, stride, 1)], at + "relu1")
            y = conv("Conv", y, at + "conv2", width, width, 3, 1, 1)
            if channels != width:
                x = conv("Conv", x, at + "downsample.0", width, channels, 1, stride, 0)
            x = node("Relu", [node("Add", [y, x], at + "add")], at + "relu2")
            channels = width
    x = node("Relu", [conv("ConvTranspose", x, "deconv_layers.0", 1, channels, 2, 2, 0)], "relu3")
    conv("Conv", x, "final_layer", 16, 1, 1, 1, 0)
    picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 64, 64])
    heatmaps = helper.make_tensor_value_info("final_layer", TensorProto.FLOAT, [1, 16, 4, 4])
    graph = helper.make_graph(nodes, "g", [picture], [heatmaps], weights)
    return {"good_resnet": helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)]).SerializeToString()}


# ---- Writing them --------------------------------------------------------------------------------------------------


def all_seeds():
    """{target: {name: bytes}}"""

    def texts(values):
        return {name: json.dumps(value).encode() for name, value in values.items()}

    return {
        "model_file": model_files(),
        "model_document": texts(documents()),
        "picture": pictures(),
        "coco_file": texts(coco_files()),
        "shard": shards(),
        "estimate": whole_models(),
        "checkpoint": checkpoint_files(),
        "onnx": onnx_files(),
    }


def words(value):
    """All keys and texts of a document."""
    if isinstance(value, dict):
        return set(value).union(*map(words, value.values()))
    if isinstance(value, list):
        return set().union(*map(words, value))
    return {value} if isinstance(value, str) else set()


def main():
    (folder,) = sys.argv[1:]
    for target, seeds in all_seeds().items():
        shutil.rmtree(os.path.join(folder, target), ignore_errors=True)  # those of an earlier time
        os.makedirs(os.path.join(folder, target))
        for name, data in seeds.items():
            with open(os.path.join(folder, target, name), "wb") as file:
                file.write(data)
    known = words([documents(), coco_files()]) | {"dtype", "shape", "data_offsets", "__metadata__", "F32", "F16", "I8", "limn"}
    with open(os.path.join(folder, "json.dict"), "w", encoding="utf-8") as file:
        file.writelines('"\\"%s\\""\n' % word for word in sorted(known))


if __name__ == "__main__":
    main()
