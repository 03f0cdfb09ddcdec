// What `limn batch` is asked to look at: photos by their paths, in requests with boxes, in folders, and in tar shards.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <limn/pose/box.hpp>

namespace limn::program {

/// How stdin names the photos.
enum class StdinKind {
  lines,  ///< a path in each line
  nul,    ///< a path before each zero byte, as `find -print0` writes them
  jsonl,  ///< a request in each line, see BatchSource
  tar,    ///< a shard
};

/// A photo that is asked for.
struct BatchItem {
  std::string key;                        ///< by which the answer is known
  std::string name;                       ///< for messages
  std::string error;                      ///< why there is none; empty if there is
  std::vector<unsigned char> bytes;       ///< of the picture file
  std::optional<std::vector<Box>> boxes;  ///< where people are; absent: they are to be found
};

/// Photos that are asked for, one after the other:
/// - a folder: the pictures in it and in the folders in it, sorted by name in each; links to folders are not followed.
///   The key is the path;
/// - a file whose name ends in .jsonl: a request in each line, {"file": PATH, "key": KEY, "boxes": [[x, y, width,
///   height], ...]}. Without a key the path is it, without boxes people are to be found;
/// - a file whose name ends in .tar: the files in it whose names end as pictures' do. The key is the name up to its
///   first dot behind the folders, as WebDataset has it (https://github.com/webdataset/webdataset);
/// - "-": stdin;
/// - any other file: a photo. The key is the path.
class BatchSource {
 public:
  virtual ~BatchSource() = default;

  /// Whether it is a shard, whose photos belong together.
  virtual bool is_shard() const { return false; }

  /// Goes to the next photo and fills in all but the bytes. Returns false at the end, or after an interrupt. Throws
  /// Error if stdin or a list of requests cannot be read.
  virtual bool next(BatchItem& item) = 0;

  /// Reads the bytes of the photo that it is at. If they cannot be read, the item's error says why.
  virtual void load(BatchItem& item) = 0;
};

/// Whether the argument is a shard, or stdin that is one.
bool is_shard(const std::string& argument, StdinKind stdin_kind);

/// Throws Error if a shard cannot be opened.
std::unique_ptr<BatchSource> open_source(const std::string& argument, StdinKind stdin_kind);

}  // namespace limn::program
