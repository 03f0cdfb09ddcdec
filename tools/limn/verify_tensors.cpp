#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <limn/model_file/model.hpp>
#include <limn/network/plain_executor.hpp>
#include <limn/network/quantized_graph.hpp>

#include "command.hpp"
#include "difference.hpp"
#include "engine_maps.hpp"
#include "text.hpp"
#include "verify_options.hpp"

namespace limn::program {

namespace {

/// A PyTorch tensor of one feature map, [C, H, W] or [1, C, H, W], as far as its shape says so.
Shape map_shape(const WeightView& tensor) {
  std::vector<Index> extents = tensor.shape;
  if (extents.size() == 4 && extents[0] == 1) extents.erase(extents.begin());
  if (extents.size() != 3) return {0, 0, 0};
  return {extents[0], extents[1], extents[2]};
}

Tensor to_tensor(const WeightView& view) {
  const FloatVector values = view.to_float();
  Tensor tensor(map_shape(view));
  for (Index c = 0; c < tensor.channels(); ++c) {
    tensor.matrix().row(c) = values.segment(c * tensor.shape().pixels(), tensor.shape().pixels()).transpose();
  }
  return tensor;
}

/// Compares tensors one after another as a network makes them, and keeps the account.
class TensorComparison {
 public:
  TensorComparison(const Safetensors& reference, double tolerance) : reference_(reference), tolerance_(tolerance) {}

  /// Compares `found` with the reference of that name, if there is one.
  void compare(const std::string& name, const Tensor& found) {
    const Shape& shape = found.shape();
    const auto entry = reference_.tensors().find(name);
    if (entry == reference_.tensors().end()) return;
    ++count_;
    if (map_shape(entry->second) != shape) {
      note_departure(name, "expected shape " + to_string(entry->second.shape) + ", found " + to_string(shape));
      table_.add({name, to_string(shape), "", "", "", "shape " + to_string(entry->second.shape)});
      return;
    }
    const Tensor expected = to_tensor(entry->second);
    const Difference all = difference_of(found, expected);
    const double relative = all.relative();
    const bool departs = !all.comparable || !(relative <= tolerance_);
    if (departs) {
      note_departure(name,
                     all.comparable ? format("relative difference %.3g", relative) : "a value is not a finite number");
    }
    table_.add({name, to_string(shape), format("%.3g", all.largest), all.comparable ? format("%.3g", all.most) : "nan",
                all.comparable ? format("%.3g", relative) : "nan", departs ? "departs" : ""});
  }

  /// Prints the table and the result.
  void print(const char* title) const {
    std::printf("%s\n", title);
    Table table = table_;
    table.left_align(5);
    table.print();
    if (first_.empty()) {
      std::printf("%s within %g of the largest magnitude\n\n",
                  count_ == 1 ? "the tensor agrees" : ("all " + std::to_string(count_) + " tensors agree").c_str(),
                  tolerance_);
    } else {
      std::printf("%zu of %zu tensors depart by more than %g of the largest magnitude, the first is %s\n\n", departed_,
                  count_, tolerance_, printable(first_).c_str());
    }
  }

  /// What departs first; nothing if all agree.
  const std::string& first() const { return first_; }

 private:
  void note_departure(const std::string& name, const std::string& how) {
    if (departed_++ == 0) first_ = name + " (" + how + ")";
  }

  const Safetensors& reference_;
  double tolerance_;
  Table table_ = Table({"Tensor", "Shape", "Largest", "Max abs diff", "Relative", ""});
  std::size_t count_ = 0;
  std::size_t departed_ = 0;
  std::string first_;
};

bool has_map(const Graph& graph, const std::string& name) {
  const auto named = [&](const Node& node) { return node.name == name; };
  const auto put_out = [&](const auto& output) { return output.first == name; };
  return std::any_of(graph.nodes().begin(), graph.nodes().end(), named) ||
         std::any_of(graph.outputs().begin(), graph.outputs().end(), put_out);
}

/// Names a reference may hold: the input, the nodes' and the outputs', also those that an 8-bit network has drawn into
/// others. Throws Error on any other, without a proper input, and if there is nothing to compare.
void check_reference(const Safetensors& reference, const Model& model) {
  const Graph floats = make_graph(model.document().network);
  std::string unknown;
  std::size_t comparable = 0;
  for (const auto& tensor : reference.tensors()) {
    const std::string& name = tensor.first;
    comparable += name != "input" && has_map(model.graph(), name) ? 1 : 0;
    if (!has_map(model.graph(), name) && !has_map(floats, name)) unknown += (unknown.empty() ? "" : ", ") + name;
  }
  if (!unknown.empty()) throw Error(reference.name() + ": the network has no tensors of these names: " + unknown);
  const WeightView& input = reference.tensor("input");
  if (map_shape(input).channels != model.graph().input_channels()) {
    throw Error(reference.name() + ": tensor input: expected shape [1, " +
                std::to_string(model.graph().input_channels()) + ", H, W], found " + to_string(input.shape));
  }
  if (comparable == 0) {
    throw Error(reference.name() + ": expected a tensor to compare with beside input, for example " +
                model.graph().outputs().front().first);
  }
}

/// Compares the maps that a network makes, 8-bit ones as the real numbers that they stand for.
class NetworkComparison {
 public:
  NetworkComparison(const Safetensors& reference, const Graph& graph, double tolerance)
      : graph_(graph), scales_(map_scales(graph)), comparison_(reference, tolerance) {
    for (NodeId id = 0; id < graph.nodes().size(); ++id) ids_[graph.nodes()[id].name] = id;
  }

  /// The map of the node of this name, and those outputs that have a name of their own beside it.
  void compare(const std::string& name, const Tensor& map) {
    const NodeId id = ids_.at(name);
    if (id == Graph::input) return;
    const Tensor found = scales_[id] ? dequantize(map, {*scales_[id]}) : map;
    comparison_.compare(name, found);
    for (const auto& output : graph_.outputs()) {
      if (output.second == id) comparison_.compare(output.first, found);
    }
  }

  /// Prints the table and the result. Returns what departs first; nothing if all agree.
  std::string print(const std::string& title) const {
    comparison_.print(title.c_str());
    return comparison_.first();
  }

 private:
  const Graph& graph_;
  std::vector<std::optional<MapScale>> scales_;
  std::map<std::string, NodeId> ids_;
  TensorComparison comparison_;
};

}  // namespace

int verify_with_tensors(const VerifyOptions& options, const Model& model, const Safetensors& reference) {
  const Graph& graph = model.graph();
  check_reference(reference, model);
  const Tensor input = to_tensor(reference.tensor("input"));

  NetworkComparison plain(reference, graph, options.tolerance);
  run_plain(graph, model.weights(), input, [&](const Node& node, const Tensor& map) { plain.compare(node.name, map); });
  std::string first = plain.print("Plain layers");

  if (options.engine) {
    const EngineMaps engine(model, input, options);
    NetworkComparison fast(reference, graph, options.tolerance);
    for (const auto& [name, map] : engine.maps()) fast.compare(name, map);
    const std::string departs = fast.print("Fast engine on " + engine.target() +
                                           " (of layers that were fused only the last one's result exists)");
    if (first.empty()) first = departs;
  }
  if (first.empty()) return all_well;
  std::fprintf(stderr, "limn: %s departs from %s: %s\n", model.name().c_str(), options.reference.c_str(),
               printable(first).c_str());
  return some_failed;
}

}  // namespace limn::program
