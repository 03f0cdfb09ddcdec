// What reading JSON from files that nobody vouches for takes beyond nlohmann/json itself.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// Text from a file, fit for a message: printable ASCII, and short.
inline std::string printable(const std::string& text) {
  constexpr std::size_t longest = 120;
  std::string result = text.substr(0, longest);
  for (char& c : result) {
    if (c < 0x20 || c > 0x7E) c = '?';
  }
  return text.size() > longest ? result + "..." : result;
}

/// Throws Error if a string, or what stands between two strings, is longer than 1 MiB. The lexer keeps a copy of what
/// it has read since the last string or number began, and quotes it in its messages with control characters written
/// out; with this the copies stay small however large the file.
inline void check_token_lengths(const char* text, std::size_t size, const std::string& what) {
  constexpr std::size_t longest = std::size_t{1} << 20;
  bool in_string = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < size; ++i) {
    if (text[i] == '"') {
      in_string = !in_string;
      begin = i;
    } else if (text[i] == '\\' && in_string) {
      ++i;  // the next character is escaped
    }
    if (i - begin > longest) {
      throw Error(what + ": string or gap of more than " + std::to_string(longest) + " bytes at byte " +
                  std::to_string(begin));
    }
  }
}

/// The reason in the message of a nlohmann exception: without the library's tag at its beginning.
inline std::string reason(const nlohmann::json::exception& error) {
  const std::string text = error.what();
  const std::size_t tag = text.find("] ");
  return printable(tag == std::string::npos ? text : text.substr(tag + 2));
}

/// A value that goes without taking memory. Left to themselves, nlohmann's arrays and objects move what is in them to a
/// list when they are destroyed, and where there is no memory for that list the program ends.
class ParsedJson {
 public:
  explicit ParsedJson(nlohmann::json value) : value_(std::move(value)) {}
  ~ParsedJson() { take_apart(value_); }
  ParsedJson(const ParsedJson&) = delete;
  ParsedJson& operator=(const ParsedJson&) = delete;
  const nlohmann::json& operator*() const { return value_; }

 private:
  /// As deep as parse_json() allows.
  static void take_apart(nlohmann::json& value) {
    if (!value.is_structured()) return;
    for (nlohmann::json& element : value) take_apart(element);
    value.clear();
  }

  nlohmann::json value_;
};

/// A small document. Throws Error, beginning with `what`, if it is no valid JSON in UTF-8, holds a key twice, is nested
/// more than 16 deep or holds more than 20000 values.
inline nlohmann::json parse_json(const std::string& text, const std::string& what) {
  using nlohmann::json;
  constexpr int deepest = 16;
  constexpr int most_values = 20000;
  check_token_lengths(text.data(), text.size(), what);
  int values = 0;
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth > deepest) throw Error(what + ": nested more than " + std::to_string(deepest) + " deep");
    switch (event) {
      case json::parse_event_t::object_start: keys.emplace_back(); break;
      case json::parse_event_t::object_end: keys.pop_back(); break;
      case json::parse_event_t::key:
        if (!keys.back().insert(parsed.get<std::string>()).second) {
          throw Error(what + ": key \"" + printable(parsed.get<std::string>()) + "\" appears twice");
        }
        break;
      case json::parse_event_t::array_start:
      case json::parse_event_t::array_end:
      case json::parse_event_t::value: break;
    }
    if (++values > most_values) throw Error(what + ": more than " + std::to_string(most_values) + " values");
    return true;
  };
  try {
    return json::parse(text, watch);
  } catch (const json::exception& error) {
    throw Error(what + ": invalid JSON: " + reason(error));
  }
}

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
