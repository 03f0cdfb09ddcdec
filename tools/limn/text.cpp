#include "text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <new>

#include <nlohmann/json.hpp>

#include <limn/core/error.hpp>

namespace limn::program {

std::string format(const char* pattern, ...) {
  std::va_list arguments;
  va_start(arguments, pattern);
  std::va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, pattern, arguments);
  std::string text(length > 0 ? static_cast<std::size_t>(length) : 0, '\0');
  std::vsnprintf(text.data(), text.size() + 1, pattern, again);
  va_end(again);
  va_end(arguments);
  return text;
}

std::string printable(std::string text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    if (byte == 0xC2 && next >= 0x80 && next <= 0x9F) {
      text.replace(i, 2, "?");
    } else if (byte < 0x20 || byte == 0x7F) {
      text[i] = byte == '\n' ? ' ' : '?';
    }
  }
  return text;
}

std::string thousands(std::int64_t number) {
  std::string digits = std::to_string(number);
  const std::size_t first = number < 0 ? 1 : 0;
  for (std::size_t i = digits.size(); i > first + 3;) digits.insert(i -= 3, ",");
  return digits;
}

std::string text_of(double share) { return std::isnan(share) ? "-" : format("%.4f", share); }

std::string text_of(const std::exception& error) {
  return dynamic_cast<const std::bad_alloc*>(&error) != nullptr ? "not enough memory" : error.what();
}

std::string text_of(const nlohmann::ordered_json& json, int indent) {
  return json.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string count_of(std::size_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::pair<Index, Index> parse_size(const std::string& text, const std::string& option) {
  if (text.empty()) return {0, 0};
  int height = 0;
  int width = 0;
  char more = 0;
  if (text.size() > 12 || std::sscanf(text.c_str(), "%dx%d%c", &height, &width, &more) != 2 || height <= 0 ||
      width <= 0) {
    throw Error(option + " " + text + ": expected HEIGHTxWIDTH in pixels, for example 256x192");
  }
  return {height, width};
}

void Table::print() const {
  std::vector<std::size_t> widths(rows_[0].size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = (std::max)(widths[i], row[i].size());
  }
  std::size_t total = 2 * (widths.size() - 1);
  for (const std::size_t width : widths) total += width;
  const std::string rule(total, '-');

  std::printf("%s\n", rule.c_str());
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < rows_[r].size(); ++i) {
      const std::string blanks(widths[i] - rows_[r][i].size(), ' ');
      const bool left = std::find(left_.begin(), left_.end(), i) != left_.end();
      const std::string cell = printable(rows_[r][i]);
      line += (i > 0 ? "  " : "") + (left ? cell + blanks : blanks + cell);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    std::printf("%s\n", line.c_str());
    if (r == 0) std::printf("%s\n", rule.c_str());
  }
  std::printf("%s\n", rule.c_str());
}

}  // namespace limn::program
