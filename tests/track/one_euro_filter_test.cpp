#include <limn/track/one_euro_filter.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using namespace limn;

namespace {

constexpr double pi = 3.14159265358979323846;

/// Noise from -1 to 1, always the same (Marsaglia's xorshift).
class Noise {
 public:
  double operator()() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return static_cast<double>(state_) / 2147483648.0 - 1;
  }

 private:
  std::uint32_t state_ = 1;
};

/// Root mean square of the differences from a value that rests at 0, or moves by `speed` a second, of 300 frames at 30
/// Hz.
double deviation(const OneEuroOptions& options, double noise, double speed) {
  OneEuroFilter filter(options);
  Noise random;
  double sum = 0;
  for (int i = 0; i < 300; ++i) {
    const double time = i / 30.0;
    const double difference = filter.filter(speed * time + noise * random(), time) - speed * time;
    if (i >= 60) sum += difference * difference;
  }
  return std::sqrt(sum / 240);
}

}  // namespace

TEST_CASE("the One-Euro filter computes what its paper says") {
  // By hand, 0.5 s apart: with a cutoff of f Hz a new value has a share of 0.5 / (0.5 + 1 / (2 pi f)).
  OneEuroFilter filter({1, 2, 0.5});
  CHECK(filter.filter(10, 100) == 10);

  const auto share = [](double cutoff, double step) { return step / (step + 1 / (2 * pi * cutoff)); };
  const double speed = share(0.5, 0.5) * (2 / 0.5);
  const double second = 10 + share(1 + 2 * speed, 0.5) * 2;
  CHECK(filter.filter(12, 100.5) == doctest::Approx(second).epsilon(1e-12));

  // Then 0.1 s, backwards.
  const double difference = 11 - second;
  const double slower = speed + share(0.5, 0.1) * (difference / 0.1 - speed);
  CHECK(filter.filter(11, 100.6) ==
        doctest::Approx(second + share(1 + 2 * std::abs(slower), 0.1) * difference).epsilon(1e-12));
}

TEST_CASE("without beta it is a low-pass filter whatever the time steps: half way after its half-life") {
  // Many small steps come close to the continuous filter, 1 - exp(-2 pi f t).
  OneEuroFilter filter({0.5, 0, 1});
  filter.filter(0, 0);
  double value = 0;
  const double half_life = std::log(2.0) / (2 * pi * 0.5);
  for (int i = 1; i <= 1000; ++i) value = filter.filter(1, half_life * i / 1000);
  CHECK(value == doctest::Approx(0.5).epsilon(1e-3));
}

TEST_CASE("what rests is calm, and beta takes the lag from what moves") {
  const OneEuroOptions calm = {0.5, 0, 1};
  const OneEuroOptions quick = {0.5, 0.5, 1};
  CHECK(deviation(calm, 1, 0) < 0.4 * deviation({1e9, 0, 1}, 1, 0));
  const double lag = deviation(calm, 0, 100);
  CHECK(lag == doctest::Approx(100 / (2 * pi * 0.5)).epsilon(0.02));  // a first-order filter's: its time constant
  CHECK(deviation(quick, 0, 100) < 0.05 * lag);
}

TEST_CASE("speed is measured in the unit given: twice the picture, twice the unit, the same curve") {
  OneEuroFilter small({1, 3, 1});
  OneEuroFilter large({1, 3, 1});
  Noise random;
  for (int i = 0; i < 50; ++i) {
    const double value = i + random();
    CHECK(large.filter(2 * value, i * 0.04, 200) ==
          doctest::Approx(2 * small.filter(value, i * 0.04, 100)).epsilon(1e-12));
  }
}

TEST_CASE("a second value for the same time is passed over, and after reset() any value is the first") {
  OneEuroFilter filter({1, 1, 1});
  filter.filter(5, 1);
  const double value = filter.filter(6, 2);
  CHECK(filter.filter(60, 2) == value);
  filter.reset();
  CHECK(filter.filter(-3, 0.5) == -3);
}

TEST_CASE("what a One-Euro filter cannot take is refused, and leaves it as it was") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH_AS(OneEuroFilter({0, 1, 1}),
                       "One-Euro filter: min_cutoff: expected a positive number of Hz, found 0.000000", Error);
  CHECK_THROWS_AS(OneEuroFilter({1, -1, 1}), Error);
  CHECK_THROWS_AS(OneEuroFilter({1, 1, nan}), Error);
  CHECK_THROWS_AS(OneEuroFilter({infinity, 1, 1}), Error);

  OneEuroFilter filter({1, 1, 1});
  OneEuroFilter same({1, 1, 1});
  filter.filter(1, 3);
  same.filter(1, 3);
  CHECK_THROWS_WITH_AS(filter.filter(2, 2),
                       "One-Euro filter: time: expected a finite one, not before 3.000000 s, found 2.000000", Error);
  CHECK_THROWS_AS(filter.filter(nan, 4), Error);
  CHECK_THROWS_AS(filter.filter(1, nan), Error);
  CHECK_THROWS_AS(filter.filter(1, infinity), Error);
  CHECK_THROWS_AS(filter.filter(1, 4, 0), Error);
  CHECK(filter.filter(7, 4) == same.filter(7, 4));
}
