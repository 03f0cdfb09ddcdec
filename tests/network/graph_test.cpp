#include <limn/network/graph.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <utility>

using namespace limn;

namespace {

Graph two_convolutions() {
  Graph graph(3, 4);
  const NodeId first = graph.add("first", Conv2d{3, 8, 3, 2, 1}, {Graph::input});
  const NodeId norm = graph.add("norm", BatchNorm2d{8}, {first});
  const NodeId second = graph.add("second", Conv2d{8, 8, 3, 1, 1, true}, {norm});
  const NodeId sum = graph.add("sum", Add(), {norm, second});
  graph.add_output("result", sum);
  return graph;
}

}  // namespace

TEST_CASE("a graph knows the shape of every node for a picture size") {
  const auto shapes = two_convolutions().shapes(8, 12);
  CHECK(shapes[0] == Shape{3, 8, 12});
  CHECK(shapes[1] == Shape{8, 4, 6});
  CHECK(shapes[4] == Shape{8, 4, 6});
}

TEST_CASE("a graph lists the tensors its model file has to hold") {
  const auto parameters = two_convolutions().parameters();
  REQUIRE(parameters.size() == 7);
  CHECK(parameters[0].name == "first.weight");
  CHECK(parameters[0].shape == std::vector<Index>{8, 3, 3, 3});
  CHECK(parameters[3].name == "norm.running_mean");
  CHECK_FALSE(parameters[3].trainable);
  CHECK(parameters[6].name == "second.bias");
}

TEST_CASE("a picture size that is not a positive multiple is refused with the multiple named") {
  const Graph graph = two_convolutions();
  for (const auto& [height, width] : {std::pair<Index, Index>{0, 8}, {8, -4}, {6, 8}, {8, 9}}) {
    CHECK_THROWS_WITH_AS(graph.shapes(height, width), doctest::Contains("expected positive multiples of 4"), Error);
  }
}

TEST_CASE("channels that do not fit are refused with the node named") {
  Graph graph(3);
  graph.add("odd one", Conv2d{4, 8, 3}, {Graph::input});
  CHECK_THROWS_WITH_AS(graph.shapes(8, 8), "odd one: Conv2d: expected 4 input channels, found 3", Error);
}

TEST_CASE("a second node of the same name, a missing input and a wrong number of inputs are refused") {
  Graph graph(3);
  graph.add("relu", ReLU(), {Graph::input});
  CHECK_THROWS_AS(graph.add("relu", ReLU(), {Graph::input}), Error);
  CHECK_THROWS_AS(graph.add("later", ReLU(), {7}), Error);
  CHECK_THROWS_AS(graph.add("sum", Add(), {Graph::input}), Error);
}

TEST_CASE("an output, or a block, of a node that is not there is refused with what there is") {
  Graph graph = two_convolutions();
  CHECK_THROWS_WITH_AS(graph.add_output("heatmaps", 5), "graph: output heatmaps: expected a node from 0 to 4, found 5",
                       Error);
  CHECK_THROWS_WITH_AS(graph.add_block("layer1", "BasicBlock", 9),
                       "graph: block layer1: expected a node from 0 to 4, found 9", Error);
  CHECK(graph.outputs().size() == 1);
}

TEST_CASE("a graph of no channels, or of sides that are multiples of nothing, is refused") {
  for (const auto& [channels, multiple] : {std::pair<Index, Index>{0, 1}, {-3, 1}, {3, 0}, {3, -4}}) {
    CHECK_THROWS_WITH_AS(Graph(channels, multiple), doctest::Contains("graph: expected positive numbers"), Error);
  }
}

TEST_CASE("layers whose constants make no sense are refused with the node named") {
  const Layer senseless[] = {
      Conv2d{0, 8, 3},
      Conv2d{3, 0, 3},
      Conv2d{-3, 8, 3},
      Conv2d{3, 8, 0},
      Conv2d{3, 8, {3, -1}},
      Conv2d{3, 8, 3, 0},
      Conv2d{3, 8, 3, {1, -2}},
      Conv2d{3, 8, 3, 1, -1},
      Conv2d{3, 8, 100000, 1, 100000},
      ConvTranspose2d{3, 0, 4, 2, 1},
      ConvTranspose2d{3, 8, 0, 2},
      ConvTranspose2d{3, 8, 4, 0, 1},
      ConvTranspose2d{3, 8, 4, 2, -1},
      ConvTranspose2d{3, 8, 4, 2, 1, 2},
      ConvTranspose2d{3, 8, 4, 2, 1, -1},
      BatchNorm2d{0},
      BatchNorm2d{-3},
      MaxPool2d{0, 2},
      MaxPool2d{2, 0},
      MaxPool2d{2, -2},
      MaxPool2d{2, 2, -1},
      MaxPool2d{2, 2, 2},
      UpsampleNearest{0},
      UpsampleNearest{-2},
      UpsampleNearest{100000},
  };
  for (const Layer& layer : senseless) {
    Graph graph(3);
    const NodeId node = graph.add("senseless", layer, {Graph::input});
    graph.add_output("result", node);
    CHECK_THROWS_WITH_AS(graph.shapes(8, 8), doctest::Contains("senseless: "), Error);
  }
}

TEST_CASE("maps that are too large to be counted are refused with the node named") {
  Graph graph(3);
  NodeId x = Graph::input;
  for (const char* name : {"up1", "up2", "up3", "up4"}) x = graph.add(name, UpsampleNearest{32767}, {x});
  CHECK_THROWS_WITH_AS(graph.shapes(8, 8), doctest::Contains(sizeof(Index) == 8 ? "up2: " : "up1: "), Error);
  constexpr Index most = (std::numeric_limits<Index>::max)();
  CHECK_THROWS_WITH_AS(graph.shapes(most, most), doctest::Contains("network input"), Error);
  CHECK_THROWS_WITH_AS(graph.shapes(1, most / 4), doctest::Contains("network input"), Error);

  Graph deconvolution(3);
  deconvolution.add("deconv", ConvTranspose2d{3, 1, 32767, 32767}, {Graph::input});
  CHECK_THROWS_WITH_AS(deconvolution.shapes(1, most / 16), doctest::Contains("deconv: "), Error);
}

TEST_CASE("a node's last use is its last reader, and outputs live to the end") {
  const Graph graph = two_convolutions();
  const auto last = graph.last_uses();
  CHECK(last[Graph::input] == 1);
  CHECK(last[2] == 4);  // norm: read by second and by sum
  CHECK(last[4] == graph.nodes().size());
}

TEST_CASE("a missing or wrongly shaped weight is named") {
  const Graph graph = two_convolutions();
  Weights weights;
  CHECK_THROWS_WITH_AS(layer_parameters(graph.nodes()[1], weights), "tensor first.weight: missing", Error);
  weights["first.weight"] = {DType::f32, {8, 3, 3, 1}, nullptr};
  CHECK_THROWS_WITH_AS(layer_parameters(graph.nodes()[1], weights),
                       "tensor first.weight: expected shape [8, 3, 3, 3], found [8, 3, 3, 1]", Error);
}

TEST_CASE("whole numbers where there should be others are refused with the tensor named, and the other way round") {
  Graph graph(1);
  graph.add("relu", QuantizedConv2d{Conv2d{1, 1}, {}, {}, {}, true}, {Graph::input}, "conv");
  const float one = 1;
  const auto* floats = reinterpret_cast<const unsigned char*>(&one);
  const signed char number = -3;
  const auto* integer = reinterpret_cast<const unsigned char*>(&number);
  Weights weights = {{"conv.weight", {DType::i8, {1, 1, 1, 1}, integer}},
                     {"conv.weight_scale", {DType::f32, {1}, floats}},
                     {"conv.bias", {DType::f32, {1}, floats}}};
  const std::vector<FloatVector> values = layer_parameters(graph.nodes()[1], weights);
  REQUIRE(values.size() == 3);
  CHECK(values[0] == FloatVector{{-3}});
  CHECK(values[1] == FloatVector{{1}});
  weights["conv.weight"] = {DType::f32, {1, 1, 1, 1}, floats};
  CHECK_THROWS_WITH_AS(layer_parameters(graph.nodes()[1], weights), "tensor conv.weight: expected I8, found F32",
                       Error);
  weights["conv.weight"] = {DType::i8, {1, 1, 1, 1}, integer};
  weights["conv.bias"] = {DType::i8, {1}, integer};
  CHECK_THROWS_WITH_AS(layer_parameters(graph.nodes()[1], weights), "tensor conv.bias: expected F32 or F16, found I8",
                       Error);
}

TEST_CASE("a node's parameters are named after it, or after the layer that others were drawn into") {
  Graph graph(1);
  graph.add("own", Conv2d{1, 1}, {Graph::input});
  graph.add("relu", Conv2d{1, 1}, {Graph::input}, "conv");
  CHECK(graph.nodes()[1].tensor("weight") == "own.weight");
  CHECK(graph.nodes()[2].tensor("weight") == "conv.weight");
  CHECK(graph.parameters()[1].name == "conv.weight");
}
