#pragma once

#include <memory>

#include <limn/core/version.hpp>
#include <limn/engine/byte_convolution.hpp>
#include <limn/engine/byte_winograd.hpp>
#include <limn/engine/choose_convolution.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// The kernel for a quantised convolution: by Winograd's method where it is exact and expected to cost less, `phases`
/// convolutions with `rows` x `columns` results each. Products of words cost what those of floats do, see
/// ConvolutionCost; Winograd's weights and transformed values are half as large, but the sums are not.
template <class Convolution>
std::unique_ptr<Kernel> cheapest_byte_convolution(const QuantizedConvolution<Convolution>& layer,
                                                  const ByteConvolutionTask& task, Index phases, Index rows,
                                                  Index columns) {
  const Convolution& convolution = layer.layer;
  if (const ByteWinogradMethod* const method = ByteWinograd::method_for(convolution, task.kernels)) {
    const double direct = direct_cost(convolution, task.kernels, 1, rows, columns);
    const double winograd = winograd_cost(*method, convolution, task.kernels, 1, phases, rows, columns);
    if (winograd <= direct && ByteWinograd::is_exact(*method, convolution, task.weight)) {
      return std::make_unique<ByteWinograd>(*method, layer, task);
    }
  }
  return std::make_unique<ByteConvolution>(layer, task);
}

inline std::unique_ptr<Kernel> make_byte_convolution(const QuantizedConv2d& layer, const ByteConvolutionTask& task) {
  const Shape output = layer.output_shape(task.input);
  return cheapest_byte_convolution(layer, task, 1, output.height, output.width);
}

/// A transposed convolution's four phases each have as many results as the input has pixels.
inline std::unique_ptr<Kernel> make_byte_convolution(const QuantizedConvTranspose2d& layer,
                                                     const ByteConvolutionTask& task) {
  return cheapest_byte_convolution(layer, task, 4, task.input.height, task.input.width);
}

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
