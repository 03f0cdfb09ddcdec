#pragma once

#include <vector>

#include <limn/core/tensor.hpp>
#include <limn/core/version.hpp>
#include <limn/core/weights.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Hyperbolic tangent, out = tanh(in), torch.nn.Tanh. Any shape.
struct Tanh {
  static constexpr const char* type = "Tanh";

  /// The input's.
  Shape output_shape(const Shape& input) const { return input; }
  std::vector<ParameterSpec> parameters() const { return {}; }
  std::int64_t multiply_adds(const Shape&) const { return 0; }
};

/// Applies the formula to every value of `input`; the shape stays.
inline Tensor tanh(const Tensor& input) {
  Tensor output(input.shape());
  output.matrix() = input.matrix().array().tanh();
  return output;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
