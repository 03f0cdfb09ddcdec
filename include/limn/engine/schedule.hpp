#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/core/sizes.hpp>
#include <limn/core/tensor.hpp>
#include <limn/core/version.hpp>
#include <limn/engine/memory_plan.hpp>
#include <limn/network/fuse.hpp>
#include <limn/network/graph.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// A value's place: floats from the start of the arena, and from one image to the next; 0 where the images use the same
/// memory one after the other.
struct Place {
  Index offset = 0;
  Index image_stride = 0;

  Index at(Index image) const { return offset + image * image_stride; }
};

/// Where the values that a caller reaches are in a workspace.
struct WorkspaceLayout {
  struct Output {
    Place place;
    Shape shape;
  };

  Index batch = 1;
  Shape input_shape;
  Place input_place;
  std::vector<Output> outputs;
  Index arena_size = 0;  ///< floats

  /// Throws Error if there is no such output.
  const Output& output(std::size_t index) const {
    if (index < outputs.size()) return outputs[index];
    throw Error("engine: expected an output below the " + std::to_string(outputs.size()) + " there are, found number " +
                std::to_string(index));
  }

  /// Throws Error if there is no such image.
  Index checked(Index image) const {
    if (image >= 0 && image < batch) return image;
    throw Error("engine: expected an image below the batch of " + std::to_string(batch) + ", found number " +
                std::to_string(image));
  }
};

/// When a step runs, and where its values are. With several images, steps whose weights outweigh their maps take all
/// images together. The steps between them form stretches that are run image by image, so that the maps stay in the
/// cache.
struct ScheduledStep {
  bool together = false;
  std::size_t stretch_begin = 0;  ///< steps of the stretch this one belongs to; alone if it takes all together
  std::size_t stretch_end = 0;
  Place input;
  Place output;
  std::optional<Place> other;  ///< the residual, or the second operand of a sum
  Index scratch = 0;           ///< floats from the start of the arena
};

struct Schedule {
  std::vector<ScheduledStep> steps;
  WorkspaceLayout layout;
};

/// What a step's kernel takes.
struct StepNeeds {
  std::int64_t weight_bytes = 0;
  std::int64_t scratch = 0;  ///< floats
};

/// Makes the schedule of a network's steps for one size of input and one of batches.
class Scheduler {
 public:
  /// `shapes` and `sizes`, in floats, of the maps of all nodes of the graph, `needs` of all steps.
  Scheduler(const Graph& graph, const std::vector<FusedStep>& fused, const std::vector<Shape>& shapes,
            const std::vector<Index>& sizes, const std::vector<StepNeeds>& needs, Index batch)
      : graph_(graph),
        fused_(fused),
        shapes_(shapes),
        sizes_(sizes),
        needs_(needs),
        batch_(batch),
        steps_(fused.size()) {}

  /// Throws Error if the workspace would take more memory than `limit`.
  Schedule make(const MemoryLimit& limit) {
    form_stretches();
    list_blocks();
    if (batch_ > 1) spread_over_batch();
    const std::int64_t arena = place_blocks();
    limit.check("engine: weights and workspace for an input of " + to_string(shapes_[Graph::input]) +
                    (batch_ > 1 ? " and " + std::to_string(batch_) + " images" : ""),
                {arena, sizeof(float)});
    // All of it can be addressed, so Index holds every offset.
    return {place_steps(), layout(static_cast<Index>(arena))};
  }

 private:
  /// Memory that a run needs from one step to another.
  struct Block {
    MemoryBlock memory;
    Index image_stride = 0;

    Place place() const { return {static_cast<Index>(memory.offset), image_stride}; }
  };

  void form_stretches() {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      constexpr double much = 8;  // from where on the weights decide how long a step takes
      const Index values = sizes_[fused_[i].inputs[0]] + sizes_[fused_[i].output];
      steps_[i].together = batch_ > 1 && static_cast<double>(needs_[i].weight_bytes) >
                                             much * sizeof(float) * static_cast<double>(values);
      const bool joins = i > 0 && !steps_[i].together && !steps_[i - 1].together;
      steps_[i].stretch_begin = joins ? steps_[i - 1].stretch_begin : i;
    }
    for (std::size_t i = steps_.size(); i-- > 0;) {
      const bool last = i + 1 == steps_.size() || steps_[i + 1].stretch_begin != steps_[i].stretch_begin;
      steps_[i].stretch_end = last ? i + 1 : steps_[i + 1].stretch_end;
    }
  }

  /// A map lives from the step that writes it, the network's input from before the first, to the last that reads it;
  /// the outputs of the network to the end. Scratch lives for its step.
  void list_blocks() {
    const auto map_of = [&](NodeId node, Index written) {
      return Block{{std::int64_t{sizes_[node]}, written, written}};
    };
    maps_.assign(shapes_.size(), {});
    maps_[Graph::input] = map_of(Graph::input, -1);
    for (std::size_t i = 0; i < fused_.size(); ++i) {
      const auto now = static_cast<Index>(i);
      for (const NodeId source : fused_[i].inputs) maps_[source]->memory.last = now;
      maps_[fused_[i].output] = map_of(fused_[i].output, now);
      scratch_.push_back({{needs_[i].scratch, now, now}});
    }
    for (const auto& output : graph_.outputs()) maps_[output.second]->memory.last = static_cast<Index>(fused_.size());
  }

  /// Makes room for all images in the maps that need it: those that a step for all images together reads or writes, and
  /// those that live longer than one stretch, the network's input and outputs among them. Because a stretch begins
  /// again for the next image, such a map lives as long as the stretches that touch it.
  void spread_over_batch() {
    const auto step_at = [&](Index time) {
      const bool is_step = time >= 0 && time < static_cast<Index>(steps_.size());
      return is_step ? &steps_[static_cast<std::size_t>(time)] : nullptr;
    };
    for (std::optional<Block>& map : maps_) {
      if (!map) continue;
      MemoryBlock& memory = map->memory;
      const ScheduledStep* first = step_at(memory.first);
      const ScheduledStep* last = step_at(memory.last);
      if (first != nullptr && last != nullptr && first->stretch_begin == last->stretch_begin && !first->together) {
        continue;
      }
      map->image_stride = static_cast<Index>(memory.size);  // as large as a map, which can be addressed
      memory.size = checked_product<std::int64_t>("engine: batch", {memory.size, batch_});
      if (first != nullptr) memory.first = static_cast<Index>(first->stretch_begin);
      if (last != nullptr) memory.last = static_cast<Index>(last->stretch_end) - 1;
    }
  }

  /// Returns the size of the arena, floats.
  std::int64_t place_blocks() {
    std::vector<MemoryBlock*> blocks;
    for (std::optional<Block>& map : maps_) {
      if (map) blocks.push_back(&map->memory);
    }
    for (Block& scratch : scratch_) blocks.push_back(&scratch.memory);
    std::vector<MemoryBlock> placed;
    for (const MemoryBlock* block : blocks) placed.push_back(*block);
    const std::int64_t arena = plan_memory(placed);
    for (std::size_t i = 0; i < blocks.size(); ++i) *blocks[i] = placed[i];
    return arena;
  }

  std::vector<ScheduledStep> place_steps() {
    for (std::size_t i = 0; i < fused_.size(); ++i) {
      const std::vector<NodeId>& inputs = fused_[i].inputs;
      steps_[i].input = maps_[inputs[0]]->place();
      if (inputs.size() > 1) steps_[i].other = maps_[inputs[1]]->place();
      steps_[i].output = maps_[fused_[i].output]->place();
      steps_[i].scratch = scratch_[i].place().offset;
    }
    return steps_;
  }

  WorkspaceLayout layout(Index arena_size) const {
    WorkspaceLayout layout;
    layout.batch = batch_;
    layout.input_shape = shapes_[Graph::input];
    layout.input_place = maps_[Graph::input]->place();
    layout.arena_size = arena_size;
    for (const auto& output : graph_.outputs()) {
      layout.outputs.push_back({maps_[output.second]->place(), shapes_[output.second]});
    }
    return layout;
  }

  const Graph& graph_;
  const std::vector<FusedStep>& fused_;
  const std::vector<Shape>& shapes_;
  const std::vector<Index>& sizes_;
  const std::vector<StepNeeds>& needs_;
  Index batch_;
  std::vector<ScheduledStep> steps_;
  std::vector<std::optional<Block>> maps_;  ///< by node; none for those that were drawn into others
  std::vector<Block> scratch_;              ///< by step
};

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
