#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/image/affine.hpp>
#include <limn/pose/box.hpp>
#include <limn/pose/heatmaps.hpp>
#include <limn/pose/skeleton.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// One named point of the body. x and y are photo pixels, right and down, whole numbers being pixel centres; the point
/// may lie outside the photo. The score is the maximum of the keypoint's heatmap: larger is surer, but it is not a
/// probability, and its usual size differs from model to model.
struct Keypoint {
  std::string name;  ///< as the skeleton has it, "left_knee" for example
  float x = 0;       ///< photo pixels, to the right
  float y = 0;       ///< photo pixels, down
  float score = 0;   ///< maximum of the heatmap
};

/// One person: all keypoints of the skeleton in its order, the box they were looked for in, and the mean of the
/// keypoints' scores.
struct Pose {
  std::vector<Keypoint> keypoints;  ///< in the skeleton's order
  Box box;                          ///< where they were looked for, photo pixels
  float score = 0;                  ///< mean of the keypoints'

  /// The keypoint of that name, nullptr if there is none. Valid as long as `keypoints` is left alone.
  const Keypoint* find(const std::string& name) const {
    for (const Keypoint& keypoint : keypoints) {
      if (keypoint.name == name) return &keypoint;
    }
    return nullptr;
  }
};

/// Turns what a decoder found, one peak for each keypoint of the skeleton in its order, into `pose`, whose memory is
/// used again. `photo_from_heatmap` maps heatmap cells to photo pixels (see geometry.hpp). A keypoint without a signal,
/// score at most 0, gets the place that the decoder gave it: judge it by its score.
/// Throws Error if the numbers of peaks and keypoints differ, or a number of the box is not finite.
inline void make_pose(const std::vector<Peak>& peaks, const Skeleton& skeleton, const Affine& photo_from_heatmap,
                      const Box& box, Pose& pose) {
  const std::size_t count = skeleton.keypoints.size();
  if (peaks.size() != count) {
    throw Error("pose: expected " + std::to_string(count) + " peaks, one for each keypoint of the skeleton, found " +
                std::to_string(peaks.size()));
  }
  detail::check_finite(box);
  pose.keypoints.resize(count);
  pose.box = box;
  float sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto [x, y] = apply(photo_from_heatmap, peaks[i].x, peaks[i].y);
    Keypoint& keypoint = pose.keypoints[i];
    keypoint.name = skeleton.keypoints[i];
    keypoint.x = static_cast<float>(x);
    keypoint.y = static_cast<float>(y);
    keypoint.score = peaks[i].score;
    sum += peaks[i].score;
  }
  pose.score = count > 0 ? sum / static_cast<float>(count) : 0.0f;
}

/// The same into a new pose.
inline Pose make_pose(const std::vector<Peak>& peaks, const Skeleton& skeleton, const Affine& photo_from_heatmap,
                      const Box& box) {
  Pose pose;
  make_pose(peaks, skeleton, photo_from_heatmap, box, pose);
  return pose;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
