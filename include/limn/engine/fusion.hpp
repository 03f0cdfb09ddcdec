#pragma once

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include <limn/network/graph.hpp>

namespace limn::detail {

/// A step of the fast engine: a layer and what was drawn into it. A convolution takes the batch norm behind it into
/// its weights and bias, and adds the other operand of a residual sum and applies a ReLU while it writes its result.
struct FusedStep {
  NodeId node;                 ///< the layer that does the work
  NodeId output;               ///< the node whose value the step puts out: the last one drawn in
  std::vector<NodeId> inputs;  ///< nodes that are read; a fused residual comes last
  bool residual = false;
  bool relu = false;
  Eigen::VectorXf weight;  ///< convolutions only: batch norm folded, PyTorch's order
  Eigen::VectorXf bias;    ///< convolutions only: one value for each output channel
};

/// Nodes that read each node's output; being an output of the network counts as reader `graph.nodes().size()`.
inline std::vector<std::vector<NodeId>> readers(const Graph& graph) {
  std::vector<std::vector<NodeId>> readers(graph.nodes().size());
  for (NodeId id = 0; id < graph.nodes().size(); ++id) {
    for (const NodeId source : graph.nodes()[id].inputs) readers[source].push_back(id);
  }
  for (const auto& output : graph.outputs()) readers[output.second].push_back(graph.nodes().size());
  return readers;
}

/// Multiplies each output channel's weights by a factor. `outer` x channels x `inner` values.
inline void scale_channels(Eigen::VectorXf& weight, const Eigen::ArrayXf& scale, Index outer, Index inner) {
  for (Index o = 0; o < outer; ++o) {
    for (Index c = 0; c < scale.size(); ++c) weight.segment((o * scale.size() + c) * inner, inner) *= scale[c];
  }
}

/// weight and bias such that convolving with them equals convolving, then normalising:
/// s = gamma / sqrt(var + eps), weight' = s weight, bias' = s (bias - mean) + beta.
inline void fold_batch_norm(FusedStep& step, const Layer& layer, const Node& norm, const Weights& weights) {
  const auto values = layer_parameters(norm, weights);
  const float eps = std::get<BatchNorm2d>(norm.layer).eps;
  const Eigen::ArrayXf scale = values[0].array() / (values[3].array() + eps).sqrt();
  if (const auto* conv = std::get_if<Conv2d>(&layer)) {
    scale_channels(step.weight, scale, 1, conv->in_channels * conv->kernel.area());
  } else {
    const auto& deconv = std::get<ConvTranspose2d>(layer);
    scale_channels(step.weight, scale, deconv.in_channels, deconv.kernel.area());
  }
  step.bias = scale * (step.bias - values[2]).array() + values[1].array();
}

/// The steps of a network, in the order of execution. Throws Error if a weight is missing or has the wrong shape.
inline std::vector<FusedStep> fuse(const Graph& graph, const Weights& weights) {
  const std::vector<Node>& nodes = graph.nodes();
  const auto read_by = readers(graph);
  // The only reader of a node, if that is a layer of type T.
  const auto only_reader = [&](NodeId id, auto type) -> NodeId {
    if (read_by[id].size() != 1 || read_by[id][0] >= nodes.size()) return 0;
    return std::holds_alternative<decltype(type)>(nodes[read_by[id][0]].layer) ? read_by[id][0] : 0;
  };

  std::vector<FusedStep> steps;
  std::vector<bool> drawn_in(nodes.size(), false);
  std::vector<bool> ready(nodes.size(), false);
  ready[Graph::input] = true;
  for (NodeId id = 1; id < nodes.size(); ++id) {
    if (drawn_in[id]) continue;
    const Node& node = nodes[id];
    FusedStep step{id, id, node.inputs, false, false, {}, {}};
    const auto draw_in = [&](NodeId next) {
      drawn_in[next] = true;
      step.output = next;
    };

    const auto* conv = std::get_if<Conv2d>(&node.layer);
    const auto* deconv = std::get_if<ConvTranspose2d>(&node.layer);
    if (conv != nullptr || deconv != nullptr) {
      auto values = layer_parameters(node, weights);
      step.weight = std::move(values[0]);
      step.bias = values.size() > 1
                      ? std::move(values[1])
                      : Eigen::VectorXf::Zero(conv != nullptr ? conv->out_channels : deconv->out_channels);
      if (const NodeId norm = only_reader(step.output, BatchNorm2d())) {
        fold_batch_norm(step, node.layer, nodes[norm], weights);
        draw_in(norm);
      }
      // The sum is done by whichever of its two operands comes last.
      if (const NodeId sum = only_reader(step.output, Add())) {
        const NodeId other = nodes[sum].inputs[nodes[sum].inputs[0] == step.output ? 1 : 0];
        if (ready[other]) {
          step.inputs.push_back(other);
          step.residual = true;
          draw_in(sum);
        }
      }
      if (const NodeId relu = only_reader(step.output, ReLU())) {
        step.relu = true;
        draw_in(relu);
      }
    }
    ready[step.output] = true;
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace limn::detail
