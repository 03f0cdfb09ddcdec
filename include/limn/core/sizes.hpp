// Sizes that come from files and callers: multiplied and added without overflow, and bounded.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// The most bytes that a network may take unless its user says otherwise: EstimatorOptions::max_memory,
/// DetectorOptions::max_memory, Plan, run_plain.
constexpr std::int64_t default_max_memory = std::int64_t{8} << 30;

namespace detail {

/// The product of sizes. Throws Error, which names `what`, if one is negative or the product more than Integer holds.
template <class Integer, class Sizes = std::initializer_list<Integer>>
Integer checked_product(std::string_view what, const Sizes& sizes) {
  constexpr Integer most = (std::numeric_limits<Integer>::max)();
  Integer product = 1;
  for (const auto size : sizes) {
    if (size < 0 || (size > 0 && product > most / static_cast<Integer>(size))) {
      std::string factors;
      for (const auto factor : sizes) factors += (factors.empty() ? "" : " x ") + std::to_string(factor);
      throw Error(std::string(what) + ": expected sizes from 0 on and a product of at most " + std::to_string(most) +
                  ", found " + factors);
    }
    product *= static_cast<Integer>(size);
  }
  return product;
}

/// The sum of two counts that are not negative. Throws Error, which names `what`, if it is more than 64 bits hold.
inline std::int64_t checked_sum(std::string_view what, std::int64_t a, std::int64_t b) {
  if (a > (std::numeric_limits<std::int64_t>::max)() - b) {
    throw Error(std::string(what) + ": " + std::to_string(a) + " + " + std::to_string(b) +
                " is more than 64 bits hold");
  }
  return a + b;
}

/// Throws Error unless the user allows so many bytes for `what`, and a program can address them.
inline void check_memory(std::string_view what, std::int64_t bytes, std::int64_t max_memory) {
  const auto most = (std::min)(max_memory, std::int64_t{PTRDIFF_MAX});
  if (bytes <= most) return;
  throw Error(std::string(what) + ": expected at most " + std::to_string(most) + " bytes of memory" +
              (most == max_memory ? " (max_memory)" : "") + ", found a need of " + std::to_string(bytes));
}

/// What a network has taken of the memory that its user allows.
struct MemoryLimit {
  std::int64_t taken = 0;
  std::int64_t max_memory = default_max_memory;

  /// Throws Error, which names `what`, if as many bytes more as the product says are too many.
  void check(std::string_view what, std::initializer_list<std::int64_t> bytes) const {
    check_memory(what, checked_sum(what, taken, checked_product<std::int64_t>(what, bytes)), max_memory);
  }
};

}  // namespace detail

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
