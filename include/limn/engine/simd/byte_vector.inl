// From floats to integers and bytes and back, of one target, in its namespace: vector.inl comes first. Everything here
// is inlined into the kernels. (AVX-512's conversions are those with a mask: GCC 12 warns of the others' own source.)

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

/// The nearest integers, ties to even, of values within +-2^21.
LIMN_SIMD_INLINE IntegerVector nearest(const Vector& value) {
#if LIMN_SIMD_TARGET == LIMN_TARGET_AVX512
  return (IntegerVector)_mm512_maskz_cvtps_epi32(0xFFFF, value);
#elif LIMN_SIMD_TARGET == LIMN_TARGET_AVX2
  return (IntegerVector)_mm256_cvtps_epi32(value);
#elif LIMN_SIMD_TARGET == LIMN_TARGET_NEON
  return vcvtnq_s32_f32(value);
#else
  // 1.5 * 2^23 leaves no room for a fraction: the integer is in the lowest bits.
  const Vector large = broadcast(12582912.0F);
  const Vector sum = value + large;
  IntegerVector bits;
  std::memcpy(&bits, &sum, sizeof(bits));
  return bits - broadcast(0x4B400000);
#endif
}

/// From `least` to `most`; what is not a number becomes `least`.
LIMN_SIMD_INLINE Vector clamp(const Vector& value, const Vector& least, const Vector& most) {
#if LIMN_SIMD_TARGET == LIMN_TARGET_AVX512
  return _mm512_maskz_min_ps(0xFFFF, _mm512_maskz_max_ps(0xFFFF, value, least), most);
#elif defined(LIMN_SIMD_EXTENSIONS)
  const Vector above = value > least ? value : least;
  return above < most ? above : most;
#else
  Vector result;
  for (int i = 0; i < vector_size; ++i) {
    result[i] = value[i] > least[i] ? value[i] : least[i];
    result[i] = result[i] < most[i] ? result[i] : most[i];
  }
  return result;
#endif
}

LIMN_SIMD_INLINE IntegerVector clamp(const IntegerVector& value, const IntegerVector& least,
                                     const IntegerVector& most) {
#if defined(LIMN_SIMD_EXTENSIONS)
  const IntegerVector above = value > least ? value : least;
  return above < most ? above : most;
#else
  IntegerVector result;
  for (int i = 0; i < vector_size; ++i) {
    result[i] = value[i] > least[i] ? value[i] : least[i];
    result[i] = result[i] < most[i] ? result[i] : most[i];
  }
  return result;
#endif
}

/// As many unsigned bytes as a vector has integers.
LIMN_SIMD_INLINE IntegerVector load_bytes(const unsigned char* from) {
#if LIMN_SIMD_TARGET == LIMN_TARGET_AVX512
  return (IntegerVector)_mm512_maskz_cvtepu8_epi32(0xFFFF, _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
#elif LIMN_SIMD_TARGET == LIMN_TARGET_AVX2
  return (IntegerVector)_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)));
#else
  IntegerVector result;
  std::int32_t four;
  std::memcpy(&four, from, sizeof(four));
#if LIMN_SIMD_TARGET == LIMN_TARGET_SSE2
  const __m128i words = _mm_unpacklo_epi8(_mm_cvtsi32_si128(four), _mm_setzero_si128());
  result = (IntegerVector)_mm_unpacklo_epi16(words, _mm_setzero_si128());
#elif LIMN_SIMD_TARGET == LIMN_TARGET_NEON
  const uint16x8_t words = vmovl_u8(vreinterpret_u8_s32(vdup_n_s32(four)));
  result = vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(words)));
#elif LIMN_SIMD_TARGET == LIMN_TARGET_WASM_SIMD128
  result = (IntegerVector)wasm_u32x4_extend_low_u16x8(wasm_u16x8_extend_low_u8x16(wasm_i32x4_splat(four)));
#else
  for (int i = 0; i < vector_size; ++i) result[i] = from[i];
#endif
  return result;
#endif
}

/// Of values from 0 to 255.
LIMN_SIMD_INLINE void store_bytes(unsigned char* to, const IntegerVector& value) {
#if LIMN_SIMD_TARGET == LIMN_TARGET_AVX512
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_maskz_cvtepi32_epi8(0xFFFF, (__m512i)value));
#elif LIMN_SIMD_TARGET == LIMN_TARGET_AVX2
  const __m128i low = _mm256_castsi256_si128((__m256i)value);
  const __m128i words = _mm_packus_epi32(low, _mm256_extracti128_si256((__m256i)value, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packus_epi16(words, words));
#elif LIMN_SIMD_TARGET == LIMN_TARGET_SCALAR
  for (int i = 0; i < vector_size; ++i) to[i] = static_cast<unsigned char>(value[i]);
#else
#if LIMN_SIMD_TARGET == LIMN_TARGET_SSE2
  const __m128i words = _mm_packs_epi32((__m128i)value, (__m128i)value);
  const std::int32_t four = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
#elif LIMN_SIMD_TARGET == LIMN_TARGET_NEON
  const int16x4_t words = vmovn_s32(value);
  const std::int32_t four = vget_lane_s32(vreinterpret_s32_s8(vmovn_s16(vcombine_s16(words, words))), 0);
#elif LIMN_SIMD_TARGET == LIMN_TARGET_WASM_SIMD128
  const v128_t words = wasm_i16x8_narrow_i32x4((v128_t)value, (v128_t)value);
  const std::int32_t four = wasm_i32x4_extract_lane(wasm_u8x16_narrow_i16x8(words, words), 0);
#endif
  std::memcpy(to, &four, sizeof(four));
#endif
}
