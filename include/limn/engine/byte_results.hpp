#pragma once

#include <algorithm>
#include <optional>
#include <string_view>

#include <limn/core/version.hpp>
#include <limn/engine/kernel.hpp>
#include <limn/engine/simd/kernel_table.hpp>
#include <limn/layers/quantized_convolution.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// What a quantised convolution's kernel is made of beside the layer. Refers to what its maker holds.
struct ByteConvolutionTask {
  const KernelTable& kernels;  ///< of the target; lives as long as the kernel
  const Shape& input;
  const FloatVector& weight;  ///< whole numbers, PyTorch's order
  const FloatVector& weight_scale;
  const FloatVector& bias;
  std::string_view name = "convolution";
  MemoryLimit limit = {};  ///< for the weights in the kernel's own layout
};

/// What becomes of a quantised convolution's sums, whatever the method that makes them.
struct ByteResults {
  std::optional<MapScale> residual;
  std::optional<MapScale> output;
  bool relu;
  IntegerVector bias;  ///< padded to whole panels
  FloatVector factor;  ///< likewise
  float residual_factor = 0;
  Index channels;
  Index panel_rows;

  /// Throws Error if a scale of the weights is not positive.
  template <class Convolution>
  ByteResults(const QuantizedConvolution<Convolution>& layer, const ByteConvolutionTask& task)
      : residual(layer.residual),
        output(layer.output),
        relu(layer.relu),
        channels(layer.layer.out_channels),
        panel_rows(task.kernels.panel_rows) {
    const Requantization all = requantization(layer, task.weight_scale, task.bias);
    const Index rows = task.kernels.padded_rows(channels);
    bias = IntegerVector::Zero(rows);
    bias.head(channels) = all.bias;
    factor = FloatVector::Zero(rows);
    factor.head(channels) = all.factor;
    if (residual) residual_factor = summand_factor(*residual, *output);
  }

  /// Floats that a map of so many values takes.
  Index map_floats(Index values) const { return output ? byte_map_floats(values) : values; }

  /// Where the results of panel `panel` go from the value at `place` on, neighbours `step` pixels apart. Its bias is
  /// for others to say.
  ByteTileOutput destination(const KernelArguments& arguments, Index place, Index step, Index panel) const {
    ByteTileOutput to = {};
    if (output) {
      to.data = reinterpret_cast<unsigned char*>(arguments.output) + place;
      to.zero_point = output->zero_point;
    } else {
      to.floats = arguments.output + place;
    }
    if (residual) {
      to.residual = reinterpret_cast<const unsigned char*>(arguments.other) + place;
      to.residual_factor = residual_factor;
      to.residual_zero_point = residual->zero_point;
    }
    to.relu = relu;
    to.pixel_stride = to.residual_stride = step * channels;
    to.factors = factor.data() + panel * panel_rows;
    to.rows = (std::min)(panel_rows, channels - panel * panel_rows);
    return to;
  }
};

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
