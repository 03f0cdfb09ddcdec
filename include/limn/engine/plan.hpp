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
    /// The network's input for one image of the batch, channels x (height * width), to be filled before run().
    Eigen::Map<Eigen::MatrixXf> input(Index image = 0) {
      const Shape& shape = plan_->input_shape_;
      return {arena_.data() + plan_->input_place_.at(plan_->checked(image)), shape.channels, shape.pixels()};
    }

    /// The output of that number for one image after run(), channels x (height * width).
    Eigen::Map<const Eigen::MatrixXf> output(std::size_t index = 0, Index image = 0) const {
      const auto& [place, shape] = plan_->outputs_.at(index);
      return {arena_.data() + place.at(plan_->checked(image)), shape.channels, shape.pixels()};
    }

    Index size_in_bytes() const { return arena_.size() * static_cast<Index>(sizeof(float)); }

   private:
    friend class Plan;
    explicit Workspace(const Plan& plan) : plan_(&plan), arena_(plan.arena_size_) {}

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

  /// Compiles `graph` for pictures of `height` x `width`, up to `batch` of them in one run. `pool` may be shared with
  /// other plans. Throws Error if the size does not fit, a weight is missing or wrongly shaped, or `batch` is not
  /// positive.
  Plan(const Graph& graph, const Weights& weights, Index height, Index width,
       std::shared_ptr<const ThreadPool> pool = std::make_shared<ThreadPool>(1), Index batch = 1)
      : pool_(std::move(pool)), batch_(batch) {
    if (batch <= 0) throw Error("engine: expected a batch of at least 1 image, found " + std::to_string(batch));
    const std::vector<Shape> shapes = graph.shapes(height, width);
    input_shape_ = shapes[Graph::input];

    std::vector<detail::FusedStep> fused = detail::fuse(graph, weights);
    for (detail::FusedStep& step : fused) {
      const Node& node = graph.nodes()[step.node];
      const Shape& input = shapes[step.inputs[0]];
      steps_.emplace_back();
      steps_.back().kernel = make_kernel(node, step, input, weights, batch);
      steps_.back().shape = shapes[step.output];
      info_.push_back({node.name, graph.nodes()[step.output].name, steps_.back().kernel->name(), input,
                       shapes[step.output], multiply_adds(node.layer, input)});
      step.weight.resize(0);
    }
    form_stretches();
    place(graph, fused, shapes);
  }

  Plan(const Plan&) = delete;  // workspaces point to their plan
  Plan& operator=(const Plan&) = delete;

  Workspace make_workspace() const { return Workspace(*this); }

  /// Runs the network on the first image of the workspace.
  void run(Workspace& workspace, const StepObserver& observer = {}) const { run(workspace, 1, observer); }

  /// Runs the network on the first `images` images of the workspace. Together they take less time than one by one,
  /// because the weights are read from memory once for all of them and methods pay off that do not for one. The
  /// observer is shown the first image.
  void run(Workspace& workspace, Index images, const StepObserver& observer = {}) const {
    if (workspace.plan_ != this) throw Error("engine: the workspace was made by another plan");
    if (images < 1 || images > batch_) {
      throw Error("engine: expected 1 to " + std::to_string(batch_) + " images, found " + std::to_string(images));
    }
    for (std::size_t begin = 0; begin < steps_.size(); begin = steps_[begin].stretch_end) {
      const std::size_t end = steps_[begin].stretch_end;
      const bool together = steps_[begin].together;
      for (Index image = 0; image < (together ? 1 : images); ++image) {
        for (std::size_t i = begin; i < end; ++i) {
          run_step(workspace.arena_.data(), i, image, together ? images : 1, image == 0 ? observer : StepObserver());
        }
      }
    }
  }

  const Shape& input_shape() const { return input_shape_; }
  const Shape& output_shape(std::size_t index = 0) const { return outputs_.at(index).shape; }
  std::size_t output_count() const { return outputs_.size(); }
  const std::vector<StepInfo>& steps() const { return info_; }
  int threads() const { return pool_->threads(); }
  Index batch() const { return batch_; }

  /// Bytes of weights in the engine's layout.
  Index weight_bytes() const {
    Index bytes = 0;
    for (const Step& step : steps_) bytes += step.kernel->weight_bytes();
    return bytes;
  }

 private:
  /// A value's place: floats from the start of the arena, and from one image to the next; 0 where the images use the
  /// same memory one after the other.
  struct Place {
    Index offset = 0;
    Index image_stride = 0;

    Index at(Index image) const { return offset + image * image_stride; }
  };

  /// With several images, steps whose weights outweigh their maps take all images together. The steps between them
  /// form stretches that are run image by image, so that the maps stay in the cache.
  struct Step {
    std::unique_ptr<detail::Kernel> kernel;
    Shape shape;
    bool together = false;
    std::size_t stretch_begin = 0;  ///< steps of the stretch this one belongs to; alone if it takes all together
    std::size_t stretch_end = 0;
    bool has_other = false;
    Place input, other, output;
    Index scratch = 0;
  };
  struct Output {
    Place place;
    Shape shape;
  };

  static std::unique_ptr<detail::Kernel> make_kernel(const Node& node, const detail::FusedStep& step,
                                                     const Shape& input, const Weights& weights, Index batch) {
    if (const auto* conv = std::get_if<Conv2d>(&node.layer)) {
      return detail::make_convolution(*conv, input, step.weight, step.bias, step.relu, batch);
    }
    if (const auto* deconv = std::get_if<ConvTranspose2d>(&node.layer)) {
      return detail::make_convolution(*deconv, input, step.weight, step.bias, step.relu, batch);
    }
    return detail::make_simple_kernel(node.layer, input, layer_parameters(node, weights));
  }

  Index checked(Index image) const {
    if (image >= 0 && image < batch_) return image;
    throw Error("engine: expected an image below the batch of " + std::to_string(batch_) + ", found number " +
                std::to_string(image));
  }

  /// Step i for `images` images from `first` on.
  void run_step(float* arena, std::size_t i, Index first, Index images, const StepObserver& observer) const {
    const Step& step = steps_[i];
    step.kernel->run({arena + step.input.at(first), step.has_other ? arena + step.other.at(first) : nullptr,
                      arena + step.output.at(first), arena + step.scratch, *pool_, images});
    if (observer) observer(i, {arena + step.output.at(first), step.shape.channels, step.shape.pixels()});
  }

  void form_stretches() {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      constexpr Index much = 8;  // from where on the weights decide how long a step takes
      const Index map_bytes = (info_[i].input.size() + info_[i].output.size()) * static_cast<Index>(sizeof(float));
      Step& step = steps_[i];
      step.together = batch_ > 1 && step.kernel->weight_bytes() > much * map_bytes;
      const bool joins = i > 0 && !step.together && !steps_[i - 1].together;
      step.stretch_begin = joins ? steps_[i - 1].stretch_begin : i;
    }
    for (std::size_t i = steps_.size(); i-- > 0;) {
      const bool last = i + 1 == steps_.size() || steps_[i + 1].stretch_begin != steps_[i].stretch_begin;
      steps_[i].stretch_end = last ? i + 1 : steps_[i + 1].stretch_end;
    }
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

    const std::vector<Index> image_strides = batch_ > 1 ? spread_over_batch(blocks) : std::vector<Index>(blocks.size());
    arena_size_ = detail::plan_memory(blocks);
    const auto place_of = [&](NodeId node) {
      return Place{blocks[block_of[node]].offset, image_strides[block_of[node]]};
    };
    input_place_ = place_of(Graph::input);
    for (std::size_t i = 0; i < fused.size(); ++i) {
      const std::vector<NodeId>& inputs = fused[i].inputs;
      steps_[i].input = place_of(inputs[0]);
      steps_[i].has_other = inputs.size() > 1;
      if (steps_[i].has_other) steps_[i].other = place_of(inputs[1]);
      steps_[i].output = place_of(fused[i].output);
      steps_[i].scratch = blocks[block_of[fused[i].output] + 1].offset;
    }
    for (const auto& output : graph.outputs()) outputs_.push_back({place_of(output.second), shapes[output.second]});
  }

  /// Makes room for all images in the blocks that need it: those that a step for all images together reads or writes,
  /// and those that live longer than one stretch, the network's input and outputs among them. Because a stretch begins
  /// again for the next image, such a block lives as long as the stretches that touch it. Returns the floats from one
  /// image to the next, 0 for the other blocks.
  std::vector<Index> spread_over_batch(std::vector<detail::MemoryBlock>& blocks) const {
    std::vector<Index> strides(blocks.size(), 0);
    const auto count = static_cast<Index>(steps_.size());
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      detail::MemoryBlock& block = blocks[i];
      const bool scratch = i > 0 && i % 2 == 0;
      if (scratch) continue;
      const Step* first = block.first < 0 ? nullptr : &steps_[static_cast<std::size_t>(block.first)];
      const Step* last =
          block.last < 0 || block.last >= count ? nullptr : &steps_[static_cast<std::size_t>(block.last)];
      if (first != nullptr && last != nullptr && first->stretch_begin == last->stretch_begin && !first->together) {
        continue;
      }
      strides[i] = block.size;
      block.size *= batch_;
      if (first != nullptr) block.first = static_cast<Index>(first->stretch_begin);
      if (last != nullptr) block.last = static_cast<Index>(last->stretch_end) - 1;
    }
    return strides;
  }

  std::shared_ptr<const ThreadPool> pool_;
  Index batch_;
  Shape input_shape_;
  Place input_place_;
  Index arena_size_ = 0;
  std::vector<Step> steps_;
  std::vector<StepInfo> info_;
  std::vector<Output> outputs_;
};

}  // namespace limn
