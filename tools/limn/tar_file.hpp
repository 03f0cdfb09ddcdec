// Tar archives, read from the beginning to the end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "input_stream.hpp"

namespace limn::program {

/// Reads POSIX's formats (ustar and pax: IEEE Std 1003.1-2017, pax, "EXTENDED DESCRIPTION") and GNU's long names and
/// sizes (GNU tar manual, "Basic Tar Format").
class TarFile {
 public:
  /// Nothing is read yet.
  explicit TarFile(InputStream& stream) : stream_(stream) {}

  /// Goes to the next file in it; links, folders and devices are left out. Returns false at the end. Throws Error,
  /// naming the archive, if it is none, is compressed, or ends before its end.
  bool next();

  /// The name of the file that it is at, with its folders.
  const std::string& name() const { return name_; }

  /// The number of its bytes, as the archive says.
  std::uint64_t size() const { return size_; }

  /// Its bytes, once. Throws Error if the archive ends within them.
  std::vector<unsigned char> read();

 private:
  struct Header;
  bool read_header(Header& header);
  void read_pax(std::uint64_t size);
  std::vector<unsigned char> read_bytes(std::uint64_t size);
  void skip_rest();

  InputStream& stream_;
  std::string name_;
  std::string long_name_;  // from GNU's or pax's own header, for the next file
  bool has_long_size_ = false;
  std::uint64_t long_size_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t rest_ = 0;  // bytes until the next header
  bool begun_ = false;
};

}  // namespace limn::program
