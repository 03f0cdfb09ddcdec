#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/engine/plan.hpp>
#include <limn/estimator/bottom_up.hpp>
#include <limn/estimator/crop.hpp>
#include <limn/estimator/estimator_options.hpp>
#include <limn/estimator/person_detector.hpp>
#include <limn/estimator/photo_network.hpp>
#include <limn/estimator/top_down.hpp>
#include <limn/estimator/workspace_store.hpp>
#include <limn/model_file/model.hpp>
#include <limn/pose/box.hpp>
#include <limn/pose/pose.hpp>

namespace limn {

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
  /// one throws Error), by one thread at a time; what is in it can be read also when the estimator is gone.
  class Workspace {
   public:
    /// keypoints x H / stride x W / stride as the network put them out, or their mean after a flip test. Valid until
    /// the next estimate. Throws Error if there was none yet, or the last one failed or had nobody to look at.
    HeatmapView heatmaps() const {
      check_filled();
      return top_down_.heatmaps(maps_, 0);
    }

    /// The part affinity maps, 2 * links x H / stride x W / stride, of a model of several people. Likewise valid, and
    /// throws likewise; also if the model is one of one person.
    HeatmapView affinities() const {
      if (!finds_several_)
        throw Error("estimator's workspace: no part affinity maps, since its model is of one person");
      check_filled();
      return maps_.map(1);
    }

    /// Maps heatmap cells to pixels of the photo that was last looked at. Throws as heatmaps() does.
    const Affine& photo_from_heatmap() const {
      check_filled();
      return maps_.photo_from_heatmap();
    }

    /// The people whom the estimator's detector found in the last estimate_all(), one for each of its poses. Throws
    /// Error if the estimator has no detector.
    const std::vector<Detection>& detections() const {
      if (!detector_) throw Error("estimator's workspace: no detections, since its estimator has no detector");
      return detections_;
    }

    Index size_in_bytes() const {
      return maps_.size_in_bytes() + top_down_.averages.size() * static_cast<Index>(sizeof(float)) +
             (detector_ ? detector_->size_in_bytes() : 0);
    }

   private:
    friend class PoseEstimator;
    Workspace(detail::PhotoNetwork::Workspace maps, bool finds_several,
              std::optional<PersonDetector::Workspace> detector)
        : maps_(std::move(maps)), finds_several_(finds_several), detector_(std::move(detector)) {}

    void check_filled() const {
      if (!maps_.filled()) throw Error("estimator's workspace: no heatmaps, since no estimate has left any in it");
    }

    detail::PhotoNetwork::Workspace maps_;
    bool finds_several_;
    detail::TopDown::Workspace top_down_;
    detail::BottomUp::Workspace bottom_up_;
    std::optional<PersonDetector::Workspace> detector_;
    std::vector<Detection> detections_;
    std::vector<Box> boxes_;  // those of detections_
  };

  /// Loads a model file. Throws Error if it is not a valid one or the options do not fit it.
  explicit PoseEstimator(const std::string& model_file, const EstimatorOptions& options = {})
      : PoseEstimator(Model::open(model_file), options) {}

  /// From a model that is open already. It is not needed any more afterwards.
  explicit PoseEstimator(const Model& model, const EstimatorOptions& options = {}) try
      : top_down_(top_down_for(model, options)),
        network_(model, document_for(model, options), detail::pool_for(options), images_of(options),
                 options.max_memory),
        bottom_up_(network_.document().skeleton),
        detector_(options.detector),
        store_(std::make_unique<Store>()) {
  } catch (...) {
    detail::rethrow_as_error(model.name());
  }

  /// What the model file says, `input.width` and `input.height` being the size in use.
  const ModelDocument& document() const { return network_.document(); }
  const Skeleton& skeleton() const { return document().skeleton; }
  const Plan& plan() const { return network_.plan(); }

  /// Whether the model is one of several people: its decoder is part_affinity.
  bool finds_several() const { return finds_several(document()); }

  /// Throws Error if there is not so much memory.
  Workspace make_workspace() const {
    return {network_.make_workspace(), finds_several(),
            detector_ ? std::make_optional(detector_->make_workspace()) : std::nullopt};
  }

  /// The pose of the person in `box` (photo pixels; it may reach beyond the photo; box_of(photo) is all of it). A model
  /// of several people gives the one with the highest score; if it finds nobody, a pose whose scores are 0. Throws
  /// Error if the view is not a picture or the box is not made of finite numbers and of positive size.
  Pose estimate(const ImageView& photo, const Box& box) const {
    Pose pose;
    estimate(photo, box, *borrow(), pose);
    return pose;
  }

  /// One pose for each box, in their order. Throws Error before it looks at any if one is not a proper box.
  std::vector<Pose> estimate(const ImageView& photo, const std::vector<Box>& boxes) const {
    std::vector<Pose> poses;
    estimate(photo, boxes, *borrow(), poses);
    return poses;
  }

  /// Everybody in the photo. Throws Error if the view is not a picture.
  ///
  /// With a detector: the pose in each of the boxes that it finds, the surest first. By a model of several people: in
  /// the order of decode_part_affinity(); a keypoint that was not found has score 0 and place (0, 0), and a pose's box
  /// is the smallest around the others. A model of one person without a detector takes the photo for one person's box.
  std::vector<Pose> estimate_all(const ImageView& photo) const {
    std::vector<Pose> poses;
    estimate_all(photo, *borrow(), poses);
    return poses;
  }

  // The same in the caller's workspace, which afterwards holds the heatmaps (of several boxes those of the first of the
  // last batch) and the detections, and into poses whose memory is used again. They throw Error also if another
  // estimator made the workspace.

  void estimate(const ImageView& photo, const Box& box, Workspace& workspace, Pose& pose) const {
    in_own(workspace, [&] {
      if (finds_several()) {
        bottom_up_.estimate_best(network_, photo, box, workspace.maps_, workspace.bottom_up_, pose);
      } else {
        top_down_.estimate(network_, photo, &box, 1, workspace.maps_, workspace.top_down_, &pose);
      }
    });
  }

  void estimate(const ImageView& photo, const std::vector<Box>& boxes, Workspace& workspace,
                std::vector<Pose>& poses) const {
    in_own(workspace, [&] {
      for (const Box& box : boxes) check(box);
      poses.resize(boxes.size());
      network_.forget(workspace.maps_);  // there may be no box
      const std::size_t batch = finds_several() ? 1 : people_at_once();
      for (std::size_t first = 0; first < boxes.size(); first += batch) {
        if (finds_several()) {
          estimate(photo, boxes[first], workspace, poses[first]);
          continue;
        }
        const std::size_t count = (std::min)(batch, boxes.size() - first);
        top_down_.estimate(network_, photo, &boxes[first], static_cast<Index>(count), workspace.maps_,
                           workspace.top_down_, &poses[first]);
      }
    });
  }

  void estimate_all(const ImageView& photo, Workspace& workspace, std::vector<Pose>& poses) const {
    in_own(workspace, [&] {
      if (finds_several()) {
        bottom_up_.estimate(network_, photo, box_of(photo), workspace.maps_, workspace.bottom_up_, poses);
        return;
      }
      workspace.boxes_.clear();
      if (detector_) {
        detector_->detect(photo, *workspace.detector_, workspace.detections_);
        for (const Detection& person : workspace.detections_) workspace.boxes_.push_back(person.box);
      } else {
        workspace.boxes_.push_back(box_of(photo));
      }
      estimate(photo, workspace.boxes_, workspace, poses);
    });
  }

 private:
  using Store = detail::WorkspaceStore<Workspace>;

  static bool finds_several(const ModelDocument& document) {
    return document.decoder.type == DecoderType::part_affinity;
  }

  /// Throws Error unless the options fit the model.
  static detail::TopDown top_down_for(const Model& model, const EstimatorOptions& options) {
    if (finds_boxes(model.document().network)) {
      throw Error(model.name() + ": expected a model that finds keypoints, found a person detector's");
    }
    if (finds_several(model.document())) {
      constexpr const char* but = "expected a model of one person, found one of several";
      if (options.detector) throw Error(std::string("person detector: ") + but + ", which needs none");
      if (options.flip) throw Error(std::string("flip test: ") + but);
    }
    if (!options.flip) return detail::TopDown(std::nullopt);
    return detail::TopDown(FlipTest{mirrored_keypoints(model.document().skeleton), options.flip_shift});
  }

  static ModelDocument document_for(const Model& model, const EstimatorOptions& options) {
    ModelDocument document = detail::document_for(model, options);
    if (options.crop) {
      if (*options.crop != 0) check_crop_factor(*options.crop);
      document.input.crop = *options.crop;
    }
    return document;
  }

  /// The most images in one run.
  Index images_of(const EstimatorOptions& options) const {
    if (top_down_.images_per_person() == 1) return options.batch;
    return detail::checked_product<Index>("flip test", {(std::max)(options.batch, Index{0}), 2});
  }

  std::size_t people_at_once() const {
    return static_cast<std::size_t>(plan().batch() / top_down_.images_per_person());
  }

  /// A workspace of the store, for the duration of a call.
  Store::Borrowed borrow() const {
    return Store::Borrowed(*store_, [this] { return make_workspace(); });
  }

  /// Does `work` if the workspace is this estimator's; whatever fails comes out as an Error.
  template <class Work>
  void in_own(const Workspace& workspace, Work&& work) const {
    detail::only_errors("pose estimator", [&] {
      if (!network_.made(workspace.maps_)) {
        throw Error("pose estimator: the workspace was made by another estimator");
      }
      work();
    });
  }

  detail::TopDown top_down_;
  detail::PhotoNetwork network_;
  detail::BottomUp bottom_up_;
  std::shared_ptr<const PersonDetector> detector_;
  std::unique_ptr<Store> store_;
};

}  // namespace limn
