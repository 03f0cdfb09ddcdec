#include "photos.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <utility>

namespace limn::program {

namespace fs = std::filesystem;

namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

bool has_picture_extension(const std::string& path) {
  const std::string extension = lower(fs::path(path).extension().string());
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png" || extension == ".bmp";
}

std::vector<PhotoFile> find_photos(const std::vector<std::string>& arguments) {
  std::vector<PhotoFile> photos;
  for (const std::string& argument : arguments) {
    std::error_code error;
    if (!fs::is_directory(argument, error)) {
      photos.push_back({argument, ""});
      continue;
    }
    std::vector<std::string> found;
    fs::directory_iterator entries(argument, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
      std::error_code unknown;
      const std::string path = entries->path().string();
      if (has_picture_extension(path) && !entries->is_directory(unknown)) found.push_back(path);
    }
    if (error) {
      photos.push_back({argument, "cannot read the folder: " + error.message()});
    } else if (found.empty()) {
      photos.push_back({argument, "no picture in this folder: expected files named .jpg, .jpeg, .png or .bmp"});
    }
    std::sort(found.begin(), found.end());
    for (std::string& path : found) photos.push_back({std::move(path), ""});
  }
  return photos;
}

OutputNames::OutputNames(std::string folder, FileSet& files) : folder_(std::move(folder)), files_(files) {}

std::string OutputNames::claim(const std::string& photo, const std::string& suffix) {
  return claim(photo, suffix, 1).front();
}

std::vector<std::string> OutputNames::claim(const std::string& photo, const std::string& suffix, std::size_t count) {
  const fs::path path(photo);
  const std::string extension = lower(path.extension().string());
  const char* ending = extension == ".jpg" || extension == ".jpeg" ? ".jpg" : ".png";
  std::vector<std::string> names;
  for (int number = 1; names.size() < count; ++number) {
    const std::string numbered = number == 1 ? "" : "_" + std::to_string(number);
    const std::string name = (fs::path(folder_) / (path.stem().string() + suffix + numbered + ending)).string();
    if (claim_exactly(name)) names.push_back(name);
  }
  return names;
}

bool OutputNames::claim_exactly(const std::string& path) {
  if (files_.find(path) != nullptr || !given_out_.insert(lower(canonical_name(path))).second) return false;
  files_.insert(path);
  return true;
}

}  // namespace limn::program
