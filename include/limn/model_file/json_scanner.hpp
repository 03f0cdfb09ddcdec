#pragma once

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/model_file/json_number.hpp>
#include <limn/model_file/printable.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// A whole number that is not negative; another whole number; any other, or one that 64 bits cannot hold.
using JsonNumber = std::variant<std::uint64_t, std::int64_t, double>;

/// The words of JSON (RFC 8259), read one after another: blanks, strings and numbers. All of it must be UTF-8. Whatever
/// is not as it should be throws Error: "WHAT: invalid JSON: expected a digit at byte 12, found 'x'".
class JsonScanner {
 public:
  /// `text` must outlive this; `what` begins the messages.
  JsonScanner(std::string_view text, std::string what) : text_(text), what_(std::move(what)) {}

  bool at_end() const { return at_ == text_.size(); }
  std::size_t position() const { return at_; }
  const std::string& what() const { return what_; }

  /// The next byte; at the end 0, which begins nothing in JSON.
  char next() const { return at_end() ? '\0' : text_[at_]; }

  /// The text from `begin` to where the scanner is.
  std::string_view since(std::size_t begin) const { return text_.substr(begin, at_ - begin); }

  /// Goes past the next byte if it is `c`.
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void expect(char c, const char* expected) {
    if (!take(c)) fail(expected);
  }

  /// Goes past a word that begins with the next byte.
  void expect_word(std::string_view word) {
    for (const char c : word) {
      if (!take(c)) fail(std::string(word));
    }
  }

  void skip_blanks() {
    const std::size_t begin = at_;
    while (next() == ' ' || next() == '\t' || next() == '\n' || next() == '\r') ++at_;
    check_length("blanks", begin);
  }

  /// The string that begins with the next byte, which is a quote. It may be moved from, and is valid until the next.
  std::string& read_string() {
    const std::size_t begin = at_++;
    string_.clear();
    while (!take('"')) {
      const auto c = static_cast<unsigned char>(next());
      if (at_end()) fail("the quote that ends the string");
      if (c < 0x20) fail("a character of a string, or its end");
      if (c == '\\') {
        ++at_;
        read_escape();
      } else if (c < 0x80) {
        string_ += text_[at_++];
      } else {
        read_utf8();
      }
      check_length("a string", begin);
    }
    return string_;
  }

  /// The number that begins with the next byte, which is a minus or a digit.
  JsonNumber read_number() {
    const std::size_t begin = at_;
    const bool negative = take('-');
    if (!take('0')) skip_digits();
    bool whole = true;
    if (take('.')) {
      whole = false;
      skip_digits();
    }
    if (take('e') || take('E')) {
      whole = false;
      if (!take('+')) take('-');
      skip_digits();
    }
    check_length("a number", begin);
    const std::string_view number = since(begin);
    if (whole && negative) {
      std::int64_t value = 0;
      if (holds(number, value)) return value;
    } else if (whole) {
      std::uint64_t value = 0;
      if (holds(number, value)) return value;
    }
    const double value = read_decimal(number);
    if (std::isinf(value)) {
      at_ = begin;
      fail("a number that fits a double", printable(number));
    }
    return value;
  }

  /// Throws Error: the next byte is not what is expected.
  [[noreturn]] void fail(const std::string& expected) const {
    const char c = next();
    if (at_end()) fail(expected, "the end of the text");
    if (c > 0x20 && c < 0x7F) fail(expected, std::string("'") + c + "'");
    constexpr char digits[] = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    fail(expected, std::string("the byte 0x") + digits[byte / 16] + digits[byte % 16]);
  }

 private:
  [[noreturn]] void fail(const std::string& expected, const std::string& found) const {
    throw Error(what_ + ": invalid JSON: expected " + expected + " at byte " + std::to_string(at_) + ", found " +
                found);
  }

  /// So that what is kept of a text stays small however long it is.
  void check_length(const char* name, std::size_t begin) const {
    constexpr std::size_t longest = std::size_t{1} << 20;
    if (at_ - begin > longest) {
      throw Error(what_ + ": " + name + " of more than " + std::to_string(longest) + " bytes at byte " +
                  std::to_string(begin));
    }
  }

  bool is_digit() const { return next() >= '0' && next() <= '9'; }

  void skip_digits() {
    if (!is_digit()) fail("a digit");
    while (is_digit()) ++at_;
  }

  template <class Integer>
  static bool holds(std::string_view number, Integer& value) {
    return std::from_chars(number.data(), number.data() + number.size(), value).ec == std::errc();
  }

  /// What follows a backslash.
  void read_escape() {
    switch (next()) {
      case '"':
      case '\\':
      case '/': string_ += next(); break;
      case 'b': string_ += '\b'; break;
      case 'f': string_ += '\f'; break;
      case 'n': string_ += '\n'; break;
      case 'r': string_ += '\r'; break;
      case 't': string_ += '\t'; break;
      case 'u': ++at_; return read_escaped_character();
      default: fail("an escape sequence");
    }
    ++at_;
  }

  /// What follows \u: a character, or the first half of one and the second, each a surrogate.
  void read_escaped_character() {
    const std::size_t begin = at_;
    std::uint32_t character = read_hex();
    if (character >= 0xD800 && character < 0xDC00) {
      constexpr const char* second = "the second half of a surrogate pair";
      expect('\\', second);
      expect('u', second);
      const std::size_t begin_of_second = at_;
      const std::uint32_t low = read_hex();
      if (low < 0xDC00 || low > 0xDFFF) {
        at_ = begin_of_second;
        fail(second);
      }
      character = 0x10000 + ((character - 0xD800) << 10) + (low - 0xDC00);
    } else if (character >= 0xDC00 && character <= 0xDFFF) {
      at_ = begin;
      fail("the first half of a surrogate pair before the second");
    }
    append_utf8(character);
  }

  std::uint32_t read_hex() {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = next();
      std::uint32_t digit = 0;
      if (c >= '0' && c <= '9') {
        digit = static_cast<std::uint32_t>(c - '0');
      } else if (c >= 'a' && c <= 'f') {
        digit = static_cast<std::uint32_t>(c - 'a' + 10);
      } else if (c >= 'A' && c <= 'F') {
        digit = static_cast<std::uint32_t>(c - 'A' + 10);
      } else {
        fail("a hexadecimal digit");
      }
      value = value * 16 + digit;
    }
    return value;
  }

  void append_utf8(std::uint32_t character) {
    const auto append = [this](std::uint32_t byte) { string_ += static_cast<char>(static_cast<unsigned char>(byte)); };
    if (character < 0x80) return append(character);
    if (character < 0x800) {
      append(0xC0 | character >> 6);
    } else {
      if (character < 0x10000) {
        append(0xE0 | character >> 12);
      } else {
        append(0xF0 | character >> 18);
        append(0x80 | (character >> 12 & 0x3F));
      }
      append(0x80 | (character >> 6 & 0x3F));
    }
    append(0x80 | (character & 0x3F));
  }

  /// A character of several bytes, in the one way to write it (RFC 3629, section 4).
  void read_utf8() {
    const auto first = static_cast<unsigned char>(next());
    if (first < 0xC2 || first > 0xF4) fail("UTF-8");
    const int following = first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
    // Of the second byte: not what fewer bytes could say, no surrogates, nothing beyond U+10FFFF.
    int lowest = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    int highest = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    string_ += text_[at_++];
    for (int i = 0; i < following; ++i) {
      const auto byte = static_cast<unsigned char>(next());
      if (byte < lowest || byte > highest) fail("UTF-8");
      string_ += text_[at_++];
      lowest = 0x80;
      highest = 0xBF;
    }
  }

  std::string_view text_;
  std::string what_;
  std::size_t at_ = 0;
  std::string string_;
};

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
