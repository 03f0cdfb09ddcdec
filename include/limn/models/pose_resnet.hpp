#pragma once

#include <array>
#include <string>
#include <vector>

#include <limn/layers/residual_block.hpp>
#include <limn/network/graph.hpp>

namespace limn {

/// What distinguishes one Simple Baselines network from another (Xiao, Wu & Wei, "Simple Baselines for Human Pose
/// Estimation and Tracking", ECCV 2018): a ResNet without its classifier, transposed convolutions of stride 2 that
/// each double the resolution, and a convolution to one heatmap per keypoint.
struct PoseResNet {
  struct Deconv {
    Index channels = 256;
    Index kernel = 4;  ///< 2, 3 or 4
  };

  int depth = 50;  ///< 18, 34, 50, 101 or 152
  Index keypoints = 17;
  std::vector<Deconv> deconvs = {Deconv(), Deconv(), Deconv()};
  bool deconv_bias = false;
  Index final_kernel = 1;            ///< 1 or 3
  bool stride_on_first_1x1 = false;  ///< Caffe's bottleneck; otherwise the stride is on the 3x3 convolution
  bool sigmoid_output = false;

  /// Input pixels per heatmap cell, in each direction.
  double heatmap_stride() const { return 32.0 / static_cast<double>(Index{1} << deconvs.size()); }
};

namespace detail {

struct ResNetDepth {
  int depth;
  bool bottleneck;
  std::array<int, 4> blocks;  ///< residual blocks in layer1 .. layer4
};

/// He et al. 2016, table 1.
inline const ResNetDepth& resnet_depth(int depth) {
  static constexpr std::array<ResNetDepth, 5> known = {{{18, false, {2, 2, 2, 2}},
                                                        {34, false, {3, 4, 6, 3}},
                                                        {50, true, {3, 4, 6, 3}},
                                                        {101, true, {3, 4, 23, 3}},
                                                        {152, true, {3, 8, 36, 3}}}};
  for (const ResNetDepth& candidate : known) {
    if (candidate.depth == depth) return candidate;
  }
  throw Error("pose_resnet: depth must be 18, 34, 50, 101 or 152, found " + std::to_string(depth));
}

/// The paddings with which a stride-2 transposed convolution exactly doubles the size (Microsoft Simple Baselines,
/// lib/models/pose_resnet.py, _get_deconv_cfg).
inline ConvTranspose2d doubling_deconv(Index in_channels, const PoseResNet::Deconv& deconv, bool bias) {
  ConvTranspose2d layer{in_channels, deconv.channels, deconv.kernel, 2, 1, 0, bias};
  switch (deconv.kernel) {
    case 4: break;
    case 3: layer.output_padding = 1; break;
    case 2: layer.padding = 0; break;
    default: throw Error("pose_resnet: deconvolution kernel must be 2, 3 or 4, found " + std::to_string(deconv.kernel));
  }
  return layer;
}

}  // namespace detail

/// The network as a graph. Input 3 x H x W with H and W positive multiples of 32; output "heatmaps", keypoints x
/// H / s x W / s with s = heatmap_stride(). Names are those of Microsoft's checkpoints. Throws Error on an option that
/// does not exist.
inline Graph pose_resnet(const PoseResNet& options) {
  const detail::ResNetDepth& resnet = detail::resnet_depth(options.depth);
  if (options.keypoints <= 0) {
    throw Error("pose_resnet: expected at least one keypoint, found " + std::to_string(options.keypoints));
  }
  if (options.final_kernel != 1 && options.final_kernel != 3) {
    throw Error("pose_resnet: final kernel must be 1 or 3, found " + std::to_string(options.final_kernel));
  }

  // Five halvings: conv1, maxpool and the first blocks of layer2, layer3 and layer4.
  Graph graph(3, 32);
  NodeId x = detail::conv_and_norm(graph, "conv1", "bn1", Conv2d{3, 64, 7, 2, 3}, Graph::input);
  x = graph.add("relu", ReLU(), {x});
  x = graph.add("maxpool", MaxPool2d{3, 2, 1}, {x});

  Index channels = 64;
  for (std::size_t layer = 0; layer < resnet.blocks.size(); ++layer) {
    const Index planes = Index{64} << layer;
    for (int block = 0; block < resnet.blocks[layer]; ++block) {
      const std::string name = "layer" + std::to_string(layer + 1) + "." + std::to_string(block);
      const ResidualBlock shape{channels, planes, layer > 0 && block == 0 ? 2 : 1};
      if (resnet.bottleneck) {
        x = add_bottleneck(graph, name, shape, options.stride_on_first_1x1, x);
        channels = 4 * planes;
      } else {
        x = add_basic_block(graph, name, shape, x);
        channels = planes;
      }
    }
  }

  for (std::size_t i = 0; i < options.deconvs.size(); ++i) {
    const auto name = [&](std::size_t module) { return "deconv_layers." + std::to_string(3 * i + module); };
    const PoseResNet::Deconv& deconv = options.deconvs[i];
    if (deconv.channels <= 0) {
      throw Error("pose_resnet: deconvolution width must be positive, found " + std::to_string(deconv.channels));
    }
    x = graph.add(name(0), detail::doubling_deconv(channels, deconv, options.deconv_bias), {x});
    x = graph.add(name(1), BatchNorm2d{deconv.channels}, {x});
    x = graph.add(name(2), ReLU(), {x});
    channels = deconv.channels;
  }

  x = graph.add("final_layer",
                Conv2d{channels, options.keypoints, options.final_kernel, 1, (options.final_kernel - 1) / 2, true},
                {x});
  if (options.sigmoid_output) x = graph.add("sigmoid", Sigmoid(), {x});
  graph.add_output("heatmaps", x);
  return graph;
}

}  // namespace limn
