#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/pose/assignment.hpp>
#include <limn/pose/box.hpp>
#include <limn/pose/oks.hpp>
#include <limn/pose/pose.hpp>
#include <limn/pose/skeleton.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// What makes a person of one frame the same as one of the frames before.
struct TrackerOptions {
  /// Least similarity of a person to where a known one is expected, 0 to 1: the mean of their poses' similarity
  /// (pose_similarity()) and their boxes' intersection over union. Whoever is less similar to everybody who was seen
  /// in the last frame, and not near where somebody else was lost, is new.
  double least_similarity = 0.2;
  /// For how many seconds somebody who is not seen is remembered, and gets the old id on coming back near the place
  /// where they are expected; the less exactly there, the longer they were away.
  double memory = 1;
  /// Keypoints with a lower score are left out of the similarity; see peak_threshold().
  float threshold = 0.2F;
};

/// Gives people in the frames of a film ids that stay theirs from frame to frame.
///
/// People are expected where they would be if they moved on as they did; the most similar ones are paired, exactly
/// (assign()). Ids count from 1 and are never given again. Deterministic; for one stream, by one thread at a time. Its
/// memory is that of the people seen within TrackerOptions::memory.
class Tracker {
 public:
  /// For poses of this skeleton. Throws Error if an option is not in its range.
  explicit Tracker(const Skeleton& skeleton, const TrackerOptions& options = {})
      : sigmas_(keypoint_sigmas(skeleton)), options_(options) {
    require(options.least_similarity > 0 && options.least_similarity <= 1, "least_similarity",
            "a number above 0 and up to 1", options.least_similarity);
    require(options.memory >= 0 && std::isfinite(options.memory), "memory", "a number of seconds, 0 or more",
            options.memory);
    require(std::isfinite(options.threshold), "threshold", "a finite score", static_cast<double>(options.threshold));
  }

  /// The ids of the people of the next frame, in their order; valid until the next call. `time`: seconds on any clock,
  /// in any steps. Throws Error, and knows whom it knew before, if the time is not finite or not after that of the last
  /// frame, or a pose has other keypoints than the skeleton, or numbers in its box or keypoints that are not finite.
  const std::vector<std::int64_t>& update(const std::vector<Pose>& poses, double time) {
    check_frame(poses, time);
    last_time_ = time_;
    time_ = time;
    started_ = true;
    // Who was in the last frame is known, however long ago that was.
    people_.erase(std::remove_if(people_.begin(), people_.end(),
                                 [&](const Person& person) {
                                   return person.time < last_time_ && time - person.time > options_.memory;
                                 }),
                  people_.end());
    pair(poses);
    ids_.clear();
    for (std::size_t i = 0; i < poses.size(); ++i) {
      if (partners_[i] >= 0 && scores_[i * people_.size() + static_cast<std::size_t>(partners_[i])] > 0) {
        Person& person = people_[static_cast<std::size_t>(partners_[i])];
        person.see(poses[i], time);
        ids_.push_back(person.id);
      } else {
        ids_.push_back(++last_id_);
        newcomers_.push_back({last_id_, poses[i], time, 0, 0});
      }
    }
    for (Person& person : newcomers_) people_.push_back(std::move(person));
    newcomers_.clear();
    return ids_;
  }

  /// Those who are known: seen in the last frame or remembered.
  std::size_t known_people() const { return people_.size(); }

  /// Forgets everybody, for another film. Ids go on.
  void reset() {
    people_.clear();
    started_ = false;
  }

 private:
  /// Somebody who was seen, last at `time`, moving by so many pixels a second.
  struct Person {
    std::int64_t id;
    Pose pose;
    double time;
    double speed_x;
    double speed_y;

    void see(const Pose& now, double when) {
      const double step = when - time;
      // Half of what is new: a box's place trembles.
      speed_x += 0.5 * ((center_x(now.box) - center_x(pose.box)) / step - speed_x);
      speed_y += 0.5 * ((center_y(now.box) - center_y(pose.box)) / step - speed_y);
      pose = now;
      time = when;
    }
  };

  static double center_x(const Box& box) { return static_cast<double>(box.x + box.width / 2); }
  static double center_y(const Box& box) { return static_cast<double>(box.y + box.height / 2); }

  static void require(bool good, const char* name, const char* expected, double found) {
    if (good) return;
    throw Error("tracker: " + std::string(name) + ": expected " + expected + ", found " + std::to_string(found));
  }

  void check_frame(const std::vector<Pose>& poses, double time) const {
    require(std::isfinite(time) && (!started_ || time > time_), "time",
            started_ ? "a finite one, after the last frame's" : "a finite one", time);
    for (const Pose& pose : poses) {
      if (pose.keypoints.size() != sigmas_.size()) {
        throw Error("tracker: expected poses of " + std::to_string(sigmas_.size()) + " keypoints, found one of " +
                    std::to_string(pose.keypoints.size()));
      }
      detail::check_finite(pose.box);
      for (const Keypoint& keypoint : pose.keypoints) {
        if (std::isfinite(keypoint.x) && std::isfinite(keypoint.y) && std::isfinite(keypoint.score)) continue;
        throw Error("tracker: keypoint " + keypoint.name + ": expected finite x, y and score");
      }
    }
  }

  /// How similar a pose is to a known person's as it is expected now.
  double similarity(const Pose& pose, const Person& person) {
    expected_ = person.pose;
    const auto dx = static_cast<float>(person.speed_x * (time_ - person.time));
    const auto dy = static_cast<float>(person.speed_y * (time_ - person.time));
    expected_.box.x += dx;
    expected_.box.y += dy;
    for (Keypoint& keypoint : expected_.keypoints) {
      keypoint.x += dx;
      keypoint.y += dy;
    }
    const double overlap = intersection_over_union(pose.box, expected_.box);
    // Where no keypoint is sure in both, the boxes alone tell.
    const double similar =
        (pose_similarity(pose, expected_, sigmas_, options_.threshold).value_or(overlap) + overlap) / 2;
    return (std::max)(similar, options_.least_similarity * nearness(pose.box, person));
  }

  /// From 1 to 2 if somebody who was not seen in the last frame may have come back there, which is less than any
  /// likeness of those who were seen; 0 if not. Who disappears behind others does so bit by bit, and what is expected
  /// of them is vague: within a third of their size, and as much more as they could have walked.
  double nearness(const Box& box, const Person& person) const {
    if (person.time >= last_time_) return 0;
    const auto size = static_cast<double>((std::max)(person.pose.box.width, person.pose.box.height));
    const double reach = size * (0.3 + sizes_a_second * (time_ - person.time));
    const double taller = static_cast<double>(box.height) / static_cast<double>(person.pose.box.height);
    const double away = std::hypot(center_x(box) - center_x(expected_.box), center_y(box) - center_y(expected_.box));
    if (!(away < reach) || !(taller > 0.6 && taller < 1 / 0.6)) return 0;
    return 2 - away / reach;
  }

  /// Leaves the known person of each pose in partners_, -1 for none, and their similarities in scores_, poses x people,
  /// 0 for those that are too low.
  void pair(const std::vector<Pose>& poses) {
    scores_.clear();
    for (const Pose& pose : poses) {
      for (const Person& person : people_) {
        const double score = similarity(pose, person);
        // Those who are too different must not cost others their partners.
        scores_.push_back(score >= options_.least_similarity ? static_cast<float>(score) : 0.0F);
      }
    }
    assign(scores_.data(), static_cast<Index>(poses.size()), static_cast<Index>(people_.size()), workspace_, partners_);
  }

  static constexpr double sizes_a_second = 1;  // who walks goes about their own size in a second

  std::vector<double> sigmas_;
  TrackerOptions options_;
  std::vector<Person> people_;
  std::vector<Person> newcomers_;
  std::int64_t last_id_ = 0;
  bool started_ = false;
  double time_ = 0;
  double last_time_ = 0;  // of the frame before
  std::vector<std::int64_t> ids_;
  // Memory that is used again.
  Pose expected_;
  std::vector<float> scores_;
  AssignmentWorkspace workspace_;
  std::vector<int> partners_;
};

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
