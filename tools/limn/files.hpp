// Files that a command reads or writes, told apart by what they are and not by what they are called.
#pragma once

#include <map>
#include <string>
#include <utility>

namespace limn::program {

/// The path without links and detours, whether there is such a file or not.
std::string canonical_name(const std::string& path);

/// Files, each known by all of its names: by way of links, hard ones too, or of another mount. One that does not exist
/// is known by its canonical name.
class FileSet {
 public:
  /// An empty path is no file.
  void insert(const std::string& path);

  /// The name under which the file was inserted that this path leads to; null if it was not.
  const std::string* find(const std::string& path) const;

 private:
  std::map<std::pair<unsigned long long, unsigned long long>, std::string> by_identity_;  // device and number there
  std::map<std::string, std::string> by_name_;
};

}  // namespace limn::program
