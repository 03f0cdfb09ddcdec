#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/pose/box.hpp>
#include <limn/pose/box_decoder.hpp>
#include <limn/pose/oks.hpp>
#include <limn/pose/pose.hpp>
#include <limn/pose/skeleton.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Where the people of one frame are looked for in the next, and how often a detector is asked.
struct NextBoxOptions {
  /// The detector looks at every so many frames; 1 is every one. Besides, at the first, at those after a frame in which
  /// somebody was lost or new, and at all of them while nobody is there.
  int detect_every = 5;
  /// The size of a box, in sizes of the smallest one around a person's keypoints. Source: rtmlib's and MediaPipe's.
  double scale = 1.25;
  /// Whoever has a lower mean score is nobody, or lost: a model of one person finds keypoints in any box. What is a
  /// good value depends on the model; see peak_threshold().
  float least_score = 0.2F;
  /// Keypoints with a lower score do not count for boxes.
  float threshold = 0.2F;
  /// Keypoints with a lower score do not count where it is asked whether two poses are one person's.
  float sure = 0.2F;
};

/// The smallest box around a pose's keypoints with at least `threshold` for a score, made `scale` times as large around
/// its middle; the pose's own box if there are fewer than two such keypoints or they have no extent. For the crop that
/// a model of one person looks at. Throws Error if `scale` is not positive.
inline Box box_around(const Pose& pose, float threshold, double scale) {
  if (!(scale > 0) || !std::isfinite(scale)) {
    throw Error("box around a pose: scale: expected a positive number, found " + std::to_string(scale));
  }
  double left = 0, top = 0, right = 0, bottom = 0;
  int count = 0;
  for (const Keypoint& keypoint : pose.keypoints) {
    if (!(keypoint.score >= threshold) || keypoint.score <= 0) continue;
    const auto x = static_cast<double>(keypoint.x);
    const auto y = static_cast<double>(keypoint.y);
    left = count > 0 ? (std::min)(left, x) : x;
    right = count > 0 ? (std::max)(right, x) : x;
    top = count > 0 ? (std::min)(top, y) : y;
    bottom = count > 0 ? (std::max)(bottom, y) : y;
    ++count;
  }
  if (!(right - left > 0) || !(bottom - top > 0)) return pose.box;
  const double width = (right - left) * scale;
  const double height = (bottom - top) * scale;
  return {static_cast<float>((left + right - width) / 2), static_cast<float>((top + bottom - height) / 2),
          static_cast<float>(width), static_cast<float>(height)};
}

/// Follows people from frame to frame by looking where they were, so that a detector is asked only now and then. It
/// knows boxes and poses, no networks; for a model of one person:
///
///     if (next.detector_due()) boxes = next.boxes(detections); else boxes = next.boxes();
///     poses = (one for each of the boxes);
///     next.saw(poses);
///
/// Deterministic; for one stream, by one thread at a time.
class NextBoxes {
 public:
  /// For poses of this skeleton. Throws Error if an option is not in its range.
  explicit NextBoxes(const Skeleton& skeleton, const NextBoxOptions& options = {})
      : sigmas_(keypoint_sigmas(skeleton)), options_(options) {
    if (options.detect_every < 1) {
      throw Error("next boxes: detect_every: expected a number of frames, 1 or more, found " +
                  std::to_string(options.detect_every));
    }
    if (!(options.scale > 0) || !std::isfinite(options.scale)) {
      throw Error("next boxes: scale: expected a positive number, found " + std::to_string(options.scale));
    }
  }

  /// Whether the detector is to look at the next frame.
  bool detector_due() const { return people_.empty() || changed_ || since_detection_ + 1 >= options_.detect_every; }

  /// The boxes of the next frame without the detector: those around the people of the last, moved on as they last did.
  /// Valid until the next call.
  const std::vector<Box>& boxes() {
    boxes_.clear();
    for (std::size_t i = 0; i < people_.size(); ++i) {
      Box box = box_around(people_[i], options_.threshold, options_.scale);
      box.x += steps_[i].x;
      box.y += steps_[i].y;
      boxes_.push_back(box);
    }
    known_ = boxes_.size();
    detected_ = false;
    return boxes_;
  }

  /// The boxes of the next frame with what the detector found in it: first those of the people of the last frame, which
  /// are the detector's where it found them, so that a box which was wrong does not stay so; then of the detections
  /// those that are nobody's of them. Valid until the next call.
  const std::vector<Box>& boxes(const std::vector<Detection>& detections) {
    boxes();
    taken_.assign(detections.size(), false);
    for (std::size_t person = 0; person < known_; ++person) {
      std::size_t best = detections.size();
      double overlap = least_overlap;
      for (std::size_t i = 0; i < detections.size(); ++i) {
        // Either box may be the larger one: around the keypoints, or around what shows of the person.
        Box around = box_around(people_[person], options_.threshold, 1);
        around.x += steps_[person].x;
        around.y += steps_[person].y;
        const double now = (std::max)(intersection_over_union(around, detections[i].box),
                                      intersection_over_union(boxes_[person], detections[i].box));
        if (taken_[i] || now <= overlap) continue;
        best = i;
        overlap = now;
      }
      if (best == detections.size()) continue;
      taken_[best] = true;
      boxes_[person] = detections[best].box;
    }
    for (std::size_t i = 0; i < detections.size(); ++i) {
      if (!taken_[i]) boxes_.push_back(detections[i].box);
    }
    detected_ = true;
    return boxes_;
  }

  /// Tells what poses were found in those boxes, one for each. Of them those are removed that are nobody: who was lost,
  /// and of who was found twice the less sure pose. Throws Error if their number is not that of the boxes.
  void saw(std::vector<Pose>& poses) {
    if (poses.size() != boxes_.size()) {
      throw Error("next boxes: expected " + std::to_string(boxes_.size()) + " poses, one for each box, found " +
                  std::to_string(poses.size()));
    }
    const std::size_t before = people_.size();
    std::size_t kept = 0;
    std::size_t kept_known = 0;
    std::vector<Step> steps;
    for (std::size_t i = 0; i < poses.size(); ++i) {
      if (poses[i].score < options_.least_score) continue;
      const auto end = poses.begin() + static_cast<std::ptrdiff_t>(kept);
      const auto twin = std::find_if(poses.begin(), end, [&](const Pose& other) { return same(poses[i], other); });
      if (twin != end) {
        if (twin->score < poses[i].score) std::swap(*twin, poses[i]);
        continue;
      }
      steps.push_back(i < known_ ? step_between(people_[i], poses[i]) : Step());
      if (kept != i) std::swap(poses[kept], poses[i]);
      ++kept;
      if (i < known_) ++kept_known;
    }
    poses.resize(kept);
    changed_ = kept_known < before || kept > kept_known;
    since_detection_ = detected_ ? 0 : since_detection_ + 1;
    people_ = poses;
    steps_ = std::move(steps);
    boxes_.clear();
  }

  /// Forgets everybody, for another film.
  void reset() {
    people_.clear();
    steps_.clear();
    boxes_.clear();
    changed_ = false;
    since_detection_ = 0;
  }

 private:
  /// Pixels from one frame to the next.
  struct Step {
    float x = 0;
    float y = 0;
  };

  /// How far somebody went: the middle of the keypoints that are sure in both poses, and no farther than half the box.
  Step step_between(const Pose& from, const Pose& to) const {
    Step step;
    float count = 0;
    for (std::size_t i = 0; i < from.keypoints.size() && i < to.keypoints.size(); ++i) {
      if (!((std::min)(from.keypoints[i].score, to.keypoints[i].score) >= options_.sure)) continue;
      step.x += to.keypoints[i].x - from.keypoints[i].x;
      step.y += to.keypoints[i].y - from.keypoints[i].y;
      ++count;
    }
    if (count == 0) return {};
    const float most_x = to.box.width / 2;
    const float most_y = to.box.height / 2;
    return {(std::min)((std::max)(step.x / count, -most_x), most_x),
            (std::min)((std::max)(step.y / count, -most_y), most_y)};
  }

  /// Whether two poses are one person's: they agree as people's poses do not.
  bool same(const Pose& a, const Pose& b) const {
    return pose_similarity(a, b, sigmas_, options_.sure).value_or(0) > 0.75;
  }

  static constexpr double least_overlap = 0.3;

  std::vector<double> sigmas_;
  NextBoxOptions options_;
  std::vector<Pose> people_;  // of the last frame
  std::vector<Step> steps_;   // of them
  std::vector<Box> boxes_;    // of the next
  std::vector<bool> taken_;   // of the detections: those that are somebody's of the last frame
  std::size_t known_ = 0;     // so many of them are of people of the last frame
  bool detected_ = false;
  bool changed_ = false;
  int since_detection_ = 0;
};

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
