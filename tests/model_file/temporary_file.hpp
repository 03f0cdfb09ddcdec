#pragma once

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

/// A file in the system's folder for temporary files, removed in the end. Test cases run side by side: give each name
/// once.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& name, const std::vector<unsigned char>& bytes = {})
      : path((std::filesystem::temp_directory_path() / ("limn_test_" + name)).string()) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { std::remove(path.c_str()); }

  const std::string path;
};
