#pragma once

#include <string>
#include <vector>

#include <limn/core/version.hpp>
#include <limn/models/resnet_backbone.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// What distinguishes one high-resolution network from another (Sun, Xiao, Liu & Wang, "Deep High-Resolution
/// Representation Learning for Human Pose Estimation", CVPR 2019): up to four branches, each at half the resolution and
/// twice the width of the one before, exchange their features again and again; the finest gives the heatmaps.
struct HRNet {
  Index width = 32;        ///< channels of the finest branch: 32 for HRNet-W32, 48 for W48
  Index keypoints = 17;    ///< heatmaps
  Index final_kernel = 1;  ///< 1 or 3
  ConvStyle style = {};    ///< what the checkpoint's convolutions come with
};

namespace detail {

/// Adds the parts of an HRNet to a graph, under the names of the authors' release
/// (leoxiaobin/deep-high-resolution-net.pytorch, lib/models/pose_hrnet.py). Branch i is width 2^i x H / (4 2^i) x
/// W / (4 2^i); a sequence of convolution, batch norm and ReLU is NAME.0, NAME.1, NAME.2.
class HRNetBuilder {
 public:
  HRNetBuilder(Graph& graph, const HRNet& options) : graph_(graph), options_(options) {}

  /// Two convolutions of stride 2 and four bottlenecks: 256 x H / 4 x W / 4.
  Features stem() const {
    const ConvStyle& style = options_.style;
    NodeId x = conv_and_norm(graph_, "conv1", "bn1", Conv2d{3, 64, 3, 2, 1}, style, Graph::input);
    x = activate(graph_, "relu1", style, x);
    x = conv_and_norm(graph_, "conv2", "bn2", Conv2d{64, 64, 3, 2, 1}, style, x);
    x = activate(graph_, "relu2", style, x);
    Index channels = 64;
    for (int block = 0; block < 4; ++block) {
      x = add_bottleneck(graph_, "layer1." + std::to_string(block), {channels, 64, 1}, false, x, style);
      channels = 256;
    }
    return {x, channels};
  }

  /// Transition 1: layer1's features to the first two branches.
  std::vector<NodeId> begin_branches(const Features& stem) const {
    const bool fits = stem.channels == channels(0);
    return {fits ? stem.node : conv_sequence("transition1.0", stem.channels, channels(0), 1, true, stem.node),
            conv_sequence("transition1.1.0", stem.channels, channels(1), 2, true, stem.node)};
  }

  /// Transitions 2 and 3: one more branch, made of the coarsest.
  void add_branch(int transition, std::vector<NodeId>& branches) const {
    const std::size_t next = branches.size();
    branches.push_back(conv_sequence("transition" + std::to_string(transition) + "." + std::to_string(next) + ".0",
                                     channels(next - 1), channels(next), 2, true, branches.back()));
  }

  /// Four basic blocks in each branch, then every branch, or the finest alone, becomes the sum of all of them.
  void module(const std::string& name, std::vector<NodeId>& branches, bool finest_only) const {
    for (std::size_t i = 0; i < branches.size(); ++i) {
      for (int block = 0; block < 4; ++block) {
        const std::string at = name + ".branches." + std::to_string(i) + "." + std::to_string(block);
        branches[i] = add_basic_block(graph_, at, {channels(i), channels(i), 1}, branches[i], options_.style);
      }
    }
    std::vector<NodeId> fused;
    for (std::size_t i = 0; i < (finest_only ? 1 : branches.size()); ++i) fused.push_back(fuse(name, branches, i));
    branches = std::move(fused);
  }

 private:
  Index channels(std::size_t branch) const { return options_.width << branch; }

  NodeId conv_sequence(const std::string& name, Index in, Index out, Index stride, bool relu, NodeId input) const {
    const NodeId x =
        conv_and_norm(graph_, name + ".0", name + ".1", Conv2d{in, out, 3, stride, 1}, options_.style, input);
    return relu ? activate(graph_, name + ".2", options_.style, x) : x;
  }

  /// relu(branch 0 + branch 1 + ...), each brought to the size and width of branch i, summed in this order. The ReLU
  /// is NAME.fuse_layers.i, the sum of the branches up to j NAME.fuse_layers.i.sumj.
  NodeId fuse(const std::string& name, const std::vector<NodeId>& branches, std::size_t i) const {
    const std::string at = name + ".fuse_layers." + std::to_string(i);
    NodeId sum = bring(at, branches[0], 0, i);
    for (std::size_t j = 1; j < branches.size(); ++j) {
      const NodeId other = bring(at, branches[j], j, i);
      const std::string sum_name = at + ".sum" + std::to_string(j);
      sum = j + 1 < branches.size() ? graph_.add(sum_name, Add(), {sum, other})
                                    : add_and_activate(graph_, at, sum_name, options_.style, sum, other);
    }
    return sum;
  }

  /// Branch `from` at the size and width of branch `to`: down by 3x3 convolutions of stride 2, with a ReLU after all
  /// but the last, which alone changes the width; up by a 1x1 convolution and repeated pixels.
  NodeId bring(const std::string& at, NodeId x, std::size_t from, std::size_t to) const {
    const std::string name = at + "." + std::to_string(from);
    for (std::size_t step = from; step < to; ++step) {
      const bool last = step + 1 == to;
      x = conv_sequence(name + "." + std::to_string(step - from), channels(from), channels(last ? to : from), 2, !last,
                        x);
    }
    if (from > to) {
      x = conv_and_norm(graph_, name + ".0", name + ".1", Conv2d{channels(from), channels(to), 1}, options_.style, x);
      x = graph_.add(name + ".2", UpsampleNearest{Index{1} << (from - to)}, {x});
    }
    return x;
  }

  Graph& graph_;
  const HRNet& options_;
};

}  // namespace detail

/// The network as a graph. Input 3 x H x W with H and W positive multiples of 32; output "heatmaps", keypoints x
/// H / 4 x W / 4. Names are those of the authors' checkpoints. Throws Error on an option that does not exist.
inline Graph hrnet(const HRNet& options) {
  const std::string family = "hrnet";
  if (options.width <= 0) throw Error(family + ": width must be positive, found " + std::to_string(options.width));
  detail::check_keypoints(options.keypoints, family);
  detail::check_final_kernel(options.final_kernel, family);

  Graph graph(3, 32);
  const detail::HRNetBuilder builder(graph, options);
  std::vector<NodeId> branches = builder.begin_branches(builder.stem());
  const int modules[] = {1, 4, 3};  // in stages 2, 3 and 4
  for (int stage = 2; stage <= 4; ++stage) {
    if (stage > 2) builder.add_branch(stage - 1, branches);
    const int count = modules[stage - 2];
    for (int module = 0; module < count; ++module) {
      const bool last = stage == 4 && module + 1 == count;
      builder.module("stage" + std::to_string(stage) + "." + std::to_string(module), branches, last);
    }
  }
  const NodeId heatmaps =
      graph.add("final_layer",
                Conv2d{options.width, options.keypoints, options.final_kernel, 1, (options.final_kernel - 1) / 2, true},
                {branches[0]});
  graph.add_output("heatmaps", heatmaps);
  return graph;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
