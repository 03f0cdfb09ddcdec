// Replaces operator new and delete in the test program that includes it, in one source file, and counts what is asked
// of them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> requests{0};
std::atomic<std::size_t> largest_request{0};

}  // namespace

// GCC takes an inlined malloc or free for one that does not match the other's operator.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

// The variant that does not throw as well: AddressSanitizer has one of its own, whose memory the operators below may
// not free (std::stable_sort asks for it).
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++requests;
  if (size > largest_request) largest_request = size;
  return std::malloc(size > 0 ? size : 1);
}
void* operator new[](std::size_t size, const std::nothrow_t& nothrow) noexcept { return operator new(size, nothrow); }
void* operator new(std::size_t size) {
  if (void* memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}
void* operator new[](std::size_t size) { return operator new(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
