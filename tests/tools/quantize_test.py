#!/usr/bin/env python3
"""Tests of `limn quantize`; LIMN_PROGRAM names the program. The models are small, of every family, with random weights.

Needs numpy.
"""

import json
import os
import signal
import struct
import sys
import unittest

try:
    import numpy as np
except ImportError:
    print("skipped: numpy is missing")
    sys.exit(77)

import dot_detector
from dot_detector import Dot
from limn_program import ROOT, STALL, ProgramTest, grey_photo, png, skip_without_program

sys.path.insert(0, os.path.join(ROOT, "tools"))

from limn_convert.model_file import write_model
from limn_convert.networks import CenterNet, CmapPaf, HRNet, PoseResNet

skip_without_program()

SIDE = 64
POSE_RESNET = PoseResNet(18, 3, ((8, 4), (6, 4)), 4)
FAMILIES = {
    "pose_resnet": POSE_RESNET,
    "hrnet": HRNet(3, 4),
    "cmap_paf": CmapPaf(18, 4, 3, 8),
    "center_net": CenterNet(18, 3, ((8, 4), (6, 4))),
}
KEPT = ("conv1.weight", "bn1.weight", "bn1.running_var")


def random_tensors(network, seed=3):
    """{name: values}: about as large as trained ones, so that the signal gets through."""
    rng = np.random.default_rng(seed)
    found = {}
    for name, shape in network.shapes.items():
        if len(shape) == 4:
            found[name] = rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape).astype("<f2")
        elif name.endswith("running_var"):
            found[name] = rng.uniform(0.5, 1.5, shape).astype("<f4")
        elif name.endswith("weight"):
            found[name] = rng.uniform(0.3, 1, shape).astype("<f4")
        else:
            found[name] = rng.uniform(-0.1, 0.1, shape).astype("<f4")
    return found


def document_of(network, **changes):
    several = network.document["type"] == "cmap_paf"
    decoder = {"type": "center", "threshold": 0} if not network.keypoints else {"type": "argmax", "draw_threshold": 0}
    decoder = {"type": "part_affinity"} if several else decoder
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    entry = {"version": 1, "name": "small", "network": network.document, "decoder": decoder}
    entry["input"] = {"width": SIDE, "height": SIDE, "channels": "rgb", "mean": mean, "std": std, "geometry": "affine"}
    if network.keypoints:
        entry["keypoints"] = ["k%d" % n for n in range(network.keypoints)]
        entry["links"] = [[0, 1], [1, 2], [2, 3]]
    entry.update(changes)
    return entry


def noise(seed, width=SIDE, height=SIDE):
    """A photo of patches of colour."""
    patches = np.random.default_rng(seed).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3))
    pixels = np.repeat(np.repeat(patches, 8, axis=0), 8, axis=1)[:height, :width]
    return png(width, height, 2, 8, pixels.reshape(-1).tolist())


def read_safetensors(data):
    """(tensors, metadata) as the file has them."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = (entry["dtype"], entry["shape"], data[8 + length + begin : 8 + length + end])
    return tensors, metadata


class QuantizeTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.make_model("small.safetensors", POSE_RESNET)
        for number in range(4):
            self.write("photos/%d.png" % number, noise(number))

    def make_model(self, name, options, **changes):
        network = options.network()
        write_model(self.path(name), random_tensors(network), document_of(network, **changes))

    def quantize(self, *arguments, model="small.safetensors", photos=("photos", "--no-detector"), **options):
        """The report as JSON."""
        command = ("quantize", model, *photos, "-o", "out.safetensors", "--json", "-", *arguments)
        return json.loads(self.limn(*command, **options)[0])

    def precision(self, name="out.safetensors"):
        return json.loads(read_safetensors(self.read(name))[1]["limn"])["precision"]


class TheModel(QuantizeTest):
    def test_has_8_bit_weights_and_no_batch_norm(self):
        self.quantize()
        floats, _ = read_safetensors(self.read("small.safetensors"))
        tensors, metadata = read_safetensors(self.read("out.safetensors"))
        convolutions = [name for name in floats if name.endswith(".weight") and len(floats[name][1]) == 4]
        expected = set()
        for name in convolutions:
            at = name[: -len("weight")]
            expected |= {name, at + "weight_scale", at + "bias"}
            self.assertEqual(tensors[name][:2], ("I8", floats[name][1]))
            self.assertLessEqual(np.abs(np.frombuffer(tensors[name][2], np.int8).astype(int)).max(), 127)
            self.assertGreater(np.frombuffer(tensors[at + "weight_scale"][2], "<f4").min(), 0)
        self.assertEqual(set(tensors), expected)
        self.assertEqual(metadata["format"], "pt")

    def test_has_the_weights_of_the_float_one_rounded(self):
        self.quantize()
        floats, _ = read_safetensors(self.read("small.safetensors"))
        tensors, _ = read_safetensors(self.read("out.safetensors"))

        def values(name, dtype="<f4", found=floats):
            return np.frombuffer(found[name][2], dtype).astype(float)

        weight = values("layer2.0.conv1.weight", "<f2").reshape(6, -1)
        factor = values("layer2.0.bn1.weight") / np.sqrt(values("layer2.0.bn1.running_var") + 1e-5)
        scale = values("layer2.0.conv1.weight_scale", found=tensors)
        rounded = values("layer2.0.conv1.weight", np.int8, tensors).reshape(6, -1)
        apart = np.abs(weight * factor[:, None] - rounded * scale[:, None])
        within = np.abs(rounded) < 127
        self.assertLess((apart / scale[:, None])[within].max(), 0.51)
        bias = values("layer2.0.bn1.bias") - values("layer2.0.bn1.running_mean") * factor
        self.assertLess(np.abs(values("layer2.0.conv1.bias", found=tensors) - bias).max(), 0.02)

    def test_says_how_it_was_made_and_not_what_was_measured_of_the_other(self):
        source = {"url": "https://x.org/y", "license": "MIT"}
        accuracy = [{"set": "val", "metric": "PCK@0.2", "value": 0.25}]
        self.make_model("scored.safetensors", POSE_RESNET, source=source, accuracy=accuracy, remark=[1, 2])
        report = self.quantize(model="scored.safetensors")
        _, metadata = read_safetensors(self.read("out.safetensors"))
        document = json.loads(metadata["limn"])
        self.assertNotIn("accuracy", document)
        self.assertEqual((document["name"], document["source"], document["remark"]), ("small", source, [1, 2]))
        precision = document["precision"]
        self.assertEqual(precision["calibration"], {"inputs": 4, "photos": 4, "set": "photos"})
        self.assertAlmostEqual(precision["loss"]["snr"], report["loss"]["snr"], places=6)
        self.assertEqual(precision["maps"]["input"][1], 128)
        self.assertEqual(precision["maps"]["relu"][1], 0)
        self.assertNotIn("final_layer", precision["maps"])
        self.assertNotIn("maxpool", precision["maps"])
        shown = json.loads(self.limn("info", "--json", "out.safetensors")[0])
        self.assertEqual(shown["document"]["precision"]["maps"], precision["maps"])

    def test_of_every_family_computes_about_what_the_float_one_does(self):
        for family, options in FAMILIES.items():
            with self.subTest(family):
                self.make_model(family, options)
                report = self.quantize(model=family)
                self.assertGreater(report["loss"]["snr"], 15)
                self.assertEqual(report["inputs"], 4)
                layers = json.loads(self.limn("info", "--json", "out.safetensors")[0])["layers"]
                kinds = {layer["type"] for layer in layers}
                self.assertIn("QuantizedConv2d", kinds)
                self.assertNotIn("Conv2d", kinds)
                self.assertEqual("QuantizedAdd" in kinds, family == "hrnet")

    def test_is_the_same_whatever_the_number_of_threads(self):
        reports = []
        for threads in ("1", "2", "3"):
            report = self.quantize("--threads", threads, "--max-loss", "0.1")
            reports.append((report, self.read("out.safetensors")))
        self.assertEqual(reports[1], reports[0])
        self.assertEqual(reports[2], reports[0])

    def test_takes_less_room(self):
        report = self.quantize()
        self.assertEqual(report["source"], {"file": "small.safetensors", "bytes": len(self.read("small.safetensors"))})
        self.assertEqual(report["result"], {"file": "out.safetensors", "bytes": len(self.read("out.safetensors"))})

    def test_that_is_8_bit_already_is_refused(self):
        self.quantize()
        command = ("quantize", "out.safetensors", "photos", "--no-detector", "-o", "again.safetensors")
        self.fails(2, *command, says=["out.safetensors", "8 bit"])
        self.assertNotIn("again.safetensors", self.files())


class Layers(QuantizeTest):
    def test_that_are_kept_keep_their_tensors(self):
        report = self.quantize("--keep", "conv1", "final_layer")
        floats, _ = read_safetensors(self.read("small.safetensors"))
        tensors, _ = read_safetensors(self.read("out.safetensors"))
        for name in (*KEPT, "final_layer.weight", "final_layer.bias"):
            self.assertEqual(tensors[name], floats[name], name)
        self.assertNotIn("conv1.weight_scale", tensors)
        precision = self.precision()
        self.assertEqual(precision["float"], ["conv1", "final_layer"])
        self.assertNotIn("input", precision["maps"])
        self.assertNotIn("deconv_layers.5", precision["maps"])
        self.assertEqual(report["kept"], ["conv1", "final_layer"])
        more = self.quantize("--keep", "conv1", "--keep", "final_layer", "--keep=layer1.0.conv2")
        self.assertEqual(more["kept"], ["conv1", "final_layer", "layer1.0.conv2"])

    def test_that_are_not_there_cannot_be_kept(self):
        for name in ("conv9", "relu", "bn1"):
            command = ("quantize", "small.safetensors", "photos", "-o", "out.safetensors", "--keep=" + name)
            self.fails(2, *command, says=["--keep", name, "conv1"])

    def test_that_cost_most_are_put_back_until_the_loss_is_small_enough(self):
        worst = self.quantize()
        before = worst["loss"]["moved"]
        self.assertGreater(before, 0)  # else the test says nothing
        report = self.quantize("--max-loss", "0", "--keep", "conv1")
        self.assertEqual(report["loss"]["moved"], 0)
        self.assertGreater(report["loss_before"]["moved"], 0)
        names = [layer["name"] for layer in report["put_back"]]
        self.assertGreater(len(names), 0)
        decibels = [layer["snr"] for layer in report["put_back"]]
        self.assertEqual(decibels, sorted(decibels))
        self.assertEqual(self.precision()["float"], sorted(["conv1", *names]))
        self.assertEqual(self.precision()["loss"]["moved"], 0)
        enough = self.quantize("--max-loss", "1")
        self.assertEqual((enough["put_back"], enough["loss"]), ([], worst["loss"]))

    def test_are_listed_with_scale_range_and_noise(self):
        report = self.quantize()
        maps = {entry["name"]: entry for entry in report["maps"]}
        names = list(maps)
        self.assertEqual(names[:3], ["input", "relu", "maxpool"])
        self.assertEqual(names[-1], "final_layer")
        self.assertNotIn("scale", maps["final_layer"])
        self.assertEqual(maps["maxpool"]["scale"], maps["relu"]["scale"])
        self.assertNotIn("clipped", maps["maxpool"])
        for entry in maps.values():
            self.assertGreater(entry["snr"], 5)
            if "range" in entry:
                levels = 127 if entry["zero_point"] == 128 else 255
                self.assertAlmostEqual(entry["scale"] * levels / entry["range"], 1, places=5)
                largest = max(-entry["least"], entry["largest"])
                self.assertEqual(entry["clipped"], entry["range"] < largest)
        out, _ = self.limn("quantize", "small.safetensors", "photos", "--no-detector", "-o", "out.safetensors")
        self.assertRegex(out, r"(?m)^relu +[\d.e-]+ +0 +0 +[\d.]+ +(all|clipped at [\d.]+) +[\d.]+$")
        self.assertRegex(out, r"(?m)^maxpool .* as relu +[\d.]+$")
        self.assertIn("\n4 inputs from 4 photos\n23 of 23 convolutions in 8 bit\n", out)
        self.assertRegex(out, r"(?m)^outputs: [\d.]+ dB of signal to noise; [\d.]+% of \d+ maxima moved by more than a cell$")
        self.assertRegex(out, r"small.safetensors, [\d,]+ bytes -> out.safetensors, [\d,]+ bytes\n$")


class Photos(QuantizeTest):
    def annotate(self, boxes, **more):
        """`boxes`: of each photo."""
        people, images = [], []
        for number, of_photo in enumerate(boxes):
            images.append({"id": number, "file_name": "%d.png" % number, "width": SIDE, "height": SIDE})
            people += [{"image_id": number, "category_id": 1, "bbox": box, "iscrowd": 0} for box in of_photo]
        document = {"images": images, "annotations": people, "categories": [{"id": 1, "name": "person"}], **more}
        self.write("photos/labels.json", json.dumps(document))

    def test_show_people_in_the_boxes_of_annotations(self):
        self.annotate([[[0, 0, 30, 60], [30, 0, 30, 60]], [], [[5, 5, 50, 50]], [[1, 1, 0, 9]]])
        report = self.quantize(photos=("photos/labels.json",))
        self.assertEqual((report["inputs"], report["photos"]), (3, 2))
        self.assertEqual(self.precision()["calibration"]["set"], "labels.json")
        elsewhere = self.quantize(photos=("photos/labels.json", "--images", "photos"))
        self.assertEqual(elsewhere, report)

    def test_of_annotations_are_seen_whole_by_networks_of_several_people(self):
        self.annotate([[[0, 0, 30, 60], [30, 0, 30, 60]], [], [[5, 5, 50, 50]], []])
        self.make_model("several", FAMILIES["cmap_paf"])
        report = self.quantize(model="several", photos=("photos/labels.json",))
        self.assertEqual((report["inputs"], report["photos"]), (4, 4))

    def test_of_annotations_are_cropped_as_they_are_evaluated(self):
        """The box of the whole photo gives what the whole photo does, another something else."""
        self.annotate([[[0, 0, SIDE, SIDE]]] * 4)
        whole = self.quantize(photos=("photos/labels.json",))
        maps = self.precision()["maps"]
        self.quantize()
        self.assertEqual(self.precision()["maps"], maps)
        self.annotate([[[10, 10, 20, 30]]] * 4)
        self.assertNotEqual(self.quantize(photos=("photos/labels.json",))["maps"], whole["maps"])

    def test_are_searched_for_people_by_the_detector(self):
        self.write("dots.safetensors", dot_detector.model())
        self.write("people/0.png", dot_detector.photo(Dot(32, 32, 40, 60), Dot(96, 64, 50, 90)))
        self.write("people/1.png", dot_detector.photo())
        self.write("people/2.png", dot_detector.photo(Dot(64, 64, 30, 60)))
        report = self.quantize(photos=("people", "--detector", "dots.safetensors"))
        self.assertEqual((report["inputs"], report["photos"], report["failed_photos"]), (3, 2, 0))
        environment = {"LIMN_DETECTOR": self.path("dots.safetensors")}
        self.assertEqual(self.quantize(photos=("people",), environment=environment), report)
        self.write("nobody/0.png", dot_detector.photo())
        command = ("quantize", "small.safetensors", "nobody", "--detector", "dots.safetensors", "-o", "new")
        self.fails(2, *command, says=["detector finds nobody"])
        self.assertNotIn("new", self.files())

    def test_are_no_more_than_are_asked_for_spread_over_all(self):
        for number in range(4, 12):
            self.write("photos/%02d.png" % number, noise(number))
        report = self.quantize("--photos", "3")
        self.assertEqual((report["inputs"], report["photos"]), (3, 3))
        names = sorted(name for name in self.files("photos"))
        chosen = ["photos/" + names[0], "photos/" + names[4], "photos/" + names[8]]
        self.assertEqual(self.quantize(photos=(*chosen, "--no-detector"))["maps"], report["maps"])
        self.annotate([[[0, 0, 30, 60], [30, 0, 30, 60]]] * 4)
        report = self.quantize("--photos", "3", photos=("photos/labels.json",))
        self.assertEqual((report["inputs"], report["photos"]), (3, 3))
        for wrong in ("0", "-1", "many"):
            self.fails(2, "quantize", "small.safetensors", "photos", "-o", "x", "--photos=" + wrong, says=["--photos"])

    def test_that_cannot_be_read_are_named_and_left_out(self):
        self.write("photos/1.png", "no picture")
        command = ("quantize", "small.safetensors", "photos", "nowhere.png", "--no-detector", "-o", "out.safetensors")
        out, err = self.limn(*command, status=1)
        self.assertIn("limn: photos/1.png: ", err)
        self.assertIn("limn: nowhere.png: ", err)
        self.assertIn("limn: 2 of 5 photos could not be done\n", err)
        self.assertIn("3 inputs from 3 photos", out)
        self.limn("info", "out.safetensors")
        self.annotate([[[0, 0, 30, 60]], [[0, 0, 30, 60]], [[90, 0, 30, 60]], []])
        out, err = self.limn("quantize", "small.safetensors", "photos/labels.json", "-o", "out.safetensors", status=1)
        self.assertIn("photos/1.png", err)
        self.assertIn("photos/2.png: box", err)
        self.assertIn("1 input from 1 photo\n", out)

    def test_that_are_none_leave_nothing_to_do(self):
        self.write("broken.png", "no picture")
        _, err = self.limn("quantize", "small.safetensors", "broken.png", "--no-detector", "-o", "new", status=2)
        self.assertIn("no photo could be done", err)
        self.write("nobody.json", json.dumps({"images": [], "annotations": [], "categories": []}))
        self.fails(2, "quantize", "small.safetensors", "nobody.json", "-o", "new", says=["nobody.json", "nobody"])
        self.write("results.json", "[]")
        self.fails(2, "quantize", "small.safetensors", "results.json", "-o", "new", says=["results.json"])
        self.assertNotIn("new", self.files())

    def test_and_options_have_to_go_together(self):
        self.annotate([[[0, 0, 30, 60]]] * 4)
        self.make_model("several", FAMILIES["cmap_paf"])
        self.make_model("detector", FAMILIES["center_net"])
        small = ("quantize", "small.safetensors")
        self.fails(2, *small, "photos", "-o", "x", "--images", "photos", "--no-detector", says=["--images"])
        self.fails(2, *small, "photos/labels.json", "-o", "x", "--detector", "detector", says=["--detector"])
        self.fails(2, *small, "photos/labels.json", "-o", "x", "--no-detector", says=["--no-detector"])
        self.fails(2, *small, "photos", "-o", "x", "--detector", "d", "--no-detector", says=["--no-detector"])
        for model in ("several", "detector"):
            self.fails(2, "quantize", model, "photos", "-o", "x", "--detector", "detector", says=["--detector"])
        self.fails(2, *small, "photos", says=["--output"])
        self.fails(2, "quantize", "nowhere.safetensors", "photos", "-o", "x", says=["nowhere.safetensors"])
        for share in ("-0.1", "1.5", "much"):
            self.fails(2, *small, "photos", "-o", "x", "--max-loss=" + share, says=["--max-loss"])


class Files(QuantizeTest):
    def test_that_are_read_are_never_written(self):
        before = self.read("small.safetensors")
        os.symlink(self.path("small.safetensors"), self.path("link"))
        self.write("photos/labels.json", json.dumps({"images": [], "annotations": [], "categories": []}))
        command = ("quantize", "small.safetensors", "photos", "--no-detector", "-o")
        for output in ("small.safetensors", "link", "photos/../small.safetensors", "photos/1.png"):
            self.fails(2, *command, output, says=["-o " + output])
        self.fails(2, *command, "out", "--json", "small.safetensors", says=["--json small.safetensors"])
        self.fails(2, *command, "out", "--json", "out", says=["--json out"])
        self.fails(2, *command, "nowhere/out", says=["nowhere/out"])
        self.fails(2, *command, "photos", says=["photos", "else than a file"])
        self.assertEqual(self.read("small.safetensors"), before)
        self.assertEqual(self.files(), ["link", "photos", "small.safetensors"])

    def test_stay_as_they_are_after_an_interrupt(self):
        self.write("out.safetensors", "old")
        command = ("quantize", "small.safetensors", "photos/0.png", STALL, "--no-detector", "-o", "out.safetensors")
        with self.stalled(*command, "--threads", "1") as program:
            program.wait_until_read()
            program.send_signal(signal.SIGINT)
            program.feed(grey_photo(SIDE, SIDE))
            out, err = program.communicate()
        self.assertEqual((program.returncode, out), (128 + signal.SIGINT, b""), err)
        self.assertEqual(self.read("out.safetensors"), b"old")
        self.assertEqual([name for name in self.files() if ".part" in name], [])


if __name__ == "__main__":
    unittest.main()
