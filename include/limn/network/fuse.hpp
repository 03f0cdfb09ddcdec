#pragma once

#include <cstddef>
#include <utility>
#include <variant>
#include <vector>

#include <limn/core/version.hpp>
#include <limn/network/graph.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// A layer and what is drawn into it: a step of the fast engine, or a layer of a quantised network. A convolution takes
/// the batch norm behind it into its weights and bias, and adds the other operand of a residual sum and applies a ReLU
/// while it writes its result; a sum that no convolution does applies a ReLU, too.
struct FusedStep {
  NodeId node;                 ///< the layer that does the work
  NodeId output;               ///< the node whose value the step puts out: the last one drawn in
  std::vector<NodeId> inputs;  ///< nodes that are read; a residual that was drawn in comes last
  NodeId norm = Graph::input;  ///< the batch norm that was drawn in; the input: none was
  bool relu = false;
  std::vector<NodeId> drawn_in = {};  ///< all that were, in the order of execution
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

/// The steps of a network, in the order of execution.
inline std::vector<FusedStep> fuse(const Graph& graph) {
  const std::vector<Node>& nodes = graph.nodes();
  const auto read_by = readers(graph);
  // The only reader of a node, if that is a layer of type T; else the input.
  const auto only_reader = [&](NodeId id, auto type) -> NodeId {
    if (read_by[id].size() != 1 || read_by[id][0] >= nodes.size()) return Graph::input;
    return std::holds_alternative<decltype(type)>(nodes[read_by[id][0]].layer) ? read_by[id][0] : Graph::input;
  };

  std::vector<FusedStep> steps;
  std::vector<bool> drawn_in(nodes.size(), false);
  std::vector<bool> ready(nodes.size(), false);
  ready[Graph::input] = true;
  for (NodeId id = 1; id < nodes.size(); ++id) {
    if (drawn_in[id]) continue;
    FusedStep step{id, id, nodes[id].inputs};
    const auto draw_in = [&](NodeId next) {
      drawn_in[next] = true;
      step.drawn_in.push_back(next);
      step.output = next;
    };

    const Layer& layer = nodes[id].layer;
    const bool convolution = is_convolution(layer);
    if (convolution) {
      if (const NodeId norm = only_reader(step.output, BatchNorm2d())) {
        step.norm = norm;
        draw_in(norm);
      }
      // The sum is done by whichever of its two operands comes last.
      if (const NodeId sum = only_reader(step.output, Add())) {
        const NodeId other = nodes[sum].inputs[nodes[sum].inputs[0] == step.output ? 1 : 0];
        if (ready[other]) {
          step.inputs.push_back(other);
          draw_in(sum);
        }
      }
    }
    if (convolution || std::holds_alternative<Add>(layer)) {
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

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
