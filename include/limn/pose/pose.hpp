#pragma once

#include <string>
#include <vector>

namespace limn {

/// A rectangle in photo pixels: left top corner and size.
struct Box {
  float x = 0;
  float y = 0;
  float width = 0;
  float height = 0;
};

/// One named point of the body. x and y are photo pixels, right and down, whole numbers being pixel centres; the point
/// may lie outside the photo. The score is the maximum of the keypoint's heatmap: larger is surer, but it is not a
/// probability, and its usual size differs from model to model.
struct Keypoint {
  std::string name;
  float x = 0;
  float y = 0;
  float score = 0;
};

/// One person: all keypoints of the skeleton in its order, the box they were looked for in, and the mean of the
/// keypoints' scores.
struct Pose {
  std::vector<Keypoint> keypoints;
  Box box;
  float score = 0;

  /// The keypoint of that name, nullptr if there is none. Valid as long as `keypoints` is left alone.
  const Keypoint* find(const std::string& name) const {
    for (const Keypoint& keypoint : keypoints) {
      if (keypoint.name == name) return &keypoint;
    }
    return nullptr;
  }
};

}  // namespace limn
