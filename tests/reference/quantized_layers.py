"""8-bit layers in PyTorch: exact sums of whole numbers, and the arithmetic that limn documents for what follows.

Written from the documentation in include/limn/layers (map_scale.hpp, quantize.hpp, quantized_add.hpp,
quantized_convolution.hpp): sums of products of whole numbers are computed in double, where they are exact, and turned
into 8-bit numbers by single operations on float32 tensors, each of them rounded once. So every processor gives the same.

Each result is also compared with two others, which need not be the same to the bit: with the layer of real numbers that
it stands for, and, where this PyTorch has them, with PyTorch's own quantised layers.

Maps of whole numbers are stored as float32. A scale is [scale, zero point]: real = scale * (q - zero point).
"""

import zlib

import numpy as np
import torch
from torch.nn import functional

UNITS = 256  # sums of two maps are made in 1/256 of the output's scale
MOST_BIAS = 2.0**28
MOST_SUMMAND = 2.0**21


def random(case):
    return np.random.RandomState(zlib.crc32(case.encode("utf-8")))


def scale(value, zero_point):
    """A scale as float32, in which it is stored and used."""
    return [float(np.float32(value)), zero_point]


def double(values):
    return torch.from_numpy(np.asarray(values, dtype=np.float64))


def image(values):
    return double(values)[None]


def per_channel(values):
    return values.reshape(1, -1, 1, 1)


# ---- The documented arithmetic ---------------------------------------------------------------------------------------


def to_8bit(product, output, relu=False):
    """The 8-bit numbers for float32 `product`, real numbers in units of the output's scale."""
    zero = output[1]
    least = 0 if relu else -zero
    return torch.round(product.clamp(least, 255 - zero)) + zero


def summand(product):
    """One of two maps that are added: float32 `product` is in 1/256 of the output's scale."""
    return torch.round(product.clamp(-MOST_SUMMAND, MOST_SUMMAND)).double()


def to_8bit_sum(total, output, relu):
    least = output[1] if relu else 0
    return (torch.floor((total + UNITS / 2) / UNITS) + output[1]).clamp(least, 255)


def brought(map_, source, output):
    """A map on its way into a sum."""
    return summand((map_ - source[1]).float() * torch.tensor(source[0] * UNITS / output[0]).float())


def quantize(values, output):
    """Float32 real numbers to 8-bit ones."""
    return to_8bit(values.float() * torch.tensor(1 / output[0]).float(), output)


def dequantize(map_, source):
    return (map_ - source[1]).float() * torch.tensor(source[0]).float()


def quantized_add(first, second, layer):
    total = brought(first, layer["input_scale"], layer["output_scale"])
    total = total + brought(second, layer["other_scale"], layer["output_scale"])
    return to_8bit_sum(total, layer["output_scale"], layer["relu"])


def convolve(map_, weight, layer):
    """The float layer, of maps with batch; of whole numbers, exact in double."""
    if "output_padding" in layer:
        options = (layer["stride"], layer["padding"], layer["output_padding"])
        return functional.conv_transpose2d(map_, weight, None, *options)
    return functional.conv2d(map_, weight, None, layer["stride"], layer["padding"])


def quantized_convolution(map_, weight, weight_scale, bias, layer, residual=None):
    """`weight_scale` and `bias` are float32 numbers as double; all else is whole numbers as double."""
    unit = layer["input_scale"][0] * weight_scale
    whole_bias = torch.round((bias / unit).clamp(-MOST_BIAS, MOST_BIAS))
    sums = convolve(map_ - layer["input_scale"][1], weight, layer) + per_channel(whole_bias)
    output = layer.get("output_scale")
    factor = unit * UNITS if residual is not None else unit
    product = sums.float() * per_channel((factor / output[0] if output else factor).float())
    if residual is not None:
        total = summand(product) + brought(residual, layer["residual_scale"], output)
        return to_8bit_sum(total, output, layer["relu"])
    if output:
        return to_8bit(product, output, layer["relu"])
    return torch.relu(product) if layer["relu"] else product


def convolution_output(inputs, layer):
    """The same of a case's arrays."""
    maps = [image(inputs["input"]), image(inputs["residual"]) if "residual" in inputs else None]
    weights = [double(inputs[name]) for name in ("weight", "weight_scale", "bias")]
    return quantized_convolution(maps[0], *weights, layer, maps[1])


# ---- What it is compared with ----------------------------------------------------------------------------------------


class Checks:
    """Counts what was compared."""

    def __init__(self):
        self.counts = {}

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def __str__(self):
        return ", ".join(f"{count} {what}" for what, count in self.counts.items())


def real_output(inputs, layer, kind):
    """The layer of real numbers that a case stands for, and how far the rounding of its bias can move it."""
    first = layer["input_scale"][0] * (image(inputs["input"]) - layer["input_scale"][1])
    if kind == "quantized_add":
        result = first + layer["other_scale"][0] * (image(inputs["other"]) - layer["other_scale"][1])
        moved = 0.0
    else:
        weight_scale = double(inputs["weight_scale"])
        shape = (1, -1, 1, 1) if "output_padding" in layer else (-1, 1, 1, 1)
        weight = double(inputs["weight"]) * weight_scale.reshape(shape)
        result = convolve(first, weight, layer) + per_channel(double(inputs["bias"]))
        if "residual" in inputs:
            scale_, zero = layer["residual_scale"]
            result = result + scale_ * (image(inputs["residual"]) - zero)
        moved = per_channel(layer["input_scale"][0] * weight_scale) / 2
    return torch.relu(result) if layer["relu"] else result, moved


def check_real(case, output, inputs, layer, kind, checks):
    """Half a level at most lies between the result and the real one, clamped; less than 1/100 comes from elsewhere."""
    real, moved = real_output(inputs, layer, kind)
    if "output_scale" in layer:
        scale_, zero = layer["output_scale"]
        real = real.clamp(-scale_ * zero, scale_ * (255 - zero))
        apart, allowed = (scale_ * (output.double() - zero) - real).abs(), 0.51 * scale_ + moved
    else:
        apart, allowed = (output.double() - real).abs(), moved + 1e-6 * real.abs().max()
    assert bool((apart <= allowed).all()), f"{case}: {float((apart - allowed).max())} from the real numbers"
    checks.count("with real numbers")


def quantized_tensor(values, scale_):
    return torch._make_per_tensor_quantized_tensor(torch.from_numpy(values[None]).to(torch.uint8), *scale_)


def torch_convolution(inputs, layer, bias):
    """PyTorch's own 8-bit convolution, plain or transposed."""
    map_ = quantized_tensor(inputs["input"], layer["input_scale"])
    weight = torch.from_numpy(inputs["weight"]).to(torch.int8)
    size, zero = layer["output_scale"]
    if "output_padding" not in layer:
        zeros = torch.zeros(len(weight), dtype=torch.int64)
        weight = torch._make_per_channel_quantized_tensor(weight, double(inputs["weight_scale"]), zeros, 0)
        options = (layer["stride"], layer["padding"])
        return torch.nn.quantized.functional.conv2d(map_, weight, bias, *options, scale=size, zero_point=zero)
    weight = torch._make_per_tensor_quantized_tensor(weight, float(inputs["weight_scale"][0]), 0)
    packed = torch.ops.quantized.conv_transpose2d_prepack(
        weight, bias, layer["stride"], layer["padding"], layer["output_padding"], [1, 1], 1
    )
    return torch.ops.quantized.conv_transpose2d(map_, packed, size, zero)


def torch_output(inputs, layer, kind):
    """PyTorch's own 8-bit numbers of a case. Raises RuntimeError where it has none."""
    if kind != "quantized_add":
        found = torch_convolution(inputs, layer, torch.from_numpy(inputs["bias"])).int_repr()
        return found.clamp(min=layer["output_scale"][1]) if layer["relu"] else found
    operation = torch.ops.quantized.add_relu if layer["relu"] else torch.ops.quantized.add
    maps = (quantized_tensor(inputs[map_], layer[map_ + "_scale"]) for map_ in ("input", "other"))
    return operation(*maps, *layer["output_scale"]).int_repr()


def check_torch(case, output, inputs, layer, kind, checks):
    """PyTorch rounds elsewhere, so that a number may be the one beside. It has no residual, and one scale only for all
    channels of a transposed convolution, which is compared with such a one."""
    if "output_scale" not in layer or "residual" in inputs:
        return
    # Not oneDNN: asked for the same convolution with another zero point, PyTorch 1.13's gives the first one's result.
    if kind != "quantized_add" and "qnnpack" not in torch.backends.quantized.supported_engines:
        checks.count("without PyTorch's, which has no qnnpack here")
        return
    if kind == "quantized_conv_transpose2d":
        one_scale = np.full_like(inputs["weight_scale"], inputs["weight_scale"][0])
        inputs = {**inputs, "weight_scale": one_scale}
        output = convolution_output(inputs, layer)
    before = torch.backends.quantized.engine
    try:
        if kind != "quantized_add":
            torch.backends.quantized.engine = "qnnpack"
        found = torch_output(inputs, layer, kind)
    finally:
        torch.backends.quantized.engine = before
    apart = int((found.double() - output).abs().max())
    assert apart <= 1, f"{case}: {apart} levels from PyTorch's quantised layer"
    checks.count("with PyTorch's")


# ---- The cases -------------------------------------------------------------------------------------------------------


def bytes_of(rng, *shape):
    return rng.randint(0, 256, shape).astype(np.float32)


class QuantizedCases:
    def __init__(self, layers):
        self.layers = layers
        self.checks = Checks()

    def add(self, case, inputs, output, layer):
        kind = case.split("/")[0]
        check_real(case, output, inputs, layer, kind, self.checks)
        check_torch(case, output, inputs, layer, kind, self.checks)
        self.layers.add(case, inputs, output, **layer)

    # -- to 8 bit and back

    def conversions(self):
        for scale_, zero, channels, size in ((0.0217, 128, 3, (5, 7)), (0.013, 0, 5, (3, 4)), (0.1, 255, 1, (1, 1))):
            output = scale(scale_, zero)
            name = f"quantize/{scale_:g}_zero{zero}_c{channels}_on_{size[0]}x{size[1]}"
            values = random(name).normal(0, 80 * scale_, (channels, *size)).astype(np.float32)
            result = quantize(torch.from_numpy(values)[None], output)
            own = torch.quantize_per_tensor(torch.from_numpy(values)[None], *output, torch.quint8).int_repr()
            assert int((own.double() - result).abs().max()) <= 1, name
            self.checks.count("with PyTorch's")
            self.layers.add(name, {"input": values}, result, output_scale=output)

            name = name.replace("quantize/", "dequantize/")
            map_ = bytes_of(random(name), channels, *size)
            own = quantized_tensor(map_, output).dequantize()
            result = dequantize(torch.from_numpy(map_)[None], output)
            assert float((own - result).abs().max()) <= 1e-6 * float(own.abs().max()), name
            self.checks.count("with PyTorch's")
            self.layers.add(name, {"input": map_}, result, input_scale=output)

    def ties(self):
        """Scales that are powers of two: every other value lies between two levels."""
        values = (np.arange(-150, 150, dtype=np.float32) / 4).reshape(1, 15, 20)
        for zero in (0, 127, 128):
            output = scale(0.5, zero)
            result = quantize(torch.from_numpy(values)[None], output)
            self.layers.add(f"quantize/ties_zero{zero}", {"input": values}, result, output_scale=output)

    # -- sums

    def sums(self):
        def case(first, second, output, relu, channels, size):
            layer = {"input_scale": scale(*first), "other_scale": scale(*second), "output_scale": scale(*output)}
            layer["relu"] = relu
            what = "_".join(f"{part[0]:g}z{part[1]}" for part in (first, second, output))
            name = f"quantized_add/{what}{'_relu' if relu else ''}_c{channels}_on_{size[0]}x{size[1]}"
            rng = random(name)
            inputs = {"input": bytes_of(rng, channels, *size), "other": bytes_of(rng, channels, *size)}
            result = quantized_add(image(inputs["input"]), image(inputs["other"]), layer)
            self.add(name, inputs, result, layer)

        case((0.02, 0), (0.031, 128), (0.025, 0), True, 5, (5, 7))
        case((0.02, 128), (0.031, 128), (0.04, 128), False, 5, (5, 7))
        case((0.5, 128), (0.5, 128), (1.0, 128), False, 3, (13, 9))  # halves
        case((0.25, 100), (1.0, 0), (0.5, 30), True, 3, (13, 9))
        case((1.7, 3), (0.001, 255), (2.0, 0), False, 1, (5, 7))
        case((0.01, 0), (0.01, 0), (0.0173, 0), False, 1, (1, 1))

    # -- convolutions

    def convolution(self, shape, inputs_, layer, size, name, output_zero, residual_zero=None, bias=1.0):
        """Makes the tensors of a case, and an output scale at which a few of its numbers are clamped."""
        rng = random(name)
        channels, zero = inputs_
        out = shape[1] if "output_padding" in layer else shape[0]
        layer["input_scale"] = scale(0.01 + 0.03 * rng.random_sample(), zero)
        inputs = {
            "input": bytes_of(rng, channels, *size),
            "weight": rng.randint(-128, 128, shape).astype(np.float32),
            "weight_scale": rng.uniform(0.001, 0.01, out).astype(np.float32),
            "bias": (bias * rng.standard_normal(out)).astype(np.float32),
        }
        real, _ = real_output(inputs, layer, "quantized_conv")
        span = float(real.abs().max())
        if residual_zero is not None:
            inputs["residual"] = bytes_of(rng, *real.shape[1:])
            layer["residual_scale"] = scale(span / 150, residual_zero)
        if output_zero is not None:
            layer["output_scale"] = scale(span / (150 if output_zero else 300), output_zero)
        self.finish(name, inputs, layer)

    def finish(self, name, inputs, layer):
        self.add(name, inputs, convolution_output(inputs, layer), layer)

    @staticmethod
    def ending(zero, output_zero, residual_zero, relu):
        """The end of a case's name."""
        ending = f"_z{zero}_to_{'floats' if output_zero is None else f'z{output_zero}'}"
        return ending + (f"_and_z{residual_zero}" if residual_zero is not None else "") + ("_relu" if relu else "")

    def conv2d(self):
        def case(into, out, size, kernel, stride, padding, zero, output_zero, relu=False, residual_zero=None, bias=1.0):
            k, s, p = (f"{pair[0]}x{pair[1]}" for pair in (kernel, stride, padding))
            name = f"quantized_conv2d/k{k}_s{s}_p{p}_{into}to{out}_on_{size[0]}x{size[1]}"
            name += self.ending(zero, output_zero, residual_zero, relu)
            layer = {"stride": stride, "padding": padding, "relu": relu}
            self.convolution(
                (out, into, *kernel), (into, zero), layer, size, name, output_zero, residual_zero, bias
            )

        # in, out, (height, width), kernel, stride, padding, zero point of the input, of the output, ReLU, residual's
        case(1, 1, (1, 1), (1, 1), (1, 1), (0, 0), 0, 128)
        case(3, 5, (5, 7), (1, 1), (1, 1), (0, 0), 128, 0, True)
        case(17, 3, (5, 4), (1, 1), (2, 2), (0, 0), 0, None)
        case(5, 17, (5, 4), (1, 1), (1, 1), (0, 0), 0, 0, True, 0)
        case(5, 5, (5, 7), (3, 3), (1, 1), (1, 1), 0, 0, True)
        case(5, 5, (5, 7), (3, 3), (1, 1), (1, 1), 128, 128)
        case(5, 5, (5, 7), (3, 3), (1, 1), (1, 1), 128, 128, False, 128)
        case(5, 5, (5, 7), (3, 3), (1, 1), (1, 1), 0, 0, True, 128)
        case(17, 8, (6, 8), (3, 3), (2, 2), (1, 1), 0, 0, True)
        case(4, 3, (2, 5), (3, 3), (1, 1), (3, 3), 255, 7)
        case(3, 5, (1, 9), (3, 3), (1, 1), (1, 1), 37, 128, False, 200)
        case(3, 5, (13, 9), (3, 3), (2, 1), (1, 0), 128, None, True)
        case(3, 8, (8, 6), (7, 7), (2, 2), (3, 3), 128, 0, True)
        case(3, 3, (9, 7), (5, 3), (2, 2), (1, 2), 100, 128)
        case(64, 4, (3, 2), (3, 3), (1, 1), (1, 1), 0, 128, False, 128)
        case(2, 3, (5, 4), (3, 3), (1, 1), (1, 1), 0, 128, False, None, 300.0)  # mostly bias

    def conv_transpose2d(self):
        def case(into, out, size, kernel, stride, padding, more, zero, output_zero, relu=False, residual_zero=None):
            k, s, p, o = (f"{pair[0]}x{pair[1]}" for pair in (kernel, stride, padding, more))
            name = f"quantized_conv_transpose2d/k{k}_s{s}_p{p}_op{o}_{into}to{out}_on_{size[0]}x{size[1]}"
            name += self.ending(zero, output_zero, residual_zero, relu)
            layer = {"stride": stride, "padding": padding, "output_padding": more, "relu": relu}
            self.convolution((into, out, *kernel), (into, zero), layer, size, name, output_zero, residual_zero)

        # in, out, (height, width), kernel, stride, padding, output padding, zero points as above, ReLU, residual's
        case(1, 1, (1, 1), (4, 4), (2, 2), (1, 1), (0, 0), 0, 128)
        case(5, 4, (3, 4), (4, 4), (2, 2), (1, 1), (0, 0), 0, 0, True)
        case(17, 3, (3, 2), (3, 3), (2, 2), (1, 1), (1, 1), 128, 128)
        case(3, 5, (3, 4), (2, 2), (2, 2), (0, 0), (0, 0), 0, None)
        case(5, 3, (3, 4), (4, 4), (2, 2), (1, 1), (0, 0), 0, 128, False, 128)
        case(3, 4, (3, 4), (2, 2), (3, 3), (0, 0), (1, 1), 128, 0, True)  # outputs that no input reaches
        case(3, 4, (3, 4), (3, 5), (2, 3), (0, 2), (1, 2), 77, 128, False, 0)

    def halves(self):
        """Scales that are powers of two: half of the sums lie between two levels, at and below 0 as well."""
        rng = random("quantized_conv2d/halves")
        inputs = {
            "input": rng.randint(100, 157, (3, 9, 8)).astype(np.float32),
            "weight": rng.randint(-3, 4, (4, 3, 1, 1)).astype(np.float32),
            "weight_scale": np.array([0.25, 0.125, 0.25, 0.5], np.float32),
            "bias": np.array([0, 1, -0.0625, 0.1875], np.float32),
        }
        residual = rng.randint(120, 137, (4, 9, 8)).astype(np.float32)
        for ending, more, zero, relu in (("", {}, 128, False), ("_relu", {}, 30, True)):
            layer = {"stride": (1, 1), "padding": (0, 0), "relu": relu, "input_scale": scale(0.5, 128)}
            layer["output_scale"] = scale(0.5, zero)
            self.finish("quantized_conv2d/halves" + ending, {**inputs, **more}, layer)
            layer = {**layer, "residual_scale": scale(0.25, 128)}
            self.finish(f"quantized_conv2d/halves{ending}_residual", {**inputs, "residual": residual}, layer)


# ---- A network -------------------------------------------------------------------------------------------------------


class Network:
    """A small network as limn makes it of a float one: a stem, a residual block with a downsampling shortcut, a sum that
    no convolution does, upsampling, a transposed convolution, an 8-bit head that puts out floats and a float one.

    Weights are named after the convolutions, maps after the last layer that was drawn into each."""

    CASE = "quantized_network/small"
    SCALES = {
        "input": scale(0.02, 128),
        "relu": scale(0.03, 0),
        "block.relu1": scale(0.03, 0),
        "block.bn2": scale(0.04, 128),
        "block": scale(0.03, 0),
        "side_relu": scale(0.04, 0),
        "sum_relu": scale(0.06, 0),
        "deconv_relu": scale(0.05, 0),
    }

    def __init__(self):
        self.random = random(self.CASE)
        values = self.random.standard_normal((3, 24, 24)).astype(np.float32)
        self.tensors = {"input": values}
        self.maps = {"input": quantize(torch.from_numpy(values)[None], self.SCALES["input"])}

    def convolution(self, name, source, output, shape, source_scale=None, residual=None, relu=True, **options):
        """`shape`: of the weight. `source_scale`: the name of it where that is not the map's."""
        transposed = "output_padding" in options
        out, into = (shape[1], shape[0]) if transposed else shape[:2]
        taps = shape[2] * shape[3] / (4 if transposed else 1)
        weight = self.random.randint(-127, 128, shape).astype(np.float32)
        weight_scale = (self.random.uniform(0.5, 1.5, out) / 70 / (into * taps) ** 0.5).astype(np.float32)
        bias = (0.3 * self.random.standard_normal(out)).astype(np.float32)
        self.tensors.update({f"{name}.weight": weight, f"{name}.weight_scale": weight_scale, f"{name}.bias": bias})
        layer = {"stride": (1, 1), "padding": (0, 0), **options, "relu": relu}
        layer["input_scale"] = self.SCALES[source_scale or source]
        other = None
        if output in self.SCALES:
            layer["output_scale"] = self.SCALES[output]
        if residual:
            layer["residual_scale"] = self.SCALES[residual]
            other = self.maps[residual].double()
        weights = (double(values) for values in (weight, weight_scale, bias))
        self.maps[output] = quantized_convolution(self.maps[source].double(), *weights, layer, other)

    def write(self, layers):
        maps, three, halving = self.maps, {"padding": (1, 1)}, {"stride": (2, 2)}
        self.convolution("conv1", "input", "relu", (4, 3, 7, 7), **halving, padding=(3, 3))
        maps["maxpool"] = functional.max_pool2d(maps["relu"], 3, 2, 1)
        self.convolution("block.conv1", "maxpool", "block.relu1", (6, 4, 3, 3), "relu", **halving, **three)
        self.convolution("block.conv2", "block.relu1", "block.bn2", (6, 6, 3, 3), relu=False, **three)
        self.convolution("block.downsample.0", "maxpool", "block", (6, 4, 1, 1), "relu", "block.bn2", **halving)
        self.convolution("side", "block", "side_relu", (6, 6, 3, 3), **three)
        scales = {"input": "block", "other": "side_relu", "output": "sum_relu"}
        sum_layer = {f"{place}_scale": self.SCALES[name] for place, name in scales.items()}
        maps["sum_relu"] = quantized_add(maps["block"], maps["side_relu"], {**sum_layer, "relu": True})
        maps["up"] = functional.interpolate(maps["sum_relu"], scale_factor=2, mode="nearest")
        deconv = {**halving, **three, "output_padding": (0, 0)}
        self.convolution("deconv", "up", "deconv_relu", (6, 4, 4, 4), "sum_relu", **deconv)
        self.convolution("sizes", "deconv_relu", "sizes", (2, 4, 1, 1), relu=False)

        kept = {"weight": self.random.standard_normal((2, 4, 1, 1)), "bias": self.random.standard_normal(2)}
        kept = {name: values.astype(np.float32) for name, values in kept.items()}
        self.tensors.update({f"heatmaps.{name}": values for name, values in kept.items()})
        floats = dequantize(maps["deconv_relu"], self.SCALES["deconv_relu"]).double()
        output = functional.conv2d(floats, double(kept["weight"]), double(kept["bias"]))

        for name, values in maps.items():
            assert name not in self.SCALES or len(values.unique()) > 15, f"{name}: {values.unique()}"
            self.tensors[f"map/{name}"] = values[0].numpy().astype(np.float32)
        layers.add(self.CASE, self.tensors, output, scales=self.SCALES)


def write(layers):
    """Adds the cases of all 8-bit layers, and says what was compared with what."""
    cases = QuantizedCases(layers)
    for add in (cases.conversions, cases.ties, cases.sums, cases.conv2d, cases.conv_transpose2d, cases.halves):
        add()
    Network().write(layers)
    print(f"8-bit layers compared: {cases.checks}")
