#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <limn/core/sizes.hpp>
#include <limn/core/version.hpp>
#include <limn/network/graph.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Is shown every intermediate result: the node that made it and its output.
using Observer = std::function<void(const Node&, const Tensor&)>;

/// Runs a network layer by layer by the plain definitions and returns its outputs in the order of graph.outputs().
///
/// This is what the network means; the engine has to give the same numbers, faster. `input` is channels x H x W as the
/// network expects it (already normalised). Intermediate results are freed once nothing reads them any more.
/// Throws Error if a size does not fit, a weight is missing, or the results that exist at a time would take more than
/// `max_memory` bytes.
inline std::vector<Tensor> run_plain(const Graph& graph, const Weights& weights, const Tensor& input,
                                     const Observer& observer = {}, std::int64_t max_memory = default_max_memory) {
  detail::check_channels("network input", graph.input_channels(), input.channels());
  const std::vector<Shape> shapes = graph.shapes(input.height(), input.width());
  const auto bytes_of = [&](NodeId id) { return std::int64_t{shapes[id].size()} * std::int64_t{sizeof(float)}; };
  std::int64_t bytes = 0;

  const std::vector<Node>& nodes = graph.nodes();
  const std::vector<NodeId> last_uses = graph.last_uses();
  std::vector<Tensor> results(nodes.size());
  for (NodeId id = 0; id < nodes.size(); ++id) {
    const Node& node = nodes[id];
    const std::string what = "network: results up to " + node.name;
    bytes = detail::checked_sum(what, bytes, bytes_of(id));
    detail::check_memory(what, bytes, max_memory);
    if (id == Graph::input) {
      results[id] = input;
    } else {
      std::vector<const Tensor*> inputs;
      for (const NodeId source : node.inputs) inputs.push_back(&results[source]);
      results[id] = apply(node.layer, inputs, layer_parameters(node, weights));
    }
    if (observer) observer(node, results[id]);
    for (const NodeId source : node.inputs) {
      if (last_uses[source] != id || results[source].channels() == 0)
        continue;  // 0: freed already, the node names it twice
      results[source] = Tensor();
      bytes -= bytes_of(source);
    }
  }

  std::vector<Tensor> outputs;
  for (const auto& output : graph.outputs()) outputs.push_back(results[output.second]);
  return outputs;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
