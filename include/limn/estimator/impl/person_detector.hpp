#pragma once

#include <utility>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/estimator/person_detector.hpp>
#include <limn/estimator/photo_network.hpp>
#include <limn/estimator/workspace_store.hpp>
#include <limn/model_file/model.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

struct PersonDetector::Workspace::Parts {
  detail::PhotoNetwork::Workspace maps;
};

struct PersonDetector::Parts {
  Parts(const Model& model, const DetectorOptions& options)
      : network(model, document_for(model, options), detail::pool_for(options), 1, options.max_memory, options.target) {
  }

  static ModelDocument document_for(const Model& model, const DetectorOptions& options) {
    if (!finds_boxes(model.document().network)) {
      throw Error(model.name() + ": expected a model that finds people's boxes, found one that finds keypoints");
    }
    ModelDocument document = detail::document_for(model, options);
    if (options.threshold) document.decoder.center.threshold = *options.threshold;
    check(document.decoder.center);
    return document;
  }

  detail::PhotoNetwork network;
  mutable detail::WorkspaceStore<Workspace> store;
};

LIMN_INLINE PersonDetector::Workspace::Workspace(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
LIMN_INLINE PersonDetector::Workspace::Workspace(Workspace&&) noexcept = default;
LIMN_INLINE PersonDetector::Workspace& PersonDetector::Workspace::operator=(Workspace&&) noexcept = default;
LIMN_INLINE PersonDetector::Workspace::~Workspace() = default;

LIMN_INLINE PersonDetector::Workspace::Parts& PersonDetector::Workspace::parts() const {
  if (!parts_) throw Error("detector's workspace: it was moved from");
  return *parts_;
}

LIMN_INLINE const PersonDetector::Workspace::Parts& PersonDetector::Workspace::filled_parts() const {
  if (!parts().maps.filled()) {
    throw Error("detector's workspace: no heatmaps, since no detection has left any in it");
  }
  return *parts_;
}

LIMN_INLINE HeatmapView PersonDetector::Workspace::heatmaps() const { return filled_parts().maps.map(0); }

LIMN_INLINE const Affine& PersonDetector::Workspace::photo_from_heatmap() const {
  return filled_parts().maps.photo_from_heatmap();
}

LIMN_INLINE Index PersonDetector::Workspace::size_in_bytes() const { return parts().maps.size_in_bytes(); }

LIMN_INLINE PersonDetector::PersonDetector(const std::string& model_file, const DetectorOptions& options)
    : PersonDetector(Model::open(model_file), options) {}

LIMN_INLINE PersonDetector::PersonDetector(const Model& model, const DetectorOptions& options)
    : parts_(detail::only_errors(model.name(), [&] { return std::make_unique<const Parts>(model, options); })) {}

LIMN_INLINE PersonDetector::PersonDetector(PersonDetector&&) noexcept = default;
LIMN_INLINE PersonDetector& PersonDetector::operator=(PersonDetector&&) noexcept = default;
LIMN_INLINE PersonDetector::~PersonDetector() = default;

LIMN_INLINE const ModelDocument& PersonDetector::document() const { return parts_->network.document(); }
LIMN_INLINE const Plan& PersonDetector::plan() const { return parts_->network.plan(); }

LIMN_INLINE PersonDetector::Workspace PersonDetector::make_workspace() const {
  return detail::only_errors("person detector", [&] {
    return Workspace(std::make_unique<Workspace::Parts>(Workspace::Parts{parts_->network.make_workspace()}));
  });
}

LIMN_INLINE std::vector<Detection> PersonDetector::detect(const ImageView& photo) const {
  const detail::WorkspaceStore<Workspace>::Borrowed workspace(parts_->store, [this] { return make_workspace(); });
  std::vector<Detection> people;
  detect(photo, *workspace, people);
  return people;
}

LIMN_INLINE void PersonDetector::detect(const ImageView& photo, Workspace& workspace,
                                        std::vector<Detection>& people) const {
  detail::only_errors("person detector", [&] {
    const detail::PhotoNetwork& network = parts_->network;
    detail::PhotoNetwork::Workspace& maps = workspace.parts().maps;
    if (!network.made(maps)) throw Error("person detector: the workspace was made by another detector");
    const Box whole = box_of(photo);
    network.look(photo, whole, maps);
    network.run(maps);
    const Affine& photo_from_heatmap = network.locate(whole, maps);
    const HeatmapView offsets = network.plan().output_count() > 2 ? maps.map(2) : HeatmapView();
    decode_boxes({maps.map(0), maps.map(1), offsets}, document().decoder.center, photo_from_heatmap, whole, people);
  });
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
