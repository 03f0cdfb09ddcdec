#pragma once

#include <utility>
#include <variant>
#include <vector>

#include <limn/core/version.hpp>
#include <limn/network/fuse.hpp>
#include <limn/network/graph.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// A convolution's weights with the batch norm behind it folded in.
struct FoldedWeights {
  FloatVector weight;  ///< PyTorch's order
  FloatVector bias;    ///< one value for each output channel
};

/// Multiplies each output channel's weights by a factor. `outer` x channels x `inner` values.
inline void scale_channels(FloatVector& weight, const FloatArray& scale, Index outer, Index inner) {
  for (Index o = 0; o < outer; ++o) {
    for (Index c = 0; c < scale.size(); ++c) weight.segment((o * scale.size() + c) * inner, inner) *= scale[c];
  }
}

/// The weights of a step whose layer is a Conv2d or a ConvTranspose2d, such that convolving with them equals
/// convolving, then normalising: s = gamma / sqrt(var + eps), weight' = s weight, bias' = s (bias - mean) + beta.
/// Throws Error if a tensor is missing or has the wrong shape.
inline FoldedWeights fold(const Graph& graph, const FusedStep& step, const Weights& weights) {
  const Node& node = graph.nodes()[step.node];
  const auto* conv = std::get_if<Conv2d>(&node.layer);
  const auto* deconv = std::get_if<ConvTranspose2d>(&node.layer);
  auto values = layer_parameters(node, weights);
  FoldedWeights folded;
  folded.weight = std::move(values[0]);
  folded.bias = values.size() > 1 ? std::move(values[1])
                                  : FloatVector::Zero(conv != nullptr ? conv->out_channels : deconv->out_channels);
  if (step.norm == Graph::input) return folded;

  const Node& norm = graph.nodes()[step.norm];
  const auto statistics = layer_parameters(norm, weights);
  const float eps = std::get<BatchNorm2d>(norm.layer).eps;
  const FloatArray scale = statistics[0].array() / (statistics[3].array() + eps).sqrt();
  if (conv != nullptr) {
    scale_channels(folded.weight, scale, 1, conv->in_channels * conv->kernel.area());
  } else {
    scale_channels(folded.weight, scale, deconv->in_channels, deconv->kernel.area());
  }
  folded.bias = scale * (folded.bias - statistics[2]).array() + statistics[1].array();
  return folded;
}

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
