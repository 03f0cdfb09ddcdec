#include <limn/core/version.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <type_traits>

#include <limn/core/error.hpp>

#define LIMN_TEST_QUOTE(text) #text
#define LIMN_TEST_QUOTED(macro) LIMN_TEST_QUOTE(macro)

TEST_CASE("limn's names are in a namespace of its version, and found without it") {
  std::string version = "v" LIMN_TEST_VERSION;
  std::replace(version.begin(), version.end(), '.', '_');
  CHECK(version == LIMN_TEST_QUOTED(LIMN_VERSION_NAMESPACE));
  CHECK(std::string(LIMN_VERSION) == LIMN_TEST_VERSION);
  int major = 0, minor = 0, patch = 0;
  REQUIRE(std::sscanf(LIMN_TEST_VERSION, "%d.%d.%d", &major, &minor, &patch) == 3);
  CHECK(LIMN_VERSION_NUMBER == 10000 * major + 100 * minor + patch);
  static_assert(std::is_same_v<limn::Error, limn::LIMN_VERSION_NAMESPACE::Error>);
}
