#include "files.hpp"

#include <filesystem>
#include <optional>

#if !defined(_WIN32)
#include <sys/stat.h>
#endif

namespace limn::program {

namespace fs = std::filesystem;

namespace {

/// What the system knows an existing file by. Nothing on Windows, where the canonical name has to do.
std::optional<std::pair<unsigned long long, unsigned long long>> identity_of(const std::string& path) {
#if !defined(_WIN32)
  struct stat found = {};
  if (::stat(path.c_str(), &found) == 0)
    return std::pair<unsigned long long, unsigned long long>(found.st_dev, found.st_ino);
#else
  static_cast<void>(path);
#endif
  return std::nullopt;
}

}  // namespace

std::string canonical_name(const std::string& path) {
  std::error_code ignored;
  const fs::path canonical = fs::weakly_canonical(fs::absolute(path, ignored), ignored);
  return (canonical.empty() ? fs::path(path) : canonical).string();
}

void FileSet::insert(const std::string& path) {
  if (path.empty()) return;
  if (const auto identity = identity_of(path)) by_identity_.insert({*identity, path});
  by_name_.insert({canonical_name(path), path});
}

const std::string* FileSet::find(const std::string& path) const {
  if (const auto identity = identity_of(path)) {
    const auto found = by_identity_.find(*identity);
    if (found != by_identity_.end()) return &found->second;
  }
  const auto found = by_name_.find(canonical_name(path));
  return found != by_name_.end() ? &found->second : nullptr;
}

}  // namespace limn::program
