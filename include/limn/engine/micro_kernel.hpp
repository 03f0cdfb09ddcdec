#pragma once

#include <utility>

#include <limn/core/eigen.hpp>

#if defined(_MSC_VER)
#define LIMN_ALWAYS_INLINE __forceinline
#define LIMN_INLINE_LAMBDA
#define LIMN_NEVER_INLINE __declspec(noinline)
#else
#define LIMN_ALWAYS_INLINE inline __attribute__((always_inline))
#define LIMN_INLINE_LAMBDA __attribute__((always_inline))
#define LIMN_NEVER_INLINE __attribute__((noinline))
#endif

namespace limn::detail {

/// The widest register of floats that the compile flags allow: Eigen's abstraction over SSE, AVX, AVX-512 and NEON.
using Packet = Eigen::internal::packet_traits<float>::type;
constexpr int packet_size = Eigen::internal::packet_traits<float>::size;

/// Registers the instruction set has, which bounds the accumulators a kernel can hold.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int register_count = 32;
#else
constexpr int register_count = 16;
#endif

/// A micro-kernel computes `panel_packets * packet_size` output channels of `tile_pixels` pixels: two packets of
/// weights times six (of 16 registers) or twelve (of 32) pixels keep the accumulators and the operands in registers.
constexpr int panel_packets = 2;
constexpr int panel_rows = panel_packets * packet_size;
constexpr int tile_pixels = register_count == 32 ? 12 : 6;

/// Calls f(0), f(1), ... with compile-time constants, unrolled at any optimisation level.
template <class F, int... I>
LIMN_ALWAYS_INLINE void unroll(std::integer_sequence<int, I...>, F&& f) {
  (f(std::integral_constant<int, I>{}), ...);
}
template <int Count, class F>
LIMN_ALWAYS_INLINE void unroll(F&& f) {
  unroll(std::make_integer_sequence<int, Count>{}, f);
}

/// The inputs of a tile: for pixel n and segment s, `length` floats from `data + n * pixel_stride + s *
/// segment_stride`. A matrix product has one segment; a convolution one for each kernel row, because in a row of
/// pixels the kernel's columns and channels follow one another in memory.
struct TileInput {
  const float* data;
  Index pixel_stride;
  Index length;
  Index segments;
  Index segment_stride;
};

/// Where a tile goes and what is done on the way: out = activation(sum + bias + residual).
struct TileOutput {
  float* data;
  Index pixel_stride;
  const float* bias;      ///< one value for each row of the panel, padded with zeros; nullptr for none
  const float* residual;  ///< added, same layout as the output but for its stride; nullptr for none
  Index residual_stride;
  bool relu;
  Index rows;  ///< rows of the panel that exist in the output
};

/// Bias, residual and ReLU for a panel whose last rows the output does not have. `sums` is panel_rows x
/// pixels.
inline void finish_partial_tile(const TileOutput& out, const float* sums, Index pixels) {
  for (Index n = 0; n < pixels; ++n) {
    float* target = out.data + n * out.pixel_stride;
    for (Index row = 0; row < out.rows; ++row) {
      float sum = sums[n * panel_rows + row];
      if (out.bias != nullptr) sum += out.bias[row];
      if (out.residual != nullptr) sum += out.residual[n * out.residual_stride + row];
      target[row] = out.relu ? (std::max)(sum, 0.0F) : sum;
    }
  }
}

/// Weights that will be needed next, brought towards the core while a tile is computed: memory takes far longer to
/// answer than a tile takes, and what the processor's own prefetchers guess stops at every page.
struct Prefetch {
  const float* next = nullptr;  ///< where to begin
  Index step = 0;               ///< bytes to move on with every input of the tile

  /// The share of tile `tile` of `tiles` in fetching the panel at `panel`, which has as many inputs as the tile.
  static Prefetch share(const float* panel, Index inputs, Index tile, Index tiles) {
    constexpr auto bytes = static_cast<Index>(panel_rows * sizeof(float));
    const Index step = (bytes + tiles - 1) / tiles;
    return {panel + tile * inputs * step / static_cast<Index>(sizeof(float)), step};
  }
};

LIMN_ALWAYS_INLINE void prefetch(const char* address) {
#if defined(__GNUC__) || defined(__clang__)
  __builtin_prefetch(address, 0, 2);
#else
  (void)address;
#endif
}

/// One panel of weights times one tile of pixels. `weights` holds, for each of the segments * length inputs in order,
/// the panel's values, of which this computes the first `Packets` packets.
template <int Packets, int Pixels>
LIMN_NEVER_INLINE void micro_kernel(const float* weights, const TileInput& in, const TileOutput& out,
                                    const Prefetch& ahead) {
  using namespace Eigen::internal;
  constexpr int rows = Packets * packet_size;
  // Only constant indices into the sums, or the compiler would keep the accumulators in memory.
  Packet sums[Packets * Pixels];
  unroll<Packets * Pixels>([&](auto i) LIMN_INLINE_LAMBDA { sums[i] = pset1<Packet>(0.0F); });

  // Three pixels share a base pointer: the address is then base + {0, 1, 2} * stride + k, which x86 and Arm compute
  // within the load, and the pointers fit the integer registers.
  constexpr int group = 3;
  constexpr int groups = (Pixels + group - 1) / group;
  const Index stride = in.pixel_stride;
  const char* next = reinterpret_cast<const char*>(ahead.next);
  for (Index segment = 0; segment < in.segments; ++segment) {
    const float* base[groups];
    unroll<groups>([&](auto g)
                       LIMN_INLINE_LAMBDA { base[g] = in.data + segment * in.segment_stride + g * group * stride; });
    for (Index k = in.length; k > 0; --k) {
      Packet w[Packets];
      unroll<Packets>([&](auto p) LIMN_INLINE_LAMBDA { w[p] = ploadu<Packet>(weights + p * packet_size); });
      unroll<Pixels>([&](auto n) LIMN_INLINE_LAMBDA {
        const Packet x = pset1<Packet>(base[n / group][(n % group) * stride]);
        unroll<Packets>([&](auto p)
                            LIMN_INLINE_LAMBDA { sums[n * Packets + p] = pmadd(w[p], x, sums[n * Packets + p]); });
      });
      unroll<groups>([&](auto g) LIMN_INLINE_LAMBDA { ++base[g]; });
      prefetch(next);
      next += ahead.step;
      weights += panel_rows;
    }
  }

  if (out.rows < rows) {
    float values[panel_rows * Pixels];
    unroll<Pixels>([&](auto n) LIMN_INLINE_LAMBDA {
      unroll<Packets>([&](auto p) LIMN_INLINE_LAMBDA {
        pstoreu(values + n * panel_rows + p * packet_size, sums[n * Packets + p]);
      });
    });
    finish_partial_tile(out, values, Pixels);
    return;
  }
  unroll<Packets * Pixels>([&](auto i) LIMN_INLINE_LAMBDA {
    constexpr Index n = i / Packets;
    constexpr Index p = i % Packets;
    Packet sum = sums[i];
    float* target = out.data + n * out.pixel_stride + p * packet_size;
    if (out.bias != nullptr) sum = padd(sum, ploadu<Packet>(out.bias + p * packet_size));
    if (out.residual != nullptr) {
      sum = padd(sum, ploadu<Packet>(out.residual + n * out.residual_stride + p * packet_size));
    }
    if (out.relu) sum = pmax(sum, pset1<Packet>(0.0F));
    pstoreu(target, sum);
  });
}

/// The pixels to do next of `pixels` that are left. Few sizes are compiled, since each costs the user's compiler about
/// a second; the sizes below four leave the multiply-add units waiting, so the cut avoids them.
inline Index next_tile(Index pixels) {
  if constexpr (tile_pixels > 8) {
    if (pixels >= 20 || (pixels >= 12 && pixels < 16)) return tile_pixels;
    if (pixels >= 8) return 8;
  } else {
    if (pixels >= tile_pixels && pixels != 8) return tile_pixels;
  }
  return pixels >= 4 ? 4 : pixels >= 2 ? 2 : 1;
}

template <int Packets>
void run_micro_kernel(Index pixels, const float* weights, const TileInput& in, const TileOutput& out,
                      const Prefetch& ahead) {
  if (pixels == tile_pixels) return micro_kernel<Packets, tile_pixels>(weights, in, out, ahead);
  if constexpr (tile_pixels > 8) {
    if (pixels == 8) return micro_kernel<Packets, 8>(weights, in, out, ahead);
  }
  if (pixels == 4) return micro_kernel<Packets, 4>(weights, in, out, ahead);
  if (pixels == 2) return micro_kernel<Packets, 2>(weights, in, out, ahead);
  micro_kernel<Packets, 1>(weights, in, out, ahead);
}

/// The micro-kernel for a tile whose size came from next_tile().
inline void run_micro_kernel(Index pixels, const float* weights, const TileInput& in, const TileOutput& out,
                             const Prefetch& ahead) {
  if (out.rows <= packet_size) return run_micro_kernel<1>(pixels, weights, in, out, ahead);
  run_micro_kernel<panel_packets>(pixels, weights, in, out, ahead);
}

/// Tiles that next_tile() cuts `pixels` into.
inline Index count_tiles(Index pixels) {
  Index tiles = 0;
  for (; pixels > 0; pixels -= next_tile(pixels)) ++tiles;
  return tiles;
}

}  // namespace limn::detail
