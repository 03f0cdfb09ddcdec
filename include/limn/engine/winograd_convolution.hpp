#pragma once

#include <algorithm>
#include <vector>

#include <limn/core/aligned_buffer.hpp>
#include <limn/engine/kernel.hpp>
#include <limn/engine/micro_kernel.hpp>
#include <limn/engine/winograd_transform.hpp>
#include <limn/layers/conv2d.hpp>
#include <limn/layers/conv_transpose2d.hpp>

namespace limn::detail {

/// Convolution of an R x R kernel with stride `Step` by Winograd's F(M x M, R x R): the output is cut into tiles of
/// M x M, each computed from an N x N tile of the input with N^2 instead of M^2 R^2 multiplications for each pair of
/// channels. N = M + R - 1 for stride 1; for 3x3 with stride 2 see WinogradTransform.
///
/// The N^2 places of a tile are independent: for each of them, all tiles and channels together are one matrix product,
/// (out x in) x (in x tiles). A 4x4 transposed convolution of stride 2 is four such convolutions with 2x2 kernels, one
/// for each place of the output pixel modulo 2.
///
/// Channels in and out have to be multiples of the packet size.
template <int Outputs, int R, int Step = 1>
class WinogradConvolution : public Kernel {
 public:
  static constexpr int M = Outputs;
  using Transform = WinogradTransform<M, R, Step>;
  static constexpr int N = Transform::N;

  static bool supports(const Conv2d& layer) {
    return layer.kernel == Extent(R) && layer.stride == Extent(Step) && whole_packets(layer);
  }
  static bool supports(const ConvTranspose2d& layer) {
    return R == 2 && Step == 1 && layer.kernel == Extent(4) && layer.stride == Extent(2) &&
           layer.padding == Extent(1) && layer.output_padding == Extent(0) && whole_packets(layer);
  }

  WinogradConvolution(const Conv2d& layer, const ConvolutionTask& task)
      : WinogradConvolution(task, layer.output_shape(task.input), 1) {
    const Index taps = layer.kernel.area();
    add_phase(-layer.padding.height, -layer.padding.width, 0, 0, [&](Index out, Index in, Index ky, Index kx) {
      return task.weight[(out * layer.in_channels + in) * taps + ky * R + kx];
    });
  }

  WinogradConvolution(const ConvTranspose2d& layer, const ConvolutionTask& task)
      : WinogradConvolution(task, layer.output_shape(task.input), 2) {
    // Even outputs 2 m take kernel elements 3 and 1 from inputs m - 1 and m, odd ones 2 and 0 from m and m + 1.
    for (Index py = 0; py < 2; ++py) {
      for (Index px = 0; px < 2; ++px) {
        add_phase(py - 1, px - 1, py, px, [&](Index out, Index in, Index ky, Index kx) {
          return task.weight[(in * layer.out_channels + out) * 16 + (3 - py - 2 * ky) * 4 + 3 - px - 2 * kx];
        });
      }
    }
  }

  const char* name() const override {
    if constexpr (Step == 2) return M == 4 ? "winograd 4x4,3x3/2" : "winograd 2x2,3x3/2";
    if constexpr (R == 2) return M == 4 ? "winograd 4x4,2x2" : "winograd 2x2,2x2";
    return M == 4 ? "winograd 4x4,3x3" : "winograd 2x2,3x3";
  }

  Index weight_bytes() const override {
    Index bytes = 0;
    for (const Phase& phase : phases_) bytes += phase.weights.size() * static_cast<Index>(sizeof(float));
    return bytes;
  }

  /// A pixel of zeros, and for each worker the transformed input of a block of tiles, and for each task the products of
  /// a block with one panel of weights.
  std::int64_t scratch_size(int threads) const override {
    const std::int64_t tasks = (std::max)(Index{threads}, Split(panels_, threads).tasks);
    return input_.channels + std::int64_t{threads} * input_scratch() + tasks * product_scratch();
  }

  void run(const KernelArguments& arguments) const override {
    const int threads = arguments.pool.threads();
    const Index tiles = arguments.images * tiles_y_ * tiles_x_;
    float* zeros = arguments.scratch;
    std::fill(zeros, zeros + input_.channels, 0.0F);
    float* transformed = zeros + input_.channels;
    float* products = transformed + threads * input_scratch();
    for (const Phase& phase : phases_) {
      if (tiles >= threads * block_tiles || threads == 1) {
        // Each thread works on tiles of its own, about as many as the others in steps that the micro-kernel likes.
        const std::int64_t steps = (tiles + tile_step - 1) / tile_step;
        const auto first_of = [&](Index worker) { return static_cast<Index>(steps * worker / threads * tile_step); };
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
    Index first_y, first_x;          ///< input position of output (0, 0)'s window
    Index out_first_y, out_first_x;  ///< place of result (0, 0)
    AlignedBuffer weights;           ///< panel x place x in x panel_rows
  };

  /// Tiles that are worked on together: few, so that their transformed maps stay in the cache, but enough to hide the
  /// time that the weights take to arrive, and a sum of large tiles of the micro-kernel.
  static constexpr Index tile_step = tile_pixels > 8 ? 8 : tile_pixels;
  static constexpr Index block_tiles = tile_pixels > 8 ? 2 * tile_step : 3 * tile_step;

  /// Tiles are numbered by image, row and column.
  struct Block {
    Index first;
    Index count;
  };

  /// Where a tile lies: its image, and its first result's place in the map of results.
  struct Place {
    Index image, y, x;
  };
  Place place_of(Index tile) const {
    const Index in_image = tile % (tiles_y_ * tiles_x_);
    return {tile / (tiles_y_ * tiles_x_), in_image / tiles_x_ * M, in_image % tiles_x_ * M};
  }

  Index input_scratch() const { return N * N * block_ * in_stride_; }
  Index product_scratch() const { return N * N * block_ * panel_rows; }

  template <class Layer>
  static bool whole_packets(const Layer& layer) {
    return layer.in_channels % packet_size == 0 && layer.out_channels % packet_size == 0;
  }

  WinogradConvolution(const ConvolutionTask& task, const Shape& output, Index out_step)
      : relu_(task.relu),
        bias_(task.bias),
        input_(task.input),
        output_(output),
        out_step_(out_step),
        rows_(output.height / out_step),
        columns_(output.width / out_step),
        tiles_y_((rows_ + M - 1) / M),
        tiles_x_((columns_ + M - 1) / M),
        // One cache line more than the channels: powers of two would make the tiles compete for the same cache sets.
        in_stride_(task.input.channels + floats_per_cache_line),
        panels_((output.channels + panel_rows - 1) / panel_rows),
        block_((std::min)(Index{block_tiles}, task.batch * tiles_y_ * tiles_x_)) {}

  /// `kernel(out, in, ky, kx)` is the weight that output position 0 takes from input position first + (ky, kx).
  template <class KernelWeight>
  void add_phase(Index first_y, Index first_x, Index out_first_y, Index out_first_x, KernelWeight&& kernel) {
    Phase phase{first_y, first_x, out_first_y, out_first_x, {}};
    const Index in = input_.channels;
    const Index place_size = in * panel_rows;
    phase.weights = AlignedBuffer(N * N * place_size * panels_);
    Eigen::Map<Eigen::VectorXf>(phase.weights.data(), phase.weights.size()).setZero();
    double taps[R][R];
    double transformed[N][N];
    for (Index o = 0; o < output_.channels; ++o) {
      for (Index i = 0; i < in; ++i) {
        for (Index ky = 0; ky < R; ++ky) {
          for (Index kx = 0; kx < R; ++kx) taps[ky][kx] = static_cast<double>(kernel(o, i, ky, kx));
        }
        winograd_weights<Transform>(taps, transformed);
        float* target = phase.weights.data() + (o / panel_rows * N * N * in + i) * panel_rows + o % panel_rows;
        for (Index y = 0; y < N; ++y) {
          for (Index x = 0; x < N; ++x) target[(y * N + x) * place_size] = static_cast<float>(transformed[y][x]);
        }
      }
    }
    phases_.push_back(std::move(phase));
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
    using namespace Eigen::internal;
    const Place place = place_of(tile);
    const Index top = place.y * Step + phase.first_y;
    const Index left = place.x * Step + phase.first_x;
    const float* image = input + place.image * input_.size();
    const float* pixels[N * N];
    for (Index y = 0; y < N; ++y) {
      for (Index x = 0; x < N; ++x) {
        const bool inside = top + y >= 0 && top + y < input_.height && left + x >= 0 && left + x < input_.width;
        pixels[y * N + x] = inside ? image + ((top + y) * input_.width + left + x) * input_.channels : zeros;
      }
    }
    const Index place_stride = block_ * in_stride_;
    for (Index channel = 0; channel < input_.channels; channel += packet_size) {
      Packet columns[N * N];
      for (int x = 0; x < N; ++x) {
        Packet column[N];
        unroll<N>([&](auto y) LIMN_INLINE_LAMBDA { column[y] = ploadu<Packet>(pixels[y * N + x] + channel); });
        Transform::template input<1, N>(column, columns + x);
      }
      for (int y = 0; y < N; ++y) {
        Packet row[N];
        Transform::template input<1, 1>(columns + y * N, row);
        float* to = target + y * N * place_stride + channel;
        unroll<N>([&](auto x) LIMN_INLINE_LAMBDA { pstoreu(to + x * place_stride, row[x]); });
      }
    }
  }

  /// Panels [first_panel, last_panel) of the weights times the transformed block, and the results to the output. The
  /// places of a panel follow one another, so that its products are still near when they are transformed back.
  void multiply(const Phase& phase, const KernelArguments& arguments, const Block& block, Index first_panel,
                Index last_panel, const float* transformed, float* products) const {
    const Index in = input_.channels;
    const Index tiles = count_tiles(block.count);
    const float* weights = phase.weights.data() + first_panel * N * N * in * panel_rows;
    for (Index panel = first_panel; panel < last_panel; ++panel) {
      const Index channel = panel * panel_rows;
      const Index rows = (std::min)(Index{panel_rows}, output_.channels - channel);
      for (Index place = 0; place < N * N; ++place) {
        const float* from = transformed + place * block_ * in_stride_;
        const float* next = weights + in * panel_rows;
        Index number = 0;
        for (Index i = 0, pixels = 0; i < block.count; i += pixels, ++number) {
          pixels = next_tile(block.count - i);
          const TileOutput to{
              products + (i * N * N + place) * panel_rows, N * N * panel_rows, nullptr, nullptr, 0, false, rows};
          run_micro_kernel(pixels, weights, {from + i * in_stride_, in_stride_, in, 1, 0}, to,
                           Prefetch::share(next, in, number, tiles));
        }
        weights = next;
      }
      for (Index i = 0; i < block.count; ++i) {
        transform_output(phase, arguments, block.first + i, channel, rows, products + i * N * N * panel_rows);
      }
    }
  }

  /// A^T tile A of `rows` channels from `first_channel` on, and bias, residual and ReLU, to those places of the output
  /// that exist.
  void transform_output(const Phase& phase, const KernelArguments& arguments, Index tile, Index first_channel,
                        Index rows, const float* products) const {
    using namespace Eigen::internal;
    const Place place = place_of(tile);
    const Index height = (std::min)(Index{M}, rows_ - place.y);
    const Index width = (std::min)(Index{M}, columns_ - place.x);
    const Index pixel_stride = out_step_ * output_.channels;
    const Index row_stride = out_step_ * output_.width * output_.channels;
    const Index origin = place.image * output_.size() + ((phase.out_first_y + place.y * out_step_) * output_.width +
                                                         phase.out_first_x + place.x * out_step_) *
                                                            output_.channels;
    for (Index row = 0; row < rows; row += packet_size) {
      const Index channel = first_channel + row;
      Packet columns[M * N];
      for (int x = 0; x < N; ++x) {
        Packet column[N];
        unroll<N>([&](auto y)
                      LIMN_INLINE_LAMBDA { column[y] = ploadu<Packet>(products + (y * N + x) * panel_rows + row); });
        Transform::template output<1, N>(column, columns + x);
      }
      const Packet bias = ploadu<Packet>(bias_.data() + channel);
      for (Index y = 0; y < height; ++y) {
        Packet results[M];
        Transform::template output<1, 1>(columns + y * N, results);
        const Index first = origin + y * row_stride + channel;
        for (Index x = 0; x < width; ++x) {
          Packet value = padd(results[x], bias);
          if (arguments.other != nullptr) {
            value = padd(value, ploadu<Packet>(arguments.other + first + x * pixel_stride));
          }
          if (relu_) value = pmax(value, pset1<Packet>(0.0F));
          pstoreu(arguments.output + first + x * pixel_stride, value);
        }
      }
    }
  }

  bool relu_;
  Eigen::VectorXf bias_;
  Shape input_;
  Shape output_;
  Index out_step_;        ///< output pixels from result to result
  Index rows_, columns_;  ///< results of one phase
  Index tiles_y_, tiles_x_;
  Index in_stride_;  ///< floats from tile to tile in the transformed input
  Index panels_;
  Index block_;  ///< tiles worked on together, at most block_tiles
  std::vector<Phase> phases_;
};

}  // namespace limn::detail
