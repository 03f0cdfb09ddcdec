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

/// The candidate with the lowest expected cost for `phases` convolutions of R x R kernels with `rows` x `columns`
/// results each, with batch norm, ReLU and residual sum drawn in.
template <int R, class Layer>
std::unique_ptr<Kernel> cheapest_convolution(const Layer& layer, const Shape& input, Index phases, Index rows,
                                             Index columns, const Eigen::VectorXf& weight, const Eigen::VectorXf& bias,
                                             bool relu) {
  if (WinogradConvolution<4, R>::supports(layer)) {
    const double direct = direct_cost(layer, input);
    const double small = winograd_cost<2, R>(layer.in_channels, layer.out_channels, phases, rows, columns);
    const double large = winograd_cost<4, R>(layer.in_channels, layer.out_channels, phases, rows, columns);
    if (large <= small && large <= direct) {
      return std::make_unique<WinogradConvolution<4, R>>(layer, input, weight, bias, relu);
    }
    if (small <= direct) return std::make_unique<WinogradConvolution<2, R>>(layer, input, weight, bias, relu);
  }
  return std::make_unique<DirectConvolution>(layer, input, weight, bias, relu);
}

/// The kernel for a convolution, by cheapest_convolution.
inline std::unique_ptr<Kernel> make_convolution(const Conv2d& layer, const Shape& input, const Eigen::VectorXf& weight,
                                                const Eigen::VectorXf& bias, bool relu) {
  const Shape output = layer.output_shape(input);
  return cheapest_convolution<3>(layer, input, 1, output.height, output.width, weight, bias, relu);
}

/// The same for a transposed convolution, whose four phases each have as many results as the input has pixels.
inline std::unique_ptr<Kernel> make_convolution(const ConvTranspose2d& layer, const Shape& input,
                                                const Eigen::VectorXf& weight, const Eigen::VectorXf& bias, bool relu) {
  return cheapest_convolution<2>(layer, input, 4, input.height, input.width, weight, bias, relu);
}

}  // namespace limn::detail
