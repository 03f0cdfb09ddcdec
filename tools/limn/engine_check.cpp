#include "engine_check.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include <limn/layers/layer.hpp>
#include <limn/network/quantized_graph.hpp>

#include "text.hpp"

namespace limn::program {

EngineCheck::EngineCheck(const Model& model, double tolerance)
    : model_(model), tolerance_(tolerance), scales_(map_scales(model.graph())), maps_(model.graph().nodes().size()) {}

void EngineCheck::compare(NodeId id, const Tensor& found, const Tensor& expected) {
  maps_[id].compared = true;
  Index apart = 0;
  double most = 0;
  double largest = 0;
  bool comparable = true;
  for (Index i = 0; i < found.shape().size(); ++i) {
    const double difference = std::abs(static_cast<double>(found.data()[i]) - static_cast<double>(expected.data()[i]));
    comparable = comparable && std::isfinite(difference);
    apart += difference != 0 ? 1 : 0;
    most = (std::max)(most, difference);
    largest = (std::max)(largest, std::abs(static_cast<double>(expected.data()[i])));
  }
  if (comparable && (most == 0 || (!scales_[id] && most <= tolerance_ * largest))) return;
  maps_[id].differs = true;
  if (!first_.empty()) return;
  first_ = model_.graph().nodes()[id].name;
  if (!comparable) {
    first_ += " (a value is not a finite number)";
  } else if (scales_[id]) {
    first_ += format(" (%td of %td values, by up to %g)", apart, found.shape().size(), most);
  } else {
    first_ += format(" (relative difference %.3g)", most / largest);
  }
}

void EngineCheck::add(const Tensor& input, const EngineMaps& engine) {
  target_ = engine.target();
  const Graph& graph = model_.graph();
  std::map<std::string, const Tensor*> made;
  for (const auto& [name, map] : engine.maps()) made[name] = &map;
  const std::vector<NodeId> last_uses = graph.last_uses();
  std::vector<Tensor> results(graph.nodes().size());
  results[Graph::input] = input;
  for (NodeId id = 1; id < graph.nodes().size(); ++id) {
    const Node& node = graph.nodes()[id];
    std::vector<const Tensor*> inputs;
    for (const NodeId source : node.inputs) inputs.push_back(&results[source]);
    results[id] = apply(node.layer, inputs, layer_parameters(node, model_.weights()));
    if (const auto found = made.find(node.name); found != made.end()) {
      compare(id, *found->second, results[id]);
      results[id] = *found->second;
    }
    for (const NodeId source : node.inputs) {
      if (last_uses[source] == id) results[source] = Tensor();
    }
  }
}

void EngineCheck::print() const {
  struct Count {
    std::size_t compared = 0;
    std::size_t differ = 0;
  };
  Count bytes;
  Count floats;
  for (NodeId id = 0; id < maps_.size(); ++id) {
    Count& count = scales_[id] ? bytes : floats;
    count.compared += maps_[id].compared ? 1 : 0;
    count.differ += maps_[id].differs ? 1 : 0;
  }
  std::printf("Fast engine on %s, each map beside what the plain layers make of those before it\n", target_.c_str());
  if (bytes.compared > 0 && bytes.differ == 0) {
    std::printf("all %zu 8-bit maps are the same\n", bytes.compared);
  } else if (bytes.compared > 0) {
    std::printf("%zu of %zu 8-bit maps differ\n", bytes.differ, bytes.compared);
  }
  if (floats.differ == 0) {
    std::printf("all %zu maps of floats agree within %g of the largest magnitude\n", floats.compared, tolerance_);
  } else {
    std::printf("%zu of %zu maps of floats depart by more than %g of the largest magnitude\n", floats.differ,
                floats.compared, tolerance_);
  }
  if (!first_.empty()) std::printf("the first is %s\n", printable(first_).c_str());
  std::printf("\n");
}

}  // namespace limn::program
