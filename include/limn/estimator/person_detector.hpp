#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/estimator/detector_options.hpp>
#include <limn/estimator/photo_network.hpp>
#include <limn/estimator/workspace_store.hpp>
#include <limn/model_file/model.hpp>
#include <limn/pose/box_decoder.hpp>

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
      return maps_.map(0);
    }

    /// Maps heatmap cells to pixels of the photo that was last looked at. Throws as heatmaps() does.
    const Affine& photo_from_heatmap() const {
      check_filled();
      return maps_.photo_from_heatmap();
    }

    Index size_in_bytes() const { return maps_.size_in_bytes(); }

   private:
    friend class PersonDetector;
    explicit Workspace(detail::PhotoNetwork::Workspace maps) : maps_(std::move(maps)) {}

    void check_filled() const {
      if (!maps_.filled()) throw Error("detector's workspace: no heatmaps, since no detection has left any in it");
    }

    detail::PhotoNetwork::Workspace maps_;
  };

  /// Loads a detector's model file. Throws Error if it is not a valid one or the options do not fit it.
  explicit PersonDetector(const std::string& model_file, const DetectorOptions& options = {})
      : PersonDetector(Model::open(model_file), options) {}

  /// From a model that is open already. It is not needed any more afterwards.
  explicit PersonDetector(const Model& model, const DetectorOptions& options = {}) try
      : network_(model, document_for(model, options), detail::pool_for(options), 1, options.max_memory),
        store_(std::make_unique<Store>()) {
  } catch (...) {
    detail::rethrow_as_error(model.name());
  }

  /// What the model file says, `input.width`, `input.height` and `decoder.center.threshold` being those in use.
  const ModelDocument& document() const { return network_.document(); }
  const Plan& plan() const { return network_.plan(); }

  /// Throws Error if there is not so much memory.
  Workspace make_workspace() const { return Workspace(network_.make_workspace()); }

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
    detail::PhotoNetwork::Workspace& maps = workspace.maps_;
    if (!network_.made(maps)) throw Error("person detector: the workspace was made by another detector");
    const Box whole = box_of(photo);
    network_.look(photo, whole, maps);
    network_.run(maps);
    const Affine& photo_from_heatmap = network_.locate(whole, maps);
    const HeatmapView offsets = plan().output_count() > 2 ? maps.map(2) : HeatmapView();
    decode_boxes({maps.map(0), maps.map(1), offsets}, document().decoder.center, photo_from_heatmap, whole, people);
  } catch (...) {
    detail::rethrow_as_error("person detector");
  }

 private:
  using Store = detail::WorkspaceStore<Workspace>;

  static ModelDocument document_for(const Model& model, const DetectorOptions& options) {
    if (!finds_boxes(model.document().network)) {
      throw Error(model.name() + ": expected a model that finds people's boxes, found one that finds keypoints");
    }
    ModelDocument document = detail::document_for(model, options);
    if (options.threshold) document.decoder.center.threshold = *options.threshold;
    check(document.decoder.center);
    return document;
  }

  detail::PhotoNetwork network_;
  std::unique_ptr<Store> store_;
};

}  // namespace limn
