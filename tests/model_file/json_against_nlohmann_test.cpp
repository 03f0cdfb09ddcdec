// The same texts to limn's reader of JSON and to nlohmann/json: both must refuse them, or read the same.
#include <doctest/doctest.h>

#include <cstdint>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <limn/core/error.hpp>
#include <limn/model_file/json_value.hpp>
#include <model_file/damage.hpp>

using limn::detail::JsonMember;
using limn::detail::JsonValue;
using nlohmann::json;

namespace {

bool same(const JsonValue& ours, const json& theirs) {
  if (const auto* const array = ours.get<JsonValue::Array>()) {
    if (!theirs.is_array() || theirs.size() != array->size()) return false;
    for (std::size_t i = 0; i < array->size(); ++i) {
      if (!same((*array)[i], theirs[i])) return false;
    }
    return true;
  }
  if (const auto* const object = ours.get<JsonValue::Object>()) {
    if (!theirs.is_object() || theirs.size() != object->size()) return false;
    for (const JsonMember& member : *object) {
      const auto found = theirs.find(member.key);
      if (found == theirs.end() || !same(member.value, *found)) return false;
    }
    return true;
  }
  if (const auto* const text = ours.get<std::string>()) return theirs.is_string() && *text == theirs.get<std::string>();
  if (const auto* const value = ours.get<bool>()) return theirs.is_boolean() && *value == theirs.get<bool>();
  if (const auto* const value = ours.get<std::int64_t>()) {
    return theirs.is_number_integer() && *value == theirs.get<std::int64_t>() &&
           (*value < 0 || theirs == static_cast<std::uint64_t>(*value));
  }
  if (const auto* const value = ours.get<double>()) {
    return (theirs.is_number_float() || theirs.is_number_unsigned()) && *value == theirs.get<double>();
  }
  return theirs.is_null();
}

/// nlohmann/json takes a byte order mark, and a byte 0 between words for the end.
bool read_differently_on_purpose(const std::string& text) {
  return text.find('\0') != std::string::npos || text.rfind("\xEF\xBB\xBF", 0) == 0;
}

struct Outcome {
  int read = 0;
  int refused = 0;
  int different = 0;

  void compare(const std::string& text) {
    if (read_differently_on_purpose(text)) return;
    const json theirs = json::parse(text, nullptr, false);
    std::string message;
    try {
      const JsonValue ours = limn::detail::parse_json(text, "T");
      ++read;
      if (!theirs.is_discarded() && same(ours, theirs)) return;
      message = "read";
    } catch (const limn::Error& error) {
      message = error.what();
      ++refused;
      // Limits that nlohmann/json does not have.
      if (theirs.is_discarded() || message.find("appears twice") != std::string::npos || message.find("nested") == 3) {
        return;
      }
    }
    ++different;
    CAPTURE(text);
    CAPTURE(message);
    CHECK_MESSAGE(false, "read differently");
  }
};

const char* const documents[] = {
    R"({"version": 1, "name": "small", "network": {"type": "pose_resnet", "depth": 50, "deconv": {"channels": [256, 128],
        "kernel": 4}}, "input": {"mean": [0.5, 0.25, 0], "std": [1, 0.5, -2e-1], "geometry": "affine"}})",
    R"([[], {}, [[0.1, -0, -0.0, 1E5, 18446744073709551615, 18446744073709551616, -9223372036854775809]], null, true])",
    R"({"a": "\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00)"
    "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"
    R"(", "b": false})",
};

}  // namespace

TEST_CASE("limn reads damaged JSON as nlohmann/json does") {
  Damage damage(20250601, {"{",        "}",        "[",       "]",
                           ",",        ":",        "\"",      "\\",
                           "-",        "0",        "9",       ".",
                           "e",        "E+",       "1e999",   "[]",
                           "{}",       "\\u00",    "\\ud83d", "\\ude00",
                           "null",     "true",     "1.5",     "18446744073709551615",
                           "\"a\"",    "\xC3",     "\xA4",    "\xED\xA0\x80",
                           "\xF4\x8F", "\xE0\x80", " ",       "\n",
                           "\"b\":1,", "1,",       "/**/",    "\x7F"});
  Outcome outcome;
  for (const char* document : documents) outcome.compare(document);
  REQUIRE(outcome.read == 3);
  for (int round = 0; round < 60000; ++round) {
    const std::string document = documents[damage.below(std::size(documents))];
    outcome.compare(damage.damaged(document, 3));
  }
  CHECK(outcome.different == 0);
  CHECK(outcome.read > 5000);
  CHECK(outcome.refused > 20000);
}

TEST_CASE("limn reads words of JSON in any order as nlohmann/json does") {
  const std::string words[] = {"{",           "}",    "[",    "]",  ",",  ":",   "\"a\"", "\"b\"",
                               "\"\\u00e4\"", "null", "true", "0",  "-1", "2.5", "1e-7",  "-0.0",
                               "1e400",       "01",   "-",    "\"", " ",  "\t"};
  std::mt19937 random(20250602);
  Outcome outcome;
  for (int round = 0; round < 200000; ++round) {
    std::string text;
    for (std::size_t count = random() % 8; count > 0; --count) text += words[random() % std::size(words)];
    outcome.compare(text);
  }
  CHECK(outcome.different == 0);
  CHECK(outcome.read > 2000);
  CHECK(outcome.refused > 100000);
}

TEST_CASE("limn reads strings of random bytes as nlohmann/json does") {
  // The bytes at which something changes in UTF-8, and a few others.
  const unsigned char bytes[] = {0x20, 0x22, 0x5C, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF,
                                 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF, 'n',  'a'};
  std::mt19937 random(20250603);
  Outcome outcome;
  for (int round = 0; round < 200000; ++round) {
    std::string text = "\"";
    for (std::size_t count = random() % 6; count > 0; --count)
      text += static_cast<char>(bytes[random() % sizeof(bytes)]);
    outcome.compare(text + "\"");
  }
  CHECK(outcome.different == 0);
  CHECK(outcome.read > 10000);
  CHECK(outcome.refused > 50000);
}

TEST_CASE("limn reads random numbers as nlohmann/json does") {
  const char characters[] = "0123456789-+.eE";
  std::mt19937 random(20250604);
  Outcome outcome;
  for (int round = 0; round < 300000; ++round) {
    std::string text;
    for (std::size_t count = 1 + random() % 24; count > 0; --count) {
      text += characters[random() % (random() % 4 == 0 ? std::size(characters) - 1 : 10)];
    }
    outcome.compare(text);
  }
  CHECK(outcome.different == 0);
  CHECK(outcome.read > 30000);
  CHECK(outcome.refused > 30000);
}
