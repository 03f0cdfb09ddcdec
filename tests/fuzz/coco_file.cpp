// A JSON file in one of COCO's formats, as `limn evaluate` and `limn estimate --boxes` read it.
#include "coco_file.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "boxes.hpp"
#include "target.hpp"

namespace {

namespace fs = std::filesystem;

/// A file that is written again and again. Its name is its own: several processes fuzz at a time.
class Scratch {
 public:
  Scratch() {
    const fs::path memory = "/dev/shm";  // Linux; a file on a disk takes ten times as long
    const fs::path folder = fs::is_directory(memory) ? memory : fs::temp_directory_path();
    path_ = (folder / ("limn_fuzz_" + std::to_string(std::random_device()()))).string();
  }
  ~Scratch() { std::remove(path_.c_str()); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::string& write(const std::uint8_t* data, std::size_t size) const {
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
    return path_;
  }

 private:
  std::string path_;
};

}  // namespace

void fuzz::read(const std::uint8_t* data, std::size_t size) {
  static const Scratch scratch;
  const limn::program::BoxFile boxes(scratch.write(data, size), 0.5, 1);
  for (const char* photo : {"photos/a.jpg", "b.jpg", "COCO_val2014_000000000042.jpg", "7.png"}) boxes.find(photo);
}
