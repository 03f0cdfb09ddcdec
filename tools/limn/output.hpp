// Files of text that a command writes: JSON and COCO's results.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

namespace limn::program {

/// A file to be written when the work is done. It is opened before the work, so that a wrong name costs nothing, beside
/// the one it is going to replace: whatever happens until it is complete, that one stays as it was.
class Output {
 public:
  /// `path`: "-" for stdout, "" for none. Throws Error, naming the option that it is from, if the name is a picture's,
  /// if it is one of `inputs`, compared as files and not as names, or if it cannot be written.
  Output(const std::string& path, const std::string& option, const std::vector<std::string>& inputs);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  /// Whether there is anything to be written.
  explicit operator bool() const { return file_ != nullptr; }

  /// Writes all of it and puts the file in its place; to be called once. Throws Error if it cannot.
  void write(const std::string& text);

 private:
  std::string path_;
  std::string temporary_;  // empty where it is written directly, as to a device
  std::FILE* file_ = nullptr;
};

}  // namespace limn::program
