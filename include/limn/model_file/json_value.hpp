#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/model_file/json_parser.hpp>
#include <limn/model_file/printable.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

struct JsonMember;

/// A value of a JSON text. Its destruction takes no memory.
struct JsonValue {
  struct Null {};
  using Array = std::vector<JsonValue>;
  using Object = std::vector<JsonMember>;  // sorted by key

  /// Whole numbers beyond the signed 64 bits are doubles.
  std::variant<Null, bool, std::int64_t, double, std::string, Array, Object> value;
  std::string_view source;  ///< the part of the text that says it

  /// The value of type T; null if it is of another.
  template <class T>
  const T* get() const {
    return std::get_if<T>(&value);
  }
};

struct JsonMember {
  std::string key;
  JsonValue value;
};

/// The value of a key; null if the object has no such key.
inline const JsonValue* find(const JsonValue::Object& object, std::string_view key) {
  const auto found = std::lower_bound(object.begin(), object.end(), key,
                                      [](const JsonMember& member, std::string_view k) { return member.key < k; });
  return found == object.end() || found->key != key ? nullptr : &found->value;
}

/// Makes a JsonValue of the events of a JsonParser.
class JsonTree {
 public:
  explicit JsonTree(std::string what) : what_(std::move(what)) {}

  void null(std::string_view source) { add(JsonValue::Null(), source); }
  void boolean(bool value, std::string_view source) { add(value, source); }
  void number(std::int64_t value, std::string_view source) { add(value, source); }
  void number(double value, std::string_view source) { add(value, source); }
  void number(std::uint64_t value, std::string_view source) {
    if (value > static_cast<std::uint64_t>((std::numeric_limits<std::int64_t>::max)())) {
      add(static_cast<double>(value), source);
    } else {
      add(static_cast<std::int64_t>(value), source);
    }
  }
  void string(std::string& value, std::string_view source) { add(std::move(value), source); }
  void key(std::string& value) {
    count();
    std::get<JsonValue::Object>(open_.back()->value).push_back({std::move(value), {}});
  }
  void start_object(std::string_view source) { open_.push_back(&add(JsonValue::Object(), source)); }
  void end_object(std::string_view source) {
    auto& members = std::get<JsonValue::Object>(open_.back()->value);
    std::sort(members.begin(), members.end(), [](const JsonMember& a, const JsonMember& b) { return a.key < b.key; });
    const auto twice = std::adjacent_find(members.begin(), members.end(),
                                          [](const JsonMember& a, const JsonMember& b) { return a.key == b.key; });
    if (twice != members.end()) throw Error(what_ + ": key \"" + printable(twice->key) + "\" appears twice");
    close(source);
  }
  void start_array(std::string_view source) { open_.push_back(&add(JsonValue::Array(), source)); }
  void end_array(std::string_view source) { close(source); }

  JsonValue root;

 private:
  template <class T>
  JsonValue& add(T&& value, std::string_view source) {
    count();
    JsonValue& added = next();
    added.value = std::forward<T>(value);
    added.source = source;
    return added;
  }

  /// Where the value that comes belongs.
  JsonValue& next() {
    if (open_.empty()) return root;
    if (auto* const array = std::get_if<JsonValue::Array>(&open_.back()->value)) return array->emplace_back();
    return std::get<JsonValue::Object>(open_.back()->value).back().value;
  }

  void close(std::string_view source) {
    const char* const begin = open_.back()->source.data();
    open_.back()->source = {begin, static_cast<std::size_t>(source.data() + source.size() - begin)};
    open_.pop_back();
  }

  void count() {
    constexpr int most_values = 20000;
    if (++count_ > most_values) throw Error(what_ + ": more than " + std::to_string(most_values) + " values");
  }

  std::string what_;
  std::vector<JsonValue*> open_;  // arrays and objects; only the innermost grows, so the others stay where they are
  int count_ = 0;
};

/// A small document, which is valid as long as `text`. Throws Error, beginning with `what`, as JsonParser does, and if
/// an object has a key twice or there are more than 20000 values, keys among them.
inline JsonValue parse_json(std::string_view text, const std::string& what) {
  JsonTree tree(what);
  JsonParser<JsonTree>(text, what, tree).parse();
  return std::move(tree.root);
}

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
