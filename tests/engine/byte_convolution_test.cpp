#include <doctest/doctest.h>

#include <random>

#include <limn/engine/byte_convolution.hpp>
#include <limn/engine/simd/kernels.hpp>

#include "engine/convolution_kernels.hpp"

using namespace limn;
using limn::detail::ByteConvolution;

namespace {

FloatVector whole_numbers(Index count, int least, int most, std::mt19937& generator) {
  std::uniform_int_distribution<int> uniform(least, most);
  FloatVector values(count);
  for (Index i = 0; i < count; ++i) values[i] = static_cast<float>(uniform(generator));
  return values;
}

Tensor byte_tensor(const Shape& shape, std::mt19937& generator) {
  Tensor tensor(shape);
  tensor.matrix().reshaped() = whole_numbers(shape.size(), 0, 255, generator);
  return tensor;
}

/// The map's values as bytes, in memory that ends with it.
std::vector<unsigned char> bytes_of(const Tensor& tensor) {
  std::vector<unsigned char> bytes;
  for (Index i = 0; i < tensor.shape().size(); ++i) bytes.push_back(static_cast<unsigned char>(tensor.data()[i]));
  return bytes;
}

template <class Convolution>
void check_equal(const QuantizedConvolution<Convolution>& layer, const Shape& shape) {
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
    const ByteConvolution kernel(layer, {detail::kernels_of(target), shape, weight, scale, bias});
    for (const int threads : {1, 3}) {
      const ThreadPool pool(threads);
      detail::AlignedBuffer scratch(static_cast<Index>(kernel.scratch_size(threads)));
      Eigen::Map<Eigen::VectorXf>(scratch.data(), scratch.size()).setConstant(1e30F);
      Tensor output(expected.shape());
      output.matrix().setConstant(-1e30F);
      std::vector<unsigned char> found(static_cast<std::size_t>(expected.shape().size()), 77);
      float* const to = layer.output ? reinterpret_cast<float*>(found.data()) : output.data();
      kernel.run({reinterpret_cast<const float*>(in.data()),
                  added == nullptr ? nullptr : reinterpret_cast<const float*>(other.data()), to, scratch.data(), pool});
      if (layer.output) {
        for (std::size_t i = 0; i < found.size(); ++i) output.data()[i] = static_cast<float>(found[i]);
      }
      CHECK(output.matrix() == expected.matrix());
    }
  }
}

/// With and without ReLU, a residual, and an 8-bit result, and with both sorts of zero points.
template <class Convolution>
void check(const Convolution& layer, const Shape& shape) {
  const MapScale after_relu = {0.02F, 0};
  const MapScale elsewhere = {0.03F, 128};
  for (const bool relu : {false, true}) {
    const MapScale result = relu ? MapScale{0.05F, 0} : MapScale{0.09F, 128};
    check_equal(QuantizedConvolution<Convolution>{layer, after_relu, result, std::nullopt, relu}, shape);
    check_equal(QuantizedConvolution<Convolution>{layer, elsewhere, result, after_relu, relu}, shape);
    check_equal(QuantizedConvolution<Convolution>{layer, elsewhere, std::nullopt, std::nullopt, relu}, shape);
  }
}

}  // namespace

TEST_CASE("an 8-bit convolution equals the plain layer to the bit for the sizes of the networks") {
  check(Conv2d{3, 64, 7, 2, 3}, {3, 32, 64});
  check(Conv2d{64, 64, 3, 1, 1}, {64, 16, 16});
  check(Conv2d{64, 128, 3, 2, 1}, {64, 16, 24});
  check(Conv2d{64, 128, 1, 2, 0}, {64, 16, 24});
  check(Conv2d{256, 64, 1, 1, 0}, {256, 8, 6});
  check(Conv2d{128, 160, 3, 1, 1}, {128, 2, 2});
  check(Conv2d{256, 17, 1, 1, 0}, {256, 16, 12});
}

TEST_CASE("an 8-bit convolution equals the plain layer to the bit for sizes no tile, group or panel divides") {
  for (const Index channels : {1, 2, 3, 5, 17, 34}) {
    for (const Index kernel : {1, 2, 3, 5}) {
      for (const Index stride : {1, 2, 3}) {
        for (const Index padding : {0, 1}) {
          if (padding < kernel) check(Conv2d{channels, 37 - channels, kernel, stride, padding}, {channels, 7, 13});
        }
      }
    }
  }
  check(Conv2d{1, 1, 1, 1, 0}, {1, 1, 1});
  check(Conv2d{4, 4, 1, 1, 0}, {4, 1, 1});
  check(Conv2d{2, 3, Extent(1, 5), Extent(1, 2), Extent(0, 2)}, {2, 4, 11});
  check(Conv2d{2, 3, Extent(4, 2), Extent(3, 1), Extent(2, 0)}, {2, 9, 6});
}

TEST_CASE("an 8-bit transposed convolution equals the plain layer to the bit") {
  for (const Index kernel : {2, 3, 4}) {
    const ConvTranspose2d layer{96, 40, kernel, 2, kernel == 2 ? 0 : 1, kernel == 3 ? 1 : 0};
    check(layer, {96, 8, 6});
    check(layer, {96, 1, 1});
  }
  for (const Index channels : {1, 5}) {
    for (const Index kernel : {1, 2, 3, 5}) {
      for (const Index stride : {1, 2, 3}) {
        if (3 * stride + kernel - 2 > 0) check(ConvTranspose2d{channels, 19, kernel, stride, 1}, {channels, 4, 7});
      }
    }
  }
}
