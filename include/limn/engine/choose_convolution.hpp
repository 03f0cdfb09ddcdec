#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <limn/engine/direct_convolution.hpp>
#include <limn/engine/winograd_convolution.hpp>

namespace limn::detail {

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
inline double tile_cost(Index pixels) {
  double cost = 0;
  for (Index tile = 0; pixels > 0; pixels -= tile) {
    tile = next_tile(pixels);
    cost += tile >= 6 ? static_cast<double>(tile) : tile == 4 ? 5.5 : 4.0;
  }
  return cost;
}

template <class Layer>
double direct_cost(const Layer& layer, Index rows, Index columns, Index batch) {
  // The phases of a transposed convolution share the kernel's elements out among them.
  ConvolutionCost cost;
  cost.weights = static_cast<double>(layer.in_channels) * static_cast<double>(layer.out_channels * layer.kernel.area());
  cost.multiply_adds = cost.weights * static_cast<double>(batch) * static_cast<double>(rows) * tile_cost(columns);
  return cost.total();
}

/// `phases` convolutions with `rows` x `columns` results each, for `batch` images.
template <class Winograd>
double winograd_cost(Index in, Index out, Index phases, Index rows, Index columns, Index batch) {
  constexpr int places = Winograd::N * Winograd::N;
  const Index tiles = batch * ((rows + Winograd::M - 1) / Winograd::M) * ((columns + Winograd::M - 1) / Winograd::M);
  ConvolutionCost cost;
  cost.weights = static_cast<double>(phases * places) * static_cast<double>(in) * static_cast<double>(out);
  cost.multiply_adds = cost.weights * tile_cost(tiles);
  cost.transformed_values =
      static_cast<double>(phases * places) * static_cast<double>(tiles) * static_cast<double>(in + out);
  return cost.total();
}

/// The candidate with the lowest expected cost for `phases` convolutions of R x R kernels with `rows` x `columns`
/// results each. Throws Error if its weights would take more memory than the task's limit.
template <int R, int Step, class Layer>
std::unique_ptr<Kernel> cheapest_convolution(const Layer& layer, const ConvolutionTask& task, Index phases, Index rows,
                                             Index columns) {
  using Small = WinogradConvolution<2, R, Step>;
  using Large = WinogradConvolution<4, R, Step>;
  // In its own layout, each takes more room than the layer's weights.
  const auto check_memory = [&](std::int64_t copies, std::int64_t places) {
    task.limit.check("engine: weights up to " + std::string(task.name),
                     {copies, places, layer.in_channels, padded_rows(layer.out_channels), sizeof(float)});
  };
  if (Large::supports(layer)) {
    const double direct = direct_cost(layer, rows, columns, task.batch);
    const double small = winograd_cost<Small>(layer.in_channels, layer.out_channels, phases, rows, columns, task.batch);
    const double large = winograd_cost<Large>(layer.in_channels, layer.out_channels, phases, rows, columns, task.batch);
    if (large <= small && large <= direct) {
      check_memory(phases, Large::N * Large::N);
      return std::make_unique<Large>(layer, task);
    }
    if (small <= direct) {
      check_memory(phases, Small::N * Small::N);
      return std::make_unique<Small>(layer, task);
    }
  }
  check_memory(1, layer.kernel.area());
  return std::make_unique<DirectConvolution>(layer, task);
}

/// The kernel for a convolution, by cheapest_convolution.
inline std::unique_ptr<Kernel> make_convolution(const Conv2d& layer, const ConvolutionTask& task) {
  const Shape output = layer.output_shape(task.input);
  if (layer.stride == Extent(2)) return cheapest_convolution<3, 2>(layer, task, 1, output.height, output.width);
  return cheapest_convolution<3, 1>(layer, task, 1, output.height, output.width);
}

/// The same for a transposed convolution, whose four phases each have as many results as the input has pixels.
inline std::unique_ptr<Kernel> make_convolution(const ConvTranspose2d& layer, const ConvolutionTask& task) {
  return cheapest_convolution<2, 1>(layer, task, 4, task.input.height, task.input.width);
}

}  // namespace limn::detail
