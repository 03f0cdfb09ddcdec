#pragma once

#include <variant>

#include <limn/models/cmap_paf.hpp>
#include <limn/models/hrnet.hpp>
#include <limn/models/pose_resnet.hpp>

namespace limn {

/// A network of any family that limn knows, by its options.
using NetworkDescription = std::variant<PoseResNet, CmapPaf, HRNet>;

/// The described network as a graph. Its first output is "heatmaps". Throws Error on an option that does not exist.
inline Graph make_graph(const NetworkDescription& network) {
  struct Visitor {
    Graph operator()(const PoseResNet& options) const { return pose_resnet(options); }
    Graph operator()(const CmapPaf& options) const { return cmap_paf(options); }
    Graph operator()(const HRNet& options) const { return hrnet(options); }
  };
  return std::visit(Visitor(), network);
}

/// Input pixels per heatmap cell, in each direction.
inline double heatmap_stride(const NetworkDescription& network) {
  return std::visit([](const auto& options) { return options.heatmap_stride(); }, network);
}

/// Number of keypoints, which is the number of heatmaps.
inline Index keypoint_count(const NetworkDescription& network) {
  return std::visit([](const auto& options) { return options.keypoints; }, network);
}

}  // namespace limn
