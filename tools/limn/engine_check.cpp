#include "engine_check.hpp"

#include <cstdio>
#include <map>

#include <limn/layers/layer.hpp>
#include <limn/network/quantized_graph.hpp>

#include "difference.hpp"
#include "text.hpp"

namespace limn::program {

EngineCheck::EngineCheck(const Model& model, double tolerance)
    : model_(model), tolerance_(tolerance), scales_(map_scales(model.graph())), maps_(model.graph().nodes().size()) {}

void EngineCheck::compare(NodeId id, const Tensor& found, const Tensor& expected) {
  maps_[id].compared = true;
  const Difference all = difference_of(found, expected);
  const bool agrees = all.most == 0 || (!scales_[id] && all.most <= tolerance_ * all.largest);
  if (all.comparable && agrees) return;
  maps_[id].differs = true;
  if (!first_.empty()) return;
  first_ = model_.graph().nodes()[id].name;
  if (!all.comparable) {
    first_ += " (a value is not a finite number)";
  } else if (scales_[id]) {
    first_ += format(" (%td of %td values, by up to %g)", all.apart, found.shape().size(), all.most);
  } else {
    first_ += format(" (relative difference %.3g)", all.relative());
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
    std::printf("%s\n", bytes.compared == 1 ? "the 8-bit map is the same"
                                            : format("all %zu 8-bit maps are the same", bytes.compared).c_str());
  } else if (bytes.compared > 0) {
    std::printf("%zu of %s\n", bytes.differ,
                count_of(bytes.compared, "8-bit map differs", "8-bit maps differ").c_str());
  }
  if (floats.differ > 0) {
    std::printf("%zu of %s by more than %g of the largest magnitude\n", floats.differ,
                count_of(floats.compared, "map of floats departs", "maps of floats depart").c_str(), tolerance_);
  } else if (floats.compared > 0) {
    const std::string agree =
        floats.compared == 1 ? "the map of floats agrees" : format("all %zu maps of floats agree", floats.compared);
    std::printf("%s within %g of the largest magnitude\n", agree.c_str(), tolerance_);
  }
  if (!first_.empty()) std::printf("the first is %s\n", printable(first_).c_str());
  std::printf("\n");
}

}  // namespace limn::program
