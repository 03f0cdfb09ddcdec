#pragma once

#include <vector>

#include <limn/core/tensor.hpp>
#include <limn/core/version.hpp>
#include <limn/core/weights.hpp>
#include <limn/layers/window.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Repeats every pixel `factor` times in both directions, torch.nn.Upsample(scale_factor=factor, mode="nearest"):
/// out[c, y, x] = in[c, floor(y / factor), floor(x / factor)]. Input C x H x W; output C x factor H x factor W.
struct UpsampleNearest {
  static constexpr const char* type = "Upsample";

  Index factor = 2;  ///< at least 1

  /// Throws Error if the factor is out of range or the output larger than can be counted.
  Shape output_shape(const Shape& input) const {
    detail::check_constant(type, "factor", 1, factor);
    return {input.channels, detail::checked_product<Index>("Upsample output", {input.height, factor}),
            detail::checked_product<Index>("Upsample output", {input.width, factor})};
  }

  std::vector<ParameterSpec> parameters() const { return {}; }
  std::int64_t multiply_adds(const Shape&) const { return 0; }
};

/// Applies `layer` to `input`.
inline Tensor upsample_nearest(const Tensor& input, const UpsampleNearest& layer) {
  Tensor output(layer.output_shape(input.shape()));
  for (Index y = 0; y < output.height(); ++y) {
    for (Index x = 0; x < output.width(); ++x) {
      output.pixel(y, x) = input.pixel(y / layer.factor, x / layer.factor);
    }
  }
  return output;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
