// Replaces operator new and delete in the test program that includes it, in one source file, and counts what is asked
// of them. It can also refuse a request, as a system without memory does: with glibc and without a sanitizer those to
// malloc as well, which Eigen and stb use. ThreadSanitizer lets nobody replace them: nothing is counted or refused
// then.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> requests{0};
std::atomic<std::size_t> largest_request{0};

/// Calls of malloc, those of operator new among them, where it is replaced as well (LIMN_TEST_MALLOC).
[[maybe_unused]] std::atomic<long> malloc_calls{0};

/// The number, from 0, of the one request that is refused, counted from when it is set; negative: none, or none any
/// more.
std::atomic<long> refused_request{-1};

[[maybe_unused]] bool refuses() { return refused_request >= 0 && refused_request-- == 0; }

}  // namespace

#if defined(__SANITIZE_THREAD__)
#define LIMN_TEST_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LIMN_TEST_THREAD_SANITIZER
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(LIMN_TEST_THREAD_SANITIZER)
#define LIMN_TEST_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LIMN_TEST_SANITIZED
#endif
#endif

#if defined(__GLIBC__) && !defined(LIMN_TEST_SANITIZED)
#define LIMN_TEST_MALLOC
extern "C" {
void* __libc_malloc(std::size_t size);  // NOLINT: glibc's name
void* malloc(std::size_t size) noexcept {
  ++malloc_calls;
  return refuses() ? nullptr : __libc_malloc(size);
}
}
#endif

// GCC takes an inlined malloc or free for one that does not match the other's operator.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

#if !defined(LIMN_TEST_THREAD_SANITIZER)
// The variant that does not throw as well: AddressSanitizer has one of its own, whose memory the operators below may
// not free (std::stable_sort asks for it).
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++requests;
  if (size > largest_request) largest_request = size;
#if !defined(LIMN_TEST_MALLOC)
  if (refuses()) return nullptr;
#endif
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
#endif

/// Calls `call` again and again, and refuses every `step`-th of its requests, one at a time. Returns how often that was
/// an Error; anything else that came out is reported through doctest.
template <class Error, class Call>
int errors_of_refusals(long step, const Call& call) {
  int errors = 0;
  for (long number = 0;; number += step) {
    bool other = false;
    refused_request = number;
    try {
      call();
    } catch (const Error&) {
      ++errors;
    } catch (...) {
      other = true;
    }
    const bool done = refused_request >= 0;  // there were no more requests
    refused_request = -1;
    CAPTURE(number);
    CHECK_FALSE(other);
    if (done) return errors;
  }
}
