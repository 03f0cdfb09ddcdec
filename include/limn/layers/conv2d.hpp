#pragma once

#include <vector>

#include <limn/core/version.hpp>
#include <limn/core/weights.hpp>
#include <limn/layers/window.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Two-dimensional convolution (cross-correlation, as everywhere in deep learning), torch.nn.Conv2d with groups 1 and
/// dilation 1 (formula: https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html):
///
///   out[o, y, x] = bias[o] + sum over i, ky, kx of weight[o, i, ky, kx] * in[i, y * stride - padding + ky, ...]
///
/// where `in` is zero outside. Input in_channels x H x W; output out_channels x H' x W' with
/// H' = floor((H + 2 padding - kernel) / stride) + 1. Weight (out, in, kernel height, kernel width), bias (out).
struct Conv2d {
  static constexpr const char* type = "Conv2d";

  Index in_channels = 0;   ///< of the input
  Index out_channels = 0;  ///< of the output
  Extent kernel = 1;       ///< pixels of the window
  Extent stride = 1;       ///< input pixels from one output pixel to the next
  Extent padding = 0;      ///< pixels of zeros on each side of the input
  bool bias = false;       ///< whether one is added

  /// Throws Error if a constant is out of range, the channels differ or no window fits.
  Shape output_shape(const Shape& input) const {
    detail::check_window(type, kernel, stride, padding);
    detail::check_channel_count(type, "input channels", in_channels);
    detail::check_channel_count(type, "output channels", out_channels);
    detail::check_channels(type, in_channels, input.channels);
    return {out_channels, detail::window_count(type, input.height, kernel.height, stride.height, padding.height),
            detail::window_count(type, input.width, kernel.width, stride.width, padding.width)};
  }

  std::vector<ParameterSpec> parameters() const {
    std::vector<ParameterSpec> specs = {{"weight", {out_channels, in_channels, kernel.height, kernel.width}}};
    if (bias) specs.push_back({"bias", {out_channels}});
    return specs;
  }

  /// Multiply-adds of the formula, windows at the border counted whole. Throws Error if 64 bits do not count them.
  std::int64_t multiply_adds(const Shape& input) const {
    const Shape output = output_shape(input);
    return detail::checked_product<std::int64_t>(
        "Conv2d multiply-adds", {output.height, output.width, out_channels, in_channels, kernel.height, kernel.width});
  }
};

namespace detail {

/// Pixels of a feature map that lie a fixed number of floats apart, channels x count.
using PixelRun = Eigen::Map<FloatMatrix, 0, Eigen::OuterStride<>>;
using ConstPixelRun = Eigen::Map<const FloatMatrix, 0, Eigen::OuterStride<>>;

/// The weights of one kernel position inside a weight tensor; strides are (column, row).
using StridedMatrix = Eigen::Map<const FloatMatrix, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;

/// out += matrix * in. Both convolutions come down to this one product, so that a user's compiler meets it once.
inline void add_product(PixelRun out, const FloatMatrix& matrix, const ConstPixelRun& in) {
  out.noalias() += matrix * in;
}

}  // namespace detail

/// Applies `layer` to `input`. `bias` is empty when the layer has none. Throws Error on any size that does not fit.
///
/// Each kernel position adds, for each output row, one matrix product with the input pixels it meets there; those lie
/// `stride` pixels apart, so they are read in place.
inline Tensor conv2d(const Tensor& input, const Conv2d& layer, const Eigen::Ref<const FloatVector>& weight,
                     const Eigen::Ref<const FloatVector>& bias = FloatVector()) {
  const Shape shape = layer.output_shape(input.shape());
  const Extent kernel = layer.kernel;
  detail::check_values(
      Conv2d::type, "weight",
      detail::checked_product<Index>("Conv2d weight", {layer.out_channels, layer.in_channels, kernel.area()}),
      weight.size());
  detail::check_values(Conv2d::type, "bias", layer.bias ? layer.out_channels : 0, bias.size());

  Tensor output(shape);
  if (layer.bias) output.matrix().colwise() = bias;
  for (Index ky = 0; ky < kernel.height; ++ky) {
    const auto rows = detail::tap_range(shape.height, input.height(), layer.stride.height, layer.padding.height, ky);
    for (Index kx = 0; kx < kernel.width; ++kx) {
      const auto columns = detail::tap_range(shape.width, input.width(), layer.stride.width, layer.padding.width, kx);
      const Index count = columns.last - columns.first;
      if (count == 0) continue;
      const Index taps = kernel.area();
      const FloatMatrix tap = detail::StridedMatrix(weight.data() + ky * kernel.width + kx, layer.out_channels,
                                                    layer.in_channels, {taps, layer.in_channels * taps});
      const Index x = columns.first * layer.stride.width - layer.padding.width + kx;
      for (Index row = rows.first; row < rows.last; ++row) {
        const Index y = row * layer.stride.height - layer.padding.height + ky;
        detail::add_product({output.pixel(row, columns.first).data(), layer.out_channels, count,
                             Eigen::OuterStride<>(layer.out_channels)},
                            tap,
                            {input.pixel(y, x).data(), layer.in_channels, count,
                             Eigen::OuterStride<>(layer.in_channels * layer.stride.width)});
      }
    }
  }
  return output;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
