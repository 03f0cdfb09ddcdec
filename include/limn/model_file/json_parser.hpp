#pragma once

#include <string>
#include <string_view>
#include <variant>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/model_file/json_scanner.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// Reads a JSON text from its beginning to its end, and tells what is in it to `events`, in the order of the text:
///
///     void null(std::string_view source);
///     void boolean(bool value, std::string_view source);
///     void number(std::uint64_t value, std::string_view source);  // a whole number that is not negative
///     void number(std::int64_t value, std::string_view source);   // one with a minus
///     void number(double value, std::string_view source);         // any other, also a whole one beyond 64 bits
///     void string(std::string& value, std::string_view source);   // may be moved from
///     void key(std::string& value);                               // may be moved from; the value follows
///     void start_object(std::string_view source);
///     void end_object(std::string_view source);
///     void start_array(std::string_view source);
///     void end_array(std::string_view source);
///
/// where `source` is the part of the text that says it, for objects and arrays their brackets.
///
/// The text is what RFC 8259 calls JSON in UTF-8, without a byte order mark; keys may appear twice. Throws Error,
/// beginning with `what`, if it is not, if objects and arrays are nested more than 16 deep, or if a string, a number or
/// the blanks between two words are longer than 1 MiB. What the events throw goes through.
template <class Events>
class JsonParser {
 public:
  JsonParser(std::string_view text, const std::string& what, Events& events) : scanner_(text, what), events_(events) {}

  void parse() {
    scanner_.skip_blanks();
    read_value(0);
    scanner_.skip_blanks();
    if (!scanner_.at_end()) scanner_.fail("the end of the text");
  }

 private:
  /// A value inside of `depth` objects and arrays.
  void read_value(int depth) {
    constexpr int deepest = 16;
    const std::size_t begin = scanner_.position();
    const char first = scanner_.next();
    if ((first == '{' || first == '[') && depth == deepest) {
      throw Error(scanner_.what() + ": nested more than " + std::to_string(deepest) + " deep");
    }
    switch (first) {
      case '{': return read_object(depth + 1);
      case '[': return read_array(depth + 1);
      case '"': {
        std::string& value = scanner_.read_string();
        return events_.string(value, scanner_.since(begin));
      }
      case 'n': scanner_.expect_word("null"); return events_.null(scanner_.since(begin));
      case 't': scanner_.expect_word("true"); return events_.boolean(true, scanner_.since(begin));
      case 'f': scanner_.expect_word("false"); return events_.boolean(false, scanner_.since(begin));
      default: break;
    }
    if (first != '-' && (first < '0' || first > '9')) scanner_.fail("a value");
    const JsonNumber number = scanner_.read_number();
    std::visit([&](auto value) { events_.number(value, scanner_.since(begin)); }, number);
  }

  void read_object(int depth) {
    events_.start_object(take_bracket());
    read_list('}', "',' or '}'", [&] {
      if (scanner_.next() != '"') scanner_.fail("a key in quotes");
      events_.key(scanner_.read_string());
      scanner_.skip_blanks();
      scanner_.expect(':', "':' after a key");
      scanner_.skip_blanks();
      read_value(depth);
    });
    events_.end_object(take_bracket());
  }

  void read_array(int depth) {
    events_.start_array(take_bracket());
    read_list(']', "',' or ']'", [&] { read_value(depth); });
    events_.end_array(take_bracket());
  }

  /// What stands between the brackets, with commas between the entries.
  template <class ReadEntry>
  void read_list(char end, const char* comma_or_end, ReadEntry&& read_entry) {
    scanner_.skip_blanks();
    if (scanner_.next() == end) return;
    do {
      scanner_.skip_blanks();
      read_entry();
      scanner_.skip_blanks();
    } while (scanner_.take(','));
    if (scanner_.next() != end) scanner_.fail(comma_or_end);
  }

  std::string_view take_bracket() {
    const std::size_t begin = scanner_.position();
    scanner_.take(scanner_.next());
    return scanner_.since(begin);
  }

  JsonScanner scanner_;
  Events& events_;
};

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
