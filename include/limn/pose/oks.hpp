#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/pose/box.hpp>
#include <limn/pose/pose.hpp>
#include <limn/pose/skeleton.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// How far annotators differ about a keypoint of COCO's, as a share of the square root of the person's area; nothing
/// for a name that is none of COCO's 17. Source: https://cocodataset.org/#keypoints-eval, section 1.3.
inline std::optional<double> coco_sigma(const std::string& keypoint) {
  static constexpr std::array<std::pair<const char*, double>, 17> sigmas = {{{"nose", 0.026},
                                                                             {"left_eye", 0.025},
                                                                             {"right_eye", 0.025},
                                                                             {"left_ear", 0.035},
                                                                             {"right_ear", 0.035},
                                                                             {"left_shoulder", 0.079},
                                                                             {"right_shoulder", 0.079},
                                                                             {"left_elbow", 0.072},
                                                                             {"right_elbow", 0.072},
                                                                             {"left_wrist", 0.062},
                                                                             {"right_wrist", 0.062},
                                                                             {"left_hip", 0.107},
                                                                             {"right_hip", 0.107},
                                                                             {"left_knee", 0.087},
                                                                             {"right_knee", 0.087},
                                                                             {"left_ankle", 0.089},
                                                                             {"right_ankle", 0.089}}};
  for (const auto& [name, sigma] : sigmas) {
    if (keypoint == name) return sigma;
  }
  return std::nullopt;
}

/// A sigma for each keypoint of a skeleton: COCO's for its names, and the mean of COCO's, 0.067, for other ones, which
/// is limn's choice where nobody has measured how far annotators differ.
inline std::vector<double> keypoint_sigmas(const Skeleton& skeleton) {
  std::vector<double> sigmas;
  for (const std::string& name : skeleton.keypoints) sigmas.push_back(coco_sigma(name).value_or(1.138 / 17));
  return sigmas;
}

namespace detail {

/// exp(-d^2 / (2 (2 sigma)^2 area)): 1 where the keypoint is right, falling with the distance d.
inline double keypoint_similarity(double dx, double dy, double sigma, double area) {
  const double variance = 4 * sigma * sigma;
  return std::exp(-(dx * dx + dy * dy) / variance / (area + std::numeric_limits<double>::epsilon()) / 2);
}

}  // namespace detail

/// Object keypoint similarity of two poses that were found, 0 to 1: the mean of exp(-d^2 / (2 (2 sigma)^2 area)) over
/// the keypoints that both have with at least `threshold` for a score, `area` being the mean of their boxes'. Nothing
/// if there are no such keypoints. Source of the formula: as coco_sigma(). Throws Error if the numbers of keypoints and
/// sigmas differ or a number of the boxes is not finite.
inline std::optional<double> pose_similarity(const Pose& a, const Pose& b, const std::vector<double>& sigmas,
                                             float threshold = 0) {
  if (a.keypoints.size() != sigmas.size() || b.keypoints.size() != sigmas.size()) {
    throw Error("pose similarity: expected " + std::to_string(sigmas.size()) + " keypoints, as many as sigmas, found " +
                std::to_string(a.keypoints.size()) + " and " + std::to_string(b.keypoints.size()));
  }
  detail::check_finite(a.box);
  detail::check_finite(b.box);
  const auto area = [](const Box& box) { return static_cast<double>(box.width) * static_cast<double>(box.height); };
  const double mean_area = (area(a.box) + area(b.box)) / 2;
  double sum = 0;
  int count = 0;
  for (std::size_t i = 0; i < sigmas.size(); ++i) {
    const Keypoint& first = a.keypoints[i];
    const Keypoint& second = b.keypoints[i];
    if (!((std::min)(first.score, second.score) >= threshold) || first.score <= 0 || second.score <= 0) continue;
    sum += detail::keypoint_similarity(static_cast<double>(first.x - second.x), static_cast<double>(first.y - second.y),
                                       sigmas[i], mean_area);
    ++count;
  }
  if (count == 0) return std::nullopt;
  return sum / count;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
