#pragma once

#include <vector>

#include <limn/core/tensor.hpp>
#include <limn/core/version.hpp>
#include <limn/core/weights.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Logistic function, out = 1 / (1 + exp(-in)), torch.nn.Sigmoid. Any shape.
struct Sigmoid {
  static constexpr const char* type = "Sigmoid";

  /// The input's.
  Shape output_shape(const Shape& input) const { return input; }
  std::vector<ParameterSpec> parameters() const { return {}; }
  std::int64_t multiply_adds(const Shape&) const { return 0; }
};

/// Applies the formula to every value of `input`; the shape stays.
inline Tensor sigmoid(const Tensor& input) {
  Tensor output(input.shape());
  output.matrix() = (1.0F + (-input.matrix().array()).exp()).inverse();
  return output;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
