#include "batch_input.hpp"

#include <algorithm>
#include <climits>
#include <cstdint>
#include <filesystem>
#include <utility>

#include <nlohmann/json.hpp>

#include <limn/core/error.hpp>

#include "input_stream.hpp"
#include "interrupt.hpp"
#include "photo_work.hpp"
#include "photos.hpp"
#include "pictures.hpp"
#include "tar_file.hpp"
#include "text.hpp"

namespace limn::program {

namespace fs = std::filesystem;

namespace {

BatchItem item_of_file(const std::string& path) {
  BatchItem item;
  item.key = path;
  item.name = path;
  return item;
}

/// Photos in files of their own.
class Files : public BatchSource {
 public:
  bool next(BatchItem& item) final {
    file_.clear();
    return next_file(item, file_);
  }

  void load(BatchItem& item) final {
    try {
      item.bytes = read_picture_file(file_);
    } catch (const std::exception& error) {
      item.error = reason_of(error, file_);
    }
  }

 private:
  virtual bool next_file(BatchItem& item, std::string& file) = 0;

  std::string file_;
};

class OneFile : public Files {
 public:
  explicit OneFile(std::string path) : path_(std::move(path)) {}

 private:
  bool next_file(BatchItem& item, std::string& file) override {
    if (std::exchange(done_, true)) return false;
    item = item_of_file(path_);
    file = path_;
    return true;
  }

  std::string path_;
  bool done_ = false;
};

class Folder : public Files {
 public:
  explicit Folder(std::string path) : path_(std::move(path)) { pending_.push_back({path_, true}); }

 private:
  struct Entry {
    std::string path;
    bool folder;
  };

  bool next_file(BatchItem& item, std::string& file) override {
    while (!pending_.empty()) {
      const Entry entry = std::move(pending_.back());
      pending_.pop_back();
      item = item_of_file(entry.path);
      file = entry.path;
      if (entry.folder) item.error = open(entry.path);
      any_ = any_ || !entry.folder || !item.error.empty();
      if (!entry.folder || !item.error.empty()) return true;
    }
    if (std::exchange(any_, true)) return false;
    item = item_of_file(path_);
    item.error = "no picture in this folder: expected files named .jpg, .jpeg, .png or .bmp";
    return true;
  }

  /// Adds what is in a folder, the first last. Returns why it cannot be read.
  std::string open(const std::string& folder) {
    std::vector<Entry> found;
    std::error_code error;
    for (fs::directory_iterator at(folder, error); !error && at != fs::directory_iterator(); at.increment(error)) {
      std::error_code unknown;
      const bool is_folder = at->is_directory(unknown);
      const std::string path = at->path().generic_string();
      if (is_folder ? !at->is_symlink(unknown) : has_picture_extension(path)) found.push_back({path, is_folder});
    }
    if (error) return "cannot read the folder: " + error.message();
    std::sort(found.begin(), found.end(), [](const Entry& a, const Entry& b) { return a.path > b.path; });
    pending_.insert(pending_.end(), found.begin(), found.end());
    return std::string();
  }

  std::string path_;
  std::vector<Entry> pending_;
  bool any_ = false;
};

class Paths : public Files {
 public:
  explicit Paths(char separator) : stream_("-"), separator_(separator) {}

 private:
  bool next_file(BatchItem& item, std::string& file) override {
    do {
      if (interrupted() != 0 || !stream_.read_until(separator_, file)) return false;
      if (separator_ == '\n' && !file.empty() && file.back() == '\r') file.pop_back();
    } while (file.empty());
    item = item_of_file(file);
    return true;
  }

  InputStream stream_;
  char separator_;
};

class Requests : public Files {
 public:
  explicit Requests(const std::string& path) : stream_(path) {}

 private:
  bool next_file(BatchItem& item, std::string& file) override {
    std::string line;
    do {
      if (interrupted() != 0 || !stream_.read_until('\n', line)) return false;
      ++number_;
    } while (line.find_first_not_of(" \t\r") == std::string::npos);
    item = item_of_file(stream_.name() + ":" + std::to_string(number_));
    try {
      parse(line, item, file);
    } catch (const nlohmann::json::exception&) {
      item.error = "not a request in JSON";
    } catch (const Error& error) {
      item.error = error.what();
    }
    return true;
  }

  static void parse(const std::string& line, BatchItem& item, std::string& file) {
    constexpr const char* expected = R"(expected {"file": PATH, "key": KEY, "boxes": [[x, y, width, height], ...]})";
    const nlohmann::json request = nlohmann::json::parse(line);
    if (!request.is_object()) throw Error(expected);
    // As much of it as can be used, so that also what is refused has its key.
    const auto text = [&](const char* field, std::string& value) {
      if (!request.contains(field)) return;
      if (!request[field].is_string()) throw Error(std::string("\"") + field + "\": expected a text");
      value = request[field];
    };
    text("key", item.key);
    if (!request.contains("file")) throw Error(std::string("\"file\" is missing: ") + expected);
    text("file", file);
    if (!request.contains("key")) item.key = file;
    item.name = file;
    for (const auto& field : request.items()) {
      if (field.key() != "file" && field.key() != "key" && field.key() != "boxes") {
        throw Error("unknown field \"" + field.key() + "\": " + expected);
      }
    }
    if (request.contains("boxes")) item.boxes = boxes_of(request["boxes"]);
  }

  static std::vector<Box> boxes_of(const nlohmann::json& list) {
    const auto refuse = [] { throw Error("\"boxes\": expected a list of [x, y, width, height]"); };
    if (!list.is_array()) refuse();
    std::vector<Box> boxes;
    for (const nlohmann::json& entry : list) {
      const auto number = [](const nlohmann::json& value) { return value.is_number(); };
      if (!entry.is_array() || entry.size() != 4 || !std::all_of(entry.begin(), entry.end(), number)) refuse();
      boxes.push_back({entry[0], entry[1], entry[2], entry[3]});
      check(boxes.back());
    }
    return boxes;
  }

  InputStream stream_;
  std::int64_t number_ = 0;
};

class Shard : public BatchSource {
 public:
  explicit Shard(const std::string& path) : stream_(path), tar_(stream_) {}

  bool is_shard() const override { return true; }

  bool next(BatchItem& item) override {
    if (broken_) return false;
    item = BatchItem();
    try {
      while (tar_.next()) {
        if (!has_picture_extension(tar_.name())) continue;
        const std::string key = key_of(tar_.name());
        if (key.empty()) continue;
        any_ = true;
        item.key = key;
        item.name = stream_.name() + ": " + tar_.name();
        return true;
      }
      if (std::exchange(any_, true) || interrupted() != 0) return false;
      item.error = "no picture in this shard: expected files named .jpg, .jpeg, .png or .bmp";
    } catch (const std::exception& error) {
      item.error = reason_of(error, stream_.name());
      broken_ = true;
    }
    item.key = stream_.name();
    item.name = stream_.name();
    return true;
  }

  void load(BatchItem& item) override {
    if (tar_.size() > INT_MAX) {
      item.error = "a picture file may have at most 2 GiB";
      return;
    }
    try {
      item.bytes = tar_.read();
    } catch (const std::exception& error) {
      item.error = reason_of(error, stream_.name());
      broken_ = true;
    }
  }

 private:
  /// "train/0001" for "train/0001.jpg"; nothing for names of more than one ending such as "0001.mask.png", which are
  /// another part of the sample, and for hidden files.
  static std::string key_of(const std::string& name) {
    const std::size_t base = name.rfind('/') + 1;  // 0 if there is none
    const std::size_t dot = name.find('.', base);
    return dot == base || dot != name.rfind('.') ? std::string() : name.substr(0, dot);
  }

  InputStream stream_;
  TarFile tar_;
  bool any_ = false;
  bool broken_ = false;
};

/// A list that cannot be opened, which is all that there is to say.
class Unreadable : public Files {
 public:
  Unreadable(std::string path, std::string reason) : path_(std::move(path)), reason_(std::move(reason)) {}

 private:
  bool next_file(BatchItem& item, std::string&) override {
    if (std::exchange(done_, true)) return false;
    item = item_of_file(path_);
    item.error = reason_;
    return true;
  }

  std::string path_;
  std::string reason_;
  bool done_ = false;
};

}  // namespace

bool is_shard(const std::string& argument, StdinKind stdin_kind) {
  return argument == "-" ? stdin_kind == StdinKind::tar : fs::path(argument).extension() == ".tar";
}

std::unique_ptr<BatchSource> open_source(const std::string& argument, StdinKind stdin_kind) {
  std::error_code error;
  if (argument == "-") {
    if (stdin_kind == StdinKind::tar) return std::make_unique<Shard>(argument);
    if (stdin_kind == StdinKind::jsonl) return std::make_unique<Requests>(argument);
    return std::make_unique<Paths>(stdin_kind == StdinKind::nul ? '\0' : '\n');
  }
  if (fs::is_directory(argument, error)) return std::make_unique<Folder>(argument);
  if (is_shard(argument, stdin_kind)) return std::make_unique<Shard>(argument);
  if (fs::path(argument).extension() != ".jsonl") return std::make_unique<OneFile>(argument);
  try {
    return std::make_unique<Requests>(argument);
  } catch (const Error& failure) {
    return std::make_unique<Unreadable>(argument, reason_of(failure, argument));
  }
}

}  // namespace limn::program
