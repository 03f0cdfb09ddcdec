#pragma once

#include <cstdint>

#include <limn/core/eigen.hpp>
#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

struct Prefetch;

/// What the products of a target read: what an unsigned 8-bit value q becomes before.
enum class ByteFormat {
  unsigned_bytes,  ///< q itself, 1 byte, four to a group (VNNI: u8 x s8)
  signed_bytes,    ///< q - 128, 1 byte, four to a group (Arm's dot product: s8 x s8)
  words            ///< q, 16 bits, two to a group (pmaddwd and its like: exact, unlike the sums of pmaddubsw)
};

/// Bytes that a value has.
constexpr Index value_bytes(ByteFormat format) { return format == ByteFormat::words ? 2 : 1; }

/// Values of a group, which always has 4 bytes.
constexpr Index group_values(ByteFormat format) { return 4 / value_bytes(format); }

/// The inputs of a tile, as TileInput has them for floats: for pixel n and segment s, `length` groups of 4 bytes from
/// `data + n * pixel_stride + s * segment_stride`. Strides in bytes; nothing need be aligned.
struct ByteTileInput {
  const unsigned char* data;
  Index pixel_stride;
  Index length;
  Index segments;
  Index segment_stride;
};

/// Where a tile goes and what is done on the way. With sum = bias + products, round() to nearest, ties to even, and
/// least = relu ? zero_point : 0, the results are
///   floats:            float(sum) * factor, with relu at least 0;
///   without residual:  q = zero_point + round(clamp(float(sum) * factor, least - zero_point, 255 - zero_point));
///   with residual r:   t = round(clamp(float(sum) * factor, -2^21, 2^21))
///                        + round(clamp(float(r - residual_zero_point) * residual_factor, -2^21, 2^21)),
///                      q = clamp(((t + 128) >> 8) + zero_point, least, 255).
/// Each float is one product that is then clamped: nothing for a compiler to contract, so every target has the same.
struct ByteTileOutput {
  unsigned char* data;            ///< the results, unless `floats` is set
  float* floats;                  ///< where results go as floats; nullptr if they do not
  Index pixel_stride;             ///< values from pixel to pixel in `data` and `floats`
  const std::int32_t* bias;       ///< panel_rows values, which the sums begin with
  const float* factors;           ///< panel_rows values; with a residual they include the 2^8 of the fixed point
  const unsigned char* residual;  ///< added, same layout as the output but for its stride; nullptr for none
  Index residual_stride;
  float residual_factor;  ///< includes the 2^8
  int residual_zero_point;
  int zero_point;  ///< of the result
  bool relu;
  Index rows;  ///< rows of the panel that exist in the output
};

/// The sum of two maps, with the fixed point of ByteTileOutput's residual: the factors include the 2^8.
struct ByteSum {
  float a_factor;
  int a_zero_point;
  float b_factor;
  int b_zero_point;
  int zero_point;  ///< of the result
  bool relu;
};

/// Winograd's transforms around products of words (see WholeWinograd), for N x N places.
struct ByteWinogradKernels {
  /// B^T tile B for each of `channels` channels, whole vectors of words: place p, in rows order, is read from pixels[p]
  /// and goes to out + p * place_stride.
  void (*input)(const unsigned char* const* pixels, Index channels, std::int16_t* out, Index place_stride) = nullptr;
  /// The M x M sums of a panel, with their bias: place p of the products begins at products + p * place_stride, sum (y,
  /// x) at sums + y * row_stride + x * panel_rows.
  void (*output)(const std::int32_t* products, Index place_stride, const std::int32_t* bias, std::int32_t* sums,
                 Index row_stride) = nullptr;
};

/// The kernels of one target for maps of unsigned bytes. All targets give the same results, to the bit.
struct ByteKernels {
  ByteFormat format;

  /// One panel of weights times one tile of pixels, whose number came from KernelTable::next_tile(). `weights` holds,
  /// for each of the segments * length groups in order, one group for each row of the panel: 4 signed bytes, or 2
  /// words. No sum may overflow.
  void (*multiply)(Index pixels, const std::int32_t* weights, const ByteTileInput& in, const ByteTileOutput& out,
                   const Prefetch& ahead);

  /// The sums alone, without a bias: panel_rows for each pixel, and of fewer than 4 pixels as many as for 4.
  void (*sum)(Index pixels, const std::int32_t* weights, const ByteTileInput& in, std::int32_t* sums,
              const Prefetch& ahead);

  /// What multiply() does with its sums, panel_rows for each pixel, the bias among them.
  void (*finish)(const std::int32_t* sums, Index pixels, const ByteTileOutput& out);

  ByteWinogradKernels winograd_4x4_3x3, winograd_4x4_2x2;  ///< where the format is words; nullptr elsewhere

  /// Brings `count` values into the format: value_bytes(format) * count bytes.
  void (*prepare)(const unsigned char* in, unsigned char* out, Index count);

  /// zero_point + round(clamp(in * inverse_scale, -zero_point, 255 - zero_point)); 0 for what is not a number
  void (*quantize)(const float* in, unsigned char* out, Index count, float inverse_scale, int zero_point);

  /// float(in - zero_point) * scale
  void (*dequantize)(const unsigned char* in, float* out, Index count, float scale, int zero_point);

  /// a + b; `out` may be one of them.
  void (*add)(const unsigned char* a, const unsigned char* b, unsigned char* out, Index count, const ByteSum& sum);

  /// out = max(out, in)
  void (*maximum)(const unsigned char* in, unsigned char* out, Index count);

  /// As KernelTable::multiply_add_in_registers: `rounds` times multiply_adds_per_round products of the format's values
  /// and their sums. Returns a value that depends on all.
  std::int32_t (*multiply_add_in_registers)(Index rounds, std::int32_t factor, std::int32_t summand);
  int multiply_adds_per_round;
};

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
