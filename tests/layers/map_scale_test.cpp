#include <limn/layers/map_scale.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace limn::detail;
using limn::MapScale;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("map scales are equal if both of their numbers are") {
  CHECK(MapScale{0.5F, 3} == MapScale{0.5F, 3});
  CHECK(MapScale{0.5F, 3} != MapScale{0.5F, 4});
  CHECK(MapScale{0.5F, 3} != MapScale{0.25F, 3});
  CHECK_FALSE(MapScale{0.5F, 3} != MapScale{0.5F, 3});
  CHECK(MapScale() == MapScale{1.0F, 0});
}

TEST_CASE("a map's scale is positive and finite, its zero point from 0 to 255") {
  CHECK_NOTHROW(check_map_scale("Layer", "map", {1e-12F, 0}));
  CHECK_NOTHROW(check_map_scale("Layer", "map", {1e12F, 255}));
  CHECK_THROWS_WITH_AS(check_map_scale("Layer", "map", {-0.5F, 7}),
                       "Layer: map: expected a positive scale and a zero point from 0 to 255, found -0.500000 and 7",
                       limn::Error);
  for (const float scale : {0.0F, -1e-12F, infinity, -infinity, not_a_number}) {
    CHECK_THROWS_AS(check_map_scale("Layer", "map", {scale, 0}), limn::Error);
  }
  for (const int zero_point : {-1, 256, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()}) {
    CHECK_THROWS_AS(check_map_scale("Layer", "map", {1.0F, zero_point}), limn::Error);
  }
}

TEST_CASE("numbers halfway between two whole ones become the even one") {
  CHECK(nearest(0.5F) == 0);
  CHECK(nearest(1.5F) == 2);
  CHECK(nearest(2.5F) == 2);
  CHECK(nearest(-0.5F) == 0);
  CHECK(nearest(-1.5F) == -2);
  CHECK(nearest(-2.5F) == -2);
  CHECK(nearest(std::nextafter(2.5F, 3.0F)) == 3);
  CHECK(nearest(std::nextafter(-2.5F, -3.0F)) == -3);
  CHECK(nearest(2097151.5F) == 2097152);  // just below 2^21, where floats still have halves
  CHECK(nearest(-2097150.5F) == -2097150);
}

TEST_CASE("a value is clamped to its bounds, and what is not a number to the lower one") {
  CHECK(clamped(3.0F, -1.0F, 2.0F) == 2.0F);
  CHECK(clamped(-3.0F, -1.0F, 2.0F) == -1.0F);
  CHECK(clamped(1.25F, -1.0F, 2.0F) == 1.25F);
  CHECK(clamped(infinity, -1.0F, 2.0F) == 2.0F);
  CHECK(clamped(-infinity, -1.0F, 2.0F) == -1.0F);
  CHECK(clamped(not_a_number, -1.0F, 2.0F) == -1.0F);
}

TEST_CASE("a number in units of the output's scale is rounded, moved by the zero point and clamped") {
  CHECK(quantized_value(0.0F, {1.0F, 0}, false) == 0);
  CHECK(quantized_value(0.5F, {1.0F, 0}, false) == 0);
  CHECK(quantized_value(1.5F, {1.0F, 0}, false) == 2);
  CHECK(quantized_value(254.5F, {1.0F, 0}, false) == 254);
  CHECK(quantized_value(254.6F, {1.0F, 0}, false) == 255);
  CHECK(quantized_value(255.5F, {1.0F, 0}, false) == 255);
  CHECK(quantized_value(-0.5F, {1.0F, 0}, false) == 0);
  // Rounded before it is moved: 127 - 0.5 would become 126.
  CHECK(quantized_value(-0.5F, {1.0F, 127}, false) == 127);
  CHECK(quantized_value(-1.5F, {1.0F, 128}, false) == 126);
  CHECK(quantized_value(1.5F, {1.0F, 127}, false) == 129);
  CHECK(quantized_value(-128.5F, {1.0F, 128}, false) == 0);
  CHECK(quantized_value(126.5F, {1.0F, 128}, false) == 254);
  CHECK(quantized_value(127.5F, {1.0F, 128}, false) == 255);
  CHECK(quantized_value(-300.0F, {1.0F, 255}, false) == 0);
  CHECK(quantized_value(0.4F, {1.0F, 255}, false) == 255);
  CHECK(quantized_value(infinity, {1.0F, 10}, false) == 255);
  CHECK(quantized_value(-infinity, {1.0F, 10}, false) == 0);
  CHECK(quantized_value(not_a_number, {1.0F, 10}, false) == 0);
}

TEST_CASE("ReLU leaves nothing below what stands for 0") {
  CHECK(least_of({1.0F, 128}, true) == 128);
  CHECK(least_of({1.0F, 128}, false) == 0);
  CHECK(quantized_value(-5.0F, {1.0F, 128}, true) == 128);
  CHECK(quantized_value(5.0F, {1.0F, 128}, true) == 133);
  CHECK(quantized_value(-5.0F, {1.0F, 0}, true) == 0);
  CHECK(quantized_value(not_a_number, {1.0F, 128}, true) == 128);
  CHECK(quantized_sum(-1000, {1.0F, 128}, true) == 128);
  CHECK(quantized_sum(1000, {1.0F, 128}, true) == 132);
}

TEST_CASE("a summand is rounded and kept to 2^21 either way, so that two of them fit 32 bits") {
  CHECK(summand(0.5F) == 0);
  CHECK(summand(1.5F) == 2);
  CHECK(summand(-1.5F) == -2);
  CHECK(summand(2097152.0F) == 2097152);
  CHECK(summand(3e9F) == 2097152);
  CHECK(summand(-3e9F) == -2097152);
  CHECK(summand(infinity) == 2097152);
  CHECK(summand(not_a_number) == -2097152);
}

TEST_CASE("a sum in 1/256 is rounded to a whole number, upwards from the middle, also below 0") {
  const MapScale middle = {1.0F, 128};
  CHECK(quantized_sum(0, middle, false) == 128);
  CHECK(quantized_sum(127, middle, false) == 128);
  CHECK(quantized_sum(128, middle, false) == 129);
  CHECK(quantized_sum(383, middle, false) == 129);
  CHECK(quantized_sum(384, middle, false) == 130);
  CHECK(quantized_sum(-1, middle, false) == 128);
  CHECK(quantized_sum(-128, middle, false) == 128);
  CHECK(quantized_sum(-129, middle, false) == 127);
  CHECK(quantized_sum(-384, middle, false) == 127);
  CHECK(quantized_sum(-385, middle, false) == 126);
  CHECK(quantized_sum(127 * 256 + 127, middle, false) == 255);
  CHECK(quantized_sum(127 * 256 + 128, middle, false) == 255);
  CHECK(quantized_sum(-128 * 256 - 129, middle, false) == 0);
  CHECK(quantized_sum(4194304, middle, false) == 255);  // the largest sum of two summands
  CHECK(quantized_sum(-4194304, middle, false) == 0);
  CHECK(quantized_sum(-4194304, {1.0F, 255}, false) == 0);
}

TEST_CASE("sums of all values around 0 are rounded as floor(x + 1/2) does") {
  for (std::int32_t sum = -2000; sum <= 2000; ++sum) {
    CAPTURE(sum);
    CHECK(quantized_sum(sum, {1.0F, 100}, false) == 100 + std::floor(sum / 256.0 + 0.5));
  }
}

TEST_CASE("a ratio of scales is divided in double and rounded once") {
  CHECK(scale_ratio(1, 3.0F) == 1.0F / 3.0F);
  // 0.1F is 13421773 / 2^27: its inverse is 10 less 0.16 of a step between floats.
  CHECK(scale_ratio(1, 0.1F) == 10.0F);
  CHECK(scale_ratio(1.0 + std::ldexp(1.0, -25), 1.0F) == 1.0F);
  CHECK(scale_ratio(1.0 + std::ldexp(3.0, -25), 1.0F) == 1.0F + std::ldexp(1.0F, -23));
}
