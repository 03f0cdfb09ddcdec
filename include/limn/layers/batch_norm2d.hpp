#pragma once

#include <vector>

#include <limn/core/version.hpp>
#include <limn/core/weights.hpp>
#include <limn/layers/window.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Batch normalisation with the statistics gathered in training, torch.nn.BatchNorm2d in eval mode (Ioffe & Szegedy
/// 2015; https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html). For every channel c
///
///   out[c] = (in[c] - running_mean[c]) / sqrt(running_var[c] + eps) * weight[c] + bias[c]
///
/// Input and output channels x H x W; the four parameters have `channels` values each.
struct BatchNorm2d {
  static constexpr const char* type = "BatchNorm2d";

  Index channels = 0;  ///< of input and output
  float eps = 1e-5F;   ///< PyTorch's default, which all the networks here were trained with

  /// Throws Error if there is no channel or the channels differ.
  Shape output_shape(const Shape& input) const {
    detail::check_channel_count(type, "channels", channels);
    detail::check_channels(type, channels, input.channels);
    return input;
  }

  std::vector<ParameterSpec> parameters() const {
    return {{"weight", {channels}},
            {"bias", {channels}},
            {"running_mean", {channels}, false},
            {"running_var", {channels}, false}};
  }

  std::int64_t multiply_adds(const Shape&) const { return 0; }
};

/// Applies `layer` to `input`. Throws Error on any size that does not fit.
inline Tensor batch_norm2d(const Tensor& input, const BatchNorm2d& layer, const Eigen::Ref<const FloatVector>& weight,
                           const Eigen::Ref<const FloatVector>& bias, const Eigen::Ref<const FloatVector>& running_mean,
                           const Eigen::Ref<const FloatVector>& running_var) {
  Tensor output(layer.output_shape(input.shape()));
  detail::check_values(BatchNorm2d::type, "weight", layer.channels, weight.size());
  detail::check_values(BatchNorm2d::type, "bias", layer.channels, bias.size());
  detail::check_values(BatchNorm2d::type, "running_mean", layer.channels, running_mean.size());
  detail::check_values(BatchNorm2d::type, "running_var", layer.channels, running_var.size());

  const FloatArray scale = weight.array() / (running_var.array() + layer.eps).sqrt();
  output.matrix().array() =
      ((input.matrix().colwise() - running_mean).array().colwise() * scale).colwise() + bias.array();
  return output;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
