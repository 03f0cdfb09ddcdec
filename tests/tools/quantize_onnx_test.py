#!/usr/bin/env python3
"""What tools/limn_benchmark/quantize_onnx.py makes of graphs. Ranges are given: nothing is run."""

import os
import sys
import unittest

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = os.environ.get(
    "LIMN_SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
)
sys.path.insert(0, os.path.join(ROOT, "tools", "limn_benchmark"))

import quantize_onnx


class Numbers(unittest.TestCase):
    def test_of_values_hold_their_range_and_zero(self):
        for least, largest, scale, zero_point in (
            (-1, 254, 1, 1),
            (0, 510, 2, 0),
            (51, 255, 1, 0),
            (-255, -51, 1, 255),
            (-1, 3, 4 / 255, 64),  # 63.75
            (0, 0, 1, 0),
        ):
            found = quantize_onnx.scale_and_zero_point(least, largest)
            self.assertAlmostEqual(float(found[0]), scale, places=6)
            self.assertEqual(found[1], zero_point)
            self.assertEqual((found[0].dtype, found[1].dtype), (np.float32, np.uint8))

    def test_of_weights_are_scaled_channel_by_channel(self):
        weights = np.array([[127, -63.4], [-1.27, 0.1], [0, 0]], np.float32).reshape(3, 2, 1, 1)
        values, scales = quantize_onnx.quantized_weights(weights)
        self.assertEqual(values.reshape(3, 2).tolist(), [[127, -63], [-127, 10], [0, 0]])
        np.testing.assert_allclose(scales, [1, 0.01, 1], rtol=1e-6)
        self.assertEqual((values.dtype, scales.dtype), (np.int8, np.float32))

    def test_of_biases_stay_within_32_bits(self):
        bias = quantize_onnx.quantized_bias(np.array([1, -3e9, 3e9], np.float32), np.array([0.5, 1, 1], np.float32))
        self.assertEqual(bias.tolist(), [2, -(2**31), 2**31 - 1])


def graph_of(nodes, weights, results=("result",)):
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, list("NCHW")) for name in ("input", *results)]
    return helper.make_graph(nodes, "net", values[:1], values[1:], [numpy_helper.from_array(*pair) for pair in weights])


def node(kind, inputs, output, **attributes):
    return helper.make_node(kind, inputs.split(), [output], **attributes)


def residual_network():
    """Convolution, ReLU and pooling, a residual block, transposed convolution and ReLU, a last convolution."""
    weights = np.array([1, -2], np.float32).reshape(2, 1, 1, 1)
    square = np.array([[1, 0.5], [0.25, -1]], np.float32).reshape(2, 2, 1, 1)
    constants = [(weights, "w0"), (np.array([3, 4], np.float32), "b0"), (square, "w1"), (square, "w2"), (square, "w3")]
    nodes = [
        node("Conv", "input w0 b0", "c0"),
        node("Relu", "c0", "r0"),
        node("MaxPool", "r0", "p0", kernel_shape=[2, 2]),
        node("Conv", "p0 w1", "c1"),
        node("Add", "c1 p0", "sum"),
        node("Relu", "sum", "r1"),
        node("ConvTranspose", "r1 w2", "d0"),
        node("Relu", "d0", "r2"),
        node("Conv", "r2 w3", "result"),
    ]
    return graph_of(nodes, constants)


RANGES = {
    "input": (-255, 0),
    "r0": (0, 255),
    "p0": (0, 100),
    "c1": (-1, 254),
    "r1": (0, 510),
    "r2": (0, 51),
    "result": (-5, 5),
}


class Structures(unittest.TestCase):
    def test_name_the_tensors_and_the_relus_that_go(self):
        structure = quantize_onnx.Structure(residual_network())
        self.assertEqual(structure.quantized, ["input", "r0", "p0", "c1", "r1", "r2", "result"])
        self.assertEqual(structure.relu_of, {"c0": "r0", "sum": "r1"})
        self.assertEqual(structure.shared, {"p0": "r0"})

    def test_keep_a_relu_whose_input_others_read_or_that_is_a_result(self):
        weights = [(np.ones((1, 1, 1, 1), np.float32), "w")]
        nodes = [node("Conv", "input w", "c"), node("Relu", "c", "r"), node("Add", "c r", "result")]
        structure = quantize_onnx.Structure(graph_of(nodes, weights))
        self.assertEqual((structure.relu_of, structure.quantized), ({}, ["input", "c", "r", "result"]))
        structure = quantize_onnx.Structure(graph_of(nodes[:2], weights, results=("c", "r")))
        self.assertEqual((structure.relu_of, structure.quantized), ({}, ["input", "c"]))

    def test_leave_pooling_and_resizing_of_floats_alone(self):
        nodes = [node("MaxPool", "input", "p", kernel_shape=[2, 2]), node("Relu", "p", "result")]
        self.assertEqual(quantize_onnx.Structure(graph_of(nodes, [])).quantized, [])


class Models(unittest.TestCase):
    def setUp(self):
        graph = residual_network()
        self.source = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
        self.source.ir_version = 7
        structure = quantize_onnx.Structure(graph)
        self.model = quantize_onnx.Quantizer(self.source, structure, RANGES).model
        self.made_by = {output: each for each in self.model.graph.node for output in each.output}
        self.weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in self.model.graph.initializer}

    def follow(self, name, *kinds):
        """The name that is reached from `name` by the first inputs of nodes of these kinds."""
        for kind in kinds:
            self.assertEqual(self.made_by[name].op_type, kind)
            name = self.made_by[name].input[0]
        return name

    def test_are_valid_and_keep_what_goes_in_and_out(self):
        onnx.checker.check_model(self.model)
        self.assertEqual([value.name for value in self.model.graph.input], ["input"])
        self.assertEqual([value.name for value in self.model.graph.output], ["result"])
        self.assertEqual(self.model.opset_import[0].version, 13)

    def test_have_pairs_around_what_has_kernels_of_8_bits(self):
        pair = ("DequantizeLinear", "QuantizeLinear")
        name = self.follow("result", *pair, "Conv", *pair, "Relu", "ConvTranspose", *pair, "Add", *pair, "Conv")
        self.assertEqual(self.follow(name, *pair, "MaxPool", *pair, "Conv", *pair), "input")
        kinds = [each.op_type for each in self.model.graph.node]
        self.assertEqual(kinds.count("Relu"), 1)
        self.assertEqual(kinds.count("QuantizeLinear"), 7)
        self.assertEqual(kinds.count("DequantizeLinear"), 7 + 3 + 1)  # of values, weights and a bias
        addition = next(each for each in self.model.graph.node if each.op_type == "Add")
        self.assertEqual(self.follow(addition.input[1], *pair, "MaxPool"), self.made_by["p0"].input[0])

    def test_hand_on_the_scale_of_what_is_pooled(self):
        self.assertEqual(self.weights["p0_scale"], 1)
        self.assertEqual(self.weights["r0_scale"], 1)
        self.assertEqual((self.weights["r1_scale"], self.weights["r1_zero_point"]), (2, 0))
        self.assertEqual((self.weights["c1_scale"], self.weights["c1_zero_point"]), (1, 1))
        self.assertEqual((self.weights["input_scale"], self.weights["input_zero_point"]), (1, 255))

    def test_have_weights_of_8_bits_and_biases_of_32_but_those_of_transposed_convolutions(self):
        self.assertEqual(self.weights["w0_quantized"].ravel().tolist(), [127, -127])
        self.assertEqual(self.weights["b0_quantized"].tolist(), [381, 254])  # 3 / (1 / 127), 4 / (2 / 127)
        self.assertEqual(self.weights["b0_quantized"].dtype, np.int32)
        np.testing.assert_allclose(self.weights["b0_scale"], [1 / 127, 2 / 127], rtol=1e-6)
        self.assertEqual(self.weights["w2"].dtype, np.float32)
        self.assertFalse({"w0", "w1", "w3", "b0", "w2_quantized"} & set(self.weights))

    def test_of_ranges_have_the_tensors_as_results(self):
        observed = quantize_onnx.with_outputs(self.source, ["c0", "p0"])
        self.assertEqual([value.name for value in observed.graph.output], ["c0", "p0"])
        self.assertEqual([value.name for value in self.source.graph.output], ["result"])


if __name__ == "__main__":
    unittest.main()
