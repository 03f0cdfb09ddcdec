// Kernels of quantised convolutions and the plain layers they equal to the bit.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <vector>

#include <limn/engine/byte_results.hpp>
#include <limn/engine/simd/kernels.hpp>

#include "engine/convolution_kernels.hpp"

namespace limn {

inline FloatVector whole_numbers(Index count, int least, int most, std::mt19937& generator) {
  std::uniform_int_distribution<int> uniform(least, most);
  FloatVector values(count);
  for (Index i = 0; i < count; ++i) values[i] = static_cast<float>(uniform(generator));
  return values;
}

inline Tensor byte_tensor(const Shape& shape, std::mt19937& generator) {
  Tensor tensor(shape);
  tensor.matrix().reshaped() = whole_numbers(shape.size(), 0, 255, generator);
  return tensor;
}

/// The map's values as bytes, in memory that ends with it.
inline std::vector<unsigned char> bytes_of(const Tensor& tensor) {
  std::vector<unsigned char> bytes;
  for (Index i = 0; i < tensor.shape().size(); ++i) bytes.push_back(static_cast<unsigned char>(tensor.data()[i]));
  return bytes;
}

/// Compares the kernels that `make(layer, task)` makes for all targets with the plain layer; it may make none.
template <class Convolution, class Make>
void check_equal(const QuantizedConvolution<Convolution>& layer, const Shape& shape, const Make& make) {
  std::mt19937 generator(11);
  const Tensor input = byte_tensor(shape, generator);
  const Index out = layer.layer.out_channels;
  const Index inputs = layer.layer.in_channels * layer.layer.kernel.area();
  const FloatVector weight = whole_numbers(out * inputs, -128, 127, generator);
  const FloatVector scale = random_values(out, generator).cwiseAbs().array() * 1e-3F + 1e-3F;
  const FloatVector bias = random_values(out, generator, 2.0F);
  const Tensor residual = byte_tensor(layer.output_shape(shape), generator);
  const Tensor* const added = layer.residual ? &residual : nullptr;
  const Tensor expected = quantized_convolution(input, layer, weight, scale, bias, added);
  CAPTURE(to_string(shape));
  CAPTURE(to_string(expected.shape()));
  const std::vector<unsigned char> in = bytes_of(input);
  const std::vector<unsigned char> other = bytes_of(residual);
  for (const Target target : targets()) {
    CAPTURE(to_string(target));
    const std::unique_ptr<detail::Kernel> kernel =
        make(layer, detail::ByteConvolutionTask{detail::kernels_of(target), shape, weight, scale, bias});
    if (!kernel) continue;
    for (const int threads : {1, 3}) {
      const ThreadPool pool(threads);
      detail::AlignedBuffer scratch(static_cast<Index>(kernel->scratch_size(threads)));
      Eigen::Map<Eigen::VectorXf>(scratch.data(), scratch.size()).setConstant(1e30F);
      Tensor output(expected.shape());
      output.matrix().setConstant(-1e30F);
      std::vector<unsigned char> found(static_cast<std::size_t>(expected.shape().size()), 77);
      float* const to = layer.output ? reinterpret_cast<float*>(found.data()) : output.data();
      kernel->run({reinterpret_cast<const float*>(in.data()),
                   added == nullptr ? nullptr : reinterpret_cast<const float*>(other.data()), to, scratch.data(),
                   pool});
      if (layer.output) {
        for (std::size_t i = 0; i < found.size(); ++i) output.data()[i] = static_cast<float>(found[i]);
      }
      CHECK(output.matrix() == expected.matrix());
    }
  }
}

/// With and without ReLU, a residual, and an 8-bit result, and with both sorts of zero points.
template <class Convolution, class Make>
void check_convolution(const Convolution& layer, const Shape& shape, const Make& make) {
  const MapScale after_relu = {0.02F, 0};
  const MapScale elsewhere = {0.03F, 128};
  for (const bool relu : {false, true}) {
    const MapScale result = relu ? MapScale{0.05F, 0} : MapScale{0.09F, 128};
    check_equal(QuantizedConvolution<Convolution>{layer, after_relu, result, std::nullopt, relu}, shape, make);
    check_equal(QuantizedConvolution<Convolution>{layer, elsewhere, result, after_relu, relu}, shape, make);
    check_equal(QuantizedConvolution<Convolution>{layer, elsewhere, std::nullopt, std::nullopt, relu}, shape, make);
  }
}

}  // namespace limn
