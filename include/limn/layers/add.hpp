#pragma once

#include <vector>

#include <limn/core/tensor.hpp>
#include <limn/core/version.hpp>
#include <limn/core/weights.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Sum of two feature maps of one shape, out = in + other: the end of a residual branch (He et al. 2016, equation 1).
struct Add {
  static constexpr const char* type = "Add";

  /// Throws Error if the shapes differ.
  Shape output_shape(const Shape& input, const Shape& other) const {
    if (input != other) {
      throw Error("Add: both inputs must have one shape, found " + to_string(input) + " and " + to_string(other));
    }
    return input;
  }

  std::vector<ParameterSpec> parameters() const { return {}; }
  std::int64_t multiply_adds(const Shape&) const { return 0; }
};

/// The sum of `input` and `other`. Throws Error if the shapes differ.
inline Tensor add(const Tensor& input, const Tensor& other) {
  Tensor output(Add().output_shape(input.shape(), other.shape()));
  output.matrix() = input.matrix() + other.matrix();
  return output;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
