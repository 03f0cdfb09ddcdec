#include <limn/engine/plan.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <limn/models/pose_resnet.hpp>
#include <limn/network/plain_executor.hpp>

#include "engine/random_data.hpp"
#include "formula_weights.hpp"

using namespace limn;

namespace {

constexpr float network_tolerance = 1e-4F;  // of the largest magnitude, end to end

/// A small network with every kind of layer, sums that can be fused and sums that cannot, and two outputs.
Graph mixed_network() {
  Graph graph(3, 4);
  NodeId x = graph.add("stem", Conv2d{3, 12, 3, 2, 1, true}, {Graph::input});
  x = graph.add("stem_relu", ReLU(), {x});
  const NodeId block = add_basic_block(graph, "block", {12, 20, 2}, x);
  const NodeId bottleneck = add_bottleneck(graph, "bottleneck", {20, 5, 1}, false, block);
  const NodeId norm = graph.add("lone_norm", BatchNorm2d{20}, {bottleneck});
  const NodeId tanh = graph.add("tanh", Tanh(), {norm});
  const NodeId sum = graph.add("sum", Add(), {tanh, bottleneck});
  const NodeId up = graph.add("up", UpsampleNearest{2}, {sum});
  // Drawn into the sum, which no convolution does.
  const NodeId twice = graph.add("twice_relu", ReLU(), {graph.add("twice", Add(), {up, up})});
  const NodeId pooled = graph.add("pool", MaxPool2d{3, 1, 1}, {twice});
  const NodeId deconv = graph.add("deconv", ConvTranspose2d{20, 7, 4, 2, 1, 0, true}, {pooled});
  const NodeId deconv_norm = graph.add("deconv_norm", BatchNorm2d{7}, {deconv});
  const NodeId sigmoid = graph.add("sigmoid", Sigmoid(), {deconv_norm});
  graph.add_output("first", sigmoid);
  graph.add_output("second", sum);
  return graph;
}

Tensor formula_input(Index height, Index width) {
  std::mt19937 generator(11);
  return random_tensor({3, height, width}, generator);
}

}  // namespace

TEST_CASE("a plan gives what the plain layers say, for every kind of layer and for all outputs") {
  const Graph graph = mixed_network();
  const formula::FormulaWeights weights(graph);
  const Tensor input = formula_input(20, 28);
  const auto expected = run_plain(graph, weights.weights(), input);
  for (const int threads : {1, 2}) {
    const Plan plan(graph, weights.weights(), 20, 28, std::make_shared<ThreadPool>(threads));
    auto workspace = plan.make_workspace();
    workspace.input() = input.matrix();
    plan.run(workspace);
    REQUIRE(plan.output_count() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(plan.output_shape(i) == expected[i].shape());
      CHECK(relative_difference(workspace.output(i), expected[i].matrix()) <= network_tolerance);
    }
  }
}

TEST_CASE("a plan draws batch norm, ReLU and residual sums into the convolutions") {
  PoseResNet options;
  options.depth = 18;
  const Graph graph = pose_resnet(options);
  const formula::FormulaWeights weights(graph);
  const Plan plan(graph, weights.weights(), 32, 32);
  // 20 convolutions of the backbone, the pooling, 3 transposed convolutions and the last layer.
  CHECK(plan.steps().size() == 25);
  CHECK(plan.steps()[3].first == "layer1.0.conv2");
  CHECK(plan.steps()[3].last == "layer1.0");
}

TEST_CASE("a plan gives what the plain layers say at every point that is left after fusion, on every target") {
  PoseResNet options;
  options.depth = 50;
  const Graph graph = pose_resnet(options);
  const formula::FormulaWeights weights(graph);
  const Tensor input = formula_input(64, 32);
  std::map<std::string, Tensor> expected;
  run_plain(graph, weights.weights(), input,
            [&](const Node& node, const Tensor& output) { expected[node.name] = output; });
  for (const Target target : targets()) {
    const Plan plan(graph, weights.weights(), 64, 32, std::make_shared<ThreadPool>(1), 1, default_max_memory, target);
    CHECK(plan.target() == target);
    auto workspace = plan.make_workspace();
    workspace.input() = input.matrix();
    std::size_t seen = 0;
    plan.run(workspace, [&](std::size_t step, const Eigen::Map<const Eigen::MatrixXf>& output) {
      CAPTURE(to_string(target));
      CAPTURE(plan.steps()[step].last);
      CHECK(relative_difference(output, expected.at(plan.steps()[step].last).matrix()) <= network_tolerance);
      ++seen;
    });
    CHECK(seen == plan.steps().size());
  }
}

TEST_CASE("a plan runs any number of images up to its batch and gives for each what the plain layers say") {
  const Graph graph = mixed_network();
  const formula::FormulaWeights weights(graph);
  constexpr Index batch = 5;
  std::vector<Tensor> inputs;
  std::mt19937 generator(12);
  for (Index i = 0; i < batch; ++i) inputs.push_back(random_tensor({3, 20, 28}, generator));
  for (const int threads : {1, 2}) {
    const Plan plan(graph, weights.weights(), 20, 28, std::make_shared<ThreadPool>(threads), batch);
    auto workspace = plan.make_workspace();
    for (const Index images : {batch, Index{1}, Index{2}}) {
      for (Index i = 0; i < images; ++i) workspace.input(i) = inputs[static_cast<std::size_t>(batch - 1 - i)].matrix();
      plan.run(workspace, images);
      for (Index i = 0; i < images; ++i) {
        const auto expected = run_plain(graph, weights.weights(), inputs[static_cast<std::size_t>(batch - 1 - i)]);
        for (std::size_t output = 0; output < 2; ++output) {
          CHECK(relative_difference(workspace.output(output, i), expected[output].matrix()) <= network_tolerance);
        }
      }
    }
    CHECK_THROWS_WITH_AS(plan.run(workspace, 6), "engine: expected 1 to 5 images, found 6", Error);
    CHECK_THROWS_WITH_AS(plan.run(workspace, 0), "engine: expected 1 to 5 images, found 0", Error);
    CHECK_THROWS_WITH_AS(workspace.input(5), "engine: expected an image below the batch of 5, found number 5", Error);
  }
}

TEST_CASE("a plan gives what the plain layers say where late layers take all images of a batch together") {
  PoseResNet options;
  options.depth = 18;
  const Graph graph = pose_resnet(options);
  const formula::FormulaWeights weights(graph);
  std::mt19937 generator(13);
  const Plan plan(graph, weights.weights(), 64, 32, std::make_shared<ThreadPool>(2), 3);
  auto workspace = plan.make_workspace();
  std::vector<Tensor> expected;
  for (Index i = 0; i < 3; ++i) {
    const Tensor input = random_tensor({3, 64, 32}, generator);
    expected.push_back(run_plain(graph, weights.weights(), input)[0]);
    workspace.input(i) = input.matrix();
  }
  plan.run(workspace, 3);
  for (Index i = 0; i < 3; ++i) {
    CHECK(relative_difference(workspace.output(0, i), expected[static_cast<std::size_t>(i)].matrix()) <=
          network_tolerance);
  }
}

TEST_CASE("a plan runs in many threads at once, each with its own workspace, and again in the same workspace") {
  const Graph graph = mixed_network();
  const formula::FormulaWeights weights(graph);
  const Plan plan(graph, weights.weights(), 16, 16, std::make_shared<ThreadPool>(2));
  const Tensor input = formula_input(16, 16);
  const Tensor expected = run_plain(graph, weights.weights(), input)[0];
  std::vector<float> differences(4, 1e30F);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < differences.size(); ++i) {
    threads.emplace_back([&, i] {
      auto workspace = plan.make_workspace();
      float worst = 0;
      for (int round = 0; round < 5; ++round) {
        workspace.input() = input.matrix();
        plan.run(workspace);
        worst = (std::max)(worst, relative_difference(workspace.output(), expected.matrix()));
      }
      differences[i] = worst;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const float difference : differences) CHECK(difference <= network_tolerance);
}

TEST_CASE("a plan refuses a size that does not fit, a missing weight and another plan's workspace") {
  const Graph graph = mixed_network();
  const formula::FormulaWeights weights(graph);
  CHECK_THROWS_AS(Plan(graph, weights.weights(), 15, 16), Error);
  CHECK_THROWS_AS(Plan(graph, weights.weights(), 16, 16, std::make_shared<ThreadPool>(1), 0), Error);
  Weights incomplete = weights.weights();
  incomplete.erase("deconv.weight");
  CHECK_THROWS_WITH_AS(Plan(graph, incomplete, 16, 16), "tensor deconv.weight: missing", Error);
  const Plan one(graph, weights.weights(), 16, 16);
  const Plan other(graph, weights.weights(), 16, 16);
  auto workspace = one.make_workspace();
  CHECK_THROWS_AS(other.run(workspace), Error);
}

TEST_CASE("a workspace can be read when its plan is gone, and no other plan runs it") {
  const Graph graph = mixed_network();
  const formula::FormulaWeights weights(graph);
  const Tensor input = formula_input(16, 16);
  const Tensor expected = run_plain(graph, weights.weights(), input)[0];
  auto plan = std::make_unique<const Plan>(graph, weights.weights(), 16, 16);
  auto workspace = plan->make_workspace();
  CHECK(plan->made(workspace));
  workspace.input() = input.matrix();
  plan->run(workspace);
  // The next plan may lie at the same address.
  plan.reset();
  plan = std::make_unique<const Plan>(graph, weights.weights(), 24, 24);
  CHECK(relative_difference(workspace.output(), expected.matrix()) <= network_tolerance);
  CHECK(workspace.input().cols() == 16 * 16);
  CHECK_FALSE(plan->made(workspace));
  CHECK_THROWS_WITH_AS(plan->run(workspace), "engine: the workspace was made by another plan", Error);
}

TEST_CASE("an output that a plan does not have, and a workspace that was moved from, are errors") {
  const Graph graph = mixed_network();
  const formula::FormulaWeights weights(graph);
  const Plan plan(graph, weights.weights(), 16, 16);
  auto workspace = plan.make_workspace();
  CHECK_THROWS_WITH_AS(workspace.output(2), "engine: expected an output below the 2 there are, found number 2", Error);
  CHECK_THROWS_WITH_AS(plan.output_shape(2), "engine: expected an output below the 2 there are, found number 2", Error);
  const auto moved = std::move(workspace);
  CHECK(moved.output().cols() > 0);
  CHECK_THROWS_WITH_AS(workspace.output(), "engine: the workspace was moved from", Error);
  CHECK_THROWS_WITH_AS(workspace.input(), "engine: the workspace was moved from", Error);
  CHECK_THROWS_AS(plan.run(workspace), Error);
  CHECK_THROWS_WITH_AS(Plan(graph, weights.weights(), 16, 16, nullptr), "engine: expected a thread pool, found none",
                       Error);
}

TEST_CASE("a network that needs more memory than is allowed is an error that says how much, before it takes any") {
  const Graph graph = mixed_network();
  const formula::FormulaWeights weights(graph);
  const auto pool = std::make_shared<const ThreadPool>(1);
  const auto make = [&](Index side, Index batch, std::int64_t max_memory) {
    const Plan plan(graph, weights.weights(), side, side, pool, batch, max_memory);
    return plan.weight_bytes() + plan.make_workspace().size_in_bytes();
  };
  const std::int64_t needed = make(16, 1, default_max_memory);
  CHECK(make(16, 1, needed) == needed);
  const std::string need = "found a need of " + std::to_string(needed);
  CHECK_THROWS_WITH_AS(make(16, 1, needed - 1), doctest::Contains(need.c_str()), Error);
  CHECK_THROWS_WITH_AS(make(16, 1, 10000), doctest::Contains("engine: weights: expected at most 10000 bytes"), Error);

  // The engine's layout of weights is larger than the file's: it is the layout that counts.
  Index values = 0;
  for (const ParameterSpec& spec : graph.parameters()) values += static_cast<Index>(spec.size());
  CHECK_THROWS_WITH_AS(make(16, 1, values * 4), doctest::Contains("engine: weights up to "), Error);

  // 3 channels on 65536 x 65536 pixels take 48 GiB.
  CHECK_THROWS_WITH_AS(
      make(65536, 1, default_max_memory),
      doctest::Contains(sizeof(Index) == 8 ? "engine: map of 3x65536x65536 values, input: expected at most 8589934592"
                                           : "network input"),
      Error);
  CHECK_THROWS_WITH_AS(make(16, Index{1} << 22, default_max_memory), doctest::Contains("and 4194304 images"), Error);
  CHECK_THROWS_AS(make(16, (std::numeric_limits<Index>::max)(), default_max_memory), Error);
}
