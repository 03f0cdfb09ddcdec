#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/metrics/labels.hpp>
#include <limn/pose/pose.hpp>
#include <limn/pose/skeleton.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// How many of the labelled places of one keypoint, or of several, were found right.
struct KeypointTally {
  Index right = 0;     ///< found near enough
  Index labelled = 0;  ///< to be found

  /// right / labelled, from 0 to 1; NaN if nothing was labelled.
  double share() const { return static_cast<double>(right) / static_cast<double>(labelled); }

  /// Adds the counts of other keypoints or photos.
  KeypointTally& operator+=(const KeypointTally& other) {
    right += other.right;
    labelled += other.labelled;
    return *this;
  }
};

/// PCK, the percentage of correct keypoints: a keypoint is right if it lies at most `allowed` pixels from its label;
/// what is not labelled does not count, hidden keypoints do. Adds one person to `tallies`, one for each keypoint.
/// `allowed` is PCK's alpha times a size of the person (torso_size(), box_size(), ...), or PCKh's threshold times a
/// head size (pckh.hpp). Source: Yang & Ramanan, Articulated Human Detection with Flexible Mixtures of Parts (PAMI
/// 2013); Sapp & Taskar, MODEC (CVPR 2013), for the torso.
/// Throws Error if the numbers of labels, places and tallies differ.
inline void count_right(const Labels& labels, const std::vector<Point>& found, double allowed,
                        std::vector<KeypointTally>& tallies) {
  if (found.size() != labels.size() || tallies.size() != labels.size()) {
    throw Error("PCK: expected as many places and tallies as labels, " + std::to_string(labels.size()) + ", found " +
                std::to_string(found.size()) + " and " + std::to_string(tallies.size()));
  }
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (!labels[i].labelled()) continue;
    const double distance = std::hypot(found[i].x - labels[i].place.x, found[i].y - labels[i].place.y);
    tallies[i] += {distance <= allowed ? 1 : 0, 1};
  }
}

/// Distance of two keypoints in pixels; 0 unless both are labelled and there are such keypoints (negative: there are
/// none, as Skeleton::find says).
inline double labelled_distance(const Labels& labels, int a, int b) {
  const auto count = static_cast<int>(labels.size());
  if (a < 0 || b < 0 || a >= count || b >= count) return 0;
  const Label& one = labels[static_cast<std::size_t>(a)];
  const Label& other = labels[static_cast<std::size_t>(b)];
  if (!one.labelled() || !other.labelled()) return 0;
  return std::hypot(one.place.x - other.place.x, one.place.y - other.place.y);
}

/// From the left shoulder to the right hip, in pixels; 0 unless both are labelled. Source: Sapp & Taskar, MODEC (CVPR
/// 2013). Persons with size 0 are to be left out.
inline double torso_size(const Labels& labels, const Skeleton& skeleton) {
  return labelled_distance(labels, skeleton.find("left_shoulder"), skeleton.find("right_hip"));
}

/// The longer side of the person's box, in pixels (Yang & Ramanan, PAMI 2013). Throws Error if a number of the box is
/// not finite.
inline double box_size(const Box& box) {
  detail::check_finite(box);
  return (std::max)(static_cast<double>(box.width), static_cast<double>(box.height));
}

/// The torso, but at least a quarter of the longer side of the box enlarged 1.25 times, so that nobody is left out and
/// a foreshortened torso makes no one's keypoints wrong. The size in limn's own numbers for the default model
/// (weights/README.md). Throws Error if a number of the box is not finite.
inline double torso_or_box_size(const Labels& labels, const Skeleton& skeleton, const Box& box) {
  return (std::max)(torso_size(labels, skeleton), 0.25 * 1.25 * box_size(box));
}

/// Whether a keypoint counts in the mean: all but pelvis and thorax, which MPII's evaluation leaves out (and Leeds
/// Sports Pose does not label).
inline bool counts_in_mean(const std::string& keypoint) { return keypoint != "pelvis" && keypoint != "thorax"; }

/// All tallies, KeypointTally or SideTally (sides.hpp), together but for the keypoints that do not count: share() is
/// the mean in which each keypoint weighs as often as it is labelled. Throws Error if there is not one tally for each
/// keypoint.
template <typename Tally = KeypointTally>
Tally mean_tally(const std::vector<Tally>& tallies, const Skeleton& skeleton) {
  if (tallies.size() != skeleton.keypoints.size()) {
    throw Error("mean: expected " + std::to_string(skeleton.keypoints.size()) +
                " tallies, one for each keypoint, found " + std::to_string(tallies.size()));
  }
  Tally sum;
  for (std::size_t i = 0; i < tallies.size(); ++i) {
    if (counts_in_mean(skeleton.keypoints[i])) sum += tallies[i];
  }
  return sum;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
