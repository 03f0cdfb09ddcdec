// What the keypoints' scores are worth: how right, and how often there, the keypoints from a score on are.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "coco_file.hpp"
#include "scores.hpp"

namespace limn::program {

/// The scores with which one keypoint was found, or several were, by what was found with them.
struct KeypointScores {
  std::string name;
  std::vector<double> right;
  std::vector<double> wrong;   ///< labelled, but elsewhere
  std::vector<double> absent;  ///< not labelled, of somebody who has another label
};

/// Those of the keypoints that anybody in the data set has a label of, and of all together that count in the mean.
struct ScoreReport {
  std::vector<KeypointScores> keypoints;
  KeypointScores mean;
};

/// Of all people that PCK or PCKh counts, who may not be found at all: their keypoints' scores are 0 then.
ScoreReport report_scores(const std::vector<Photo>& photos, const CocoFile& file, const EvaluateOptions& options,
                          const KeypointMatch& match);

/// A table of the mean over the scores 0.05, 0.10, ..., 0.95, to stdout.
void print(const ScoreReport& report);

/// The same, for every keypoint as well.
nlohmann::ordered_json to_json(const ScoreReport& report);

}  // namespace limn::program
