// What is read from a file and not from memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

namespace fuzz {

/// A file that is written again and again. Its name is its own: several processes fuzz at a time.
class ScratchFile {
 public:
  ScratchFile() {
    namespace fs = std::filesystem;
    const fs::path memory = "/dev/shm";  // Linux; a file on a disk takes ten times as long
    const fs::path folder = fs::is_directory(memory) ? memory : fs::temp_directory_path();
    path_ = (folder / ("limn_fuzz_" + std::to_string(std::random_device()()))).string();
  }
  ~ScratchFile() { std::remove(path_.c_str()); }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  /// Its path, after it was filled with this.
  const std::string& write(const std::uint8_t* data, std::size_t size) const {
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
    return path_;
  }

 private:
  std::string path_;
};

}  // namespace fuzz
