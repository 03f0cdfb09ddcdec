#include <limn/engine/byte_convolution.hpp>

#include <doctest/doctest.h>

#include <memory>

#include "engine/byte_kernels_against_plain.hpp"

using namespace limn;

namespace {

template <class Convolution>
void check_direct(const Convolution& convolution, const Shape& shape) {
  check_convolution(convolution, shape, [](const auto& layer, const detail::ByteConvolutionTask& task) {
    return std::make_unique<detail::ByteConvolution>(layer, task);
  });
}

}  // namespace

TEST_CASE("an 8-bit convolution equals the plain layer to the bit for the sizes of the networks") {
  check_direct(Conv2d{3, 64, 7, 2, 3}, {3, 32, 64});
  check_direct(Conv2d{64, 64, 3, 1, 1}, {64, 16, 16});
  check_direct(Conv2d{64, 128, 3, 2, 1}, {64, 16, 24});
  check_direct(Conv2d{64, 128, 1, 2, 0}, {64, 16, 24});
  check_direct(Conv2d{256, 64, 1, 1, 0}, {256, 8, 6});
  check_direct(Conv2d{128, 160, 3, 1, 1}, {128, 2, 2});
  check_direct(Conv2d{256, 17, 1, 1, 0}, {256, 16, 12});
}

TEST_CASE("an 8-bit convolution equals the plain layer to the bit for sizes no tile, group or panel divides") {
  for (const Index channels : {1, 2, 3, 5, 17, 34}) {
    for (const Index kernel : {1, 2, 3, 5}) {
      for (const Index stride : {1, 2, 3}) {
        for (const Index padding : {0, 1}) {
          if (padding < kernel)
            check_direct(Conv2d{channels, 37 - channels, kernel, stride, padding}, {channels, 7, 13});
        }
      }
    }
  }
  check_direct(Conv2d{1, 1, 1, 1, 0}, {1, 1, 1});
  check_direct(Conv2d{4, 4, 1, 1, 0}, {4, 1, 1});
  check_direct(Conv2d{2, 3, Extent(1, 5), Extent(1, 2), Extent(0, 2)}, {2, 4, 11});
  check_direct(Conv2d{2, 3, Extent(4, 2), Extent(3, 1), Extent(2, 0)}, {2, 9, 6});
}

TEST_CASE("an 8-bit transposed convolution equals the plain layer to the bit") {
  for (const Index kernel : {2, 3, 4}) {
    const ConvTranspose2d layer{96, 40, kernel, 2, kernel == 2 ? 0 : 1, kernel == 3 ? 1 : 0};
    check_direct(layer, {96, 8, 6});
    check_direct(layer, {96, 1, 1});
  }
  for (const Index channels : {1, 5}) {
    for (const Index kernel : {1, 2, 3, 5}) {
      for (const Index stride : {1, 2, 3}) {
        if (3 * stride + kernel - 2 > 0)
          check_direct(ConvTranspose2d{channels, 19, kernel, stride, 1}, {channels, 4, 7});
      }
    }
  }
}
