#pragma once

#include <string>

#include <limn/core/version.hpp>
#include <limn/network/graph.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// What follows the convolutions of a network. The published networks have batch norm; the others are for ablations,
/// and for exports in which batch norm has been folded into the convolutions.
enum class Normalization {
  batch_norm,
  bias,  ///< a bias in each convolution instead
  none,  ///< neither
};

/// Which parts of "convolution - normalisation - ReLU" a network has. Without ReLU the activation is the identity.
struct ConvStyle {
  Normalization normalization = Normalization::batch_norm;  ///< what follows a convolution
  bool relu = true;                                         ///< whether a ReLU does
};

/// Residual blocks (He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, figure 5), written as
/// functions that add their layers to a graph under torchvision's names. Both end in relu(branch + shortcut), a node
/// that bears the block's own name because it is the block's output; without ReLU the sum bears it. The shortcut is the
/// input itself, or a strided 1x1 convolution and batch norm ("downsample") where size or width changes.
struct ResidualBlock {
  Index in_channels = 64;  ///< of the block's input
  Index planes = 64;       ///< width of the inner convolutions
  Index stride = 1;        ///< 1, or 2 to halve height and width
};

namespace detail {

/// A convolution, plain or transposed, and the normalisation behind it. Returns the last of these nodes.
template <class Convolution>
NodeId conv_and_norm(Graph& graph, const std::string& conv, const std::string& norm, Convolution layer,
                     const ConvStyle& style, NodeId input) {
  if (style.normalization == Normalization::bias) layer.bias = true;
  const NodeId convolved = graph.add(conv, layer, {input});
  if (style.normalization != Normalization::batch_norm) return convolved;
  return graph.add(norm, BatchNorm2d{layer.out_channels}, {convolved});
}

/// A ReLU; the input itself where the style has none.
inline NodeId activate(Graph& graph, const std::string& name, const ConvStyle& style, NodeId input) {
  return style.relu ? graph.add(name, ReLU(), {input}) : input;
}

/// The ReLU of a sum, or the sum alone, under `name`.
inline NodeId add_and_activate(Graph& graph, const std::string& name, const std::string& sum_name,
                               const ConvStyle& style, NodeId a, NodeId b) {
  if (!style.relu) return graph.add(name, Add(), {a, b});
  return graph.add(name, ReLU(), {graph.add(sum_name, Add(), {a, b})});
}

inline NodeId close_block(Graph& graph, const std::string& name, const char* type, const ResidualBlock& block,
                          Index out_channels, const ConvStyle& style, NodeId first, NodeId branch, NodeId input) {
  NodeId shortcut = input;
  if (block.stride != 1 || block.in_channels != out_channels) {
    shortcut = conv_and_norm(graph, name + ".downsample.0", name + ".downsample.1",
                             Conv2d{block.in_channels, out_channels, 1, block.stride}, style, input);
  }
  const NodeId output = add_and_activate(graph, name, name + ".add", style, branch, shortcut);
  graph.add_block(name, type, first);
  return output;
}

}  // namespace detail

/// conv 3x3 (stride) - bn - relu - conv 3x3 - bn - add - relu. Input in_channels x H x W; output planes x H' x W' with
/// H' = ceil(H / stride). Returns the output's node.
inline NodeId add_basic_block(Graph& graph, const std::string& name, const ResidualBlock& block, NodeId input,
                              const ConvStyle& style = {}) {
  const NodeId first = graph.nodes().size();
  NodeId x = detail::conv_and_norm(graph, name + ".conv1", name + ".bn1",
                                   Conv2d{block.in_channels, block.planes, 3, block.stride, 1}, style, input);
  x = detail::activate(graph, name + ".relu1", style, x);
  x = detail::conv_and_norm(graph, name + ".conv2", name + ".bn2", Conv2d{block.planes, block.planes, 3, 1, 1}, style,
                            x);
  return detail::close_block(graph, name, "BasicBlock", block, block.planes, style, first, x, input);
}

/// conv 1x1 - bn - relu - conv 3x3 (stride) - bn - relu - conv 1x1 to 4 planes - bn - add - relu. Input in_channels x
/// H x W; output 4 planes x H' x W'. `stride_on_first_1x1` puts the stride on the first convolution, as the original
/// Caffe networks have it. Returns the output's node.
inline NodeId add_bottleneck(Graph& graph, const std::string& name, const ResidualBlock& block,
                             bool stride_on_first_1x1, NodeId input, const ConvStyle& style = {}) {
  const Index out_channels = 4 * block.planes;
  const Index stride1 = stride_on_first_1x1 ? block.stride : 1;
  const Index stride2 = stride_on_first_1x1 ? 1 : block.stride;
  const NodeId first = graph.nodes().size();
  NodeId x = detail::conv_and_norm(graph, name + ".conv1", name + ".bn1",
                                   Conv2d{block.in_channels, block.planes, 1, stride1}, style, input);
  x = detail::activate(graph, name + ".relu1", style, x);
  x = detail::conv_and_norm(graph, name + ".conv2", name + ".bn2", Conv2d{block.planes, block.planes, 3, stride2, 1},
                            style, x);
  x = detail::activate(graph, name + ".relu2", style, x);
  x = detail::conv_and_norm(graph, name + ".conv3", name + ".bn3", Conv2d{block.planes, out_channels, 1}, style, x);
  return detail::close_block(graph, name, "Bottleneck", block, out_channels, style, first, x, input);
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
