#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/pose/box.hpp>
#include <limn/pose/pose.hpp>
#include <limn/track/one_euro_filter.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// How the poses of one person are smoothed: OneEuroOptions in sizes of the person, see PoseSmoother. The values were
/// chosen on films of known motion (tools/film_benchmark.py --sweep): what rests trembles a third less, and what
/// crosses the picture lags by half a frame.
struct SmoothingOptions {
  double min_cutoff = 0.5;       ///< Hz
  double beta = 4;               ///< Hz for each size of the person a second
  double derivative_cutoff = 1;  ///< Hz
  /// Keypoints with a lower score are left as they are found: they are anywhere.
  float threshold = 0.2F;
};

/// Takes the tremble out of one person's poses: a One-Euro filter for each coordinate of each keypoint and of the box.
/// Speeds are measured in sizes of the person, the square root of their box's area, so that the options mean the same
/// near and far, in small films and large ones. Source of the unit: BlazePose's filter in MediaPipe
/// (landmarks_smoothing_calculator), which divides by the size of the object.
class PoseSmoother {
 public:
  /// Throws Error if an option is not in its range.
  explicit PoseSmoother(const SmoothingOptions& options = {})
      : box_{OneEuroFilter(one_euro(options)), OneEuroFilter(one_euro(options)), OneEuroFilter(one_euro(options)),
             OneEuroFilter(one_euro(options))},
        options_(options) {}

  /// Smooths the person's next pose in place; `time`: seconds on any clock, in any steps. Scores stay as they are.
  /// Throws Error, and leaves the pose alone, if the time is before the last one or not finite, the pose has another
  /// number of keypoints than the last, or a number of it is not finite.
  void smooth(Pose& pose, double time) {
    check_pose(pose, time);
    while (keypoints_.size() < pose.keypoints.size()) {
      keypoints_.push_back({OneEuroFilter(one_euro(options_)), OneEuroFilter(one_euro(options_))});
    }
    const double area = static_cast<double>(pose.box.width) * static_cast<double>(pose.box.height);
    const double size = (std::max)(1.0, std::sqrt((std::max)(0.0, area)));
    for (std::size_t i = 0; i < keypoints_.size(); ++i) {
      Keypoint& keypoint = pose.keypoints[i];
      if (!(keypoint.score >= options_.threshold) || keypoint.score <= 0) continue;
      filter(keypoints_[i].x, keypoint.x, time, size);
      filter(keypoints_[i].y, keypoint.y, time, size);
    }
    // By its middle and its size: what grows should not move.
    float x = pose.box.x + pose.box.width / 2;
    float y = pose.box.y + pose.box.height / 2;
    filter(box_[0], x, time, size);
    filter(box_[1], y, time, size);
    filter(box_[2], pose.box.width, time, size);
    filter(box_[3], pose.box.height, time, size);
    pose.box.x = x - pose.box.width / 2;
    pose.box.y = y - pose.box.height / 2;
    last_time_ = time;
    started_ = true;
  }

  /// Forgets all poses: the next one is the first.
  void reset() {
    keypoints_.clear();
    for (OneEuroFilter& filter : box_) filter.reset();
    started_ = false;
  }

 private:
  struct Place {
    OneEuroFilter x;
    OneEuroFilter y;
  };

  static OneEuroOptions one_euro(const SmoothingOptions& options) {
    return {options.min_cutoff, options.beta, options.derivative_cutoff};
  }

  static void filter(OneEuroFilter& filter, float& value, double time, double size) {
    value = static_cast<float>(filter.filter(static_cast<double>(value), time, size));
  }

  void check_pose(const Pose& pose, double time) const {
    if (!std::isfinite(time) || (started_ && time < last_time_)) {
      throw Error("smoothing: time: expected a finite one, not before the last, found " + std::to_string(time));
    }
    if (started_ && pose.keypoints.size() != keypoints_.size()) {
      throw Error("smoothing: expected a pose of " + std::to_string(keypoints_.size()) + " keypoints, found one of " +
                  std::to_string(pose.keypoints.size()));
    }
    detail::check_finite(pose.box);
    for (const Keypoint& keypoint : pose.keypoints) {
      if (std::isfinite(keypoint.x) && std::isfinite(keypoint.y)) continue;
      throw Error("smoothing: keypoint " + keypoint.name + ": expected finite x and y");
    }
  }

  std::vector<Place> keypoints_;
  OneEuroFilter box_[4];
  SmoothingOptions options_;
  double last_time_ = 0;
  bool started_ = false;
};

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
