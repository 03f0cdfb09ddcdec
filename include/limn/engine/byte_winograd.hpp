#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/aligned_buffer.hpp>
#include <limn/core/version.hpp>
#include <limn/engine/byte_results.hpp>
#include <limn/engine/kernel.hpp>
#include <limn/engine/winograd_matrices.hpp>
#include <limn/engine/winograd_tiles.hpp>
#include <limn/layers/channel_layout.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// WholeWinograd's F(4x4, R x R) as tables: N^2 products for 16 results.
struct ByteWinogradMethod {
  static constexpr int M = 4;
  static constexpr int step = 1;
  static constexpr int most_places = 6;  ///< N at most
  static constexpr int most_taps = 3;    ///< R at most

  const char* name;
  ByteWinogradKernels ByteKernels::*kernels;
  int R, N, shift;
  int g[most_places][most_taps];
};

template <int R>
constexpr ByteWinogradMethod byte_winograd_method(const char* name, ByteWinogradKernels ByteKernels::*kernels) {
  using Whole = WholeWinograd<ByteWinogradMethod::M, R>;
  ByteWinogradMethod method = {name, kernels, R, Whole::N, Whole::shift, {}};
  for (int row = 0; row < Whole::N; ++row) {
    for (int tap = 0; tap < R; ++tap) method.g[row][tap] = Whole::weight(row, tap);
  }
  return method;
}

inline constexpr ByteWinogradMethod byte_winograd_4x4_3x3 =
    byte_winograd_method<3>("8 bit winograd 4x4,3x3", &ByteKernels::winograd_4x4_3x3);
inline constexpr ByteWinogradMethod byte_winograd_4x4_2x2 =
    byte_winograd_method<2>("8 bit winograd 4x4,2x2", &ByteKernels::winograd_4x4_2x2);

/// A quantised convolution by Winograd's method in whole numbers, to the bit: for targets without instructions for
/// products of bytes, which multiply words.
///
/// What WinogradConvolution says of places, tiles and phases holds here as well. Bytes are taken as they are; what the
/// zero point adds to every sum is taken from the bias, and the border of the map is filled with it.
class ByteWinograd : public Kernel {
 public:
  /// The method for a layer on a target, or nullptr: 3x3 kernels that move on by 1, and 4x4 transposed by 2 with a
  /// padding of 1, of channels that fill vectors of words.
  static const ByteWinogradMethod* method_for(const Conv2d& layer, const KernelTable& kernels) {
    const bool fits = layer.kernel == Extent(3) && layer.stride == Extent(1);
    return fits && whole_vectors(layer.in_channels, kernels) ? &byte_winograd_4x4_3x3 : nullptr;
  }
  static const ByteWinogradMethod* method_for(const ConvTranspose2d& layer, const KernelTable& kernels) {
    return has_2x2_phases(layer) && whole_vectors(layer.in_channels, kernels) ? &byte_winograd_4x4_2x2 : nullptr;
  }

  /// Whether the results are below the method's limit, whatever the input: 255 times the positive or the negative
  /// weights of an output channel.
  template <class Convolution>
  static bool is_exact(const ByteWinogradMethod& method, const Convolution& layer, const FloatVector& weight) {
    const ChannelLayout layout = channel_layout(layer);
    const auto limit = static_cast<double>(std::int64_t{1} << (31 - method.shift));
    for (Index o = 0; o < layout.channels; ++o) {
      double positive = 0;
      double negative = 0;
      layout.for_each(o, [&](Index place, Index /*input*/) {
        const auto value = static_cast<double>(weight[place]);
        (value > 0 ? positive : negative) += value;
      });
      if (255 * (std::max)(positive, -negative) >= limit) return false;
    }
    return true;
  }

  /// Throws Error if a scale of the weights is not positive, or the weights would take more memory than the limit.
  template <class Convolution>
  ByteWinograd(const ByteWinogradMethod& method, const QuantizedConvolution<Convolution>& layer,
               const ByteConvolutionTask& task)
      : method_(method),
        kernels_(task.kernels),
        transforms_(task.kernels.bytes.*method.kernels),
        results_(layer, task),
        zero_point_(layer.input.zero_point),
        tiles_(method, task.input, layer.output_shape(task.input), phase_step(layer.layer)),
        // One cache line more than the channels: powers of two would make the tiles compete for the same cache sets.
        in_stride_(task.input.channels + 2 * floats_per_cache_line),
        panels_(kernels_.padded_rows(tiles_.output.channels) / kernels_.panel_rows),
        block_((std::min)(Index{kernels_.tile_pixels} * (kernels_.tile_pixels > 8 ? 2 : 3), tiles_.count())) {
    const Index phases = tiles_.out_step * tiles_.out_step;
    task.limit.check("engine: weights up to " + std::string(task.name),
                     {phases, tiles_.places(), groups(), kernels_.padded_rows(tiles_.output.channels), group_bytes});
    for_each_phase(layer.layer, task.weight,
                   [&](const WinogradPhase& phase, const auto& kernel) { add_phase(phase, kernel); });
  }

  const char* name() const override { return method_.name; }

  Index weight_bytes() const override {
    Index bytes = 0;
    for (const Phase& phase : phases_) bytes += phase.weights.size() * group_bytes;
    return bytes;
  }

  /// A pixel that stands for 0, and for each thread the transformed input of a block of tiles, the products of the
  /// block with one panel of weights, and their sums.
  std::int64_t scratch_size(int threads) const override {
    return zero_floats() + std::int64_t{threads} * (input_floats() + product_floats() + sum_floats());
  }

  void run(const KernelArguments& arguments) const override {
    auto* const zeros = reinterpret_cast<unsigned char*>(arguments.scratch);
    std::memset(zeros, zero_point_, static_cast<std::size_t>(tiles_.input.channels));
    for (Index i = 0; i < arguments.images; ++i) {
      run_image(arguments.image(i, byte_map_floats(tiles_.input.size()), results_.map_floats(tiles_.output.size())),
                zeros);
    }
  }

 private:
  static constexpr Index group_bytes = 4;  ///< two words
  static constexpr int M = ByteWinogradMethod::M;

  struct Phase {
    WinogradPhase place;
    AlignedBuffer weights;  ///< panel x place x group x panel_rows groups
    IntegerVector bias;     ///< padded to whole panels
  };

  static bool whole_vectors(Index channels, const KernelTable& kernels) {
    return kernels.bytes.format == ByteFormat::words && channels % kernels.panel_rows == 0;
  }

  Index groups() const { return tiles_.input.channels / 2; }

  // Parts of the scratch memory are whole cache lines.
  static Index whole_lines(Index floats) { return ceil_div(floats, floats_per_cache_line) * floats_per_cache_line; }
  Index zero_floats() const { return whole_lines(ceil_div(tiles_.input.channels, group_bytes)); }
  Index input_floats() const { return whole_lines(tiles_.places() * block_ * in_stride_ / 2); }
  /// With room for the sums of three pixels more, see ByteKernels::sum.
  Index product_floats() const { return whole_lines((tiles_.places() * block_ + 3) * kernels_.panel_rows); }
  Index sum_floats() const { return whole_lines(M * sum_pixels() * kernels_.panel_rows); }
  /// Results side by side that are finished together.
  Index sum_pixels() const { return Index{kernels_.tile_pixels} / M * M; }

  /// `kernel` as for_each_phase() has it.
  template <class KernelWeight>
  void add_phase(const WinogradPhase& place, const KernelWeight& kernel) {
    const Index panel_rows = kernels_.panel_rows;
    const Index place_size = groups() * panel_rows;
    Phase phase{place, AlignedBuffer(panels_ * tiles_.places() * place_size), results_.bias};
    auto* const packed = reinterpret_cast<std::int16_t*>(phase.weights.data());
    if (tiles_.output.channels % panel_rows != 0) {  // else all of it is written
      std::memset(packed, 0, static_cast<std::size_t>(phase.weights.size() * group_bytes));
    }
    // Channel by channel within a panel, so that what is written beside each other is written one after the other.
    for (Index panel = 0; panel < panels_; ++panel) {
      const Index first = panel * panel_rows;
      const Index end = (std::min)(first + panel_rows, tiles_.output.channels);
      for (Index i = 0; i < tiles_.input.channels; ++i) {
        std::int16_t* const target = packed + 2 * (panel * tiles_.places() * place_size + i / 2 * panel_rows) + i % 2;
        for (Index o = first; o < end; ++o) {
          const int sum = method_.R == 3 ? transform_weights<3>(kernel, o, i, target + 2 * (o - first), 2 * place_size)
                                         : transform_weights<2>(kernel, o, i, target + 2 * (o - first), 2 * place_size);
          phase.bias[o] -= zero_point_ * sum;
        }
      }
    }
    phases_.push_back(std::move(phase));
  }

  /// G w G^T of an R x R kernel; place (y, x) goes to target + (y N + x) * stride. Returns the sum of the weights.
  template <int R, class KernelWeight>
  static int transform_weights(const KernelWeight& kernel, Index o, Index i, std::int16_t* target, Index stride) {
    constexpr int N = M + R - 1;
    constexpr auto& g = (R == 3 ? byte_winograd_4x4_3x3 : byte_winograd_4x4_2x2).g;
    int sum = 0;
    int rows[N][R] = {};
    for (int ky = 0; ky < R; ++ky) {
      for (int kx = 0; kx < R; ++kx) {
        const auto value = static_cast<int>(kernel(o, i, ky, kx));
        sum += value;
        for (int y = 0; y < N; ++y) rows[y][kx] += g[y][ky] * value;
      }
    }
    for (int y = 0; y < N; ++y) {
      for (int x = 0; x < N; ++x) {
        int transformed = 0;
        for (int kx = 0; kx < R; ++kx) transformed += rows[y][kx] * g[x][kx];
        target[(y * N + x) * stride] = static_cast<std::int16_t>(transformed);
      }
    }
    return sum;
  }

  /// A thread's parts of the scratch memory.
  struct Scratch {
    std::int16_t* input;
    std::int32_t* products;
    std::int32_t* sums;
  };
  Scratch scratch_of(Index thread, float* scratch) const {
    float* const own = scratch + zero_floats() + thread * (input_floats() + product_floats() + sum_floats());
    return {reinterpret_cast<std::int16_t*>(own), reinterpret_cast<std::int32_t*>(own + input_floats()),
            reinterpret_cast<std::int32_t*>(own + input_floats() + product_floats())};
  }

  void run_image(const KernelArguments& arguments, const unsigned char* zeros) const {
    // Each thread works on tiles of its own, in blocks whose transformed maps stay in the cache.
    const int threads = arguments.pool.threads();
    const Index tiles = tiles_.count();
    for (const Phase& phase : phases_) {
      arguments.pool.parallel_for(threads, [&](Index thread) {
        const Scratch own = scratch_of(thread, arguments.scratch);
        const Index end = tiles * (thread + 1) / threads;
        for (Index first = tiles * thread / threads; first < end; first += block_) {
          const Index count = (std::min)(block_, end - first);
          for (Index i = 0; i < count; ++i) {
            transform_input(phase, arguments, zeros, first + i, own.input + i * in_stride_);
          }
          for (Index panel = 0; panel < panels_; ++panel) {
            multiply(phase, panel, count, own);
            finish(phase, arguments, panel, first, count, own);
          }
        }
      });
    }
  }

  /// B^T tile B of every channel; place (y, x) goes to target + (y N + x) * block * in_stride.
  void transform_input(const Phase& phase, const KernelArguments& arguments, const unsigned char* zeros, Index tile,
                       std::int16_t* target) const {
    const auto* const map = reinterpret_cast<const unsigned char*>(arguments.input);
    const unsigned char* pixels[ByteWinogradMethod::most_places * ByteWinogradMethod::most_places];
    tiles_.find_pixels(phase.place, tile, map, zeros, pixels);
    transforms_.input(pixels, tiles_.input.channels, target, block_ * in_stride_);
  }

  /// A panel of the weights times `count` transformed tiles: of place p and tile i the products begin at
  /// (p * block + i) * panel_rows.
  void multiply(const Phase& phase, Index panel, Index count, const Scratch& own) const {
    const Index panel_rows = kernels_.panel_rows;
    const Index tiles = kernels_.count_tiles(count);
    const auto* weights =
        reinterpret_cast<const std::int32_t*>(phase.weights.data()) + panel * tiles_.places() * groups() * panel_rows;
    for (Index place = 0; place < tiles_.places(); ++place) {
      const std::int16_t* from = own.input + place * block_ * in_stride_;
      const std::int32_t* next = weights + groups() * panel_rows;
      Index number = 0;
      for (Index i = 0, pixels = 0; i < count; i += pixels, ++number) {
        pixels = kernels_.next_tile(count - i);
        const auto* tile = reinterpret_cast<const unsigned char*>(from + i * in_stride_);
        kernels_.bytes.sum(pixels, weights, {tile, 2 * in_stride_, groups(), 1, 0},
                           own.products + (place * block_ + i) * panel_rows,
                           kernels_.share(next, groups(), number, tiles));
      }
      weights = next;
    }
  }

  /// A^T products A of the tiles from `first` on, and what becomes of them, to those places of the output that exist.
  void finish(const Phase& phase, const KernelArguments& arguments, Index panel, Index first, Index count,
              const Scratch& own) const {
    const Index panel_rows = kernels_.panel_rows;
    const Index row_stride = sum_pixels() * panel_rows;
    const std::int32_t* bias = phase.bias.data() + panel * panel_rows;
    Index neighbours = 0;
    for (Index i = 0; i < count; i += neighbours) {
      const WinogradTiles::Place place = tiles_.place_of(first + i);
      neighbours = (std::min)({sum_pixels() / M, count - i, tiles_.tiles_x - place.x / M});
      for (Index k = 0; k < neighbours; ++k) {
        transforms_.output(own.products + (i + k) * panel_rows, block_ * panel_rows, bias,
                           own.sums + k * M * panel_rows, row_stride);
      }
      const Index height = (std::min)(Index{M}, tiles_.rows - place.y);
      const Index width = (std::min)(neighbours * M, tiles_.columns - place.x);
      for (Index y = 0; y < height; ++y) {
        const Index result = tiles_.result(phase.place, {place.image, place.y + y, place.x}) + panel * panel_rows;
        kernels_.bytes.finish(own.sums + y * row_stride, width,
                              results_.destination(arguments, result, tiles_.out_step, panel));
      }
    }
  }

  const ByteWinogradMethod& method_;
  const KernelTable& kernels_;
  ByteWinogradKernels transforms_;
  ByteResults results_;
  int zero_point_;
  WinogradTiles tiles_;
  Index in_stride_;  ///< words from tile to tile in the transformed input
  Index panels_;
  Index block_;  ///< tiles worked on together
  std::vector<Phase> phases_;
};

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
