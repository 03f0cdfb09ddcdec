#pragma once

#include <vector>

#include <limn/core/tensor.hpp>
#include <limn/core/version.hpp>
#include <limn/core/weights.hpp>
#include <limn/layers/map_scale.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// A float map becomes an 8-bit one, torch.quantize_per_tensor with quint8:
/// q = clamp(round(in / scale) + zero_point, 0, 255), where the division is a product with the scale's inverse as a
/// float. Any shape.
struct Quantize {
  static constexpr const char* type = "Quantize";

  MapScale output;  ///< scale and zero point of what comes out

  /// Throws Error if the scale is not usable.
  Shape output_shape(const Shape& input) const {
    detail::check_map_scale(type, "output", output);
    return input;
  }
  std::vector<ParameterSpec> parameters() const { return {}; }
  std::int64_t multiply_adds(const Shape&) const { return 0; }
};

/// An 8-bit map becomes a float one, torch.dequantize: out = scale * (q - zero_point). Any shape.
struct Dequantize {
  static constexpr const char* type = "Dequantize";

  MapScale input;  ///< scale and zero point of what goes in

  /// Throws Error if the scale is not usable.
  Shape output_shape(const Shape& shape) const {
    detail::check_map_scale(type, "input", input);
    return shape;
  }
  std::vector<ParameterSpec> parameters() const { return {}; }
  std::int64_t multiply_adds(const Shape&) const { return 0; }
};

/// Applies the formula to every value of `input`.
inline Tensor quantize(const Tensor& input, const Quantize& layer) {
  Tensor output(layer.output_shape(input.shape()));
  const float inverse = detail::scale_ratio(1, layer.output.scale);
  for (Index i = 0; i < input.shape().size(); ++i) {
    output.data()[i] = detail::quantized_value(input.data()[i] * inverse, layer.output, false);
  }
  return output;
}

/// Applies the formula to every value of `input`.
inline Tensor dequantize(const Tensor& input, const Dequantize& layer) {
  Tensor output(layer.output_shape(input.shape()));
  const auto zero = static_cast<float>(layer.input.zero_point);
  for (Index i = 0; i < input.shape().size(); ++i) output.data()[i] = (input.data()[i] - zero) * layer.input.scale;
  return output;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
