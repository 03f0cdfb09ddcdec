// Bytes that come one after another: from a file, a pipe or stdin.
#pragma once

#include <cstddef>
#include <string>

namespace limn::program {

/// Reads what there is as soon as it is there, and gives up at an interrupt, which a read that waits would not notice.
class InputStream {
 public:
  /// Opens a file; "-" is stdin. Throws Error, naming it, if it cannot.
  explicit InputStream(const std::string& path);
  ~InputStream();
  InputStream(const InputStream&) = delete;
  InputStream& operator=(const InputStream&) = delete;

  /// The path, or "stdin".
  const std::string& name() const { return name_; }

  /// Reads so many bytes, fewer only at the end or after an interrupt. Returns their number. Throws Error if it cannot.
  std::size_t read(void* data, std::size_t size);

  /// Reads and forgets so many. Returns whether there were as many.
  bool skip(std::size_t size);

  /// What comes before the next `separator` or the end; false where there is nothing more. Throws Error if it cannot
  /// be read, or is longer than 16 MiB.
  bool read_until(char separator, std::string& text);

 private:
  bool fill();

  std::string name_;
  int file_ = -1;
  std::string buffer_;
  std::size_t used_ = 0;  // of the buffer
};

}  // namespace limn::program
