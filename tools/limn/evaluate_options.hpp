// What the command line asks `limn evaluate` for.
#pragma once

#include <string>

#include <limn/estimator/estimator_options.hpp>

#include "detector_choice.hpp"

namespace limn::program {

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
  DetectorChoice detector;
  double min_height = 0.2;  ///< of people whose boxes are scored, as a share of the photo's
  std::string poses;
  std::string results;
  std::string json;
  EstimatorOptions estimator;  ///< flip test and crop
  bool from_one = false;
  bool scores = false;  ///< whether to report what the keypoints' scores are worth
  int threads = 0;

  bool oks() const { return metric == "oks"; }
  bool pck() const { return metric == "pck" || pckh(); }
  bool pckh() const { return metric == "pckh"; }
  bool scores_boxes() const { return metric == "boxes"; }
  bool boxes_are_annotated() const { return boxes == "gt"; }
  bool boxes_are_detected() const { return boxes == "detect"; }
  bool boxes_are_in_a_file() const { return !boxes_are_annotated() && !boxes_are_detected(); }
  bool runs_model() const { return poses.empty() && !scores_boxes(); }
  bool runs_detector() const { return boxes_are_detected() || scores_boxes(); }
  double threshold() const {
    if (at > 0) return at;
    return pckh() ? 0.5 : 0.2;
  }
};

}  // namespace limn::program
