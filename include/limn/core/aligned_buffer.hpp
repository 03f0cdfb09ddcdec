#pragma once

#include <cstddef>
#include <memory>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <limn/core/eigen.hpp>

namespace limn::detail {

/// Floats per cache line; buffers begin at one and the engine keeps what it can on their boundaries.
constexpr Index floats_per_cache_line = 16;

/// Memory for floats that begins at a cache line, not initialised. Large ones begin at a page of 2 MiB, and the
/// operating system is asked for such pages: it then looks up and clears a five-hundredth of the pages.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;

  explicit AlignedBuffer(Index size) : size_(size) {
    constexpr std::size_t large_page = std::size_t{2} << 20;
    const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(float);
    const std::size_t alignment = bytes >= large_page ? large_page : floats_per_cache_line * sizeof(float);
    std::size_t space = bytes + alignment;
    memory_.reset(new unsigned char[space]);
    void* start = memory_.get();
    data_ = static_cast<float*>(std::align(alignment, bytes, start, space));
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    // A hint: where it is refused everything works, a little slower.
    if (alignment == large_page) madvise(data_, bytes / large_page * large_page, MADV_HUGEPAGE);
#endif
  }

  float* data() { return data_; }
  const float* data() const { return data_; }
  Index size() const { return size_; }

 private:
  Index size_ = 0;
  std::unique_ptr<unsigned char[]> memory_;
  float* data_ = nullptr;
};

}  // namespace limn::detail
