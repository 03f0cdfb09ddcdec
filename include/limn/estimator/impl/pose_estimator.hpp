#pragma once

#include <algorithm>
#include <optional>
#include <utility>

#include <limn/core/error.hpp>
#include <limn/core/sizes.hpp>
#include <limn/core/version.hpp>
#include <limn/estimator/bottom_up.hpp>
#include <limn/estimator/crop.hpp>
#include <limn/estimator/photo_network.hpp>
#include <limn/estimator/pose_estimator.hpp>
#include <limn/estimator/top_down.hpp>
#include <limn/estimator/workspace_store.hpp>
#include <limn/model_file/model.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

struct PoseEstimator::Workspace::Parts {
  detail::PhotoNetwork::Workspace maps;
  bool finds_several;
  detail::TopDown::Workspace top_down = {};
  detail::BottomUp::Workspace bottom_up = {};
  std::optional<PersonDetector::Workspace> detector = {};
  std::vector<Detection> detections = {};
  std::vector<Box> boxes = {};          ///< those of the detections
  std::vector<BoxInPhoto> people = {};  ///< the same, or the caller's
};

struct PoseEstimator::Parts {
  Parts(const Model& model, const EstimatorOptions& options)
      : top_down(top_down_for(model, options)),
        network(model, document_for(model, options), detail::pool_for(options), images_of(options), options.max_memory,
                options.target),
        bottom_up(network.document().skeleton),
        detector(options.detector) {}

  static bool finds_several(const ModelDocument& document) {
    return document.decoder.type == DecoderType::part_affinity;
  }
  bool finds_several() const { return finds_several(network.document()); }

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
    if (top_down.images_per_person() == 1) return options.batch;
    return detail::checked_product<Index>("flip test", {(std::max)(options.batch, Index{0}), 2});
  }

  std::size_t people_at_once() const {
    return static_cast<std::size_t>(network.plan().batch() / top_down.images_per_person());
  }

  /// Does `work` with the workspace's parts if it is this estimator's; whatever fails comes out as an Error.
  template <class Work>
  void in_own(Workspace& workspace, const Work& work) const {
    detail::only_errors("pose estimator", [&] {
      Workspace::Parts& parts = workspace.parts();
      if (!network.made(parts.maps)) throw Error("pose estimator: the workspace was made by another estimator");
      work(parts);
    });
  }

  detail::TopDown top_down;
  detail::PhotoNetwork network;
  detail::BottomUp bottom_up;
  std::shared_ptr<const PersonDetector> detector;
  mutable detail::WorkspaceStore<Workspace> store;
};

LIMN_INLINE PoseEstimator::Workspace::Workspace(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
LIMN_INLINE PoseEstimator::Workspace::Workspace(Workspace&&) noexcept = default;
LIMN_INLINE PoseEstimator::Workspace& PoseEstimator::Workspace::operator=(Workspace&&) noexcept = default;
LIMN_INLINE PoseEstimator::Workspace::~Workspace() = default;

LIMN_INLINE PoseEstimator::Workspace::Parts& PoseEstimator::Workspace::parts() const {
  if (!parts_) throw Error("estimator's workspace: it was moved from");
  return *parts_;
}

LIMN_INLINE const PoseEstimator::Workspace::Parts& PoseEstimator::Workspace::filled_parts() const {
  if (!parts().maps.filled()) {
    throw Error("estimator's workspace: no heatmaps, since no estimate has left any in it");
  }
  return *parts_;
}

LIMN_INLINE HeatmapView PoseEstimator::Workspace::heatmaps() const {
  const Parts& parts = filled_parts();
  return parts.top_down.heatmaps(parts.maps, 0);
}

LIMN_INLINE HeatmapView PoseEstimator::Workspace::affinities() const {
  if (!parts().finds_several) {
    throw Error("estimator's workspace: no part affinity maps, since its model is of one person");
  }
  return filled_parts().maps.map(1);
}

LIMN_INLINE const Affine& PoseEstimator::Workspace::photo_from_heatmap() const {
  return filled_parts().maps.photo_from_heatmap();
}

LIMN_INLINE const std::vector<Detection>& PoseEstimator::Workspace::detections() const {
  if (!parts().detector) throw Error("estimator's workspace: no detections, since its estimator has no detector");
  return parts_->detections;
}

LIMN_INLINE Index PoseEstimator::Workspace::size_in_bytes() const {
  const Parts& all = parts();
  return all.maps.size_in_bytes() + all.top_down.averages.size() * static_cast<Index>(sizeof(float)) +
         (all.detector ? all.detector->size_in_bytes() : 0);
}

LIMN_INLINE PoseEstimator::PoseEstimator(const std::string& model_file, const EstimatorOptions& options)
    : PoseEstimator(Model::open(model_file), options) {}

LIMN_INLINE PoseEstimator::PoseEstimator(const Model& model, const EstimatorOptions& options)
    : parts_(detail::only_errors(model.name(), [&] { return std::make_unique<const Parts>(model, options); })) {}

LIMN_INLINE PoseEstimator::PoseEstimator(PoseEstimator&&) noexcept = default;
LIMN_INLINE PoseEstimator& PoseEstimator::operator=(PoseEstimator&&) noexcept = default;
LIMN_INLINE PoseEstimator::~PoseEstimator() = default;

LIMN_INLINE const ModelDocument& PoseEstimator::document() const { return parts_->network.document(); }
LIMN_INLINE const Skeleton& PoseEstimator::skeleton() const { return document().skeleton; }
LIMN_INLINE const Plan& PoseEstimator::plan() const { return parts_->network.plan(); }
LIMN_INLINE bool PoseEstimator::finds_several() const { return parts_->finds_several(); }
LIMN_INLINE const PersonDetector* PoseEstimator::detector() const { return parts_->detector.get(); }

LIMN_INLINE PoseEstimator::Workspace PoseEstimator::make_workspace() const {
  return detail::only_errors("pose estimator", [&] {
    auto parts =
        std::make_unique<Workspace::Parts>(Workspace::Parts{parts_->network.make_workspace(), parts_->finds_several()});
    if (parts_->detector) parts->detector = parts_->detector->make_workspace();
    return Workspace(std::move(parts));
  });
}

LIMN_INLINE Pose PoseEstimator::estimate(const ImageView& photo, const Box& box) const {
  const detail::WorkspaceStore<Workspace>::Borrowed workspace(parts_->store, [this] { return make_workspace(); });
  Pose pose;
  estimate(photo, box, *workspace, pose);
  return pose;
}

LIMN_INLINE std::vector<Pose> PoseEstimator::estimate(const ImageView& photo, const std::vector<Box>& boxes) const {
  const detail::WorkspaceStore<Workspace>::Borrowed workspace(parts_->store, [this] { return make_workspace(); });
  std::vector<Pose> poses;
  estimate(photo, boxes, *workspace, poses);
  return poses;
}

LIMN_INLINE std::vector<Pose> PoseEstimator::estimate_all(const ImageView& photo) const {
  const detail::WorkspaceStore<Workspace>::Borrowed workspace(parts_->store, [this] { return make_workspace(); });
  std::vector<Pose> poses;
  estimate_all(photo, *workspace, poses);
  return poses;
}

LIMN_INLINE void PoseEstimator::estimate(const ImageView& photo, const Box& box, Workspace& workspace,
                                         Pose& pose) const {
  parts_->in_own(workspace, [&](Workspace::Parts& own) {
    if (finds_several()) {
      parts_->bottom_up.estimate_best(parts_->network, photo, box, own.maps, own.bottom_up, pose);
    } else {
      const BoxInPhoto person{photo, box};
      parts_->top_down.estimate(parts_->network, &person, 1, own.maps, own.top_down, &pose);
    }
  });
}

LIMN_INLINE void PoseEstimator::estimate(const ImageView& photo, const std::vector<Box>& boxes, Workspace& workspace,
                                         std::vector<Pose>& poses) const {
  parts_->in_own(workspace, [&](Workspace::Parts& own) {
    own.people.clear();
    for (const Box& box : boxes) own.people.push_back({photo, box});
    estimate(own.people, workspace, poses);
  });
}

LIMN_INLINE void PoseEstimator::estimate(const std::vector<BoxInPhoto>& people, Workspace& workspace,
                                         std::vector<Pose>& poses) const {
  parts_->in_own(workspace, [&](Workspace::Parts& own) {
    for (const BoxInPhoto& person : people) check(person.box);
    poses.resize(people.size());
    parts_->network.forget(own.maps);  // there may be no box
    if (finds_several()) {
      for (std::size_t i = 0; i < people.size(); ++i) {
        estimate(people[i].photo, people[i].box, workspace, poses[i]);
      }
      return;
    }
    const std::size_t batch = parts_->people_at_once();
    for (std::size_t first = 0; first < people.size(); first += batch) {
      const auto count = static_cast<Index>((std::min)(batch, people.size() - first));
      parts_->top_down.estimate(parts_->network, &people[first], count, own.maps, own.top_down, &poses[first]);
    }
  });
}

LIMN_INLINE void PoseEstimator::estimate_all(const ImageView& photo, Workspace& workspace,
                                             std::vector<Pose>& poses) const {
  parts_->in_own(workspace, [&](Workspace::Parts& own) {
    if (finds_several()) {
      parts_->bottom_up.estimate(parts_->network, photo, box_of(photo), own.maps, own.bottom_up, poses);
      return;
    }
    own.boxes.clear();
    if (parts_->detector) {
      parts_->detector->detect(photo, *own.detector, own.detections);
      for (const Detection& person : own.detections) own.boxes.push_back(person.box);
    } else {
      own.boxes.push_back(box_of(photo));
    }
    estimate(photo, own.boxes, workspace, poses);
  });
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
