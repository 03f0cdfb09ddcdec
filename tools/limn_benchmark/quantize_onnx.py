"""Makes an 8-bit ONNX file for ONNX Runtime of one in floats.

    quantize_onnx.py MODEL.onnx INPUTS OUT.onnx

INPUTS holds network inputs, floats, planes x height x width, one after another: the ranges are the least and largest
values that they lead to. Needs numpy and onnx, and node with onnxruntime-node on NODE_PATH.

The result is what onnxruntime.quantization.quantize_static makes with QuantFormat.QDQ, per_channel, QUInt8 for values,
QInt8 for weights and MinMax (github.com/microsoft/onnxruntime, onnxruntime/python/tools/quantization), which is not
needed: pairs of QuantizeLinear and DequantizeLinear at inputs and outputs of convolutions, sums, maximum pooling and
resizing, which ONNX Runtime fuses into kernels of 8 bits. One thing differs: transposed convolutions and batch norms
are left in floats. ONNX Runtime has no kernels of 8 bits for them and would convert to floats and back around each:
with pairs at its transposed convolutions PoseResNet18 took 45 ms rather than 37 (one thread of a Xeon with VNNI).
"""

import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import helper, numpy_helper

HELPERS = os.path.dirname(os.path.abspath(__file__))

CALCULATED = ("Conv", "Add")
HANDED_ON = ("MaxPool", "Resize")  # their outputs have their inputs' scale


# ---- Numbers ---------------------------------------------------------------------------------------------------------


def scale_and_zero_point(least, largest):
    """Of unsigned bytes for values from least to largest, and 0, which they hold exactly."""
    least, largest = min(float(least), 0.0), max(float(largest), 0.0)
    scale = np.float32((largest - least) / 255)
    if not scale > 0:
        return np.float32(1), np.uint8(0)
    return scale, np.uint8(np.clip(np.rint(-least / scale), 0, 255))


def quantized_weights(weights):
    """(signed bytes from -127 to 127, the scale of each output channel, which is the first axis)"""
    largest = np.abs(weights.reshape(len(weights), -1)).max(axis=1)
    scales = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    steps = np.rint(weights / scales.reshape(-1, *[1] * (weights.ndim - 1)))
    return np.clip(steps, -127, 127).astype(np.int8), scales


def quantized_bias(bias, scales):
    limits = np.iinfo(np.int32)
    return np.clip(np.rint(bias.astype(np.float64) / scales), limits.min, limits.max).astype(np.int32)


# ---- The graph -------------------------------------------------------------------------------------------------------


class Structure:
    """Which tensors of a graph are quantised, and which ReLUs are left to that.

    relu_of: {output of a node: output of the ReLU that alone reads it}. Such a ReLU goes: its values are quantised from
    0, so that clamping to a byte is the ReLU.
    shared: {output of a node that hands values on: its input}
    quantized: tensors, in the order of the graph, those of `relu_of` under the ReLU's name
    """

    def __init__(self, graph):
        constants = {tensor.name for tensor in graph.initializer}
        results = {value.name for value in graph.output}
        readers = {}
        for node in graph.node:
            for name in node.input:
                readers.setdefault(name, []).append(node)
        self.relu_of, self.shared, self.quantized = {}, {}, []
        for node in graph.node:
            output = node.output[0]
            if node.op_type in HANDED_ON and node.input[0] in self.quantized:
                self.shared[output] = node.input[0]
                self._add([output])
            elif node.op_type in CALCULATED:
                reading = readers.get(output, [])
                if len(reading) == 1 and reading[0].op_type == "Relu" and output not in results:
                    self.relu_of[output] = reading[0].output[0]
                values = node.input[:1] if node.op_type == "Conv" else node.input
                self._add(name for name in values if name not in constants)
                self._add([self.relu_of.get(output, output)])

    def _add(self, names):
        self.quantized += [name for name in names if name not in self.quantized]


class Quantizer:
    """model: in 8 bits, of one in floats and the ranges of its quantised tensors, {name: (least, largest)}."""

    def __init__(self, model, structure, ranges):
        self.structure = structure
        self.constants = {tensor.name: tensor for tensor in model.graph.initializer}
        self.results = {value.name for value in model.graph.output}
        self.parameters = {}  # of the quantised tensors: scale and zero point
        for name in structure.quantized:
            source = structure.shared.get(name)
            self.parameters[name] = self.parameters[source] if source else scale_and_zero_point(*ranges[name])

        self.weights, self.nodes = {}, []
        for value in model.graph.input:
            self._add_pair(value.name, value.name)
        relus = set(structure.relu_of.values())
        for node in model.graph.node:
            if node.output[0] not in relus:
                self._add_node(node)
        graph = helper.make_graph(
            self.nodes, model.graph.name, model.graph.input, model.graph.output, list(self.weights.values())
        )
        self.model = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)

    def _add_node(self, node):
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        if node.op_type == "Conv":
            self._quantize_weights(copy)
        for i, name in enumerate(node.input):
            if name in self.parameters:
                copy.input[i] = self._dequantized(name)
            elif copy.input[i] in self.constants:
                self.weights[name] = self.constants[name]
        name = self.structure.relu_of.get(node.output[0], node.output[0])
        before = name + "_float" if name in self.results and name in self.parameters else name
        copy.output[0] = before
        self.nodes.append(copy)
        self._add_pair(name, before)

    def _dequantized(self, name):
        return name if name in self.results else name + "_dequantized"

    def _add_pair(self, name, before):
        """QuantizeLinear of the tensor `before` and DequantizeLinear to what the others read, if it is quantised."""
        if name in self.parameters:
            scale, zero_point = self.parameters[name]
            names = [self._add_weight(name + "_scale", scale), self._add_weight(name + "_zero_point", zero_point)]
            quantized = name + "_quantized"
            self.nodes.append(helper.make_node("QuantizeLinear", [before, *names], [quantized]))
            self.nodes.append(helper.make_node("DequantizeLinear", [quantized, *names], [self._dequantized(name)]))

    def _quantize_weights(self, node):
        weights, scales = quantized_weights(numpy_helper.to_array(self.constants[node.input[1]]))
        value_scale = self.parameters[node.input[0]][0]
        node.input[1] = self._add_dequantized(node.input[1], weights, scales)
        if len(node.input) == 3:
            bias = numpy_helper.to_array(self.constants[node.input[2]])
            scales = scales * value_scale
            node.input[2] = self._add_dequantized(node.input[2], quantized_bias(bias, scales), scales)

    def _add_dequantized(self, name, values, scales):
        inputs = [
            self._add_weight(name + "_quantized", values),
            self._add_weight(name + "_scale", scales),
            self._add_weight(name + "_zero_point", np.zeros(len(scales), values.dtype)),
        ]
        self.nodes.append(helper.make_node("DequantizeLinear", inputs, [name + "_dequantized"], axis=0))
        return name + "_dequantized"

    def _add_weight(self, name, values):
        self.weights[name] = numpy_helper.from_array(np.asarray(values), name)
        return name


# ---- Ranges ----------------------------------------------------------------------------------------------------------


def with_outputs(model, names):
    """The model with these tensors as its outputs."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.output[:]
    copy.graph.output.extend(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    return copy


def find_ranges(model, names, inputs):
    """{name: (least, largest)} of these tensors over the inputs of a file, by ONNX Runtime."""
    height, width = (size.dim_value for size in model.graph.input[0].type.tensor_type.shape.dim[2:])
    with tempfile.TemporaryDirectory() as folder:
        observed = os.path.join(folder, "observed.onnx")
        onnx.save(with_outputs(model, names), observed)
        script = os.path.join(HELPERS, "ranges_onnxruntime.js")
        command = ["node", script, observed, str(height), str(width), inputs]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit("quantize_onnx.py: ONNX Runtime could not run the network")
    return json.loads(done.stdout)


def main():
    source, inputs, destination = sys.argv[1:]
    model = onnx.load(source)
    structure = Structure(model.graph)
    quantized = Quantizer(model, structure, find_ranges(model, structure.quantized, inputs)).model
    onnx.checker.check_model(quantized)
    onnx.save(quantized, destination)


if __name__ == "__main__":
    main()
