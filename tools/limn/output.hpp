// Files that a command writes: pictures, JSON and COCO's results. Each is written beside the one that it replaces and
// then put in its place, so that whatever happens in between, that one is as it was or new.
#pragma once

#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>

#include <limn/core/error.hpp>

#include "files.hpp"

namespace limn::program {

/// A file that is to replace another, or to be the first of its name.
class NewFile {
 public:
  /// Opens NAME.part, or NAME.part2, ... beside `path`: one that does not exist, since that may be anybody's, even what
  /// a killed run has left. Where `path` is a link, the file that it leads to is replaced. Throws Error if it cannot.
  explicit NewFile(const std::string& path);

  /// What is not in its place by now is removed, unless whole parts of it are to be kept.
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  /// Adds to the file, and sees to it that the system has all of it. Throws Error if it cannot.
  void write(const void* data, std::size_t size);

  /// From now on, what is written is worth keeping though more of it was to come: if that fails the file ends here.
  void keep();

  /// Replaces the file that has the name; with `lasting`, as soon as the disk has what was written, so that also after
  /// a loss of power the file is as it was or new. Throws Error if it cannot.
  void put_in_place(bool lasting = false);

 private:
  [[noreturn]] void fail();

  std::string name_;  // as it was given, for messages
  std::string path_;
  std::string part_;
  std::FILE* file_ = nullptr;
  std::size_t size_ = 0;
  std::size_t kept_ = 0;
};

/// Text that is written bit by bit. Opened before the work, so that a wrong name costs nothing.
class Output {
 public:
  /// `path`: "-" for stdout, "" for none. Throws Error, naming the option that it is from, if the name is a picture's,
  /// if it is one of `others`, or if it cannot be written.
  Output(const std::string& path, const std::string& option, const FileSet& others);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  /// Whether there is anything to be written.
  explicit operator bool() const { return file_ || stream_ != nullptr; }

  /// Adds to the text. Whatever happens later, this will be found: after a failure under the name that the message
  /// gives, if the process is killed under NAME.part. Throws Error if it cannot; there is no more to be added then, and
  /// who tries is told of the same failure.
  void write(const std::string& text);

  /// Puts the file in its place, see NewFile. Throws Error if it cannot.
  void finish(bool lasting = false);

 private:
  void add(const std::string& text);

  std::string path_;
  std::optional<NewFile> file_;
  std::FILE* stream_ = nullptr;   // stdout, or a device or pipe, which nothing can replace
  std::optional<Error> failure_;  // the first
};

}  // namespace limn::program
