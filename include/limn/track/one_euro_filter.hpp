#pragma once

#include <cmath>
#include <optional>
#include <string>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// How a OneEuroFilter weighs calm against lag. Tune it as its authors say: with `beta` 0 lower `min_cutoff` until what
/// rests does not tremble, then raise `beta` until what moves does not lag.
struct OneEuroOptions {
  double min_cutoff = 1;         ///< Hz, of what rests
  double beta = 0;               ///< by how many Hz the cutoff rises for each unit a second of speed
  double derivative_cutoff = 1;  ///< Hz, of the speed
};

/// The One-Euro filter: a low-pass filter whose cutoff frequency rises with the speed of what it follows, so that a
/// value at rest is calm and one that moves does not lag. With x the value that comes in, dt seconds after the last,
///
///     alpha(f) = dt / (dt + 1 / (2 pi f))
///     speed   += alpha(derivative_cutoff) * ((x - y) / dt / unit - speed)
///     y       += alpha(min_cutoff + beta * |speed|) * (x - y)
///
/// and y comes out. The first value comes out as it is. Time steps may be irregular. Source: Casiez, Roussel, Vogel,
/// "1 Euro Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive Systems", CHI 2012
/// (https://doi.org/10.1145/2207676.2208639), whose speed is that of the filtered value, as in its reference code; the
/// unit is limn's.
class OneEuroFilter {
 public:
  /// Throws Error unless both cutoffs are positive and beta is not negative, and all are finite.
  explicit OneEuroFilter(const OneEuroOptions& options = {}) : options_(options) {
    check(options.min_cutoff, options.min_cutoff > 0, "min_cutoff", "a positive number of Hz");
    check(options.beta, options.beta >= 0, "beta", "a number that is not negative");
    check(options.derivative_cutoff, options.derivative_cutoff > 0, "derivative_cutoff", "a positive number of Hz");
  }

  /// The filtered value at `time`, in seconds on any clock. `unit` is what speeds are measured in, in the value's own
  /// units: the size of a person for a coordinate of theirs, so that the options suit people near and far. Of a second
  /// value for the same time nothing is taken. Throws Error, and stays as it was, if the time is before the last, a
  /// number is not finite or the unit not positive.
  double filter(double value, double time, double unit = 1) {
    check(value, true, "value", "a finite number");
    check(unit, unit > 0, "unit", "a positive number");
    check(time, !last_ || time >= last_->time, "time",
          "a finite one, not before " + (last_ ? std::to_string(last_->time) + " s" : "any other"));
    if (!last_) {
      last_ = State{value, 0, time};
      return value;
    }
    const double step = time - last_->time;
    if (step > 0) {
      const double difference = value - last_->value;
      last_->speed += share(options_.derivative_cutoff, step) * (difference / step / unit - last_->speed);
      last_->value += share(options_.min_cutoff + options_.beta * std::abs(last_->speed), step) * difference;
      last_->time = time;
    }
    return last_->value;
  }

  /// Forgets all values: the next one is the first.
  void reset() { last_.reset(); }

 private:
  struct State {
    double value;
    double speed;
    double time;
  };

  static void check(double number, bool good, const char* name, const std::string& expected) {
    if (good && std::isfinite(number)) return;
    throw Error("One-Euro filter: " + std::string(name) + ": expected " + expected + ", found " +
                std::to_string(number));
  }

  /// What part of a new value a low-pass filter of this cutoff takes after a step of so many seconds.
  static double share(double cutoff, double step) {
    constexpr double pi = 3.14159265358979323846;
    return step / (step + 1 / (2 * pi * cutoff));
  }

  OneEuroOptions options_;
  std::optional<State> last_;
};

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
