#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// What the keypoints of a model are called and how they hang together. Keypoints are numbered in the order of the
/// model's heatmaps; links and flip pairs hold these numbers.
struct Skeleton {
  std::vector<std::string> keypoints;           ///< for example "right_ankle"; sides are prefixes left_ and right_
  std::vector<std::pair<int, int>> links;       ///< bones to draw, in drawing order
  std::vector<std::pair<int, int>> flip_pairs;  ///< keypoints that change places in a mirrored photo

  /// Number of the keypoint of that name, -1 if there is none.
  int find(const std::string& name) const {
    for (std::size_t i = 0; i < keypoints.size(); ++i) {
      if (keypoints[i] == name) return static_cast<int>(i);
    }
    return -1;
  }
};

/// Throws Error if a link or a flip pair names a keypoint that does not exist.
inline void check(const Skeleton& skeleton) {
  const auto count = static_cast<int>(skeleton.keypoints.size());
  const auto check_pairs = [count](const std::vector<std::pair<int, int>>& pairs, const char* what) {
    for (const auto& [a, b] : pairs) {
      if (a < 0 || b < 0 || a >= count || b >= count) {
        throw Error(std::string("skeleton: ") + what + " [" + std::to_string(a) + ", " + std::to_string(b) +
                    "]: expected keypoints 0 to " + std::to_string(count - 1));
      }
    }
  };
  check_pairs(skeleton.links, "link");
  check_pairs(skeleton.flip_pairs, "flip pair");
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
