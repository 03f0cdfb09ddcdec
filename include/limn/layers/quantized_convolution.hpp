#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <limn/core/version.hpp>
#include <limn/core/weights.hpp>
#include <limn/layers/conv2d.hpp>
#include <limn/layers/conv_transpose2d.hpp>
#include <limn/layers/map_scale.hpp>
#include <limn/layers/quantized_add.hpp>
#include <limn/layers/window.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// A convolution, plain or transposed, of an 8-bit map with 8-bit weights, and what is done with its sums: the residual
/// of another 8-bit map is added, ReLU is applied, and the result is an 8-bit map again, or floats.
///
/// Weights are signed, symmetric and have a scale for each output channel: real = weight_scale[o] * weight[o, ...].
/// With the sums S of the products of weights and (q - zero_point), which are exact, and the whole number b nearest to
/// bias / (input scale * weight_scale), at most 2^28, the result is, in units of map_scale.hpp,
///
///   floats:   (S + b) * (input scale * weight_scale), ReLU of it
///   8 bit:    (S + b) * (input scale * weight_scale / output scale), rounded
///   residual: the same in 1/256 plus the residual's in 1/256, each rounded, the sum rounded
///
/// Batch norm is folded into weights and bias. Parameters: weight (as the float layer's, I8), weight_scale (out), bias
/// (out).
template <class Convolution>
struct QuantizedConvolution {
  static constexpr const char* type =
      std::is_same_v<Convolution, Conv2d> ? "QuantizedConv2d" : "QuantizedConvTranspose2d";
  /// The most products in a sum: 2^15 of at most 255 * 128 and a bias leave 32 bits some room.
  static constexpr Index most_inputs = 32768;

  Convolution layer;                 ///< whether it has a bias makes no difference
  MapScale input;                    ///< scale and zero point of the input
  std::optional<MapScale> output;    ///< absent: floats
  std::optional<MapScale> residual;  ///< present: a second map of the output's shape is added; then output is, too
  bool relu = false;                 ///< whether negative results become 0

  /// Throws Error as the float layer does, if a scale is not usable, a sum has too many products, or there is a
  /// residual and the output is in floats.
  Shape output_shape(const Shape& shape) const {
    detail::check_map_scale(type, "input", input);
    if (output) detail::check_map_scale(type, "output", *output);
    if (residual) detail::check_map_scale(type, "residual", *residual);
    if (residual && !output) throw Error(std::string(type) + ": expected an 8-bit output where a residual is added");
    const Shape result = layer.output_shape(shape);
    const auto inputs = detail::checked_product<Index>(type, {layer.in_channels, layer.kernel.area()});
    if (inputs > most_inputs) {
      throw Error(std::string(type) + ": expected at most " + std::to_string(most_inputs) + " inputs to a sum, found " +
                  std::to_string(inputs));
    }
    return result;
  }

  std::vector<ParameterSpec> parameters() const {
    ParameterSpec weight = layer.parameters().front();
    weight.integers = true;
    return {weight, {"weight_scale", {layer.out_channels}, false, false, true}, {"bias", {layer.out_channels}}};
  }

  std::int64_t multiply_adds(const Shape& shape) const { return layer.multiply_adds(shape); }
};

/// An 8-bit Conv2d.
using QuantizedConv2d = QuantizedConvolution<Conv2d>;
/// An 8-bit ConvTranspose2d.
using QuantizedConvTranspose2d = QuantizedConvolution<ConvTranspose2d>;

namespace detail {

using IntegerVector = Eigen::Matrix<std::int32_t, Eigen::Dynamic, 1>;
using IntegerMatrix = Eigen::Matrix<std::int32_t, Eigen::Dynamic, Eigen::Dynamic>;

/// What is added to the sums of a quantised convolution and what they are multiplied with, for each output channel.
struct Requantization {
  IntegerVector bias;
  FloatVector factor;
};

/// Throws Error if a scale of the weights is not positive.
template <class Convolution>
Requantization requantization(const QuantizedConvolution<Convolution>& layer, const FloatVector& weight_scale,
                              const FloatVector& bias) {
  constexpr double most = 268435456;  // 2^28
  const Index channels = layer.layer.out_channels;
  Requantization result = {IntegerVector(channels), FloatVector(channels)};
  for (Index o = 0; o < channels; ++o) {
    if (!(weight_scale[o] > 0)) {
      throw Error(std::string(layer.type) + " weight_scale: expected positive values, found " +
                  std::to_string(weight_scale[o]));
    }
    const double unit = static_cast<double>(layer.input.scale) * static_cast<double>(weight_scale[o]);
    const double in_units = static_cast<double>(bias[o]) / unit;
    result.bias[o] = static_cast<std::int32_t>(std::nearbyint((std::min)((std::max)(in_units, -most), most)));
    const double factor = layer.residual ? unit * static_cast<double>(sum_units) : unit;
    result.factor[o] = layer.output ? scale_ratio(factor, layer.output->scale) : static_cast<float>(factor);
  }
  return result;
}

/// Adds to `sums`, out_channels x pixels, the products of a convolution. `walked` is the map whose pixels are a stride
/// apart in the other: the output of a convolution, the input of a transposed one.
template <class Convolution>
void add_products(const Tensor& input, const QuantizedConvolution<Convolution>& layer, const Shape& output,
                  const Eigen::Ref<const FloatVector>& weight, IntegerMatrix& sums) {
  constexpr bool transposed = std::is_same_v<Convolution, ConvTranspose2d>;
  const Convolution& conv = layer.layer;
  const Index in = conv.in_channels;
  const Index out = conv.out_channels;
  const Index taps = conv.kernel.area();
  const Shape& walked = transposed ? input.shape() : output;
  const Shape& other = transposed ? output : input.shape();
  IntegerMatrix tap(out, in);
  for (Index ky = 0; ky < conv.kernel.height; ++ky) {
    const auto rows = tap_range(walked.height, other.height, conv.stride.height, conv.padding.height, ky);
    for (Index kx = 0; kx < conv.kernel.width; ++kx) {
      const auto columns = tap_range(walked.width, other.width, conv.stride.width, conv.padding.width, kx);
      for (Index i = 0; i < in; ++i) {
        for (Index o = 0; o < out; ++o) {
          const Index place = transposed ? i * out + o : o * in + i;
          tap(o, i) = static_cast<std::int32_t>(weight[place * taps + ky * conv.kernel.width + kx]);
        }
      }
      for (Index row = rows.first; row < rows.last; ++row) {
        for (Index column = columns.first; column < columns.last; ++column) {
          const Index here = row * walked.width + column;
          const Index there = (row * conv.stride.height - conv.padding.height + ky) * other.width +
                              column * conv.stride.width - conv.padding.width + kx;
          const float* values = input.data() + (transposed ? here : there) * in;
          std::int32_t* target = sums.data() + (transposed ? there : here) * out;
          for (Index i = 0; i < in; ++i) {
            const std::int32_t value = static_cast<std::int32_t>(values[i]) - layer.input.zero_point;
            const std::int32_t* products = tap.data() + i * out;
            for (Index o = 0; o < out; ++o) target[o] += products[o] * value;
          }
        }
      }
    }
  }
}

}  // namespace detail

/// Applies `layer` to `input`, and to `residual` if the layer has one. Throws Error on any size that does not fit.
template <class Convolution>
Tensor quantized_convolution(const Tensor& input, const QuantizedConvolution<Convolution>& layer,
                             const Eigen::Ref<const FloatVector>& weight, const FloatVector& weight_scale,
                             const FloatVector& bias, const Tensor* residual = nullptr) {
  using Layer = QuantizedConvolution<Convolution>;
  Tensor output(layer.output_shape(input.shape()));
  const Index channels = output.channels();
  detail::check_values(Layer::type, "weight", channels * layer.layer.in_channels * layer.layer.kernel.area(),
                       weight.size());
  detail::check_values(Layer::type, "weight_scale", channels, weight_scale.size());
  detail::check_values(Layer::type, "bias", channels, bias.size());
  if (layer.residual.has_value() != (residual != nullptr) ||
      (residual != nullptr && residual->shape() != output.shape())) {
    throw Error(std::string(Layer::type) + ": residual: expected " +
                (layer.residual ? "shape " + to_string(output.shape()) : "none") + ", found " +
                (residual != nullptr ? "shape " + to_string(residual->shape()) : "none"));
  }

  const detail::Requantization requantize = detail::requantization(layer, weight_scale, bias);
  detail::IntegerMatrix sums = requantize.bias.replicate(1, output.shape().pixels());
  detail::add_products(input, layer, output.shape(), weight, sums);
  const float residual_factor = layer.residual ? detail::summand_factor(*layer.residual, *layer.output) : 0.0F;
  for (Index i = 0; i < output.shape().size(); ++i) {
    const float product = static_cast<float>(sums.data()[i]) * requantize.factor[i % channels];
    float& value = output.data()[i];
    if (residual != nullptr) {
      const float other = residual->data()[i] - static_cast<float>(layer.residual->zero_point);
      value = detail::quantized_sum(detail::summand(product) + detail::summand(other * residual_factor), *layer.output,
                                    layer.relu);
    } else if (layer.output) {
      value = detail::quantized_value(product, *layer.output, layer.relu);
    } else {
      value = layer.relu && !(product > 0) ? 0.0F : product;
    }
  }
  return output;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
