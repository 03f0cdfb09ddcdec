#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/metrics/labels.hpp>
#include <limn/pose/skeleton.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// How often a keypoint of one side of the body was found where the other side's is, or several keypoints were.
struct SideTally {
  Index swapped = 0;   ///< found where the other side's is
  Index labelled = 0;  ///< with both sides labelled

  /// swapped / labelled, from 0 to 1; NaN if nothing was labelled.
  double share() const { return static_cast<double>(swapped) / static_cast<double>(labelled); }

  /// Adds the counts of other keypoints or photos.
  SideTally& operator+=(const SideTally& other) {
    swapped += other.swapped;
    labelled += other.labelled;
    return *this;
  }
};

/// Confusion of left and right. A keypoint is swapped if it lies at most `allowed` pixels from the label of the other
/// side's, its partner in the skeleton's flip pairs, and not so near to its own: where both labels are near, nothing is
/// confused. What is not labelled on both sides does not count. Adds one person to `tallies`, one for each keypoint;
/// those of keypoints without a partner stay as they are.
/// `allowed` is as for count_right() (pck.hpp), so that of a keypoint's labels the share that is right and the share
/// that is swapped never overlap.
/// Throws Error if the numbers of labels, places, tallies and the skeleton's keypoints differ.
inline void count_swapped(const Labels& labels, const std::vector<Point>& found, double allowed,
                          const Skeleton& skeleton, std::vector<SideTally>& tallies) {
  const std::size_t count = skeleton.keypoints.size();
  if (labels.size() != count || found.size() != count || tallies.size() != count) {
    throw Error("swapped sides: expected labels, places and tallies of " + std::to_string(count) +
                " keypoints, found " + std::to_string(labels.size()) + ", " + std::to_string(found.size()) + " and " +
                std::to_string(tallies.size()));
  }
  check(skeleton);
  const auto add = [&](std::size_t own, std::size_t other) {
    const auto is_near = [&](const Label& label) {
      return std::hypot(found[own].x - label.place.x, found[own].y - label.place.y) <= allowed;
    };
    tallies[own] += {is_near(labels[other]) && !is_near(labels[own]) ? 1 : 0, 1};
  };
  for (const auto& [a, b] : skeleton.flip_pairs) {
    const auto left = static_cast<std::size_t>(a);
    const auto right = static_cast<std::size_t>(b);
    if (!labels[left].labelled() || !labels[right].labelled()) continue;
    add(left, right);
    add(right, left);
  }
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
