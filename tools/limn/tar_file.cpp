#include "tar_file.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <string_view>

#include <limn/core/error.hpp>

#include "interrupt.hpp"

namespace limn::program {

namespace {

constexpr std::size_t tar_block = 512;
constexpr std::uint64_t largest_header = std::uint64_t{1} << 20;  // of names and attributes

std::uint64_t padded(std::uint64_t size) { return (size + tar_block - 1) / tar_block * tar_block; }

/// A text that ends at a zero or with its field.
std::string text_in(const unsigned char* field, std::size_t size) {
  return std::string(reinterpret_cast<const char*>(field),
                     static_cast<std::size_t>(std::find(field, field + size, '\0') - field));
}

/// Octal digits, or, as GNU writes what they are too few for, a number of 256 to a byte. False if it is neither.
bool number_in(const unsigned char* field, std::size_t size, std::uint64_t& number) {
  number = 0;
  if (field[0] == 0x80) {
    for (std::size_t i = 1; i < size; ++i) {
      if (number > std::numeric_limits<std::uint64_t>::max() >> 8) return false;
      number = number << 8 | field[i];
    }
    return true;
  }
  std::size_t i = 0;
  while (i < size && field[i] == ' ') ++i;
  for (; i < size && field[i] >= '0' && field[i] <= '7'; ++i) number = number << 3 | (field[i] - '0');
  return i == size || field[i] == ' ' || field[i] == '\0';
}

}  // namespace

struct TarFile::Header {
  std::array<unsigned char, tar_block> bytes;

  bool zero() const {
    return std::all_of(bytes.begin(), bytes.end(), [](unsigned char byte) { return byte == 0; });
  }

  /// Whether the sum of its bytes, with blanks in the place of the sum, is the sum.
  bool valid() const {
    std::uint64_t expected = 0;
    if (!number_in(&bytes[148], 8, expected)) return false;
    std::uint64_t sum = 8 * ' ';
    for (std::size_t i = 0; i < tar_block; ++i) sum += i < 148 || i >= 156 ? bytes[i] : 0U;
    return sum == expected;
  }

  char type() const { return static_cast<char>(bytes[156]); }

  std::string name() const {
    const std::string name = text_in(&bytes[0], 100);
    const bool ustar = std::memcmp(&bytes[257], "ustar\0", 6) == 0;  // GNU's own format has blanks there, and no prefix
    const std::string prefix = ustar ? text_in(&bytes[345], 155) : std::string();
    return prefix.empty() ? name : prefix + "/" + name;
  }
};

bool TarFile::read_header(Header& header) {
  const std::size_t count = stream_.read(header.bytes.data(), tar_block);
  if (count < tar_block) {
    if (interrupted() != 0) return false;
    if (!begun_ && count == 0) throw Error(stream_.name() + ": is empty, expected a tar archive");
    throw Error(stream_.name() + ": ends without a tar archive's end, as if it were cut short");
  }
  if (header.zero()) return false;
  if (!header.valid()) {
    const bool gzip = header.bytes[0] == 0x1F && header.bytes[1] == 0x8B;
    const bool zstd = std::memcmp(header.bytes.data(), "\x28\xB5\x2F\xFD", 4) == 0;
    if (!begun_ && (gzip || zstd)) throw Error(stream_.name() + ": is compressed, expected a plain tar archive");
    throw Error(stream_.name() +
                (begun_ ? ": damaged, expected the header of the next file in the archive" : ": not a tar archive"));
  }
  begun_ = true;
  return true;
}

std::vector<unsigned char> TarFile::read_bytes(std::uint64_t size) {
  // As they come: a header may lie about how many there are.
  constexpr std::size_t step = std::size_t{1} << 20;
  std::vector<unsigned char> bytes;
  while (bytes.size() < size) {
    const std::size_t before = bytes.size();
    bytes.resize(static_cast<std::size_t>((std::min)(size, std::uint64_t{before} + step)));
    const std::size_t count = stream_.read(bytes.data() + before, bytes.size() - before);
    if (count < bytes.size() - before) throw Error(stream_.name() + ": ends within " + name_);
  }
  return bytes;
}

void TarFile::skip_rest() {
  const std::uint64_t rest = rest_;
  rest_ = 0;
  if (!stream_.skip(static_cast<std::size_t>(rest)) && interrupted() == 0) {
    throw Error(stream_.name() + ": ends within " + name_);
  }
}

void TarFile::read_pax(std::uint64_t size) {
  const std::vector<unsigned char> bytes = read_bytes(size);
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  // Records of "LENGTH KEY=VALUE\n", the length being that of all of it.
  while (!text.empty() && text[0] != '\0') {
    std::size_t length = 0;
    std::size_t i = 0;
    for (; i < text.size() && i < 8 && text[i] >= '0' && text[i] <= '9'; ++i) {
      length = 10 * length + static_cast<std::size_t>(text[i] - '0');
    }
    if (i == 0 || i + 1 >= length || length > text.size() || text[i] != ' ' || text[length - 1] != '\n') {
      throw Error(stream_.name() + ": damaged, expected a pax header's records");
    }
    const std::string_view record = text.substr(i + 1, length - i - 2);
    const std::size_t equal = record.find('=');
    const std::string_view key = record.substr(0, equal);
    const std::string_view value = equal == std::string_view::npos ? "" : record.substr(equal + 1);
    if (key == "path") long_name_ = value;
    if (key == "size") {
      const bool digits = std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
      if (value.empty() || !digits || value.size() > 18) throw Error(stream_.name() + ": damaged, not a file's size");
      long_size_ = std::stoull(std::string(value));
      has_long_size_ = true;
    }
    text.remove_prefix(length);
  }
}

bool TarFile::next() {
  for (;;) {
    skip_rest();
    Header header;
    if (interrupted() != 0 || !read_header(header)) return false;
    if (!number_in(&header.bytes[124], 12, size_) || size_ > std::uint64_t{1} << 62) {
      throw Error(stream_.name() + ": damaged, not a file's size");
    }
    const char type = header.type();
    if (type == 'L' || type == 'K' || type == 'x' || type == 'g') {
      name_ = "the header of a file";
      if (size_ > largest_header) throw Error(stream_.name() + ": a file's name or attributes of more than 1 MiB");
      const std::uint64_t padding = padded(size_) - size_;
      if (type == 'L') {
        const std::vector<unsigned char> bytes = read_bytes(size_);
        long_name_ = text_in(bytes.data(), bytes.size());
      } else if (type == 'x') {
        read_pax(size_);
      } else {
        rest_ = size_;  // a long link's name, or what is true of all files
      }
      rest_ += padding;
      continue;
    }
    name_ = long_name_.empty() ? header.name() : long_name_;
    if (has_long_size_) size_ = long_size_;
    long_name_.clear();
    has_long_size_ = false;
    const bool has_content = type != '1' && type != '2' && type != '3' && type != '4' && type != '5' && type != '6';
    rest_ = has_content ? padded(size_) : 0;
    if (type == '0' || type == '\0' || type == '7') return true;
  }
}

std::vector<unsigned char> TarFile::read() {
  std::vector<unsigned char> bytes = read_bytes(size_);
  rest_ -= size_;
  return bytes;
}

}  // namespace limn::program
