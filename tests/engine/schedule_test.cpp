#include <limn/engine/schedule.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

using namespace limn;
using limn::detail::MemoryLimit;
using limn::detail::Schedule;
using limn::detail::ScheduledStep;
using limn::detail::Scheduler;
using limn::detail::StepNeeds;

namespace {

constexpr Index map_size = 4 * 8 * 8;
constexpr std::int64_t heavy = std::int64_t{map_size} * 1000;

/// Four steps one after the other; the second's output is also the network's.
Graph four_steps() {
  Graph graph(4);
  const NodeId first = graph.add("first", ReLU(), {Graph::input});
  const NodeId second = graph.add("second", ReLU(), {first});
  const NodeId third = graph.add("third", ReLU(), {second});
  const NodeId fourth = graph.add("fourth", ReLU(), {third});
  graph.add_output("second", second);
  graph.add_output("fourth", fourth);
  return graph;
}

Schedule schedule(const Graph& graph, const std::vector<StepNeeds>& needs, Index batch, const MemoryLimit& limit = {}) {
  const auto fused = detail::fuse(graph);
  const auto shapes = graph.shapes(8, 8);
  std::vector<limn::Index> sizes;
  for (const auto& shape : shapes) sizes.push_back(shape.size());
  return Scheduler(graph, fused, shapes, sizes, needs, batch).make(limit);
}

}  // namespace

TEST_CASE("of one image all steps are one stretch, and no map has room for another image") {
  const Schedule found = schedule(four_steps(), {{heavy, 0}, {0, 0}, {0, 0}, {0, 0}}, 1);
  REQUIRE(found.steps.size() == 4);
  for (const ScheduledStep& step : found.steps) {
    CHECK_FALSE(step.together);
    CHECK(step.stretch_begin == 0);
    CHECK(step.stretch_end == 4);
    CHECK(step.output.image_stride == 0);
  }
  CHECK(found.layout.outputs.size() == 2);
}

TEST_CASE("a step whose weights outweigh its maps takes all images of a batch, and those between form stretches") {
  const Schedule found = schedule(four_steps(), {{0, 0}, {0, 0}, {heavy, 0}, {0, 0}}, 3);
  REQUIRE(found.steps.size() == 4);
  CHECK(found.steps[0].stretch_begin == 0);
  CHECK(found.steps[0].stretch_end == 2);
  CHECK(found.steps[1].stretch_end == 2);
  CHECK(found.steps[2].together);
  CHECK(found.steps[2].stretch_end == 3);
  CHECK(found.steps[3].stretch_begin == 3);
  CHECK(found.steps[3].stretch_end == 4);
  // Maps within a stretch hold one image, those between stretches and the network's own hold all.
  CHECK(found.steps[0].output.image_stride == 0);
  CHECK(found.steps[1].output.image_stride == map_size);
  CHECK(found.steps[2].output.image_stride == map_size);
  CHECK(found.steps[3].output.image_stride == map_size);
  CHECK(found.layout.input_place.image_stride == map_size);
}

TEST_CASE("values and scratch that are alive at the same time lie apart, with room for all images") {
  for (const Index batch : {1, 3}) {
    CAPTURE(batch);
    const std::vector<StepNeeds> needs = {{0, 40}, {0, 100}, {heavy, 7}, {0, 1}};
    const Schedule found = schedule(four_steps(), needs, batch);
    const auto size_of = [&](const detail::Place& place) {
      return place.image_stride > 0 ? batch * map_size : map_size;
    };
    const auto apart = [](Index a, Index a_size, Index b, Index b_size) { return a + a_size <= b || b + b_size <= a; };
    for (std::size_t i = 0; i < needs.size(); ++i) {
      const ScheduledStep& step = found.steps[i];
      const auto scratch = static_cast<Index>(needs[i].scratch);
      CHECK(apart(step.input.offset, size_of(step.input), step.output.offset, size_of(step.output)));
      CHECK(apart(step.scratch, scratch, step.output.offset, size_of(step.output)));
      CHECK(apart(step.scratch, scratch, step.input.offset, size_of(step.input)));
      CHECK(step.output.offset + size_of(step.output) <= found.layout.arena_size);
    }
    // The network's output is not written over by what comes after it.
    const detail::Place kept = found.layout.output(0).place;
    for (const std::size_t later : {std::size_t{2}, std::size_t{3}}) {
      CHECK(apart(kept.offset, size_of(kept), found.steps[later].output.offset, size_of(found.steps[later].output)));
    }
  }
}

TEST_CASE("a workspace that would take more memory than is left is an error that says how much") {
  const std::vector<StepNeeds> needs(4);
  const std::int64_t bytes = std::int64_t{schedule(four_steps(), needs, 2).layout.arena_size} * 4;
  CHECK_NOTHROW(schedule(four_steps(), needs, 2, {100, bytes + 100}));
  const std::string need = "found a need of " + std::to_string(bytes + 100);
  CHECK_THROWS_WITH_AS(schedule(four_steps(), needs, 2, {100, bytes + 99}), doctest::Contains(need.c_str()), Error);
}
