// 8-bit networks as wholes: against PyTorch, against the float networks that they are made of, and of every family.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <limn/models/network_description.hpp>
#include <limn/network/plain_executor.hpp>
#include <limn/network/quantized_graph.hpp>

#include "formula_weights.hpp"
#include "layers/quantized_cases.hpp"
#include "network/rough_quantizer.hpp"
#include "network/small_network.hpp"
#include "network/weights_store.hpp"

using namespace limn;
using limn::detail::fuse;
using limn::detail::FusedStep;

namespace {

struct NamedGraph {
  std::string name;
  Graph graph;
};

/// Networks of all families, with every kind of layer that they can have, and small.
std::vector<NamedGraph> all_families() {
  std::vector<NamedGraph> graphs;
  const auto add = [&](const char* name, const NetworkDescription& network) {
    graphs.push_back({name, make_graph(network)});
  };
  PoseResNet resnet;
  resnet.depth = 18;
  resnet.width = 6;
  resnet.deconvs = {{9, 4}, {8, 3}, {7, 2}};
  resnet.final_kernel = 3;
  resnet.sigmoid_output = true;
  add("pose_resnet", resnet);
  resnet.depth = 50;
  resnet.width = 3;
  resnet.style.normalization = Normalization::bias;
  add("pose_resnet with bottlenecks and biases", resnet);
  resnet.style.relu = false;
  add("pose_resnet without ReLU", resnet);
  HRNet hrnet;
  hrnet.width = 5;
  add("hrnet", hrnet);
  hrnet.style.relu = false;
  add("hrnet without ReLU", hrnet);
  CmapPaf cmap_paf;
  cmap_paf.upsample_channels = 9;
  cmap_paf.flat_layers = 1;
  add("cmap_paf", cmap_paf);
  cmap_paf.attention = false;
  add("cmap_paf without attention", cmap_paf);
  CenterNet center_net;
  center_net.width = 6;
  center_net.deconvs = {{8, 4}, {9, 4}};
  center_net.convolutions = true;
  center_net.head_channels = 7;
  add("center_net", center_net);
  center_net.head_channels = 0;
  add("center_net with plain heads", center_net);
  return graphs;
}

/// What holds for every 8-bit network: each layer reads what it is made for, somebody reads each map, and names,
/// shapes, blocks and outputs are those of the float network.
void check_graph(const Graph& graph, const Graph& source) {
  const auto scales = map_scales(graph);
  std::map<std::string, Shape> shapes;
  for (NodeId id = 0; id < source.nodes().size(); ++id) {
    shapes[source.nodes()[id].name] = source.shapes(32, 64)[id];
  }
  std::set<NodeId> read;
  for (const Node& node : graph.nodes()) read.insert(node.inputs.begin(), node.inputs.end());
  REQUIRE(graph.outputs().size() == source.outputs().size());
  for (std::size_t i = 0; i < graph.outputs().size(); ++i) {
    const auto& [name, id] = graph.outputs()[i];
    CHECK(name == source.outputs()[i].first);
    CHECK_FALSE(scales[id].has_value());
    CHECK(graph.shapes(32, 64)[id] == shapes.at(source.nodes()[source.outputs()[i].second].name));
    read.insert(id);
  }
  for (NodeId id = 0; id < graph.nodes().size(); ++id) {
    const std::string& name = graph.nodes()[id].name;
    CAPTURE(name);
    CHECK(read.count(id) == 1);
    if (shapes.count(name) > 0) {
      CHECK(graph.shapes(32, 64)[id] == shapes.at(name));
    } else {
      const std::string plain = name.substr(0, name.rfind('.'));
      CHECK(shapes.count(plain) == 1);
      CHECK((name == plain + ".quantize" || name == plain + ".dequantize"));
    }
  }
  REQUIRE(graph.blocks().size() == source.blocks().size());
  for (std::size_t i = 0; i < graph.blocks().size(); ++i) {
    const Block& block = graph.blocks()[i];
    CHECK(block.name == source.blocks()[i].name);
    CHECK(block.type == source.blocks()[i].type);
    CHECK(block.first <= block.last);
    CHECK(graph.nodes()[block.last].name == source.nodes()[source.blocks()[i].last].name);
  }
}

double decibels(const Tensor& wanted, const Tensor& found) {
  const double signal = wanted.matrix().cast<double>().squaredNorm();
  const double noise = (wanted.matrix() - found.matrix()).cast<double>().squaredNorm();
  return 10 * std::log10(signal / noise);
}

}  // namespace

TEST_CASE("the 8-bit network of a float one gives exactly PyTorch's numbers in every map") {
  const reference::Case test = reference::cases("quantized_network").front();
  Quantization quantization;
  for (const auto& scale : test.options.at("scales").items()) {
    quantization.maps[scale.key()] = {scale.value().at(0).get<float>(), scale.value().at(1).get<int>()};
  }
  quantization.kept = {"heatmaps"};
  const Graph graph = quantized_graph(small_network(), quantization);
  map_scales(graph);

  WeightsStore weights;
  for (const ParameterSpec& spec : graph.parameters()) {
    REQUIRE(test.view(spec.name).shape == spec.shape);
    weights.add(spec.name, spec.shape, test.values(spec.name), spec.integers ? DType::i8 : DType::f32);
  }
  std::size_t compared = 0;
  const auto outputs =
      run_plain(graph, weights.weights(), test.map("input"), [&](const Node& node, const Tensor& output) {
        CAPTURE(node.name);
        if (node.name == "input" || !test.has("map/" + (node.name == "input.quantize" ? "input" : node.name))) return;
        ++compared;
        reference::check_equal(output, test.map("map/" + (node.name == "input.quantize" ? "input" : node.name)));
      });
  CHECK(compared == 11);
  REQUIRE(outputs.size() == 2);
  CHECK(reference::difference(outputs[0], test.map("output")) <= 1e-6);
  reference::check_equal(outputs[1], test.map("map/sizes"));
}

TEST_CASE("of every family, all convolutions, sums and ReLUs behind them can be done in 8 bit") {
  for (const NamedGraph& network : all_families()) {
    const std::string& name = network.name;
    const Graph& source = network.graph;
    CAPTURE(name);
    Quantization quantization;
    quantization.maps["input"] = {0.5F, 128};
    std::size_t convolutions = 0;
    for (const FusedStep& step : fuse(source)) {
      quantization.maps[source.nodes()[step.output].name] = {0.25F, step.relu ? 0 : 128};
      convolutions += detail::is_convolution(source.nodes()[step.node].layer) ? 1 : 0;
    }
    const Graph graph = quantized_graph(source, quantization);
    check_graph(graph, source);
    std::set<std::string> left;
    std::size_t quantized = 0;
    for (const Node& node : graph.nodes()) {
      const std::string type = type_name(node.layer);
      if (type.rfind("QuantizedConv", 0) == 0) {
        ++quantized;
      } else {
        left.insert(type);
      }
    }
    CHECK(quantized == convolutions);
    for (const char* type : {"Conv2d", "ConvTranspose2d", "BatchNorm2d", "ReLU", "Add"}) CHECK(left.count(type) == 0);
  }
}

TEST_CASE("of every family, whatever has scales and whatever is kept, the network fits together or a scale is named") {
  std::mt19937 random(1);
  std::size_t made = 0;
  std::size_t refused = 0;
  for (const NamedGraph& network : all_families()) {
    const std::string& name = network.name;
    const Graph& source = network.graph;
    for (int attempt = 0; attempt < 30; ++attempt) {
      CAPTURE(name);
      CAPTURE(attempt);
      // Scales for most maps, so that some networks can be made, and few of them missing where it matters.
      const unsigned missing = attempt % 3 == 0 ? 40 : attempt % 3 == 1 ? 200 : 4;
      Quantization quantization;
      quantization.maps["input"] = {1, 128};
      for (const FusedStep& step : fuse(source)) {
        if (random() % missing != 0) {
          quantization.maps[source.nodes()[step.output].name] = {1 + static_cast<float>(random() % 9), 0};
        }
        const std::string& layer = source.nodes()[step.node].name;
        if (detail::is_convolution(source.nodes()[step.node].layer) && random() % 3 == 0)
          quantization.kept.insert(layer);
      }
      try {
        check_graph(quantized_graph(source, quantization), source);
        ++made;
      } catch (const Error& error) {
        CHECK(std::string(error.what()).find(": expected a scale of ") != std::string::npos);
        ++refused;
      }
    }
  }
  CHECK(made > 50);
  CHECK(refused > 50);
}

TEST_CASE("of every family, the 8-bit network computes what the float one does, up to rounding") {
  constexpr double least = 12;  // random networks without ReLU have 15; one that reads a wrong map has about 0
  for (const NamedGraph& network : all_families()) {
    const std::string& name = network.name;
    const Graph& source = network.graph;
    const formula::FormulaWeights weights(source);
    const Tensor input = formula::network_input({3, 32, 64});
    std::map<std::string, Tensor> wanted;
    const std::vector<Tensor> outputs = run_plain(
        source, weights.weights(), input, [&](const Node& node, const Tensor& map) { wanted[node.name] = map; });
    RoughQuantizer rough(source, weights.weights(), input);
    for (const std::size_t kept_of_three : {0U, 1U}) {
      CAPTURE(name);
      CAPTURE(kept_of_three);
      std::size_t convolutions = 0;
      for (const Node& node : source.nodes()) {
        if (detail::is_convolution(node.layer) && convolutions++ % 3 < kept_of_three)
          rough.quantization.kept.insert(node.name);
      }
      const Graph graph = quantized_graph(source, rough.quantization);
      const auto scales = map_scales(graph);
      NodeId id = 0;
      const auto found = run_plain(graph, rough.weights(), input, [&](const Node& node, const Tensor& map) {
        const auto& scale = scales[id++];
        if (wanted.count(node.name) == 0 || node.name == "input") return;
        CAPTURE(node.name);
        CHECK(decibels(wanted.at(node.name), scale ? dequantize(map, {*scale}) : map) > least);
      });
      CHECK(id == graph.nodes().size());
      for (std::size_t i = 0; i < outputs.size(); ++i) CHECK(decibels(outputs[i], found[i]) > least);
    }
  }
}
