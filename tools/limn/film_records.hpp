// The people in a film's frames as text: JSON Lines, OpenPose's files, a table, PoseTrack's file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <limn/pose/skeleton.hpp>
#include <limn/track/video_estimator.hpp>

#include "files.hpp"
#include "film_source.hpp"
#include "output.hpp"

namespace limn::program {

/// Writes about each frame that it is told of, in any format, exactly once, people or none.
class FilmRecord {
 public:
  virtual ~FilmRecord() = default;

  /// Throws Error if it cannot be written.
  virtual void add(const Frame& frame, const std::vector<TrackedPose>& people) = 0;

  /// Ends the text and puts the file in its place. Throws Error if it cannot be written.
  virtual void finish() = 0;
};

/// Which records of a film are wanted: names, empty for none, "-" for stdout except for OpenPose's folder.
struct RecordNames {
  std::string json;       ///< JSON Lines: {"frame": 0, "time": 0, "people": [{"id": 1, "keypoints": ...}]}
  std::string openpose;   ///< a folder: NAME_000000000000_keypoints.json for each frame
  std::string csv;        ///< a row for each person in each frame, and one for a frame without anybody
  std::string posetrack;  ///< one document: images, annotations with track_id, categories
};

/// Makes the records. `film` is the film's name for what the formats call it. Throws Error if one cannot be written, or
/// would overwrite one of `others`.
std::vector<std::unique_ptr<FilmRecord>> make_film_records(const RecordNames& names, const Skeleton& skeleton,
                                                           const std::string& film, const FileSet& others);

}  // namespace limn::program
