#pragma once

#include <vector>

#include <limn/core/version.hpp>
#include <limn/core/weights.hpp>
#include <limn/layers/conv2d.hpp>
#include <limn/layers/window.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Two-dimensional transposed convolution ("deconvolution"), torch.nn.ConvTranspose2d with groups 1 and dilation 1
/// (formula: https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html). Every input pixel adds its
/// kernel to the output:
///
///   out[o, y * stride - padding + ky, x * stride - padding + kx] += weight[i, o, ky, kx] * in[i, y, x]
///
/// and the bias is added once to each output value. Input in_channels x H x W; output out_channels x H' x W' with
/// H' = (H - 1) stride - 2 padding + kernel + output_padding. Weight (in, out, kernel height, kernel width): the first
/// two extents are the other way round than Conv2d's. Bias (out).
struct ConvTranspose2d {
  static constexpr const char* type = "ConvTranspose2d";

  Index in_channels = 0;      ///< of the input
  Index out_channels = 0;     ///< of the output
  Extent kernel = 1;          ///< pixels that one input pixel adds to
  Extent stride = 1;          ///< output pixels from one input pixel to the next
  Extent padding = 0;         ///< pixels cut off on each side of the output
  Extent output_padding = 0;  ///< pixels added below and on the right
  bool bias = false;          ///< whether one is added

  /// Throws Error if a constant is out of range, the channels differ, the output would be empty or larger than can be
  /// counted, or the output padding reaches the stride.
  Shape output_shape(const Shape& input) const {
    detail::check_window(type, kernel, stride, padding);
    detail::check_channel_count(type, "input channels", in_channels);
    detail::check_channel_count(type, "output channels", out_channels);
    detail::check_channels(type, in_channels, input.channels);
    if (output_padding.height < 0 || output_padding.width < 0 || output_padding.height >= stride.height ||
        output_padding.width >= stride.width) {
      throw Error("ConvTranspose2d: output padding must not be negative and must be smaller than the stride");
    }
    const auto side = [](Index size, Index step, Index kernel_size, Index border, Index extra) {
      // With room for the kernel and the output padding, neither of which is more than most_extent.
      detail::checked_product<Index>("ConvTranspose2d output", {size + 2 * detail::most_extent, step});
      return (size - 1) * step - 2 * border + kernel_size + extra;
    };
    const Shape output = {out_channels,
                          side(input.height, stride.height, kernel.height, padding.height, output_padding.height),
                          side(input.width, stride.width, kernel.width, padding.width, output_padding.width)};
    if (input.height <= 0 || input.width <= 0 || output.height <= 0 || output.width <= 0) {
      throw Error("ConvTranspose2d: input " + to_string(input) + " gives the empty output " + to_string(output));
    }
    return output;
  }

  std::vector<ParameterSpec> parameters() const {
    std::vector<ParameterSpec> specs = {{"weight", {in_channels, out_channels, kernel.height, kernel.width}}};
    if (bias) specs.push_back({"bias", {out_channels}});
    return specs;
  }

  /// Multiply-adds of the formula, kernels that reach over the border counted whole: one kernel for each input pixel.
  /// (Counting a kernel for each output pixel, as some tables do, is stride^2 times too much.) Throws Error if 64 bits
  /// do not count them.
  std::int64_t multiply_adds(const Shape& input) const {
    return detail::checked_product<std::int64_t>(
        "ConvTranspose2d multiply-adds",
        {input.height, input.width, out_channels, in_channels, kernel.height, kernel.width});
  }
};

/// Applies `layer` to `input`. `bias` is empty when the layer has none. Throws Error on any size that does not fit.
///
/// The mirror image of conv2d: each kernel position adds, for each input row, one matrix product to the output pixels
/// it meets there, which lie `stride` pixels apart.
inline Tensor conv_transpose2d(const Tensor& input, const ConvTranspose2d& layer,
                               const Eigen::Ref<const FloatVector>& weight,
                               const Eigen::Ref<const FloatVector>& bias = FloatVector()) {
  const Shape shape = layer.output_shape(input.shape());
  const Extent kernel = layer.kernel;
  detail::check_values(
      ConvTranspose2d::type, "weight",
      detail::checked_product<Index>("ConvTranspose2d weight", {layer.out_channels, layer.in_channels, kernel.area()}),
      weight.size());
  detail::check_values(ConvTranspose2d::type, "bias", layer.bias ? layer.out_channels : 0, bias.size());

  Tensor output(shape);
  if (layer.bias) output.matrix().colwise() = bias;
  for (Index ky = 0; ky < kernel.height; ++ky) {
    const auto rows = detail::tap_range(input.height(), shape.height, layer.stride.height, layer.padding.height, ky);
    for (Index kx = 0; kx < kernel.width; ++kx) {
      const auto columns = detail::tap_range(input.width(), shape.width, layer.stride.width, layer.padding.width, kx);
      const Index count = columns.last - columns.first;
      if (count == 0) continue;
      const Index taps = kernel.area();
      const FloatMatrix tap = detail::StridedMatrix(weight.data() + ky * kernel.width + kx, layer.out_channels,
                                                    layer.in_channels, {layer.out_channels * taps, taps});
      const Index x = columns.first * layer.stride.width - layer.padding.width + kx;
      for (Index row = rows.first; row < rows.last; ++row) {
        const Index y = row * layer.stride.height - layer.padding.height + ky;
        detail::add_product({output.pixel(y, x).data(), layer.out_channels, count,
                             Eigen::OuterStride<>(layer.out_channels * layer.stride.width)},
                            tap,
                            {input.pixel(row, columns.first).data(), layer.in_channels, count,
                             Eigen::OuterStride<>(layer.in_channels)});
      }
    }
  }
  return output;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
