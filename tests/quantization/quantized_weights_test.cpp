#include <limn/quantization/quantized_weights.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <limn/network/plain_executor.hpp>

#include "engine/random_data.hpp"

using namespace limn;

namespace {

/// A network of one convolution and its tensors.
struct OneConvolution {
  OneConvolution(const Layer& layer, const FloatVector& weight, const FloatVector& bias)
      : graph(std::visit(
            [](const auto& alternative) {
              using Alternative = std::decay_t<decltype(alternative)>;
              if constexpr (std::is_same_v<Alternative, Conv2d> || std::is_same_v<Alternative, ConvTranspose2d>) {
                return alternative.in_channels;
              } else {
                return Index{1};
              }
            },
            layer)),
        weight_values(weight),
        bias_values(bias) {
    graph.add_output("heatmaps", graph.add("conv", layer, {Graph::input}));
    const std::vector<ParameterSpec> specs = graph.parameters();
    weights["conv.weight"] = {DType::f32, specs[0].shape, reinterpret_cast<const unsigned char*>(weight_values.data())};
    weights["conv.bias"] = {DType::f32, specs[1].shape, reinterpret_cast<const unsigned char*>(bias_values.data())};
  }

  QuantizedWeights quantized(float input_scale = 0.01F, const MapRange& input = {}) const {
    return quantize_weights(graph, detail::fuse(graph)[0], weights, input_scale, input);
  }

  Graph graph;
  FloatVector weight_values;
  FloatVector bias_values;
  Weights weights;
};

double squared_error(const FloatVector& weight, Index first, Index count, const QuantizedWeights& found, float scale) {
  double sum = 0;
  for (Index i = first; i < first + count; ++i) {
    const double apart =
        static_cast<double>(weight[i]) - static_cast<double>(scale) * found.weight[static_cast<std::size_t>(i)];
    sum += apart * apart;
  }
  return sum;
}

}  // namespace

TEST_CASE("weights that are whole multiples of a scale are kept as they are") {
  FloatVector weight(6);
  weight << 1.27F, -0.5F, 0, -2.54F, 0.02F, 1;
  FloatVector bias(2);
  bias << 0.25F, -3;
  const QuantizedWeights found = OneConvolution(Conv2d{3, 2, 1, 1, 0, true}, weight, bias).quantized();
  CHECK(found.scale[0] == doctest::Approx(0.01));
  CHECK(found.scale[1] == doctest::Approx(0.02));
  CHECK(found.weight == std::vector<std::int8_t>{127, -50, 0, -127, 1, 50});
  CHECK(found.bias == bias);
}

TEST_CASE("each output channel has a scale of its own, in plain and in transposed convolutions") {
  std::mt19937 generator(3);
  const Index in = 5;
  const Index out = 4;
  for (const bool transposed : {false, true}) {
    CAPTURE(transposed);
    const Layer layer =
        transposed ? Layer(ConvTranspose2d{in, out, 4, 2, 1, 0, true}) : Layer(Conv2d{in, out, 4, 2, 1, true});
    const Index taps = 16;
    FloatVector weight = random_values(in * out * taps, generator);
    const auto channel_of = [&](Index place) { return transposed ? place / taps % out : place / taps / in; };
    for (Index i = 0; i < weight.size(); ++i) weight[i] *= std::pow(10.0F, static_cast<float>(channel_of(i)));
    const QuantizedWeights found = OneConvolution(layer, weight, FloatVector::Zero(out)).quantized();
    for (Index channel = 0; channel < out; ++channel) {
      const float most = std::pow(10.0F, static_cast<float>(channel));
      CHECK(found.scale[channel] <= most / 127);
      CHECK(found.scale[channel] > 0.7F * most / 127);
    }
    for (Index i = 0; i < weight.size(); ++i) {
      const float scale = found.scale[channel_of(i)];
      const int value = found.weight[static_cast<std::size_t>(i)];
      CHECK(std::abs(value) <= 127);
      if (std::abs(value) < 127) CHECK(std::abs(weight[i] - scale * static_cast<float>(value)) <= 0.5001F * scale);
    }
  }
}

TEST_CASE("the largest weight is cut where that makes the squared error less") {
  std::mt19937 generator(4);
  FloatVector weight = random_values(4000, generator, 0.87F);
  weight[17] = 1;
  const QuantizedWeights found =
      OneConvolution(Conv2d{4000, 1, 1, 1, 0, true}, weight, FloatVector::Zero(1)).quantized();
  CHECK(found.scale[0] < 0.99F / 127);
  CHECK(found.weight[17] == 127);
  double uncut = 0;
  for (Index i = 0; i < weight.size(); ++i) {
    const double apart = static_cast<double>(weight[i]) - std::round(static_cast<double>(weight[i]) * 127) / 127;
    uncut += apart * apart;
  }
  CHECK(squared_error(weight, 0, 4000, found, found.scale[0]) < uncut);
}

TEST_CASE("a channel without weights keeps its bias") {
  FloatVector bias(3);
  bias << 0, 0.123F, -4567;
  const OneConvolution one(Conv2d{2, 3, 1, 1, 0, true}, FloatVector::Zero(6), bias);
  const float input_scale = 0.03F;
  const QuantizedWeights found = one.quantized(input_scale);
  CHECK(found.scale[0] == 1);
  QuantizedConv2d layer{
      std::get<Conv2d>(one.graph.nodes()[1].layer), {input_scale, 0}, std::nullopt, std::nullopt, false};
  const FloatVector weight = FloatVector::Zero(6);
  const Tensor output = quantized_convolution(Tensor({2, 1, 1}), layer, weight, found.scale, found.bias);
  for (Index channel = 0; channel < 3; ++channel) CHECK(output(channel, 0, 0) == doctest::Approx(bias[channel]));
}

TEST_CASE("no scale is so small that the bias leaves the whole numbers it may be") {
  FloatVector weight(4);
  weight << 1e-9F, -1e-9F, 1e-3F, 1e-30F;
  FloatVector bias(4);
  bias << 1000, -5, 1e-3F, 1e-20F;
  const float input_scale = 0.02F;
  const QuantizedWeights found = OneConvolution(Conv2d{1, 4, 1, 1, 0, true}, weight, bias).quantized(input_scale);
  for (Index channel = 0; channel < 4; ++channel) {
    CAPTURE(channel);
    CHECK(found.scale[channel] >= 1e-12F);
    const double units = std::abs(static_cast<double>(bias[channel])) /
                         (static_cast<double>(input_scale) * static_cast<double>(found.scale[channel]));
    CHECK(units <= 268435456);
  }
  CHECK(found.scale[2] == doctest::Approx(1e-3 / 127).epsilon(0.3));
}

TEST_CASE("what rounding changes the mean of a channel by is in the bias") {
  std::mt19937 generator(5);
  const Index in = 7;
  const Index out = 6;
  // Each pixel of the input has the mean of its channel; a stride of the kernel's size leaves no border.
  const FloatVector means = random_values(in, generator);
  FloatMatrix map = means.replicate(1, 16);
  MapRange range;
  range.see(map);
  range.count(map);
  Tensor input({in, 4, 4});
  input.matrix() = map;
  for (const bool transposed : {false, true}) {
    CAPTURE(transposed);
    const Layer layer =
        transposed ? Layer(ConvTranspose2d{in, out, 2, 2, 0, 0, true}) : Layer(Conv2d{in, out, 2, 2, 0, true});
    const FloatVector weight = random_values(in * out * 4, generator);
    const FloatVector bias = random_values(out, generator);
    const OneConvolution one(layer, weight, bias);
    const QuantizedWeights found = one.quantized(0.01F, range);
    FloatVector rounded(weight.size());
    for (Index i = 0; i < weight.size(); ++i) {
      const Index channel = transposed ? i / 4 % out : i / 4 / in;
      rounded[i] = static_cast<float>(found.weight[static_cast<std::size_t>(i)]) * found.scale[channel];
    }
    CHECK((rounded - weight).norm() > 0.01F);
    const OneConvolution changed(layer, rounded, found.bias);
    const FloatMatrix expected = run_plain(one.graph, one.weights, input)[0].matrix();
    const FloatMatrix got = run_plain(changed.graph, changed.weights, input)[0].matrix();
    CHECK((expected - got).rowwise().mean().cwiseAbs().maxCoeff() < 1e-5F);
  }
}

TEST_CASE("batch norm is folded in, and a missing tensor named") {
  Graph graph(1);
  const NodeId conv = graph.add("conv", Conv2d{1, 1, 1}, {Graph::input});
  graph.add_output("heatmaps", graph.add("bn", BatchNorm2d{1, 0}, {conv}));
  const float values[] = {2, 6, 10, 3, 9};  // weight; gamma, beta, mean, variance
  Weights weights;
  const char* const names[] = {"conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"};
  for (int i = 0; i < 5; ++i) {
    const std::vector<Index> shape = i == 0 ? std::vector<Index>{1, 1, 1, 1} : std::vector<Index>{1};
    weights[names[i]] = {DType::f32, shape, reinterpret_cast<const unsigned char*>(values + i)};
  }
  const QuantizedWeights found = quantize_weights(graph, detail::fuse(graph)[0], weights, 0.01F, {});
  CHECK(found.weight == std::vector<std::int8_t>{127});
  CHECK(found.scale[0] == doctest::Approx(2.0 * 6 / 3 / 127));
  CHECK(found.bias[0] == doctest::Approx((0 - 3.0) * 6 / 3 + 10));
  weights.erase("bn.bias");
  CHECK_THROWS_WITH_AS(quantize_weights(graph, detail::fuse(graph)[0], weights, 0.01F, {}), "tensor bn.bias: missing",
                       Error);
}
