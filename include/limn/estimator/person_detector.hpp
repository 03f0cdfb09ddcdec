#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/engine/plan.hpp>
#include <limn/estimator/detector_options.hpp>
#include <limn/estimator/preprocess.hpp>
#include <limn/estimator/workspace_store.hpp>
#include <limn/model_file/model.hpp>
#include <limn/pose/box_decoder.hpp>
#include <limn/pose/geometry.hpp>

namespace limn {

/// Finds the boxes of all people in a photo, for a PoseEstimator to look into; see EstimatorOptions::detector.
///
/// Load it once and keep it. It is const: any number of threads may call detect() at once. The call without a
/// workspace takes one from a store inside and puts it back; a thread that holds its own shares nothing with others.
class PersonDetector {
 public:
  /// The memory of one detection and, after it, the heatmap of the centres. For its detector only (another one throws
  /// Error), by one thread at a time; what is in it can be read also when the detector is gone.
  class Workspace {
   public:
    /// 1 x H / stride x W / stride: how surely a cell holds the centre of a person's box. Valid until the next detect.
    /// Throws Error if there was none yet, or the last one failed.
    HeatmapView heatmaps() const {
      check_filled();
      return view(0);
    }

    /// Maps heatmap cells to pixels of the photo that was last looked at. Throws as heatmaps() does.
    const Affine& photo_from_heatmap() const {
      check_filled();
      return photo_from_heatmap_;
    }

    Index size_in_bytes() const { return plan_.size_in_bytes(); }

   private:
    friend class PersonDetector;
    Workspace(Plan::Workspace plan, const Shape& heatmaps) : plan_(std::move(plan)), heatmaps_(heatmaps) {}

    void check_filled() const {
      if (!filled_) throw Error("detector's workspace: no heatmaps, since no detection has left any in it");
    }

    HeatmapView view(std::size_t output) const {
      const auto values = plan_.output(output);
      return HeatmapView::interleaved(values.data(), values.rows(), heatmaps_.height, heatmaps_.width);
    }

    Plan::Workspace plan_;
    Shape heatmaps_;
    Affine photo_from_heatmap_;
    bool filled_ = false;  // whether the outputs of a run are in it
  };

  /// Loads a detector's model file. Throws Error if it is not a valid one or the options do not fit it.
  explicit PersonDetector(const std::string& model_file, const DetectorOptions& options = {})
      : PersonDetector(Model::open(model_file), options) {}

  /// From a model that is open already. It is not needed any more afterwards.
  explicit PersonDetector(const Model& model, const DetectorOptions& options = {}) try
      : document_(model.document()), store_(std::make_unique<Store>()) {
    if (!finds_boxes(document_.network)) {
      throw Error(model.name() + ": expected a model that finds people's boxes, found one that finds keypoints");
    }
    InputDocument& input = document_.input;
    if (options.input_width != 0) input.width = options.input_width;
    if (options.input_height != 0) input.height = options.input_height;
    if (options.threshold) document_.decoder.center.threshold = *options.threshold;
    check(document_.decoder.center);
    plan_ = std::make_unique<const Plan>(
        model.graph(), model.weights(), input.height, input.width,
        options.pool != nullptr ? options.pool : std::make_shared<const ThreadPool>(options.threads), Index{1},
        options.max_memory);
  } catch (...) {
    detail::rethrow_as_error(model.name());
  }

  /// What the model file says, `input.width`, `input.height` and `decoder.center.threshold` being those in use.
  const ModelDocument& document() const { return document_; }
  const Plan& plan() const { return *plan_; }

  /// Throws Error if there is not so much memory.
  Workspace make_workspace() const { return {plan_->make_workspace(), plan_->output_shape()}; }

  /// Everybody in the photo, the surest first; see decode_boxes(). Throws Error if the view is not a picture.
  std::vector<Detection> detect(const ImageView& photo) const {
    const Store::Borrowed workspace(*store_, [this] { return make_workspace(); });
    std::vector<Detection> people;
    detect(photo, *workspace, people);
    return people;
  }

  /// The same in the caller's workspace, which afterwards holds the heatmap, into a vector that is used again and
  /// again: nothing is allocated but for more people than ever before. Throws Error also if another detector made the
  /// workspace.
  void detect(const ImageView& photo, Workspace& workspace, std::vector<Detection>& people) const try {
    if (!plan_->made(workspace.plan_)) throw Error("person detector: the workspace was made by another detector");
    workspace.filled_ = false;
    const Box whole = box_of(photo);
    preprocess(photo, whole, document_.input, document_.input.width, document_.input.height, workspace.plan_.input());
    plan_->run(workspace.plan_);
    workspace.photo_from_heatmap_ = photo_from_heatmap(document_, whole, plan_->output_shape());
    workspace.filled_ = true;
    const HeatmapView offsets = plan_->output_count() > 2 ? workspace.view(2) : HeatmapView();
    decode_boxes({workspace.view(0), workspace.view(1), offsets}, document_.decoder.center,
                 workspace.photo_from_heatmap_, whole, people);
  } catch (...) {
    detail::rethrow_as_error("person detector");
  }

 private:
  using Store = detail::WorkspaceStore<Workspace>;

  ModelDocument document_;
  std::unique_ptr<const Plan> plan_;
  std::unique_ptr<Store> store_;
};

}  // namespace limn
