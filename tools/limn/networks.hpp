// The networks of a command that finds poses: a model and, where people have to be found for it, a person detector.
#pragma once

#include <memory>
#include <string>

#include <limn/core/thread_pool.hpp>
#include <limn/estimator/estimator_options.hpp>
#include <limn/estimator/person_detector.hpp>
#include <limn/estimator/pose_estimator.hpp>

#include "detector_choice.hpp"

namespace limn::program {

/// What the command line says about them.
struct NetworksChoice {
  std::string model;           ///< file; empty for the default model
  std::string input;           ///< "HxW", or empty for the model's
  EstimatorOptions estimator;  ///< flip test and crop
  DetectorChoice detector;
  bool no_detector = false;
};

/// How the command uses them.
struct NetworksUse {
  bool detect = true;              ///< whether people have to be found
  bool estimator_detects = false;  ///< by PoseEstimator::estimate_all(), not by who calls it
  bool one_by_one = false;         ///< whether a run of the network looks at one person only
};

struct Networks {
  std::string model_file;
  std::string detector_file;  ///< empty where there is no detector
  std::shared_ptr<const PoseEstimator> estimator;
  std::shared_ptr<const PersonDetector> detector;  ///< null where nobody has to be found, or the model finds people
};

/// Throws Error if a file is no such model's, or if a detector was chosen for a model that finds people by itself.
Networks open_networks(const NetworksChoice& choice, const NetworksUse& use,
                       const std::shared_ptr<const ThreadPool>& pool);

}  // namespace limn::program
