#include <limn/quantization/ranges.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

using namespace limn;

namespace {

FloatMatrix one_channel(const std::vector<float>& values) {
  FloatMatrix map(1, static_cast<Index>(values.size()));
  std::copy(values.begin(), values.end(), map.data());  // GCC 12 warns of an Eigen::Map with three values
  return map;
}

MapRange range_of(const std::vector<float>& values) {
  MapRange range;
  range.see(one_channel(values));
  range.count(one_channel(values));
  return range;
}

/// Numbers from 0 to 1, and one outlier.
std::vector<float> with_outlier(float outlier) {
  std::vector<float> values;
  for (int i = 0; i < 20000; ++i) values.push_back(static_cast<float>(i * 7919 % 20000) / 20000.0F);
  values.push_back(outlier);
  return values;
}

}  // namespace

TEST_CASE("a range knows the least and the largest value and 0, and counts magnitudes but zeros") {
  const MapRange range = range_of({0, -1, 4, 0, 3.9995F, 0.0005F});
  CHECK(range.least() == -1);
  CHECK(range.most() == 4);
  CHECK(range.largest() == 4);
  REQUIRE(range.counts().size() == MapRange::bins);
  CHECK(range.counts()[0] == 1);                   // bins of 1/1024
  CHECK(range.counts()[1024] == 1);                // -1
  CHECK(range.counts()[MapRange::bins - 1] == 2);  // 3.9995 and 4
  CHECK(range_of({3, 5}).least() == 0);
  CHECK(range_of({-3, -5}).most() == 0);
  CHECK(range_of({-3, -5}).largest() == 5);
}

TEST_CASE("a range knows the mean of each channel") {
  FloatMatrix a(2, 2);
  a << 1, 3, -8, 0;
  FloatMatrix b(2, 2);
  b << 4, 4, 2, 2;
  MapRange range;
  range.see(a);
  range.see(b);
  range.count(a);
  range.count(b);
  CHECK(range.mean(0) == 3);
  CHECK(range.mean(1) == -1);
}

TEST_CASE("neither the order of the maps nor who counts which makes a difference") {
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  std::vector<FloatMatrix> maps;
  for (int i = 0; i < 7; ++i) maps.push_back(FloatMatrix::NullaryExpr(3, 50, [&] { return normal(generator); }));
  MapRange alone;
  for (const FloatMatrix& map : maps) alone.see(map);
  for (const FloatMatrix& map : maps) alone.count(map);
  MapRange workers[2];
  for (std::size_t i = maps.size(); i-- > 0;) workers[i % 2].see(maps[i]);
  workers[0].see(workers[1]);
  workers[1].see(workers[0]);
  for (std::size_t i = maps.size(); i-- > 0;) workers[i % 3 / 2].count(maps[i]);
  workers[1].count(workers[0]);
  CHECK(workers[1].least() == alone.least());
  CHECK(workers[1].most() == alone.most());
  CHECK(workers[1].counts() == alone.counts());
  for (Index channel = 0; channel < 3; ++channel) CHECK(workers[1].mean(channel) == alone.mean(channel));
}

TEST_CASE("a value that is not finite is refused") {
  MapRange range;
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()}) {
    CHECK_THROWS_WITH_AS(range.see(one_channel({1, value, 2})), "expected finite values, found NaN or infinity", Error);
  }
}

TEST_CASE("the squared error is that of rounding and of cutting") {
  std::mt19937 generator(2);
  std::normal_distribution<float> normal;
  std::vector<float> values(50000);
  for (float& value : values) value = normal(generator);
  const MapRange range = range_of(values);
  for (const double cut : {0.3, 1.0, 2.5, 4.0}) {
    for (const int levels : {127, 255, 20}) {
      CAPTURE(cut);
      CAPTURE(levels);
      const double scale = cut / levels;
      double sum = 0;
      for (const float value : values) {
        const double magnitude = std::abs(static_cast<double>(value));
        const double kept = scale * std::fmin(std::round(magnitude / scale), levels);
        sum += (magnitude - kept) * (magnitude - kept);
      }
      CHECK(range.squared_error(cut, levels) == doctest::Approx(sum).epsilon(0.01));
    }
  }
}

TEST_CASE("a scale by the least and the largest value spans all that was seen") {
  const ChosenScale of_relu = choose_scale(range_of({0, 1, 5.1F}), true, RangeRule::min_max);
  CHECK(of_relu.scale.scale == doctest::Approx(0.02));
  CHECK(of_relu.scale.zero_point == 0);
  CHECK(of_relu.range == 5.1F);
  CHECK(!of_relu.clipped);
  const ChosenScale of_both = choose_scale(range_of({1, -2.54F, 2}), false, RangeRule::min_max);
  CHECK(of_both.scale.scale == doctest::Approx(0.02));
  CHECK(of_both.scale.zero_point == 128);
  CHECK(!of_both.clipped);
}

TEST_CASE("an outlier is cut where that costs less than rounding the others to its steps") {
  const MapRange range = range_of(with_outlier(4));
  CHECK(choose_scale(range, true, RangeRule::min_max).range == 4);
  // Cutting 4 to 1 costs 9; steps of 4/255 cost 20,000 values 0.4 in all.
  CHECK(choose_scale(range, true, RangeRule::least_error).range > 3.5F);
  CHECK(choose_scale(range, true, RangeRule::automatic).range == 4);
  std::vector<float> many;
  for (int i = 0; i < 100; ++i) {
    const std::vector<float> more = with_outlier(i == 0 ? 4.0F : 1.0F);
    many.insert(many.end(), more.begin(), more.end());
  }
  for (const RangeRule rule : {RangeRule::least_error, RangeRule::automatic}) {
    const ChosenScale chosen = choose_scale(range_of(many), true, rule);  // 9 against 41 of 2,000,000 values
    CHECK(chosen.clipped);
    CHECK(chosen.range > 1.0F);
    CHECK(chosen.range < 2.5F);
    CHECK(chosen.scale.scale == doctest::Approx(chosen.range / 255));
  }
}

TEST_CASE("the automatic rule takes all where cutting gains little") {
  std::vector<float> values = with_outlier(1.05F);
  const ChosenScale cut = choose_scale(range_of(values), true, RangeRule::least_error);
  const ChosenScale chosen = choose_scale(range_of(values), true, RangeRule::automatic);
  CHECK(cut.range < 1.05F);
  CHECK(chosen.range == 1.05F);
}

TEST_CASE("every map gets a scale that a model file may have") {
  for (const RangeRule rule : {RangeRule::min_max, RangeRule::least_error, RangeRule::automatic}) {
    const ChosenScale of_zeros = choose_scale(range_of({0, 0}), true, rule);
    CHECK(of_zeros.scale == MapScale{1, 0});
    CHECK(!of_zeros.clipped);
    for (const float value : {1e-38F, 1e-45F, 3e38F}) {
      const ChosenScale chosen = choose_scale(range_of({value, 0}), false, rule);
      CHECK(static_cast<double>(chosen.scale.scale) >= 1e-12);
      CHECK(static_cast<double>(chosen.scale.scale) <= 1e12);
    }
  }
}
