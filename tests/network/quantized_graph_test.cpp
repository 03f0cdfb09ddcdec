#include <limn/network/quantized_graph.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include <limn/models/residual_block.hpp>

#include "network/small_network.hpp"

using namespace limn;

namespace {

const MapScale halves = {0.5F, 128};
const MapScale quarters = {0.25F, 0};

std::vector<std::string> names_of(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes()) names.push_back(node.name);
  return names;
}

const Node& node_of(const Graph& graph, const std::string& name) {
  const auto found =
      std::find_if(graph.nodes().begin(), graph.nodes().end(), [&](const Node& node) { return node.name == name; });
  REQUIRE_MESSAGE(found != graph.nodes().end(), "no node ", name);
  return *found;
}

/// Names of the nodes that a node reads.
std::vector<std::string> inputs_of(const Graph& graph, const std::string& name) {
  std::vector<std::string> inputs;
  for (const NodeId id : node_of(graph, name).inputs) inputs.push_back(graph.nodes()[id].name);
  return inputs;
}

using Names = std::vector<std::string>;

/// conv - relu - conv, float in and out.
Graph floats_in_and_out() {
  Graph graph(2);
  NodeId x = graph.add("first", Conv2d{2, 2, 1}, {Graph::input});
  x = graph.add("relu", ReLU(), {x});
  x = graph.add("second", Conv2d{2, 2, 1}, {x});
  graph.add_output("result", x);
  return graph;
}

/// What is thrown at the scales and names.
void check_refused(const Graph& graph, const Quantization& quantization, const std::string& message) {
  CHECK_THROWS_WITH_AS(quantized_graph(graph, quantization), message.c_str(), Error);
}

}  // namespace

TEST_CASE("each convolution becomes one node with all that it draws in, which bears the name of the last") {
  const Graph graph = quantized_graph(small_network(), small_quantization(halves));
  CHECK(names_of(graph) == Names{"input", "input.quantize", "relu", "maxpool", "block.relu1", "block.bn2", "block",
                                 "side_relu", "sum_relu", "up", "deconv_relu", "deconv_relu.dequantize", "heatmaps",
                                 "sizes"});
  CHECK(inputs_of(graph, "relu") == Names{"input.quantize"});
  CHECK(inputs_of(graph, "maxpool") == Names{"relu"});
  CHECK(inputs_of(graph, "block") == Names{"maxpool", "block.bn2"});
  CHECK(inputs_of(graph, "sum_relu") == Names{"block", "side_relu"});
  CHECK(inputs_of(graph, "deconv_relu") == Names{"up"});
  CHECK(inputs_of(graph, "sizes") == Names{"deconv_relu"});
  CHECK(inputs_of(graph, "heatmaps") == Names{"deconv_relu.dequantize"});

  const auto& block = std::get<QuantizedConv2d>(node_of(graph, "block").layer);
  CHECK(block.layer.stride == Extent(2));
  CHECK(block.input == halves);
  CHECK(block.residual == halves);
  CHECK(block.output == halves);
  CHECK(block.relu);
  CHECK_FALSE(std::get<QuantizedConv2d>(node_of(graph, "block.bn2").layer).relu);
  CHECK_FALSE(std::get<QuantizedConv2d>(node_of(graph, "sizes").layer).output.has_value());
  CHECK(std::get<QuantizedConvTranspose2d>(node_of(graph, "deconv_relu").layer).relu);
  CHECK(std::get<QuantizedAdd>(node_of(graph, "sum_relu").layer).relu);
  CHECK(std::holds_alternative<Conv2d>(node_of(graph, "heatmaps").layer));
}

TEST_CASE("parameters are named after the convolution, whatever it has drawn in") {
  const Graph graph = quantized_graph(small_network(), small_quantization(halves));
  CHECK(node_of(graph, "relu").tensor("weight") == "conv1.weight");
  CHECK(node_of(graph, "block").tensor("weight_scale") == "block.downsample.0.weight_scale");
  CHECK(node_of(graph, "sizes").tensor("bias") == "sizes.bias");
  Names names;
  for (const ParameterSpec& spec : graph.parameters()) {
    names.push_back(spec.name);
    CHECK(spec.integers == (spec.name.find(".weight") + 7 == spec.name.size() && spec.name != "heatmaps.weight"));
  }
  Names expected;
  for (const char* layer : {"conv1", "block.conv1", "block.conv2", "block.downsample.0", "side", "deconv"}) {
    for (const char* parameter : {".weight", ".weight_scale", ".bias"})
      expected.push_back(std::string(layer) + parameter);
  }
  for (const char* name : {"heatmaps.weight", "heatmaps.bias", "sizes.weight", "sizes.weight_scale", "sizes.bias"}) {
    expected.emplace_back(name);
  }
  CHECK(names == expected);
}

TEST_CASE("blocks, outputs, channels and the multiple of the input stay") {
  Graph source(3, 4);
  const NodeId first = add_basic_block(source, "first", {3, 3, 1}, Graph::input);
  const NodeId second = add_bottleneck(source, "second", {3, 2, 2}, false, first);
  source.add_output("middle", first);
  source.add_output("end", second);
  Quantization quantization;
  for (const char* map : {"input", "first.relu1", "first", "second.relu1", "second.relu2", "second.bn3", "second"}) {
    quantization.maps[map] = halves;
  }
  for (const bool kept : {false, true}) {
    if (kept) quantization.kept = {"second.conv1", "second.conv3", "second.downsample.0"};
    const Graph graph = quantized_graph(source, quantization);
    CHECK(graph.input_channels() == 3);
    CHECK(graph.input_multiple() == 4);
    REQUIRE(graph.blocks().size() == 2);
    CHECK(graph.blocks()[0].name == "first");
    CHECK(graph.blocks()[0].type == "BasicBlock");
    CHECK(graph.nodes()[graph.blocks()[0].first].name == "input.quantize");
    CHECK(graph.nodes()[graph.blocks()[0].last].name == "first");
    CHECK(graph.blocks()[1].name == "second");
    CHECK(graph.blocks()[1].type == "Bottleneck");
    CHECK(graph.nodes()[graph.blocks()[1].first].name == (kept ? "first.dequantize" : "second.relu1"));
    CHECK(graph.nodes()[graph.blocks()[1].last].name == "second");
    REQUIRE(graph.outputs().size() == 2);
    CHECK(graph.outputs()[0].first == "middle");
    CHECK(graph.nodes()[graph.outputs()[0].second].name == "first.dequantize");
    CHECK(graph.outputs()[1].first == "end");
    CHECK(graph.nodes()[graph.outputs()[1].second].name == (kept ? "second" : "second.dequantize"));
    for (const auto& [name, node] : graph.outputs()) CHECK_FALSE(map_scales(graph)[node].has_value());
  }
}

TEST_CASE("a block that begins with a layer that was drawn into another begins with that one") {
  Graph source(2);
  NodeId x = source.add("before", Conv2d{2, 2, 1}, {Graph::input});
  x = source.add("conv", Conv2d{2, 2, 1}, {x});
  const NodeId first = source.add("norm", BatchNorm2d{2}, {x});
  x = source.add("relu", ReLU(), {first});
  x = source.add("last", Conv2d{2, 2, 1}, {x});
  source.add_block("block", "Block", first);
  source.add_output("result", x);
  const Quantization quantization = {{{"input", halves}, {"before", halves}, {"relu", halves}}, {}};
  const Graph graph = quantized_graph(source, quantization);
  REQUIRE(graph.blocks().size() == 1);
  CHECK(graph.nodes()[graph.blocks()[0].first].name == "relu");
  CHECK(graph.nodes()[graph.blocks()[0].last].name == "last");
}

TEST_CASE("a convolution that is kept keeps what is behind it, and only what reads it is brought to 8 bit") {
  Quantization quantization = small_quantization(halves);
  quantization.kept = {"conv1", "heatmaps"};
  const Graph graph = quantized_graph(small_network(), quantization);
  const std::vector<std::string> names = names_of(graph);
  CHECK(Names(names.begin(), names.begin() + 6) == Names{"input", "conv1", "bn1", "relu", "relu.quantize", "maxpool"});
  CHECK(inputs_of(graph, "conv1") == Names{"input"});
  CHECK(inputs_of(graph, "maxpool") == Names{"relu.quantize"});
  CHECK(node_of(graph, "bn1").tensor("running_var") == "bn1.running_var");
  CHECK(std::get<Quantize>(node_of(graph, "relu.quantize").layer).output == halves);
}

TEST_CASE("a map with a scale is in 8 bit, one without is in floats: pooling and sums are where their inputs are") {
  Graph source(2);
  NodeId x = source.add("conv", Conv2d{2, 2, 1}, {Graph::input});
  const NodeId pool = source.add("pool", MaxPool2d{3, 1, 1}, {x});
  const NodeId up = source.add("up", UpsampleNearest{1}, {pool});
  const NodeId sum = source.add("sum", Add(), {pool, up});
  const NodeId product = source.add("product", Multiply(), {sum, up});
  source.add_output("result", product);
  Quantization quantization;
  quantization.maps = {{"input", halves}};

  Graph graph = quantized_graph(source, quantization);  // the convolution puts out floats
  CHECK(names_of(graph) == Names{"input", "input.quantize", "conv", "pool", "up", "sum", "product"});
  CHECK(map_scales(graph)[2] == std::nullopt);

  quantization.maps["conv"] = quarters;
  graph = quantized_graph(source, quantization);  // the sum does not
  CHECK(names_of(graph) ==
        Names{"input", "input.quantize", "conv", "pool", "up", "pool.dequantize", "up.dequantize", "sum", "product"});
  CHECK(std::holds_alternative<Add>(node_of(graph, "sum").layer));
  CHECK(map_scales(graph)[4] == quarters);

  quantization.maps["sum"] = halves;
  graph = quantized_graph(source, quantization);
  CHECK(names_of(graph) ==
        Names{"input", "input.quantize", "conv", "pool", "up", "sum", "sum.dequantize", "up.dequantize", "product"});
  const auto& layer = std::get<QuantizedAdd>(node_of(graph, "sum").layer);
  CHECK(layer.first == quarters);
  CHECK(layer.second == quarters);
  CHECK(layer.output == halves);
  CHECK_FALSE(layer.relu);

  quantization.maps["pool"] = halves;  // its result has the scale of its input all the same
  quantization.maps["up"] = halves;
  CHECK(std::get<QuantizedAdd>(node_of(quantized_graph(source, quantization), "sum").layer).first == quarters);
  quantization.maps["conv"] = halves;
  quantization.kept = {"conv"};
  graph = quantized_graph(source, quantization);
  CHECK(names_of(graph) ==
        Names{"input", "conv", "conv.quantize", "pool", "up", "sum", "sum.dequantize", "up.dequantize", "product"});
}

TEST_CASE("a sum of which one map has no scale is in floats, and nothing is made that nobody reads") {
  Graph source(2);
  const NodeId left = source.add("left", ReLU(), {Graph::input});
  const NodeId right = source.add("right", Sigmoid(), {Graph::input});
  source.add_output("result", source.add("sum", Add(), {left, right}));
  Quantization quantization;
  quantization.maps = {{"left", halves}, {"sum", halves}};
  CHECK(names_of(quantized_graph(source, quantization)) == Names{"input", "left", "right", "sum"});
  quantization.maps = {{"right", halves}, {"sum", halves}};
  CHECK(names_of(quantized_graph(source, quantization)) == Names{"input", "left", "right", "sum"});
  quantization.maps["left"] = quarters;
  CHECK(names_of(quantized_graph(source, quantization)) ==
        Names{"input", "left", "right", "left.quantize", "right.quantize", "sum", "sum.dequantize"});
}

TEST_CASE("without maps and with every convolution kept the network is the float one") {
  const Graph source = small_network();
  Quantization quantization;
  for (const Node& node : source.nodes()) {
    if (node.name.find("conv") != std::string::npos && node.name.find('_') == std::string::npos) {
      quantization.kept.insert(node.name);
    }
  }
  for (const char* name : {"block.downsample.0", "side", "heatmaps", "sizes"}) quantization.kept.insert(name);
  const Graph graph = quantized_graph(source, quantization);
  REQUIRE(graph.nodes().size() == source.nodes().size());
  for (NodeId id = 0; id < source.nodes().size(); ++id) {
    CHECK(graph.nodes()[id].name == source.nodes()[id].name);
    CHECK(graph.nodes()[id].inputs == source.nodes()[id].inputs);
    CHECK(graph.nodes()[id].tensors.empty());
    CHECK(graph.nodes()[id].layer.index() == source.nodes()[id].layer.index());
  }
}

TEST_CASE("names that the network does not have are refused") {
  const Graph graph = floats_in_and_out();
  check_refused(graph, {{{"third", halves}}, {}}, "quantisation: the network has no map third");
  check_refused(graph, {{{"first", halves}}, {}}, "quantisation: the network has no map first");  // relu is its map
  check_refused(graph, {{{"relu", halves}}, {"relu"}}, "quantisation: the network has no convolution relu");
  check_refused(graph, {{{"input", halves}, {"relu", halves}}, {"third"}},
                "quantisation: the network has no convolution third");
}

TEST_CASE("scales that make no sense are refused with the map's name") {
  const std::string what = ": expected a positive scale and a zero point from 0 to 255, found ";
  check_refused(floats_in_and_out(), {{{"relu", {-1.0F, 128}}}, {}}, "quantisation: relu" + what + "-1.000000 and 128");
  check_refused(floats_in_and_out(), {{{"input", {1.0F, 256}}}, {}}, "quantisation: input" + what + "1.000000 and 256");
}

TEST_CASE("a scale that an 8-bit convolution needs and does not have is named") {
  check_refused(floats_in_and_out(), {{{"relu", halves}}, {}},
                "quantisation: first: expected a scale of its input input");
  check_refused(floats_in_and_out(), {{{"input", halves}}, {}},
                "quantisation: second: expected a scale of its input relu");
  CHECK_NOTHROW(quantized_graph(floats_in_and_out(), {{{"input", halves}}, {"second"}}));
  CHECK_NOTHROW(quantized_graph(floats_in_and_out(), {{{"relu", halves}}, {"first"}}));

  Graph block(3);
  block.add_output("out", add_basic_block(block, "block", {3, 5, 1}, Graph::input));
  const Quantization complete = {{{"input", halves}, {"block.relu1", halves}, {"block.bn2", halves}, {"block", halves}},
                                 {}};
  CHECK_NOTHROW(quantized_graph(block, complete));
  Quantization missing = complete;
  missing.maps.erase("block.bn2");
  check_refused(block, missing, "quantisation: block.downsample.0: expected a scale of its input block.bn2");
  missing = complete;
  missing.maps.erase("block");
  check_refused(block, missing, "quantisation: block.downsample.0: expected a scale of block");
}
