// Counts what a run of the engine takes from the heap, by standing in for malloc. That needs glibc, and the sanitizers
// have a malloc of their own.
#include <doctest/doctest.h>

#include <memory>

#include <limn/engine/plan.hpp>
#include <limn/models/pose_resnet.hpp>

#include "counted_new.hpp"
#include "formula_weights.hpp"

#if defined(LIMN_TEST_MALLOC)

TEST_CASE("the count of allocations sees those of new and of Eigen") {
  const long before = malloc_calls;
  auto number = std::make_unique<int>(1);
  limn::FloatVector vector(100);
  vector[0] = static_cast<float>(*number);
  const long after = malloc_calls;
  CHECK(vector[0] == 1);
  CHECK(after - before >= 2);
}

TEST_CASE("a run of the network takes nothing from the heap, on one thread and on two") {
  for (const bool bottleneck : {false, true}) {
    limn::PoseResNet options;
    options.depth = bottleneck ? 50 : 18;
    options.sigmoid_output = true;
    const limn::Graph graph = limn::pose_resnet(options);
    const formula::FormulaWeights weights(graph);
    for (const int threads : {1, 2}) {
      const limn::Plan plan(graph, weights.weights(), 96, 64, std::make_shared<limn::ThreadPool>(threads));
      auto workspace = plan.make_workspace();
      workspace.input().setConstant(0.5F);
      plan.run(workspace);
      const long before = malloc_calls;
      for (int run = 0; run < 3; ++run) plan.run(workspace);
      const long after = malloc_calls;
      CHECK(after - before == 0);
    }
  }
}

#endif
