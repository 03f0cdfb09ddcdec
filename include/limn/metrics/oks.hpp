#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/metrics/labels.hpp>
#include <limn/pose/oks.hpp>
#include <limn/pose/pose.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

namespace detail {

inline void check_counts(std::size_t sigmas, std::size_t labels, std::size_t found) {
  if (labels != sigmas || found != sigmas || sigmas == 0) {
    throw Error("OKS: expected as many keypoints as sigmas, " + std::to_string(sigmas) + ", and one at least, found " +
                std::to_string(labels) + " and " + std::to_string(found));
  }
}

}  // namespace detail

/// Object keypoint similarity of a found person to an annotated one, from 0 to 1:
///
///     OKS = mean over labelled keypoints of exp(-d^2 / (2 (2 sigma)^2 area)),
///
/// d being the distance to the label in pixels and `area` the annotated person's in square pixels. Where nothing is
/// labelled (a person too small, a crowd), all keypoints count, with the distance to the annotation's `box` grown to
/// three times its width and height around its centre: whatever was found within is similarity 1. Source: COCO's
/// evaluation (https://cocodataset.org/#keypoints-eval; pycocotools, cocoeval.py, computeOks), to the last bit but for
/// the order of sums. Throws Error if the numbers of keypoints differ or are 0, or a number of the box is not finite.
inline double oks(const Labels& labels, const Box& box, double area, const std::vector<Point>& found,
                  const std::vector<double>& sigmas) {
  detail::check_finite(box);
  detail::check_counts(sigmas.size(), labels.size(), found.size());
  const bool any = std::any_of(labels.begin(), labels.end(), [](const Label& label) { return label.labelled(); });
  double sum = 0;
  std::size_t count = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    double dx = 0;
    double dy = 0;
    if (any) {
      if (!labels[i].labelled()) continue;
      dx = found[i].x - labels[i].place.x;
      dy = found[i].y - labels[i].place.y;
    } else {
      const auto beyond = [](double place, double from, double size) {
        return (std::max)(0.0, from - size - place) + (std::max)(0.0, place - (from + 2 * size));
      };
      dx = beyond(found[i].x, box.x, box.width);
      dy = beyond(found[i].y, box.y, box.height);
    }
    sum += detail::keypoint_similarity(dx, dy, sigmas[i], area);
    ++count;
  }
  return sum / static_cast<double>(count);
}

/// Object keypoint similarity of two found persons: the mean over all keypoints, with the mean of both areas. Source:
/// Microsoft Simple Baselines, lib/nms/nms.py, oks_iou. Throws Error if the numbers of keypoints differ or are 0.
inline double oks(const std::vector<Point>& a, double area_a, const std::vector<Point>& b, double area_b,
                  const std::vector<double>& sigmas) {
  detail::check_counts(sigmas.size(), a.size(), b.size());
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += detail::keypoint_similarity(a[i].x - b[i].x, a[i].y - b[i].y, sigmas[i], (area_a + area_b) / 2);
  }
  return sum / static_cast<double>(a.size());
}

/// A person that was found, for scoring and for choosing among persons.
struct FoundPerson {
  std::vector<Point> keypoints;  ///< photo pixels, in the skeleton's order
  double score = 0;              ///< larger is surer
  double area = 0;               ///< square pixels, of the region that was looked at; for oks_nms() only
};

/// The persons to be kept, by their numbers, best first: each that has been kept drops those of at most its score whose
/// similarity to it is above `threshold`. Of equal scores the first comes first. Source: Microsoft Simple Baselines,
/// lib/nms/nms.py, oks_nms, with its 0.9.
inline std::vector<std::size_t> oks_nms(const std::vector<FoundPerson>& persons, const std::vector<double>& sigmas,
                                        double threshold = 0.9) {
  std::vector<std::size_t> order(persons.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return persons[a].score > persons[b].score; });
  std::vector<std::size_t> kept;
  for (const std::size_t candidate : order) {
    const bool known = std::any_of(kept.begin(), kept.end(), [&](std::size_t other) {
      return oks(persons[other].keypoints, persons[other].area, persons[candidate].keypoints, persons[candidate].area,
                 sigmas) > threshold;
    });
    if (!known) kept.push_back(candidate);
  }
  return kept;
}

/// The score by which COCO evaluations of single-person networks rank persons: the box's times the mean of the
/// keypoints' scores above 0.2, 0 if there is none. Source: Microsoft Simple Baselines, lib/dataset/coco.py
/// (IN_VIS_THRE 0.2).
inline double person_score(const Pose& pose, double box_score, double threshold = 0.2) {
  double sum = 0;
  int count = 0;
  for (const Keypoint& keypoint : pose.keypoints) {
    if (!(static_cast<double>(keypoint.score) > threshold)) continue;
    sum += static_cast<double>(keypoint.score);
    ++count;
  }
  return count > 0 ? box_score * sum / count : 0;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
