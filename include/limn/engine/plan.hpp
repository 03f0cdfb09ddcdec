#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/aligned_buffer.hpp>
#include <limn/core/error.hpp>
#include <limn/core/sizes.hpp>
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
  struct Layout;

 public:
  /// The memory of one run: the input goes in here and the outputs come out. To be run by its plan only (another one
  /// throws Error), by one thread at a time; what is in it can be read also when the plan is gone. Running allocates
  /// nothing.
  class Workspace {
   public:
    /// The network's input for one image of the batch, channels x (height * width), to be filled before run().
    /// Throws Error if there is no such image, or the workspace was moved from.
    Eigen::Map<Eigen::MatrixXf> input(Index image = 0) {
      const Layout& all = layout();
      return {arena_.data() + all.input_place.at(all.checked(image)), all.input_shape.channels,
              all.input_shape.pixels()};
    }

    /// The output of that number for one image after run(), channels x (height * width). Throws Error if there is no
    /// such output or image, or the workspace was moved from.
    Eigen::Map<const Eigen::MatrixXf> output(std::size_t index = 0, Index image = 0) const {
      const auto& [place, shape] = layout().output(index);
      return {arena_.data() + place.at(layout().checked(image)), shape.channels, shape.pixels()};
    }

    Index size_in_bytes() const { return arena_.size() * static_cast<Index>(sizeof(float)); }

   private:
    friend class Plan;
    explicit Workspace(std::shared_ptr<const Layout> layout)
        : layout_(std::move(layout)), arena_(layout_->arena_size) {}

    const Layout& layout() const {
      if (!layout_) throw Error("engine: the workspace was moved from");
      return *layout_;
    }

    std::shared_ptr<const Layout> layout_;  // the plan's own: it also tells whose workspace this is
    detail::AlignedBuffer arena_;
  };

  /// What one step of a plan does, for tables.
  struct StepInfo {
    std::string first;  ///< the layer that does the work
    std::string last;   ///< the last layer drawn in, whose output the step puts out
    const char* method;
    Shape input;
    Shape output;
    std::int64_t multiply_adds;  ///< of the layer's definition, whatever the method
  };

  /// Is shown each step after it has run: its number and its output. Called by the running thread.
  using StepObserver = std::function<void(std::size_t, const Eigen::Map<const Eigen::MatrixXf>&)>;

  /// Compiles `graph` for pictures of `height` x `width`, up to `batch` of them in one run. `pool` may be shared with
  /// other plans. Throws Error if the size does not fit, a weight is missing or wrongly shaped, `batch` is not
  /// positive, or the weights as the plan keeps them and one workspace would together take more than `max_memory` bytes
  /// (making the plan takes the weights once more, as fp32).
  Plan(const Graph& graph, const Weights& weights, Index height, Index width,
       std::shared_ptr<const ThreadPool> pool = std::make_shared<ThreadPool>(1), Index batch = 1,
       std::int64_t max_memory = default_max_memory)
      : pool_(std::move(pool)), batch_(batch) {
    if (!pool_) throw Error("engine: expected a thread pool, found none");
    if (batch <= 0) throw Error("engine: expected a batch of at least 1 image, found " + std::to_string(batch));
    detail::only_errors("engine", [&] { compile(graph, weights, height, width, max_memory); });
  }

  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  /// Throws Error if there is not so much memory.
  Workspace make_workspace() const { return Workspace(layout_); }

  /// Whether this plan made the workspace, and may run it.
  bool made(const Workspace& workspace) const { return workspace.layout_ == layout_; }

  /// Runs the network on the first image of the workspace.
  void run(Workspace& workspace, const StepObserver& observer = {}) const { run(workspace, 1, observer); }

  /// Runs the network on the first `images` images of the workspace. Together they take less time than one by one,
  /// because the weights are read from memory once for all of them and methods pay off that do not for one. The
  /// observer is shown the first image. Throws Error if another plan made the workspace, or there are not so many
  /// images.
  void run(Workspace& workspace, Index images, const StepObserver& observer = {}) const {
    if (!made(workspace)) throw Error("engine: the workspace was made by another plan");
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

  const Shape& input_shape() const { return layout_->input_shape; }
  /// Throws Error if there is no such output.
  const Shape& output_shape(std::size_t index = 0) const { return layout_->output(index).shape; }
  std::size_t output_count() const { return layout_->outputs.size(); }
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

  /// Where everything is in a workspace.
  struct Layout {
    Index batch = 1;
    Shape input_shape;
    Place input_place;
    std::vector<Output> outputs;
    Index arena_size = 0;  ///< floats

    const Output& output(std::size_t index) const {
      if (index < outputs.size()) return outputs[index];
      throw Error("engine: expected an output below the " + std::to_string(outputs.size()) +
                  " there are, found number " + std::to_string(index));
    }
    Index checked(Index image) const {
      if (image >= 0 && image < batch) return image;
      throw Error("engine: expected an image below the batch of " + std::to_string(batch) + ", found number " +
                  std::to_string(image));
    }
  };

  void compile(const Graph& graph, const Weights& weights, Index height, Index width, std::int64_t max_memory) {
    const std::vector<Shape> shapes = graph.shapes(height, width);
    check_maps(graph, shapes, max_memory);
    // The engine's own layout takes no less.
    std::int64_t values = 0;
    for (const ParameterSpec& spec : graph.parameters()) {
      values = detail::checked_sum("engine: weights", values, spec.size());
    }
    detail::check_memory("engine: weights",
                         detail::checked_product<std::int64_t>("engine: weights", {values, sizeof(float)}), max_memory);

    std::vector<detail::FusedStep> fused = detail::fuse(graph, weights);
    std::int64_t taken = 0;
    for (detail::FusedStep& step : fused) {
      const Node& node = graph.nodes()[step.node];
      const Shape& input = shapes[step.inputs[0]];
      steps_.emplace_back();
      steps_.back().kernel = make_kernel(node, step, input, weights, {node.name, taken, max_memory});
      steps_.back().shape = shapes[step.output];
      info_.push_back({node.name, graph.nodes()[step.output].name, steps_.back().kernel->name(), input,
                       shapes[step.output], multiply_adds(node.layer, input)});
      taken += steps_.back().kernel->weight_bytes();
      step.weight.resize(0);
    }
    form_stretches();
    layout_ = place(graph, fused, shapes, taken, max_memory);
  }

  /// Throws Error if a single map is too large already: what kernels keep for themselves grows with the maps.
  void check_maps(const Graph& graph, const std::vector<Shape>& shapes, std::int64_t max_memory) const {
    for (NodeId id = 0; id < shapes.size(); ++id) {
      const Shape& shape = shapes[id];
      const std::string what = "engine: map of " + to_string(shape) + " values, " + graph.nodes()[id].name;
      detail::check_memory(what, std::int64_t{shape.size()} * std::int64_t{sizeof(float)}, max_memory);
      detail::checked_product<Index>(what, {batch_, shape.height, shape.width});
    }
  }

  std::unique_ptr<detail::Kernel> make_kernel(const Node& node, const detail::FusedStep& step, const Shape& input,
                                              const Weights& weights, const detail::WeightLimit& limit) const {
    if (const auto* conv = std::get_if<Conv2d>(&node.layer)) {
      return detail::make_convolution(*conv, input, step.weight, step.bias, step.relu, batch_, limit);
    }
    if (const auto* deconv = std::get_if<ConvTranspose2d>(&node.layer)) {
      return detail::make_convolution(*deconv, input, step.weight, step.bias, step.relu, batch_, limit);
    }
    return detail::make_simple_kernel(node.layer, input, layer_parameters(node, weights));
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
      constexpr double much = 8;  // from where on the weights decide how long a step takes
      const double values = static_cast<double>(info_[i].input.size()) + static_cast<double>(info_[i].output.size());
      Step& step = steps_[i];
      step.together = batch_ > 1 && static_cast<double>(step.kernel->weight_bytes()) > much * sizeof(float) * values;
      const bool joins = i > 0 && !step.together && !steps_[i - 1].together;
      step.stretch_begin = joins ? steps_[i - 1].stretch_begin : i;
    }
    for (std::size_t i = steps_.size(); i-- > 0;) {
      const bool last = i + 1 == steps_.size() || steps_[i + 1].stretch_begin != steps_[i].stretch_begin;
      steps_[i].stretch_end = last ? i + 1 : steps_[i + 1].stretch_end;
    }
  }

  /// Gives every value and every scratch area its place in the arena. `taken`: bytes of weights.
  std::shared_ptr<const Layout> place(const Graph& graph, const std::vector<detail::FusedStep>& fused,
                                      const std::vector<Shape>& shapes, std::int64_t taken, std::int64_t max_memory) {
    // Block 0 is the input, then each step's output and scratch. The outputs of the network live to the end.
    const auto end = static_cast<Index>(fused.size());
    const Shape& input = shapes[Graph::input];
    std::vector<detail::MemoryBlock> blocks = {{input.size(), -1, -1}};
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
    const std::int64_t arena = detail::plan_memory(blocks);
    const std::string what = "engine: weights and workspace for an input of " + to_string(input) +
                             (batch_ > 1 ? " and " + std::to_string(batch_) + " images" : "");
    const auto arena_bytes = detail::checked_product<std::int64_t>(what, {arena, sizeof(float)});
    detail::check_memory(what, detail::checked_sum(what, taken, arena_bytes), max_memory);

    // All of it can be addressed, so Index holds every offset.
    const auto place_of = [&](NodeId node) {
      return Place{static_cast<Index>(blocks[block_of[node]].offset), image_strides[block_of[node]]};
    };
    auto layout = std::make_shared<Layout>();
    layout->batch = batch_;
    layout->input_shape = input;
    layout->input_place = place_of(Graph::input);
    layout->arena_size = static_cast<Index>(arena);
    for (std::size_t i = 0; i < fused.size(); ++i) {
      const std::vector<NodeId>& inputs = fused[i].inputs;
      steps_[i].input = place_of(inputs[0]);
      steps_[i].has_other = inputs.size() > 1;
      if (steps_[i].has_other) steps_[i].other = place_of(inputs[1]);
      steps_[i].output = place_of(fused[i].output);
      steps_[i].scratch = static_cast<Index>(blocks[block_of[fused[i].output] + 1].offset);
    }
    for (const auto& output : graph.outputs()) {
      layout->outputs.push_back({place_of(output.second), shapes[output.second]});
    }
    return layout;
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
      strides[i] = static_cast<Index>(block.size);  // as large as a map, which can be addressed
      block.size = detail::checked_product<std::int64_t>("engine: batch", {block.size, batch_});
      if (first != nullptr) block.first = static_cast<Index>(first->stretch_begin);
      if (last != nullptr) block.last = static_cast<Index>(last->stretch_end) - 1;
    }
    return strides;
  }

  std::shared_ptr<const ThreadPool> pool_;
  Index batch_;
  std::shared_ptr<const Layout> layout_;
  std::vector<Step> steps_;
  std::vector<StepInfo> info_;
};

}  // namespace limn
