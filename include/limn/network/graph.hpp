#pragma once

#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <limn/core/version.hpp>
#include <limn/layers/layer.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Index of a node in its graph.
using NodeId = std::size_t;

/// One layer of a network and where it takes its inputs from. The name is PyTorch's module path, for example
/// "layer1.0.conv1"; it names the layer's output as well as, with a suffix, its parameters. Where other layers have
/// been drawn into this one, it is the name of the last of them, and `tensors` is what the parameters are named after.
struct Node {
  std::string name;            ///< PyTorch's module path; see above
  Layer layer;                 ///< what it computes
  std::vector<NodeId> inputs;  ///< in the layer's order
  std::string tensors = {};    ///< empty: `name`

  /// What the parameters are named after.
  const std::string& tensors_name() const { return tensors.empty() ? name : tensors; }

  /// The name of one of its parameters.
  std::string tensor(const std::string& parameter) const { return tensors_name() + "." + parameter; }
};

/// A composite module, such as a residual block: the nodes [first, last] and the name and class that PyTorch gives it.
struct Block {
  std::string name;  ///< PyTorch's module path
  std::string type;  ///< PyTorch's class
  NodeId first;      ///< the first of its nodes
  NodeId last;       ///< the last of its nodes
};

/// A network as a list of layers in the order of execution, node 0 being the input.
///
/// The graph knows layers, names and channels; the height and width of the picture are chosen when it runs. From this
/// one list come the summary, the shape checks, the list of expected weights, the plain executor and the fast engine.
class Graph {
 public:
  /// The node where the picture comes in.
  static constexpr NodeId input = 0;

  /// `multiple`: the input's height and width must be positive multiples of it. Throws Error if it or the number of
  /// channels is not positive.
  explicit Graph(Index input_channels, Index multiple = 1) : multiple_(multiple) {
    if (input_channels <= 0 || multiple <= 0) {
      throw Error("graph: expected positive numbers of input channels and of the pixels that sides are multiples of, " +
                  ("found " + std::to_string(input_channels)) + " and " + std::to_string(multiple));
    }
    nodes_.push_back({"input", Input{input_channels}, {}});
    names_.insert("input");
  }

  /// Appends a layer that reads the given earlier nodes. Throws Error if the name is taken or an input is not there.
  NodeId add(std::string name, Layer layer, std::vector<NodeId> inputs, std::string tensors = {}) {
    if (!names_.insert(name).second) throw Error("graph: two nodes are named " + name);
    if (inputs.size() != input_count(layer)) {
      throw Error("graph: " + name + " takes " + std::to_string(input_count(layer)) + " inputs, found " +
                  std::to_string(inputs.size()));
    }
    for (const NodeId id : inputs) {
      if (id >= nodes_.size()) throw Error("graph: " + name + " reads a node that does not come before it");
    }
    nodes_.push_back({std::move(name), std::move(layer), std::move(inputs), std::move(tensors)});
    return nodes_.size() - 1;
  }

  /// Records that the nodes from `first` to the newest one form a block. Throws Error if `first` is not there.
  void add_block(std::string name, std::string type, NodeId first) {
    check_is_there("block", name, first);
    blocks_.push_back({std::move(name), std::move(type), first, nodes_.size() - 1});
  }

  /// Makes a node one of the network's results, under a name of its own ("heatmaps"). Throws Error if it is not there.
  void add_output(std::string name, NodeId node) {
    check_is_there("output", name, node);
    outputs_.emplace_back(std::move(name), node);
  }

  /// In the order of execution.
  const std::vector<Node>& nodes() const { return nodes_; }
  /// In the order of their last nodes.
  const std::vector<Block>& blocks() const { return blocks_; }
  /// The results, each with its name.
  const std::vector<std::pair<std::string, NodeId>>& outputs() const { return outputs_; }

  /// Channels of the picture.
  Index input_channels() const { return std::get<Input>(nodes_.front().layer).channels; }
  /// Of what number height and width of the picture must be multiples.
  Index input_multiple() const { return multiple_; }

  /// The shape that every node puts out for a picture of this size. Throws Error, naming the node, if a size does not
  /// fit, a layer's constants make no sense (no channels, a stride of 0), or an output is too large to be counted.
  std::vector<Shape> shapes(Index height, Index width) const {
    if (height <= 0 || width <= 0 || height % multiple_ != 0 || width % multiple_ != 0) {
      throw Error("network input height x width: expected positive multiples of " + std::to_string(multiple_) +
                  ", found " + std::to_string(height) + "x" + std::to_string(width));
    }
    std::vector<Shape> shapes;
    shapes.reserve(nodes_.size());
    shapes.push_back({input_channels(), height, width});
    check_size("network input", shapes.back());
    for (NodeId id = 1; id < nodes_.size(); ++id) {
      std::vector<Shape> inputs;
      for (const NodeId source : nodes_[id].inputs) inputs.push_back(shapes[source]);
      try {
        shapes.push_back(output_shape(nodes_[id].layer, inputs));
        check_size("output", shapes.back());
      } catch (const Error& error) {
        throw Error(nodes_[id].name + ": " + error.what());
      }
    }
    return shapes;
  }

  /// Every tensor a model file for this network has to hold, in the order of execution.
  std::vector<ParameterSpec> parameters() const {
    std::vector<ParameterSpec> all;
    for (const Node& node : nodes_) {
      for (ParameterSpec& spec : limn::parameters(node.layer)) {
        spec.name = node.tensor(spec.name);
        all.push_back(std::move(spec));
      }
    }
    return all;
  }

  /// For every node, the last node that reads its output; itself if none does. Outputs live to the end.
  std::vector<NodeId> last_uses() const {
    std::vector<NodeId> last(nodes_.size());
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      last[id] = id;
      for (const NodeId source : nodes_[id].inputs) last[source] = id;
    }
    for (const auto& output : outputs_) last[output.second] = nodes_.size();
    return last;
  }

 private:
  void check_is_there(const char* what, const std::string& name, NodeId node) const {
    if (node < nodes_.size()) return;
    throw Error("graph: " + (what + (" " + name)) + ": expected a node from 0 to " + std::to_string(nodes_.size() - 1) +
                ", found " + std::to_string(node));
  }

  /// The bytes of a map must be countable: then so are its sides and pixels.
  static void check_size(const char* what, const Shape& shape) {
    detail::checked_product<Index>(what, {shape.channels, shape.height, shape.width, Index{sizeof(float)}});
  }

  Index multiple_;
  std::vector<Node> nodes_;
  std::vector<Block> blocks_;
  std::vector<std::pair<std::string, NodeId>> outputs_;
  std::unordered_set<std::string> names_;
};

/// Parameters by PyTorch name as the plain layers take them. Throws Error if one is missing or has another shape,
/// or its values are whole numbers where they should not be, or the other way round.
inline std::vector<FloatVector> layer_parameters(const Node& node, const Weights& weights) {
  std::vector<FloatVector> values;
  for (const ParameterSpec& spec : parameters(node.layer)) {
    const std::string name = node.tensor(spec.name);
    const auto found = weights.find(name);
    if (found == weights.end()) throw Error("tensor " + name + ": missing");
    if (found->second.shape != spec.shape) {
      throw Error("tensor " + name + ": expected shape " + to_string(spec.shape) + ", found " +
                  to_string(found->second.shape));
    }
    if ((found->second.dtype == DType::i8) != spec.integers) {
      throw Error("tensor " + name + ": expected " + (spec.integers ? "I8" : "F32 or F16") + ", found " +
                  to_string(found->second.dtype));
    }
    values.push_back(found->second.to_float());
  }
  return values;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
