#pragma once

#include <memory>
#include <utility>

#include <limn/engine/direct_convolution.hpp>
#include <limn/engine/winograd_convolution.hpp>

namespace limn::detail {

/// What a convolution is expected to cost, in units of the time of one multiply-add in the micro-kernel.
///
/// Three things count: the multiply-adds of the matrix products, whole tiles of pixels; the weights, which come from
/// memory once in every run because a network's weights do not fit the cache; and Winograd's transforms, for each
/// value of the transformed maps. The two constants were measured on AVX-512 and AVX2 processors as times relative to
/// a multiply-add; they need not be exact, as the candidates differ by much where it matters.
struct ConvolutionCost {
  static constexpr double per_weight = 16;  ///< 4 bytes at about 13 GB/s beside 55 multiply-adds per ns
  static constexpr double per_transformed_value = 18;

  double weights = 0;
  double multiply_adds = 0;
  double transformed_values = 0;

  double total() const { return multiply_adds + per_weight * weights + per_transformed_value * transformed_values; }
};

inline double whole_tiles(Index pixels) {
  return static_cast<double>((pixels + tile_pixels - 1) / tile_pixels * tile_pixels);
}

template <class Layer>
double direct_cost(const Layer& layer, const Shape& input) {
  ConvolutionCost cost;
  cost.weights = static_cast<double>(layer.in_channels * layer.out_channels * layer.kernel.area());
  cost.multiply_adds = static_cast<double>(layer.multiply_adds(input));
  return cost.total();
}

/// `phases` convolutions of R x R kernels with `rows` x `columns` results each.
template <int M, int R>
double winograd_cost(Index in, Index out, Index phases, Index rows, Index columns) {
  constexpr int places = (M + R - 1) * (M + R - 1);
  const Index tiles = ((rows + M - 1) / M) * ((columns + M - 1) / M);
  ConvolutionCost cost;
  cost.weights = static_cast<double>(phases * in * out * places);
  cost.multiply_adds = cost.weights * whole_tiles(tiles);
  cost.transformed_values = static_cast<double>(phases * tiles * places * (in + out));
  return cost.total();
}

/// The kernel with the lowest expected cost for a convolution with batch norm, ReLU and residual sum drawn in.
inline std::unique_ptr<Kernel> make_convolution(const Conv2d& layer, const Shape& input, const Eigen::VectorXf& weight,
                                                const Eigen::VectorXf& bias, bool relu) {
  if (WinogradConvolution<4, 3>::supports(layer)) {
    const Shape output = layer.output_shape(input);
    const auto cost = [&](auto m) {
      return winograd_cost<m, 3>(layer.in_channels, layer.out_channels, 1, output.height, output.width);
    };
    const double direct = direct_cost(layer, input);
    const double small = cost(std::integral_constant<int, 2>{});
    const double large = cost(std::integral_constant<int, 4>{});
    if (large <= small && large <= direct) {
      return std::make_unique<WinogradConvolution<4, 3>>(layer, input, weight, bias, relu);
    }
    if (small <= direct) return std::make_unique<WinogradConvolution<2, 3>>(layer, input, weight, bias, relu);
  }
  return std::make_unique<DirectConvolution>(layer, input, weight, bias, relu);
}

/// The same for a transposed convolution.
inline std::unique_ptr<Kernel> make_convolution(const ConvTranspose2d& layer, const Shape& input,
                                                const Eigen::VectorXf& weight, const Eigen::VectorXf& bias, bool relu) {
  if (WinogradConvolution<4, 2>::supports(layer)) {
    const auto cost = [&](auto m) {
      return winograd_cost<m, 2>(layer.in_channels, layer.out_channels, 4, input.height, input.width);
    };
    const double direct = direct_cost(layer, input);
    const double small = cost(std::integral_constant<int, 2>{});
    const double large = cost(std::integral_constant<int, 4>{});
    if (large <= small && large <= direct) {
      return std::make_unique<WinogradConvolution<4, 2>>(layer, input, weight, bias, relu);
    }
    if (small <= direct) return std::make_unique<WinogradConvolution<2, 2>>(layer, input, weight, bias, relu);
  }
  return std::make_unique<DirectConvolution>(layer, input, weight, bias, relu);
}

}  // namespace limn::detail
