#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/engine/plan.hpp>
#include <limn/estimator/estimator_options.hpp>
#include <limn/estimator/flip.hpp>
#include <limn/estimator/person_detector.hpp>
#include <limn/estimator/preprocess.hpp>
#include <limn/estimator/workspace_store.hpp>
#include <limn/model_file/model.hpp>
#include <limn/pose/decoders.hpp>
#include <limn/pose/geometry.hpp>
#include <limn/pose/part_affinity.hpp>
#include <limn/pose/pose.hpp>

namespace limn {

/// Finds the keypoints of one person in a photo, or in a box of it; with a person detector, or a model of several
/// people, of all at once.
///
/// Load it once and keep it. It is const: any number of threads may call estimate() at once. The calls without a
/// workspace take one from a store inside and put it back; a thread that holds its own shares nothing with others.
/// After the first call with a workspace the network allocates nothing.
///
/// estimate() without a box takes the whole photo for one person's box. With several people in the photo, give one box
/// for each, or call estimate_all() with EstimatorOptions::detector or a model whose decoder is part_affinity.
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
      return heatmaps(0);
    }

    /// The part affinity maps, 2 * links x H / stride x W / stride, of a model of several people. Likewise valid, and
    /// throws likewise; also if the model is one of one person.
    HeatmapView affinities() const {
      if (!finds_several_)
        throw Error("estimator's workspace: no part affinity maps, since its model is of one person");
      check_filled();
      const auto output = plan_.output(1);
      return view(output.data(), output.rows(), output.cols());
    }

    /// Maps heatmap cells to pixels of the photo that was last looked at. Throws as heatmaps() does.
    const Affine& photo_from_heatmap() const {
      check_filled();
      return photo_from_heatmap_;
    }

    /// The people whom the estimator's detector found in the last estimate_all(), one for each of its poses. Throws
    /// Error if the estimator has no detector.
    const std::vector<Detection>& detections() const {
      if (!detector_) throw Error("estimator's workspace: no detections, since its estimator has no detector");
      return detections_;
    }

    Index size_in_bytes() const {
      return plan_.size_in_bytes() + average_.size() * static_cast<Index>(sizeof(float)) +
             (detector_ ? detector_->size_in_bytes() : 0);
    }

   private:
    friend class PoseEstimator;
    Workspace(Plan::Workspace plan, Index heatmap_height, bool finds_several,
              std::optional<PersonDetector::Workspace> detector)
        : plan_(std::move(plan)),
          heatmap_height_(heatmap_height),
          finds_several_(finds_several),
          detector_(std::move(detector)) {}

    void check_filled() const {
      if (!filled_) throw Error("estimator's workspace: no heatmaps, since no estimate has left any in it");
    }

    /// Those of one of the people of a batch.
    HeatmapView heatmaps(Index person) const {
      const auto output = plan_.output(0, average_.size() > 0 ? 2 * person : person);
      const float* values = average_.size() > 0 ? average_.col(person * output.cols()).data() : output.data();
      return view(values, output.rows(), output.cols());
    }

    HeatmapView view(const float* values, Index maps, Index cells) const {
      return HeatmapView::interleaved(values, maps, heatmap_height_, cells / heatmap_height_);
    }

    Plan::Workspace plan_;
    Index heatmap_height_;
    bool finds_several_;
    bool filled_ = false;      // whether the outputs of a run are in it
    Eigen::MatrixXf average_;  // of the flip test: keypoints x (person, cell); else empty
    Affine photo_from_heatmap_;
    DecoderWorkspace decoder_;
    PartAffinityWorkspace part_affinity_;
    std::vector<Peak> peaks_;
    std::vector<Pose> poses_;
    std::optional<PersonDetector::Workspace> detector_;
    std::vector<Detection> detections_;
    std::vector<Box> boxes_;  // those of detections_
  };

  /// Loads a model file. Throws Error if it is not a valid one or the options do not fit it.
  explicit PoseEstimator(const std::string& model_file, const EstimatorOptions& options = {})
      : PoseEstimator(Model::open(model_file), options) {}

  /// From a model that is open already. It is not needed any more afterwards.
  explicit PoseEstimator(const Model& model, const EstimatorOptions& options = {}) try
      : document_(model.document()),
        batch_(options.batch),
        flip_shift_(options.flip_shift),
        detector_(options.detector),
        store_(std::make_unique<Store>()) {
    if (finds_boxes(document_.network)) {
      throw Error(model.name() + ": expected a model that finds keypoints, found a person detector's");
    }
    if (detector_ && finds_several()) {
      throw Error("person detector: expected a model of one person, found one of several, which needs none");
    }
    if (options.flip && finds_several()) throw Error("flip test: expected a model of one person, found one of several");
    if (options.flip) mirrored_keypoints_ = mirrored_keypoints(document_.skeleton);
    InputDocument& input = document_.input;
    if (options.input_width != 0) input.width = options.input_width;
    if (options.input_height != 0) input.height = options.input_height;
    if (options.crop) {
      if (*options.crop != 0) check_crop_factor(*options.crop);
      input.crop = *options.crop;
    }
    plan_ = std::make_unique<const Plan>(
        model.graph(), model.weights(), input.height, input.width,
        options.pool != nullptr ? options.pool : std::make_shared<const ThreadPool>(options.threads),
        images_of(options), options.max_memory);
    affinity_links_ = affinity_links(document_.skeleton);
  } catch (...) {
    detail::rethrow_as_error(model.name());
  }

  /// What the model file says, `input.width` and `input.height` being the size in use.
  const ModelDocument& document() const { return document_; }
  const Skeleton& skeleton() const { return document_.skeleton; }
  const Plan& plan() const { return *plan_; }

  /// Whether the model tells several people apart: its decoder is part_affinity.
  bool finds_several() const { return document_.decoder.type == DecoderType::part_affinity; }

  /// Throws Error if there is not so much memory.
  Workspace make_workspace() const {
    return {plan_->make_workspace(), plan_->output_shape().height, finds_several(),
            detector_ ? std::make_optional(detector_->make_workspace()) : std::nullopt};
  }

  /// The pose of the one person whose box is the whole photo. Throws Error if the view is not a picture.
  Pose estimate(const ImageView& photo) const { return estimate(photo, whole(photo)); }

  /// The pose of the person in `box` (photo pixels; it may reach beyond the photo). Throws Error if the view is not a
  /// picture or the box has no positive size.
  Pose estimate(const ImageView& photo, const Box& box) const {
    const Store::Borrowed workspace(*store_, [this] { return make_workspace(); });
    return estimate(photo, box, *workspace);
  }

  /// The same in the caller's workspace, which afterwards holds the heatmaps. Throws Error also if another estimator
  /// made the workspace; so do all calls with a workspace.
  Pose estimate(const ImageView& photo, const Box& box, Workspace& workspace) const {
    Pose pose;
    estimate(photo, box, workspace, pose);
    return pose;
  }

  /// The same into a pose that is used again and again, so that nothing at all is allocated once its names are in.
  ///
  /// A model of several people gives the one with the highest score; if it finds nobody, a pose whose scores are 0.
  void estimate(const ImageView& photo, const Box& box, Workspace& workspace, Pose& pose) const try {
    check_own(workspace);
    prepare(photo, box, workspace, 0);
    run(workspace, 1);
    if (finds_several()) {
      decode_several(workspace, box, workspace.poses_);
      pose = best(workspace.poses_);
      return;
    }
    read_pose(workspace, 0, box, pose);
  } catch (...) {
    detail::rethrow_as_error("pose estimator");
  }

  /// One pose for each box, in their order. Throws Error before it looks at any if one is not a proper box.
  std::vector<Pose> estimate(const ImageView& photo, const std::vector<Box>& boxes) const {
    const Store::Borrowed workspace(*store_, [this] { return make_workspace(); });
    std::vector<Pose> poses;
    estimate(photo, boxes, *workspace, poses);
    return poses;
  }

  /// The same in the caller's workspace, into poses that are used again and again.
  void estimate(const ImageView& photo, const std::vector<Box>& boxes, Workspace& workspace,
                std::vector<Pose>& poses) const try {
    check_own(workspace);
    for (const Box& box : boxes) check(box);
    workspace.filled_ = false;  // there may be no box
    poses.resize(boxes.size());
    const std::size_t batch = finds_several() ? 1 : static_cast<std::size_t>(batch_);
    for (std::size_t first = 0; first < boxes.size(); first += batch) {
      const std::size_t count = (std::min)(batch, boxes.size() - first);
      if (count == 1) {
        estimate(photo, boxes[first], workspace, poses[first]);
        continue;
      }
      for (std::size_t i = 0; i < count; ++i) prepare(photo, boxes[first + i], workspace, static_cast<Index>(i));
      run(workspace, static_cast<Index>(count));
      // From the last to the first, so that the workspace's affine map is in the end that of its heatmaps.
      for (std::size_t i = count; i-- > 0;) {
        read_pose(workspace, static_cast<Index>(i), boxes[first + i], poses[first + i]);
      }
    }
  } catch (...) {
    detail::rethrow_as_error("pose estimator");
  }

  /// Everybody in the photo. Throws Error if the view is not a picture.
  ///
  /// With a detector: the pose in each of the boxes that it finds, the surest first. By a model of several people: in
  /// the order of decode_part_affinity(); a keypoint that was not found has score 0 and place (0, 0), and a pose's box
  /// is the smallest around the others. A model of one person without a detector gives the one pose of estimate().
  std::vector<Pose> estimate_all(const ImageView& photo) const {
    const Store::Borrowed workspace(*store_, [this] { return make_workspace(); });
    return estimate_all(photo, *workspace);
  }

  /// The same in the caller's workspace, which afterwards holds the detections, and the heatmaps unless there are none.
  std::vector<Pose> estimate_all(const ImageView& photo, Workspace& workspace) const {
    std::vector<Pose> poses;
    estimate_all(photo, workspace, poses);
    return poses;
  }

  /// The same into poses that are used again and again, so that nothing is allocated but for more people than before.
  void estimate_all(const ImageView& photo, Workspace& workspace, std::vector<Pose>& poses) const try {
    check_own(workspace);
    if (finds_several()) {
      prepare(photo, whole(photo), workspace, 0);
      run(workspace, 1);
      decode_several(workspace, whole(photo), poses);
    } else if (detector_) {
      detector_->detect(photo, *workspace.detector_, workspace.detections_);
      workspace.boxes_.clear();
      for (const Detection& person : workspace.detections_) workspace.boxes_.push_back(person.box);
      estimate(photo, workspace.boxes_, workspace, poses);
    } else {
      poses.resize(1);
      estimate(photo, whole(photo), workspace, poses[0]);
    }
  } catch (...) {
    detail::rethrow_as_error("pose estimator");
  }

  /// The box that stands for a whole photo.
  static Box whole(const ImageView& photo) { return box_of(photo); }

 private:
  /// Images of a batch: with the flip test two for each person.
  static Index images_of(const EstimatorOptions& options) {
    return options.flip ? detail::checked_product<Index>("flip test", {(std::max)(options.batch, Index{0}), 2})
                        : options.batch;
  }

  void check_own(const Workspace& workspace) const {
    if (!plan_->made(workspace.plan_)) throw Error("pose estimator: the workspace was made by another estimator");
  }

  /// From heatmap cells to photo pixels.
  Affine heatmap_map(const Box& box) const { return photo_from_heatmap(document_, box, plan_->output_shape()); }

  /// The network's input for one of the people of a batch; with the flip test its mirror image follows it.
  void prepare(const ImageView& photo, const Box& box, Workspace& workspace, Index person) const {
    workspace.filled_ = false;
    const InputDocument& input = document_.input;
    const Index image = flips() ? 2 * person : person;
    preprocess(photo, box, input, input.width, input.height, workspace.plan_.input(image));
    if (flips()) mirror(workspace.plan_.input(image), input.width, workspace.plan_.input(image + 1));
  }

  /// From the inputs of the first `people` to their heatmaps.
  void run(Workspace& workspace, Index people) const {
    if (!flips()) {
      plan_->run(workspace.plan_, people);
      workspace.filled_ = true;
      return;
    }
    plan_->run(workspace.plan_, 2 * people);
    const Index cells = plan_->output_shape().pixels();
    workspace.average_.resize(plan_->output_shape().channels, batch_ * cells);
    for (Index person = 0; person < people; ++person) {
      auto average = workspace.average_.middleCols(person * cells, cells);
      average = workspace.plan_.output(0, 2 * person);
      const auto mirrored = workspace.plan_.output(0, 2 * person + 1);
      average_with_mirrored(workspace.view(mirrored.data(), mirrored.rows(), cells), mirrored_keypoints_, flip_shift_,
                            average);
    }
    workspace.filled_ = true;
  }

  void read_pose(Workspace& workspace, Index person, const Box& box, Pose& pose) const {
    workspace.photo_from_heatmap_ = heatmap_map(box);
    decode(workspace.heatmaps(person), document_.decoder, workspace.decoder_, workspace.peaks_);
    make_pose(workspace.peaks_, document_.skeleton, workspace.photo_from_heatmap_, box, pose);
  }

  bool flips() const { return !mirrored_keypoints_.empty(); }

  /// Everybody in the maps of the last run, which was of `box`.
  void decode_several(Workspace& workspace, const Box& box, std::vector<Pose>& poses) const {
    workspace.photo_from_heatmap_ = heatmap_map(box);
    decode_part_affinity(workspace.heatmaps(), workspace.affinities(), affinity_links_, document_.decoder.part_affinity,
                         workspace.part_affinity_, workspace.peaks_);
    make_poses(workspace.peaks_, document_.skeleton, workspace.photo_from_heatmap_, poses);
  }

  /// The first pose with the highest score; if there is none, one whose keypoints are all absent.
  Pose best(const std::vector<Pose>& poses) const {
    const auto found =
        std::max_element(poses.begin(), poses.end(), [](const Pose& a, const Pose& b) { return a.score < b.score; });
    if (found != poses.end()) return *found;
    return make_poses(std::vector<Peak>(document_.skeleton.keypoints.size()), document_.skeleton, Affine())[0];
  }

  using Store = detail::WorkspaceStore<Workspace>;

  ModelDocument document_;
  Index batch_;
  std::vector<Index> mirrored_keypoints_;  // empty without the flip test
  bool flip_shift_;
  std::unique_ptr<const Plan> plan_;
  std::vector<AffinityLink> affinity_links_;
  std::shared_ptr<const PersonDetector> detector_;
  std::unique_ptr<Store> store_;
};

}  // namespace limn
