// Products of bytes of one target, in its namespace: vector.inl comes first.

#if LIMN_SIMD_TARGET == LIMN_TARGET_AVX512_VNNI || LIMN_SIMD_TARGET == LIMN_TARGET_AVX2_VNNI
constexpr ByteFormat byte_format = ByteFormat::unsigned_bytes;
#elif LIMN_SIMD_TARGET == LIMN_TARGET_NEON_DOT
constexpr ByteFormat byte_format = ByteFormat::signed_bytes;
#else
constexpr ByteFormat byte_format = ByteFormat::words;
#endif

#if LIMN_SIMD_TARGET == LIMN_TARGET_NEON || LIMN_SIMD_TARGET == LIMN_TARGET_NEON_DOT
/// One group of a pixel: instructions take it from a lane.
using Group = int32x2_t;
LIMN_SIMD_INLINE Group broadcast_group(std::int32_t value) { return vcreate_s32(static_cast<std::uint32_t>(value)); }
/// Keeps the compiler from loading all pixels first, which leaves no registers for the sums.
LIMN_SIMD_INLINE void keep_order() { __asm__ volatile("" ::: "memory"); }
#elif LIMN_SIMD_TARGET == LIMN_TARGET_SCALAR
/// One group of a pixel.
using Group = std::int32_t;
LIMN_SIMD_INLINE Group broadcast_group(std::int32_t value) { return value; }
LIMN_SIMD_INLINE void keep_order() {}
#else
/// One group of a pixel, for every row.
using Group = IntegerVector;
LIMN_SIMD_INLINE Group broadcast_group(std::int32_t value) { return broadcast(value); }
LIMN_SIMD_INLINE void keep_order() {}
#endif

LIMN_SIMD_INLINE Group load_group(const unsigned char* from) {
  std::int32_t value;
  std::memcpy(&value, from, sizeof(value));
  return broadcast_group(value);
}

/// A vector of weights as multiply_add_group() wants it, done once for all pixels.
LIMN_SIMD_INLINE IntegerVector arrange(const IntegerVector& weights) {
#if LIMN_SIMD_TARGET == LIMN_TARGET_NEON
  // First the words that meet a pixel's first, then the others.
  const int16x8_t words = vreinterpretq_s16_s32(weights);
  const int16x8_t odd = vuzp2q_s16(words, words);
  return vreinterpretq_s32_s16(vcombine_s16(vget_low_s16(vuzp1q_s16(words, words)), vget_low_s16(odd)));
#else
  return weights;
#endif
}

/// sum + the products of a group's values, for each row.
LIMN_SIMD_INLINE IntegerVector multiply_add_group(const IntegerVector& sum, const IntegerVector& weights,
                                                  const Group& values) {
#if LIMN_SIMD_TARGET == LIMN_TARGET_AVX512_VNNI
  return (IntegerVector)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)values, (__m512i)weights);
#elif LIMN_SIMD_TARGET == LIMN_TARGET_AVX2_VNNI
  return (IntegerVector)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)values, (__m256i)weights);
#elif LIMN_SIMD_TARGET == LIMN_TARGET_AVX512
  return (IntegerVector)_mm512_add_epi32((__m512i)sum, _mm512_madd_epi16((__m512i)values, (__m512i)weights));
#elif LIMN_SIMD_TARGET == LIMN_TARGET_AVX2
  return (IntegerVector)_mm256_add_epi32((__m256i)sum, _mm256_madd_epi16((__m256i)values, (__m256i)weights));
#elif LIMN_SIMD_TARGET == LIMN_TARGET_SSE2
  return (IntegerVector)_mm_add_epi32((__m128i)sum, _mm_madd_epi16((__m128i)values, (__m128i)weights));
#elif LIMN_SIMD_TARGET == LIMN_TARGET_NEON_DOT
  return vdotq_lane_s32(sum, vreinterpretq_s8_s32(weights), vreinterpret_s8_s32(values), 0);
#elif LIMN_SIMD_TARGET == LIMN_TARGET_NEON
  const int16x8_t words = vreinterpretq_s16_s32(weights);
  const int16x4_t pair = vreinterpret_s16_s32(values);
  return vmlal_high_lane_s16(vmlal_lane_s16(sum, vget_low_s16(words), pair, 0), words, pair, 1);
#elif LIMN_SIMD_TARGET == LIMN_TARGET_WASM_SIMD128
  return (IntegerVector)wasm_i32x4_add((v128_t)sum, wasm_i32x4_dot_i16x8((v128_t)values, (v128_t)weights));
#else
  // Unsigned, for multiply_add_in_registers, whose sums overflow.
  const std::int32_t first = static_cast<std::int16_t>(values);
  const std::int32_t second = values >> 16;
  IntegerVector result;
  for (int i = 0; i < vector_size; ++i) {
    const auto products = static_cast<std::uint32_t>(static_cast<std::int16_t>(weights[i]) * first) +
                          static_cast<std::uint32_t>((weights[i] >> 16) * second);
    result[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(sum[i]) + products);
  }
  return result;
#endif
}

/// The first `Vectors` vectors of a panel, one or two.
template <int Vectors>
LIMN_SIMD_INLINE void load_panel(IntegerVector* panel, const std::int32_t* from) {
  panel[0] = load(from);
  if constexpr (Vectors == 2) panel[1] = load(from + vector_size);
}
template <int Vectors>
LIMN_SIMD_INLINE void store_panel(std::int32_t* to, const IntegerVector* panel) {
  store(to, panel[0]);
  if constexpr (Vectors == 2) store(to + vector_size, panel[1]);
}
template <int Vectors>
LIMN_SIMD_INLINE void arrange_panel(IntegerVector* weights) {
  weights[0] = arrange(weights[0]);
  if constexpr (Vectors == 2) weights[1] = arrange(weights[1]);
}
template <int Vectors>
LIMN_SIMD_INLINE void multiply_add_panel(IntegerVector* sums, const IntegerVector* weights, const Group& values) {
  sums[0] = multiply_add_group(sums[0], weights[0], values);
  if constexpr (Vectors == 2) sums[1] = multiply_add_group(sums[1], weights[1], values);
}

/// Sums for the first vectors of the panel and a tile of `pixels`, at most as many as there are N, which are 0, 1, ...:
/// panel_rows x that many. micro_kernel() says why it is written like this, but that folds take compilers less time
/// than lambdas.
template <int Vectors, int... N>
LIMN_SIMD_NEVER_INLINE void sum_products(std::integer_sequence<int, N...>, Index pixels, const std::int32_t* weights,
                                         const ByteTileInput& in, const std::int32_t* bias, std::int32_t* out,
                                         const Prefetch& ahead) {
  IntegerVector sums[Vectors * sizeof...(N)];
  (load_panel<Vectors>(sums + N * Vectors, bias), ...);
  // Four pixels stand for one and two as well, which then are done more than once: that takes little longer, because
  // sums of few pixels wait for one another, and compilers are spared a third of the work.
  constexpr int count = sizeof...(N);
  constexpr int group = count == 4 ? 2 : 3;
  constexpr int groups = (count + group - 1) / group;
  const Index stride = pixels > 1 ? in.pixel_stride : 0;
  const Index group_stride = pixels > 2 ? group * stride : 0;
  const char* next = static_cast<const char*>(ahead.next);
  for (Index segment = 0; segment < in.segments; ++segment) {
    const unsigned char* base[groups];
    ((N % group == 0 ? void(base[N / group] = in.data + segment * in.segment_stride + N / group * group_stride)
                     : void()),
     ...);
    for (Index k = in.length; k > 0; --k) {
      IntegerVector w[Vectors];
      load_panel<Vectors>(w, weights);
      arrange_panel<Vectors>(w);
      ((multiply_add_panel<Vectors>(sums + N * Vectors, w, load_group(base[N / group] + (N % group) * stride)),
        N % group == group - 1 ? keep_order() : void()),
       ...);
      ((N % group == 0 ? void(base[N / group] += 4) : void()), ...);
      LIMN_SIMD_PREFETCH(next);
      next += ahead.step;
      weights += panel_rows;
    }
  }
  (store_panel<Vectors>(out + N * panel_rows, sums + N * Vectors), ...);
}

template <int Vectors>
void sum_tile(Index pixels, const std::int32_t* weights, const ByteTileInput& in, const std::int32_t* bias,
              std::int32_t* sums, const Prefetch& ahead) {
  if (pixels == tile_pixels) {
    return sum_products<Vectors>(std::make_integer_sequence<int, tile_pixels>{}, pixels, weights, in, bias, sums,
                                 ahead);
  }
  if constexpr (tile_pixels > 8) {
    if (pixels == 8) {
      return sum_products<Vectors>(std::make_integer_sequence<int, 8>{}, pixels, weights, in, bias, sums, ahead);
    }
  }
  sum_products<Vectors>(std::make_integer_sequence<int, 4>{}, pixels, weights, in, bias, sums, ahead);
}

#if defined(LIMN_SIMD_BASE)
using LIMN_SIMD_BASE::finish_tile;
#endif

/// ByteKernels::multiply
inline void multiply_bytes(Index pixels, const std::int32_t* weights, const ByteTileInput& in,
                           const ByteTileOutput& out, const Prefetch& ahead) {
  alignas(sizeof(Vector)) std::int32_t sums[panel_rows * tile_pixels];
  if (out.rows <= vector_size) {
    sum_tile<1>(pixels, weights, in, out.bias, sums, ahead);
  } else {
    sum_tile<panel_vectors>(pixels, weights, in, out.bias, sums, ahead);
  }
  finish_tile(sums, pixels, out);
}

/// ByteKernels::sum
inline void sum_bytes(Index pixels, const std::int32_t* weights, const ByteTileInput& in, std::int32_t* sums,
                      const Prefetch& ahead) {
  static constexpr std::int32_t zeros[panel_rows] = {};
  sum_tile<panel_vectors>(pixels, weights, in, zeros, sums, ahead);
}

/// ByteKernels::prepare
inline void prepare_bytes(const unsigned char* in, unsigned char* out, Index count) {
  if constexpr (byte_format == ByteFormat::unsigned_bytes) {
    if (count > 0) std::memcpy(out, in, static_cast<std::size_t>(count));
  } else {
    Index i = 0;
#if defined(LIMN_SIMD_EXTENSIONS)
    constexpr int block = static_cast<int>(sizeof(Vector)) / 2;
    typedef unsigned char Bytes __attribute__((vector_size(block)));
    typedef std::uint16_t Words __attribute__((vector_size(2 * block)));
    for (; i + block <= count; i += block) {
      Bytes bytes;
      std::memcpy(&bytes, in + i, sizeof(bytes));
      if constexpr (byte_format == ByteFormat::words) {
        const Words words = __builtin_convertvector(bytes, Words);
        std::memcpy(out + 2 * i, &words, sizeof(words));
      } else {
        bytes ^= 128;
        std::memcpy(out + i, &bytes, sizeof(bytes));
      }
    }
#endif
    for (; i < count; ++i) {
      if constexpr (byte_format == ByteFormat::words) {
        const std::uint16_t word = in[i];
        std::memcpy(out + 2 * i, &word, sizeof(word));
      } else {
        out[i] = static_cast<unsigned char>(in[i] ^ 128);
      }
    }
  }
}

/// Keeps the compiler from knowing that a factor stays the same, or it would take its products out of a loop. Where
/// that cannot be said, it becomes `other`.
LIMN_SIMD_INLINE void hide(IntegerVector& factor, [[maybe_unused]] const IntegerVector& other) {
#if LIMN_SIMD_TARGET == LIMN_TARGET_NEON || LIMN_SIMD_TARGET == LIMN_TARGET_NEON_DOT
  __asm__("" : "+w"(factor));
#elif LIMN_SIMD_TARGET == LIMN_TARGET_SCALAR || LIMN_SIMD_TARGET == LIMN_TARGET_WASM_SIMD128
  factor = other;
#else
  __asm__("" : "+v"(factor));
#endif
}

constexpr int byte_chains = register_count - 4;

/// ByteKernels::multiply_add_in_registers. The sums begin apart, or the compiler would see that they are all the same.
inline std::int32_t multiply_add_bytes_in_registers(Index rounds, std::int32_t factor, std::int32_t summand) {
  const Group x = broadcast_group(factor);
  IntegerVector w = broadcast(summand);
  IntegerVector sums[byte_chains];
  unroll<byte_chains>([&](auto i) LIMN_SIMD_LAMBDA { sums[i] = broadcast(summand + i); });
  for (Index round = 0; round < rounds; ++round) {
    unroll<byte_chains>([&](auto i) LIMN_SIMD_LAMBDA {
      hide(w, sums[i]);
      sums[i] = multiply_add_group(sums[i], w, x);
    });
  }
  std::uint32_t result = 0;
  unroll<byte_chains>([&](auto i) LIMN_SIMD_LAMBDA { result += static_cast<std::uint32_t>(sums[i][0]); });
  return static_cast<std::int32_t>(result);
}

#if defined(LIMN_SIMD_BASE)
constexpr ByteKernels byte_kernels = {byte_format,
                                      multiply_bytes,
                                      sum_bytes,
                                      finish_tile,
                                      {},
                                      {},
                                      prepare_bytes,
                                      LIMN_SIMD_BASE::byte_kernels.quantize,
                                      LIMN_SIMD_BASE::byte_kernels.dequantize,
                                      LIMN_SIMD_BASE::byte_kernels.add,
                                      LIMN_SIMD_BASE::byte_kernels.maximum,
                                      multiply_add_bytes_in_registers,
                                      byte_chains* vector_size* static_cast<int>(group_values(byte_format))};
#else
constexpr ByteKernels byte_kernels = {byte_format,
                                      multiply_bytes,
                                      sum_bytes,
                                      finish_tile,
                                      byte_winograd_kernels<4, 3>(),
                                      byte_winograd_kernels<4, 2>(),
                                      prepare_bytes,
                                      quantize,
                                      dequantize,
                                      add_bytes,
                                      maximum,
                                      multiply_add_bytes_in_registers,
                                      byte_chains* vector_size* static_cast<int>(group_values(byte_format))};
#endif
