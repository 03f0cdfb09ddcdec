#pragma once

#include <string>
#include <vector>

#include <limn/core/version.hpp>
#include <limn/models/resnet_backbone.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// What distinguishes one detector of people from another (Zhou, Wang & Kraehenbuehl, "Objects as Points", 2019, known
/// as CenterNet, for one class): a ResNet without its classifier, transposed convolutions as in Simple Baselines, and
/// one head for each kind of map. Person by person, the cell that holds the centre of their box has the box's size and
/// where in the cell the centre lies.
struct CenterNet {
  int depth = 18;    ///< 18, 34, 50, 101 or 152
  Index width = 64;  ///< channels of conv1 and layer1, doubled by each further layer; 1 to 4096
  std::vector<Deconv> deconvs = {Deconv(), Deconv(), Deconv()};  ///< first to last
  bool deconv_bias = false;                                      ///< whether deconvolutions have one
  bool convolutions = false;  ///< a 3x3 convolution before each deconvolution, as in imgclsmob's networks
  Index head_channels = 0;    ///< of the 3x3 convolution with which each head begins; 0: it has none
  bool offsets = true;        ///< whether there is a head for the centre's place within its cell
  ConvStyle style = {};       ///< what the checkpoint's convolutions come with
};

namespace detail {

/// A 1x1 convolution to the maps, after a 3x3 convolution and a ReLU if head_channels are given.
inline NodeId add_head(Graph& graph, const std::string& name, Index head_channels, Features features, Index maps) {
  auto [x, channels] = features;
  if (head_channels == 0) return graph.add(name, Conv2d{channels, maps, 1, 1, 0, true}, {x});
  x = graph.add(name + ".0", Conv2d{channels, head_channels, 3, 1, 1, true}, {x});
  x = graph.add(name + ".1", ReLU(), {x});
  return graph.add(name + ".2", Conv2d{head_channels, maps, 1, 1, 0, true}, {x});
}

}  // namespace detail

/// The network as a graph. Input 3 x H x W with H and W positive multiples of 32; outputs "heatmaps", 1 x H / s x W / s
/// with s = 32 / 2^deconvolutions: how surely a cell holds the centre of a person's box, 0 to 1; "sizes", 2 x H / s x W
/// / s: the width and the height of that box in cells; and "offsets", if there are any, of the same shape: how far
/// right of and below the cell's own place its centre is, in cells. Names are those of the authors' release
/// (xingyizhou/CenterNet, src/lib/models/networks/msra_resnet.py). Throws Error on an option that does not exist.
inline Graph center_net(const CenterNet& options) {
  const std::string family = "center_net";
  const detail::ResNetDepth& resnet = detail::resnet_depth(options.depth, family);
  detail::check_width(options.width, family);
  if (options.head_channels < 0) {
    throw Error(family + ": head channels must not be negative, found " + std::to_string(options.head_channels));
  }

  Graph graph(3, 32);
  detail::Features features = detail::add_resnet(graph, resnet, false, options.style, options.width);
  features = detail::add_deconvs(graph, options.deconvs, options.deconv_bias, options.convolutions, options.style,
                                 family, features);
  const NodeId heatmaps = detail::add_head(graph, "hm", options.head_channels, features, 1);
  graph.add_output("heatmaps", graph.add("hm.sigmoid", Sigmoid(), {heatmaps}));
  graph.add_output("sizes", detail::add_head(graph, "wh", options.head_channels, features, 2));
  if (options.offsets) graph.add_output("offsets", detail::add_head(graph, "reg", options.head_channels, features, 2));
  return graph;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
