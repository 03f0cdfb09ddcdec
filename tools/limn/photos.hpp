// Which photos are asked for, and what the pictures made of them are called.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "files.hpp"

namespace limn::program {

/// A photo to be looked at; `error` says why there is none, where that is known before it is opened.
struct PhotoFile {
  std::string path;
  std::string error;
};

/// Whether the name ends as those of JPEG, PNG and BMP files do, in upper or lower case.
bool has_picture_extension(const std::string& path);

/// Files as they are given; for a folder the pictures in it (not in its own folders), sorted by name.
std::vector<PhotoFile> find_photos(const std::vector<std::string>& arguments);

/// Gives out names for files to be written: none twice, and none that leads to a file of which it is known that the
/// command reads it.
class OutputNames {
 public:
  /// Pictures go into `folder`; empty means the working directory. What is given out is added to `files`.
  OutputNames(std::string folder, FileSet& files);

  /// FOLDER/<stem of the photo><suffix>.jpg for JPEG photos, .png for others; with "_2", "_3", ... before the ending
  /// if the name is taken.
  std::string claim(const std::string& photo, const std::string& suffix);

  /// As many such names.
  std::vector<std::string> claim(const std::string& photo, const std::string& suffix, std::size_t count);

  /// Claims this very name. Returns whether it was free.
  bool claim_exactly(const std::string& path);

 private:
  std::string folder_;
  FileSet& files_;
  std::set<std::string> given_out_;  // in lower case, for file systems that do not tell it from upper case
};

}  // namespace limn::program
