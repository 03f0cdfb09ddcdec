#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include <limn/core/aligned_buffer.hpp>
#include <limn/core/version.hpp>
#include <limn/engine/convolution_layout.hpp>
#include <limn/engine/kernel.hpp>
#include <limn/engine/simd/kernel_table.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// Convolution and transposed convolution of any size, straight from their definition (see ConvolutionLayout).
class DirectConvolution : public Kernel {
 public:
  template <class Layer>
  DirectConvolution(const Layer& layer, const ConvolutionTask& task)
      : kernels_(task.kernels), relu_(task.relu), bias_(task.bias), layout_(layer, task.input, task.kernels) {
    bias_.conservativeResizeLike(FloatVector::Zero(kernels_.padded_rows(layout_.output.channels)));
    for (const ConvolutionPhase& phase : layout_.phases) weights_.push_back(pack(phase, task.weight));
  }

  const char* name() const override { return "direct"; }
  std::int64_t scratch_size(int /*threads*/) const override { return layout_.border.any() ? layout_.border.size() : 0; }
  Index weight_bytes() const override {
    Index bytes = 0;
    for (const AlignedBuffer& weights : weights_) bytes += weights.size() * static_cast<Index>(sizeof(float));
    return bytes;
  }

  void run(const KernelArguments& arguments) const override {
    for (Index i = 0; i < arguments.images; ++i) {
      run_image(arguments.image(i, layout_.border.input.size(), layout_.output.size()));
    }
  }

 private:
  void run_image(const KernelArguments& arguments) const {
    const float* input = prepare(arguments.input, arguments.scratch, arguments.pool);
    const Index panels = bias_.size() / kernels_.panel_rows;
    for (std::size_t i = 0; i < layout_.phases.size(); ++i) {
      const ConvolutionPhase& phase = layout_.phases[i];
      const AlignedBuffer& weights = weights_[i];
      // Threads share out whichever is larger, weights or pixels, so that each reads less than all of it.
      const bool by_panel = weights.size() > layout_.border.input.size();
      const Split split(by_panel ? panels : phase.tiles(), arguments.pool.threads());
      arguments.pool.parallel_for(split.tasks, [&](Index task) {
        const Index first = split.first(task);
        const Index last = split.last(task);
        if (by_panel) {
          run_tiles(phase, weights, arguments, input, first, last, 0, phase.tiles());
        } else {
          run_tiles(phase, weights, arguments, input, 0, panels, first, last);
        }
      });
    }
  }

  /// The padded map: `input` itself if there is no border, else a copy in `scratch`.
  const float* prepare(const float* data, float* scratch, const ThreadPool& pool) const {
    const Border& border = layout_.border;
    if (!border.any()) return data;
    const Split rows(border.height(), pool.threads());
    pool.parallel_for(rows.tasks, [&](Index task) {
      for (Index y = rows.first(task); y < rows.last(task); ++y) {
        float* row = scratch + y * border.row_values();
        if (y < border.top || y >= border.top + border.input.height) {
          std::fill(row, row + border.row_values(), 0.0F);
          continue;
        }
        const Index inner = border.input.width * border.input.channels;
        std::fill(row, row + border.left * border.input.channels, 0.0F);
        std::memcpy(row + border.left * border.input.channels, data + (y - border.top) * inner,
                    static_cast<std::size_t>(inner) * sizeof(float));
        std::fill(row + border.left * border.input.channels + inner, row + border.row_values(), 0.0F);
      }
    });
    return scratch;
  }

  AlignedBuffer pack(const ConvolutionPhase& phase, const FloatVector& weight) const {
    const Index in = layout_.border.input.channels;
    const Index panel_rows = kernels_.panel_rows;
    const Index length = static_cast<Index>(phase.taps.size()) * in;
    AlignedBuffer weights(bias_.size() * length);
    Eigen::Map<Eigen::VectorXf>(weights.data(), weights.size()).setZero();
    for (std::size_t i = 0; i < phase.taps.size(); ++i) {
      const FloatMatrix matrix = layout_.tap(weight, phase.taps[i]);
      for (Index row = 0; row < layout_.output.channels; row += panel_rows) {
        const Index rows = (std::min)(panel_rows, layout_.output.channels - row);
        float* panel = weights.data() + row * length + static_cast<Index>(i) * in * panel_rows;
        Eigen::Map<Eigen::MatrixXf>(panel, panel_rows, in).topRows(rows) = matrix.middleRows(row, rows);
      }
    }
    return weights;
  }

  /// Panels [first_panel, last_panel) of tiles [first_tile, last_tile), in blocks of tiles whose inputs stay in the
  /// cache while all the weights pass by.
  void run_tiles(const ConvolutionPhase& phase, const AlignedBuffer& packed, const KernelArguments& arguments,
                 const float* input, Index first_panel, Index last_panel, Index first_tile, Index last_tile) const {
    constexpr Index cache = Index{512} << 10;  // half of a core's second-level cache, in bytes
    const Index panel_rows = kernels_.panel_rows;
    const Index in = layout_.border.input.channels;
    const Index out = layout_.output.channels;
    const Index inputs = phase.kernel_height * phase.kernel_width * in;
    const Index tile_bytes =
        kernels_.tile_pixels * layout_.step.height * layout_.step.width * in * static_cast<Index>(sizeof(float));
    const Index block = (std::max)(Index{8}, cache / tile_bytes);
    for (Index begin = first_tile; begin < last_tile; begin += block) {
      const Index end = (std::min)(last_tile, begin + block);
      for (Index panel = first_panel; panel < last_panel; ++panel) {
        const float* weights = packed.data() + panel * panel_rows * inputs;
        for (Index i = begin; i < end; ++i) {
          const Tile& tile = phase.row_tiles[static_cast<std::size_t>(i) % phase.row_tiles.size()];
          const Index y = i / static_cast<Index>(phase.row_tiles.size());
          const TileInput from{input + (phase.first_y + y * layout_.step.height) * layout_.border.row_values() +
                                   (phase.first_x + tile.first * layout_.step.width) * in,
                               layout_.step.width * in, phase.kernel_width * in, phase.kernel_height,
                               layout_.border.row_values()};
          const Index pixel = (phase.out_first_y + y * layout_.out_step.height) * layout_.output.width +
                              phase.out_first_x + tile.first * layout_.out_step.width;
          const Index place = pixel * out + panel * panel_rows;
          const TileOutput to{arguments.output + place,
                              layout_.out_step.width * out,
                              bias_.data() + panel * panel_rows,
                              arguments.other == nullptr ? nullptr : arguments.other + place,
                              layout_.out_step.width * out,
                              relu_,
                              (std::min)(panel_rows, out - panel * panel_rows)};
          kernels_.multiply(tile.pixels, weights, from, to,
                            kernels_.share(weights + panel_rows * inputs, inputs, i - begin, end - begin));
        }
      }
    }
  }

  const KernelTable& kernels_;
  bool relu_;
  FloatVector bias_;  ///< padded to whole panels
  ConvolutionLayout layout_;
  std::vector<AlignedBuffer> weights_;  ///< of each phase: panels x (kernel height, kernel width, in) x panel_rows
};

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
