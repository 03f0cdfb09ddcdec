// Where `limn batch` writes its answers: a stream, a file, or a folder of files, each of which is there when it is
// done.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "files.hpp"
#include "output.hpp"

namespace limn::program {

/// "I/N": the share of the work that this process does, of which there are N; those numbered I, I + N, ...
struct BatchShare {
  std::size_t number = 0;
  std::size_t of = 1;
};

/// Throws Error, naming --shard, unless the text is I/N with I below N.
BatchShare parse_share(const std::string& text);

/// The fields at the end of every answer, which say what the networks were.
using BatchIdentity = nlohmann::ordered_json;

/// An answer of an unfinished run.
struct OldAnswer {
  std::string line;
  std::string error;  ///< what it says about a photo that could not be done; else empty
};

/// The answers in one file. Used by two threads: one asks what is there already, the other writes.
class BatchUnit {
 public:
  /// `path`: see Output. `old`: the answers of an unfinished run, and the files they are in.
  BatchUnit(const std::string& path, const FileSet& others, std::vector<std::string> old,
            std::vector<std::string> old_files);

  /// The answer that an unfinished run has left for the next photo, if it is the one with this key and was done with
  /// these networks. From the first that is not on, there are none.
  std::optional<OldAnswer> take_old(const std::string& key, const BatchIdentity& identity);

  /// Throws Error if it cannot be written.
  void write(const std::string& line) { output_.write(line); }

  /// Puts the file in its place, and removes what unfinished runs have left of it. Throws Error if it cannot.
  void finish();

 private:
  Output output_;
  std::vector<std::string> old_;
  std::size_t old_taken_ = 0;
  std::vector<std::string> old_files_;
};

class BatchOutput {
 public:
  /// `path`: "-" for stdout, NAME.jsonl for a file, else a folder, which is made. `others`: what must not be written.
  /// Throws Error if it cannot be.
  BatchOutput(std::string path, BatchShare share, bool resume, FileSet others);

  /// Whether it is a folder, with one file for each shard or so many photos.
  bool is_folder() const { return folder_; }

  /// Sees to it that all that is in the folder is made in the same way: what that was is in FOLDER/batch.json. Throws
  /// Error, naming what differs, if there is something else.
  void check_made_by(const nlohmann::ordered_json& description);

  /// The next file, FOLDER/NAME.jsonl, or the only one. Null if it is another process's, or there already. Throws Error
  /// if it cannot be written.
  std::unique_ptr<BatchUnit> begin(const std::string& name);

 private:
  std::string path_;
  bool folder_ = false;
  BatchShare share_;
  bool resume_;
  FileSet others_;
  std::size_t begun_ = 0;
};

}  // namespace limn::program
