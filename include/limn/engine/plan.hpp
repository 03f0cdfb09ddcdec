#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/aligned_buffer.hpp>
#include <limn/engine/choose_convolution.hpp>
#include <limn/engine/fusion.hpp>
#include <limn/engine/memory_plan.hpp>
#include <limn/engine/simple_kernels.hpp>

namespace limn {

/// A network made ready to run fast for one input size: batch norm folded into the convolutions, ReLU and residual
/// sums done while they write, weights laid out once, one block of memory for everything in between.
///
/// A plan gives the numbers of run_plain up to rounding. It is const when it runs: any number of threads may run it
/// at once, each with a Workspace of its own. It keeps no pointer to the graph or the weights it was made from.
class Plan {
 public:
  /// The memory of one run: the input goes in here and the outputs come out. Usable with its plan only, by one thread
  /// at a time. Running allocates nothing.
  class Workspace {
   public:
    /// The network's input, channels x (height * width), to be filled before run().
    Eigen::Map<Eigen::MatrixXf> input() { return map(plan_->input_offset_, plan_->input_shape_); }

    /// The output of that number after run(), channels x (height * width).
    Eigen::Map<const Eigen::MatrixXf> output(std::size_t index = 0) const {
      const auto& output = plan_->outputs_.at(index);
      return {arena_.data() + output.offset, output.shape.channels, output.shape.pixels()};
    }

    Index size_in_bytes() const { return arena_.size() * static_cast<Index>(sizeof(float)); }

   private:
    friend class Plan;
    explicit Workspace(const Plan& plan) : plan_(&plan), arena_(plan.arena_size_) {}
    Eigen::Map<Eigen::MatrixXf> map(Index offset, const Shape& shape) {
      return {arena_.data() + offset, shape.channels, shape.pixels()};
    }

    const Plan* plan_;
    detail::AlignedBuffer arena_;
  };

  /// What one step of a plan does, for tables.
  struct StepInfo {
    std::string first;  ///< the layer that does the work
    std::string last;   ///< the last layer drawn in, whose output the step puts out
    const char* method;
    Shape input;
    Shape output;
    Index multiply_adds;  ///< of the layer's definition, whatever the method
  };

  /// Is shown each step after it has run: its number and its output. Called by the running thread.
  using StepObserver = std::function<void(std::size_t, const Eigen::Map<const Eigen::MatrixXf>&)>;

  /// Compiles `graph` for pictures of `height` x `width`. `pool` may be shared with other plans. Throws Error if the
  /// size does not fit or a weight is missing or wrongly shaped.
  Plan(const Graph& graph, const Weights& weights, Index height, Index width,
       std::shared_ptr<const ThreadPool> pool = std::make_shared<ThreadPool>(1))
      : pool_(std::move(pool)) {
    const std::vector<Shape> shapes = graph.shapes(height, width);
    input_shape_ = shapes[Graph::input];

    std::vector<detail::FusedStep> fused = detail::fuse(graph, weights);
    for (detail::FusedStep& step : fused) {
      const Node& node = graph.nodes()[step.node];
      const Shape& input = shapes[step.inputs[0]];
      steps_.push_back({make_kernel(node, step, input, weights), 0, none, 0, 0, shapes[step.output]});
      info_.push_back({node.name, graph.nodes()[step.output].name, steps_.back().kernel->name(), input,
                       shapes[step.output], multiply_adds(node.layer, input)});
      step.weight.resize(0);
    }
    place(graph, fused, shapes);
  }

  Plan(const Plan&) = delete;  // workspaces point to their plan
  Plan& operator=(const Plan&) = delete;

  Workspace make_workspace() const { return Workspace(*this); }

  /// Runs the network on workspace.input().
  void run(Workspace& workspace, const StepObserver& observer = {}) const {
    if (workspace.plan_ != this) throw Error("engine: the workspace was made by another plan");
    float* arena = workspace.arena_.data();
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const Step& step = steps_[i];
      step.kernel->run({arena + step.input, step.other == none ? nullptr : arena + step.other, arena + step.output,
                        arena + step.scratch, *pool_});
      if (observer) observer(i, {arena + step.output, step.shape.channels, step.shape.pixels()});
    }
  }

  const Shape& input_shape() const { return input_shape_; }
  const Shape& output_shape(std::size_t index = 0) const { return outputs_.at(index).shape; }
  std::size_t output_count() const { return outputs_.size(); }
  const std::vector<StepInfo>& steps() const { return info_; }
  int threads() const { return pool_->threads(); }

  /// Bytes of weights in the engine's layout.
  Index weight_bytes() const {
    Index bytes = 0;
    for (const Step& step : steps_) bytes += step.kernel->weight_bytes();
    return bytes;
  }

 private:
  static constexpr Index none = -1;

  /// Offsets are floats from the start of the arena.
  struct Step {
    std::unique_ptr<detail::Kernel> kernel;
    Index input;
    Index other;
    Index output;
    Index scratch;
    Shape shape;
  };
  struct Output {
    Index offset;
    Shape shape;
  };

  static std::unique_ptr<detail::Kernel> make_kernel(const Node& node, const detail::FusedStep& step,
                                                     const Shape& input, const Weights& weights) {
    if (const auto* conv = std::get_if<Conv2d>(&node.layer)) {
      return detail::make_convolution(*conv, input, step.weight, step.bias, step.relu);
    }
    if (const auto* deconv = std::get_if<ConvTranspose2d>(&node.layer)) {
      return detail::make_convolution(*deconv, input, step.weight, step.bias, step.relu);
    }
    return detail::make_simple_kernel(node.layer, input, layer_parameters(node, weights));
  }

  /// Gives every value and every scratch area its place in the arena.
  void place(const Graph& graph, const std::vector<detail::FusedStep>& fused, const std::vector<Shape>& shapes) {
    // Block 0 is the input, then each step's output and scratch. The outputs of the network live to the end.
    const auto end = static_cast<Index>(fused.size());
    std::vector<detail::MemoryBlock> blocks = {{input_shape_.size(), -1, -1}};
    std::vector<std::size_t> block_of(shapes.size(), 0);
    for (std::size_t i = 0; i < fused.size(); ++i) {
      const auto now = static_cast<Index>(i);
      for (const NodeId source : fused[i].inputs) blocks[block_of[source]].last = now;
      block_of[fused[i].output] = blocks.size();
      blocks.push_back({shapes[fused[i].output].size(), now, now});
      blocks.push_back({steps_[i].kernel->scratch_size(pool_->threads()), now, now});
    }
    for (const auto& output : graph.outputs()) blocks[block_of[output.second]].last = end;

    arena_size_ = detail::plan_memory(blocks);
    input_offset_ = blocks[0].offset;
    for (std::size_t i = 0; i < fused.size(); ++i) {
      const std::vector<NodeId>& inputs = fused[i].inputs;
      steps_[i].input = blocks[block_of[inputs[0]]].offset;
      if (inputs.size() > 1) steps_[i].other = blocks[block_of[inputs[1]]].offset;
      steps_[i].output = blocks[block_of[fused[i].output]].offset;
      steps_[i].scratch = blocks[block_of[fused[i].output] + 1].offset;
    }
    for (const auto& output : graph.outputs()) {
      outputs_.push_back({blocks[block_of[output.second]].offset, shapes[output.second]});
    }
  }

  std::shared_ptr<const ThreadPool> pool_;
  Shape input_shape_;
  Index input_offset_ = 0;
  Index arena_size_ = 0;
  std::vector<Step> steps_;
  std::vector<StepInfo> info_;
  std::vector<Output> outputs_;
};

}  // namespace limn
