#pragma once

#include <cstddef>
#include <memory>

#include <limn/core/eigen.hpp>

namespace limn::detail {

/// Floats per cache line; buffers begin at one and the engine keeps what it can on their boundaries.
constexpr Index floats_per_cache_line = 16;

/// Memory for floats that begins at a cache line, not initialised.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;

  explicit AlignedBuffer(Index size) : size_(size) {
    const std::size_t line = floats_per_cache_line * sizeof(float);
    const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(float);
    std::size_t space = bytes + line;
    memory_.reset(new unsigned char[space]);
    void* start = memory_.get();
    data_ = static_cast<float*>(std::align(line, bytes, start, space));
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
