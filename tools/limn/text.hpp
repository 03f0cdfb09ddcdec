// Numbers and tables as the program prints them.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <limn/core/eigen.hpp>

namespace limn::program {

/// printf into a string.
#if defined(__MINGW32__)
__attribute__((format(gnu_printf, 1, 2)))  // libstdc++ has MinGW's own there, not Windows'
#elif defined(__GNUC__) || defined(__clang__)
__attribute__((format(printf, 1, 2)))
#endif
std::string
format(const char* pattern, ...);

/// The text in one line for a terminal, which must not obey what a file says: control characters, also those that UTF-8
/// writes in two bytes (C1), become question marks, and ends of lines blanks.
std::string printable(std::string text);

/// 15376464 as "15,376,464".
std::string thousands(std::int64_t number);

/// A share with four decimals; "-" for NaN, a share of nothing.
std::string text_of(double share);

/// What an error says, in words where it has none of its own.
std::string text_of(const std::exception& error);

/// A JSON document in one line, or in lines of so many blanks more for each level. Names of files need not be UTF-8:
/// what is not becomes a replacement character.
std::string text_of(const nlohmann::ordered_json& json, int indent = -1);

/// "1 photo", "2 photos".
std::string count_of(std::size_t count, const std::string& one, const std::string& many);

/// The words, with commas between them.
std::string joined(const std::vector<std::string>& words);

/// Height and width from "HEIGHTxWIDTH"; both 0 for an empty text. Throws Error, naming the option that it is from, for
/// anything else.
std::pair<Index, Index> parse_size(const std::string& text, const std::string& option = "--input");

/// Rows of text in columns: the first column to the left, the others to the right unless said otherwise.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}

  /// As many cells as the header has.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

  /// Columns of text, which begin at the left.
  void left_align(std::size_t column) { left_.push_back(column); }

  /// Prints to stdout.
  void print() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> left_ = {0};
};

}  // namespace limn::program
