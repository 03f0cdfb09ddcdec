// Vectors of one target, those of floats at work, and the shape of its panels and tiles, in its namespace. Everything
// here is inlined into the kernels.

/// Calls f(0), f(1), ... with compile-time constants, unrolled at any optimisation level.
template <class F, int... I>
LIMN_SIMD_INLINE void unroll(std::integer_sequence<int, I...>, F&& f) {
  (f(std::integral_constant<int, I>{}), ...);
}
template <int Count, class F>
LIMN_SIMD_INLINE void unroll(F&& f) {
  unroll(std::make_integer_sequence<int, Count>{}, f);
}

/// A panel is two vectors of weights; times six pixels (of 16 registers) or twelve (of 32), the sums and the operands
/// stay in registers.
constexpr int panel_vectors = 2;
constexpr int panel_rows = panel_vectors * vector_size;
constexpr int tile_pixels = register_count == 32 ? 12 : 6;

#if defined(LIMN_SIMD_EXTENSIONS)
typedef float Vector __attribute__((vector_size(vector_size * sizeof(float))));
typedef std::int32_t IntegerVector __attribute__((vector_size(vector_size * sizeof(std::int32_t))));
/// Of integers modulo 2^32.
typedef std::uint32_t WrappingVector __attribute__((vector_size(vector_size * sizeof(std::uint32_t))));
constexpr int word_count = 2 * vector_size;
typedef std::int16_t WordVector __attribute__((vector_size(word_count * sizeof(std::int16_t))));
#else
/// Arrays, which the compiler may make vectors of.
template <class T>
struct ArrayVector {
  T values[vector_size];

  T& operator[](int i) { return values[i]; }
  T operator[](int i) const { return values[i]; }
  friend LIMN_SIMD_INLINE ArrayVector operator+(ArrayVector a, const ArrayVector& b) {
    for (int i = 0; i < vector_size; ++i) a[i] = static_cast<T>(a[i] + b[i]);
    return a;
  }
  friend LIMN_SIMD_INLINE ArrayVector operator-(ArrayVector a, const ArrayVector& b) {
    for (int i = 0; i < vector_size; ++i) a[i] = static_cast<T>(a[i] - b[i]);
    return a;
  }
  friend LIMN_SIMD_INLINE ArrayVector operator*(ArrayVector a, const ArrayVector& b) {
    for (int i = 0; i < vector_size; ++i) a[i] = static_cast<T>(a[i] * b[i]);
    return a;
  }
  friend LIMN_SIMD_INLINE ArrayVector operator>>(ArrayVector a, int bits) {
    for (int i = 0; i < vector_size; ++i) a[i] = a[i] >> bits;
    return a;
  }
  friend LIMN_SIMD_INLINE ArrayVector operator*(ArrayVector a, T factor) {
    for (int i = 0; i < vector_size; ++i) a[i] = static_cast<T>(a[i] * factor);
    return a;
  }
  friend LIMN_SIMD_INLINE ArrayVector operator-(ArrayVector a) {
    for (int i = 0; i < vector_size; ++i) a[i] = static_cast<T>(T{} - a[i]);
    return a;
  }
};
using Vector = ArrayVector<float>;
using IntegerVector = ArrayVector<std::int32_t>;
using WrappingVector = ArrayVector<std::uint32_t>;
constexpr int word_count = vector_size;
using WordVector = ArrayVector<std::int16_t>;
#endif

LIMN_SIMD_INLINE Vector load(const float* from) {
  Vector result;
  std::memcpy(&result, from, sizeof(result));
  return result;
}
LIMN_SIMD_INLINE IntegerVector load(const std::int32_t* from) {
#if LIMN_SIMD_TARGET == LIMN_TARGET_NEON || LIMN_SIMD_TARGET == LIMN_TARGET_NEON_DOT
  return vld1q_s32(from);  // GCC 12 keeps sums that begin with memcpy's vectors in memory
#else
  IntegerVector result;
  std::memcpy(&result, from, sizeof(result));
  return result;
#endif
}

LIMN_SIMD_INLINE void store(float* to, const Vector& value) { std::memcpy(to, &value, sizeof(value)); }
LIMN_SIMD_INLINE void store(std::int32_t* to, const IntegerVector& value) { std::memcpy(to, &value, sizeof(value)); }

#if defined(LIMN_SIMD_EXTENSIONS)
LIMN_SIMD_INLINE Vector broadcast(float value) { return value - Vector{}; }
LIMN_SIMD_INLINE IntegerVector broadcast(std::int32_t value) { return value - IntegerVector{}; }
#else
LIMN_SIMD_INLINE Vector broadcast(float value) {
  Vector result;
  for (int i = 0; i < vector_size; ++i) result[i] = value;
  return result;
}
LIMN_SIMD_INLINE IntegerVector broadcast(std::int32_t value) {
  IntegerVector result;
  for (int i = 0; i < vector_size; ++i) result[i] = value;
  return result;
}
#endif

/// a * b + c
LIMN_SIMD_INLINE Vector multiply_add(const Vector& a, const Vector& b, const Vector& c) {
#if defined(LIMN_SIMD_MULTIPLY_ADD)
  return LIMN_SIMD_MULTIPLY_ADD(a, b, c);
#else
  return a * b + c;
#endif
}

/// The larger, 0 where the value is not a number.
LIMN_SIMD_INLINE Vector above_zero(const Vector& value) {
#if defined(LIMN_SIMD_EXTENSIONS)
  return value > Vector{} ? value : Vector{};
#else
  Vector result;
  for (int i = 0; i < vector_size; ++i) result[i] = value[i] > 0 ? value[i] : 0.0F;
  return result;
#endif
}
