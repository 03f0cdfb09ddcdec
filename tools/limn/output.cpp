#include "output.hpp"

#include <filesystem>

#include <limn/core/error.hpp>

#include "photos.hpp"

namespace limn::program {

namespace fs = std::filesystem;

namespace {

bool same_file(const std::string& a, const std::string& b) {
  std::error_code error;
  if (fs::equivalent(a, b, error)) return true;
  // One of them does not exist, and may yet be going to: by name then.
  const auto whole = [&error](const std::string& path) {
    return fs::weakly_canonical(fs::absolute(path, error), error);
  };
  return whole(a) == whole(b) && !error;
}

}  // namespace

Output::Output(const std::string& path, const std::string& option, const std::vector<std::string>& inputs)
    : path_(path) {
  if (path.empty()) return;
  if (path == "-") {
    file_ = stdout;
    return;
  }
  if (has_picture_extension(path)) {
    throw Error(option + " " + path + ": expected a name for text, found a picture's");
  }
  for (const std::string& input : inputs) {
    if (!input.empty() && same_file(path, input)) {
      throw Error(option + " " + path + ": would overwrite " + input + ", which this command reads or writes");
    }
  }
  std::error_code error;
  const bool there = fs::exists(path, error);
  if (!there || fs::is_regular_file(path, error)) {
    if (there) path_ = fs::canonical(path, error).string();  // what a link points to is replaced, not the link
    temporary_ = path_ + ".part";
  }
  file_ = std::fopen((temporary_.empty() ? path_ : temporary_).c_str(), "wb");
  if (file_ == nullptr) throw Error(path + ": cannot write this file");
}

Output::~Output() {
  if (file_ == nullptr || file_ == stdout) return;
  std::fclose(file_);
  if (!temporary_.empty()) std::remove(temporary_.c_str());
}

void Output::write(const std::string& text) {
  std::FILE* const file = file_;
  file_ = nullptr;
  bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  written = (file == stdout ? std::fflush(file) : std::fclose(file)) == 0 && written;
  if (written && !temporary_.empty()) {
    std::error_code error;
    fs::rename(temporary_, path_, error);
    written = !error;
  }
  if (written) return;
  if (!temporary_.empty()) std::remove(temporary_.c_str());
  throw Error(path_ + ": cannot write the JSON");
}

}  // namespace limn::program
