// From a float network to an 8-bit one.
#pragma once

#include <cstddef>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/core/weights.hpp>
#include <limn/layers/map_scale.hpp>
#include <limn/network/fuse.hpp>
#include <limn/network/graph.hpp>
#include <limn/network/quantized_graph.hpp>
#include <limn/quantization/quantized_weights.hpp>
#include <limn/quantization/ranges.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

namespace detail {

/// For every node, whether its values cannot be negative by what computes them.
inline std::vector<bool> never_negative(const Graph& graph) {
  const std::vector<Node>& nodes = graph.nodes();
  std::vector<bool> result(nodes.size(), false);
  for (NodeId id = 1; id < nodes.size(); ++id) {
    const Layer& layer = nodes[id].layer;
    const auto inputs_are = [&] {
      bool all = true;
      for (const NodeId source : nodes[id].inputs) all = all && result[source];
      return all;
    };
    if (std::holds_alternative<ReLU>(layer) || std::holds_alternative<Sigmoid>(layer)) {
      result[id] = true;
    } else if (hands_on_values(layer) || std::holds_alternative<Add>(layer) ||
               std::holds_alternative<Multiply>(layer)) {
      result[id] = inputs_are();
    }
  }
  return result;
}

/// The nodes whose maps an 8-bit network with these convolutions kept has to have in 8 bit, by quantized_graph()'s
/// rules: what 8-bit convolutions read; what they put out where they add a residual; what sums, pools and upsamplings
/// read whose results have to be in 8 bit. Of a map that pooling or upsampling makes, which has the scale of what it is
/// made of, that one. What only float layers read stays in floats.
inline std::set<NodeId> maps_in_bytes(const Graph& graph, const std::set<std::string>& kept) {
  const std::vector<FusedStep> steps = fuse(graph);
  std::set<NodeId> wanted;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    const Node& node = graph.nodes()[step->node];
    if (is_convolution(node.layer)) {
      if (kept.count(node.name) > 0) continue;
      wanted.insert(step->inputs.begin(), step->inputs.end());
      if (step->inputs.size() > 1) wanted.insert(step->output);
    } else if (wanted.count(step->output) > 0 && std::holds_alternative<Add>(node.layer)) {
      wanted.insert(step->inputs.begin(), step->inputs.end());
    } else if (hands_on_values(node.layer)) {
      if (wanted.erase(step->output) > 0) wanted.insert(step->inputs[0]);
    }
  }
  return wanted;
}

}  // namespace detail

/// An 8-bit network and its tensors, which are views of the float network's and of its Quantizer's.
struct QuantizedNetwork {
  Quantization quantization;  ///< scales of the maps, and what stays in floats
  Graph graph;                ///< of 8-bit layers where they are
  Weights weights;            ///< what the graph needs
};

/// Makes 8-bit networks of a float one: with some of its convolutions kept as they are, or others. Refers to the graph
/// and the weights, and its networks to its own memory.
class Quantizer {
 public:
  /// Chooses a scale for every map by the values that it took, see calibrate(), and 8-bit weights for every
  /// convolution. Throws Error if the values of a map are missing, or a tensor is or has the wrong shape.
  Quantizer(const Graph& graph, const Weights& weights, const std::map<std::string, MapRange>& ranges, RangeRule rule)
      : graph_(graph), weights_(weights) {
    const std::vector<bool> unsigned_maps = detail::never_negative(graph);
    const auto choose = [&](NodeId id) {
      const std::string& name = graph.nodes()[id].name;
      const auto found = ranges.find(name);
      if (found == ranges.end()) throw Error("quantisation: the values of map " + name + " are missing");
      const bool all_seen = id == Graph::input && found->second.least() >= 0;
      scales_[name] = choose_scale(found->second, unsigned_maps[id] || all_seen, rule);
    };
    choose(Graph::input);
    for (const detail::FusedStep& step : detail::fuse(graph)) choose(step.output);
    for (const detail::FusedStep& step : detail::fuse(graph)) {
      if (!detail::is_convolution(graph.nodes()[step.node].layer)) continue;
      const MapScale& scale = scales_.at(scale_source(step.inputs[0])).scale;
      const MapRange& input = ranges.at(graph.nodes()[step.inputs[0]].name);
      tensors_.emplace(graph.nodes()[step.node].name, quantize_weights(graph, step, weights, scale.scale, input));
      convolutions_.push_back(graph.nodes()[step.node].name);
    }
  }

  Quantizer(const Quantizer&) = delete;
  Quantizer& operator=(const Quantizer&) = delete;

  /// The names of all convolutions, in the order of execution.
  const std::vector<std::string>& convolutions() const { return convolutions_; }

  /// The scale of every map of the float network, whether it is to be had in 8 bit or not.
  const std::map<std::string, ChosenScale>& scales() const { return scales_; }

  /// The network with these convolutions in floats and all others in 8 bit. Throws Error if one of them is not there.
  QuantizedNetwork network(const std::set<std::string>& kept) const {
    Quantization quantization;
    quantization.kept = kept;
    for (const NodeId id : detail::maps_in_bytes(graph_, kept)) {
      const std::string& name = graph_.nodes()[id].name;
      quantization.maps[name] = scales_.at(name).scale;
    }
    Graph graph = quantized_graph(graph_, quantization);
    Weights weights = tensors_of(graph);
    return {std::move(quantization), std::move(graph), std::move(weights)};
  }

 private:
  /// The name of the map that a map has its scale of.
  const std::string& scale_source(NodeId id) const {
    const Node* node = &graph_.nodes()[id];
    while (detail::hands_on_values(node->layer)) node = &graph_.nodes()[node->inputs[0]];
    return node->name;
  }

  Weights tensors_of(const Graph& graph) const {
    Weights weights;
    const auto floats = [](const FloatVector& values) {
      return WeightView{DType::f32, {values.size()}, reinterpret_cast<const unsigned char*>(values.data())};
    };
    for (const Node& node : graph.nodes()) {
      const std::vector<ParameterSpec> parameters = limn::parameters(node.layer);
      if (parameters.empty()) continue;
      if (!parameters[0].integers) {
        for (const ParameterSpec& spec : parameters)
          weights[node.tensor(spec.name)] = weights_.at(node.tensor(spec.name));
        continue;
      }
      const QuantizedWeights& quantized = tensors_.at(node.tensors_name());
      weights[node.tensor("weight")] = {DType::i8, parameters[0].shape,
                                        reinterpret_cast<const unsigned char*>(quantized.weight.data())};
      weights[node.tensor("weight_scale")] = floats(quantized.scale);
      weights[node.tensor("bias")] = floats(quantized.bias);
    }
    return weights;
  }

  const Graph& graph_;
  const Weights& weights_;
  std::map<std::string, ChosenScale> scales_;
  std::vector<std::string> convolutions_;
  std::map<std::string, QuantizedWeights> tensors_;
};

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
