#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <limn/core/aligned_buffer.hpp>
#include <limn/core/error.hpp>
#include <limn/core/sizes.hpp>
#include <limn/core/version.hpp>
#include <limn/engine/bytewise_kernels.hpp>
#include <limn/engine/choose_byte_convolution.hpp>
#include <limn/engine/choose_convolution.hpp>
#include <limn/engine/fold.hpp>
#include <limn/engine/schedule.hpp>
#include <limn/engine/simd/kernels.hpp>
#include <limn/engine/simple_kernels.hpp>
#include <limn/network/fuse.hpp>
#include <limn/network/quantized_graph.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// A network made ready to run fast for one input size: batch norm folded into the convolutions, ReLU and residual
/// sums done while they write, weights laid out once, one block of memory for everything in between.
///
/// A plan gives the numbers of run_plain up to rounding, those of 8-bit layers to the bit. It is const when it runs:
/// any number of threads may run it at once, each with a Workspace of its own. It keeps no pointer to the graph or the
/// weights it was made from.
class Plan {
 public:
  /// The memory of one run: the input goes in here and the outputs come out. To be run by its plan only (another one
  /// throws Error), by one thread at a time; what is in it can be read also when the plan is gone. Running allocates
  /// nothing.
  class Workspace {
   public:
    /// The network's input for one image of the batch, channels x (height * width), to be filled before run().
    /// Throws Error if there is no such image, or the workspace was moved from.
    Eigen::Map<Eigen::MatrixXf> input(Index image = 0) {
      const detail::WorkspaceLayout& all = layout();
      return {arena_.data() + all.input_place.at(all.checked(image)), all.input_shape.channels,
              all.input_shape.pixels()};
    }

    /// The output of that number for one image after run(), channels x (height * width). Throws Error if there is no
    /// such output or image, or the workspace was moved from.
    Eigen::Map<const Eigen::MatrixXf> output(std::size_t index = 0, Index image = 0) const {
      const auto& [place, shape] = layout().output(index);
      return {arena_.data() + place.at(layout().checked(image)), shape.channels, shape.pixels()};
    }

    /// Bytes of memory that it holds.
    Index size_in_bytes() const { return arena_.size() * static_cast<Index>(sizeof(float)); }

   private:
    friend class Plan;
    explicit Workspace(std::shared_ptr<const detail::WorkspaceLayout> layout)
        : layout_(std::move(layout)), arena_(layout_->arena_size) {}

    const detail::WorkspaceLayout& layout() const {
      if (!layout_) throw Error("engine: the workspace was moved from");
      return *layout_;
    }

    std::shared_ptr<const detail::WorkspaceLayout> layout_;  // the plan's own: it also tells whose workspace this is
    detail::AlignedBuffer arena_;
  };

  /// What one step of a plan does, for tables.
  struct StepInfo {
    std::string first;           ///< the layer that does the work
    std::string last;            ///< the last layer drawn in, whose output the step puts out
    const char* method;          ///< how it is computed, for people to read
    Shape input;                 ///< of its first input, one image's
    Shape output;                ///< of one image
    std::int64_t multiply_adds;  ///< of the layer's definition, whatever the method
  };

  /// Is shown each step after it has run: its number and its output, of an 8-bit map the whole numbers, as the plain
  /// layers have them. Called by the running thread.
  using StepObserver = std::function<void(std::size_t, const Eigen::Map<const Eigen::MatrixXf>&)>;

  /// Compiles `graph` for pictures of `height` x `width`, up to `batch` of them in one run. `pool` may be shared with
  /// other plans. Throws Error if the size does not fit, a weight is missing or wrongly shaped, `batch` is not
  /// positive, the weights as the plan keeps them and one workspace would together take more than `max_memory` bytes,
  /// or `target` is not among targets(). Without a target, the best of them.
  Plan(const Graph& graph, const Weights& weights, Index height, Index width,
       std::shared_ptr<const ThreadPool> pool = std::make_shared<ThreadPool>(1), Index batch = 1,
       std::int64_t max_memory = default_max_memory, std::optional<Target> target = {})
      : pool_(std::move(pool)), batch_(batch), target_(choose_target(target)) {
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
    for (std::size_t begin = 0; begin < steps_.size(); begin = steps_[begin].schedule.stretch_end) {
      const std::size_t end = steps_[begin].schedule.stretch_end;
      const bool together = steps_[begin].schedule.together;
      for (Index image = 0; image < (together ? 1 : images); ++image) {
        for (std::size_t i = begin; i < end; ++i) {
          run_step(workspace.arena_.data(), i, image, together ? images : 1, image == 0 ? observer : StepObserver());
        }
      }
    }
  }

  /// Channels, height and width of one image.
  const Shape& input_shape() const { return layout_->input_shape; }
  /// Throws Error if there is no such output.
  const Shape& output_shape(std::size_t index = 0) const { return layout_->output(index).shape; }
  /// Results of the network.
  std::size_t output_count() const { return layout_->outputs.size(); }
  /// What is done, in the order of execution.
  const std::vector<StepInfo>& steps() const { return info_; }
  /// Threads that share the work, the caller's among them.
  int threads() const { return pool_->threads(); }
  /// The most images that one run takes.
  Index batch() const { return batch_; }
  /// The instruction set its kernels run on.
  Target target() const { return target_; }

  /// Bytes of weights in the engine's layout.
  Index weight_bytes() const {
    Index bytes = 0;
    for (const Step& step : steps_) bytes += step.kernel->weight_bytes();
    return bytes;
  }

 private:
  struct Step {
    std::unique_ptr<detail::Kernel> kernel;
    detail::ScheduledStep schedule;
    Shape shape;
    bool bytes;  ///< whether it puts out an 8-bit map
  };

  void compile(const Graph& graph, const Weights& weights, Index height, Index width, std::int64_t max_memory) {
    const std::vector<Shape> shapes = graph.shapes(height, width);
    check_maps(graph, shapes, max_memory);
    check_weights(graph, max_memory);
    const std::vector<std::optional<MapScale>> scales = map_scales(graph);
    std::vector<Index> sizes;
    for (NodeId id = 0; id < shapes.size(); ++id) {
      sizes.push_back(detail::map_floats(shapes[id], scales[id].has_value()));
    }

    const std::vector<detail::FusedStep> fused = detail::fuse(graph);
    std::vector<detail::StepNeeds> needs;
    detail::MemoryLimit limit = {0, max_memory};
    for (const detail::FusedStep& step : fused) {
      const Node& node = graph.nodes()[step.node];
      const Shape& input = shapes[step.inputs[0]];
      const Shape& output = shapes[step.output];
      const bool bytes = scales[step.output].has_value();
      std::unique_ptr<detail::Kernel> kernel = make_kernel(graph, step, input, bytes, weights, limit);
      info_.push_back({node.tensors_name(), graph.nodes()[step.output].name, kernel->name(), input, output,
                       multiply_adds(node.layer, input)});
      needs.push_back({kernel->weight_bytes(), kernel->scratch_size(pool_->threads())});
      limit.taken += kernel->weight_bytes();
      steps_.push_back({std::move(kernel), {}, output, bytes});
    }

    detail::Schedule schedule = detail::Scheduler(graph, fused, shapes, sizes, needs, batch_).make(limit);
    for (std::size_t i = 0; i < steps_.size(); ++i) steps_[i].schedule = schedule.steps[i];
    layout_ = std::make_shared<const detail::WorkspaceLayout>(std::move(schedule.layout));
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

  /// Throws Error if the weights are too large as they are: in the engine's own layout they take no less.
  static void check_weights(const Graph& graph, std::int64_t max_memory) {
    std::int64_t bytes = 0;
    for (const ParameterSpec& spec : graph.parameters()) {
      const std::int64_t each = spec.integers ? 1 : sizeof(float);
      bytes = detail::checked_sum("engine: weights", bytes,
                                  detail::checked_product<std::int64_t>("engine: weights", {spec.size(), each}));
    }
    detail::check_memory("engine: weights", bytes, max_memory);
  }

  /// Takes the weights of this step only, so that those of all layers never exist twice.
  std::unique_ptr<detail::Kernel> make_kernel(const Graph& graph, const detail::FusedStep& step, const Shape& input,
                                              bool bytes, const Weights& weights,
                                              const detail::MemoryLimit& limit) const {
    const Node& node = graph.nodes()[step.node];
    const detail::KernelTable& kernels = detail::kernels_of(target_);
    const auto* quantized = std::get_if<QuantizedConv2d>(&node.layer);
    const auto* transposed = std::get_if<QuantizedConvTranspose2d>(&node.layer);
    if (quantized != nullptr || transposed != nullptr) {
      const std::vector<FloatVector> parameters = layer_parameters(node, weights);
      const detail::ByteConvolutionTask task = {kernels,       input,     parameters[0], parameters[1],
                                                parameters[2], node.name, limit};
      return quantized != nullptr ? detail::make_byte_convolution(*quantized, task)
                                  : detail::make_byte_convolution(*transposed, task);
    }
    if (auto kernel = detail::make_bytewise_kernel(kernels.bytes, node.layer, input)) return kernel;
    const auto* conv = std::get_if<Conv2d>(&node.layer);
    const auto* deconv = std::get_if<ConvTranspose2d>(&node.layer);
    if (conv == nullptr && deconv == nullptr) {
      return detail::make_simple_kernel(kernels, node.layer, input, layer_parameters(node, weights), step.relu, bytes);
    }
    const detail::FoldedWeights folded = detail::fold(graph, step, weights);
    const detail::ConvolutionTask task = {kernels,   input,  folded.weight, folded.bias,
                                          step.relu, batch_, node.name,     limit};
    return conv != nullptr ? detail::make_convolution(*conv, task) : detail::make_convolution(*deconv, task);
  }

  /// Step i for `images` images from `first` on.
  void run_step(float* arena, std::size_t i, Index first, Index images, const StepObserver& observer) const {
    const detail::ScheduledStep& step = steps_[i].schedule;
    const float* other = step.other ? arena + step.other->at(first) : nullptr;
    float* output = arena + step.output.at(first);
    steps_[i].kernel->run({arena + step.input.at(first), other, output, arena + step.scratch, *pool_, images});
    if (!observer) return;
    const Shape& shape = steps_[i].shape;
    if (!steps_[i].bytes) return observer(i, {output, shape.channels, shape.pixels()});
    using ByteMap = Eigen::Map<const Eigen::Matrix<unsigned char, Eigen::Dynamic, Eigen::Dynamic>>;
    const FloatMatrix values = ByteMap(detail::byte_map(output), shape.channels, shape.pixels()).cast<float>();
    observer(i, {values.data(), shape.channels, shape.pixels()});
  }

  std::shared_ptr<const ThreadPool> pool_;
  Index batch_;
  Target target_;
  std::shared_ptr<const detail::WorkspaceLayout> layout_;
  std::vector<Step> steps_;
  std::vector<StepInfo> info_;
};

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
