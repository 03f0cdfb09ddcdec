#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/model_file/parse_json.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// A value of the document that knows where it stands, so that every message names its file and its field.
class Field {
 public:
  using json = nlohmann::json;

  Field(const json* value, std::string path, const std::string* file)
      : value_(value), path_(std::move(path)), file_(file) {}

  [[noreturn]] void fail(const std::string& expected) const {
    const std::string found = value_ == nullptr ? "nothing" : printable(value_->dump(-1, ' ', true));
    throw Error(*file_ + ": metadata 'limn': " + (path_.empty() ? "" : path_ + ": ") + "expected " + expected +
                ", found " + found);
  }

  bool present() const { return value_ != nullptr; }
  bool is_array() const { return present() && value_->is_array(); }

  /// The field `key` of this object, which is present() only if the object has it.
  Field operator[](const std::string& key) const {
    if (!present() || !value_->is_object()) fail("an object");
    const auto found = value_->find(key);
    return {found == value_->end() ? nullptr : &*found, path_.empty() ? key : path_ + "." + key, file_};
  }

  /// The elements of this array.
  std::vector<Field> elements(std::size_t fewest, std::size_t most, const std::string& expected) const {
    if (!is_array() || value_->size() < fewest || value_->size() > most) fail(expected);
    std::vector<Field> result;
    for (std::size_t i = 0; i < value_->size(); ++i) {
      result.emplace_back(&(*value_)[i], path_ + "[" + std::to_string(i) + "]", file_);
    }
    return result;
  }

  std::string text() const {
    if (!present() || !value_->is_string()) fail("a string");
    return value_->get<std::string>();
  }

  bool boolean() const {
    if (!present() || !value_->is_boolean()) fail("true or false");
    return value_->get<bool>();
  }

  bool is_integer(Index smallest, Index largest) const {
    if (!present() || !value_->is_number_integer()) return false;
    // As a signed number, one above the signed range would wrap round.
    constexpr auto most = static_cast<std::uint64_t>((std::numeric_limits<std::int64_t>::max)());
    if (value_->is_number_unsigned() && value_->get<std::uint64_t>() > most) return false;
    const auto value = value_->get<std::int64_t>();
    return value >= smallest && value <= largest;
  }

  Index integer(Index smallest, Index largest, const std::string& expected) const {
    if (!is_integer(smallest, largest)) fail(expected);
    return static_cast<Index>(value_->get<std::int64_t>());
  }

  double number(double smallest, double largest, const std::string& expected) const {
    if (!present() || !value_->is_number()) fail(expected);
    const auto value = value_->get<double>();
    if (!(value >= smallest && value <= largest)) fail(expected);
    return value;
  }

  /// One of a few words, each standing for a value.
  template <class T>
  T choice(const std::vector<std::pair<std::string, T>>& words) const {
    std::string expected;
    for (const auto& [word, meaning] : words) {
      if (present() && value_->is_string() && value_->get_ref<const std::string&>() == word) return meaning;
      expected += (expected.empty() ? "\"" : " or \"") + word + "\"";
    }
    fail(expected);
  }

 private:
  const json* value_;  // null: the field is absent
  std::string path_;
  const std::string* file_;
};

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
