#pragma once

#include <vector>

#include <limn/core/tensor.hpp>
#include <limn/core/version.hpp>
#include <limn/core/weights.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Rectified linear unit, out = max(in, 0), torch.nn.ReLU. Any shape.
struct ReLU {
  static constexpr const char* type = "ReLU";

  /// The input's.
  Shape output_shape(const Shape& input) const { return input; }
  std::vector<ParameterSpec> parameters() const { return {}; }
  std::int64_t multiply_adds(const Shape&) const { return 0; }
};

/// Applies the formula to every value of `input`; the shape stays.
inline Tensor relu(const Tensor& input) {
  Tensor output(input.shape());
  output.matrix() = input.matrix().cwiseMax(0.0F);
  return output;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
