#pragma once

#include <memory>
#include <string>
#include <vector>

#include <limn/core/inline.hpp>
#include <limn/core/version.hpp>
#include <limn/estimator/detector_options.hpp>
#include <limn/image/affine.hpp>
#include <limn/image/image.hpp>
#include <limn/pose/box_decoder.hpp>
#include <limn/pose/heatmaps.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

class Model;           // model_file/model.hpp
class Plan;            // engine/plan.hpp
struct ModelDocument;  // model_file/document.hpp

/// Finds the boxes of all people in a photo, for a PoseEstimator to look into; see EstimatorOptions::detector.
///
/// Load it once and keep it. It is const: any number of threads may call detect() at once. The call without a
/// workspace takes one from a store inside and puts it back; a thread that holds its own shares nothing with others.
class PersonDetector {
 public:
  /// The memory of one detection and, after it, the heatmap of the centres. For its detector only (another one throws
  /// Error), by one thread at a time; what is in it can be read also when the detector is gone. Once it was
  /// moved from, all of it throws Error.
  class Workspace {
   public:
    /// What was moved from may be assigned to or destroyed; all else of it throws Error.
    Workspace(Workspace&&) noexcept;
    /// Likewise.
    Workspace& operator=(Workspace&&) noexcept;
    ~Workspace();

    /// 1 x H / stride x W / stride: how surely a cell holds the centre of a person's box. Valid until the next detect.
    /// Throws Error if there was none yet, or the last one failed.
    HeatmapView heatmaps() const;

    /// Maps heatmap cells to pixels of the photo that was last looked at. Throws as heatmaps() does.
    const Affine& photo_from_heatmap() const;

    /// Bytes of memory that it holds.
    Index size_in_bytes() const;

   private:
    friend class PersonDetector;
    struct Parts;
    explicit Workspace(std::unique_ptr<Parts> parts);
    Parts& parts() const;
    const Parts& filled_parts() const;

    std::unique_ptr<Parts> parts_;
  };

  /// Loads a detector's model file. Throws Error if it is not a valid one or the options do not fit it.
  explicit PersonDetector(const std::string& model_file, const DetectorOptions& options = {});

  /// From a model that is open already. It is not needed any more afterwards.
  explicit PersonDetector(const Model& model, const DetectorOptions& options = {});

  /// What was moved from may only be assigned to or destroyed.
  PersonDetector(PersonDetector&&) noexcept;
  /// Likewise.
  PersonDetector& operator=(PersonDetector&&) noexcept;
  ~PersonDetector();

  /// What the model file says, `input.width`, `input.height` and `decoder.center.threshold` being those in use.
  const ModelDocument& document() const;
  /// How its network is computed.
  const Plan& plan() const;

  /// Throws Error if there is not so much memory.
  Workspace make_workspace() const;

  /// Everybody in the photo, the surest first; see decode_boxes(). Throws Error if the view is not a picture.
  std::vector<Detection> detect(const ImageView& photo) const;

  /// The same in the caller's workspace, which afterwards holds the heatmap, into a vector that is used again and
  /// again: nothing is allocated but for more people than ever before. Throws Error also if another detector made the
  /// workspace.
  void detect(const ImageView& photo, Workspace& workspace, std::vector<Detection>& people) const;

 private:
  struct Parts;
  std::unique_ptr<const Parts> parts_;
};

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn

#ifndef LIMN_COMPILED
#include <limn/estimator/impl/person_detector.hpp>
#endif
