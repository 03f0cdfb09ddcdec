#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/estimator/pose_estimator.hpp>
#include <limn/image/image.hpp>
#include <limn/model_file/document.hpp>
#include <limn/pose/box_decoder.hpp>
#include <limn/pose/decoders.hpp>
#include <limn/pose/pose.hpp>
#include <limn/track/next_boxes.hpp>
#include <limn/track/pose_smoother.hpp>
#include <limn/track/tracker.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// How people are followed through a film. The scores in it are of the default model's kind; VideoOptions::of() takes
/// them from a model.
struct VideoOptions {
  NextBoxOptions boxes;    ///< where people are looked for
  TrackerOptions tracker;  ///< who is who
  /// Absent: poses are as they are found.
  std::optional<SmoothingOptions> smoothing = SmoothingOptions();

  /// The defaults, with the scores that the estimator's model says are good ones (peak_threshold()).
  static VideoOptions of(const PoseEstimator& estimator) {
    VideoOptions options;
    const float threshold = peak_threshold(estimator.document().decoder);
    // Drawing asks whether a keypoint is right; this, where somebody is about. Half of somebody is somebody.
    options.boxes.threshold = options.boxes.least_score = threshold / 2;
    options.boxes.sure = options.tracker.threshold = threshold;
    options.smoothing->threshold = threshold;
    return options;
  }
};

/// Somebody in a frame of a film.
struct TrackedPose {
  std::int64_t id = 0;  ///< from 1 on; the same in all frames, and nobody else's
  Pose pose;            ///< smoothed, if VideoOptions::smoothing is there
};

/// Finds the poses of the people in one film, frame after frame, and tells who is who.
///
///     VideoEstimator video(estimator);
///     for (...) for (const TrackedPose& person : video.next(frame, seconds)) ...
///
/// Of a model of one person with a detector, the detector looks at a frame now and then (NextBoxOptions); in between
/// people are looked for where they were. Without a detector it looks at all of each frame for one person; a model of
/// several people finds them by itself. Ids are a Tracker's, and poses are smoothed on the frames' own times.
///
/// One for each stream, by one thread at a time; any number of them may share an estimator, in any threads.
/// Deterministic. Its memory is that of the people seen within TrackerOptions::memory, however long the film.
class VideoEstimator {
 public:
  /// Throws Error if an option is not in its range.
  VideoEstimator(std::shared_ptr<const PoseEstimator> estimator, const VideoOptions& options)
      : estimator_(std::move(estimator)),
        options_(options),
        workspace_(checked(estimator_).make_workspace()),
        next_(estimator_->skeleton(), options.boxes),
        tracker_(estimator_->skeleton(), options.tracker) {
    if (const PersonDetector* const detector = estimator_->detector()) detector_workspace_ = detector->make_workspace();
    if (options.smoothing) PoseSmoother{*options.smoothing};
  }

  /// With VideoOptions::of() the estimator.
  explicit VideoEstimator(const std::shared_ptr<const PoseEstimator>& estimator)
      : VideoEstimator(estimator, VideoOptions::of(checked(estimator))) {}

  /// The people in the film's next frame, in the order of their ids; valid until the next call. `time`: seconds on any
  /// clock, in any steps. Throws Error, and knows whom it knew before, if the view is not a picture or the time is not
  /// finite or not after the last frame's.
  const std::vector<TrackedPose>& next(const ImageView& frame, double time) {
    check(frame);
    if (!std::isfinite(time) || (last_time_ && time <= *last_time_)) {
      throw Error("video: time: expected a finite one" +
                  (last_time_ ? ", after the last frame's " + std::to_string(*last_time_) : std::string()) +
                  ", found " + std::to_string(time));
    }
    find_poses(frame);
    const std::vector<std::int64_t>& ids = tracker_.update(poses_, time);
    const std::optional<double> last_time = std::exchange(last_time_, time);
    people_.resize(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      people_[i].id = ids[i];
      std::swap(people_[i].pose, poses_[i]);
    }
    std::sort(people_.begin(), people_.end(), [](const TrackedPose& a, const TrackedPose& b) { return a.id < b.id; });
    if (options_.smoothing) smooth(time, last_time);
    return people_;
  }

  /// Whether the detector looked at the last frame.
  bool detected() const { return detected_; }

  /// The estimator that it was made with.
  const PoseEstimator& estimator() const { return *estimator_; }

  /// Forgets everybody and the time, for another film or after a cut. Ids go on.
  void reset() {
    next_.reset();
    tracker_.reset();
    smoothers_.clear();
    people_.clear();
    last_time_.reset();
  }

 private:
  struct Smoothed {
    std::int64_t id;
    double time;
    PoseSmoother smoother;
  };

  static const PoseEstimator& checked(const std::shared_ptr<const PoseEstimator>& estimator) {
    if (!estimator) throw Error("video: expected an estimator, found none");
    return *estimator;
  }

  /// Leaves everybody's pose in poses_.
  void find_poses(const ImageView& frame) {
    const PersonDetector* const detector = estimator_->detector();
    detected_ = detector != nullptr && next_.detector_due();
    if (detector == nullptr) {
      estimator_->estimate_all(frame, workspace_, poses_);
      return;
    }
    if (detected_) detector->detect(frame, *detector_workspace_, detections_);
    const std::vector<Box>& boxes = detected_ ? next_.boxes(detections_) : next_.boxes();
    estimator_->estimate(frame, boxes, workspace_, poses_);
    next_.saw(poses_);
  }

  void smooth(double time, std::optional<double> last_time) {
    smoothers_.erase(std::remove_if(smoothers_.begin(), smoothers_.end(),
                                    [&](const Smoothed& person) {
                                      return person.time < last_time.value_or(time) &&
                                             time - person.time > options_.tracker.memory;
                                    }),
                     smoothers_.end());
    for (TrackedPose& person : people_) {
      auto found = std::find_if(smoothers_.begin(), smoothers_.end(),
                                [&](const Smoothed& smoothed) { return smoothed.id == person.id; });
      if (found == smoothers_.end()) {
        smoothers_.push_back({person.id, time, PoseSmoother(*options_.smoothing)});
        found = smoothers_.end() - 1;
      }
      found->smoother.smooth(person.pose, time);
      found->time = time;
    }
  }

  std::shared_ptr<const PoseEstimator> estimator_;
  VideoOptions options_;
  PoseEstimator::Workspace workspace_;
  std::optional<PersonDetector::Workspace> detector_workspace_;
  NextBoxes next_;
  Tracker tracker_;
  std::vector<Smoothed> smoothers_;
  std::vector<TrackedPose> people_;
  bool detected_ = false;
  std::optional<double> last_time_;
  // Memory that is used again.
  std::vector<Detection> detections_;
  std::vector<Pose> poses_;
};

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
