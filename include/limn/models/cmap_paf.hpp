#pragma once

#include <string>

#include <limn/core/version.hpp>
#include <limn/models/resnet_backbone.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// What distinguishes one trt_pose network from another (NVIDIA-AI-IOT/trt_pose, trt_pose/models/resnet.py and
/// common.py; jetson-inference's Pose-ResNet18-Body is resnet18_baseline_att): a ResNet without its classifier and two
/// branches of transposed convolutions, one to a confidence map per keypoint, one to part affinity fields, two
/// channels for each link of the skeleton (Cao et al., "Realtime Multi-Person 2D Pose Estimation using Part Affinity
/// Fields", CVPR 2017).
struct CmapPaf {
  int depth = 18;                 ///< 18, 34, 50, 101 or 152
  Index keypoints = 18;           ///< confidence maps
  Index links = 21;               ///< of the skeleton, two affinity maps each
  Index upsample_channels = 256;  ///< of each transposed convolution
  int upsamples = 3;              ///< doublings of the resolution in each branch, 1 to 5
  int flat_layers = 0;            ///< 3x3 convolutions after each doubling (trt_pose's num_flat)
  bool attention = true;  ///< each branch weighs its features with a sigmoid or tanh of a 3x3 convolution of them
};

namespace detail {

/// upsamples x [deconvolution 4x4 with bias - bn - relu - flat_layers x (conv 3x3 with bias - bn - relu)].
inline NodeId add_upsampling(Graph& graph, const std::string& branch, const CmapPaf& options, Features features) {
  NodeId x = features.node;
  Index channels = features.channels;
  int module = 0;
  const auto next_name = [&] { return branch + "_up." + std::to_string(module++); };
  const auto norm_and_relu = [&] {
    x = graph.add(next_name(), BatchNorm2d{options.upsample_channels}, {x});
    x = graph.add(next_name(), ReLU(), {x});
  };
  for (int i = 0; i < options.upsamples; ++i) {
    x = graph.add(next_name(), doubling_deconv(channels, options.upsample_channels, 4, true, "cmap_paf"), {x});
    norm_and_relu();
    channels = options.upsample_channels;
    for (int flat = 0; flat < options.flat_layers; ++flat) {
      x = graph.add(next_name(), Conv2d{channels, channels, 3, 1, 1, true}, {x});
      norm_and_relu();
    }
  }
  return x;
}

/// One branch of the head: upsampling, attention, and a 1x1 convolution to the maps.
template <class Activation>
NodeId add_map_branch(Graph& graph, const std::string& branch, const CmapPaf& options, Features features,
                      Activation activation, const std::string& activation_name, Index maps) {
  const Index channels = options.upsample_channels;
  NodeId x = add_upsampling(graph, branch, options, features);
  if (options.attention) {
    NodeId weight = graph.add(branch + "_att", Conv2d{channels, channels, 3, 1, 1, true}, {x});
    weight = graph.add(branch + "_att." + activation_name, activation, {weight});
    x = graph.add(branch + "_att.multiply", Multiply(), {x, weight});
  }
  return graph.add(branch + "_conv", Conv2d{channels, maps, 1, 1, 0, true}, {x});
}

}  // namespace detail

/// The network as a graph. Input 3 x H x W with H and W positive multiples of 32; outputs "heatmaps", keypoints x
/// H / s x W / s with s = 32 / 2^upsamples, and "part_affinity", 2 links x H / s x W / s: the field of link k is
/// channel 2k in y and 2k + 1 in x. Names are trt_pose's without its numbers of the two halves ("0.resnet.", "1."), and
/// without attention as with it: "cmap_up.0" for "1.cmap_conv.0.0", "cmap_conv" for "1.cmap_conv.1". Throws Error on
/// an option that does not exist.
inline Graph cmap_paf(const CmapPaf& options) {
  const std::string family = "cmap_paf";
  const detail::ResNetDepth& resnet = detail::resnet_depth(options.depth, family);
  detail::check_keypoints(options.keypoints, family);
  if (options.links <= 0) {
    throw Error(family + ": expected at least one link, found " + std::to_string(options.links));
  }
  if (options.upsamples < 1 || options.upsamples > 5) {
    throw Error(family + ": upsamples must be 1 to 5, found " + std::to_string(options.upsamples));
  }
  if (options.flat_layers < 0) {
    throw Error(family + ": flat layers must not be negative, found " + std::to_string(options.flat_layers));
  }

  Graph graph(3, 32);
  const detail::Features features = detail::add_resnet(graph, resnet, false);
  const NodeId cmap = detail::add_map_branch(graph, "cmap", options, features, Sigmoid(), "sigmoid", options.keypoints);
  const NodeId paf = detail::add_map_branch(graph, "paf", options, features, Tanh(), "tanh", 2 * options.links);
  graph.add_output("heatmaps", cmap);
  graph.add_output("part_affinity", paf);
  return graph;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
