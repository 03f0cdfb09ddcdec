#include <limn/engine/memory_plan.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <random>

using limn::Index;
using limn::detail::MemoryBlock;
using limn::detail::plan_memory;

TEST_CASE("blocks alive at the same time do not overlap, lie within the arena and start at a cache line") {
  std::mt19937 generator(3);
  std::uniform_int_distribution<Index> size(0, 500);
  std::uniform_int_distribution<Index> time(0, 20);
  for (int round = 0; round < 200; ++round) {
    std::vector<MemoryBlock> blocks;
    for (int i = 0; i < 30; ++i) {
      const Index a = time(generator);
      const Index b = time(generator);
      blocks.push_back({size(generator), (std::min)(a, b), (std::max)(a, b)});
    }
    const std::int64_t arena = plan_memory(blocks);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      CHECK(blocks[i].offset >= 0);
      CHECK(blocks[i].offset % limn::detail::floats_per_cache_line == 0);
      CHECK(blocks[i].offset + blocks[i].size <= arena);
      for (std::size_t j = 0; j < i; ++j) {
        const bool together = blocks[i].first <= blocks[j].last && blocks[j].first <= blocks[i].last;
        const bool apart = blocks[i].offset + blocks[i].size <= blocks[j].offset ||
                           blocks[j].offset + blocks[j].size <= blocks[i].offset;
        CHECK((!together || apart || blocks[i].size == 0 || blocks[j].size == 0));
      }
    }
  }
}

TEST_CASE("a chain of layers needs memory for two neighbours only") {
  std::vector<MemoryBlock> blocks;
  for (Index i = 0; i < 10; ++i) blocks.push_back({160, i, i + 1});
  CHECK(plan_memory(blocks) == 320);
}

TEST_CASE("blocks of more than 32 bits are placed, and sizes that add up to more than 64 bits are an error") {
  std::vector<MemoryBlock> blocks = {{std::int64_t{1} << 33, 0, 1}, {std::int64_t{1} << 34, 1, 2}, {16, 0, 2}};
  CHECK(plan_memory(blocks) == (std::int64_t{3} << 33) + 16);
  blocks = {{std::int64_t{1} << 62, 0, 1}, {std::int64_t{1} << 62, 0, 1}};
  CHECK_THROWS_AS(plan_memory(blocks), limn::Error);
}
