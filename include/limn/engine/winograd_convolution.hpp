#pragma once

#include <algorithm>
#include <vector>

#include <limn/core/aligned_buffer.hpp>
#include <limn/core/version.hpp>
#include <limn/engine/kernel.hpp>
#include <limn/engine/simd/kernel_table.hpp>
#include <limn/engine/winograd_matrices.hpp>
#include <limn/engine/winograd_tiles.hpp>
#include <limn/layers/conv2d.hpp>
#include <limn/layers/conv_transpose2d.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// Winograd's F(M x M, R x R) for kernels that move on by `step`: an output tile of M x M comes from an input tile of
/// N x N.
struct WinogradMethod {
  static constexpr int most_places = 9;  ///< N at most
  static constexpr int most_taps = 3;    ///< R at most

  const char* name;
  int M, R, step, N;
  WinogradKernels KernelTable::*kernels;
  double g[most_places][most_taps];  ///< the transform of the weights

  bool supports(const Conv2d& layer, const KernelTable& target) const {
    return layer.kernel == Extent(R) && layer.stride == Extent(step) && whole_vectors(layer, target);
  }
  bool supports(const ConvTranspose2d& layer, const KernelTable& target) const {
    return R == 2 && step == 1 && has_2x2_phases(layer) && whole_vectors(layer, target);
  }

  static constexpr int lanes = 8;  ///< kernels that are transformed side by side
  using Kernels = double[most_taps][most_taps][lanes];
  using TransformedKernels = double[most_places][most_places][lanes];
  /// out = G kernel G^T, N x N from R x R.
  void transform(const Kernels& kernel, TransformedKernels& out) const {
    double rows[most_places][most_taps][lanes] = {};
    for (int i = 0; i < N; ++i) {
      for (int j = 0; j < R; ++j) {
        for (int k = 0; k < R; ++k) {
          for (int lane = 0; lane < lanes; ++lane) rows[i][j][lane] += g[i][k] * kernel[k][j][lane];
        }
      }
    }
    for (int i = 0; i < N; ++i) {
      for (int j = 0; j < N; ++j) {
        double sums[lanes] = {};
        for (int k = 0; k < R; ++k) {
          for (int lane = 0; lane < lanes; ++lane) sums[lane] += rows[i][k][lane] * g[j][k];
        }
        for (int lane = 0; lane < lanes; ++lane) out[i][j][lane] = sums[lane];
      }
    }
  }

 private:
  template <class Layer>
  static bool whole_vectors(const Layer& layer, const KernelTable& target) {
    return layer.in_channels % target.vector_size == 0 && layer.out_channels % target.vector_size == 0;
  }
};

template <int Outputs, int Taps, int Step>
constexpr WinogradMethod winograd_method(const char* name, WinogradKernels KernelTable::*kernels) {
  constexpr int places = Step == 2 ? 2 * Outputs + 1 : Outputs + Taps - 1;
  WinogradMethod method = {name, Outputs, Taps, Step, places, kernels, {}};
  for (int row = 0; row < places; ++row) {
    for (int tap = 0; tap < Taps; ++tap) method.g[row][tap] = winograd_weight<Outputs, Taps, Step>(row, tap);
  }
  return method;
}

inline constexpr WinogradMethod winograd_2x2_3x3 =
    winograd_method<2, 3, 1>("winograd 2x2,3x3", &KernelTable::winograd_2x2_3x3);
inline constexpr WinogradMethod winograd_4x4_3x3 =
    winograd_method<4, 3, 1>("winograd 4x4,3x3", &KernelTable::winograd_4x4_3x3);
inline constexpr WinogradMethod winograd_2x2_3x3_stride_2 =
    winograd_method<2, 3, 2>("winograd 2x2,3x3/2", &KernelTable::winograd_2x2_3x3_stride_2);
inline constexpr WinogradMethod winograd_4x4_3x3_stride_2 =
    winograd_method<4, 3, 2>("winograd 4x4,3x3/2", &KernelTable::winograd_4x4_3x3_stride_2);
inline constexpr WinogradMethod winograd_2x2_2x2 =
    winograd_method<2, 2, 1>("winograd 2x2,2x2", &KernelTable::winograd_2x2_2x2);
inline constexpr WinogradMethod winograd_4x4_2x2 =
    winograd_method<4, 2, 1>("winograd 4x4,2x2", &KernelTable::winograd_4x4_2x2);

/// Convolution by one of Winograd's methods: the output is cut into tiles of M x M, each computed from an N x N tile of
/// the input with N^2 instead of M^2 R^2 multiplications for each pair of channels.
///
/// The N^2 places of a tile are independent: for each of them, all tiles and channels together are one matrix product,
/// (out x in) x (in x tiles). A 4x4 transposed convolution of stride 2 is four such convolutions with 2x2 kernels, one
/// for each place of the output pixel modulo 2.
///
/// Only for layers that the method supports.
class WinogradConvolution : public Kernel {
 public:
  template <class Layer>
  WinogradConvolution(const WinogradMethod& method, const Layer& layer, const ConvolutionTask& task)
      : method_(method),
        kernels_(task.kernels),
        transforms_(task.kernels.*method.kernels),
        relu_(task.relu),
        bias_(task.bias),
        tiles_(method, task.input, layer.output_shape(task.input), phase_step(layer)),
        // One cache line more than the channels: powers of two would make the tiles compete for the same cache sets.
        in_stride_(task.input.channels + floats_per_cache_line),
        panels_(kernels_.padded_rows(tiles_.output.channels) / kernels_.panel_rows),
        block_((std::min)(block_tiles(), task.batch * tiles_.count())) {
    for_each_phase(layer, task.weight, [&](const WinogradPhase& phase, const auto& kernel) {
      phases_.push_back({phase, transform_weights(kernel)});
    });
  }

  const char* name() const override { return method_.name; }

  Index weight_bytes() const override {
    Index bytes = 0;
    for (const Phase& phase : phases_) bytes += phase.weights.size() * static_cast<Index>(sizeof(float));
    return bytes;
  }

  /// A pixel of zeros, and for each worker the transformed input of a block of tiles, and for each task the products of
  /// a block with one panel of weights.
  std::int64_t scratch_size(int threads) const override {
    const std::int64_t tasks = (std::max)(Index{threads}, Split(panels_, threads).tasks);
    return tiles_.input.channels + std::int64_t{threads} * input_scratch() + tasks * product_scratch();
  }

  void run(const KernelArguments& arguments) const override {
    const int threads = arguments.pool.threads();
    const Index tiles = arguments.images * tiles_.count();
    float* zeros = arguments.scratch;
    std::fill(zeros, zeros + tiles_.input.channels, 0.0F);
    float* transformed = zeros + tiles_.input.channels;
    float* products = transformed + threads * input_scratch();
    for (const Phase& phase : phases_) {
      if (tiles >= threads * block_tiles() || threads == 1) {
        // Each thread works on tiles of its own, about as many as the others in steps that the micro-kernel likes.
        const std::int64_t steps = (tiles + tile_step() - 1) / tile_step();
        const auto first_of = [&](Index worker) { return static_cast<Index>(steps * worker / threads * tile_step()); };
        arguments.pool.parallel_for(threads, [&](Index worker) {
          float* own_input = transformed + worker * input_scratch();
          float* own_products = products + worker * product_scratch();
          const Index end = (std::min)(tiles, first_of(worker + 1));
          for (Index first = first_of(worker); first < end; first += block_) {
            const Block block{first, (std::min)(block_, end - first)};
            transform_input(phase, arguments.input, zeros, block, 0, block.count, own_input);
            multiply(phase, arguments, block, 0, panels_, own_input, own_products);
          }
        });
        continue;
      }
      // So few tiles that the threads share the work of each block: first its input, then the panels of weights.
      for (Index first = 0; first < tiles; first += block_) {
        const Block block{first, (std::min)(block_, tiles - first)};
        const Split inputs(block.count, threads);
        arguments.pool.parallel_for(inputs.tasks, [&](Index task) {
          transform_input(phase, arguments.input, zeros, block, inputs.first(task), inputs.last(task), transformed);
        });
        const Split panels(panels_, threads);
        arguments.pool.parallel_for(panels.tasks, [&](Index task) {
          multiply(phase, arguments, block, panels.first(task), panels.last(task), transformed,
                   products + task * product_scratch());
        });
      }
    }
  }

 private:
  struct Phase {
    WinogradPhase place;
    AlignedBuffer weights;  ///< panel x place x in x panel_rows
  };

  /// Tiles that are worked on together: few, so that their transformed maps stay in the cache, but enough to hide the
  /// time that the weights take to arrive, and a sum of large tiles of the micro-kernel.
  Index tile_step() const { return kernels_.tile_pixels > 8 ? 8 : kernels_.tile_pixels; }
  Index block_tiles() const { return kernels_.tile_pixels > 8 ? 2 * tile_step() : 3 * tile_step(); }

  struct Block {
    Index first;
    Index count;
  };

  Index input_scratch() const { return tiles_.places() * block_ * in_stride_; }
  Index product_scratch() const { return tiles_.places() * block_ * kernels_.panel_rows; }

  /// A phase's weights, packed. `kernel` as for_each_phase() has it.
  template <class KernelWeight>
  AlignedBuffer transform_weights(const KernelWeight& kernel) const {
    const Index in = tiles_.input.channels;
    const Index panel_rows = kernels_.panel_rows;
    const Index place_size = in * panel_rows;
    AlignedBuffer weights(tiles_.places() * place_size * panels_);
    std::fill(weights.data(), weights.data() + weights.size(), 0.0F);
    // A panel is a multiple of the lanes.
    constexpr Index lanes = WinogradMethod::lanes;
    WinogradMethod::Kernels taps = {};
    WinogradMethod::TransformedKernels transformed;
    for (Index o = 0; o < tiles_.output.channels; o += lanes) {
      const Index channels = (std::min)(lanes, tiles_.output.channels - o);
      for (Index i = 0; i < in; ++i) {
        for (Index ky = 0; ky < method_.R; ++ky) {
          for (Index kx = 0; kx < method_.R; ++kx) {
            for (Index c = 0; c < channels; ++c) taps[ky][kx][c] = static_cast<double>(kernel(o + c, i, ky, kx));
          }
        }
        method_.transform(taps, transformed);
        float* target = weights.data() + (o / panel_rows * tiles_.places() * in + i) * panel_rows + o % panel_rows;
        for (Index y = 0; y < method_.N; ++y) {
          for (Index x = 0; x < method_.N; ++x) {
            float* place = target + (y * method_.N + x) * place_size;
            for (Index c = 0; c < channels; ++c) place[c] = static_cast<float>(transformed[y][x][c]);
          }
        }
      }
    }
    return weights;
  }

  /// Tiles [first, last) of the block: B^T tile B of every channel; place (y, x) of tile i goes to
  /// transformed + ((y N + x) * block + i) * in_stride.
  void transform_input(const Phase& phase, const float* input, const float* zeros, const Block& block, Index first,
                       Index last, float* transformed) const {
    for (Index i = first; i < last; ++i) {
      transform_input_tile(phase, input, zeros, block.first + i, transformed + i * in_stride_);
    }
  }

  void transform_input_tile(const Phase& phase, const float* input, const float* zeros, Index tile,
                            float* target) const {
    const float* pixels[WinogradMethod::most_places * WinogradMethod::most_places];
    tiles_.find_pixels(phase.place, tile, input, zeros, pixels);
    transforms_.input(pixels, tiles_.input.channels, target, block_ * in_stride_);
  }

  /// Panels [first_panel, last_panel) of the weights times the transformed block, and the results to the output. The
  /// places of a panel follow one another, so that its products are still near when they are transformed back.
  void multiply(const Phase& phase, const KernelArguments& arguments, const Block& block, Index first_panel,
                Index last_panel, const float* transformed, float* products) const {
    const Index in = tiles_.input.channels;
    const Index panel_rows = kernels_.panel_rows;
    const Index tiles = kernels_.count_tiles(block.count);
    const float* weights = phase.weights.data() + first_panel * tiles_.places() * in * panel_rows;
    for (Index panel = first_panel; panel < last_panel; ++panel) {
      const Index channel = panel * panel_rows;
      const Index rows = (std::min)(panel_rows, tiles_.output.channels - channel);
      for (Index place = 0; place < tiles_.places(); ++place) {
        const float* from = transformed + place * block_ * in_stride_;
        const float* next = weights + in * panel_rows;
        Index number = 0;
        for (Index i = 0, pixels = 0; i < block.count; i += pixels, ++number) {
          pixels = kernels_.next_tile(block.count - i);
          const TileOutput to{products + (i * tiles_.places() + place) * panel_rows,
                              tiles_.places() * panel_rows,
                              nullptr,
                              nullptr,
                              0,
                              false,
                              rows};
          kernels_.multiply(pixels, weights, {from + i * in_stride_, in_stride_, in, 1, 0}, to,
                            kernels_.share(next, in, number, tiles));
        }
        weights = next;
      }
      for (Index i = 0; i < block.count; ++i) {
        transform_output(phase, arguments, block.first + i, channel, rows, products + i * tiles_.places() * panel_rows);
      }
    }
  }

  /// A^T tile A of `rows` channels from `first_channel` on, and bias, residual and ReLU, to those places of the output
  /// that exist.
  void transform_output(const Phase& phase, const KernelArguments& arguments, Index tile, Index first_channel,
                        Index rows, const float* products) const {
    const WinogradTiles::Place place = tiles_.place_of(tile);
    const Index first = tiles_.result(phase.place, place) + first_channel;
    const Index pixel_stride = tiles_.out_step * tiles_.output.channels;
    transforms_.output(
        products,
        {arguments.output + first, arguments.other == nullptr ? nullptr : arguments.other + first,
         bias_.data() + first_channel, pixel_stride * tiles_.output.width, pixel_stride,
         (std::min)(tiles_.M, tiles_.rows - place.y), (std::min)(tiles_.M, tiles_.columns - place.x), rows, relu_});
  }

  const WinogradMethod& method_;
  const KernelTable& kernels_;
  WinogradKernels transforms_;
  bool relu_;
  FloatVector bias_;
  WinogradTiles tiles_;
  Index in_stride_;  ///< floats from tile to tile in the transformed input
  Index panels_;
  Index block_;  ///< tiles worked on together, at most block_tiles()
  std::vector<Phase> phases_;
};

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
