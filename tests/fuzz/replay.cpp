// Reads the files of the given folders, without libFuzzer: the seeds and what fuzzing has found before. Of a file whose
// name begins with "good" it is a fault to be refused.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <limn/core/error.hpp>

#include "target.hpp"

namespace fs = std::filesystem;

namespace {

/// What is wrong with how the file was read; empty if nothing.
std::string fault(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  // Of exactly this size, so that a sanitizer sees whoever reads on.
  const std::vector<std::uint8_t> bytes(text.begin(), text.end());
  try {
    fuzz::read(bytes.data(), bytes.size());
  } catch (const limn::Error& error) {
    return path.filename().string().rfind("good", 0) == 0 ? std::string("refused: ") + error.what() : std::string();
  } catch (const std::exception& error) {
    return std::string("an exception that is no limn::Error: ") + error.what();
  }
  return "";
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<fs::path> files;
  for (int i = 1; i < argc; ++i) {
    if (!fs::is_directory(argv[i])) continue;  // a target without findings
    for (const fs::directory_entry& entry : fs::directory_iterator(argv[i])) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  int faults = 0;
  for (const fs::path& path : files) {
    std::printf("%s\n", path.string().c_str());
    std::fflush(stdout);  // the name of the file that crashes must be out
    const std::string found = fault(path);
    if (found.empty()) continue;
    std::printf("  %s\n", found.c_str());
    ++faults;
  }
  if (files.empty()) std::printf("skipped: no files (seeds.py needs numpy)\n");
  std::printf("%zu files, %d faults\n", files.size(), faults);
  return faults == 0 ? 0 : 1;
}
