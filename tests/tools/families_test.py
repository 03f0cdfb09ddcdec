#!/usr/bin/env python3
"""Holds Python's description of every family of networks (tools/limn_convert/networks.py) against C++'s, as `limn info
--json` shows it: layers, what they read, shapes, numbers of parameters, tensors, and what each option may be.

LIMN_PROGRAM names the program. Needs numpy.
"""

import io
import json
import os
import sys
import unittest
from contextlib import redirect_stderr

try:
    import numpy as np
except ImportError:
    print("skipped: numpy is missing")
    sys.exit(77)

from limn_program import ROOT, ProgramTest, skip_without_program

sys.path.insert(0, os.path.join(ROOT, "tools"))

from limn_convert import ConvertError
from limn_convert.model_file import write_model
from limn_convert.networks import BASE_CHANNELS, BOUNDS, CHANNELS, DECONV_KERNELS, DECONVS, RESNETS, WIDTHS
from limn_convert.networks import CenterNet, CmapPaf, HRNet, PoseResNet

skip_without_program()

SIZE = (64, 96)
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
TYPES = {"Conv": "Conv2d", "ConvTranspose": "ConvTranspose2d", "MaxPool": "MaxPool2d", "Relu": "ReLU"}
TYPES.update({"Mul": "Multiply", "nearest": "Upsample"})
STYLES = [{"normalization": n, "activation": a} for n in BOUNDS["normalization"] for a in BOUNDS["activation"]]

POSE_RESNET = PoseResNet(18, 4, ((8, 4), (6, 4), (4, 4)), 5)
CENTER_NET = CenterNet(18, 4, ((8, 4), (6, 4)))
HRNET = HRNet(2, 5)
CMAP_PAF = CmapPaf(18, 5, 4, 8)


def document_of(network):
    """A model file's document for it."""
    decoder = {"type": "argmax" if network.keypoints else "center"}
    input_ = {"width": SIZE[1], "height": SIZE[0], "channels": "rgb", **IMAGENET}
    document = {"version": 1, "name": network.name, "network": network.document}
    document.update({"input": {**input_, "geometry": "affine"}, "decoder": decoder})
    if network.keypoints:
        links = [[n % network.keypoints, (n + 1) % network.keypoints] for n in range(network.links or 0)]
        document.update({"keypoints": ["k%d" % n for n in range(network.keypoints)], "links": links})
    return document


def output_shape(layer, inputs):
    """What a layer makes of maps of these shapes, by its kind alone."""
    channels, *sides = inputs[0]
    conv = layer.convolution
    if conv and conv.transposed:
        change = -2 * conv.padding + conv.kernel + conv.output_padding
        return [conv.out] + [(side - 1) * conv.stride + change for side in sides]
    if conv:
        return [conv.out] + [(side + 2 * conv.padding - conv.kernel) // conv.stride + 1 for side in sides]
    if layer.kind == "MaxPool 3x3, stride 2, padding 1":
        return [channels] + [(side - 1) // 2 + 1 for side in sides]
    if layer.kind.startswith("nearest upsampling by "):
        return [channels] + [side * int(layer.kind.split()[-1]) for side in sides]
    return inputs[0]


def layers_of(network):
    """[name, type, names of what it reads, output shape, parameters] as info is to list them."""
    names, shapes, rows = {0: "input"}, {0: [3, *SIZE]}, []

    def parameters(name):
        parts = (network.shapes.get("%s.%s" % (name, part)) for part in ("weight", "bias"))
        return sum(int(np.prod(shape)) for shape in parts if shape)

    for layer in network.layers:
        shape = output_shape(layer, [shapes[value] for value in layer.inputs])
        word = layer.kind.split()[0]
        inputs = [names[value] for value in layer.inputs]
        rows.append([layer.name, TYPES.get(word, word), inputs, shape, parameters(layer.name)])
        names[layer.output], shapes[layer.output] = layer.name, shape
        if layer.norm:
            rows.append([layer.norm, "BatchNorm2d", [layer.name], shape, parameters(layer.norm)])
            names[layer.output] = layer.norm
    return rows, [names[value] for value in network.outputs]


class Layers(ProgramTest):
    def info(self, network, document):
        tensors = {name: np.zeros(shape, "<f2" if len(shape) == 4 else "<f4") for name, shape in network.shapes.items()}
        write_model(self.path("model.safetensors"), tensors, document)
        return json.loads(self.limn("info", "--json", "model.safetensors")[0])

    def check(self, options):
        network = options.network()
        with self.subTest(options):
            found = self.info(network, document_of(network))
            layers, outputs = layers_of(network)
            keys = ("name", "type", "inputs", "output", "parameters")
            self.assertEqual([[layer[key] for key in keys] for layer in found["layers"]], layers)
            self.assertEqual(list(found["outputs"].values()), outputs)
            self.assertEqual(found["parameters"], network.parameters())
            shapes = [(tensor["name"], tuple(tensor["shape"])) for tensor in found["tensors"]]
            self.assertEqual(shapes, list(network.shapes.items()))
            sides = [layer["output"][1:] for layer in found["layers"] if layer["name"] == outputs[0]]
            self.assertEqual(sides, [[side // network.stride for side in SIZE]])

    def test_go_with_a_document_that_is_read_as_it_is_shown(self):
        rest = {
            "source": {"url": "https://x.org/y", "sha256": "0a", "license": "MIT", "trained_on": "z"},
            "accuracy": [{"set": "val", "metric": "PCK@0.2", "value": 0.25}],
        }
        for options, decoder in (
            (POSE_RESNET._replace(depth=50, final_kernel=3, stride_on="1x1", output_activation="sigmoid"), "dark"),
            (POSE_RESNET._replace(width=BASE_CHANNELS, deconvs=((8, 3), (6, 2)), **STYLES[-1]), "quarter_offset"),
            (HRNET._replace(final_kernel=3, **STYLES[3]), "argmax"),
            (CENTER_NET._replace(deconv_bias=True, **STYLES[-1]), "center"),
            (CENTER_NET._replace(convolutions=True, head_channels=3, offsets=False), "center"),
            (CMAP_PAF, "dark_udp"),
            (CMAP_PAF._replace(upsamples=2, flat_layers=1, attention=False), "part_affinity"),
        ):
            network = options.network()
            document = {**document_of(network), **rest, "decoder": {"type": decoder, "offset": 1.5}}
            if network.keypoints:
                document["flip_pairs"] = [[0, 1]]
            shown = self.info(network, document)["document"]
            self.assertEqual(set(shown), set(document))
            if "deconv" in document["network"]:
                document["network"]["deconv"]["kernel"] = [kernel for _, kernel in options.deconvs]
            for key, value in document.items():
                found = {k: shown[key][k] for k in value} if isinstance(value, dict) else shown[key]
                self.assertEqual(found, value, (options, key))
            self.assertEqual(self.info(network, shown)["document"], shown)

    def test_of_simple_baselines_are_those_of_limn(self):
        for depth in RESNETS:
            self.check(POSE_RESNET._replace(depth=depth))
        for style in STYLES:
            self.check(POSE_RESNET._replace(**style))
        for changes in (
            {"width": 7, "keypoints": 1, "final_kernel": 3},
            {"deconvs": ((3, 2),), "deconv_bias": True},
            {"deconvs": ((8, 4), (7, 3), (6, 2), (5, 4), (4, 4)), "output_activation": "sigmoid"},
            {"depth": 50, "stride_on": "1x1", "normalization": "bias"},
        ):
            self.check(POSE_RESNET._replace(**changes))

    def test_of_person_detectors_are_those_of_limn(self):
        for depth in (18, 50):
            self.check(CENTER_NET._replace(depth=depth))
        for style in STYLES:
            self.check(CENTER_NET._replace(convolutions=True, head_channels=3, **style))
        for changes in (
            {"deconvs": ((3, 2),), "deconv_bias": True},
            {"convolutions": True, "offsets": False},
            {"width": 5, "head_channels": 6},
        ):
            self.check(CENTER_NET._replace(**changes))

    def test_of_hrnets_are_those_of_limn(self):
        self.check(HRNET._replace(width=3, final_kernel=3))
        for style in STYLES:
            self.check(HRNET._replace(**style))

    def test_of_networks_with_part_affinity_fields_are_those_of_limn(self):
        for changes in (
            {"depth": 34},
            {"attention": False},
            {"upsamples": 5, "flat_layers": 1},
            {"upsamples": 1, "flat_layers": 2, "attention": False, "links": 1},
        ):
            self.check(CMAP_PAF._replace(**changes))

    def test_of_hrnet_whose_first_branch_is_as_wide_as_the_stem_are_those_of_limn(self):
        """Then the first transition to it is left out, which its tensors must be."""
        network = HRNET._replace(width=256).network()
        write_model(self.path("model.safetensors"), {}, document_of(network))
        self.assertNotIn("transition1.0.0.weight", network.shapes)
        missing = len(network.shapes) - 1
        first = next(iter(network.shapes))
        self.fails(2, "info", "model.safetensors", says=[f"tensor {first}: missing", f"and {missing} more"])


class Bounds(ProgramTest):
    """A document without any tensors: the program first reads the one and then misses the others."""

    def says(self, document):
        write_model(self.path("model.safetensors"), {}, document)
        return self.fails(2, "info", "model.safetensors")[1]

    def check(self, name, options, smallest, largest, put, at):
        """What is within is built by both sides, and what is one beyond refused by both. put(options, value) gives the
        options; at: the document's place for them, for one that Python does not build."""
        for value in {smallest, largest}:
            network = put(options, value).network()
            self.assertIn("missing", self.says(document_of(network)), (name, value))
        document = document_of(options.network())
        for value in (smallest - 1, largest + 1):
            with self.assertRaises(ConvertError, msg=(name, value)):
                put(options, value).network()
            said = self.says(at(json.loads(json.dumps(document)), value))
            self.assertIn("metadata 'limn': ", said, (name, value))
            self.assertIn("expected", said, (name, value))
            self.assertNotIn("missing", said, (name, value))

    def check_field(self, options, name, field, bounds=None):
        """Of an option that is a number in the document's network."""
        bounds = bounds or BOUNDS[name]

        def at(document, value):
            document["network"][field] = value
            return document

        self.check(name, options, bounds[0], bounds[-1], lambda o, value: o._replace(**{name: value}), at)

    def test_of_numbers_are_those_of_limn(self):
        for options, name in (
            (POSE_RESNET, "width"),
            (CENTER_NET, "width"),
            (HRNET, "width"),
            (CENTER_NET, "head_channels"),
            (CMAP_PAF, "upsample_channels"),
            (CMAP_PAF, "upsamples"),
            (CMAP_PAF, "flat_layers"),
        ):
            self.check_field(options, name, name)

    def test_of_depths_and_kernels_are_those_of_limn(self):
        for options in (POSE_RESNET, CENTER_NET, CMAP_PAF):
            for depth in BOUNDS["depth"]:
                self.check_field(options, "depth", "depth", (depth, depth))
        for options in (POSE_RESNET, HRNET):
            for kernel in BOUNDS["final_kernel"]:
                self.check_field(options, "final_kernel", "final_kernel", (kernel, kernel))

    def test_of_deconvolutions_are_those_of_limn(self):
        def with_channels(options, value):
            return options._replace(deconvs=((8, 4), (value, 4)))

        def with_kernel(options, value):
            return options._replace(deconvs=((8, 4), (6, value)))

        def with_number(options, value):
            return options._replace(deconvs=((8, 4),) * value)

        def put(changes):
            def at(document, value):
                document["network"]["deconv"].update(changes(value))
                return document

            return at

        for options in (POSE_RESNET, CENTER_NET):
            options = options._replace(deconvs=((8, 4), (6, 4)))
            for name, bounds, change, at in (
                ("channels", CHANNELS, with_channels, put(lambda value: {"channels": [8, value]})),
                ("kernel", DECONV_KERNELS, with_kernel, put(lambda value: {"kernel": [4, value]})),
                ("number", DECONVS, with_number, put(lambda value: {"channels": [8] * value})),
            ):
                self.check(name, options, bounds[0], bounds[-1], change, at)

    def test_of_keypoints_and_links_are_those_of_limn(self):
        def keypoints(document, value):
            document["keypoints"] = ["k%d" % n for n in range(value)]
            document["links"] = document["links"] if value > 1 else []
            return document

        def links(document, value):
            document["links"] = [[0, 1]] * value
            return document

        largest = BOUNDS["keypoints"][-1]
        for options in (POSE_RESNET, HRNET):
            self.check("keypoints", options, 1, largest, lambda o, value: o._replace(keypoints=value), keypoints)
        largest = BOUNDS["links"][-1]
        self.check("links", CMAP_PAF, 1, largest, lambda o, value: o._replace(links=value), links)

    def test_of_words_are_those_of_limn(self):
        for options, names in (
            (POSE_RESNET, ("stride_on", "output_activation", "normalization", "activation")),
            (CENTER_NET, ("normalization", "activation")),
            (HRNET, ("normalization", "activation")),
        ):
            for name in names:
                for word in BOUNDS[name]:
                    document = document_of(options._replace(**{name: word}).network())
                    self.assertIn("missing", self.says(document))
                with self.assertRaises(ConvertError):
                    options._replace(**{name: "other"}).network()
                document["network"][name] = "other"
                said = self.says(document)
                for word in BOUNDS[name]:
                    self.assertIn(f'"{word}"', said)

    def test_of_train_py_s_options_are_these(self):
        try:
            import train
        except SystemExit:
            self.skipTest("PyTorch is missing")
        for option, bounds in (("--width", WIDTHS), ("--head", CHANNELS)):
            for value in (bounds[0], bounds[-1]):
                train.parse(["a.json", "b.safetensors", f"{option}={value}"])
            for value in (bounds[0] - 1, bounds[-1] + 1):
                with redirect_stderr(io.StringIO()), self.assertRaises(SystemExit):
                    train.parse(["a.json", "b.safetensors", f"{option}={value}"])


if __name__ == "__main__":
    unittest.main()
