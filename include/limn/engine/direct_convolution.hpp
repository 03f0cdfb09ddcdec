#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include <limn/core/aligned_buffer.hpp>
#include <limn/core/version.hpp>
#include <limn/engine/kernel.hpp>
#include <limn/engine/simd/kernel_table.hpp>
#include <limn/layers/conv2d.hpp>
#include <limn/layers/conv_transpose2d.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// A feature map with a border of zeros around it, so that no window reaches outside.
struct PaddedInput {
  Shape input;
  Index top = 0, bottom = 0, left = 0, right = 0;

  bool padded() const { return top + bottom + left + right > 0; }
  Index height() const { return input.height + top + bottom; }
  Index width() const { return input.width + left + right; }
  Index row_stride() const { return width() * input.channels; }
  /// Floats of the copy that prepare() makes.
  std::int64_t size() const {
    return padded() ? checked_product<std::int64_t>("padded input", {height(), width(), input.channels}) : 0;
  }

  /// The padded map: `input` itself if there is no border, else a copy in `scratch`.
  const float* prepare(const float* data, float* scratch, const ThreadPool& pool) const {
    if (!padded()) return data;
    const Split rows(height(), pool.threads());
    pool.parallel_for(rows.tasks, [&](Index task) {
      for (Index y = rows.first(task); y < rows.last(task); ++y) {
        float* row = scratch + y * row_stride();
        if (y < top || y >= top + input.height) {
          std::fill(row, row + row_stride(), 0.0F);
          continue;
        }
        const Index inner = input.width * input.channels;
        std::fill(row, row + left * input.channels, 0.0F);
        std::memcpy(row + left * input.channels, data + (y - top) * inner,
                    static_cast<std::size_t>(inner) * sizeof(float));
        std::fill(row + left * input.channels + inner, row + row_stride(), 0.0F);
      }
    });
    return scratch;
  }
};

/// Neighbouring windows that one call of the micro-kernel computes.
struct Tile {
  Index first;
  Index pixels;
};

/// One ordinary convolution over a padded map whose results go to every `out_step`-th pixel of the output.
struct ConvolutionPhase {
  Index kernel_height, kernel_width;
  Index first_y, first_x;  ///< padded input position of output (0, 0)'s window
  Index rows, columns;     ///< windows
  Index out_first_y, out_first_x;
  AlignedBuffer weights;        ///< panels x (kernel height, kernel width, in) x panel_rows
  std::vector<Tile> row_tiles;  ///< what each row of windows is cut into

  Index tiles() const { return rows * static_cast<Index>(row_tiles.size()); }
};

/// Convolution and transposed convolution of any size, straight from their definition.
///
/// The rows of a window lie in memory as kernel_height segments of kernel_width * channels floats, so a tile of
/// windows is multiplied with the packed weights without copying it together. A transposed convolution of stride s is
/// s x s ordinary convolutions, one for each output pixel's place modulo s: output s m + r collects the kernel
/// elements ky with ky = r + padding (mod s) from the inputs m + (r + padding - ky) / s.
class DirectConvolution : public Kernel {
 public:
  DirectConvolution(const Conv2d& layer, const ConvolutionTask& task)
      : kernels_(task.kernels), relu_(task.relu), bias_(task.bias) {
    const Shape& input = task.input;
    initialise(layer.output_shape(input), input);
    step_ = layer.stride;
    const auto reach = [](Index count, Index stride, Index kernel, Index padding, Index size) {
      return (std::max)(Index{0}, (count - 1) * stride + kernel - padding - size);
    };
    padding_.top = layer.padding.height;
    padding_.left = layer.padding.width;
    padding_.bottom = reach(output_.height, step_.height, layer.kernel.height, padding_.top, input.height);
    padding_.right = reach(output_.width, step_.width, layer.kernel.width, padding_.left, input.width);

    ConvolutionPhase phase{layer.kernel.height, layer.kernel.width, 0, 0, output_.height, output_.width, 0, 0, {}, {}};
    if (layer.kernel == Extent(1) && layer.stride == Extent(1) && !padding_.padded()) {
      // Pixels are independent of one another: one long row has the fewest leftover tiles.
      phase.columns = output_.pixels();
      phase.rows = 1;
    }
    const Index area = layer.kernel.area();
    pack(phase, [&](Index ky, Index kx) {
      return StridedMatrix(task.weight.data() + ky * layer.kernel.width + kx, layer.out_channels, layer.in_channels,
                           {area, layer.in_channels * area});
    });
    phases_.push_back(std::move(phase));
  }

  DirectConvolution(const ConvTranspose2d& layer, const ConvolutionTask& task)
      : kernels_(task.kernels), relu_(task.relu), bias_(task.bias) {
    const Shape& input = task.input;
    initialise(layer.output_shape(input), input);
    out_step_ = layer.stride;
    const Index area = layer.kernel.area();

    // For the outputs of one place modulo the stride: the kernel elements, and the inputs they meet.
    struct Taps {
      Index first;  ///< smallest kernel element
      Index count;
      Index newest;  ///< input that element `first` meets, relative to m
      Index outputs;
      Taps(Index place, Index padding, Index stride, Index kernel, Index size)
          : first((place + padding) % stride),
            count(first < kernel ? (kernel - first + stride - 1) / stride : 0),
            newest((place + padding) / stride),
            outputs(size > place ? (size - place + stride - 1) / stride : 0) {}
      Index oldest() const { return newest - count + 1; }
    };
    const auto cover = [](const Taps& taps, Index size, Index& before, Index& after) {
      if (taps.count == 0 || taps.outputs == 0) return;
      before = (std::max)(before, -taps.oldest());
      after = (std::max)(after, taps.outputs - 1 + taps.newest - (size - 1));
    };
    std::vector<Taps> vertical;
    std::vector<Taps> horizontal;
    for (Index r = 0; r < layer.stride.height; ++r) {
      vertical.emplace_back(r, layer.padding.height, layer.stride.height, layer.kernel.height, output_.height);
      cover(vertical.back(), input.height, padding_.top, padding_.bottom);
    }
    for (Index r = 0; r < layer.stride.width; ++r) {
      horizontal.emplace_back(r, layer.padding.width, layer.stride.width, layer.kernel.width, output_.width);
      cover(horizontal.back(), input.width, padding_.left, padding_.right);
    }

    for (Index ry = 0; ry < layer.stride.height; ++ry) {
      for (Index rx = 0; rx < layer.stride.width; ++rx) {
        const Taps& v = vertical[static_cast<std::size_t>(ry)];
        const Taps& h = horizontal[static_cast<std::size_t>(rx)];
        if (v.outputs == 0 || h.outputs == 0) continue;
        ConvolutionPhase phase{
            v.count, h.count, padding_.top + v.oldest(), padding_.left + h.oldest(), v.outputs, h.outputs, ry, rx,
            {},      {}};
        if (v.count == 0 || h.count == 0) phase.kernel_height = phase.kernel_width = phase.first_y = phase.first_x = 0;
        pack(phase, [&](Index ky, Index kx) {
          // From the oldest input to the newest the kernel runs backwards.
          const Index tap_y = v.first + (v.count - 1 - ky) * layer.stride.height;
          const Index tap_x = h.first + (h.count - 1 - kx) * layer.stride.width;
          return StridedMatrix(task.weight.data() + tap_y * layer.kernel.width + tap_x, layer.out_channels,
                               layer.in_channels, {layer.out_channels * area, area});
        });
        phases_.push_back(std::move(phase));
      }
    }
  }

  const char* name() const override { return "direct"; }
  std::int64_t scratch_size(int /*threads*/) const override { return padding_.size(); }
  Index weight_bytes() const override {
    Index bytes = 0;
    for (const ConvolutionPhase& phase : phases_) bytes += phase.weights.size() * static_cast<Index>(sizeof(float));
    return bytes;
  }

  void run(const KernelArguments& arguments) const override {
    for (Index i = 0; i < arguments.images; ++i) {
      run_image(arguments.image(i, padding_.input.size(), output_.size()));
    }
  }

 private:
  void run_image(const KernelArguments& arguments) const {
    const float* input = padding_.prepare(arguments.input, arguments.scratch, arguments.pool);
    const Index panels = bias_.size() / kernels_.panel_rows;
    for (const ConvolutionPhase& phase : phases_) {
      // Threads share out whichever is larger, weights or pixels, so that each reads less than all of it.
      const bool by_panel = phase.weights.size() > padding_.input.size();
      const Split split(by_panel ? panels : phase.tiles(), arguments.pool.threads());
      arguments.pool.parallel_for(split.tasks, [&](Index task) {
        const Index first = split.first(task);
        const Index last = split.last(task);
        if (by_panel) {
          run_tiles(phase, arguments, input, first, last, 0, phase.tiles());
        } else {
          run_tiles(phase, arguments, input, 0, panels, first, last);
        }
      });
    }
  }

  void initialise(const Shape& output, const Shape& input) {
    output_ = output;
    padding_.input = input;
    bias_.conservativeResizeLike(FloatVector::Zero(kernels_.padded_rows(output.channels)));
  }

  /// `tap(ky, kx)` is the out x in matrix of one kernel position.
  template <class Tap>
  void pack(ConvolutionPhase& phase, Tap&& tap) const {
    const Index in = padding_.input.channels;
    const Index panel_rows = kernels_.panel_rows;
    const Index length = phase.kernel_height * phase.kernel_width * in;
    for (Index x = 0; x < phase.columns; x += phase.row_tiles.back().pixels) {
      phase.row_tiles.push_back({x, kernels_.next_tile(phase.columns - x)});
    }
    phase.weights = AlignedBuffer(bias_.size() * length);
    Eigen::Map<Eigen::VectorXf>(phase.weights.data(), phase.weights.size()).setZero();
    for (Index ky = 0; ky < phase.kernel_height; ++ky) {
      for (Index kx = 0; kx < phase.kernel_width; ++kx) {
        const FloatMatrix matrix = tap(ky, kx);
        for (Index row = 0; row < output_.channels; row += panel_rows) {
          const Index rows = (std::min)(panel_rows, output_.channels - row);
          float* panel = phase.weights.data() + row * length + (ky * phase.kernel_width + kx) * in * panel_rows;
          Eigen::Map<Eigen::MatrixXf>(panel, panel_rows, in).topRows(rows) = matrix.middleRows(row, rows);
        }
      }
    }
  }

  /// Panels [first_panel, last_panel) of tiles [first_tile, last_tile), in blocks of tiles whose inputs stay in the
  /// cache while all the weights pass by.
  void run_tiles(const ConvolutionPhase& phase, const KernelArguments& arguments, const float* input, Index first_panel,
                 Index last_panel, Index first_tile, Index last_tile) const {
    constexpr Index cache = Index{512} << 10;  // half of a core's second-level cache, in bytes
    const Index panel_rows = kernels_.panel_rows;
    const Index in = padding_.input.channels;
    const Index out = output_.channels;
    const Index inputs = phase.kernel_height * phase.kernel_width * in;
    const Index tile_bytes = kernels_.tile_pixels * step_.height * step_.width * in * static_cast<Index>(sizeof(float));
    const Index block = (std::max)(Index{8}, cache / tile_bytes);
    for (Index begin = first_tile; begin < last_tile; begin += block) {
      const Index end = (std::min)(last_tile, begin + block);
      for (Index panel = first_panel; panel < last_panel; ++panel) {
        const float* weights = phase.weights.data() + panel * panel_rows * inputs;
        for (Index i = begin; i < end; ++i) {
          const Tile& tile = phase.row_tiles[static_cast<std::size_t>(i) % phase.row_tiles.size()];
          const Index y = i / static_cast<Index>(phase.row_tiles.size());
          const TileInput from{input + (phase.first_y + y * step_.height) * padding_.row_stride() +
                                   (phase.first_x + tile.first * step_.width) * in,
                               step_.width * in, phase.kernel_width * in, phase.kernel_height, padding_.row_stride()};
          const Index pixel = (phase.out_first_y + y * out_step_.height) * output_.width + phase.out_first_x +
                              tile.first * out_step_.width;
          const Index place = pixel * out + panel * panel_rows;
          const TileOutput to{arguments.output + place,
                              out_step_.width * out,
                              bias_.data() + panel * panel_rows,
                              arguments.other == nullptr ? nullptr : arguments.other + place,
                              out_step_.width * out,
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
  Shape output_;
  PaddedInput padding_;
  Extent step_ = 1;      ///< input pixels from window to window
  Extent out_step_ = 1;  ///< output pixels from result to result
  std::vector<ConvolutionPhase> phases_;
};

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
