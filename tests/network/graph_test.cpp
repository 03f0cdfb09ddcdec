#include <doctest/doctest.h>

#include <limn/network/graph.hpp>

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
