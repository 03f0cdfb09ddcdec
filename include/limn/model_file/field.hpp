#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/model_file/json_value.hpp>
#include <limn/model_file/printable.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// JSON, which must be valid, without the blanks between its words.
inline std::string without_blanks(std::string_view json) {
  std::string result;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (json[i] == '"') in_string = !in_string;
    if (in_string && json[i] == '\\') result += json[i++];  // what follows it ends no string
    const bool blank = json[i] == ' ' || json[i] == '\t' || json[i] == '\n' || json[i] == '\r';
    if (in_string || !blank) result += json[i];
  }
  return result;
}

/// A value of the document that knows where it stands, so that every message names its file and its field.
class Field {
 public:
  Field(const JsonValue* value, std::string path, const std::string* file)
      : value_(value), path_(std::move(path)), file_(file) {}

  [[noreturn]] void fail(const std::string& expected) const {
    const std::string found = value_ == nullptr ? "nothing" : printable(without_blanks(value_->source));
    throw Error(*file_ + ": metadata 'limn': " + (path_.empty() ? "" : path_ + ": ") + "expected " + expected +
                ", found " + found);
  }

  bool present() const { return value_ != nullptr; }
  bool is_array() const { return get<JsonValue::Array>() != nullptr; }

  /// The field `key` of this object, which is present() only if the object has it.
  Field operator[](const std::string& key) const {
    const auto* const object = get<JsonValue::Object>();
    if (object == nullptr) fail("an object");
    return {find(*object, key), path_.empty() ? key : path_ + "." + key, file_};
  }

  /// The values of this object, sorted by their keys.
  std::vector<std::pair<std::string, Field>> members(const std::string& expected) const {
    const auto* const object = get<JsonValue::Object>();
    if (object == nullptr) fail(expected);
    std::vector<std::pair<std::string, Field>> result;
    for (const JsonMember& member : *object) {
      // The key is the file's own text.
      result.emplace_back(member.key, Field(&member.value, path_ + "[\"" + printable(member.key) + "\"]", file_));
    }
    return result;
  }

  /// The elements of this array.
  std::vector<Field> elements(std::size_t fewest, std::size_t most, const std::string& expected) const {
    const auto* const array = get<JsonValue::Array>();
    if (array == nullptr || array->size() < fewest || array->size() > most) fail(expected);
    std::vector<Field> result;
    for (std::size_t i = 0; i < array->size(); ++i) {
      result.emplace_back(&(*array)[i], path_ + "[" + std::to_string(i) + "]", file_);
    }
    return result;
  }

  std::string text() const {
    const auto* const value = get<std::string>();
    if (value == nullptr) fail("a string");
    return *value;
  }

  bool boolean() const {
    const auto* const value = get<bool>();
    if (value == nullptr) fail("true or false");
    return *value;
  }

  bool is_integer(Index smallest, Index largest) const {
    const auto* const value = get<std::int64_t>();
    return value != nullptr && *value >= smallest && *value <= largest;
  }

  Index integer(Index smallest, Index largest, const std::string& expected) const {
    if (!is_integer(smallest, largest)) fail(expected);
    return static_cast<Index>(*get<std::int64_t>());
  }

  double number(double smallest, double largest, const std::string& expected) const {
    const auto* const whole = get<std::int64_t>();
    const auto* const real = get<double>();
    if (whole == nullptr && real == nullptr) fail(expected);
    const double value = whole != nullptr ? static_cast<double>(*whole) : *real;
    if (!(value >= smallest && value <= largest)) fail(expected);
    return value;
  }

  /// One of a few words, each standing for a value.
  template <class T>
  T choice(const std::vector<std::pair<std::string, T>>& words) const {
    const auto* const text = get<std::string>();
    std::string expected;
    for (const auto& [word, meaning] : words) {
      if (text != nullptr && *text == word) return meaning;
      expected += (expected.empty() ? "\"" : " or \"") + word + "\"";
    }
    fail(expected);
  }

 private:
  /// The value, if it is present and a T.
  template <class T>
  const T* get() const {
    return present() ? value_->get<T>() : nullptr;
  }

  const JsonValue* value_;  // null: the field is absent
  std::string path_;
  const std::string* file_;
};

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
