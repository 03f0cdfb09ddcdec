// What `limn evaluate` knows about the photos it scores a model on, and the scores.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <limn/metrics/oks.hpp>
#include <limn/metrics/pck.hpp>
#include <limn/metrics/sides.hpp>
#include <limn/pose/estimator_options.hpp>
#include <limn/pose/pose.hpp>
#include <limn/pose/skeleton.hpp>

#include "coco_file.hpp"

namespace limn::program {

/// What the command line asks for.
struct EvaluateOptions {
  std::string annotations;
  std::string images;
  std::string model;
  std::string input;
  std::string metric = "pck";
  std::string size = "torso-or-box";
  double at = 0;  ///< 0 for the metric's usual one
  std::string boxes = "gt";
  double min_box_score = 0;
  std::string poses;
  std::string results;
  std::string json;
  EstimatorOptions estimator;  ///< flip test and crop
  bool from_one = false;
  int threads = 0;

  bool oks() const { return metric == "oks"; }
  bool pckh() const { return metric == "pckh"; }
  bool boxes_are_annotated() const { return boxes == "gt"; }
  double threshold() const {
    if (at > 0) return at;
    return pckh() ? 0.5 : 0.2;
  }
};

/// Keypoints in the annotations' order, and what of them can be scored.
struct KeypointMatch {
  std::vector<std::string> names;     ///< the annotations'
  std::vector<int> in_model;          ///< the model's number for each, -1 if it has none of that name
  std::vector<std::size_t> scored;    ///< those that count, by their numbers in the annotations
  std::vector<double> sigmas;         ///< theirs, for OKS
  Skeleton skeleton;                  ///< theirs
  std::vector<std::string> left_out;  ///< annotated, but not scored
};

/// Where somebody is to be found.
struct PersonBox {
  const CocoPerson* person = nullptr;  ///< whose box it is; null for a detector's
  Box box;
  double box_score = 1;
};

/// A photo of the annotations.
struct Photo {
  CocoImage image;
  std::string file;
  std::vector<const CocoPerson*> people;
  std::vector<PersonBox> boxes;
  bool everybody = false;          ///< whether a model of several people is to find all, instead of the boxes
  std::vector<FoundPerson> given;  ///< with --poses: the poses, instead of boxes

  bool failed = false;
  std::vector<Pose> poses;               ///< what was found in the boxes
  std::vector<double> areas;             ///< of the regions looked at, in square pixels of the photo
  std::vector<const CocoPerson*> whose;  ///< the boxes were; null where nobody knows
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
  std::string boxes;  ///< "gt", a file, or "none" where everybody was looked for
  std::vector<std::pair<std::string, double>> values;
  std::vector<std::string> notes;
  std::vector<KeypointScore> keypoints;  ///< of PCK and PCKh
  KeypointScore mean;                    ///< of these
  std::vector<PostureScore> postures;    ///< likewise, where the annotations have hips and shoulders
  std::size_t people = 0;
};

/// The labels of the keypoints that count.
Labels labels_of(const CocoPerson& person, const KeypointMatch& match);

bool any_labelled(const Labels& labels);

/// The poses of a photo that are somebody else's than one better scored; all of them where boxes are annotated.
std::vector<std::size_t> kept_poses(const Photo& photo, const EvaluateOptions& options, const KeypointMatch& match);

/// PCK or PCKh of all photos that could be done.
Scores score_pck(const std::vector<Photo>& photos, const CocoFile& file, const EvaluateOptions& options,
                 const KeypointMatch& match);

/// COCO's ten numbers. Throws Error if an annotation has no area.
Scores score_oks(const std::vector<Photo>& photos, const EvaluateOptions& options, const KeypointMatch& match);

/// To stdout.
void print(const Scores& scores);

nlohmann::ordered_json to_json(const Scores& scores, const EvaluateOptions& options, const std::string& model,
                               std::size_t failed);

}  // namespace limn::program
