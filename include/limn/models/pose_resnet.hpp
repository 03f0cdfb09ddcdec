#pragma once

#include <string>
#include <vector>

#include <limn/core/version.hpp>
#include <limn/models/resnet_backbone.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// What distinguishes one Simple Baselines network from another (Xiao, Wu & Wei, "Simple Baselines for Human Pose
/// Estimation and Tracking", ECCV 2018): a ResNet without its classifier, transposed convolutions of stride 2 that
/// each double the resolution, and a convolution to one heatmap per keypoint.
struct PoseResNet {
  int depth = 50;        ///< 18, 34, 50, 101 or 152
  Index width = 64;      ///< channels of conv1 and layer1, doubled by each further layer; 1 to 4096
  Index keypoints = 17;  ///< heatmaps
  std::vector<Deconv> deconvs = {Deconv(), Deconv(), Deconv()};  ///< first to last
  bool deconv_bias = false;                                      ///< whether deconvolutions have one
  Index final_kernel = 1;                                        ///< 1 or 3
  bool stride_on_first_1x1 = false;  ///< Caffe's bottleneck; otherwise the stride is on the 3x3 convolution
  bool sigmoid_output = false;       ///< whether a sigmoid ends the network
  ConvStyle style = {};              ///< what the checkpoint's convolutions come with
};

/// The network as a graph. Input 3 x H x W with H and W positive multiples of 32; output "heatmaps", keypoints x
/// H / s x W / s with s = 32 / 2^deconvolutions. Names are those of Microsoft's checkpoints. Throws Error on an option
/// that does not exist.
inline Graph pose_resnet(const PoseResNet& options) {
  const std::string family = "pose_resnet";
  const detail::ResNetDepth& resnet = detail::resnet_depth(options.depth, family);
  detail::check_width(options.width, family);
  detail::check_keypoints(options.keypoints, family);
  detail::check_final_kernel(options.final_kernel, family);

  Graph graph(3, 32);
  const detail::Features features =
      detail::add_resnet(graph, resnet, options.stride_on_first_1x1, options.style, options.width);
  auto [x, channels] =
      detail::add_deconvs(graph, options.deconvs, options.deconv_bias, false, options.style, family, features);
  x = graph.add("final_layer",
                Conv2d{channels, options.keypoints, options.final_kernel, 1, (options.final_kernel - 1) / 2, true},
                {x});
  if (options.sigmoid_output) x = graph.add("sigmoid", Sigmoid(), {x});
  graph.add_output("heatmaps", x);
  return graph;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
