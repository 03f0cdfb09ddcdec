#pragma once

#include <vector>

#include <limn/core/version.hpp>
#include <limn/core/weights.hpp>
#include <limn/layers/add.hpp>
#include <limn/layers/map_scale.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Sum of two 8-bit maps of one shape, and the ReLU of it: each is brought to 1/256 of the output's scale
/// (map_scale.hpp) and the sum is rounded to an 8-bit number.
struct QuantizedAdd {
  static constexpr const char* type = "QuantizedAdd";

  MapScale first;     ///< of the first input
  MapScale second;    ///< of the second input
  MapScale output;    ///< of the sum
  bool relu = false;  ///< whether negative sums become 0

  /// Throws Error if a scale is not usable or the shapes differ.
  Shape output_shape(const Shape& input, const Shape& other) const {
    detail::check_map_scale(type, "first input", first);
    detail::check_map_scale(type, "second input", second);
    detail::check_map_scale(type, "output", output);
    return Add().output_shape(input, other);
  }

  std::vector<ParameterSpec> parameters() const { return {}; }
  std::int64_t multiply_adds(const Shape&) const { return 0; }
};

namespace detail {

/// What a number of an 8-bit map is multiplied with on its way into a sum, in units of sum_units.
inline float summand_factor(const MapScale& input, const MapScale& output) {
  return scale_ratio(static_cast<double>(input.scale) * static_cast<double>(sum_units), output.scale);
}

}  // namespace detail

/// The sum of `input` and `other`. Throws Error if the shapes differ.
inline Tensor quantized_add(const Tensor& input, const Tensor& other, const QuantizedAdd& layer) {
  Tensor output(layer.output_shape(input.shape(), other.shape()));
  const float first = detail::summand_factor(layer.first, layer.output);
  const float second = detail::summand_factor(layer.second, layer.output);
  const auto first_zero = static_cast<float>(layer.first.zero_point);
  const auto second_zero = static_cast<float>(layer.second.zero_point);
  for (Index i = 0; i < input.shape().size(); ++i) {
    const std::int32_t sum = detail::summand((input.data()[i] - first_zero) * first) +
                             detail::summand((other.data()[i] - second_zero) * second);
    output.data()[i] = detail::quantized_sum(sum, layer.output, layer.relu);
  }
  return output;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
