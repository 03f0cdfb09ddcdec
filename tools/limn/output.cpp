#include "output.hpp"

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#if !defined(_WIN32)
#include <unistd.h>
#endif

#include <limn/core/error.hpp>
#include <limn/core/file.hpp>

#include "photos.hpp"

namespace limn::program {

namespace fs = std::filesystem;

namespace {

Error cannot_write(const std::string& path, int code) { return detail::file_error(path, "cannot be written", code); }

/// Whether there is a file that something else can be put in the place of, or none yet.
bool replaceable(const std::string& path) {
  if (path.compare(0, 5, "/dev/") == 0) return false;  // /dev/stdout is a file where that goes to one
  std::error_code error;
  return !fs::exists(path, error) || fs::is_regular_file(path, error);
}

}  // namespace

NewFile::NewFile(const std::string& path) : name_(path), path_(path) {
  std::error_code error;
  if (!replaceable(path)) throw Error(path + ": cannot be written: there is something else than a file");
  const fs::file_status old = fs::status(path, error);
  if (fs::exists(old)) path_ = fs::canonical(path, error).string();
  for (int number = 1; file_ == nullptr; ++number) {
    part_ = path_ + ".part" + (number > 1 ? std::to_string(number) : "");
    errno = 0;
    file_ = std::fopen(part_.c_str(), "wbx");
    if (file_ == nullptr && errno != EEXIST) throw cannot_write(path, errno);
  }
  if (fs::exists(old)) fs::permissions(part_, old.permissions(), error);  // who may not read the old may not the new
}

NewFile::~NewFile() {
  if (file_ != nullptr) std::fclose(file_);
  if (part_.empty()) return;
  std::error_code ignored;
  if (kept_ == 0) {
    fs::remove(part_, ignored);
  } else if (kept_ < size_) {
    fs::resize_file(part_, kept_, ignored);
  }
}

void NewFile::fail() {
  const Error error = cannot_write(name_, errno);
  throw kept_ == 0 ? error : Error(std::string(error.what()) + "; what was done until then is in " + part_);
}

void NewFile::write(const void* data, std::size_t size) {
  errno = 0;
  size_ += size;
  if (std::fwrite(data, 1, size, file_) != size || std::fflush(file_) != 0) fail();
}

void NewFile::keep() { kept_ = size_; }

void NewFile::put_in_place(bool lasting) {
  errno = 0;
#if !defined(_WIN32)
  if (lasting && fsync(fileno(file_)) != 0) fail();
#else
  static_cast<void>(lasting);
#endif
  if (std::fclose(std::exchange(file_, nullptr)) != 0) fail();
  std::error_code error;
  fs::rename(part_, path_, error);
  errno = error.value();
  if (error) fail();
  part_.clear();
}

Output::Output(const std::string& path, const std::string& option, const FileSet& others) : path_(path) {
  if (path.empty()) return;
  if (path == "-") {
    path_ = "stdout";
    stream_ = stdout;
    return;
  }
  if (has_picture_extension(path)) {
    throw Error(option + " " + path + ": expected a name for text, found a picture's");
  }
  if (const std::string* const other = others.find(path)) {
    throw Error(option + " " + path + ": would overwrite " + *other + ", which this command reads or writes");
  }
  if (replaceable(path)) {
    file_.emplace(path);
    return;
  }
  errno = 0;
  stream_ = std::fopen(path.c_str(), "wb");
  if (stream_ == nullptr) throw cannot_write(path, errno);
}

Output::~Output() {
  if (stream_ != nullptr && stream_ != stdout) std::fclose(stream_);
}

void Output::write(const std::string& text) {
  if (failure_) throw Error(*failure_);
  try {
    add(text);
  } catch (const Error& error) {
    failure_ = error;
    throw;
  }
}

void Output::add(const std::string& text) {
  if (file_) {
    file_->write(text.data(), text.size());
    file_->keep();
  } else {
    errno = 0;
    const bool written = std::fwrite(text.data(), 1, text.size(), stream_) == text.size();
    if (std::fflush(stream_) != 0 || !written) throw cannot_write(path_, errno);
  }
}

void Output::finish(bool lasting) {
  if (file_) file_->put_in_place(lasting);
}

}  // namespace limn::program
