#include <limn/network/fuse.hpp>

#include <doctest/doctest.h>

#include <vector>

using namespace limn;
using limn::detail::fuse;
using limn::detail::FusedStep;

namespace {

const Conv2d conv = {4, 4, 3, 1, 1};

using Nodes = std::vector<NodeId>;

}  // namespace

TEST_CASE("a convolution draws in the batch norm, the residual sum and the ReLU behind it") {
  Graph graph(4);
  const NodeId first = graph.add("first", conv, {Graph::input});
  const NodeId norm = graph.add("norm", BatchNorm2d{4}, {first});
  const NodeId sum = graph.add("sum", Add(), {Graph::input, norm});
  const NodeId relu = graph.add("relu", ReLU(), {sum});
  graph.add_output("out", relu);
  const std::vector<FusedStep> steps = fuse(graph);
  REQUIRE(steps.size() == 1);
  CHECK(steps[0].node == first);
  CHECK(steps[0].norm == norm);
  CHECK(steps[0].relu);
  CHECK(steps[0].output == relu);
  CHECK(steps[0].inputs == Nodes{Graph::input, Graph::input});
}

TEST_CASE("a sum of two convolutions is done by the later one") {
  Graph graph(4);
  const NodeId left = graph.add("left", conv, {Graph::input});
  const NodeId right = graph.add("right", ConvTranspose2d{4, 4, 3, 1, 1}, {Graph::input});
  const NodeId sum = graph.add("sum", Add(), {left, right});
  graph.add_output("out", sum);
  const std::vector<FusedStep> steps = fuse(graph);
  REQUIRE(steps.size() == 2);
  CHECK(steps[0].output == left);
  CHECK(steps[0].inputs == Nodes{Graph::input});
  CHECK(steps[1].node == right);
  CHECK(steps[1].output == sum);
  CHECK(steps[1].inputs == Nodes{Graph::input, left});
  CHECK(steps[1].norm == Graph::input);
  CHECK_FALSE(steps[1].relu);
}

TEST_CASE("what is read by two layers, or is an output of the network, stays as it is") {
  Graph graph(4);
  const NodeId read_twice = graph.add("read twice", conv, {Graph::input});
  const NodeId relu = graph.add("relu", ReLU(), {read_twice});
  const NodeId norm = graph.add("norm", BatchNorm2d{4}, {read_twice});
  const NodeId put_out = graph.add("put out", conv, {relu});
  const NodeId behind = graph.add("behind", ReLU(), {put_out});
  const NodeId sum = graph.add("sum", Add(), {norm, behind});
  graph.add_output("put out", put_out);
  graph.add_output("sum", sum);
  const std::vector<FusedStep> steps = fuse(graph);
  REQUIRE(steps.size() == 6);
  for (const FusedStep& step : steps) {
    CHECK(step.node == step.output);
    CHECK_FALSE(step.relu);
    CHECK(step.norm == Graph::input);
  }
}

TEST_CASE("a step lists all that was drawn into it, in the order of execution") {
  Graph graph(4);
  const NodeId first = graph.add("first", conv, {Graph::input});
  const NodeId norm = graph.add("norm", BatchNorm2d{4}, {first});
  const NodeId sum = graph.add("sum", Add(), {norm, Graph::input});
  const NodeId relu = graph.add("relu", ReLU(), {sum});
  const NodeId pool = graph.add("pool", MaxPool2d{3, 1, 1}, {relu});
  const NodeId last = graph.add("last", ConvTranspose2d{4, 4, 3, 1, 1}, {pool});
  const NodeId last_relu = graph.add("last relu", ReLU(), {last});
  graph.add_output("out", last_relu);
  const std::vector<FusedStep> steps = fuse(graph);
  REQUIRE(steps.size() == 3);
  CHECK(steps[0].drawn_in == Nodes{norm, sum, relu});
  CHECK(steps[1].drawn_in.empty());
  CHECK(steps[1].output == pool);
  CHECK(steps[2].drawn_in == Nodes{last_relu});
  CHECK(steps[2].relu);
}

TEST_CASE("a sum that no convolution does draws in the ReLU behind it") {
  Graph graph(4);
  const NodeId left = graph.add("left", ReLU(), {Graph::input});
  const NodeId right = graph.add("right", MaxPool2d{3, 1, 1}, {Graph::input});
  const NodeId sum = graph.add("sum", Add(), {left, right});
  const NodeId relu = graph.add("relu", ReLU(), {sum});
  graph.add_output("out", relu);
  const std::vector<FusedStep> steps = fuse(graph);
  REQUIRE(steps.size() == 3);
  CHECK(steps[2].node == sum);
  CHECK(steps[2].output == relu);
  CHECK(steps[2].relu);
  CHECK(steps[2].drawn_in == Nodes{relu});
  CHECK(steps[2].inputs == Nodes{left, right});
}

TEST_CASE("a sum keeps a ReLU behind it apart if somebody else reads the sum, or it is no ReLU") {
  Graph graph(4);
  const NodeId left = graph.add("left", ReLU(), {Graph::input});
  const NodeId sum = graph.add("sum", Add(), {left, Graph::input});
  const NodeId relu = graph.add("relu", ReLU(), {sum});
  const NodeId other = graph.add("other", Add(), {sum, relu});
  const NodeId product = graph.add("product", Multiply(), {other, left});
  const NodeId behind = graph.add("behind", ReLU(), {product});
  graph.add_output("out", behind);
  const std::vector<FusedStep> steps = fuse(graph);
  REQUIRE(steps.size() == 6);
  for (const FusedStep& step : steps) {
    CHECK(step.node == step.output);
    CHECK_FALSE(step.relu);
    CHECK(step.drawn_in.empty());
  }
}

TEST_CASE("a convolution that does a sum leaves the sum behind that to itself") {
  Graph graph(4);
  const NodeId first = graph.add("first", conv, {Graph::input});
  const NodeId sum = graph.add("sum", Add(), {first, Graph::input});
  const NodeId next = graph.add("next", Add(), {sum, Graph::input});
  const NodeId relu = graph.add("relu", ReLU(), {next});
  graph.add_output("out", relu);
  const std::vector<FusedStep> steps = fuse(graph);
  REQUIRE(steps.size() == 2);
  CHECK(steps[0].output == sum);
  CHECK(steps[0].drawn_in == Nodes{sum});
  CHECK_FALSE(steps[0].relu);
  CHECK(steps[1].node == next);
  CHECK(steps[1].output == relu);
  CHECK(steps[1].inputs == Nodes{sum, Graph::input});
}
