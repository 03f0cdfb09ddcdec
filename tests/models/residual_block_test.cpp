#include <limn/models/residual_block.hpp>

#include <doctest/doctest.h>

#include <limn/network/plain_executor.hpp>

#include "reference_data.hpp"

namespace {

/// A graph of one block, called "block", and the block's tensors under their names in that graph.
struct OneBlock {
  limn::Graph graph;
  limn::Weights weights;
};

OneBlock one_block(const reference::Case& test) {
  const limn::Index channels = test.map("input").channels();
  OneBlock one{limn::Graph(channels), {}};
  const limn::ResidualBlock block{channels, test.options.at("planes").get<limn::Index>(),
                                  test.options.at("stride").get<limn::Index>()};
  const bool bottleneck = test.options.at("type") == "bottleneck";
  const bool on_first = test.options.at("stride_on") == "1x1";
  const limn::NodeId output = bottleneck ? limn::add_bottleneck(one.graph, "block", block, on_first, limn::Graph::input)
                                         : limn::add_basic_block(one.graph, "block", block, limn::Graph::input);
  one.graph.add_output("output", output);
  for (const auto& [name, view] : test.file->tensors()) {
    const std::string prefix = test.name + "/";
    if (name.rfind(prefix, 0) == 0) one.weights["block." + name.substr(prefix.size())] = view;
  }
  one.weights.erase("block.input");
  one.weights.erase("block.output");
  return one;
}

}  // namespace

TEST_CASE("residual blocks give PyTorch's numbers, with and without downsampling, for both places of the stride") {
  for (const reference::Case& test : reference::cases("residual_block")) {
    CAPTURE(test.name);
    const OneBlock one = one_block(test);
    const std::vector<limn::Tensor> outputs = limn::run_plain(one.graph, one.weights, test.map("input"));
    REQUIRE(outputs.size() == 1);
    CHECK(reference::difference(outputs[0], test.map("output")) <= 1e-5);
  }
}

TEST_CASE("residual blocks need exactly the tensors that PyTorch's blocks have") {
  for (const reference::Case& test : reference::cases("residual_block")) {
    CAPTURE(test.name);
    const OneBlock one = one_block(test);
    const std::vector<limn::ParameterSpec> specs = one.graph.parameters();
    CHECK(specs.size() == one.weights.size());
    for (const limn::ParameterSpec& spec : specs) {
      CAPTURE(spec.name);
      REQUIRE(one.weights.count(spec.name) == 1);
      CHECK(one.weights.at(spec.name).shape == spec.shape);
    }
  }
}

TEST_CASE("a residual block is recorded as one module whose output has the block's name") {
  limn::Graph basic(8);
  limn::add_basic_block(basic, "layer1.0", {8, 8, 1}, limn::Graph::input);
  REQUIRE(basic.blocks().size() == 1);
  CHECK(basic.blocks()[0].name == "layer1.0");
  CHECK(basic.blocks()[0].type == "BasicBlock");
  CHECK(basic.blocks()[0].first == 1);
  CHECK(basic.nodes()[basic.blocks()[0].last].name == "layer1.0");

  limn::Graph bottleneck(8);
  limn::add_bottleneck(bottleneck, "layer2.0", {8, 4, 2}, false, limn::Graph::input);
  REQUIRE(bottleneck.blocks().size() == 1);
  CHECK(bottleneck.blocks()[0].type == "Bottleneck");
  CHECK(bottleneck.nodes().back().name == "layer2.0");
  CHECK(bottleneck.shapes(5, 7).back() == limn::Shape{16, 3, 4});
}

TEST_CASE("a residual block without one of its tensors is refused with the tensor named") {
  const reference::Case test = reference::cases("residual_block").front();
  OneBlock one = one_block(test);
  one.weights.erase("block.bn2.running_var");
  CHECK_THROWS_WITH_AS(limn::run_plain(one.graph, one.weights, test.map("input")),
                       "tensor block.bn2.running_var: missing", limn::Error);
}

TEST_CASE("a residual block refuses an input with the wrong number of channels") {
  const reference::Case test = reference::cases("residual_block").front();
  const OneBlock one = one_block(test);
  CHECK_THROWS_AS(limn::run_plain(one.graph, one.weights, limn::Tensor({test.map("input").channels() + 1, 5, 7})),
                  limn::Error);
}
