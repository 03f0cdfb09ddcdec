#pragma once

#include <limn/core/eigen.hpp>
#include <limn/core/version.hpp>
#include <limn/engine/simd/byte_kernels.hpp>
#include <limn/engine/simd/target.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

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

/// Weights that will be needed next, brought towards the core while a tile is computed: memory takes far longer to
/// answer than a tile takes, and what the processor's own prefetchers guess stops at every page.
struct Prefetch {
  const void* next = nullptr;  ///< where to begin
  Index step = 0;              ///< bytes to move on with every input of the tile
};

/// Where Winograd's results of one tile go: pixel (y, x) to data + y * row_stride + x * pixel_stride, with
/// activation(result + bias + residual) for `channels` channels.
struct WinogradOutput {
  float* data;
  const float* residual;  ///< added, same layout; nullptr for none
  const float* bias;
  Index row_stride;
  Index pixel_stride;
  Index height;  ///< results of the tile that exist
  Index width;
  Index channels;
  bool relu;
};

/// The two transforms around the products of a Winograd method, for N x N places.
struct WinogradKernels {
  /// B^T tile B for each of `channels` channels: place p, in rows order, is read from pixels[p] and goes to
  /// out + p * place_stride.
  void (*input)(const float* const* pixels, Index channels, float* out, Index place_stride) = nullptr;
  /// A^T products A; place p of the products begins at products + p * KernelTable::panel_rows.
  void (*output)(const float* products, const WinogradOutput& out) = nullptr;
};

/// The kernels of one target. Everything that depends on the width of its vectors is asked of here.
struct KernelTable {
  Target target;
  int vector_size;     ///< floats
  int register_count;  ///< vectors that the processor holds, which bounds the sums a kernel can keep
  int panel_rows;      ///< output channels that the micro-kernel computes together
  int tile_pixels;     ///< the most pixels it computes together

  /// One panel of weights times one tile of pixels, whose number came from next_tile(). `weights` holds, for each of
  /// the segments * length inputs in order, the panel's values.
  void (*multiply)(Index pixels, const float* weights, const TileInput& in, const TileOutput& out,
                   const Prefetch& ahead);

  WinogradKernels winograd_2x2_3x3, winograd_4x4_3x3;                    ///< F(2x2, 3x3), F(4x4, 3x3)
  WinogradKernels winograd_2x2_3x3_stride_2, winograd_4x4_3x3_stride_2;  ///< see WinogradMatrices
  WinogradKernels winograd_2x2_2x2, winograd_4x4_2x2;

  ByteKernels bytes;  ///< for maps of unsigned bytes, in panels and tiles of the same sizes

  /// Of `count` values; `in` and `out` may be the same.
  void (*sigmoid)(const float* in, float* out, Index count);
  void (*tanh)(const float* in, float* out, Index count);

  /// A chain of multiply-adds in as many registers as there are: `rounds` times register_count - 4 of them. Returns a
  /// value that depends on all. For measuring what the processor can do at most.
  float (*multiply_add_in_registers)(Index rounds, float factor, float summand);

  /// The pixels to do next of `pixels` that are left. Few sizes are compiled, since each costs the user's compiler
  /// time; the sizes below four leave the multiply-add units waiting, so the cut avoids them.
  Index next_tile(Index pixels) const {
    if (tile_pixels > 8) {
      if (pixels >= 20 || (pixels >= 12 && pixels < 16)) return tile_pixels;
      if (pixels >= 8) return 8;
    } else {
      if (pixels >= tile_pixels && pixels != 8) return tile_pixels;
    }
    return pixels >= 4 ? 4 : pixels >= 2 ? 2 : 1;
  }

  /// Tiles that next_tile() cuts `pixels` into.
  Index count_tiles(Index pixels) const {
    Index tiles = 0;
    for (; pixels > 0; pixels -= next_tile(pixels)) ++tiles;
    return tiles;
  }

  /// Rows of weights rounded up to whole panels.
  Index padded_rows(Index rows) const { return (rows + panel_rows - 1) / panel_rows * panel_rows; }

  /// The share of tile `tile` of `tiles` in fetching the panel at `panel`, which has as many inputs (floats, or groups
  /// of bytes) as the tile.
  Prefetch share(const void* panel, Index inputs, Index tile, Index tiles) const {
    const Index input_bytes = panel_rows * static_cast<Index>(sizeof(float));
    const Index step = (input_bytes + tiles - 1) / tiles;
    return {static_cast<const char*>(panel) + tile * inputs * step, step};
  }

  /// The same kernels for floats with others for bytes.
  constexpr KernelTable with(Target new_target, const ByteKernels& new_bytes) const {
    KernelTable result = *this;
    result.target = new_target;
    result.bytes = new_bytes;
    return result;
  }
};

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
