#!/usr/bin/env python3
"""Tests of tools/convert.py with ONNX files, which PyTorch makes of the networks of tests/reference.

Need numpy, PyTorch and onnx. Where the limn program is there, it also runs what comes out.
"""

import copy
import functools
import inspect
import io
import os
import subprocess
import sys
import unittest
import warnings
from contextlib import redirect_stderr, redirect_stdout
from unittest import mock

try:
    import numpy as np
    import onnx
    import torch
    from onnx import helper, numpy_helper
    from torch import nn
except ImportError as error:
    print("skipped: %s is missing" % error.name)
    sys.exit(77)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tools"), os.path.join(ROOT, "tests", "reference")]

import convert
import tensor_file
from checkpoints import imgclsmob_name, read_model
from center_net import CenterNet
from cmap_paf import CmapPaf, limn_name
from folder_test_case import FolderTestCase
from hrnet import HRNet
from limn_convert import onnx_match
from limn_convert.families import FAMILIES
from pose_resnet import PoseResNet, lip_name

PROGRAM = os.environ.get("LIMN_PROGRAM")
UNFOLDED = torch.onnx.TrainingMode.PRESERVE  # a network in eval mode as it is
FOLDED = torch.onnx.TrainingMode.EVAL  # with batch norm in the convolutions, but not in the transposed ones
SIZE = (64, 64)

torch.set_num_threads(1)

# Head and branches are narrow where the family leaves it open: name: (class, options, operator set)
NARROW = {"deconv_channels": (6, 5, 4)}
NETWORKS = {
    "resnet18": (PoseResNet, {"depth": 18, "keypoints": 16, **NARROW}, 11),
    "resnet18_half": (PoseResNet, {"depth": 18, "keypoints": 16, **NARROW, "channels": 32}, 11),
    "resnet34": (PoseResNet, {"depth": 34, "keypoints": 17, **NARROW, "deconv_kernels": (4, 3, 2)}, 17),
    "resnet50": (PoseResNet, {"depth": 50, "keypoints": 17, **NARROW, "deconv_bias": True}, 11),
    "resnet50_caffe": (PoseResNet, {"depth": 50, "keypoints": 17, **NARROW, "stride_on": "1x1"}, 9),
    "resnet101": (PoseResNet, {"depth": 101, "keypoints": 17, **NARROW, "final_kernel": 3, "channels": 16}, 13),
    "resnet152": (PoseResNet, {"depth": 152, "keypoints": 16, **NARROW, "stride_on": "1x1", "channels": 16}, 11),
    "lip": (
        PoseResNet,
        {"depth": 18, "keypoints": 16, "deconv_channels": (512,) * 3, "output_activation": "sigmoid"},
        11,
    ),
    "body": (CmapPaf, {"depth": 18, "keypoints": 18, "links": 21}, 11),
    "body_plain": (
        CmapPaf,
        {"depth": 18, "keypoints": 18, "links": 21, "upsample_channels": 8, "attention": False},
        17,
    ),
    "hand_flat": (
        CmapPaf,
        {"depth": 18, "keypoints": 21, "links": 20, "upsample_channels": 8, "num_upsample": 2, "num_flat": 2},
        10,
    ),
    "hrnet": (HRNet, {"width": 8, "keypoints": 17}, 11),
    "hrnet_9": (HRNet, {"width": 4, "keypoints": 16, "final_kernel": 3}, 9),
    "hrnet_10": (HRNet, {"width": 4, "keypoints": 16}, 10),
    "hrnet_17": (HRNet, {"width": 4, "keypoints": 16}, 17),
}
# PyTorch takes long to export a deep network, and folds one of another depth or operator set no differently.
DEEP_VARIANTS = ("resnet101", "resnet152", "hrnet_9", "hrnet_10", "hrnet_17")
FOLDED_NETWORKS = [name for name in NETWORKS if name not in DEEP_VARIANTS]


@functools.lru_cache(maxsize=None)
def make(name):
    """The network and its operator set; not to be changed."""
    class_, options, opset = NETWORKS[name]
    return randomise(class_(**options)), opset


def randomise(network):
    """Seeded weights of which none is alike or without effect, with values that neither vanish nor explode."""
    torch.manual_seed(11)
    state = network.state_dict()
    for name, value in state.items():
        if value.dim() == 4:
            value.normal_(0, (2 / value[0].numel()) ** 0.5)
        elif name.endswith((".bias", ".running_mean")):
            value.uniform_(-0.1, 0.1)
        elif value.dim() == 1:
            third = name.replace(".bn2.", ".bn3.")
            last = name.endswith(".bn3.weight") or name.endswith(".bn2.weight") and third not in state
            value.uniform_(0.5, 1.5).mul_(0.4 if last else 1.0)
    return network.eval()


def export(network, mode, opset, **options):
    """The ONNX file's bytes."""
    exporter, own = torch.onnx.export, {}
    # Shapes are in the file whether PyTorch infers them after every step or not, which takes it most of its time.
    if "onnx_shape_inference" in inspect.signature(torch.onnx.utils._export).parameters:
        exporter, own = torch.onnx.utils._export, {"onnx_shape_inference": False}
    file = io.BytesIO()
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        exporter(network, torch.zeros(1, 3, *SIZE), file, training=mode, opset_version=opset, **own, **options)
    return file.getvalue()


@functools.lru_cache(maxsize=None)
def exported(name, mode):
    network, opset = make(name)
    return export(network, mode, opset)


def model_of(data):
    model = onnx.ModelProto()
    model.ParseFromString(data)
    return model


def constants_of(model):
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def set_constant(model, name, values):
    for tensor in model.graph.initializer:
        if tensor.name == name:
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), name))
            return
    model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))


def node_of(model, op, number=0):
    return [node for node in model.graph.node if node.op_type == op][number]


def replace_input(model, old, new):
    for node in model.graph.node:
        for i, name in enumerate(node.input):
            if name == old:
                node.input[i] = new


def fold_deconvs(model):
    """Folds every batch norm that follows a transposed convolution, as other exporters do: in double precision."""
    aliases = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "Identity"}
    constants = constants_of(model)
    for deconv in [node for node in model.graph.node if node.op_type == "ConvTranspose"]:
        (norm,) = [node for node in model.graph.node if deconv.output[0] in node.input]
        assert norm.op_type == "BatchNormalization", norm.op_type
        weight, bias, mean, var = (constants[aliases.get(n, n)].astype("<f8") for n in norm.input[1:])
        scale = weight / np.sqrt(var + 1e-5)
        before = constants[deconv.input[2]] if len(deconv.input) > 2 else 0
        kernel = constants[deconv.input[1]] * scale[None, :, None, None]
        set_constant(model, deconv.input[1], kernel.astype("<f4"))
        name = deconv.output[0] + "_folded"
        set_constant(model, name, ((before - mean) * scale + bias).astype("<f4"))
        inputs = [*deconv.input[:2], name]
        del deconv.input[:]
        deconv.input.extend(inputs)
        deconv.output[0] = norm.output[0]
        model.graph.node.remove(norm)


def strip_names(model, seed=3):
    """Numbers instead of all names, and the nodes in another order in which each still comes after what it takes."""
    names = {"": ""}

    def number(name):
        return names.setdefault(name, str(len(names)))

    for value in (*model.graph.initializer, *model.graph.input, *model.graph.output):
        value.name = number(value.name)
    known = {value.name for value in (*model.graph.initializer, *model.graph.input)} | {""}
    waiting = list(model.graph.node)
    for node in waiting:
        node.name = ""
        node.input[:] = [number(name) for name in node.input]
        node.output[:] = [number(name) for name in node.output]
    random, ordered = np.random.RandomState(seed), []
    while waiting:
        ready = [i for i, node in enumerate(waiting) if all(name in known for name in node.input)]
        node = waiting.pop(ready[random.randint(len(ready))])
        known.update(node.output)
        ordered.append(node)
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in ordered]
    del model.graph.node[:]
    model.graph.node.extend(copies)
    del model.graph.value_info[:]


class OnnxTest(FolderTestCase):
    def run_convert(self, data, *options, name="in.onnx"):
        if isinstance(data, onnx.ModelProto):
            data = data.SerializeToString()
        arguments = [self.write(name, data), self.path("out.safetensors"), *options]
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = convert.main(arguments)
        return status, out.getvalue(), err.getvalue()

    def converts(self, data, *options, name="in.onnx"):
        """(document, arrays)."""
        status, _, err = self.run_convert(data, *options, name=name)
        self.assertEqual((status, err), (0, ""))
        return read_model(self.path("out.safetensors"))

    def refuses(self, data, *words, options=()):
        status, out, err = self.run_convert(data, *options)
        self.assertEqual((status, out, err.count("\n")), (1, "", 1), err)
        for word in words:
            self.assertIn(word, err)
        self.assertRegex(err, r"^convert\.py: .*in\.onnx: ")
        self.assertFalse(os.path.exists(self.path("out.safetensors")))
        return err

    def converted_checkpoint(self, name, *options):
        """What the .pth of the same network becomes."""
        class_, kind, _ = NETWORKS[name]
        state = make(name)[0].state_dict()
        if name == "lip":
            state = {lip_name(key): value for key, value in state.items()}
        file = io.BytesIO()
        torch.save(state, file)
        if kind.get("stride_on") == "1x1":
            options = (*options, "--stride-on", "1x1")
        return self.converts(file.getvalue(), *options, name="in.pth")

    def assert_same(self, found, expected):
        self.assertEqual(set(found), set(expected))
        for name, value in expected.items():
            self.assertEqual(found[name].shape, value.shape, name)
            self.assertEqual(found[name].tobytes(), value.tobytes(), name)

    def assert_computes_the_same(self, name, document, arrays):
        """A network built as the document says, with the arrays for weights, gives what the exported one gives."""
        class_, options, _ = NETWORKS[name]
        style = {key: document["network"][key] for key in ("normalization", "activation") if key in document["network"]}
        rebuilt = class_(**{**options, **style}).eval()
        change = limn_name if class_ is CmapPaf else str
        state = rebuilt.state_dict()
        wanted = {key: change(key) for key in state if change(key) and not key.endswith("num_batches_tracked")}
        self.assertEqual(set(arrays), set(wanted.values()))
        with torch.no_grad():
            for key, short in wanted.items():
                self.assertEqual(tuple(state[key].shape), arrays[short].shape, key)
                state[key].copy_(torch.from_numpy(arrays[short].copy()))
            torch.manual_seed(5)
            x = torch.randn(1, 3, *SIZE)
            expected, found = make(name)[0](x), rebuilt(x)
        if class_ is not CmapPaf:
            expected, found = (expected,), (found,)
        for e, f in zip(expected, found):
            self.assertGreater(float(e.std()), 1e-3)  # it says something
            self.assertLessEqual(float((e - f).abs().max()), 1e-4 * float(e.abs().max()))


# ---- What is read --------------------------------------------------------------------------------------------------


class Unfolded(OnnxTest):
    def test_each_network_is_read_bit_for_bit_as_its_checkpoint(self):
        for name in NETWORKS:
            with self.subTest(name):
                document, arrays = self.converts(exported(name, UNFOLDED))
                expected_document, expected = self.converted_checkpoint(name, "--input", "64x64")
                self.assert_same(arrays, expected)
                expected_document["source"]["sha256"] = document["source"]["sha256"]
                self.assertEqual(document, expected_document)

    def test_names_and_order_do_not_matter(self):
        for name in ("resnet50_caffe", "lip", "body", "body_plain", "hand_flat", "hrnet"):
            for seed in (1, 2):
                with self.subTest(name=name, seed=seed):
                    model = model_of(exported(name, UNFOLDED))
                    strip_names(model, seed)
                    family = ["--family", "microsoft"] if name.startswith("resnet") else []
                    document, arrays = self.converts(model, *family)
                    expected_document, expected = self.converted_checkpoint(name, "--input", "64x64")
                    self.assert_same(arrays, expected)
                    self.assertEqual(document["network"], expected_document["network"])
                    self.assertEqual(document["input"], expected_document["input"])

    def test_the_operands_of_sums_and_products_may_change_places(self):
        for name in ("body", "hrnet"):
            model = model_of(exported(name, UNFOLDED))
            for node in model.graph.node:
                if node.op_type in ("Add", "Mul"):
                    node.input[:] = reversed(node.input)
            self.assert_same(self.converts(model)[1], self.converted_checkpoint(name)[1])

    def test_the_two_outputs_of_trt_pose_may_change_places(self):
        model = model_of(exported("body", UNFOLDED))
        outputs = [onnx.ValueInfoProto.FromString(value.SerializeToString()) for value in model.graph.output]
        del model.graph.output[:]
        model.graph.output.extend(outputs[::-1])
        self.assert_same(self.converts(model)[1], self.converted_checkpoint("body")[1])

    def test_nodes_that_do_nothing_are_passed_over(self):
        model = model_of(exported("resnet18", UNFOLDED))
        types = onnx.TensorProto
        after = []
        for node in model.graph.node:
            after.append(node)
            if node.op_type in ("Relu", "MaxPool", "Add"):
                inner = [node.output[0] + "_%d" % i for i in range(6)]
                node_output, node.output[0] = node.output[0], inner[0]
                after += [
                    helper.make_node("Identity", inner[:1], inner[1:2]),
                    helper.make_node("Dropout", inner[1:2], inner[2:3]),
                    helper.make_node("Cast", inner[2:3], inner[3:4], to=types.FLOAT16),
                    helper.make_node("Cast", inner[3:4], inner[4:5], to=types.FLOAT),
                    helper.make_node("Constant", [], [node_output + "_zero"], value_float=0.0),
                    helper.make_node("Add", [node_output + "_zero", inner[4]], [node_output]),
                ]
        copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in after]
        del model.graph.node[:]
        model.graph.node.extend(copies)
        self.assert_same(self.converts(model)[1], self.converted_checkpoint("resnet18")[1])

    def test_weights_may_be_constant_nodes_or_inputs_or_cast(self):
        expected = self.converted_checkpoint("resnet18")[1]
        model = model_of(exported("resnet18", UNFOLDED))
        nodes = [helper.make_node("Constant", [], [t.name], value=t) for t in model.graph.initializer]
        nodes += [onnx.NodeProto.FromString(node.SerializeToString()) for node in model.graph.node]
        del model.graph.initializer[:]
        del model.graph.node[:]
        model.graph.node.extend(nodes)
        self.assert_same(self.converts(model)[1], expected)

        network, opset = make("resnet18")
        data = export(network, UNFOLDED, opset, keep_initializers_as_inputs=True)
        self.assertGreater(len(model_of(data).graph.input), 1)
        self.assert_same(self.converts(data)[1], expected)

        model = model_of(exported("resnet18", UNFOLDED))
        casts = []
        for name, values in constants_of(model).items():
            set_constant(model, name, values.astype("<f2"))
            casts.append(helper.make_node("Cast", [name], [name + "_f"], to=onnx.TensorProto.FLOAT))
            replace_input(model, name, name + "_f")
        nodes = casts + [onnx.NodeProto.FromString(node.SerializeToString()) for node in model.graph.node]
        del model.graph.node[:]
        model.graph.node.extend(nodes)
        halves = {name: value.astype("<f2").astype("<f4") for name, value in expected.items()}
        self.assert_same(self.converts(model)[1], halves)

    def test_training_mode_does_not_matter(self):
        model = model_of(exported("resnet18", UNFOLDED))
        for node in model.graph.node:
            if node.op_type == "BatchNormalization":
                del node.attribute[:]
                node.attribute.append(helper.make_attribute("training_mode", 1))
                node.output.extend([node.output[0] + "_mean", node.output[0] + "_var"])
        self.assert_same(self.converts(model)[1], self.converted_checkpoint("resnet18")[1])

    def test_a_bias_before_batch_norm_that_limn_s_network_has_not_moves_its_mean(self):
        model = model_of(exported("resnet18", UNFOLDED))
        conv = node_of(model, "Conv", 4)
        bias = np.linspace(-1, 1, 64, dtype="<f4")
        set_constant(model, "extra", bias)
        conv.input.append("extra")
        expected = self.converted_checkpoint("resnet18")[1]
        norm = next(node for node in model.graph.node if conv.output[0] in node.input)
        name = norm.input[3]
        expected[name] = expected[name] - bias
        self.assert_same(self.converts(model)[1], expected)

    def test_upsampling_may_compute_its_size(self):
        class ToSize(nn.Module):
            def __init__(self, factor):
                super().__init__()
                self.factor = factor

            def forward(self, x):
                return nn.functional.interpolate(x, size=(x.shape[2] * self.factor, x.shape[3] * self.factor))

        network = copy.deepcopy(make("hrnet")[0])
        for module in list(network.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, nn.Upsample):
                    setattr(module, name, ToSize(int(child.scale_factor)))
        axes = {"x": {0: "n", 2: "h", 3: "w"}}
        expected = self.converted_checkpoint("hrnet")[1]
        fixed = export(network, UNFOLDED, 11)
        free = export(network, UNFOLDED, 13, input_names=["x"], dynamic_axes=axes)
        self.assertIn("Shape", {node.op_type for node in model_of(free).graph.node})
        for data in (fixed, free):
            self.assert_same(self.converts(data)[1], expected)

    def test_ablations_are_seen(self):
        styles = [(norm, activation) for norm in ("bias", "none") for activation in ("relu", "none")]
        for name, styles_of_name in (("resnet50", styles), ("hrnet", [("none", "none")])):
            for normalization, activation in styles_of_name:
                with self.subTest(name, normalization=normalization, activation=activation):
                    class_, options, _ = NETWORKS[name]
                    own = {**options, "normalization": normalization, "activation": activation}
                    own.pop("deconv_bias", None)  # which is there anyway, or not at all
                    network = randomise(class_(**own))
                    document, arrays = self.converts(export(network, FOLDED, 11))
                    style = {k: document["network"].get(k, "relu") for k in ("normalization", "activation")}
                    self.assertEqual(style, {"normalization": normalization, "activation": activation})
                    state = {key: value.numpy() for key, value in network.state_dict().items()}
                    self.assert_same(arrays, state)


class Folded(OnnxTest):
    def test_convolutions_that_pytorch_folded_get_a_batch_norm_that_only_adds_the_bias(self):
        for name in FOLDED_NETWORKS:
            with self.subTest(name):
                model = model_of(exported(name, FOLDED))
                document, arrays = self.converts(model)
                self.assert_computes_the_same(name, document, arrays)
                kind = NETWORKS[name][0]
                if kind is HRNet:
                    self.assertEqual(document["network"]["normalization"], "bias")
                else:
                    self.assertNotIn("normalization", document["network"])
                    self.assertTrue((arrays["bn1.weight"] == 1).all() and not arrays["bn1.running_mean"].any())

    def test_wholly_folded_networks_say_so_or_have_such_batch_norms_everywhere(self):
        for name in ("resnet18", "resnet34", "resnet50", "lip", "body", "body_plain", "hand_flat"):
            for stripped in (False, True):
                with self.subTest(name, stripped=stripped):
                    model = model_of(exported(name, FOLDED))
                    fold_deconvs(model)
                    self.assertNotIn("BatchNormalization", {node.op_type for node in model.graph.node})
                    if stripped:
                        strip_names(model)
                    family = ["--family", "microsoft"] if stripped and name.startswith("resnet") else []
                    document, arrays = self.converts(model, *family)
                    self.assert_computes_the_same(name, document, arrays)
                    expected = None if NETWORKS[name][0] is CmapPaf else "bias"
                    self.assertEqual(document["network"].get("normalization"), expected)

    def test_the_batch_norm_in_its_place_divides_by_one_exactly(self):
        norm = onnx_match._identity(1, None)
        self.assertEqual(norm["running_var"].to_float32()[0] + np.float32(1e-5), np.float32(1))
        self.assertEqual(np.sqrt(norm["running_var"].to_float32() + np.float32(1e-5))[0], np.float32(1))

    def test_the_folded_weights_are_kept_bit_for_bit(self):
        model = model_of(exported("resnet18", FOLDED))
        first = node_of(model, "Conv")
        constants = constants_of(model)
        _, arrays = self.converts(model)
        self.assertEqual(arrays["conv1.weight"].tobytes(), constants[first.input[1]].tobytes())
        self.assertEqual(arrays["bn1.bias"].tobytes(), constants[first.input[2]].tobytes())


class Families(OnnxTest):
    def renamed(self, rename, mode):
        """ResNet18 with other names of the tensors that still bear one."""
        model = model_of(exported("resnet18", mode))
        for node in model.graph.node:
            node.name = ""
        for tensor in model.graph.initializer:
            if not tensor.name.startswith("onnx::"):
                new = rename(tensor.name)
                replace_input(model, tensor.name, new)
                tensor.name = new
        return model

    def test_simple_baselines_are_told_apart_by_the_names_that_are_left(self):
        for rename, channels, margin in (
            (lambda name: name, "bgr", 1),
            (lambda name: "module." + name, "bgr", 1),
            (imgclsmob_name, "rgb", 0),
            (lambda name: "keypoint_head." + name, "rgb", 1),
            (lambda name: "model.head." + name, "rgb", 1),
        ):
            for mode in (UNFOLDED, FOLDED):
                document, _ = self.converts(self.renamed(rename, mode))
                self.assertEqual((document["input"]["channels"], document["decoder"]["margin"]), (channels, margin))

    def test_nothing_is_guessed(self):
        model = self.renamed(lambda name: "x." + name, UNFOLDED)
        self.refuses(model, "nothing in it tells whose network", "imgclsmob (RGB), mmpose (RGB)", "microsoft (BGR)")
        for family, channels, geometry in (
            ("microsoft", "bgr", "affine"),
            ("imgclsmob", "rgb", "affine"),
            ("mmpose", "rgb", "affine"),
            ("lip", "bgr", "stretch"),
        ):
            document, _ = self.converts(model, "--family", family)
            self.assertEqual((document["input"]["channels"], document["input"]["geometry"]), (channels, geometry))
        os.remove(self.path("out.safetensors"))
        self.refuses(model, "--family hrnet has no network of type pose_resnet", options=["--family", "hrnet"])

    def test_the_others_are_told_by_their_structure(self):
        for name, family in (("lip", "LIP single-person"), ("body", "trt_pose"), ("hrnet", "HRNet")):
            model = model_of(exported(name, FOLDED))
            strip_names(model)
            _, out, _ = self.run_convert(model)
            self.assertTrue(out.endswith("(%s)\n" % family), out)

    def test_jetson_inference_s_file_takes_its_settings(self):
        network, opset = make("body")
        data = export(network, FOLDED, opset, input_names=["input"], output_names=["cmap", "paf"])
        options = "--input 224x224 --cmap-threshold 0.15 --link-threshold 0.15 --min-keypoints 2".split()
        document, _ = self.converts(data, *options)
        expected = {"channels": "rgb", "geometry": "stretch", "resample": "nearest", "width": 224, "height": 224}
        self.assertEqual({key: document["input"][key] for key in expected}, expected)
        expected = {"type": "part_affinity", "cmap_threshold": 0.15, "link_threshold": 0.15, "min_keypoints": 2}
        self.assertEqual({key: document["decoder"][key] for key in expected}, expected)
        self.assertEqual(len(document["links"]), 21)

    def test_the_input_size_is_the_file_s_or_the_family_s_or_the_option_s(self):
        def size(data, *options):
            document, _ = self.converts(data, *options)
            return document["input"]["height"], document["input"]["width"]

        network, opset = make("resnet18")
        axes = {"x": {0: "n", 2: "h", 3: "w"}}
        self.assertEqual(size(exported("resnet18", FOLDED)), SIZE)
        self.assertEqual(size(exported("resnet18", FOLDED), "--input", "128x96"), (128, 96))
        free = export(network, FOLDED, opset, input_names=["x"], dynamic_axes=axes)
        self.assertEqual(size(free), (256, 256))
        model = model_of(exported("resnet18", FOLDED))
        model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 65
        os.remove(self.path("out.safetensors"))
        self.refuses(model, "its input is 65x64, expected multiples of 32 up to 16384: say --input")
        self.assertEqual(size(model, "--input", "256x192"), (256, 192))

    def test_half_precision_leaves_biases_as_they_are(self):
        _, arrays = self.converts(exported("resnet18", FOLDED), "--f16")
        self.assertEqual({array.dtype.str for array in arrays.values() if array.ndim == 4}, {"<f2"})
        self.assertEqual({array.dtype.str for array in arrays.values() if array.ndim == 1}, {"<f4"})

    def test_a_hash_is_checked_and_recorded(self):
        data = exported("resnet18", FOLDED)
        document, _ = self.converts(data)
        sha256 = document["source"]["sha256"]
        self.assertEqual(self.converts(data, "--sha256", sha256)[0], document)
        os.remove(self.path("out.safetensors"))
        self.refuses(data, "sha256 is " + sha256, options=["--sha256", "0" * 64])

    def test_a_file_of_another_name_is_recognised_by_its_content(self):
        document, _ = self.converts(exported("resnet18", FOLDED), name="weights")
        self.assertEqual(document["network"]["type"], "pose_resnet")

    def test_every_family_with_an_option_is_one_an_onnx_file_can_be_of(self):
        self.assertEqual(
            [family.option for family in FAMILIES if family.option],
            ["trt_pose", "lip", "imgclsmob", "mmpose", "hrnet", "microsoft"],
        )


# ---- What is refused -----------------------------------------------------------------------------------------------


class Refusals(OnnxTest):
    def test_a_wrong_node_in_the_middle_is_named(self):
        for name, op, number, layer in (
            ("resnet18", "Relu", 8, "Relu (layer2.1)"),
            ("resnet50", "Relu", 20, "Relu (layer2.3.relu2)"),
            ("hrnet", "Relu", 100, "Relu (stage3."),
            ("body", "Sigmoid", 0, "Sigmoid (cmap_att.sigmoid)"),
        ):
            for mode in (UNFOLDED, FOLDED):
                with self.subTest(name, mode=mode):
                    model = model_of(exported(name, mode))
                    node = node_of(model, op, number)
                    node.op_type = "LeakyRelu"
                    said = "node %s (LeakyRelu) does not fit: expected %s" % (node.name, layer)
                    err = self.refuses(model, said)
                    self.assertTrue(err.endswith(", found LeakyRelu\n"), err)

    def test_of_two_wrong_nodes_the_first_is_named(self):
        model = model_of(exported("resnet34", UNFOLDED))
        first, second = node_of(model, "Relu", 3), node_of(model, "Relu", 20)
        first.op_type = second.op_type = "Elu"
        err = self.refuses(model, first.name + " (Elu)")
        self.assertNotIn(second.name + " ", err)

    def test_a_missing_residual_is_named(self):
        for name, number, layer in (
            ("resnet18", 1, "layer1.1.add"),
            ("resnet50", 2, "layer1.2.add"),
            ("hrnet", 3, "layer1.3.add"),
        ):
            model = model_of(exported(name, UNFOLDED))
            add = node_of(model, "Add", number)
            relu = next(node for node in model.graph.node if add.output[0] in node.input)
            replace_input(model, add.output[0], add.input[0])
            model.graph.node.remove(add)
            err = self.refuses(model, "node %s (Relu) does not fit: expected Add (%s)" % (relu.name, layer))
            self.assertTrue(err.endswith(", found Relu\n"), err)

        model = model_of(exported("resnet18", UNFOLDED))  # where there is a convolution on the way round
        add = node_of(model, "Add", 2)
        replace_input(model, add.output[0], add.input[0])
        model.graph.node.remove(add)
        said = "what comes after node /layer1/layer1.1/Relu (Relu) does not fit: expected Conv 1x1"
        err = self.refuses(model, said, "(layer2.0.downsample.0)")
        self.assertTrue(err.endswith("found Conv 3x3, 64 to 128 channels, stride 2, padding 1\n"), err)

    def test_a_sum_of_other_values_is_named(self):
        model = model_of(exported("resnet18", UNFOLDED))
        adds = [node for node in model.graph.node if node.op_type == "Add"]
        adds[1].input[1] = adds[0].output[0]  # before the ReLU instead of after it
        self.refuses(model, "node %s (Add) does not fit: expected Add (layer1.1.add) of node " % adds[1].name)

    def test_another_convolution_is_told_with_both_shapes(self):
        model = model_of(exported("resnet18", UNFOLDED))
        conv = node_of(model, "Conv", 5)
        values = constants_of(model)[conv.input[1]]
        for attribute in conv.attribute:
            if attribute.name == "pads":
                attribute.ints[:] = [2, 2, 2, 2]
            if attribute.name == "kernel_shape":
                attribute.ints[:] = [5, 5]
        set_constant(model, conv.input[1], np.zeros(values.shape[:2] + (5, 5), "<f4"))
        self.refuses(
            model,
            "node %s (Conv) does not fit: expected Conv 3x3, 64 to 128 channels, stride 2, padding 1 (layer2.0.conv1), "
            "found Conv 5x5, 64 to 128 channels, stride 2, padding 2" % conv.name,
        )

    def test_what_no_layer_of_limn_does_is_told(self):
        def changed(op, number, name, value):
            model = model_of(exported("hrnet" if op == "Resize" else "resnet18", UNFOLDED))
            node = node_of(model, op, number)
            for attribute in list(node.attribute):
                if attribute.name == name:
                    node.attribute.remove(attribute)
            node.attribute.append(helper.make_attribute(name, value))
            return model

        for change, words in (
            (("Conv", 3, "group", 2), "found Conv with 2 groups"),
            (("Conv", 3, "dilations", [2, 2]), "found Conv with dilations [2, 2]"),
            (("Conv", 3, "pads", [0, 0, 1, 1]), "found Conv with strides [1, 1] and pads [0, 0, 1, 1]"),
            (("Conv", 3, "auto_pad", "SAME_UPPER"), "found Conv with auto_pad"),
            (("ConvTranspose", 1, "output_padding", [1, 1]), "output padding 1"),
            (("MaxPool", 0, "ceil_mode", 1), "found MaxPool with ceil_mode"),
            (("BatchNormalization", 4, "epsilon", 1e-3), "epsilon 0.001 instead of 1e-05"),
            (("Resize", 0, "mode", "linear"), "found Resize with mode linear"),
            (("Resize", 0, "nearest_mode", "ceil"), "nearest pixels by asymmetric and ceil"),
        ):
            with self.subTest(words):
                self.refuses(changed(*change), words, "does not fit")

    def test_unsupported_operators_are_named_wherever_they_are(self):
        end = model_of(exported("resnet18", UNFOLDED))
        last = end.graph.output[0].name
        end.graph.node.append(helper.make_node("Softmax", [last], ["end"], name="at_the_end"))
        end.graph.output[0].name = "end"
        self.refuses(end, "node at_the_end (Softmax) does not fit: expected the end of pose_resnet18, found Softmax")

        start = model_of(exported("resnet18", UNFOLDED))
        name = start.graph.input[0].name
        replace_input(start, name, "normalised")
        start.graph.node.insert(0, helper.make_node("Neg", [name], ["normalised"], name="at_the_start"))
        self.refuses(start, "node at_the_start (Neg) does not fit: expected Conv 7x7", "found Neg")

        foreign = model_of(exported("resnet18", UNFOLDED))
        node_of(foreign, "Relu", 0).domain = "com.example"
        self.refuses(foreign, "found com.example.Relu")

    def test_quantised_weights_are_refused(self):
        model = model_of(exported("resnet18", FOLDED))
        conv = node_of(model, "Conv", 2)
        set_constant(model, "q", np.zeros(constants_of(model)[conv.input[1]].shape, "i1"))
        set_constant(model, "scale", np.ones(1, "<f4"))
        conv.input[1] = "dequantised"
        model.graph.node.insert(0, helper.make_node("DequantizeLinear", ["q", "scale"], ["dequantised"]))
        self.refuses(model, "node %s (Conv): its input dequantised is no constant" % conv.name)
        conv.input[1] = "q"
        self.refuses(model, "holds INT8, floating-point numbers expected")

    def test_other_networks_are_refused_with_the_first_node_that_differs(self):
        network, opset = make("resnet18")

        class Classifier(nn.Module):
            def __init__(self):
                super().__init__()
                self.network = network
                self.fc = nn.Linear(512, 10)

            def forward(self, x):
                return self.fc(self.network.features(x).mean((2, 3)))

        data = export(Classifier().eval(), FOLDED, opset)
        self.refuses(data, "does not fit: expected ConvTranspose 4x4, 512 to", "found ReduceMean")
        other = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 17, 1)).eval()
        self.refuses(export(other, FOLDED, 11), "expected Conv 7x7, 3 to 64 channels", "found Conv 3x3, 3 to 8")
        self.refuses(export(nn.Sequential(nn.ReLU()), FOLDED, 11), "no convolution")

    def test_more_outputs_or_inputs_than_expected_are_refused(self):
        model = model_of(exported("resnet18", UNFOLDED))
        inner = node_of(model, "MaxPool").output[0]
        model.graph.output.append(helper.make_tensor_value_info(inner, onnx.TensorProto.FLOAT, None))
        self.refuses(model)
        detector = export(CenterNet(18, 8, (8,), (4,)).eval(), UNFOLDED, 11)
        self.refuses(detector, "the graph has 3 outputs", "a person detector must come as a PyTorch checkpoint")
        model = model_of(exported("resnet18", UNFOLDED))
        model.graph.input.append(helper.make_tensor_value_info("more", onnx.TensorProto.FLOAT, None))
        self.refuses(model, "the graph has 2 inputs", "more", "expected one, the picture")
        model = model_of(exported("resnet18", UNFOLDED))
        model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1
        self.refuses(model, "has shape [1, 1, 64, 64], expected [N, 3, height, width]")

    def test_truncated_and_damaged_files_are_refused(self):
        data = exported("hrnet", FOLDED)
        random = np.random.RandomState(5)
        for cut in (0, 1, 2, 100, len(data) // 2, len(data) - 1, *random.randint(3, len(data), 10)):
            self.refuses(data[:cut])
        self.refuses(data[: len(data) // 2], "truncated or damaged")
        self.refuses(b"\x08\x07", "its graph has no nodes")
        self.refuses(b"<html>not found</html>", "no ONNX file, or a truncated or damaged one")
        structure = model_of(data)
        for tensor in structure.graph.initializer:
            tensor.ClearField("raw_data")
        self.refuses(structure, "tensor ", " cannot be read: ")
        bare = structure.SerializeToString()
        for _ in range(300):  # it ends in a sentence whatever is flipped
            damaged = bytearray(bare)
            for place in random.randint(0, len(bare), 3):
                damaged[place] = random.randint(256)
            self.refuses(bytes(damaged))

    def test_graphs_that_contradict_themselves_are_refused(self):
        model = model_of(exported("resnet18", UNFOLDED))
        node_of(model, "Relu", 2).input[0] = "nowhere"
        self.refuses(model, "(Relu) takes nowhere, which nothing before it puts out")
        model = model_of(exported("resnet18", UNFOLDED))
        relu = node_of(model, "Relu", 2)
        relu.op_type, relu.output[0] = "Identity", relu.input[0]
        self.refuses(model, "(Identity) puts out", "which is there already")
        model = model_of(exported("resnet18", UNFOLDED))
        del node_of(model, "Conv", 2).input[:]
        self.refuses(model, "(Conv) is damaged")
        model = model_of(exported("resnet18", UNFOLDED))
        conv = node_of(model, "Conv", 1)
        next(tensor for tensor in model.graph.initializer if tensor.name == conv.input[1]).dims[0] = -1
        self.refuses(model, "has shape [-1, 64, 3, 3]")
        model = model_of(exported("resnet18", UNFOLDED))
        model.graph.output[0].name = "nowhere"
        self.refuses(model, "no node puts out nowhere")

    def test_weights_in_another_file_are_refused(self):
        model = model_of(exported("resnet18", FOLDED))
        path = self.path("outside.onnx")
        onnx.save_model(model, path, save_as_external_data=True, location="outside.data")
        with open(path, "rb") as file:
            self.refuses(file.read(), "is in another file beside it", "onnx.save(onnx.load(FILE), NEW)")

    def test_values_that_are_not_finite_are_refused_by_tensor(self):
        model = model_of(exported("resnet18", FOLDED))
        conv = node_of(model, "Conv", 3)
        values = constants_of(model)[conv.input[1]].copy()
        values[0, 0, 0, 0] = np.nan
        set_constant(model, conv.input[1], values)
        self.refuses(model, "tensor %s has values that are NaN or infinite" % conv.input[1])

    def test_without_the_package_the_file_is_refused_with_that_sentence(self):
        with mock.patch.dict(sys.modules, {"onnx": None}):
            self.refuses(exported("resnet18", FOLDED), "read with the Python package onnx, and that is not installed")

    def test_options_that_the_file_shows_are_refused(self):
        data = exported("resnet50", FOLDED)
        for option, value in (("--stride-on", "1x1"), ("--activation", "none"), ("--inner-activation", "relu")):
            said = option + " does not apply to an ONNX file, which shows it"
            self.refuses(data, said, options=[option, value])

    def test_a_network_too_wide_is_refused(self):
        wide = model_of(exported("resnet18", UNFOLDED))
        final = node_of(wide, "Conv", -1)
        shape = constants_of(wide)[final.input[1]].shape
        set_constant(wide, final.input[1], np.zeros((5000,) + shape[1:], "<f4"))
        set_constant(wide, final.input[2], np.zeros(5000, "<f4"))
        self.refuses(wide, "keypoints would be 5000, expected 1 to 4096")

    def test_an_odd_number_of_fields_maps_is_refused(self):
        model = model_of(exported("body", UNFOLDED))
        final = node_of(model, "Conv", -1)
        for name in final.input[1:3]:
            set_constant(model, name, constants_of(model)[name][:-1])
        self.refuses(model, "does not fit", "to 40 channels", "to 41 channels")


# ---- With limn -----------------------------------------------------------------------------------------------------


@unittest.skipUnless(PROGRAM, "the environment variable LIMN_PROGRAM does not name the program (ctest sets it)")
class InLimn(OnnxTest):
    def test_limn_computes_what_pytorch_computed_before_the_export(self):
        for name in ("resnet18", "resnet50_caffe", "lip", "body", "hand_flat", "hrnet"):
            for mode in (FOLDED, "wholly"):  # unfolded it is the checkpoint bit for bit
                with self.subTest(name, mode=mode):
                    model = model_of(exported(name, FOLDED if mode == "wholly" else mode))
                    if mode == "wholly":
                        fold_deconvs(model)
                    self.converts(model)
                    torch.manual_seed(8)
                    x = torch.randn(1, 3, *SIZE)
                    with torch.no_grad():
                        output = make(name)[0](x)
                    maps = {"heatmaps": output}
                    if isinstance(output, tuple):
                        maps = dict(zip(("heatmaps", "part_affinity"), output))
                    tensors = {key: value.numpy() for key, value in {"input": x, **maps}.items()}
                    tensor_file.write(self.path("reference.safetensors"), tensors, {})
                    command = [PROGRAM, "verify", self.path("reference.safetensors")]
                    done = subprocess.run(
                        [*command, "--model", self.path("out.safetensors")],
                        stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT,
                        check=False,
                    )
                    said = done.stdout.decode("utf-8")
                    self.assertEqual(done.returncode, 0, said)
                    for key in maps:
                        self.assertIn(key, said)


if __name__ == "__main__":
    unittest.main()
