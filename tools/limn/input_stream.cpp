#include "input_stream.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#if defined(_WIN32)
#include <io.h>
#else
#include <poll.h>
#include <unistd.h>
#endif

#include <limn/core/error.hpp>
#include <limn/core/file.hpp>

#include "interrupt.hpp"

namespace limn::program {

namespace {

constexpr std::size_t buffer_size = std::size_t{1} << 16;
constexpr std::size_t longest_text = std::size_t{1} << 24;

#if defined(_WIN32)

int open_file(const std::string& path) { return _open(path.c_str(), _O_RDONLY | _O_BINARY); }
void close_file(int file) { _close(file); }
int read_some(int file, char* data, std::size_t size) { return _read(file, data, static_cast<unsigned>(size)); }
bool wait_for_bytes(int) { return interrupted() == 0; }

#else

int open_file(const std::string& path) { return open(path.c_str(), O_RDONLY | O_CLOEXEC); }
void close_file(int file) { close(file); }

ssize_t read_some(int file, char* data, std::size_t size) {
  ssize_t count = 0;
  do {
    count = ::read(file, data, size);
  } while (count < 0 && errno == EINTR);
  return count;
}

/// Returns false if an interrupt came first.
bool wait_for_bytes(int file) {
  constexpr int milliseconds = 50;  // an interrupt may come between the question and the waiting, which then sleeps
  while (interrupted() == 0) {
    pollfd waited{file, POLLIN, 0};
    if (poll(&waited, 1, milliseconds) != 0) return interrupted() == 0;
  }
  return false;
}

#endif

}  // namespace

InputStream::InputStream(const std::string& path) : name_(path == "-" ? "stdin" : path) {
  errno = 0;
  file_ = path == "-" ? 0 : open_file(path);
  if (file_ < 0) throw detail::file_error(name_, "cannot be opened", errno);
}

InputStream::~InputStream() {
  if (file_ > 0) close_file(file_);
}

bool InputStream::fill() {
  used_ = 0;
  buffer_.clear();
  if (!wait_for_bytes(file_)) return false;
  buffer_.resize(buffer_size);
  errno = 0;
  const auto count = read_some(file_, buffer_.data(), buffer_.size());
  if (count < 0) {
    buffer_.clear();
    throw detail::file_error(name_, "cannot be read", errno);
  }
  buffer_.resize(static_cast<std::size_t>(count));
  return count > 0;
}

std::size_t InputStream::read(void* data, std::size_t size) {
  std::size_t done = 0;
  while (done < size && (used_ < buffer_.size() || fill())) {
    const std::size_t count = (std::min)(size - done, buffer_.size() - used_);
    std::memcpy(static_cast<char*>(data) + done, buffer_.data() + used_, count);
    used_ += count;
    done += count;
  }
  return done;
}

bool InputStream::skip(std::size_t size) {
  while (size > 0 && (used_ < buffer_.size() || fill())) {
    const std::size_t count = (std::min)(size, buffer_.size() - used_);
    used_ += count;
    size -= count;
  }
  return size == 0;
}

bool InputStream::read_until(char separator, std::string& text) {
  text.clear();
  while (used_ < buffer_.size() || fill()) {
    const std::size_t end = buffer_.find(separator, used_);
    const std::size_t stop = end == std::string::npos ? buffer_.size() : end;
    text.append(buffer_, used_, stop - used_);
    used_ = end == std::string::npos ? stop : end + 1;
    if (end != std::string::npos) return true;
    if (text.size() > longest_text) throw Error(name_ + ": a line longer than 16 MiB");
  }
  return !text.empty();
}

}  // namespace limn::program
