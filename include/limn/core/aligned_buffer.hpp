#pragma once

#include <cstddef>
#include <memory>
#include <string>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/sizes.hpp>
#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// Floats per cache line; buffers begin at one and the engine keeps what it can on their boundaries.
constexpr Index floats_per_cache_line = 16;

/// Memory for floats that begins at a cache line, not initialised. On Linux, large ones begin at a page of 2 MiB, and
/// the operating system is asked for such pages: it then looks up and clears a five-hundredth of the pages.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;

  /// Throws Error, naming the size, if there is not so much memory.
  explicit AlignedBuffer(Index size) : size_(size) {
    constexpr Index large_page = Index{2} << 20;  // less than one cannot profit
    const Index bytes = checked_product<Index>("buffer of floats", {size, Index{sizeof(float)}});
    const Index alignment =
        has_large_pages && bytes >= large_page ? large_page : floats_per_cache_line * Index{sizeof(float)};
    auto space = static_cast<std::size_t>(bytes) + static_cast<std::size_t>(alignment);
    memory_ = only_errors([&] { return "buffer of " + std::to_string(bytes) + " bytes"; },
                          [&] { return std::unique_ptr<unsigned char[]>(new unsigned char[space]); });
    void* start = memory_.get();
    data_ = static_cast<float*>(
        std::align(static_cast<std::size_t>(alignment), static_cast<std::size_t>(bytes), start, space));
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    // A hint: where it is refused everything works, a little slower.
    if (alignment == large_page)
      madvise(data_, static_cast<std::size_t>(bytes / large_page * large_page), MADV_HUGEPAGE);
#endif
  }

  float* data() { return data_; }
  const float* data() const { return data_; }
  Index size() const { return size_; }

 private:
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  static constexpr bool has_large_pages = true;
#else
  static constexpr bool has_large_pages = false;
#endif

  Index size_ = 0;
  std::unique_ptr<unsigned char[]> memory_;
  float* data_ = nullptr;
};

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
