#include <limn/core/sizes.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <vector>

#include <limn/core/eigen.hpp>

using limn::Index;
using limn::detail::check_memory;
using limn::detail::checked_product;
using limn::detail::checked_sum;

TEST_CASE("a product of sizes is right, or an error that names it and the factors") {
  CHECK(checked_product<Index>("map", {3, 4, 5}) == 60);
  CHECK(checked_product<Index>("map", {3, 0, 5}) == 0);
  CHECK(checked_product<std::int64_t>("map", std::vector<Index>{}) == 1);
  constexpr std::int64_t half = std::int64_t{1} << 62;
  CHECK(checked_product<std::int64_t>("map", {half, 1}) == half);
  CHECK_THROWS_WITH_AS(checked_product<std::int64_t>("map", {half, 2}),
                       "map: expected sizes from 0 on and a product of at most 9223372036854775807, found "
                       "4611686018427387904 x 2",
                       limn::Error);
  CHECK_THROWS_AS(checked_product<std::int64_t>("map", {65536, 65536, 65536, 65536}), limn::Error);
  CHECK_THROWS_AS(checked_product<std::int32_t>("map", {65536, 32768}), limn::Error);
  CHECK(checked_product<std::int32_t>("map", {65536, 32767}) == 2147418112);
  CHECK_THROWS_AS(checked_product<Index>("map", {3, -1}), limn::Error);
  CHECK_THROWS_AS(checked_product<Index>("map", {-3, -1}), limn::Error);
}

TEST_CASE("a sum of counts is right, or an error that names it") {
  constexpr std::int64_t most = (std::numeric_limits<std::int64_t>::max)();
  CHECK(checked_sum("weights", most - 1, 1) == most);
  CHECK_THROWS_WITH_AS(checked_sum("weights", most, 1), "weights: 9223372036854775807 + 1 is more than 64 bits hold",
                       limn::Error);
}

TEST_CASE("memory up to the bound is allowed, and more is an error that says how much") {
  check_memory("map", 100, 100);
  CHECK_THROWS_WITH_AS(check_memory("map", 101, 100),
                       "map: expected at most 100 bytes of memory (max_memory), found a need of 101", limn::Error);
  constexpr std::int64_t most = (std::numeric_limits<std::int64_t>::max)();
  if (sizeof(void*) == 8) {
    check_memory("map", most, most);
  } else {  // what cannot be addressed cannot be allowed
    CHECK_THROWS_AS(check_memory("map", std::int64_t{1} << 31, most), limn::Error);
  }
}
