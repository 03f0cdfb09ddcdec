#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include <limn/core/aligned_buffer.hpp>
#include <limn/core/sizes.hpp>
#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// A block of memory that is needed from step `first` to step `last`, both included.
struct MemoryBlock {
  std::int64_t size;  ///< floats
  Index first;
  Index last;
  std::int64_t offset = 0;  ///< the answer: floats from the start of the arena, at a cache line
};

/// Places blocks in one arena so that blocks alive at the same time do not overlap, and returns the arena's size in
/// floats. Largest first, each at the lowest place that is free (greedy by size; Pisarchyk & Lee, "Efficient Memory
/// Management for Deep Neural Net Inference", 2020, section 5). Throws Error if all together are more than 64 bits
/// count.
inline std::int64_t plan_memory(std::vector<MemoryBlock>& blocks) {
  std::int64_t all = 0;
  for (const MemoryBlock& block : blocks) {
    all = checked_sum("memory plan", all, checked_sum("memory plan", block.size, floats_per_cache_line));
  }
  std::vector<std::size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return blocks[a].size > blocks[b].size; });

  std::int64_t arena = 0;
  std::vector<std::size_t> placed;  // by offset
  for (const std::size_t id : order) {
    MemoryBlock& block = blocks[id];
    std::int64_t offset = 0;
    for (const std::size_t other : placed) {
      const MemoryBlock& taken = blocks[other];
      const bool together = taken.first <= block.last && block.first <= taken.last;
      if (together && offset + block.size <= taken.offset) break;
      if (together) offset = (std::max)(offset, taken.offset + taken.size);
      offset = (offset + floats_per_cache_line - 1) / floats_per_cache_line * floats_per_cache_line;
    }
    block.offset = offset;
    arena = (std::max)(arena, offset + block.size);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), id,
                                   [&](std::size_t a, std::size_t b) { return blocks[a].offset < blocks[b].offset; }),
                  id);
  }
  return arena;
}

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
