#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// Text from a file, fit for a message: printable ASCII, and short.
inline std::string printable(std::string_view text) {
  constexpr std::size_t longest = 120;
  std::string result(text.substr(0, longest));
  for (char& c : result) {
    if (c < 0x20 || c > 0x7E) c = '?';
  }
  return text.size() > longest ? result + "..." : result;
}

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
