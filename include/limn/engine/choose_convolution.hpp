#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <limn/core/version.hpp>
#include <limn/engine/direct_convolution.hpp>
#include <limn/engine/winograd_convolution.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// What a convolution is expected to cost, in units of the time of one multiply-add in the micro-kernel.
///
/// Three things count: the multiply-adds of the matrix products; the weights, which come from memory once in every run
/// because a network's weights do not fit the cache; and Winograd's transforms, for each value of the transformed
/// maps. The constants were measured on a Zen 4 core (AVX-512), 59 multiply-adds per ns. They need not be exact, as the
/// candidates differ by much where it matters; the benchmark that `limn bench --layers` prints shows how good they are.
struct ConvolutionCost {
  static constexpr double per_weight = 8;  ///< 4 bytes at 30 GB/s
  static constexpr double per_transformed_value = 16;

  double weights = 0;
  double multiply_adds = 0;
  double transformed_values = 0;

  double total() const { return multiply_adds + per_weight * weights + per_transformed_value * transformed_values; }
};

/// `pixels` side by side, in units of one pixel of a large tile: small tiles leave the multiply-add units waiting.
inline double tile_cost(const KernelTable& kernels, Index pixels) {
  double cost = 0;
  for (Index tile = 0; pixels > 0; pixels -= tile) {
    tile = kernels.next_tile(pixels);
    cost += tile >= 6 ? static_cast<double>(tile) : tile == 4 ? 5.5 : 4.0;
  }
  return cost;
}

template <class Layer>
double direct_cost(const Layer& layer, const KernelTable& kernels, Index batch, Index rows, Index columns) {
  // The phases of a transposed convolution share the kernel's elements out among them.
  ConvolutionCost cost;
  cost.weights = static_cast<double>(layer.in_channels) * static_cast<double>(layer.out_channels * layer.kernel.area());
  cost.multiply_adds =
      cost.weights * static_cast<double>(batch) * static_cast<double>(rows) * tile_cost(kernels, columns);
  return cost.total();
}

/// `phases` convolutions with `rows` x `columns` results each, for every image of the batch.
template <class Method, class Layer>
double winograd_cost(const Method& method, const Layer& layer, const KernelTable& kernels, Index batch, Index phases,
                     Index rows, Index columns) {
  const Index places = phases * method.N * method.N;
  const Index tiles = batch * ceil_div(rows, Index{method.M}) * ceil_div(columns, Index{method.M});
  ConvolutionCost cost;
  cost.weights =
      static_cast<double>(places) * static_cast<double>(layer.in_channels) * static_cast<double>(layer.out_channels);
  cost.multiply_adds = cost.weights * tile_cost(kernels, tiles);
  cost.transformed_values = static_cast<double>(places) * static_cast<double>(tiles) *
                            static_cast<double>(layer.in_channels + layer.out_channels);
  return cost.total();
}

/// The candidate with the lowest expected cost for `phases` convolutions with `rows` x `columns` results each. `small`
/// and `large`: methods that support the same layers. Throws Error if its weights would take more memory than the
/// task's limit.
template <class Layer>
std::unique_ptr<Kernel> cheapest_convolution(const Layer& layer, const ConvolutionTask& task,
                                             const WinogradMethod& small, const WinogradMethod& large, Index phases,
                                             Index rows, Index columns) {
  // In its own layout, each takes more room than the layer's weights.
  const auto check_memory = [&](std::int64_t copies, std::int64_t places) {
    task.limit.check("engine: weights up to " + std::string(task.name),
                     {copies, places, layer.in_channels, task.kernels.padded_rows(layer.out_channels), sizeof(float)});
  };
  if (large.supports(layer, task.kernels)) {
    const double direct_time = direct_cost(layer, task.kernels, task.batch, rows, columns);
    const double small_time = winograd_cost(small, layer, task.kernels, task.batch, phases, rows, columns);
    const double large_time = winograd_cost(large, layer, task.kernels, task.batch, phases, rows, columns);
    if ((std::min)(small_time, large_time) <= direct_time) {
      const WinogradMethod& method = large_time <= small_time ? large : small;
      check_memory(phases, std::int64_t{method.N} * method.N);
      return std::make_unique<WinogradConvolution>(method, layer, task);
    }
  }
  check_memory(1, layer.kernel.area());
  return std::make_unique<DirectConvolution>(layer, task);
}

/// The kernel for a convolution, by cheapest_convolution.
inline std::unique_ptr<Kernel> make_convolution(const Conv2d& layer, const ConvolutionTask& task) {
  const Shape output = layer.output_shape(task.input);
  const bool by_two = layer.stride == Extent(2);
  return cheapest_convolution(layer, task, by_two ? winograd_2x2_3x3_stride_2 : winograd_2x2_3x3,
                              by_two ? winograd_4x4_3x3_stride_2 : winograd_4x4_3x3, 1, output.height, output.width);
}

/// The same for a transposed convolution, whose four phases each have as many results as the input has pixels.
inline std::unique_ptr<Kernel> make_convolution(const ConvTranspose2d& layer, const ConvolutionTask& task) {
  return cheapest_convolution(layer, task, winograd_2x2_2x2, winograd_4x4_2x2, 4, task.input.height, task.input.width);
}

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
