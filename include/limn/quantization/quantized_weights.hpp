// The weights of a convolution as 8-bit numbers.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <variant>
#include <vector>

#include <limn/core/eigen.hpp>
#include <limn/core/version.hpp>
#include <limn/engine/fold.hpp>
#include <limn/layers/channel_layout.hpp>
#include <limn/network/fuse.hpp>
#include <limn/network/graph.hpp>
#include <limn/quantization/ranges.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// The parameters of a QuantizedConvolution: real = scale[o] * weight[o, ...].
struct QuantizedWeights {
  std::vector<std::int8_t> weight;  ///< the float layer's shape and order, -127 to 127
  FloatVector scale;                ///< of each output channel
  FloatVector bias;                 ///< of each output channel, in real numbers
};

namespace detail {

constexpr int weight_levels = 127;

inline float rounded_weight(float weight, float scale) {
  constexpr auto most = static_cast<float>(weight_levels);
  return clamped(std::nearbyint(weight / scale), -most, most);
}

/// The scale of least squared error for the weights of a channel, among those that keep the largest as it is or cut it
/// by up to a half; 0 if all are zero.
inline float best_weight_scale(const FloatVector& weight, const ChannelLayout& layout, Index channel) {
  constexpr int steps = 64;
  float largest = 0;
  layout.for_each(channel, [&](Index place, Index) { largest = (std::max)(largest, std::abs(weight[place])); });
  float best = 0;
  double least_error = 0;
  for (int i = steps; largest > 0 && i > steps * 3 / 4; --i) {
    const float scale = largest * static_cast<float>(i) / (steps * weight_levels);
    double error = 0;
    layout.for_each(channel, [&](Index place, Index) {
      const auto apart = static_cast<double>(weight[place] - scale * rounded_weight(weight[place], scale));
      error += apart * apart;
    });
    if (best > 0 && error >= least_error) continue;
    best = scale;
    least_error = error;
  }
  return best;
}

/// The least scale of weights with which a bias stays within the whole numbers that a QuantizedConvolution allows it.
inline float least_weight_scale(float bias, float input_scale) {
  constexpr double most = 134217728;  // 2^27, half of what is allowed: no rounding comes near
  return usable_scale(std::abs(static_cast<double>(bias)) / (static_cast<double>(input_scale) * most));
}

}  // namespace detail

/// The 8-bit weights of a step whose layer is a Conv2d or a ConvTranspose2d, its batch norm folded in. What rounding
/// changes the mean of an output channel by, given the mean of each channel of the input, the bias takes back (bias
/// correction: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019,
/// section 4.2). Throws Error if a tensor is missing or has the wrong shape.
inline QuantizedWeights quantize_weights(const Graph& graph, const detail::FusedStep& step, const Weights& weights,
                                         float input_scale, const MapRange& input) {
  const detail::FoldedWeights folded = detail::fold(graph, step, weights);
  const detail::ChannelLayout layout = detail::channel_layout(graph.nodes()[step.node].layer);
  QuantizedWeights result;
  result.weight.resize(static_cast<std::size_t>(folded.weight.size()));
  result.scale.resize(layout.channels);
  result.bias.resize(layout.channels);
  for (Index channel = 0; channel < layout.channels; ++channel) {
    const float best = detail::best_weight_scale(folded.weight, layout, channel);
    const float least = detail::least_weight_scale(folded.bias[channel], input_scale);
    const bool all_zero = best == 0 && folded.bias[channel] == 0;  // then any scale would do
    const float scale = all_zero ? 1.0F : (std::max)(best, least);
    double lost = 0;
    layout.for_each(channel, [&](Index place, Index from) {
      const float rounded = detail::rounded_weight(folded.weight[place], scale);
      result.weight[static_cast<std::size_t>(place)] = static_cast<std::int8_t>(rounded);
      lost += static_cast<double>(folded.weight[place] - rounded * scale) * input.mean(from);
    });
    result.scale[channel] = scale;
    result.bias[channel] = folded.bias[channel] + static_cast<float>(lost / layout.places);
  }
  return result;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
