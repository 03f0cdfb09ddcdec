// From floats to integers and bytes and back, of one target, in its namespace: vector.inl comes first. Everything here
// is inlined into the kernels. AVX-512's functions are those with a mask where GCC 12 warns of the others' own source.

/// The nearest floats.
LIMN_SIMD_INLINE Vector to_floats(const IntegerVector& value) {
#if defined(LIMN_SIMD_EXTENSIONS)
  return __builtin_convertvector(value, Vector);
#else
  Vector result;
  for (int i = 0; i < vector_size; ++i) result[i] = static_cast<float>(value[i]);
  return result;
#endif
}

/// The nearest integers, ties to even, of values clamped to +-2^21.
LIMN_SIMD_INLINE IntegerVector nearest_clamped(const Vector& value) {
  const Vector most = broadcast(2097152.0F);
#if LIMN_SIMD_TARGET == LIMN_TARGET_AVX512
  // The smaller of two magnitudes, with the value's sign.
  return (IntegerVector)_mm512_maskz_cvtps_epi32(0xFFFF, _mm512_maskz_range_ps(0xFFFF, value, most, 2));
#elif LIMN_SIMD_TARGET == LIMN_TARGET_AVX2
  return (IntegerVector)_mm256_cvtps_epi32(_mm256_max_ps(_mm256_min_ps(value, most), -most));
#elif LIMN_SIMD_TARGET == LIMN_TARGET_SSE2
  return (IntegerVector)_mm_cvtps_epi32(_mm_max_ps(_mm_min_ps(value, most), -most));
#elif LIMN_SIMD_TARGET == LIMN_TARGET_NEON
  return vcvtnq_s32_f32(vminnmq_f32(vmaxnmq_f32(value, -most), most));
#elif LIMN_SIMD_TARGET == LIMN_TARGET_WASM_SIMD128
  const v128_t clamped = wasm_f32x4_pmin((v128_t)most, wasm_f32x4_pmax((v128_t)(-most), (v128_t)value));
  return (IntegerVector)wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest(clamped));
#else
  IntegerVector result;
  for (int i = 0; i < vector_size; ++i) {
    float clamped = value[i] > -most[i] ? value[i] : -most[i];
    clamped = clamped < most[i] ? clamped : most[i];
    // 1.5 * 2^23 leaves no room for a fraction: the integer is in the lowest bits.
    clamped += 12582912.0F;
    std::memcpy(&result[i], &clamped, sizeof(clamped));
    result[i] -= 0x4B400000;
  }
  return result;
#endif
}

/// The same, but beyond +-2^21 all that is sure is the sign and that it is beyond +-2^15: with fewer instructions, and
/// enough for bytes. What is not a number becomes negative.
LIMN_SIMD_INLINE IntegerVector nearest(const Vector& value) {
  // Conversions saturate, but for x86's, which make the most negative integer of all that they cannot convert.
#if LIMN_SIMD_TARGET == LIMN_TARGET_AVX512
  const Vector most = broadcast(2097152.0F);
  return (IntegerVector)_mm512_maskz_cvtps_epi32(0xFFFF, _mm512_maskz_min_ps(0xFFFF, most, value));
#elif LIMN_SIMD_TARGET == LIMN_TARGET_AVX2
  return (IntegerVector)_mm256_cvtps_epi32(_mm256_min_ps(broadcast(2097152.0F), value));
#elif LIMN_SIMD_TARGET == LIMN_TARGET_SSE2
  return (IntegerVector)_mm_cvtps_epi32(_mm_min_ps(broadcast(2097152.0F), value));
#elif LIMN_SIMD_TARGET == LIMN_TARGET_NEON
  return vcvtnq_s32_f32(vmaxnmq_f32(value, broadcast(-2097152.0F)));
#elif LIMN_SIMD_TARGET == LIMN_TARGET_WASM_SIMD128
  const v128_t clamped = wasm_f32x4_pmax((v128_t)broadcast(-2097152.0F), (v128_t)value);
  return (IntegerVector)wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest(clamped));
#else
  return nearest_clamped(value);
#endif
}

/// As many unsigned bytes as a vector has integers.
LIMN_SIMD_INLINE IntegerVector load_bytes(const unsigned char* from) {
#if LIMN_SIMD_TARGET == LIMN_TARGET_AVX512
  return (IntegerVector)_mm512_maskz_cvtepu8_epi32(0xFFFF, _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
#elif LIMN_SIMD_TARGET == LIMN_TARGET_AVX2
  return (IntegerVector)_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)));
#elif LIMN_SIMD_TARGET == LIMN_TARGET_SCALAR
  IntegerVector result;
  for (int i = 0; i < vector_size; ++i) result[i] = from[i];
  return result;
#else
  std::int32_t four;
  std::memcpy(&four, from, sizeof(four));
#if LIMN_SIMD_TARGET == LIMN_TARGET_SSE2
  const __m128i words = _mm_unpacklo_epi8(_mm_cvtsi32_si128(four), _mm_setzero_si128());
  return (IntegerVector)_mm_unpacklo_epi16(words, _mm_setzero_si128());
#elif LIMN_SIMD_TARGET == LIMN_TARGET_NEON
  const uint16x8_t words = vmovl_u8(vreinterpret_u8_s32(vdup_n_s32(four)));
  return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(words)));
#else
  return (IntegerVector)wasm_u32x4_extend_low_u16x8(wasm_u16x8_extend_low_u8x16(wasm_i32x4_splat(four)));
#endif
#endif
}

/// What four vectors of integers, the panels of two pixels, become as bytes: clamp(value + zero_point, least, 255).
struct ByteRange {
  IntegerVector zero_points;  ///< in every word
  IntegerVector least;        ///< in every byte

  LIMN_SIMD_INLINE ByteRange(int zero_point, bool relu)
      : zero_points(broadcast(zero_point * 0x00010001)),
        least(broadcast(static_cast<std::int32_t>((relu ? static_cast<std::uint32_t>(zero_point) : 0) * 0x01010101U))) {
  }

  /// panel_rows bytes to `to`, and as many to `next`. Integers become words, and words bytes, with saturation. Packing
  /// goes by lanes of 128 bits, whose parts are set in order at the end.
  LIMN_SIMD_INLINE void store(unsigned char* to, unsigned char* next, const IntegerVector (&values)[4]) const {
#if LIMN_SIMD_TARGET == LIMN_TARGET_AVX512
    const __m512i zero = (__m512i)zero_points;
    const __m512i a = _mm512_adds_epi16(_mm512_packs_epi32((__m512i)values[0], (__m512i)values[1]), zero);
    const __m512i b = _mm512_adds_epi16(_mm512_packs_epi32((__m512i)values[2], (__m512i)values[3]), zero);
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i packed = _mm512_max_epu8(_mm512_packus_epi16(a, b), (__m512i)least);
    const __m512i bytes = _mm512_maskz_permutexvar_epi32(0xFFFF, order, packed);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_maskz_extracti64x4_epi64(0xF, bytes, 0));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(next), _mm512_maskz_extracti64x4_epi64(0xF, bytes, 1));
#elif LIMN_SIMD_TARGET == LIMN_TARGET_AVX2
    const __m256i zero = (__m256i)zero_points;
    const __m256i a = _mm256_adds_epi16(_mm256_packs_epi32((__m256i)values[0], (__m256i)values[1]), zero);
    const __m256i b = _mm256_adds_epi16(_mm256_packs_epi32((__m256i)values[2], (__m256i)values[3]), zero);
    const __m256i packed = _mm256_max_epu8(_mm256_packus_epi16(a, b), (__m256i)least);
    const __m256i bytes = _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_castsi256_si128(bytes));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(next), _mm256_extracti128_si256(bytes, 1));
#elif LIMN_SIMD_TARGET == LIMN_TARGET_SCALAR
    for (int i = 0; i < 2 * panel_rows; ++i) {
      const int smallest = least[0] & 255;
      int value = values[i / vector_size][i % vector_size] + (zero_points[0] & 255);
      value = value > smallest ? value : smallest;
      (i < panel_rows ? to : next)[i % panel_rows] = static_cast<unsigned char>(value < 255 ? value : 255);
    }
#else
    typedef std::int64_t Halves __attribute__((vector_size(16)));
#if LIMN_SIMD_TARGET == LIMN_TARGET_SSE2
    const __m128i zero = (__m128i)zero_points;
    const __m128i a = _mm_adds_epi16(_mm_packs_epi32((__m128i)values[0], (__m128i)values[1]), zero);
    const __m128i b = _mm_adds_epi16(_mm_packs_epi32((__m128i)values[2], (__m128i)values[3]), zero);
    const Halves bytes = (Halves)_mm_max_epu8(_mm_packus_epi16(a, b), (__m128i)least);
#elif LIMN_SIMD_TARGET == LIMN_TARGET_NEON
    const int16x8_t zero = vreinterpretq_s16_s32(zero_points);
    const int16x8_t a = vqaddq_s16(vcombine_s16(vqmovn_s32(values[0]), vqmovn_s32(values[1])), zero);
    const int16x8_t b = vqaddq_s16(vcombine_s16(vqmovn_s32(values[2]), vqmovn_s32(values[3])), zero);
    const uint8x16_t packed = vcombine_u8(vqmovun_s16(a), vqmovun_s16(b));
    const Halves bytes = (Halves)vmaxq_u8(packed, vreinterpretq_u8_s32(least));
#else
    const v128_t zero = (v128_t)zero_points;
    const v128_t a = wasm_i16x8_add_sat(wasm_i16x8_narrow_i32x4((v128_t)values[0], (v128_t)values[1]), zero);
    const v128_t b = wasm_i16x8_add_sat(wasm_i16x8_narrow_i32x4((v128_t)values[2], (v128_t)values[3]), zero);
    const Halves bytes = (Halves)wasm_u8x16_max(wasm_u8x16_narrow_i16x8(a, b), (v128_t)least);
#endif
    const std::int64_t halves[2] = {bytes[0], bytes[1]};
    std::memcpy(to, &halves[0], sizeof(halves[0]));
    std::memcpy(next, &halves[1], sizeof(halves[1]));
#endif
  }
};
