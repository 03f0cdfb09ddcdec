#include <limn/core/aligned_buffer.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>

using limn::Index;
using limn::detail::AlignedBuffer;

TEST_CASE("a buffer of any size begins at a cache line and can be written to its end") {
  for (const Index size : {Index{0}, Index{1}, Index{17}, Index{524287}, Index{524288}, Index{600001}}) {
    AlignedBuffer buffer(size);
    CHECK(buffer.size() == size);
    CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64 == 0);
    for (Index i = 0; i < size; ++i) buffer.data()[i] = 1;
  }
}

TEST_CASE("a buffer that memory has no room for is an error that names its size") {
  constexpr Index most = (std::numeric_limits<Index>::max)();
  CHECK_THROWS_AS(AlignedBuffer{most}, limn::Error);  // its bytes cannot be counted
  CHECK_THROWS_AS(AlignedBuffer{-1}, limn::Error);
  if (sizeof(void*) == 8) {
    // More than a process can address.
    CHECK_THROWS_WITH_AS(AlignedBuffer{most / 8}, "buffer of 4611686018427387900 bytes: not enough memory",
                         limn::Error);
  }
}
