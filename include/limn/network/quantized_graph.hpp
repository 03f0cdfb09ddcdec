#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/layers/map_scale.hpp>
#include <limn/network/fuse.hpp>
#include <limn/network/graph.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// What makes an 8-bit network of a float one: the maps that are to be had in 8 bit, and the convolutions that stay as
/// they are.
struct Quantization {
  /// By the name of the layer that puts the map out; of a convolution and what is behind it, the last that the
  /// convolution draws in (see detail::fuse): batch norm, residual sum, ReLU.
  std::map<std::string, MapScale> maps;
  std::set<std::string> kept;  ///< names of convolutions
};

namespace detail {

/// Makes the 8-bit network of a float one.
class QuantizedGraphBuilder {
 public:
  QuantizedGraphBuilder(const Graph& graph, const Quantization& quantization)
      : source_(graph),
        quantization_(quantization),
        result_(graph.input_channels(), graph.input_multiple()),
        floats_(graph.nodes().size()),
        bytes_(graph.nodes().size()),
        first_(graph.nodes().size()) {}

  Graph build() {
    check_names();
    floats_[Graph::input] = Graph::input;
    for (const FusedStep& step : fuse(source_)) {
      const NodeId before = result_.nodes().size();
      add(step);
      first_[step.node] = before;
      for (const NodeId id : step.drawn_in) first_[id] = before;
      for (const Block& block : source_.blocks()) {
        if (block.last == step.output) result_.add_block(block.name, block.type, first_[block.first]);
      }
    }
    for (const auto& [name, node] : source_.outputs()) result_.add_output(name, as_floats(node));
    return std::move(result_);
  }

 private:
  /// A node of the new graph that holds an 8-bit map, and its scale.
  struct ByteNode {
    NodeId id;
    MapScale scale;
  };

  const Node& node(NodeId id) const { return source_.nodes()[id]; }

  const MapScale* scale_of(NodeId id) const {
    const auto found = quantization_.maps.find(node(id).name);
    return found != quantization_.maps.end() ? &found->second : nullptr;
  }

  void check_names() const {
    std::set<std::string> values = {node(Graph::input).name};
    std::set<std::string> convolutions;
    for (const FusedStep& step : fuse(source_)) {
      values.insert(node(step.output).name);
      if (is_convolution(node(step.node).layer)) convolutions.insert(node(step.node).name);
    }
    for (const auto& [name, scale] : quantization_.maps) {
      if (values.count(name) == 0) throw Error("quantisation: the network has no map " + name);
      check_map_scale("quantisation", name.c_str(), scale);
    }
    for (const std::string& name : quantization_.kept) {
      if (convolutions.count(name) == 0) throw Error("quantisation: the network has no convolution " + name);
    }
  }

  NodeId as_floats(NodeId id) {
    if (!floats_[id]) {
      floats_[id] = result_.add(node(id).name + ".dequantize", Dequantize{bytes_[id]->scale}, {bytes_[id]->id});
    }
    return *floats_[id];
  }

  bool has_bytes(NodeId id) const { return bytes_[id] || scale_of(id) != nullptr; }

  /// Nothing if the map is not to be had in 8 bit.
  std::optional<ByteNode> as_bytes(NodeId id) {
    if (!has_bytes(id)) return std::nullopt;
    if (!bytes_[id]) {
      const MapScale* scale = scale_of(id);
      bytes_[id] = ByteNode{result_.add(node(id).name + ".quantize", Quantize{*scale}, {*floats_[id]}), *scale};
    }
    return bytes_[id];
  }

  void add(const FusedStep& step) {
    const Layer& layer = node(step.node).layer;
    if (is_convolution(layer) && quantization_.kept.count(node(step.node).name) == 0) {
      if (const auto* conv = std::get_if<Conv2d>(&layer)) return add_convolution(step, *conv);
      return add_convolution(step, std::get<ConvTranspose2d>(layer));
    }
    if (std::holds_alternative<Add>(layer) && add_sum(step)) return;
    if (hands_on_values(layer)) {
      if (const auto input = as_bytes(step.inputs[0])) {
        bytes_[step.output] = ByteNode{result_.add(node(step.output).name, layer, {input->id}), input->scale};
        return;
      }
    }
    add_as_it_is(step);
  }

  template <class Convolution>
  void add_convolution(const FusedStep& step, const Convolution& layer) {
    const std::string& name = node(step.node).name;
    const auto input_of = [&](NodeId source) {
      const auto found = as_bytes(source);
      if (!found) throw Error("quantisation: " + name + ": expected a scale of its input " + node(source).name);
      return *found;
    };
    const ByteNode input = input_of(step.inputs[0]);
    QuantizedConvolution<Convolution> quantized{layer, input.scale, std::nullopt, std::nullopt, step.relu};
    std::vector<NodeId> inputs = {input.id};
    if (step.inputs.size() > 1) {
      const ByteNode residual = input_of(step.inputs[1]);
      quantized.residual = residual.scale;
      inputs.push_back(residual.id);
    }
    const std::string& output = node(step.output).name;
    const MapScale* scale = scale_of(step.output);
    if (scale != nullptr) quantized.output = *scale;
    if (quantized.residual && scale == nullptr)
      throw Error("quantisation: " + name + ": expected a scale of " + output);
    const NodeId id = result_.add(output, quantized, inputs, name == output ? "" : name);
    if (scale != nullptr) {
      bytes_[step.output] = ByteNode{id, *scale};
    } else {
      floats_[step.output] = id;
    }
  }

  /// Whether the sum can be done in 8 bit.
  bool add_sum(const FusedStep& step) {
    const MapScale* scale = scale_of(step.output);
    if (scale == nullptr || !has_bytes(step.inputs[0]) || !has_bytes(step.inputs[1])) return false;
    const auto first = as_bytes(step.inputs[0]);
    const auto second = as_bytes(step.inputs[1]);
    const QuantizedAdd sum = {first->scale, second->scale, *scale, step.relu};
    bytes_[step.output] = ByteNode{result_.add(node(step.output).name, sum, {first->id, second->id}), *scale};
    return true;
  }

  /// The step's layer and all that was drawn into it, in floats.
  void add_as_it_is(const FusedStep& step) {
    // All that it reads comes first, or the engine could not draw the sum into the convolution.
    for (const NodeId source : step.inputs) as_floats(source);
    add_layer(step.node);
    for (const NodeId id : step.drawn_in) add_layer(id);
  }

  void add_layer(NodeId id) {
    std::vector<NodeId> inputs;
    for (const NodeId source : node(id).inputs) inputs.push_back(as_floats(source));
    floats_[id] = result_.add(node(id).name, node(id).layer, std::move(inputs));
  }

  const Graph& source_;
  const Quantization& quantization_;
  Graph result_;
  std::vector<std::optional<NodeId>> floats_;  ///< by the float graph's node
  std::vector<std::optional<ByteNode>> bytes_;
  std::vector<NodeId> first_;  ///< of the new nodes of a step
};

}  // namespace detail

/// The 8-bit network of a float one: every convolution is a QuantizedConv2d or QuantizedConvTranspose2d with all that
/// fuse() draws into it, unless it is kept; it puts out 8 bit if its map has a scale, else floats. A sum of two maps is
/// 8-bit if they and the result have scales; pooling and upsampling are where their input is, whose scale their result
/// has; all else stays in floats. Between the two are nodes NAME.quantize and NAME.dequantize. Names, blocks and
/// outputs stay: a node that others were drawn into bears the name of the last. Throws Error if a name is not there, a
/// scale is not usable, or one is missing.
inline Graph quantized_graph(const Graph& graph, const Quantization& quantization) {
  return detail::QuantizedGraphBuilder(graph, quantization).build();
}

/// For every node, how its map is to be read if it is an 8-bit one. Throws Error, naming the node, if a layer reads a
/// map that it is not made for: of floats instead of 8 bit, or of another scale, or the other way round.
inline std::vector<std::optional<MapScale>> map_scales(const Graph& graph) {
  using Scale = std::optional<MapScale>;
  std::vector<Scale> scales;
  for (const Node& node : graph.nodes()) {
    const auto expect = [&](std::size_t input, const Scale& scale) {
      if (scales[node.inputs[input]] != scale) {
        throw Error("graph: " + node.name + " reads " + graph.nodes()[node.inputs[input]].name + ": expected " +
                    (scale ? "an 8-bit map of its own scale" : "floats"));
      }
    };
    scales.push_back(std::visit(
        [&](const auto& layer) -> Scale {
          using Alternative = std::decay_t<decltype(layer)>;
          if constexpr (detail::is_quantized_convolution<Alternative>) {
            expect(0, layer.input);
            if (layer.residual) expect(1, layer.residual);
            return layer.output;
          } else if constexpr (std::is_same_v<Alternative, QuantizedAdd>) {
            expect(0, layer.first);
            expect(1, layer.second);
            return layer.output;
          } else if constexpr (std::is_same_v<Alternative, Dequantize>) {
            expect(0, layer.input);
            return std::nullopt;
          } else if constexpr (std::is_same_v<Alternative, MaxPool2d> || std::is_same_v<Alternative, UpsampleNearest>) {
            return scales[node.inputs[0]];
          } else {
            for (std::size_t i = 0; i < node.inputs.size(); ++i) expect(i, std::nullopt);
            if constexpr (std::is_same_v<Alternative, Quantize>) return layer.output;
            return std::nullopt;
          }
        },
        node.layer));
  }
  return scales;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
