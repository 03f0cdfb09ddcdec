// The scores of `limn evaluate`.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <limn/metrics/labels.hpp>
#include <limn/metrics/pck.hpp>
#include <limn/metrics/sides.hpp>
#include <limn/pose/pose.hpp>
#include <limn/pose/skeleton.hpp>

#include "coco_file.hpp"
#include "evaluate_options.hpp"
#include "labelled_photos.hpp"

namespace limn::program {

/// Keypoints in the annotations' order, and what of them can be scored.
struct KeypointMatch {
  std::vector<std::string> names;     ///< the annotations'
  std::vector<int> in_model;          ///< the model's number for each, -1 if it has none of that name
  std::vector<std::size_t> scored;    ///< those that count, by their numbers in the annotations
  std::vector<double> sigmas;         ///< theirs, for OKS
  Skeleton skeleton;                  ///< theirs
  std::vector<std::string> left_out;  ///< annotated, but not scored
};

/// PCK or PCKh of a keypoint, or of several.
struct KeypointScore {
  std::string name;
  KeypointTally tally;
  SideTally sides;
};

/// PCK of the people of one posture.
struct PostureScore {
  std::string name;
  std::size_t people = 0;
  KeypointTally tally;
  SideTally sides;
};

/// What the user gets: lines of a table, and the same for programs.
struct Scores {
  std::string title;
  std::string metric;
  std::string unit;   ///< heading of the column of numbers
  std::string boxes;  ///< "gt", "detect", a file, or "none" where everybody was looked for
  std::vector<std::pair<std::string, double>> values;
  std::vector<std::string> notes;
  std::vector<KeypointScore> keypoints;  ///< of PCK and PCKh
  KeypointScore mean;                    ///< of these
  std::vector<PostureScore> postures;    ///< likewise, where the annotations have hips and shoulders
  std::size_t people = 0;
  std::string detector;                     ///< the name of the one whose boxes they are; empty without
  std::optional<std::size_t> people_found;  ///< of PCK and PCKh: whose box it found
};

/// The labels of the keypoints that count.
Labels labels_of(const CocoPerson& person, const KeypointMatch& match);

bool any_labelled(const Labels& labels);

/// The places of the keypoints that count, in the annotations' pixels; not a number where nobody was found.
std::vector<Point> places_of(const Pose& pose, const EvaluateOptions& options, const KeypointMatch& match);

/// The size of a person that PCK or PCKh allows a share of; 0 if there is none.
double size_of(const CocoPerson& person, const Labels& labels, const CocoFile& file, const EvaluateOptions& options,
               const KeypointMatch& match);

/// The poses of a photo that are somebody else's than one better scored; all of those found where it is known whose
/// boxes are.
std::vector<std::size_t> kept_poses(const Photo& photo, const EvaluateOptions& options, const KeypointMatch& match);

/// PCK or PCKh of all photos that could be done.
Scores score_pck(const std::vector<Photo>& photos, const CocoFile& file, const EvaluateOptions& options,
                 const KeypointMatch& match);

/// COCO's ten numbers. Throws Error if an annotation has no area.
Scores score_oks(const std::vector<Photo>& photos, const EvaluateOptions& options, const KeypointMatch& match);

/// The scores of a table over scores: 0.05, 0.10, ..., 0.95.
std::vector<double> score_steps();

/// "Left out with everybody in them: 2 photos."
std::string left_out_photos(std::size_t failed);

/// To stdout.
void print(const Scores& scores);

nlohmann::ordered_json to_json(const Scores& scores, const EvaluateOptions& options, const std::string& model,
                               std::size_t failed);

}  // namespace limn::program
