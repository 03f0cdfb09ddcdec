#pragma once

#include <variant>

#include <limn/core/version.hpp>
#include <limn/models/center_net.hpp>
#include <limn/models/cmap_paf.hpp>
#include <limn/models/hrnet.hpp>
#include <limn/models/pose_resnet.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// A network of any family that limn knows, by its options.
using NetworkDescription = std::variant<PoseResNet, CmapPaf, HRNet, CenterNet>;

/// The described network as a graph. Its first output is "heatmaps". Throws Error on an option that does not exist.
inline Graph make_graph(const NetworkDescription& network) {
  struct Visitor {
    Graph operator()(const PoseResNet& options) const { return pose_resnet(options); }
    Graph operator()(const CmapPaf& options) const { return cmap_paf(options); }
    Graph operator()(const HRNet& options) const { return hrnet(options); }
    Graph operator()(const CenterNet& options) const { return center_net(options); }
  };
  return std::visit(Visitor(), network);
}

/// Whether the network finds people's boxes, not keypoints.
inline bool finds_boxes(const NetworkDescription& network) { return std::holds_alternative<CenterNet>(network); }

/// Number of keypoints, which is the number of heatmaps; 0 for a network that finds boxes.
inline Index keypoint_count(const NetworkDescription& network) {
  struct Visitor {
    Index operator()(const PoseResNet& options) const { return options.keypoints; }
    Index operator()(const CmapPaf& options) const { return options.keypoints; }
    Index operator()(const HRNet& options) const { return options.keypoints; }
    Index operator()(const CenterNet&) const { return 0; }
  };
  return std::visit(Visitor(), network);
}

/// Gives the network another number of keypoints. Throws Error if it finds boxes.
inline void set_keypoint_count(NetworkDescription& network, Index keypoints) {
  struct Visitor {
    Index count;
    void operator()(PoseResNet& options) const { options.keypoints = count; }
    void operator()(CmapPaf& options) const { options.keypoints = count; }
    void operator()(HRNet& options) const { options.keypoints = count; }
    void operator()(CenterNet&) const { throw Error("center_net: finds people's boxes and has no keypoints"); }
  };
  std::visit(Visitor{keypoints}, network);
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
