#include <limn/layers/quantized_add.hpp>

#include <doctest/doctest.h>

#include <limits>

#include "quantized_cases.hpp"
#include "reference_data.hpp"

using limn::FloatVector;
using limn::QuantizedAdd;
using limn::Tensor;
using reference::row_of;

namespace {

FloatVector sum_of(const FloatVector& first, const FloatVector& second, const QuantizedAdd& layer) {
  return limn::quantized_add(row_of(first), row_of(second), layer).matrix().transpose();
}

}  // namespace

TEST_CASE("quantized_add gives exactly the numbers of PyTorch's arithmetic") {
  for (const reference::Case& test : reference::cases("quantized_add")) {
    CAPTURE(test.name);
    const QuantizedAdd layer = {reference::scale_of(test, "input"), reference::scale_of(test, "other"),
                                reference::scale_of(test, "output"), test.options.at("relu").get<bool>()};
    reference::check_equal(limn::quantized_add(test.map("input"), test.map("other"), layer), test.map("output"));
  }
}

TEST_CASE("quantized_add adds what the numbers stand for") {
  // 0.5 (q - 10) + 2 (r - 128) in units of 0.25, which 100 is the zero of.
  const QuantizedAdd layer = {{0.5F, 10}, {2.0F, 128}, {0.25F, 100}};
  CHECK(sum_of(FloatVector{{10, 11, 9, 10, 10, 14, 0}}, FloatVector{{128, 128, 128, 129, 127, 127, 130}}, layer) ==
        FloatVector{{100, 102, 98, 108, 92, 100, 96}});
  // Near an end, and beyond both.
  CHECK(sum_of(FloatVector{{10, 255, 10, 0}}, FloatVector{{147, 255, 115, 0}}, layer) == FloatVector{{252, 255, 0, 0}});
}

TEST_CASE("quantized_add rounds the sum once, halves upwards, also of negative sums") {
  const QuantizedAdd half = {{0.5F, 128}, {0.5F, 128}, {1.0F, 128}};
  CHECK(sum_of(FloatVector{{129, 131, 127, 125, 129, 127}}, FloatVector{{128, 128, 128, 128, 127, 126}}, half) ==
        FloatVector{{129, 130, 128, 127, 128, 127}});
  // 0.3 + 0.3 is rounded to 1, though each would be rounded to 0: they are added in 1/256, 77 + 77 = 154 of them.
  const QuantizedAdd third = {{0.3F, 0}, {0.3F, 0}, {1.0F, 0}};
  CHECK(sum_of(FloatVector{{1, 1, 2}}, FloatVector{{0, 1, 1}}, third) == FloatVector{{0, 1, 1}});
}

TEST_CASE("each summand is rounded to 1/256, the even one of two") {
  // In 1/256 the first is 0.5 or 1.5, which become 0 and 2; 127.5 of the other becomes 128, half of the unit.
  const float scale = 1.0F / 512;
  CHECK(sum_of(FloatVector{{1, 3, 1, 0}}, FloatVector{{0, 0, 1, 255}}, {{scale, 0}, {scale, 0}, {1.0F, 7}}) ==
        FloatVector{{7, 7, 7, 8}});
  // 126, and 1.5 that becomes 2, are half of the unit; 127.5 would not be.
  CHECK(sum_of(FloatVector{{252, 251}}, FloatVector{{3, 1}}, {{scale, 0}, {scale, 0}, {1.0F, 7}}) ==
        FloatVector{{8, 7}});
}

TEST_CASE("quantized_add with ReLU puts out nothing below the zero point") {
  const QuantizedAdd layer = {{1.0F, 128}, {1.0F, 128}, {1.0F, 128}, true};
  CHECK(sum_of(FloatVector{{0, 120, 128, 130, 255}}, FloatVector{{0, 130, 129, 120, 255}}, layer) ==
        FloatVector{{128, 128, 129, 128, 255}});
  CHECK(sum_of(FloatVector{{0, 140}}, FloatVector{{0, 128}}, {{1.0F, 128}, {1.0F, 128}, {1.0F, 0}, true}) ==
        FloatVector{{0, 12}});
}

TEST_CASE("quantized_add clamps scales that are far apart instead of overflowing") {
  const QuantizedAdd coarse = {{1e12F, 128}, {1e12F, 128}, {1e-12F, 128}};
  CHECK(sum_of(FloatVector{{255, 0, 255, 128}}, FloatVector{{255, 0, 0, 128}}, coarse) ==
        FloatVector{{255, 0, 128, 128}});
  const QuantizedAdd fine = {{1e-12F, 128}, {1e-12F, 128}, {1e12F, 77}};
  CHECK(sum_of(FloatVector{{255, 0}}, FloatVector{{255, 0}}, fine) == FloatVector{{77, 77}});
}

TEST_CASE("quantized_add refuses two shapes, even of the same number of values") {
  CHECK_THROWS_WITH_AS(limn::quantized_add(Tensor({2, 3, 4}), Tensor({2, 4, 3}), QuantizedAdd()),
                       "Add: both inputs must have one shape, found 2x3x4 and 2x4x3", limn::Error);
}

TEST_CASE("quantized_add says which of its scales makes no sense") {
  const Tensor map({1, 1, 1});
  const auto check = [&](const QuantizedAdd& layer, const char* which) {
    CAPTURE(which);
    const std::string message = std::string("QuantizedAdd: ") + which +
                                ": expected a positive scale and a zero point from 0 to 255, found -1.000000 and 0";
    CHECK_THROWS_WITH_AS(limn::quantized_add(map, map, layer), message.c_str(), limn::Error);
  };
  check({{-1.0F, 0}, {}, {}}, "first input");
  check({{}, {-1.0F, 0}, {}}, "second input");
  check({{}, {}, {-1.0F, 0}}, "output");
  CHECK(QuantizedAdd().parameters().empty());
  CHECK(QuantizedAdd().multiply_adds({1, 2, 3}) == 0);
}
