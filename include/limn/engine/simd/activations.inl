// Sigmoid and tanh of one target, in its namespace: vector.inl comes first.

#if defined(LIMN_SIMD_EXTENSIONS)
/// e^x within 2 units in the last place, for x from -87 to 88; beyond, its value there. Cody and Waite's reduction to x
/// = n ln 2 + r, and a polynomial for e^r: Cephes' expf (S. L. Moshier, Cephes Mathematical Library).
LIMN_SIMD_INLINE Vector exponential(Vector x) {
  const Vector least = broadcast(-87.0F);
  const Vector most = broadcast(88.0F);
  x = x > most ? most : x;
  x = x < least ? least : x;
  // 1.5 * 2^23 leaves no room for a fraction: the nearest integer is in the lowest bits.
  const Vector large = broadcast(12582912.0F);
  const IntegerVector n = (IntegerVector)multiply_add(x, broadcast(1.44269504F), large) - (IntegerVector)large;
  const Vector whole = __builtin_convertvector(n, Vector);
  Vector r = multiply_add(whole, broadcast(-0.693359375F), x);  // ln 2, in two parts
  r = multiply_add(whole, broadcast(2.12194440e-4F), r);
  Vector sum = broadcast(1.9875691500e-4F);
  sum = multiply_add(sum, r, broadcast(1.3981999507e-3F));
  sum = multiply_add(sum, r, broadcast(8.3334519073e-3F));
  sum = multiply_add(sum, r, broadcast(4.1665795894e-2F));
  sum = multiply_add(sum, r, broadcast(1.6666665459e-1F));
  sum = multiply_add(sum, r, broadcast(5.0000001201e-1F));
  sum = multiply_add(sum, r * r, r + broadcast(1.0F));
  return sum * (Vector)((n + 127) << 23);  // the bits of 2^n
}

LIMN_SIMD_INLINE Vector sigmoid_of(const Vector& x) { return broadcast(1.0F) / (broadcast(1.0F) + exponential(-x)); }

/// Cephes' tanhf: an odd polynomial near 0, where 1 - 2 / (e^2x + 1) would cancel.
LIMN_SIMD_INLINE Vector tanh_of(const Vector& x) {
  const Vector square = x * x;
  Vector sum = broadcast(-5.70498872745e-3F);
  sum = multiply_add(sum, square, broadcast(2.06390887954e-2F));
  sum = multiply_add(sum, square, broadcast(-5.37397155531e-2F));
  sum = multiply_add(sum, square, broadcast(1.33314422036e-1F));
  sum = multiply_add(sum, square, broadcast(-3.33332819422e-1F));
  const Vector near_zero = multiply_add(sum * square, x, x);
  const Vector elsewhere = broadcast(1.0F) - broadcast(2.0F) / (exponential(x + x) + broadcast(1.0F));
  return square < broadcast(0.390625F) ? near_zero : elsewhere;
}
#else
LIMN_SIMD_INLINE Vector sigmoid_of(Vector x) {
  for (float& value : x.values) value = 1 / (1 + std::exp(-value));
  return x;
}
LIMN_SIMD_INLINE Vector tanh_of(Vector x) {
  for (float& value : x.values) value = std::tanh(value);
  return x;
}
#endif

/// out = function(in) for `count` values, which need not fill whole vectors.
#define LIMN_SIMD_FOR_EACH_VALUE(function)                                                   \
  Index i = 0;                                                                               \
  for (; i + vector_size <= count; i += vector_size) store(out + i, function(load(in + i))); \
  if (i < count) {                                                                           \
    float rest[vector_size] = {};                                                            \
    for (Index k = i; k < count; ++k) rest[k - i] = in[k];                                   \
    store(rest, function(load(rest)));                                                       \
    for (Index k = i; k < count; ++k) out[k] = rest[k - i];                                  \
  }

/// KernelTable::sigmoid
inline void sigmoid(const float* in, float* out, Index count) { LIMN_SIMD_FOR_EACH_VALUE(sigmoid_of) }

/// KernelTable::tanh
inline void tanh(const float* in, float* out, Index count) { LIMN_SIMD_FOR_EACH_VALUE(tanh_of) }

#undef LIMN_SIMD_FOR_EACH_VALUE
