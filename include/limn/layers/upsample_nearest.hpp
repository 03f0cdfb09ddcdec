#pragma once

#include <vector>

#include <limn/core/tensor.hpp>
#include <limn/core/weights.hpp>

namespace limn {

/// Repeats every pixel `factor` times in both directions, torch.nn.Upsample(scale_factor=factor, mode="nearest"):
/// out[c, y, x] = in[c, floor(y / factor), floor(x / factor)]. Input C x H x W; output C x factor H x factor W.
struct UpsampleNearest {
  static constexpr const char* type = "Upsample";

  Index factor = 2;

  /// Throws Error if the factor is not positive.
  Shape output_shape(const Shape& input) const {
    if (factor <= 0) throw Error("Upsample: factor must be positive, found " + std::to_string(factor));
    return {input.channels, input.height * factor, input.width * factor};
  }

  std::vector<ParameterSpec> parameters() const { return {}; }
  Index multiply_adds(const Shape&) const { return 0; }
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

}  // namespace limn
