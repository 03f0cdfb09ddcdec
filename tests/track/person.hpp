// Somebody to be followed through the frames of a made-up film.
#pragma once

#include <limn/pose/pose.hpp>
#include <limn/pose/skeleton.hpp>

namespace track_scene {

inline const limn::Skeleton skeleton = {{"head_top", "left_hip", "right_hip", "left_ankle", "right_ankle"}, {}, {}};

/// Somebody 100 pixels wide and 200 high, whose box has its left top corner there.
inline limn::Pose person(double x, double y, float score = 0.9F) {
  const auto left = static_cast<float>(x);
  const auto top = static_cast<float>(y);
  limn::Pose pose;
  pose.keypoints = {{"head_top", left + 50, top + 5, score},
                    {"left_hip", left + 70, top + 100, score},
                    {"right_hip", left + 30, top + 100, score},
                    {"left_ankle", left + 75, top + 195, score},
                    {"right_ankle", left + 25, top + 195, score}};
  pose.box = {left, top, 100, 200};
  pose.score = score;
  return pose;
}

}  // namespace track_scene
