#include <limn/layers/quantize.hpp>

#include <doctest/doctest.h>

#include <limits>

#include "quantized_cases.hpp"
#include "reference_data.hpp"

using limn::Dequantize;
using limn::FloatVector;
using limn::Quantize;
using limn::Tensor;
using reference::row_of;

namespace {

FloatVector quantized(const FloatVector& values, const limn::MapScale& scale) {
  return limn::quantize(row_of(values), Quantize{scale}).matrix().transpose();
}

FloatVector dequantized(const FloatVector& values, const limn::MapScale& scale) {
  return limn::dequantize(row_of(values), Dequantize{scale}).matrix().transpose();
}

}  // namespace

TEST_CASE("quantize gives exactly the numbers of PyTorch's arithmetic") {
  for (const reference::Case& test : reference::cases("quantize")) {
    CAPTURE(test.name);
    const Tensor output = limn::quantize(test.map("input"), Quantize{reference::scale_of(test, "output")});
    reference::check_equal(output, test.map("output"));
  }
}

TEST_CASE("dequantize gives exactly the numbers of PyTorch's arithmetic") {
  for (const reference::Case& test : reference::cases("dequantize")) {
    CAPTURE(test.name);
    const Tensor output = limn::dequantize(test.map("input"), Dequantize{reference::scale_of(test, "input")});
    reference::check_equal(output, test.map("output"));
  }
}

TEST_CASE("quantize rounds halves to the even number, then adds the zero point and clamps") {
  const FloatVector values{{0.0F, 0.25F, 0.75F, 1.25F, -0.25F, -0.75F, -1.25F, 63.0F, 64.0F, 1e9F, -63.5F, -64.0F}};
  const FloatVector expected{{128, 128, 130, 130, 128, 126, 126, 254, 255, 255, 1, 0}};
  CHECK(quantized(values, {0.5F, 128}) == expected);
  // 63.5 is 127 in units of 1/2: the largest that is not clamped. With the zero point 0 nothing is below 0.
  CHECK(quantized(FloatVector{{63.5F, 63.7F, -64.2F}}, {0.5F, 128}) == FloatVector{{255, 255, 0}});
  CHECK(quantized(FloatVector{{-0.1F, -1e9F, 127.5F, 127.25F, 126.75F, 1e9F}}, {0.5F, 0}) ==
        FloatVector{{0, 0, 255, 254, 254, 255}});
  CHECK(quantized(FloatVector{{0.1F, 1e9F, -127.5F, -1e9F}}, {0.5F, 255}) == FloatVector{{255, 255, 0, 0}});
}

TEST_CASE("quantize takes infinities to the ends, and what is not a number to 0") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
  CHECK(quantized(FloatVector{{infinity, -infinity, not_a_number}}, {0.5F, 100}) == FloatVector{{255, 0, 0}});
}

TEST_CASE("quantize multiplies with the scale's inverse as a float") {
  // 2.25 / 0.3F is 7.4999997: divided as floats it gives 7.4999995, multiplied 7.5, which becomes the even 8. Likewise
  // 8.25 / 1.1F is 7.4999998: divided it gives 7.5, multiplied 7.4999995.
  CHECK(quantized(FloatVector{{2.25F}}, {0.3F, 3})[0] == 11);
  CHECK(quantized(FloatVector{{8.25F}}, {1.1F, 3})[0] == 10);
}

TEST_CASE("dequantize subtracts the zero point and multiplies with the scale") {
  CHECK(dequantized(FloatVector{{0, 127, 128, 129, 255}}, {0.5F, 128}) ==
        FloatVector{{-64.0F, -0.5F, 0.0F, 0.5F, 63.5F}});
  CHECK(dequantized(FloatVector{{0, 1, 255}}, {0.1F, 0}) == FloatVector{{0.0F, 0.1F, 25.5F}});
  CHECK(dequantized(FloatVector{{0, 254, 255}}, {2.0F, 255}) == FloatVector{{-510.0F, -2.0F, 0.0F}});
}

TEST_CASE("quantize takes back every number that dequantize gave, for any scale") {
  FloatVector all(256);
  for (int i = 0; i < 256; ++i) all[i] = static_cast<float>(i);
  for (const float scale : {1e-12F, 3.7e-5F, 0.0123F, 0.5F, 1.0F, 3.0F, 1e12F}) {
    for (const int zero_point : {0, 1, 127, 128, 255}) {
      CAPTURE(scale);
      CAPTURE(zero_point);
      CHECK(quantized(dequantized(all, {scale, zero_point}), {scale, zero_point}) == all);
    }
  }
}

TEST_CASE("quantize and dequantize keep the shape, have no parameters and refuse scales that make no sense") {
  const limn::Shape shape = {3, 5, 7};
  CHECK(Quantize{{0.5F, 128}}.output_shape(shape) == shape);
  CHECK(Dequantize{{0.5F, 128}}.output_shape(shape) == shape);
  CHECK(Quantize().parameters().empty());
  CHECK(Dequantize().parameters().empty());
  CHECK(Quantize().multiply_adds(shape) == 0);
  CHECK(Dequantize().multiply_adds(shape) == 0);
  CHECK_THROWS_WITH_AS(
      limn::quantize(Tensor(shape), Quantize{{0.0F, 128}}),
      "Quantize: output: expected a positive scale and a zero point from 0 to 255, found 0.000000 and 128",
      limn::Error);
  CHECK_THROWS_WITH_AS(
      limn::dequantize(Tensor(shape), Dequantize{{1.0F, 256}}),
      "Dequantize: input: expected a positive scale and a zero point from 0 to 255, found 1.000000 and 256",
      limn::Error);
}
