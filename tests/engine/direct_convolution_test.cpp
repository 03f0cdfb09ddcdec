#include <limn/engine/direct_convolution.hpp>

#include <doctest/doctest.h>

#include <limn/engine/simd/kernels.hpp>

#include "engine/convolution_kernels.hpp"

using limn::Conv2d;
using limn::ConvTranspose2d;
using limn::Extent;
using limn::Index;
using limn::Shape;
using limn::Tensor;
using limn::detail::DirectConvolution;

namespace {

constexpr float convolution_tolerance =
    4e-6F;  // of the largest magnitude; sums of up to a few thousand products, some without FMA

/// With and without residual and ReLU, on one thread and on three, on every target that runs here.
template <class Layer, class Plain>
void check_against_plain(const Layer& layer, const Shape& input_shape, Plain&& plain) {
  std::mt19937 generator(7);
  const Tensor input = random_tensor(input_shape, generator);
  const limn::FloatVector weight =
      random_values(layer.in_channels * layer.out_channels * layer.kernel.area(), generator);
  const limn::FloatVector bias = random_values(layer.out_channels, generator);
  Tensor residual = random_tensor(layer.output_shape(input_shape), generator);
  CAPTURE(limn::to_string(input_shape));
  CAPTURE(limn::to_string(layer.output_shape(input_shape)));
  CAPTURE(layer.kernel.height);
  CAPTURE(layer.kernel.width);
  CAPTURE(layer.stride.height);
  CAPTURE(layer.padding.height);
  for (const bool relu : {false, true}) {
    for (const Tensor* added : {static_cast<const Tensor*>(nullptr), static_cast<const Tensor*>(&residual)}) {
      const Tensor expected = finish_plain([&] { return plain(input, weight, bias); }, added, relu);
      for (const limn::Target target : limn::targets()) {
        CAPTURE(limn::to_string(target));
        const DirectConvolution kernel(layer, {limn::detail::kernels_of(target), input_shape, weight, bias, relu});
        for (const int threads : {1, 3}) {
          const Tensor found = run_kernel(kernel, input, added, expected.shape(), threads);
          CHECK(relative_difference(found.matrix(), expected.matrix()) <= convolution_tolerance);
        }
      }
    }
  }
}

void check_conv(Conv2d layer, const Shape& input) {
  layer.bias = true;
  check_against_plain(layer, input,
                      [&](const Tensor& x, const limn::FloatVector& weight, const limn::FloatVector& bias) {
                        return conv2d(x, layer, weight, bias);
                      });
}

void check_deconv(ConvTranspose2d layer, const Shape& input) {
  layer.bias = true;
  check_against_plain(layer, input,
                      [&](const Tensor& x, const limn::FloatVector& weight, const limn::FloatVector& bias) {
                        return conv_transpose2d(x, layer, weight, bias);
                      });
}

}  // namespace

TEST_CASE("direct convolution equals the plain layer for the sizes of the networks") {
  check_conv({3, 64, 7, 2, 3}, {3, 32, 64});
  check_conv({64, 64, 3, 1, 1}, {64, 16, 16});
  check_conv({64, 128, 3, 2, 1}, {64, 16, 24});
  check_conv({64, 128, 1, 2, 0}, {64, 16, 24});
  check_conv({256, 64, 1, 1, 0}, {256, 8, 6});
  check_conv({128, 512, 3, 1, 1}, {128, 2, 2});
  check_conv({256, 17, 1, 1, 0}, {256, 16, 12});
}

TEST_CASE("direct convolution equals the plain layer for sizes no tile or packet divides") {
  for (const Index channels : {1, 3, 17, 33}) {
    for (const Index kernel : {1, 2, 3, 5}) {
      for (const Index stride : {1, 2, 3}) {
        for (const Index padding : {0, 1, 2}) {
          if (padding >= kernel) continue;
          check_conv({channels, 37 - channels, kernel, stride, padding}, {channels, 7, 13});
          check_conv({channels, channels, kernel, stride, padding}, {channels, 5, 5});
        }
      }
    }
  }
}

TEST_CASE("direct convolution equals the plain layer where the last panel of weights is nearly empty or half full") {
  for (const Index vector_size : {4, 8, 16}) {
    for (const Index rows : {Index{1}, vector_size, vector_size + 1}) {
      for (const Index columns : {1, 2, 3, 4, 5, 7, 8, 11, 12, 13, 16, 19, 20, 47}) {
        check_conv({6, 2 * vector_size + rows, 1, 1, 0}, {6, 1, columns});
      }
    }
  }
}

TEST_CASE("direct convolution equals the plain layer where the input has many blocks") {
  check_conv({300, 70, 1, 1, 0}, {300, 40, 33});
  check_conv({300, 40, 3, 1, 1}, {300, 20, 9});
}

TEST_CASE("direct convolution equals the plain layer for one pixel, one channel and uneven windows") {
  check_conv({1, 1, 1, 1, 0}, {1, 1, 1});
  check_conv({1, 1, 3, 1, 1}, {1, 1, 1});
  check_conv({5, 1, 3, 2, 1}, {5, 1, 29});
  check_conv({2, 3, Extent(1, 5), Extent(1, 2), Extent(0, 2)}, {2, 4, 11});
  check_conv({2, 3, Extent(4, 2), Extent(3, 1), Extent(2, 0)}, {2, 9, 6});
  check_conv({4, 4, 2, 1, 4}, {4, 3, 3});
}

TEST_CASE("direct transposed convolution equals the plain layer for the heads of the networks") {
  for (const Index kernel : {2, 3, 4}) {
    ConvTranspose2d layer{96, 40, kernel, 2, kernel == 2 ? 0 : 1, kernel == 3 ? 1 : 0};
    check_deconv(layer, {96, 8, 6});
    check_deconv(layer, {96, 2, 2});
    check_deconv(layer, {96, 1, 1});
  }
}

TEST_CASE("direct transposed convolution equals the plain layer for any kernel, stride and padding") {
  for (const Index channels : {1, 5}) {
    for (const Index kernel : {1, 2, 3, 5}) {
      for (const Index stride : {1, 2, 3}) {
        for (const Index padding : {0, 1, 2}) {
          for (Index output_padding = 0; output_padding < stride; ++output_padding) {
            const ConvTranspose2d layer{channels, 19, kernel, stride, padding, output_padding};
            if ((4 - 1) * stride - 2 * padding + kernel + output_padding <= 0) continue;
            check_deconv(layer, {channels, 4, 7});
          }
        }
      }
    }
  }
  check_deconv({3, 2, Extent(4, 2), Extent(2, 3), Extent(1, 0), Extent(0, 2)}, {3, 5, 4});
}
