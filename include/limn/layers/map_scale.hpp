// 8-bit feature maps: how whole numbers from 0 to 255 stand for real ones, and how sums become them again.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// How the numbers of an 8-bit map stand for real ones: real = scale * (q - zero_point), q a whole number from 0 to 255
/// (affine quantisation: Jacob et al., "Quantization and Training of Neural Networks for Efficient
/// Integer-Arithmetic-Only Inference", CVPR 2018, section 2.1). The plain layers hold q in ordinary tensors.
struct MapScale {
  float scale = 1;     ///< positive
  int zero_point = 0;  ///< from 0 to 255: what stands for 0, and is outside of the map

  friend bool operator==(const MapScale& a, const MapScale& b) {
    return a.scale == b.scale && a.zero_point == b.zero_point;
  }
  friend bool operator!=(const MapScale& a, const MapScale& b) { return !(a == b); }
};

namespace detail {

/// Throws Error, naming the layer and the map, unless the scale is usable.
inline void check_map_scale(const char* layer, const char* map, const MapScale& scale) {
  if (std::isfinite(scale.scale) && scale.scale > 0 && scale.zero_point >= 0 && scale.zero_point <= 255) return;
  throw Error(std::string(layer) + ": " + map + ": expected a positive scale and a zero point from 0 to 255, found " +
              std::to_string(scale.scale) + " and " + std::to_string(scale.zero_point));
}

// The arithmetic below defines the results of 8-bit layers to the bit, so that every processor gives the same: a float
// is the product of two, never a product and a sum, which some processors round once and others twice.

/// `value` between the bounds; the lower one where it is not a number.
inline float clamped(float value, float least, float most) {
  value = value > least ? value : least;
  return value < most ? value : most;
}

/// The nearest whole number, the even one of two.
inline std::int32_t nearest(float value) { return static_cast<std::int32_t>(std::nearbyint(value)); }

/// The least number a layer puts out: with ReLU, what stands for 0.
inline int least_of(const MapScale& output, bool relu) { return relu ? output.zero_point : 0; }

/// The 8-bit number for `product`, a real number in units of the output's scale.
inline float quantized_value(float product, const MapScale& output, bool relu) {
  const int zero = output.zero_point;
  const auto least = static_cast<float>(least_of(output, relu) - zero);
  return static_cast<float>(zero + nearest(clamped(product, least, static_cast<float>(255 - zero))));
}

/// Sums of two maps are made in units of 1/256 of the output's scale, so that it makes no difference that each of the
/// two is rounded.
constexpr float sum_units = 256;

/// One of the two, `product` being in these units.
inline std::int32_t summand(float product) {
  constexpr float most = 2097152;  // 2^21: far beyond any result, and two of them fit 32 bits
  return nearest(clamped(product, -most, most));
}

/// The 8-bit number for a sum in these units.
inline float quantized_sum(std::int32_t sum, const MapScale& output, bool relu) {
  const std::int32_t half = 128;
  const std::int32_t rounded = sum + half >= 0 ? (sum + half) / 256 : -((255 - sum - half) / 256);  // downwards
  const std::int32_t value = rounded + output.zero_point;
  const int least = least_of(output, relu);
  return static_cast<float>(value < least ? least : value > 255 ? 255 : value);
}

/// The ratio of two scales as all executors round it.
inline float scale_ratio(double numerator, float denominator) {
  return static_cast<float>(numerator / static_cast<double>(denominator));
}

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
