// Vectors of floats of one target, in its namespace. Everything here is inlined into the kernels.

#if defined(LIMN_SIMD_EXTENSIONS)
typedef float Vector __attribute__((vector_size(vector_size * sizeof(float))));
#else
/// Arrays, which the compiler may make vectors of.
struct Vector {
  float values[vector_size];

  float& operator[](int i) { return values[i]; }
  float operator[](int i) const { return values[i]; }
  friend LIMN_SIMD_INLINE Vector operator+(Vector a, const Vector& b) {
    for (int i = 0; i < vector_size; ++i) a[i] += b[i];
    return a;
  }
  friend LIMN_SIMD_INLINE Vector operator-(Vector a, const Vector& b) {
    for (int i = 0; i < vector_size; ++i) a[i] -= b[i];
    return a;
  }
  friend LIMN_SIMD_INLINE Vector operator*(Vector a, const Vector& b) {
    for (int i = 0; i < vector_size; ++i) a[i] *= b[i];
    return a;
  }
  friend LIMN_SIMD_INLINE Vector operator-(Vector a) {
    for (int i = 0; i < vector_size; ++i) a[i] = -a[i];
    return a;
  }
};
#endif

LIMN_SIMD_INLINE Vector load(const float* from) {
  Vector result;
  std::memcpy(&result, from, sizeof(result));
  return result;
}

LIMN_SIMD_INLINE void store(float* to, const Vector& value) { std::memcpy(to, &value, sizeof(value)); }

LIMN_SIMD_INLINE Vector broadcast(float value) {
#if defined(LIMN_SIMD_EXTENSIONS)
  return value - Vector{};
#else
  Vector result;
  for (int i = 0; i < vector_size; ++i) result[i] = value;
  return result;
#endif
}

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
