#include <limn/quantization/quantizer.hpp>

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include <limn/model_file/check_weights.hpp>
#include <limn/network/plain_executor.hpp>

#include "quantization/networks.hpp"

using namespace limn;

namespace {

/// The values of all maps by the plain layers.
std::map<std::string, MapRange> ranges_of(const Graph& graph, const Weights& weights, const Tensor& input) {
  std::map<std::string, MapRange> ranges;
  run_plain(graph, weights, input, [&](const Node& node, const Tensor& map) {
    ranges[node.name].see(map.matrix());
    ranges[node.name].count(map.matrix());
  });
  return ranges;
}

std::set<std::string> names_in_bytes(const Graph& graph, const std::set<std::string>& kept) {
  std::set<std::string> names;
  for (const NodeId id : detail::maps_in_bytes(graph, kept)) names.insert(graph.nodes()[id].name);
  return names;
}

struct Small {
  Small() : graph(quantization::small_resnet()), weights(graph), input(formula::network_input({3, 64, 64})) {}

  Graph graph;
  formula::FormulaWeights weights;
  Tensor input;
};

}  // namespace

TEST_CASE("the maps in 8 bit are those that 8-bit layers read or must write") {
  const Graph graph = quantization::small_resnet();
  std::set<std::string> expected = {"input", "relu", "deconv_layers.2", "deconv_layers.5"};
  for (const char* const layer : {"layer1", "layer2", "layer3", "layer4"}) {
    for (const char* const block : {".0", ".1"}) {
      expected.insert(std::string(layer) + block);
      expected.insert(std::string(layer) + block + ".relu1");
    }
    if (std::string(layer) != "layer1") expected.insert(std::string(layer) + ".0.bn2");
  }
  CHECK(names_in_bytes(graph, {}) == expected);
  expected.erase("input");
  CHECK(names_in_bytes(graph, {"conv1"}) == expected);
  expected.erase("deconv_layers.5");
  CHECK(names_in_bytes(graph, {"conv1", "final_layer"}) == expected);
  // conv2 of the block reads relu1 and adds layer1.0, which conv1 reads as well.
  expected.erase("layer1.1.relu1");
  CHECK(names_in_bytes(graph, {"conv1", "final_layer", "layer1.1.conv2"}) == expected);
}

TEST_CASE("a sum whose result only float layers read is none of 8 bit") {
  Graph graph(2);
  const NodeId a = graph.add("a", Conv2d{2, 2, 1}, {Graph::input});
  const NodeId b = graph.add("b", Conv2d{2, 2, 1}, {Graph::input});
  const NodeId up_a = graph.add("up_a", UpsampleNearest{2}, {a});
  const NodeId up_b = graph.add("up_b", UpsampleNearest{2}, {b});
  const NodeId sum = graph.add("sum", Add(), {up_a, up_b});
  graph.add_output("heatmaps", graph.add("last", Conv2d{2, 1, 1}, {sum}));
  CHECK(names_in_bytes(graph, {}) == std::set<std::string>{"input", "a", "b", "sum"});
  CHECK(names_in_bytes(graph, {"last"}) == std::set<std::string>{"input"});
  CHECK(names_in_bytes(graph, {"a", "b", "last"}) == std::set<std::string>{});
}

TEST_CASE("networks of every family can be quantised, whichever convolution is kept, and no map is there in vain") {
  for (const auto& entry : quantization::small_networks()) {
    const std::string& family = entry.first;
    const Graph& graph = entry.second;
    CAPTURE(family);
    const formula::FormulaWeights weights(graph);
    const auto ranges = ranges_of(graph, weights.weights(), formula::network_input({3, 64, 64}));
    const Quantizer quantizer(graph, weights.weights(), ranges, RangeRule::automatic);
    REQUIRE(quantizer.convolutions().size() > 20);
    std::vector<std::set<std::string>> choices = {{}};
    for (const std::string& name : quantizer.convolutions()) choices.push_back({name});
    choices.emplace_back(quantizer.convolutions().begin(), quantizer.convolutions().end());
    for (const std::set<std::string>& kept : choices) {
      CAPTURE(kept.size());
      const QuantizedNetwork network = quantizer.network(kept);
      CHECK(network.quantization.kept == kept);
      CHECK_NOTHROW(map_scales(network.graph));
      CHECK_NOTHROW(check_weights(network.weights, network.graph.parameters(), "weights"));
      if (kept.size() == 1) continue;
      for (const auto& map : network.quantization.maps) {
        const std::string& name = map.first;
        CAPTURE(name);
        Quantization fewer = network.quantization;
        fewer.maps.erase(name);
        bool missed = false;
        try {
          missed = quantized_graph(graph, fewer).nodes().size() != network.graph.nodes().size();
        } catch (const Error&) {
          missed = true;
        }
        CHECK(missed);
      }
    }
    CHECK(quantizer.network(choices.back()).quantization.maps.empty());
  }
}

TEST_CASE("an 8-bit network computes about what the float one does") {
  for (const auto& entry : quantization::small_networks()) {
    const std::string& family = entry.first;
    const Graph& graph = entry.second;
    CAPTURE(family);
    const formula::FormulaWeights weights(graph);
    const Tensor input = formula::network_input({3, 64, 64});
    const auto ranges = ranges_of(graph, weights.weights(), input);
    const std::vector<Tensor> expected = run_plain(graph, weights.weights(), input);
    for (const RangeRule rule : {RangeRule::min_max, RangeRule::automatic}) {
      const Quantizer quantizer(graph, weights.weights(), ranges, rule);
      const QuantizedNetwork network = quantizer.network({});
      const std::vector<Tensor> found = run_plain(network.graph, network.weights, input);
      REQUIRE(found.size() == expected.size());
      for (std::size_t i = 0; i < found.size(); ++i) {
        const float noise = (found[i].matrix() - expected[i].matrix()).norm();
        CHECK(noise > 0);
        CHECK(noise < 0.15F * expected[i].matrix().norm());
      }
    }
  }
}

TEST_CASE("what is never negative has zero point 0") {
  const Small small;
  const Quantizer quantizer(small.graph, small.weights.weights(),
                            ranges_of(small.graph, small.weights.weights(), small.input), RangeRule::min_max);
  const auto zero_point = [&](const char* name) { return quantizer.scales().at(name).scale.zero_point; };
  CHECK(zero_point("input") == 128);
  for (const char* const name : {"relu", "maxpool", "layer1.0.relu1", "layer1.0", "layer4.1", "deconv_layers.2"}) {
    CHECK(zero_point(name) == 0);
  }
  for (const char* const name : {"layer2.0.bn2", "final_layer"}) CHECK(zero_point(name) == 128);

  Tensor light = small.input;
  light.matrix() = light.matrix().cwiseAbs();
  const Quantizer of_light(small.graph, small.weights.weights(), ranges_of(small.graph, small.weights.weights(), light),
                           RangeRule::min_max);
  CHECK(of_light.scales().at("input").scale.zero_point == 0);

  Graph graph(1);
  const NodeId sigmoid = graph.add("sigmoid", Sigmoid(), {Graph::input});
  const NodeId tanh = graph.add("tanh", Tanh(), {Graph::input});
  const NodeId pooled = graph.add("pooled", MaxPool2d{2, 2, 0}, {sigmoid});
  graph.add("product", Multiply(), {sigmoid, sigmoid});
  graph.add("signed_product", Multiply(), {sigmoid, tanh});
  graph.add("sum", Add(), {pooled, graph.add("up", UpsampleNearest{1}, {pooled})});
  const std::vector<bool> expected = {false, true, false, true, true, false, true, true};
  CHECK(detail::never_negative(graph) == expected);
}

TEST_CASE("kept convolutions and their batch norms keep their tensors as they are") {
  const Small small;
  const Quantizer quantizer(small.graph, small.weights.weights(),
                            ranges_of(small.graph, small.weights.weights(), small.input), RangeRule::min_max);
  const QuantizedNetwork network = quantizer.network({"conv1", "final_layer"});
  for (const char* const name : {"conv1.weight", "bn1.running_mean", "final_layer.weight", "final_layer.bias"}) {
    CHECK(network.weights.at(name).data == small.weights.weights().at(name).data);
  }
  CHECK(network.weights.count("conv1.weight_scale") == 0);
  CHECK(network.weights.count("layer1.0.bn1.weight") == 0);
  CHECK(network.weights.at("layer1.0.conv1.weight").dtype == DType::i8);
}

TEST_CASE("a map whose values are missing and a convolution that is not there are named") {
  const Small small;
  auto ranges = ranges_of(small.graph, small.weights.weights(), small.input);
  const Quantizer quantizer(small.graph, small.weights.weights(), ranges, RangeRule::min_max);
  CHECK_THROWS_WITH_AS(quantizer.network({"relu"}), "quantisation: the network has no convolution relu", Error);
  ranges.erase("layer1.0.relu1");
  CHECK_THROWS_WITH_AS(Quantizer(small.graph, small.weights.weights(), ranges, RangeRule::min_max),
                       "quantisation: the values of map layer1.0.relu1 are missing", Error);
}
