// Counts what a run of the engine takes from the heap, by standing in for malloc. That needs glibc, and the sanitizers
// have a malloc of their own.
#include <doctest/doctest.h>

#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIMN_TEST_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LIMN_TEST_SANITIZED
#endif
#endif

#if defined(__GLIBC__) && !defined(LIMN_TEST_SANITIZED)

#include <atomic>
#include <memory>

#include <limn/engine/plan.hpp>
#include <limn/models/pose_resnet.hpp>

#include "formula_weights.hpp"

namespace {

std::atomic<bool> counting{false};
std::atomic<int> allocations{0};

}  // namespace

extern "C" {
void* __libc_malloc(std::size_t size);  // NOLINT: glibc's name
void* malloc(std::size_t size) noexcept {
  if (counting) ++allocations;
  return __libc_malloc(size);
}
}

TEST_CASE("the count of allocations sees those of new and of Eigen") {
  allocations = 0;
  counting = true;
  auto number = std::make_unique<int>(1);
  Eigen::VectorXf vector(100);
  vector[0] = static_cast<float>(*number);
  counting = false;
  CHECK(vector[0] == 1);
  CHECK(allocations >= 2);
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
      allocations = 0;
      counting = true;
      for (int run = 0; run < 3; ++run) plan.run(workspace);
      counting = false;
      CHECK(allocations == 0);
    }
  }
}

#endif
