#pragma once

#include <memory>
#include <string>
#include <vector>

#include <limn/core/inline.hpp>
#include <limn/core/version.hpp>
#include <limn/estimator/estimator_options.hpp>
#include <limn/estimator/person_detector.hpp>
#include <limn/image/affine.hpp>
#include <limn/image/image.hpp>
#include <limn/pose/box.hpp>
#include <limn/pose/box_decoder.hpp>
#include <limn/pose/heatmaps.hpp>
#include <limn/pose/pose.hpp>
#include <limn/pose/skeleton.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Finds the poses of people in photos: of the person in a box, or of everybody.
///
/// Load it once and keep it. It is const: any number of threads may call it at once. The calls without a workspace take
/// one from a store inside and put it back; a thread that holds its own shares nothing with others, and after its first
/// call nothing is allocated but for more people than ever before.
///
/// Models are of two kinds. One of one person looks into boxes (top-down): they come from the caller, or from
/// EstimatorOptions::detector. One of several people, whose decoder is part_affinity, finds everybody by itself
/// (bottom-up).
class PoseEstimator {
 public:
  /// The memory of one estimate and, after it, the heatmaps it read the keypoints from. For its estimator only (another
  /// one throws Error), by one thread at a time; what is in it can be read also when the estimator is gone. Once
  /// it was moved from, all of it throws Error.
  class Workspace {
   public:
    /// What was moved from may be assigned to or destroyed; all else of it throws Error.
    Workspace(Workspace&&) noexcept;
    /// Likewise.
    Workspace& operator=(Workspace&&) noexcept;
    ~Workspace();

    /// keypoints x H / stride x W / stride as the network put them out, or their mean after a flip test. Valid until
    /// the next estimate. Throws Error if there was none yet, or the last one failed or had nobody to look at.
    HeatmapView heatmaps() const;

    /// The part affinity maps, 2 * links x H / stride x W / stride, of a model of several people. Likewise valid, and
    /// throws likewise; also if the model is one of one person.
    HeatmapView affinities() const;

    /// Maps heatmap cells to pixels of the photo that was last looked at. Throws as heatmaps() does.
    const Affine& photo_from_heatmap() const;

    /// The people whom the estimator's detector found in the last estimate_all(), one for each of its poses. Throws
    /// Error if the estimator has no detector.
    const std::vector<Detection>& detections() const;

    /// Bytes of memory that it holds.
    Index size_in_bytes() const;

   private:
    friend class PoseEstimator;
    struct Parts;
    explicit Workspace(std::unique_ptr<Parts> parts);
    Parts& parts() const;
    const Parts& filled_parts() const;

    std::unique_ptr<Parts> parts_;
  };

  /// Loads a model file. Throws Error if it is not a valid one or the options do not fit it.
  explicit PoseEstimator(const std::string& model_file, const EstimatorOptions& options = {});

  /// From a model that is open already. It is not needed any more afterwards.
  explicit PoseEstimator(const Model& model, const EstimatorOptions& options = {});

  /// What was moved from may only be assigned to or destroyed.
  PoseEstimator(PoseEstimator&&) noexcept;
  /// Likewise.
  PoseEstimator& operator=(PoseEstimator&&) noexcept;
  ~PoseEstimator();

  /// What the model file says, `input.width` and `input.height` being the size in use.
  const ModelDocument& document() const;
  /// Names, links and mirror partners of the keypoints.
  const Skeleton& skeleton() const;
  /// How its network is computed.
  const Plan& plan() const;

  /// Whether the model is one of several people: its decoder is part_affinity.
  bool finds_several() const;

  /// The one of its options, null if it has none. Valid as long as the estimator.
  const PersonDetector* detector() const;

  /// Throws Error if there is not so much memory.
  Workspace make_workspace() const;

  /// The pose of the person in `box` (photo pixels; it may reach beyond the photo; box_of(photo) is all of it). A model
  /// of several people gives the one with the highest score; if it finds nobody, a pose whose scores are 0. Throws
  /// Error if the view is not a picture or the box is not made of finite numbers and of positive size.
  Pose estimate(const ImageView& photo, const Box& box) const;

  /// One pose for each box, in their order. Throws Error before it looks at any if one is not a proper box.
  std::vector<Pose> estimate(const ImageView& photo, const std::vector<Box>& boxes) const;

  /// Everybody in the photo. Throws Error if the view is not a picture.
  ///
  /// With a detector: the pose in each of the boxes that it finds, the surest first. By a model of several people: in
  /// the order of decode_part_affinity(); a keypoint that was not found has score 0 and place (0, 0), and a pose's box
  /// is the smallest around the others. A model of one person without a detector takes the photo for one person's box.
  std::vector<Pose> estimate_all(const ImageView& photo) const;

  /// One pose for each of the people, in their order. Those of several photos share the runs of the network, up to
  /// EstimatorOptions::batch in each; the poses are those that they have alone. Throws Error before it looks at any if
  /// one has no proper box.
  void estimate(const std::vector<BoxInPhoto>& people, Workspace& workspace, std::vector<Pose>& poses) const;

  /// The same in the caller's workspace, which afterwards holds the heatmaps, and into a pose whose memory is used
  /// again. Throws Error also if another estimator made the workspace.
  void estimate(const ImageView& photo, const Box& box, Workspace& workspace, Pose& pose) const;

  /// Likewise. The heatmaps are those of the first of the last batch.
  void estimate(const ImageView& photo, const std::vector<Box>& boxes, Workspace& workspace,
                std::vector<Pose>& poses) const;

  /// Likewise. The workspace also holds the detections afterwards.
  void estimate_all(const ImageView& photo, Workspace& workspace, std::vector<Pose>& poses) const;

 private:
  struct Parts;
  std::unique_ptr<const Parts> parts_;
};

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn

#ifndef LIMN_COMPILED
#include <limn/estimator/impl/pose_estimator.hpp>
#endif
