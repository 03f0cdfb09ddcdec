#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include <limn/core/eigen.hpp>
#include <limn/core/sizes.hpp>
#include <limn/core/version.hpp>
#include <limn/engine/simd/target.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

class ThreadPool;  // core/thread_pool.hpp

class PersonDetector;

/// What a user may decide beyond what the model file says.
struct EstimatorOptions {
  /// Threads that share the work of one estimate; 1 starts none.
  int threads = 1;
  /// A pool to share with other estimators, so that together they do not start more threads; overrides `threads`.
  std::shared_ptr<const ThreadPool> pool;
  /// Size of the network's input in pixels, positive multiples of 32; 0 means the model file's.
  Index input_width = 0;
  Index input_height = 0;  ///< likewise
  /// People whose boxes are given together that the network looks at in one run: a few percent less time for each, and
  /// more where the network's input is small, for more memory. See Plan::run.
  Index batch = 1;
  /// The flip test: keypoints are read from the mean of the photo's heatmaps and its mirror image's
  /// (estimator/flip.hpp). Twice the time, for 1 to 2 points of accuracy; most published numbers are with it. Not for
  /// models that tell several people apart.
  bool flip = false;
  /// Whether heatmaps that were mirrored back are moved one cell to the right, as Microsoft's and HRNet's evaluations
  /// do; for models whose decoder offset is 0.
  bool flip_shift = false;
  /// How much of the photo around a box the network sees, as InputDocument::crop; absent means as the model file says.
  /// 1.1 to 1.25 where people touch each other and the model was not trained on such photos; 0 for no crop.
  std::optional<double> crop;
  /// Finds the people that PoseEstimator::estimate_all() looks at (estimator/person_detector.hpp); several estimators
  /// may share one. Not for models that tell several people apart.
  std::shared_ptr<const PersonDetector> detector;
  /// The instruction set that the network runs on, one of targets(); absent means the best.
  std::optional<Target> target;
  /// The most bytes that the model's weights and one workspace, without the detector's, may take together (see Plan): a
  /// model file, or a large input, that needs more is an Error that says how much.
  std::int64_t max_memory = default_max_memory;
};

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
