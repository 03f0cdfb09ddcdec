"""Reads an ONNX file into a graph of the same layers that networks.py describes.

The weights are taken as they are. A batch norm becomes part of the convolution before it. Left out is what does nothing
to a trained network: Identity, Dropout, casts between floating-point types, an addition of zero; and what only computes
sizes, as exporters do for upsampling. Everything else stays, under a text that says what it is, so that an unknown node
equals no layer of any network.

Source of what nodes mean: github.com/onnx/onnx, docs/Operators.md and docs/Changelog.md, operator sets 7 to 18.
"""

import math
import warnings
from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from . import ConvertError
from .networks import conv_kind, deconv_kind, max_pool_kind, upsample_kind

EPSILON = 1e-5  # of every batch norm of limn's
MAX_SIZE_VALUES = 64  # a constant with more values computes no sizes


class Array:
    """A constant of the file, read when first asked for; as checkpoint.Tensor for whoever asks."""

    def __init__(self, name, proto):
        self.name, self.shape, self._proto = name, tuple(proto.dims), proto
        import onnx

        known = proto.data_type in onnx.TensorProto.DataType.values()
        self.type_name = onnx.TensorProto.DataType.Name(proto.data_type) if known else str(proto.data_type)
        self.is_float = self.type_name in ("FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE")

    def values(self):
        from onnx import numpy_helper

        if self._proto.data_location != self._proto.DEFAULT:
            raise ConvertError(
                "tensor %s is in another file beside it (one file: onnx.save(onnx.load(FILE), NEW))" % self.name
            )
        try:
            values = numpy_helper.to_array(self._proto)
        except Exception as error:  # numpy's, onnx's or protobuf's, depending on what is damaged
            raise ConvertError("tensor %s cannot be read: %s" % (self.name, error)) from None
        if values.shape != self.shape:
            raise ConvertError("tensor %s has shape %s" % (self.name, list(self.shape)))
        return values

    def to_float32(self):
        with np.errstate(over="ignore"):  # a double beyond float32 becomes inf, which is refused later, by name
            return np.ascontiguousarray(self.values(), "<f4")


class Norm(NamedTuple):
    """A batch norm's parameters."""

    weight: Array
    bias: Array
    running_mean: Array
    running_var: Array


class Node:
    """A node of the simplified graph: takes and gives values by their names in the file."""

    def __init__(self, label, kind, inputs, output):
        self.label, self.kind, self.inputs, self.output = label, kind, inputs, output
        self.kernel: Optional[Array] = None
        self.bias: Optional[Array] = None
        self.norm: Optional[Norm] = None

    def channels(self):
        """Of a convolution's output."""
        return self.kernel.shape[1 if self.kind.startswith("ConvTranspose") else 0]


class OnnxGraph(NamedTuple):
    nodes: List[Node]  # those that an output depends on, in the file's order
    input: str
    outputs: Tuple[str, ...]
    size: Optional[Tuple[int, int]]  # height and width of the input, where the file says them
    names: List[str]  # of tensors and nodes as PyTorch's modules are named, which may tell whose network it is


def is_onnx(path, data):
    """By its name, or as a protobuf message whose first entry is a small number, with which no checkpoint begins."""
    return path.lower().endswith(".onnx") or data[:1] == b"\x08"


def read_onnx(data):
    """The graph of an ONNX file. Needs the Python package onnx."""
    try:
        import onnx
    except ImportError:
        raise ConvertError(
            "an ONNX file, which is read with the Python package onnx, and that is not installed "
            "(pip install onnx; on Debian: apt install python3-onnx, and run it with /usr/bin/python3)"
        ) from None
    model = onnx.ModelProto()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # some versions of protobuf only warn of data that they do not understand
            model.ParseFromString(data)
    except Exception as error:  # protobuf's own class, which differs between its versions
        raise ConvertError("no ONNX file, or a truncated or damaged one: %s" % error) from None
    if not model.graph.node:
        raise ConvertError("no ONNX file, or a truncated or damaged one: its graph has no nodes")
    _check_names(model.graph)
    return _Reader(onnx, model.graph).graph()


def _check_names(graph):
    """Some versions of protobuf hand out texts that are no UTF-8 as bytes."""
    names = [value.name for values in (graph.initializer, graph.input, graph.output) for value in values]
    for node in graph.node:
        names += [node.name, node.op_type, node.domain, *node.input, *node.output]
        names += [attribute.name for attribute in node.attribute]
    if any(isinstance(name, bytes) for name in names):
        raise ConvertError("no ONNX file, or a damaged one: a name in it is no UTF-8")


# ---- The reader ----------------------------------------------------------------------------------------------------


class _Unknown(Exception):
    """A node whose attributes no layer of any network has; the text says which."""


class _Reader:
    def __init__(self, onnx, graph):
        self._onnx = onnx
        self._graph = graph
        self._constants: Dict[str, Array] = {t.name: Array(t.name, t) for t in graph.initializer}
        self._alias: Dict[str, str] = {}  # a value that is another one unchanged
        self._sizes: Dict[str, np.ndarray] = {}  # values that were computed here from sizes
        self._shapes: Dict[str, Tuple[int, int, int]] = {}  # channels, height and width of a feature map
        self._nodes: List[Node] = []
        self._given: set = set()

    def graph(self):
        inputs = [value for value in self._graph.input if value.name not in self._constants]
        if len(inputs) != 1:
            names = ", ".join(value.name for value in inputs)
            raise ConvertError("the graph has %d inputs (%s), expected one, the picture" % (len(inputs), names))
        size = self._input_size(inputs[0])
        self._shapes[inputs[0].name] = (3,) + (size or (256, 192))  # all fit where the file leaves the size open
        self._given.add(inputs[0].name)
        for proto in self._graph.node:
            label = "%s (%s)" % (proto.name or (proto.output[0] if proto.output else "?"), proto.op_type)
            try:
                self._add(proto, label)
            except ConvertError:
                raise
            except Exception as error:  # inputs or attributes that its operator has not
                raise ConvertError("node %s is damaged: %s" % (label, error)) from None
        outputs = tuple(self._root(value.name) for value in self._graph.output)
        for value in outputs:
            if value not in self._given:
                raise ConvertError("no node puts out %s, which the graph says is an output" % value)
        nodes = self._with_norms(self._live(outputs), outputs)
        return OnnxGraph(nodes, inputs[0].name, outputs, size, self._module_names())

    def _input_size(self, value):
        dims = value.type.tensor_type.shape.dim
        if len(dims) != 4 or dims[1].dim_value not in (0, 3):
            shape = [dim.dim_value or dim.dim_param or "?" for dim in dims]
            raise ConvertError("input %s has shape %s, expected [N, 3, height, width]" % (value.name, shape))
        height, width = dims[2].dim_value, dims[3].dim_value
        return (height, width) if height > 0 and width > 0 else None

    def _module_names(self):
        """With dots; the nodes' are paths since PyTorch 1.13 ("/layer1/layer1.0/conv1/Conv")."""
        names = [t.name for t in self._graph.initializer]
        return names + [n.name[1:].replace("/", ".") for n in self._graph.node if n.name.startswith("/")]

    def _root(self, value):
        while value in self._alias:
            value = self._alias[value]
        return value

    def _constant(self, value):
        return self._constants.get(self._root(value))

    def _numbers(self, value):
        """The values of something small that is known without a picture; None for anything else."""
        value = self._root(value)
        if value in self._sizes:
            return self._sizes[value]
        constant = self._constants.get(value)
        if constant is None or math.prod(constant.shape) > MAX_SIZE_VALUES:
            return None
        return constant.values()

    def _known(self, value):
        root = self._root(value)
        return root in self._given or root in self._constants or root in self._sizes

    def _add(self, proto, label):
        for name in proto.output:
            if name and self._known(name):
                raise ConvertError("node %s puts out %s, which is there already" % (label, name))
        output = proto.output[0]
        attributes = {a.name: self._onnx.helper.get_attribute_value(a) for a in proto.attribute}
        if proto.op_type == "Constant" and len(attributes) == 1:
            (value,) = attributes.values()
            if isinstance(value, self._onnx.TensorProto):
                self._constants[output] = Array(output, value)
            else:
                self._sizes[output] = np.array(value)
            return
        for name in proto.input:
            if name and not self._known(name):
                raise ConvertError("node %s takes %s, which nothing before it puts out" % (label, name))
        if self._does_nothing(proto, attributes):
            self._alias[output] = self._root(self._kept_input(proto))
            return
        known = self._size(proto, attributes)
        if known is not None and known.size <= MAX_SIZE_VALUES:
            self._sizes[output] = known
            return
        self._given.add(output)
        self._alias.update((extra, output) for extra in proto.output[1:] if extra)  # so that who takes it is connected
        self._add_node(proto, attributes, label, output)

    # ---- What does nothing, and sizes

    def _does_nothing(self, proto, attributes):
        if proto.op_type in ("Identity", "Dropout"):
            return True
        if proto.op_type == "Cast":
            types = self._onnx.TensorProto
            floats = (types.FLOAT, types.FLOAT16, types.BFLOAT16, types.DOUBLE)
            constant = self._constant(proto.input[0])
            return attributes["to"] in floats and (
                constant.is_float if constant else self._root(proto.input[0]) in self._given
            )
        return proto.op_type == "Add" and self._kept_input(proto) is not None

    def _kept_input(self, proto):
        """The input that such a node hands on; for an Add the other one must be zero."""
        if proto.op_type != "Add":
            return proto.input[0]
        for kept, other in (proto.input, reversed(proto.input)):
            numbers = self._numbers(other)
            if self._root(kept) in self._given and numbers is not None and numbers.size == 1 and not numbers.any():
                return kept
        return None

    def _size(self, proto, attributes):
        """The value of a node that computes with sizes alone; None for any other."""
        op = proto.op_type
        if op == "Shape" and self._root(proto.input[0]) in self._shapes:
            shape = np.array((1,) + self._shapes[self._root(proto.input[0])], "<i8")
            return shape[attributes.get("start", 0) : attributes.get("end", len(shape))]
        inputs = [self._numbers(name) if name else None for name in proto.input]
        if not inputs or any(numbers is None for numbers in inputs):
            return None
        axes = inputs[1] if len(inputs) > 1 else attributes.get("axes")
        try:
            if op == "Gather":
                return np.take(inputs[0], inputs[1], axis=attributes.get("axis", 0))
            if op == "Concat":
                return np.concatenate(inputs, axis=attributes["axis"])
            if op == "Slice":
                starts, ends = inputs[1:3] if len(inputs) > 2 else (attributes["starts"], attributes["ends"])
                step = inputs[4][0] if len(inputs) > 4 else 1
                return inputs[0][starts[0] : ends[0] : step] if inputs[0].ndim == len(starts) == 1 else None
            if op == "Unsqueeze":
                return np.expand_dims(inputs[0], tuple(int(axis) for axis in axes))
            if op == "Squeeze":
                return np.squeeze(inputs[0])
            if op == "Cast":
                integer = attributes["to"] in (self._onnx.TensorProto.INT64, self._onnx.TensorProto.INT32)
                return inputs[0].astype("<i8" if integer else "<f8")
            if op in ("Add", "Sub", "Mul"):
                return {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply}[op](*inputs)
            if op == "Div":
                integer = all(numbers.dtype.kind == "i" for numbers in inputs)
                return inputs[0] // inputs[1] if integer else inputs[0] / inputs[1]
            if op in ("Floor", "Ceil"):
                return (np.floor if op == "Floor" else np.ceil)(inputs[0])
        except (ValueError, IndexError, KeyError, TypeError, ZeroDivisionError):
            pass  # it then is a node that no network has
        return None

    # ---- Nodes

    def _add_node(self, proto, attributes, label, output):
        inputs = [self._root(name) for name in proto.input if name]
        values = [name for name in inputs if name in self._given]
        node = Node(label, proto.op_type, values, output)
        if proto.domain not in ("", "ai.onnx"):
            node.kind = "%s.%s" % (proto.domain, proto.op_type)
        else:
            try:
                self._describe(node, proto, attributes)
            except _Unknown as unknown:
                node.kind = "%s with %s" % (proto.op_type, unknown)
        self._nodes.append(node)

    def _describe(self, node, proto, attributes):
        op = proto.op_type
        shape = self._shapes.get(self._root(proto.input[0])) if proto.input else None
        if op in ("Conv", "ConvTranspose"):
            self._describe_conv(node, proto, attributes, shape)
        elif op == "BatchNormalization":
            self._describe_norm(node, proto, attributes)
            self._set_shape(node, shape, lambda n: n)
        elif op == "MaxPool":
            kernel = list(attributes.get("kernel_shape", []))
            stride, padding = _window(attributes, kernel)
            if attributes.get("ceil_mode", 0):
                raise _Unknown("ceil_mode")
            node.kind = max_pool_kind(_extent(kernel), _short(stride), _short(padding))
            self._set_shape(node, shape, lambda n: (n + 2 * padding[0] - kernel[0]) // stride[0] + 1)
        elif op in ("Resize", "Upsample"):
            factor = self._upsampling(proto, attributes, shape)
            node.kind = upsample_kind(factor)
            self._set_shape(node, shape, lambda n: n * factor)
        elif op in ("Relu", "Sigmoid", "Tanh", "Add", "Mul"):
            if len(node.inputs) != len(proto.input):
                raise _Unknown("a constant")
            self._set_shape(node, shape, lambda n: n)

    def _set_shape(self, node, shape, change, channels=None):
        if shape is not None:
            self._shapes[node.output] = (shape[0] if channels is None else channels,) + tuple(map(change, shape[1:]))

    def _weight(self, node, proto, position):
        """A constant input; weights that come from nodes, as quantised ones do, are of no network."""
        name = proto.input[position]
        constant = self._constant(name)
        if constant is None:
            raise ConvertError("node %s: its input %s is no constant, expected weights" % (node.label, name))
        return constant

    def _describe_conv(self, node, proto, attributes, shape):
        transposed = proto.op_type == "ConvTranspose"
        node.kernel = self._weight(node, proto, 1)
        if len(proto.input) > 2 and proto.input[2]:
            node.bias = self._weight(node, proto, 2)
        extents = node.kernel.shape
        kernel = list(extents[2:])
        if len(extents) != 4 or min(extents) < 1 or list(attributes.get("kernel_shape", kernel)) != kernel:
            raise ConvertError("node %s: its weight has shape %s" % (node.label, list(extents)))
        if node.bias is not None and node.bias.shape != (node.channels(),):
            numbers = (node.label, list(node.bias.shape), [node.channels()])
            raise ConvertError("node %s: its bias has shape %s, expected %s" % numbers)
        if attributes.get("group", 1) != 1:
            raise _Unknown("%d groups" % attributes["group"])
        stride, padding = _window(attributes, kernel)
        channels, out = (extents[0], extents[1]) if transposed else (extents[1], extents[0])
        numbers = (_extent(kernel), channels, out, _short(stride), _short(padding))
        if not transposed:
            node.kind = conv_kind(*numbers)
            self._set_shape(node, shape, lambda n: (n + 2 * padding[0] - kernel[0]) // stride[0] + 1, out)
            return
        if "output_shape" in attributes:
            raise _Unknown("an output_shape")
        extra = list(attributes.get("output_padding", [0, 0]))
        node.kind = deconv_kind(*numbers, _short(extra))
        self._set_shape(node, shape, lambda n: (n - 1) * stride[0] - 2 * padding[0] + kernel[0] + extra[0], out)

    def _describe_norm(self, node, proto, attributes):
        """The statistics are used whatever the mode, since a network in use is not in training."""
        if len(proto.input) != 5:
            raise _Unknown("%d inputs" % len(proto.input))
        epsilon = attributes.get("epsilon", EPSILON)
        if abs(epsilon - EPSILON) > 1e-3 * EPSILON:
            raise _Unknown("epsilon %g instead of %g" % (epsilon, EPSILON))
        node.norm = Norm(*(self._weight(node, proto, position) for position in range(1, 5)))

    def _upsampling(self, proto, attributes, shape):
        """The whole factor by which a Resize repeats pixels."""
        mode = attributes.get("mode", b"nearest").decode("ascii", "replace")
        if mode != "nearest":
            raise _Unknown("mode " + mode)
        if proto.op_type == "Resize" and len(proto.input) > 2:  # operator set 11 on; before, it is asymmetric and floor
            transform = attributes.get("coordinate_transformation_mode", b"half_pixel").decode("ascii", "replace")
            rounding = attributes.get("nearest_mode", b"round_prefer_floor").decode("ascii", "replace")
            centred = transform in ("half_pixel", "pytorch_half_pixel") and rounding.startswith("round_prefer_")
            if not centred and (transform, rounding) != ("asymmetric", "floor"):
                raise _Unknown("nearest pixels by %s and %s, which do not repeat each alike" % (transform, rounding))
            scales = self._numbers(proto.input[2]) if proto.input[2] else None
            sizes = self._numbers(proto.input[3]) if len(proto.input) > 3 and proto.input[3] else None
        else:
            scales = self._numbers(proto.input[1]) if len(proto.input) > 1 else np.array(attributes.get("scales", []))
            sizes = None
        if sizes is not None and sizes.size == 4 and shape is not None:
            scales = np.array([1, 1, sizes[2] / shape[1], sizes[3] / shape[2]])
        if scales is None or scales.size != 4:
            raise _Unknown("a size that only a picture tells")
        scales = scales.reshape(4).tolist()
        if scales[:2] != [1, 1] or scales[2] != scales[3] or scales[2] != int(scales[2]) or scales[2] < 1:
            raise _Unknown("scales %s" % scales)
        return int(scales[2])

    # ---- The whole graph

    def _live(self, outputs):
        wanted, live = set(outputs), []
        for node in reversed(self._nodes):
            if node.output in wanted:
                live.append(node)
                wanted.update(node.inputs)
        return live[::-1]

    @staticmethod
    def _with_norms(nodes, outputs):
        """Makes each batch norm part of the convolution before it, where nothing else takes that one's output."""
        takers: Dict[str, List[Node]] = {}
        for node in nodes:
            for value in node.inputs:
                takers.setdefault(value, []).append(node)
        dropped = set()
        for conv in nodes:
            following = takers.get(conv.output, [])
            if conv.kernel is None or len(following) != 1 or conv.output in outputs:
                continue
            norm = following[0]
            if norm.kernel is None and norm.norm is not None:
                _check_norm(norm, conv)
                conv.norm, conv.output = norm.norm, norm.output
                dropped.add(norm)
        return [node for node in nodes if node not in dropped]


def _check_norm(node, conv):
    for part, array in node.norm._asdict().items():
        if array.shape != (conv.channels(),):
            numbers = (node.label, part, list(array.shape), [conv.channels()])
            raise ConvertError("node %s: its %s has shape %s, expected %s" % numbers)


def _window(attributes, kernel):
    """Strides and paddings, vertical and horizontal."""
    if attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID") or len(kernel) != 2:
        raise _Unknown("auto_pad or a kernel that is not of two dimensions")
    if any(extent != 1 for extent in attributes.get("dilations", [])):
        raise _Unknown("dilations %s" % list(attributes["dilations"]))
    stride = list(attributes.get("strides", [1, 1]))
    pads = list(attributes.get("pads", [0, 0, 0, 0]))
    if len(stride) != 2 or min(stride) < 1 or len(pads) != 4 or pads[:2] != pads[2:]:
        raise _Unknown("strides %s and pads %s" % (stride, pads))
    return stride, pads[:2]


def _extent(pair):
    return "%dx%d" % tuple(pair)


def _short(pair):
    """One number where both are equal."""
    return str(pair[0]) if pair[0] == pair[1] else _extent(pair)
