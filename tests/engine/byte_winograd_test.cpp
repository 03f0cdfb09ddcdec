#include <limn/engine/byte_winograd.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>

#include <limn/engine/choose_byte_convolution.hpp>

#include "engine/byte_kernels_against_plain.hpp"

using namespace limn;
using limn::detail::ByteWinograd;
using limn::detail::ByteWinogradMethod;

namespace {

int compared = 0;

template <class Convolution>
void check_winograd(const Convolution& convolution, const Shape& shape) {
  check_convolution(convolution, shape,
                    [&](const auto& layer, const detail::ByteConvolutionTask& task) -> std::unique_ptr<detail::Kernel> {
                      const ByteWinogradMethod* method = ByteWinograd::method_for(convolution, task.kernels);
                      if (method == nullptr) return nullptr;
                      REQUIRE(ByteWinograd::is_exact(*method, convolution, task.weight));
                      ++compared;
                      return std::make_unique<ByteWinograd>(*method, layer, task);
                    });
}

/// Whether what the transforms make of bytes and of weights from -128 to 127 fits 16 bits, in two dimensions.
template <int M, int R>
bool fits_words() {
  using Whole = detail::WholeWinograd<M, R>;
  constexpr detail::WinogradMatrices<M, R> matrices;
  double input = 0;
  int weight = 0;
  for (int row = 0; row < Whole::N; ++row) {
    double positive = 0;
    double negative = 0;
    for (int k = 0; k < Whole::N; ++k) {
      const double value = matrices.bt[row][k];
      (value > 0 ? positive : negative) += value;
    }
    // Along the second dimension the numbers are from 255 * negative to 255 * positive.
    input = (std::max)(input, positive - negative);
    int sum = 0;
    for (int tap = 0; tap < R; ++tap) sum += std::abs(Whole::weight(row, tap));
    weight = (std::max)(weight, sum);
  }
  return 255 * input * input <= 32767 && 128 * weight * weight <= 32767;
}

detail::KernelTable only_words() {
  for (const Target target : targets()) {
    const detail::KernelTable& kernels = detail::kernels_of(target);
    if (kernels.bytes.format == detail::ByteFormat::words) return kernels;
  }
  throw Error("no target that multiplies words");
}

}  // namespace

TEST_CASE("Winograd's transformed bytes and weights fit words") {
  CHECK(fits_words<4, 3>());
  CHECK(fits_words<4, 2>());
  CHECK(detail::WholeWinograd<4, 3>::inverse * 9 == 1);
  CHECK(detail::WholeWinograd<4, 3>::shift == 6);
  CHECK(detail::WholeWinograd<4, 2>::inverse * 9 == 1);
  CHECK(detail::WholeWinograd<4, 2>::shift == 2);
}

TEST_CASE("an 8-bit convolution by Winograd's method equals the plain layer to the bit") {
  compared = 0;
  for (const Index padding : {0, 1, 2}) {
    check_winograd(Conv2d{64, 64, 3, 1, padding}, {64, 16, 16});
    check_winograd(Conv2d{64, 37, 3, 1, padding}, {64, 7, 13});
    check_winograd(Conv2d{32, 96, 3, 1, padding}, {32, 3, 30});
  }
  check_winograd(Conv2d{128, 17, 3, 1, 1}, {128, 1, 1});
  check_winograd(Conv2d{96, 1, 3, 1, 1}, {96, 2, 5});
  CHECK(compared > 0);
}

TEST_CASE("an 8-bit transposed convolution by Winograd's method equals the plain layer to the bit") {
  compared = 0;
  check_winograd(ConvTranspose2d{96, 40, 4, 2, 1}, {96, 8, 6});
  check_winograd(ConvTranspose2d{512, 64, 4, 2, 1}, {512, 5, 3});
  check_winograd(ConvTranspose2d{32, 17, 4, 2, 1}, {32, 1, 1});
  check_winograd(ConvTranspose2d{64, 64, 4, 2, 1}, {64, 13, 18});
  CHECK(compared > 0);
}

TEST_CASE("an 8-bit convolution is done by Winograd's method where that is exact and costs less") {
  const detail::KernelTable kernels = only_words();
  const auto method = [&](const Conv2d& convolution, const Shape& shape, float weight) {
    const QuantizedConv2d layer{convolution, {0.02F, 0}, MapScale{0.05F, 0}, std::nullopt, true};
    const Index count = convolution.out_channels * convolution.in_channels * convolution.kernel.area();
    const FloatVector weights = FloatVector::Constant(count, weight);
    const FloatVector ones = FloatVector::Ones(convolution.out_channels);
    return std::string(detail::make_byte_convolution(layer, {kernels, shape, weights, ones, ones})->name());
  };
  CHECK(method({128, 128, 3, 1, 1}, {128, 32, 32}, 20) == "8 bit winograd 4x4,3x3");
  CHECK(method({128, 128, 3, 1, 1}, {128, 1, 1}, 20) == "8 bit");
  CHECK(method({128, 128, 3, 2, 1}, {128, 32, 32}, 20) == "8 bit");
  CHECK(method({128, 128, 1, 1, 0}, {128, 32, 32}, 20) == "8 bit");
  // 255 * 128 * 9 * 114 is just below 2^25.
  CHECK(method({128, 128, 3, 1, 1}, {128, 32, 32}, 114) == "8 bit winograd 4x4,3x3");
  CHECK(method({128, 128, 3, 1, 1}, {128, 32, 32}, 115) == "8 bit");
  CHECK(method({128, 128, 3, 1, 1}, {128, 32, 32}, -115) == "8 bit");
}
