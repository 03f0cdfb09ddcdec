#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include <limn/core/thread_pool.hpp>
#include <limn/core/version.hpp>
#include <limn/engine/plan.hpp>
#include <limn/estimator/preprocess.hpp>
#include <limn/model_file/model.hpp>
#include <limn/pose/heatmaps.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// What the model file says, with the input's size that the user wants. `Options`: EstimatorOptions or DetectorOptions.
template <class Options>
ModelDocument document_for(const Model& model, const Options& options) {
  ModelDocument document = model.document();
  if (options.input_width != 0) document.input.width = options.input_width;
  if (options.input_height != 0) document.input.height = options.input_height;
  return document;
}

/// The pool that the user shares, or a new one.
template <class Options>
std::shared_ptr<const ThreadPool> pool_for(const Options& options) {
  return options.pool != nullptr ? options.pool : std::make_shared<const ThreadPool>(options.threads);
}

/// A network from pixels to maps, and the way back: parts of a photo go in, its maps come out, and the affine map leads
/// from their cells to the photo's pixels. What pose estimators and person detectors have in common.
class PhotoNetwork {
 public:
  class Workspace {
   public:
    /// Whether the maps of a run are in it.
    bool filled() const { return filled_; }

    /// An output of the network for one image of the last run.
    HeatmapView map(std::size_t output, Index image = 0) const {
      const auto values = plan_.output(output, image);
      return view(values.data(), values.rows());
    }

    /// As many maps of the outputs' size in other memory, channels x (height * width).
    HeatmapView view(const float* values, Index maps) const {
      return HeatmapView::interleaved(values, maps, size_.height, size_.width);
    }

    Eigen::Map<Eigen::MatrixXf> input(Index image) { return plan_.input(image); }

    /// From cells of the maps to pixels of the photo that was last looked at.
    const Affine& photo_from_heatmap() const { return photo_from_heatmap_; }

    Index size_in_bytes() const { return plan_.size_in_bytes(); }

   private:
    friend class PhotoNetwork;
    Workspace(Plan::Workspace plan, const Shape& size) : plan_(std::move(plan)), size_(size) {}

    Plan::Workspace plan_;
    Shape size_;  // of the first output; the others have its height and width
    Affine photo_from_heatmap_;
    bool filled_ = false;
  };

  /// `images`: the most in one run. Throws as Plan does.
  PhotoNetwork(const Model& model, ModelDocument document, std::shared_ptr<const ThreadPool> pool, Index images,
               std::int64_t max_memory, std::optional<Target> target)
      : document_(std::move(document)),
        plan_(std::make_unique<const Plan>(model.graph(), model.weights(), document_.input.height,
                                           document_.input.width, std::move(pool), images, max_memory, target)) {}

  const ModelDocument& document() const { return document_; }
  const Plan& plan() const { return *plan_; }

  Workspace make_workspace() const { return {plan_->make_workspace(), plan_->output_shape()}; }
  bool made(const Workspace& workspace) const { return plan_->made(workspace.plan_); }

  /// Forgets the maps of the last run, and brings the part of a photo in a person's box to one image of the next one.
  void look(const ImageView& photo, const Box& box, Workspace& workspace, Index image = 0) const {
    forget(workspace);
    const InputDocument& input = document_.input;
    preprocess(photo, box, input, input.width, input.height, workspace.plan_.input(image));
  }

  void forget(Workspace& workspace) const { workspace.filled_ = false; }

  /// Runs the network on the first `images`.
  void run(Workspace& workspace, Index images = 1) const {
    plan_->run(workspace.plan_, images);
    workspace.filled_ = true;
  }

  /// The workspace's maps are those of a box from now on.
  const Affine& locate(const Box& box, Workspace& workspace) const {
    workspace.photo_from_heatmap_ = photo_from_heatmap(document_, box, plan_->output_shape());
    return workspace.photo_from_heatmap_;
  }

 private:
  ModelDocument document_;
  std::unique_ptr<const Plan> plan_;
};

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
