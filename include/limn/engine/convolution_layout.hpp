#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include <limn/core/sizes.hpp>
#include <limn/core/version.hpp>
#include <limn/engine/kernel.hpp>
#include <limn/engine/simd/kernel_table.hpp>
#include <limn/layers/conv2d.hpp>
#include <limn/layers/conv_transpose2d.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// The border that a feature map needs around it, so that no window reaches outside.
struct Border {
  Shape input;
  Index top = 0, bottom = 0, left = 0, right = 0;

  bool any() const { return top + bottom + left + right > 0; }
  Index height() const { return input.height + top + bottom; }
  Index width() const { return input.width + left + right; }
  /// Values of a row of the map with its border.
  Index row_values() const { return width() * input.channels; }

  /// Writes the map with its border by the pool's threads: `fill(to, count)` puts values that stand for 0, `copy(from,
  /// to, count)` values of the map, `from` and `to` being counted in values.
  template <class Fill, class Copy>
  void write(const ThreadPool& pool, const Fill& fill, const Copy& copy) const {
    const Index inner = input.width * input.channels;
    const Split rows(height(), pool.threads());
    pool.parallel_for(rows.tasks, [&](Index task) {
      for (Index y = rows.first(task); y < rows.last(task); ++y) {
        const Index row = y * row_values();
        if (y < top || y >= top + input.height) {
          fill(row, row_values());
          continue;
        }
        fill(row, left * input.channels);
        copy((y - top) * inner, row + left * input.channels, inner);
        fill(row + left * input.channels + inner, right * input.channels);
      }
    });
  }

  /// Values of the map with its border.
  std::int64_t size() const {
    return checked_product<std::int64_t>("padded input", {height(), width(), input.channels});
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
  std::vector<Index> taps;      ///< which element of the layer's kernel each element of the phase's is, in rows order
  std::vector<Tile> row_tiles;  ///< what each row of windows is cut into

  Index tiles() const { return rows * static_cast<Index>(row_tiles.size()); }
};

/// How convolution and transposed convolution of any size are done straight from their definition.
///
/// The rows of a window lie in memory as kernel_height segments of kernel_width * channels values, so a tile of
/// windows is multiplied with the packed weights without copying it together. A transposed convolution of stride s is
/// s x s ordinary convolutions, one for each output pixel's place modulo s: output s m + r collects the kernel
/// elements ky with ky = r + padding (mod s) from the inputs m + (r + padding - ky) / s.
struct ConvolutionLayout {
  Shape output;
  Border border;
  Extent step = 1;      ///< input pixels from window to window
  Extent out_step = 1;  ///< output pixels from result to result
  Index in_stride = 1;  ///< in PyTorch's order of weights, from one input channel to the next
  Index out_stride = 1;
  std::vector<ConvolutionPhase> phases;

  ConvolutionLayout(const Conv2d& layer, const Shape& input, const KernelTable& kernels)
      : output(layer.output_shape(input)), border{input}, step(layer.stride) {
    const Index area = layer.kernel.area();
    in_stride = area;
    out_stride = layer.in_channels * area;
    const auto reach = [](Index count, Index stride, Index kernel, Index padding, Index size) {
      return (std::max)(Index{0}, (count - 1) * stride + kernel - padding - size);
    };
    border.top = layer.padding.height;
    border.left = layer.padding.width;
    border.bottom = reach(output.height, step.height, layer.kernel.height, border.top, input.height);
    border.right = reach(output.width, step.width, layer.kernel.width, border.left, input.width);

    ConvolutionPhase phase{layer.kernel.height, layer.kernel.width, 0, 0, output.height, output.width, 0, 0, {}, {}};
    if (layer.kernel == Extent(1) && layer.stride == Extent(1) && !border.any()) {
      // Pixels are independent of one another: one long row has the fewest leftover tiles.
      phase.columns = output.pixels();
      phase.rows = 1;
    }
    cut(phase, kernels, [&](Index ky, Index kx) { return ky * layer.kernel.width + kx; });
    phases.push_back(std::move(phase));
  }

  ConvolutionLayout(const ConvTranspose2d& layer, const Shape& input, const KernelTable& kernels)
      : output(layer.output_shape(input)), border{input}, out_step(layer.stride) {
    const Index area = layer.kernel.area();
    in_stride = layer.out_channels * area;
    out_stride = area;

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
      vertical.emplace_back(r, layer.padding.height, layer.stride.height, layer.kernel.height, output.height);
      cover(vertical.back(), input.height, border.top, border.bottom);
    }
    for (Index r = 0; r < layer.stride.width; ++r) {
      horizontal.emplace_back(r, layer.padding.width, layer.stride.width, layer.kernel.width, output.width);
      cover(horizontal.back(), input.width, border.left, border.right);
    }

    for (Index ry = 0; ry < layer.stride.height; ++ry) {
      for (Index rx = 0; rx < layer.stride.width; ++rx) {
        const Taps& v = vertical[static_cast<std::size_t>(ry)];
        const Taps& h = horizontal[static_cast<std::size_t>(rx)];
        if (v.outputs == 0 || h.outputs == 0) continue;
        ConvolutionPhase phase{
            v.count, h.count, border.top + v.oldest(), border.left + h.oldest(), v.outputs, h.outputs, ry, rx, {}, {}};
        if (v.count == 0 || h.count == 0) phase.kernel_height = phase.kernel_width = phase.first_y = phase.first_x = 0;
        cut(phase, kernels, [&](Index ky, Index kx) {
          // From the oldest input to the newest the kernel runs backwards.
          const Index tap_y = v.first + (v.count - 1 - ky) * layer.stride.height;
          const Index tap_x = h.first + (h.count - 1 - kx) * layer.stride.width;
          return tap_y * layer.kernel.width + tap_x;
        });
        phases.push_back(std::move(phase));
      }
    }
  }

  /// One call of the micro-kernel: a panel of weights and a tile of windows. Places are counted in values.
  struct Call {
    Index panel;
    Index pixels;
    Index input;   ///< of the first window in the map with its border
    Index output;  ///< of the panel's first channel of the first result
    Index number;  ///< among the `count` tiles that meet the panel one after another
    Index count;
  };

  /// Calls `multiply(call)` for all panels and tiles of a phase by the pool's threads, which share out panels or else
  /// tiles: whichever takes more memory, weights or pixels, so that each reads less than all of it.
  template <class Multiply>
  void for_each_call(const ConvolutionPhase& phase, const KernelTable& kernels, bool by_panel, Index value_bytes,
                     const ThreadPool& pool, const Multiply& multiply) const {
    const Index panels = kernels.padded_rows(output.channels) / kernels.panel_rows;
    const Split split(by_panel ? panels : phase.tiles(), pool.threads());
    pool.parallel_for(split.tasks, [&](Index task) {
      const Index first = split.first(task);
      const Index last = split.last(task);
      if (by_panel) {
        for_each_call(phase, kernels, value_bytes, first, last, 0, phase.tiles(), multiply);
      } else {
        for_each_call(phase, kernels, value_bytes, 0, panels, first, last, multiply);
      }
    });
  }

  /// The weights of one element of the kernel, out x in.
  StridedMatrix tap(const FloatVector& weight, Index element) const {
    return {weight.data() + element, output.channels, border.input.channels, {in_stride, out_stride}};
  }

 private:
  /// Panels [first_panel, last_panel) of tiles [first_tile, last_tile), in blocks of tiles whose inputs stay in the
  /// cache while all the weights pass by.
  template <class Multiply>
  void for_each_call(const ConvolutionPhase& phase, const KernelTable& kernels, Index value_bytes, Index first_panel,
                     Index last_panel, Index first_tile, Index last_tile, const Multiply& multiply) const {
    constexpr Index cache = Index{512} << 10;  // half of a core's second-level cache, in bytes
    const Index in = border.input.channels;
    const Index tile_bytes = kernels.tile_pixels * step.area() * in * value_bytes;
    const Index block = (std::max)(Index{8}, cache / tile_bytes);
    for (Index begin = first_tile; begin < last_tile; begin += block) {
      const Index end = (std::min)(last_tile, begin + block);
      for (Index panel = first_panel; panel < last_panel; ++panel) {
        for (Index i = begin; i < end; ++i) {
          const Tile& tile = phase.row_tiles[static_cast<std::size_t>(i) % phase.row_tiles.size()];
          const Index y = i / static_cast<Index>(phase.row_tiles.size());
          const Index pixel = (phase.out_first_y + y * out_step.height) * output.width + phase.out_first_x +
                              tile.first * out_step.width;
          multiply(Call{
              panel, tile.pixels,
              (phase.first_y + y * step.height) * border.row_values() + (phase.first_x + tile.first * step.width) * in,
              pixel * output.channels + panel * kernels.panel_rows, i - begin, end - begin});
        }
      }
    }
  }

  /// `tap(ky, kx)` is an element of the layer's kernel.
  template <class Tap>
  static void cut(ConvolutionPhase& phase, const KernelTable& kernels, Tap&& tap) {
    for (Index x = 0; x < phase.columns; x += phase.row_tiles.back().pixels) {
      phase.row_tiles.push_back({x, kernels.next_tile(phase.columns - x)});
    }
    for (Index ky = 0; ky < phase.kernel_height; ++ky) {
      for (Index kx = 0; kx < phase.kernel_width; ++kx) phase.taps.push_back(tap(ky, kx));
    }
  }
};

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
