// What values the maps of a network take, and the 8-bit scale that suits them.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/layers/map_scale.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// The values of a feature map over many inputs of its network: the least, the largest, how often each magnitude comes,
/// and the mean of each channel. Two passes: first see() all maps, then count() them again. Over the inputs nothing is
/// added up but whole numbers, so that neither their order nor who counted which of them makes a difference.
class MapRange {
 public:
  /// Classes of magnitudes that are counted.
  static constexpr std::size_t bins = 4096;

  /// First pass, of a map of channels x pixels. Throws Error if one of its values is not finite.
  void see(const Eigen::Ref<const FloatMatrix>& map) {
    const float least = map.minCoeff();
    const float most = map.maxCoeff();
    if (!map.allFinite()) throw Error("expected finite values, found NaN or infinity");
    least_ = (std::min)(least_, least);
    most_ = (std::max)(most_, most);
  }

  /// What another one has seen.
  void see(const MapRange& other) {
    least_ = (std::min)(least_, other.least_);
    most_ = (std::max)(most_, other.most_);
  }

  /// Second pass, of a map that was seen in the first. Zeros are not counted: every scale has them exactly.
  void count(const Eigen::Ref<const FloatMatrix>& map) {
    counts_.resize(bins);
    sums_.resize(static_cast<std::size_t>(map.rows()));
    ++maps_;
    if (largest() == 0) return;
    const double per_bin = static_cast<double>(bins) / static_cast<double>(largest());
    for (Index pixel = 0; pixel < map.cols(); ++pixel) {
      for (Index channel = 0; channel < map.rows(); ++channel) {
        const auto magnitude = static_cast<double>(std::abs(map(channel, pixel)));
        if (magnitude == 0) continue;
        ++counts_[(std::min)(static_cast<std::size_t>(magnitude * per_bin), bins - 1)];
      }
    }
    const Eigen::ArrayXd means = map.cast<double>().rowwise().mean();
    for (Index channel = 0; channel < map.rows(); ++channel) {
      sums_[static_cast<std::size_t>(channel)] += std::llround(means[channel] / unit());
    }
  }

  /// What another one has counted, which had seen the same.
  void count(const MapRange& other) {
    if (other.maps_ == 0) return;
    counts_.resize(bins);
    sums_.resize(other.sums_.size());
    maps_ += other.maps_;
    for (std::size_t i = 0; i < bins; ++i) counts_[i] += other.counts_[i];
    for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += other.sums_[i];
  }

  float least() const { return least_; }                        ///< at most 0
  float most() const { return most_; }                          ///< at least 0
  float largest() const { return (std::max)(-least_, most_); }  ///< magnitude

  /// How many values had a magnitude in each of the `bins` equal parts up to largest(); empty if nothing was counted.
  const std::vector<std::int64_t>& counts() const { return counts_; }

  /// The mean of a channel's values; 0 if nothing was counted.
  double mean(Index channel) const {
    if (maps_ == 0) return 0;
    return static_cast<double>(sums_[static_cast<std::size_t>(channel)]) * unit() / static_cast<double>(maps_);
  }

  /// The sum of the squares of what the values are changed by when they become whole multiples of range / levels, of at
  /// most `levels`: rounded, and where they are larger than the range, cut. Estimated from the counts.
  double squared_error(double range, int levels) const {
    constexpr std::array<double, 4> places = {0.125, 0.375, 0.625, 0.875};  // of values within a bin
    const double width = static_cast<double>(largest()) / static_cast<double>(bins);
    const double scale = range / levels;
    double sum = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] == 0) continue;
      double squares = 0;
      for (const double place : places) {
        const double value = (static_cast<double>(i) + place) * width;
        const double apart = value - scale * (std::min)(std::nearbyint(value / scale), static_cast<double>(levels));
        squares += apart * apart;
      }
      sum += squares * static_cast<double>(counts_[i]);
    }
    return sum / static_cast<double>(places.size());
  }

 private:
  /// Of the sums: so many maps fit 64 bits that no one lives to see them.
  double unit() const { return static_cast<double>(largest()) / 4294967296.0; }

  float least_ = 0;
  float most_ = 0;
  std::int64_t maps_ = 0;
  std::vector<std::int64_t> counts_;
  std::vector<std::int64_t> sums_;  // of the means of channels
};

/// How the range of real values that an 8-bit map covers is chosen.
enum class RangeRule {
  min_max,      ///< all values that were seen
  least_error,  ///< the range of least squared error: what is beyond it is cut, what is within is rounded less
  automatic,    ///< least_error where it is much better, else min_max
};

/// The scale of an 8-bit map, and the magnitude up to which its values are kept.
struct ChosenScale {
  MapScale scale;        ///< scale and zero point
  float range = 0;       ///< largest magnitude that is kept
  bool clipped = false;  ///< whether larger values were seen
};

namespace detail {

/// Well within the scales that a model file may have, 1e-12 to 1e12.
constexpr float least_scale = 1e-11F;
constexpr float most_scale = 1e11F;

inline float usable_scale(double scale) {
  const auto rounded = static_cast<float>(scale);
  return (std::min)((std::max)(rounded, least_scale), most_scale);
}

}  // namespace detail

/// The scale for a map of these values. Where none is ever negative (a ReLU's) 0 stands for zero and the range is cut
/// into 255 steps; else 128 does and the range is symmetric, 127 steps to either side.
inline ChosenScale choose_scale(const MapRange& values, bool never_negative, RangeRule rule) {
  constexpr int candidates = 100;
  constexpr int smallest = 10;  // of them: a tenth of the largest value
  constexpr double much_better = 0.9;
  const int levels = never_negative ? 255 : 127;
  const auto largest = static_cast<double>(values.largest());
  ChosenScale chosen;
  chosen.scale.zero_point = never_negative ? 0 : 128;
  if (largest == 0) {
    chosen.scale.scale = 1;  // any would do
    return chosen;
  }
  double range = largest;
  if (rule != RangeRule::min_max) {
    const double error_of_all = values.squared_error(largest, levels);
    double least_error = error_of_all * (rule == RangeRule::automatic ? much_better : 1);
    for (int i = candidates - 1; i >= smallest; --i) {
      const double candidate = largest * i / candidates;
      const double error = values.squared_error(candidate, levels);
      if (error >= least_error) continue;
      least_error = error;
      range = candidate;
    }
  }
  chosen.scale.scale = detail::usable_scale(range / levels);
  chosen.range = static_cast<float>(range);
  chosen.clipped = range < largest;
  return chosen;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
