#pragma once

#include <vector>

#include <limn/core/tensor.hpp>
#include <limn/core/version.hpp>
#include <limn/core/weights.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Product, value by value, of two feature maps of one shape, out = in * other: attention, one map weighing the other
/// (NVIDIA-AI-IOT/trt_pose, trt_pose/models/common.py, CmapPafHeadAttention).
struct Multiply {
  static constexpr const char* type = "Multiply";

  /// Throws Error if the shapes differ.
  Shape output_shape(const Shape& input, const Shape& other) const {
    if (input != other) {
      throw Error("Multiply: both inputs must have one shape, found " + to_string(input) + " and " + to_string(other));
    }
    return input;
  }

  std::vector<ParameterSpec> parameters() const { return {}; }
  std::int64_t multiply_adds(const Shape&) const { return 0; }
};

/// The product of `input` and `other`. Throws Error if the shapes differ.
inline Tensor multiply(const Tensor& input, const Tensor& other) {
  Tensor output(Multiply().output_shape(input.shape(), other.shape()));
  output.matrix() = input.matrix().cwiseProduct(other.matrix());
  return output;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
