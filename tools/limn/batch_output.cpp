#include "batch_output.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <utility>

#include <limn/core/error.hpp>
#include <limn/core/file.hpp>

#include "text.hpp"

namespace limn::program {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::ordered_json;

std::optional<std::size_t> whole_number(const std::string& text) {
  const bool digits = std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
  if (text.empty() || text.size() > 9 || !digits) return std::nullopt;
  return std::stoul(text);
}

/// Lines of a file that was being written: without one that has no end.
std::vector<std::string> whole_lines(const std::string& path) {
  const auto text = detail::read_file<std::string>(path);
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
    lines.push_back(text.substr(begin, end + 1 - begin));
    begin = end + 1;
  }
  return lines;
}

}  // namespace

BatchShare parse_share(const std::string& text) {
  const std::size_t slash = text.find('/');
  const auto number = whole_number(text.substr(0, slash));
  const auto of = slash == std::string::npos ? std::nullopt : whole_number(text.substr(slash + 1));
  if (!number || !of || *number >= *of) throw Error("--shard " + text + ": expected I/N, I from 0 to N - 1");
  return {*number, *of};
}

BatchUnit::BatchUnit(const std::string& path, const FileSet& others, std::vector<std::string> old,
                     std::vector<std::string> old_files)
    : output_(path, "-o", others), old_(std::move(old)), old_files_(std::move(old_files)) {}

std::optional<OldAnswer> BatchUnit::take_old(const std::string& key, const BatchIdentity& identity) {
  if (old_taken_ == old_.size()) return std::nullopt;
  const std::string& line = old_[old_taken_];
  const Json answer = Json::parse(line, nullptr, false);
  const auto same = [&answer](const char* field, const Json& value) {
    return answer.contains(field) && text_of(answer[field]) == text_of(value);
  };
  bool fits = answer.is_object() && same("key", Json(key));
  for (const auto& field : identity.items()) fits = fits && same(field.key().c_str(), field.value());
  if (!fits) {
    old_.resize(old_taken_);
    return std::nullopt;
  }
  ++old_taken_;
  const bool failed = answer.contains("error") && answer["error"].is_string();
  return OldAnswer{line, failed ? answer["error"].get<std::string>() : std::string()};
}

void BatchUnit::finish() {
  output_.finish(true);
  std::error_code ignored;
  for (const std::string& file : old_files_) fs::remove(file, ignored);
}

BatchOutput::BatchOutput(std::string path, BatchShare share, bool resume, FileSet others)
    : path_(std::move(path)), share_(share), resume_(resume), others_(std::move(others)) {
  folder_ = path_ != "-" && fs::path(path_).extension() != ".jsonl";
  if (!folder_ && share_.of > 1) throw Error("--shard: expected a folder (-o FOLDER), where each share has its files");
  if (path_ == "-" && resume_)
    throw Error("--resume: expected a file or a folder (-o), where an unfinished run has left something");
  if (!folder_) return;
  std::error_code error;
  fs::create_directories(path_, error);
  if (!fs::is_directory(path_, error)) throw Error("-o " + path_ + ": cannot make this folder");
}

void BatchOutput::check_made_by(const Json& description) {
  if (!folder_) return;
  const std::string path = (fs::path(path_) / "batch.json").string();
  std::error_code error;
  if (!fs::exists(path, error)) {
    const std::string text = text_of(description, 2) + "\n";
    NewFile file(path);
    file.write(text.data(), text.size());
    file.put_in_place();
    return;
  }
  const Json found = Json::parse(detail::read_file<std::string>(path), nullptr, false);
  if (!found.is_object()) throw Error(path + ": expected what an earlier limn batch has written there");
  Json fields = description;
  fields.update(found);
  for (const auto& field : fields.items()) {
    const Json there = found.value(field.key(), Json());
    const Json here = description.value(field.key(), Json());
    if (there == here) continue;
    throw Error(path + ": what is in the folder was made with another \"" + field.key() + "\": " + text_of(there) +
                ", this is " + text_of(here));
  }
}

std::unique_ptr<BatchUnit> BatchOutput::begin(const std::string& name) {
  if (begun_++ % share_.of != share_.number) return nullptr;
  const std::string path = folder_ ? (fs::path(path_) / (name + ".jsonl")).string() : path_;
  std::error_code error;
  if (path != "-" && fs::is_regular_file(path, error)) return nullptr;
  std::vector<std::string> old;
  std::vector<std::string> old_files;
  // NewFile's names; one of them may be gone.
  for (int number = 1; resume_ && number < 100; ++number) {
    const std::string part = path + ".part" + (number > 1 ? std::to_string(number) : "");
    if (!fs::is_regular_file(part, error)) continue;
    std::vector<std::string> lines = whole_lines(part);
    if (lines.size() > old.size()) old = std::move(lines);
    old_files.push_back(part);
  }
  return std::make_unique<BatchUnit>(path, others_, std::move(old), std::move(old_files));
}

}  // namespace limn::program
