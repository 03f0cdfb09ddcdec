// What becomes of the sums of products of bytes, and the kernels for maps of bytes, of one target, in its namespace:
// byte_vector.inl comes first. The formulas are in byte_kernels.hpp.

/// A value less its zero point, times its factor.
LIMN_SIMD_INLINE Vector dequantize_vector(const unsigned char* in, const IntegerVector& zero_point,
                                          const Vector& factor) {
  return to_floats(load_bytes(in) - zero_point) * factor;
}

/// The sum of two products that have 8 bits of fraction.
LIMN_SIMD_INLINE IntegerVector fixed_point_sum(const Vector& a, const Vector& b) {
  return (nearest_clamped(a) + nearest_clamped(b) + broadcast(128)) >> 8;
}

/// Bytes that two pixels' panels have, which are made together.
constexpr Index byte_block = 2 * panel_rows;

/// finish_tile() for results that are floats.
inline void finish_floats(const std::int32_t* sums, Index pixels, const ByteTileOutput& out) {
  for (Index n = 0; n < pixels; ++n, sums += panel_rows) {
    float* to = out.floats + n * out.pixel_stride;
    Index row = 0;
    for (; row + vector_size <= out.rows; row += vector_size) {
      const Vector value = to_floats(load(sums + row)) * load(out.factors + row);
      store(to + row, out.relu ? above_zero(value) : value);
    }
    for (; row < out.rows; ++row) {
      const float value = static_cast<float>(sums[row]) * out.factors[row];
      to[row] = out.relu && !(value > 0) ? 0.0F : value;
    }
  }
}

/// finish_tile() for panels whose every row exists.
inline void finish_bytes(const std::int32_t* sums, Index pixels, const ByteTileOutput& out) {
  const ByteRange range(out.zero_point, out.relu);
  const IntegerVector zero = broadcast(out.residual_zero_point);
  const Vector residual_factor = broadcast(out.residual_factor);
  const Vector factors[panel_vectors] = {load(out.factors), load(out.factors + vector_size)};
  for (Index n = 0; n < pixels; n += 2) {
    // Beyond the last pixel, it is done again.
    const Index next = n + 1 < pixels ? 1 : 0;
    const std::int32_t* from[2] = {sums + n * panel_rows, sums + (n + next) * panel_rows};
    IntegerVector values[4];
    if (out.residual == nullptr) {
      unroll<4>([&](auto i) LIMN_SIMD_LAMBDA {
        values[i] = nearest(to_floats(load(from[i / 2] + i % 2 * vector_size)) * factors[i % 2]);
      });
    } else {
      const unsigned char* residual = out.residual + n * out.residual_stride;
      const unsigned char* residuals[2] = {residual, residual + next * out.residual_stride};
      unroll<4>([&](auto i) LIMN_SIMD_LAMBDA {
        values[i] = fixed_point_sum(to_floats(load(from[i / 2] + i % 2 * vector_size)) * factors[i % 2],
                                    dequantize_vector(residuals[i / 2] + i % 2 * vector_size, zero, residual_factor));
      });
    }
    unsigned char* to = out.data + n * out.pixel_stride;
    range.store(to, to + next * out.pixel_stride, values);
  }
}

/// Puts a tile's sums, panel_rows x pixels, where they belong.
LIMN_SIMD_NEVER_INLINE inline void finish_tile(const std::int32_t* sums, Index pixels, const ByteTileOutput& out) {
  if (out.floats != nullptr) return finish_floats(sums, pixels, out);
  if (out.rows == panel_rows) return finish_bytes(sums, pixels, out);
  // Panels that are not whole take a way round, where there is room for them.
  unsigned char bytes[panel_rows * tile_pixels];
  unsigned char residual[panel_rows * tile_pixels] = {};
  ByteTileOutput whole = out;
  whole.data = bytes;
  whole.pixel_stride = whole.residual_stride = panel_rows;
  const auto rows = static_cast<std::size_t>(out.rows);
  if (out.residual != nullptr) {
    whole.residual = residual;
    for (Index n = 0; n < pixels; ++n) {
      std::memcpy(residual + n * panel_rows, out.residual + n * out.residual_stride, rows);
    }
  }
  finish_bytes(sums, pixels, whole);
  for (Index n = 0; n < pixels; ++n) std::memcpy(out.data + n * out.pixel_stride, bytes + n * panel_rows, rows);
}

/// ByteKernels::quantize
inline void quantize(const float* in, unsigned char* out, Index count, float inverse_scale, int zero_point) {
  const ByteRange range(zero_point, false);
  const Vector factor = broadcast(inverse_scale);
  float rest[byte_block] = {};
  unsigned char results[byte_block];
  for (; count > 0; count -= byte_block, in += byte_block, out += byte_block) {
    const auto size = static_cast<std::size_t>(count < byte_block ? count : byte_block);
    const bool whole = size == byte_block;
    if (!whole) std::memcpy(rest, in, size * sizeof(float));
    const float* from = whole ? in : rest;
    IntegerVector values[4];
    unroll<4>([&](auto i) LIMN_SIMD_LAMBDA { values[i] = nearest(load(from + i * vector_size) * factor); });
    unsigned char* to = whole ? out : results;
    range.store(to, to + panel_rows, values);
    if (!whole) std::memcpy(out, results, size);
  }
}

/// ByteKernels::dequantize
inline void dequantize(const unsigned char* in, float* out, Index count, float scale, int zero_point) {
  const IntegerVector zero = broadcast(zero_point);
  const Vector factor = broadcast(scale);
  Index i = 0;
  for (; i + vector_size <= count; i += vector_size) store(out + i, dequantize_vector(in + i, zero, factor));
  for (; i < count; ++i) out[i] = static_cast<float>(in[i] - zero_point) * scale;
}

/// ByteKernels::add
inline void add_bytes(const unsigned char* a, const unsigned char* b, unsigned char* out, Index count,
                      const ByteSum& sum) {
  const ByteRange range(sum.zero_point, sum.relu);
  const IntegerVector a_zero = broadcast(sum.a_zero_point);
  const IntegerVector b_zero = broadcast(sum.b_zero_point);
  const Vector a_factor = broadcast(sum.a_factor);
  const Vector b_factor = broadcast(sum.b_factor);
  unsigned char rests[2][byte_block] = {};
  for (Index i = 0; i < count; i += byte_block) {
    const auto size = static_cast<std::size_t>(count - i < byte_block ? count - i : byte_block);
    const bool whole = size == byte_block;
    if (!whole) std::memcpy(rests[0], a + i, size);
    if (!whole) std::memcpy(rests[1], b + i, size);
    const unsigned char* first = whole ? a + i : rests[0];
    const unsigned char* second = whole ? b + i : rests[1];
    IntegerVector values[4];
    unroll<4>([&](auto k) LIMN_SIMD_LAMBDA {
      values[k] = fixed_point_sum(dequantize_vector(first + k * vector_size, a_zero, a_factor),
                                  dequantize_vector(second + k * vector_size, b_zero, b_factor));
    });
    unsigned char* to = whole ? out + i : rests[0];
    range.store(to, to + panel_rows, values);
    if (!whole) std::memcpy(out + i, rests[0], size);
  }
}

/// ByteKernels::maximum
inline void maximum(const unsigned char* in, unsigned char* out, Index count) {
  Index i = 0;
#if defined(LIMN_SIMD_EXTENSIONS)
  typedef unsigned char Bytes __attribute__((vector_size(sizeof(Vector))));
  for (; i + Index{sizeof(Bytes)} <= count; i += Index{sizeof(Bytes)}) {
    Bytes a;
    Bytes b;
    std::memcpy(&a, in + i, sizeof(a));
    std::memcpy(&b, out + i, sizeof(b));
    a = a > b ? a : b;
    std::memcpy(out + i, &a, sizeof(a));
  }
#endif
  for (; i < count; ++i) out[i] = in[i] > out[i] ? in[i] : out[i];
}
