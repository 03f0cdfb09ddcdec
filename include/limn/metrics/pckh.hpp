#pragma once

#include <cmath>
#include <string>
#include <vector>

#include <limn/core/version.hpp>
#include <limn/metrics/labels.hpp>
#include <limn/metrics/pck.hpp>
#include <limn/pose/skeleton.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// PCKh is count_right() (pck.hpp) with a threshold, mostly 0.5, times a size of the head. Its source: Andriluka et
/// al., 2D Human Pose Estimation (CVPR 2014). The numbers published for MPII come from code with habits of its own,
/// which whoever compares with them must repeat (Microsoft Simple Baselines, lib/dataset/mpii.py, after MPII's
/// toolkit):
///
/// - the head size is 0.6 times the diagonal of the head's box (head_box_size());
/// - MPII's annotations count pixels from 1, so 1 is added to the found places (from_one());
/// - pelvis and thorax are left out of the mean (mean_tally() in pck.hpp does so);
/// - what is published as "Mean@0.1" has the threshold published_tenth, 0.11;
/// - rows like "Elbow" are the mean of the left and the right keypoint's shares, however often each is labelled
///   (published_rows()).

/// The threshold behind the published "Mean@0.1": entry 11 of 0, 0.01, 0.02, ... was read for entry 10.
inline constexpr double published_tenth = 0.11;

/// 0.6 times the diagonal of the head's box, whose corners are (x1, y1) and (x2, y2): MPII's head size.
inline double head_box_size(double x1, double y1, double x2, double y2) { return 0.6 * std::hypot(x2 - x1, y2 - y1); }

/// From the top of the head to the upper neck, in pixels; 0 unless both are labelled. For data without head boxes: the
/// "head segment length" that PCKh is named after.
inline double head_segment_size(const Labels& labels, const Skeleton& skeleton) {
  return labelled_distance(labels, skeleton.find("head_top"), skeleton.find("upper_neck"));
}

/// Places counted from 0, as limn and COCO count pixels, as places counted from 1, as MPII's annotations do.
inline std::vector<Point> from_one(std::vector<Point> places) {
  for (Point& place : places) {
    place.x += 1;
    place.y += 1;
  }
  return places;
}

/// A row of a published table of PCKh.
struct PckhRow {
  std::string name;  ///< as in the table
  double share = 0;  ///< NaN if nothing of it is labelled
};

/// Head (its top), Shoulder, Elbow, Wrist, Hip, Knee, Ankle: of pairs the mean of the two sides' shares. Rows of
/// keypoints that the skeleton lacks are left out. Throws Error as mean_tally() does.
inline std::vector<PckhRow> published_rows(const std::vector<KeypointTally>& tallies, const Skeleton& skeleton) {
  mean_tally(tallies, skeleton);
  const auto share = [&](const std::string& keypoint) {
    return tallies[static_cast<std::size_t>(skeleton.find(keypoint))].share();
  };
  std::vector<PckhRow> rows;
  if (skeleton.find("head_top") >= 0) rows.push_back({"Head", share("head_top")});
  for (const char* name : {"Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle"}) {
    std::string joint = name;
    joint[0] = static_cast<char>(joint[0] - 'A' + 'a');
    const std::string left = "left_" + joint;
    const std::string right = "right_" + joint;
    if (skeleton.find(left) < 0 || skeleton.find(right) < 0) continue;
    rows.push_back({name, 0.5 * (share(left) + share(right))});
  }
  return rows;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
