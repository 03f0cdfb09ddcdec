// What becomes of the sums of products of bytes, and the kernels for maps of bytes, of one target, in its namespace:
// byte_vector.inl comes first.

/// How sums become bytes again: ByteTileOutput has the formulas.
struct ByteScale {
  Vector least, most;  ///< of the value without zero point
  IntegerVector zero_point;
  IntegerVector least_byte;

  LIMN_SIMD_INLINE ByteScale(int zero, bool relu)
      : least(broadcast(static_cast<float>(relu ? 0 : -zero))),
        most(broadcast(static_cast<float>(255 - zero))),
        zero_point(broadcast(zero)),
        least_byte(broadcast(relu ? zero : 0)) {}

  LIMN_SIMD_INLINE IntegerVector quantize(const Vector& value) const {
    return nearest(clamp(value, least, most)) + zero_point;
  }

  /// Of two products in fixed point.
  LIMN_SIMD_INLINE IntegerVector sum(const Vector& a, const Vector& b) const {
    const Vector bound = broadcast(2097152.0F);
    const IntegerVector fixed = nearest(clamp(a, -bound, bound)) + nearest(clamp(b, -bound, bound));
    const IntegerVector value = ((fixed + broadcast(128)) >> 8) + zero_point;
    return clamp(value, least_byte, broadcast(255));
  }
};

/// A value less its zero point, times its factor.
LIMN_SIMD_INLINE Vector dequantize_vector(const unsigned char* in, const IntegerVector& zero_point,
                                          const Vector& factor) {
  return to_floats(load_bytes(in) - zero_point) * factor;
}

/// Rows from `row` on, as many as a vector has, of every pixel.
inline void finish_rows(const std::int32_t* sums, Index pixels, const ByteTileOutput& out, Index row) {
  const Vector factor = load(out.factors + row);
  sums += row;
  if (out.floats != nullptr) {
    for (Index n = 0; n < pixels; ++n) {
      const Vector value = to_floats(load(sums + n * panel_rows)) * factor;
      store(out.floats + n * out.pixel_stride + row, out.relu ? above_zero(value) : value);
    }
    return;
  }
  const ByteScale scale(out.zero_point, out.relu);
  unsigned char* to = out.data + row;
  if (out.residual == nullptr) {
    for (Index n = 0; n < pixels; ++n) {
      const Vector value = to_floats(load(sums + n * panel_rows)) * factor;
      store_bytes(to + n * out.pixel_stride, scale.quantize(value));
    }
    return;
  }
  const IntegerVector zero_point = broadcast(out.residual_zero_point);
  const Vector residual_factor = broadcast(out.residual_factor);
  for (Index n = 0; n < pixels; ++n) {
    const Vector value = to_floats(load(sums + n * panel_rows)) * factor;
    const unsigned char* residual = out.residual + n * out.residual_stride + row;
    store_bytes(to + n * out.pixel_stride, scale.sum(value, dequantize_vector(residual, zero_point, residual_factor)));
  }
}

/// Puts a tile's sums, panel_rows x pixels, where they belong.
LIMN_SIMD_NEVER_INLINE inline void finish_tile(const std::int32_t* sums, Index pixels, const ByteTileOutput& out) {
  Index row = 0;
  for (; row + vector_size <= out.rows; row += vector_size) finish_rows(sums, pixels, out, row);
  if (row == out.rows) return;
  // The last rows fill no vector: they take a way round, where there is room for one.
  unsigned char bytes[panel_rows * tile_pixels];
  unsigned char residual[panel_rows * tile_pixels] = {};
  float floats[panel_rows * tile_pixels];
  ByteTileOutput rest = out;
  rest.data = bytes;
  rest.pixel_stride = rest.residual_stride = panel_rows;
  if (out.floats != nullptr) rest.floats = floats;
  if (out.residual != nullptr) rest.residual = residual;
  for (Index n = 0; n < pixels && out.residual != nullptr; ++n) {
    for (Index i = row; i < out.rows; ++i) residual[n * panel_rows + i] = out.residual[n * out.residual_stride + i];
  }
  finish_rows(sums, pixels, rest, row);
  for (Index n = 0; n < pixels; ++n) {
    for (Index i = row; i < out.rows; ++i) {
      if (out.floats != nullptr) {
        out.floats[n * out.pixel_stride + i] = floats[n * panel_rows + i];
      } else {
        out.data[n * out.pixel_stride + i] = bytes[n * panel_rows + i];
      }
    }
  }
}

/// ByteKernels::quantize
inline void quantize(const float* in, unsigned char* out, Index count, float inverse_scale, int zero_point) {
  const ByteScale scale(zero_point, false);
  const Vector factor = broadcast(inverse_scale);
  Index i = 0;
  for (; i + vector_size <= count; i += vector_size) store_bytes(out + i, scale.quantize(load(in + i) * factor));
  if (i == count) return;
  float rest[vector_size] = {};
  unsigned char results[vector_size];
  for (Index k = i; k < count; ++k) rest[k - i] = in[k];
  store_bytes(results, scale.quantize(load(rest) * factor));
  for (Index k = i; k < count; ++k) out[k] = results[k - i];
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
  const ByteScale scale(sum.zero_point, sum.relu);
  const IntegerVector a_zero = broadcast(sum.a_zero_point);
  const IntegerVector b_zero = broadcast(sum.b_zero_point);
  const Vector a_factor = broadcast(sum.a_factor);
  const Vector b_factor = broadcast(sum.b_factor);
  Index i = 0;
  for (; i + vector_size <= count; i += vector_size) {
    store_bytes(out + i,
                scale.sum(dequantize_vector(a + i, a_zero, a_factor), dequantize_vector(b + i, b_zero, b_factor)));
  }
  if (i == count) return;
  unsigned char rests[2][vector_size] = {};
  for (Index k = i; k < count; ++k) rests[0][k - i] = a[k];
  for (Index k = i; k < count; ++k) rests[1][k - i] = b[k];
  store_bytes(rests[0],
              scale.sum(dequantize_vector(rests[0], a_zero, a_factor), dequantize_vector(rests[1], b_zero, b_factor)));
  for (Index k = i; k < count; ++k) out[k] = rests[0][k - i];
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
