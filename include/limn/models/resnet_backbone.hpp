#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include <limn/core/version.hpp>
#include <limn/models/residual_block.hpp>
#include <limn/network/graph.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// A transposed convolution of stride 2, which doubles the resolution.
struct Deconv {
  Index channels = 256;  ///< of its output
  Index kernel = 4;      ///< 2, 3 or 4
};

namespace detail {

/// Parts that several families of networks are made of: the ResNet without its classifier, and the transposed
/// convolutions that bring its feature map back towards the input's size. `family` is who complains in an Error.

struct ResNetDepth {
  int depth;
  bool bottleneck;
  std::array<int, 4> blocks;  ///< residual blocks in layer1 .. layer4
};

/// He et al. 2016, table 1. Throws Error for a depth that is not there.
inline const ResNetDepth& resnet_depth(int depth, const std::string& family) {
  static constexpr std::array<ResNetDepth, 5> known = {{{18, false, {2, 2, 2, 2}},
                                                        {34, false, {3, 4, 6, 3}},
                                                        {50, true, {3, 4, 6, 3}},
                                                        {101, true, {3, 4, 23, 3}},
                                                        {152, true, {3, 8, 36, 3}}}};
  for (const ResNetDepth& candidate : known) {
    if (candidate.depth == depth) return candidate;
  }
  throw Error(family + ": depth must be 18, 34, 50, 101 or 152, found " + std::to_string(depth));
}

/// A feature map on its way through a network.
struct Features {
  NodeId node;
  Index channels;
};

/// conv1 to layer4 under torchvision's names: 3 x H x W to 8 width (with bottlenecks 32 width) x H / 32 x W / 32 (five
/// halvings: conv1, maxpool and the first blocks of layer2, layer3 and layer4). `width` is that of conv1 and layer1;
/// each further layer doubles it.
inline Features add_resnet(Graph& graph, const ResNetDepth& resnet, bool stride_on_first_1x1,
                           const ConvStyle& style = {}, Index width = 64) {
  NodeId x = conv_and_norm(graph, "conv1", "bn1", Conv2d{3, width, 7, 2, 3}, style, Graph::input);
  x = activate(graph, "relu", style, x);
  x = graph.add("maxpool", MaxPool2d{3, 2, 1}, {x});

  Index channels = width;
  for (std::size_t layer = 0; layer < resnet.blocks.size(); ++layer) {
    const Index planes = width << layer;
    for (int block = 0; block < resnet.blocks[layer]; ++block) {
      const std::string name = "layer" + std::to_string(layer + 1) + "." + std::to_string(block);
      const ResidualBlock shape{channels, planes, layer > 0 && block == 0 ? 2 : 1};
      if (resnet.bottleneck) {
        x = add_bottleneck(graph, name, shape, stride_on_first_1x1, x, style);
        channels = 4 * planes;
      } else {
        x = add_basic_block(graph, name, shape, x, style);
        channels = planes;
      }
    }
  }
  return {x, channels};
}

/// A transposed convolution of stride 2 that exactly doubles the size, for kernels 2, 3 and 4. The paddings are those
/// of Microsoft Simple Baselines, lib/models/pose_resnet.py, _get_deconv_cfg. Throws Error for another kernel or width.
inline ConvTranspose2d doubling_deconv(Index in_channels, Index channels, Index kernel, bool bias,
                                       const std::string& family) {
  if (channels <= 0) {
    throw Error(family + ": deconvolution width must be positive, found " + std::to_string(channels));
  }
  ConvTranspose2d layer{in_channels, channels, kernel, 2, 1, 0, bias};
  switch (kernel) {
    case 4: break;
    case 3: layer.output_padding = 1; break;
    case 2: layer.padding = 0; break;
    default: throw Error(family + ": deconvolution kernel must be 2, 3 or 4, found " + std::to_string(kernel));
  }
  return layer;
}

/// Simple Baselines' doublings: deconvolution - bn - relu under "deconv_layers.0" to ".2", the next from ".3" on. With
/// `convolutions` each has a 3x3 convolution with bias - bn - relu before it, likewise numbered under "conv_layers",
/// which brings the features to the deconvolution's number of channels.
inline Features add_deconvs(Graph& graph, const std::vector<Deconv>& deconvs, bool bias, bool convolutions,
                            const ConvStyle& style, const std::string& family, Features features) {
  auto [x, channels] = features;
  for (std::size_t i = 0; i < deconvs.size(); ++i) {
    const auto& [width, kernel] = deconvs[i];
    const auto name = [i](const std::string& layers, std::size_t module) {
      return layers + "." + std::to_string(3 * i + module);
    };
    if (convolutions) {
      x = conv_and_norm(graph, name("conv_layers", 0), name("conv_layers", 1), Conv2d{channels, width, 3, 1, 1, true},
                        style, x);
      x = activate(graph, name("conv_layers", 2), style, x);
      channels = width;
    }
    x = conv_and_norm(graph, name("deconv_layers", 0), name("deconv_layers", 1),
                      doubling_deconv(channels, width, kernel, bias, family), style, x);
    x = activate(graph, name("deconv_layers", 2), style, x);
    channels = width;
  }
  return {x, channels};
}

inline void check_keypoints(Index keypoints, const std::string& family) {
  if (keypoints <= 0) {
    throw Error(family + ": expected at least one keypoint, found " + std::to_string(keypoints));
  }
}

/// Channels of a ResNet's conv1.
inline void check_width(Index width, const std::string& family) {
  if (width < 1 || width > 4096) {
    throw Error(family + ": width must be 1 to 4096, found " + std::to_string(width));
  }
}

/// The kernel of the convolution that makes the heatmaps.
inline void check_final_kernel(Index kernel, const std::string& family) {
  if (kernel != 1 && kernel != 3) {
    throw Error(family + ": final kernel must be 1 or 3, found " + std::to_string(kernel));
  }
}

}  // namespace detail

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
