"""Finds the network that an ONNX graph is, by its layers and how they are connected; names do not matter.

Options of each type of network are tried, those that can be told by looking for them at once, and the layers of
networks.py are looked for in the graph, one after another: a layer is a node of the same kind that takes the same
values. What must be found is every layer, and of the graph's nodes none may be left.

Where two nodes would do (the two branches of trt_pose begin alike), the one is taken behind which the graph goes on as
behind the layer.

Weights come out as the file has them, bit for bit. Exporters fold a batch norm into its convolution, whose weights they
multiply and to which they give a bias, often with some convolutions of a network and not with others (PyTorch leaves
transposed ones). The network document knows batch norm after each convolution, or after none and biases instead. Hence

    no batch norm at all    "normalization": "bias", or "none" where there are no biases either
    some, or trt_pose's     "batch_norm", and where one was folded away one that does nothing is put in its place:
                            weight 1, running mean 0, variance 1 - eps, so that sqrt(variance + eps) is 1, and the
                            convolution's bias as bias

so that the document and the layers' names are those of the network before it was exported.
"""

from typing import Dict

import numpy as np

from . import ConvertError
from .networks import BASE_CHANNELS, DECONV_KERNELS, DECONVS, FINAL_KERNELS, FLAT_LAYERS, RESNETS
from .networks import CmapPaf, HRNet, PoseResNet
from .onnx_file import EPSILON


class Values:
    """Numbers made here or read, as checkpoint.Tensor for whoever asks."""

    is_float = True

    def __init__(self, values):
        self.values, self.shape = values.astype("<f4"), values.shape

    def to_float32(self):
        return self.values


class Mismatch(Exception):
    def __init__(self, matched, message):
        super().__init__(message)
        self.matched = matched  # how many layers were found before


def match_network(graph):
    """(network, {limn's name: tensor}, {limn's name: name in the file})."""
    best = None
    for options, network, outputs in _candidates(graph):
        try:
            nodes = _match(network, graph, outputs)
        except Mismatch as mismatch:
            if best is None or mismatch.matched > best.matched:
                best = mismatch
            continue
        network = _as_exported(options, network, nodes).network()
        return (network,) + _tensors(network, nodes)
    raise ConvertError(str(best))


# ---- Which networks it might be ------------------------------------------------------------------------------------


def _candidates(graph):
    """(options, network, the graph's outputs in its order) of all networks that it can be, the likeliest first.

    Of two that fit equally far, that one is told of.
    """
    kernels = [node for node in graph.nodes if node.kernel is not None]
    convs = [node for node in kernels if not node.kind.startswith("ConvTranspose")]
    deconvs = [node for node in kernels if node.kind.startswith("ConvTranspose")]
    if not convs:
        raise ConvertError("the graph has no convolution, expected a network of convolutions")
    if len(graph.outputs) > 2:
        raise ConvertError(
            "the graph has %d outputs, expected heatmaps, or these and part affinity fields"
            " (a person detector must come as a PyTorch checkpoint)" % len(graph.outputs)
        )
    activation = "relu" if any(node.kind == "Relu" for node in graph.nodes) else "none"
    final = _last_conv(graph, graph.outputs[0]) or convs[-1]
    kernel = final.kernel.shape[2] if final.kernel.shape[2] in FINAL_KERNELS else 1
    last = {node.output: node for node in graph.nodes}.get(graph.outputs[0])

    if len(graph.outputs) == 2:
        candidates = list(_cmap_pafs(graph, convs, deconvs))
    else:
        ups = tuple((node.channels(), _deconv_kernel(node)) for node in deconvs[: DECONVS[-1]]) or ((256, 4),) * 3
        sigmoid = "sigmoid" if last is not None and last.kind == "Sigmoid" else "none"
        stem = convs[0].channels() if convs[0].kernel.shape[2:] == (7, 7) else BASE_CHANNELS
        networks = [
            PoseResNet(depth, stem, ups, final.channels(), kernel, False, stride_on, sigmoid, activation=activation)
            for depth, (bottleneck, _) in RESNETS.items()
            for stride_on in (("3x3", "1x1") if bottleneck else ("3x3",))
        ]
        if not deconvs:
            networks.append(HRNet(final.kernel.shape[1], final.channels(), kernel, activation=activation))
        candidates = [(options, graph.outputs) for options in networks]
    possible = []
    for options, outputs in candidates:
        try:
            possible.append((options, options.network(), outputs))
        except ConvertError as error:  # such as more keypoints than limn reads
            refused = error
    if not possible:
        raise refused
    return sorted(possible, key=lambda candidate: abs(len(candidate[1].layers) - len(graph.nodes)))


def _deconv_kernel(node):
    return node.kernel.shape[2] if node.kernel.shape[2] in DECONV_KERNELS else 4


def _last_conv(graph, value):
    """The convolution that makes an output, if need be before its activation."""
    makers = {node.output: node for node in graph.nodes}
    node = makers.get(value)
    if node is not None and node.kernel is None and len(node.inputs) == 1:
        node = makers.get(node.inputs[0])
    return node if node is not None and node.kernel is not None else None


def _cmap_pafs(graph, convs, deconvs):
    """Either output may be the one of the confidence maps."""
    attention = any(node.kind in ("Sigmoid", "Tanh", "Mul") for node in graph.nodes)
    upsamples = min(max(len(deconvs) // 2, 1), DECONVS[-1])
    width = deconvs[0].channels() if deconvs else 256
    first = graph.nodes.index(deconvs[0]) if deconvs else len(graph.nodes)
    rest = sum(graph.nodes.index(node) > first for node in convs) // 2 - 1 - attention
    flat = min(max(rest // upsamples, 0), FLAT_LAYERS[-1])
    for outputs in (graph.outputs, graph.outputs[::-1]):
        keypoints, maps = [(_last_conv(graph, value) or convs[-1]).channels() for value in outputs]
        for depth in RESNETS:
            yield CmapPaf(depth, keypoints, maps // 2, width, upsamples, flat, attention), outputs


# ---- Whether it is this one ----------------------------------------------------------------------------------------


def _match(network, graph, outputs):
    """{layer: node}; raises Mismatch with the first layer that the graph has not, or node that no layer is."""
    takers = {}
    for node in graph.nodes:
        for value in set(node.inputs):
            takers.setdefault(value, []).append(node)
    after_nodes = _signatures(graph.nodes, outputs)
    after_layers = _signatures(network.layers, network.outputs)
    where = {0: graph.input}  # the network's values in the graph
    makers: Dict[str, str] = {graph.input: "the input"}
    found: Dict = {}
    used = set()
    for layer in network.layers:
        values = sorted(where[value] for value in layer.inputs)
        fitting = [
            node
            for node in takers.get(values[0], [])
            if node not in used and _fits(node, layer) and sorted(node.inputs) == values
        ]
        if not fitting:
            beside = [other for other in network.layers if other is not layer and set(other.inputs) & set(layer.inputs)]
            inputs, others = [where[value] for value in layer.inputs], {other.kind for other in beside}
            raise Mismatch(len(used), _misfit(layer, inputs, takers, used, makers, others))
        alike = [node for node in fitting if after_nodes[node.output] == after_layers[layer.output]]
        node = (alike or fitting)[0]
        used.add(node)
        found[layer] = node
        where[layer.output] = node.output
        makers[node.output] = "node " + node.label
    for node in graph.nodes:
        if node not in used:
            facts = (node.label, network.name, node.kind)
            raise Mismatch(len(used), "node %s does not fit: expected the end of %s, found %s" % facts)
    wanted = tuple(where[value] for value in network.outputs)
    if wanted != outputs:
        texts = [" and ".join(makers.get(value, value) for value in values) for values in (wanted, outputs)]
        raise Mismatch(len(used), "expected as the graph's output that of %s, found %s" % tuple(texts))
    return found


def _fits(node, layer):
    return node.kind == layer.kind and (layer.norm or not node.norm)


def _signatures(nodes, outputs):
    """{value: number}, equal for values after which graphs go on alike."""
    takers = {}
    for node in nodes:
        for value in set(node.inputs):
            takers.setdefault(value, []).append(node)
    signatures = {}
    for node in reversed(nodes):
        after = sorted(hash((taker.kind, signatures[taker.output])) for taker in takers.get(node.output, []))
        place = outputs.index(node.output) if node.output in outputs else -1
        signatures[node.output] = hash((place, tuple(after)))
    return signatures


def _misfit(layer, values, takers, used, makers, others):
    """The sentence about a layer that is not there: the node that is there in its place, as far as one can say."""
    expected = "%s (%s)" % (layer.kind, layer.name)
    if len(values) > 1:
        expected += " of %s and %s" % tuple(makers[value] for value in values)
    there = [node for value in values for node in takers.get(value, [])]
    unused = [node for node in there if node not in used]
    unused = [node for node in unused if node.kind not in others] or unused
    if not unused:
        found = " and ".join(node.kind for node in there) or "nothing"
        return "what comes after %s does not fit: expected %s, found %s" % (makers[values[0]], expected, found)
    node = unused[0]
    found = node.kind
    if node.norm and not layer.norm:
        found += " and batch norm"
    if len(values) > 1 and node.kind == layer.kind:
        found += " of %s" % " and ".join(makers.get(value, value) for value in node.inputs)
    return "node %s does not fit: expected %s, found %s" % (node.label, expected, found)


# ---- Its weights ---------------------------------------------------------------------------------------------------


def _as_exported(options, network, nodes):
    """The options with the normalisation that the file has."""
    normed = [nodes[layer] for layer in network.layers if layer.norm]
    if isinstance(options, CmapPaf):
        return options
    if any(node.norm for node in normed):
        deconvs = [node for node in normed if node.kind.startswith("ConvTranspose")]
        if isinstance(options, PoseResNet):
            return options._replace(deconv_bias=any(node.norm and node.bias for node in deconvs))
        return options
    return options._replace(normalization="bias" if any(node.bias for node in normed) else "none")


def _tensors(network, nodes):
    tensors, originals = {}, {}

    def put(name, array, node=None):
        tensors[name] = array
        originals[name] = getattr(array, "name", None) or "%s of node %s" % (name, node.label)

    for layer, node in nodes.items():
        if node.kernel is None:
            continue
        put(layer.name + ".weight", node.kernel)
        channels, bias = node.channels(), node.bias
        if layer.name + ".bias" in network.shapes:
            put(layer.name + ".bias", bias or Values(np.zeros(channels)), node)
            bias = None
        if layer.norm + ".weight" not in network.shapes:
            continue
        norm = node.norm._asdict() if node.norm else _identity(channels, bias)
        if node.norm and bias:  # of a convolution that has none before batch norm: it moves what the mean is taken off
            norm["running_mean"] = Values(node.norm.running_mean.to_float32() - bias.to_float32())
        for part, array in norm.items():
            put("%s.%s" % (layer.norm, part), array, node)
    return tensors, originals


def _identity(channels, bias):
    """A batch norm that only adds the bias."""
    return {
        "weight": Values(np.ones(channels)),
        "bias": bias or Values(np.zeros(channels)),
        "running_mean": Values(np.zeros(channels)),
        "running_var": Values(np.full(channels, 1 - EPSILON)),
    }
