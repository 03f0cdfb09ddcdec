// Winograd's transforms of one target, in its namespace: vector.inl and micro_kernel.inl come first.

/// coefficient * x
LIMN_SIMD_INLINE Vector times(double coefficient, const Vector& x) {
  return broadcast(static_cast<float>(coefficient)) * x;
}
LIMN_SIMD_INLINE WordVector times(double coefficient, const WordVector& x) {
  return x * static_cast<std::int16_t>(coefficient);
}
LIMN_SIMD_INLINE WrappingVector times(double coefficient, const WrappingVector& x) {
  return x * static_cast<std::uint32_t>(static_cast<std::int32_t>(coefficient));
}
/// sum + coefficient * x
LIMN_SIMD_INLINE Vector plus_times(const Vector& sum, double coefficient, const Vector& x) {
  return multiply_add(broadcast(static_cast<float>(coefficient)), x, sum);
}
template <class V>
LIMN_SIMD_INLINE V plus_times(const V& sum, double coefficient, const V& x) {
  return sum + times(coefficient, x);
}

/// Adds coefficient * x to a sum; the coefficients are known when compiling, so that 0 costs nothing and 1 no product.
template <class V>
struct LinearCombination {
  V sum;
  bool empty = true;

  LIMN_SIMD_INLINE void add(double coefficient, const V& x) {
    if (coefficient == 0) return;
    if (empty) {
      sum = coefficient == 1 ? x : coefficient == -1 ? -x : times(coefficient, x);
    } else if (coefficient == 1) {
      sum = sum + x;
    } else if (coefficient == -1) {
      sum = sum - x;
    } else {
      sum = plus_times(sum, coefficient, x);
    }
    empty = false;
  }
};

/// One-dimensional transforms of N vectors, for the methods of WinogradMatrices. `InStride` and `OutStride` count
/// vectors.
template <int M, int R, int Step>
struct WinogradTransform {
  static_assert(Step == 1, "steps of 2 have a specialisation");
  static constexpr WinogradMatrices<M, R> matrices = {};
  static constexpr int N = M + R - 1;
  /// With opposite points only (0 aside), rows 2 i - 1 and 2 i of B^T differ in the sign of the odd columns.
  static constexpr bool symmetric = N % 2 == 0;

  /// out = B^T in
  template <int InStride, int OutStride, class V>
  static LIMN_SIMD_INLINE void input(const V* in, V* out) {
    unroll<N>([&](auto row) LIMN_SIMD_LAMBDA {
      if constexpr (symmetric && row > 0 && row < N - 1) {
        if constexpr (row % 2 == 1) {
          LinearCombination<V> even;
          LinearCombination<V> odd;
          unroll<N>([&](auto k)
                        LIMN_SIMD_LAMBDA { (k % 2 == 0 ? even : odd).add(matrices.bt[row][k], in[k * InStride]); });
          out[row * OutStride] = even.sum + odd.sum;
          out[(row + 1) * OutStride] = even.sum - odd.sum;
        }
      } else {
        LinearCombination<V> sum;
        unroll<N>([&](auto k) LIMN_SIMD_LAMBDA { sum.add(matrices.bt[row][k], in[k * InStride]); });
        out[row * OutStride] = sum.sum;
      }
    });
  }

  /// out = A^T in, the last of `in` counting `Last` times.
  template <int InStride, int OutStride, int Last = 1, class V>
  static LIMN_SIMD_INLINE void output(const V* in, V* out) {
    constexpr int pairs = (N - 2) / 2;
    V sums[pairs > 0 ? pairs : 1];
    V differences[pairs > 0 ? pairs : 1];
    unroll<pairs>([&](auto p) LIMN_SIMD_LAMBDA {
      sums[p] = in[(2 * p + 1) * InStride] + in[(2 * p + 2) * InStride];
      differences[p] = in[(2 * p + 1) * InStride] - in[(2 * p + 2) * InStride];
    });
    unroll<M>([&](auto row) LIMN_SIMD_LAMBDA {
      LinearCombination<V> sum;
      unroll<pairs>([&](auto p) LIMN_SIMD_LAMBDA {
        sum.add(matrices.at[row][2 * p + 1], row % 2 == 0 ? sums[p] : differences[p]);
      });
      sum.add(matrices.at[row][0], in[0]);
      unroll<N - 1 - 2 * pairs>([&](auto k) LIMN_SIMD_LAMBDA {
        constexpr int place = 2 * pairs + 1 + k;
        sum.add(matrices.at[row][place] * (place == N - 1 ? Last : 1), in[place * InStride]);
      });
      out[row * OutStride] = sum.sum;
    });
  }
};

template <int M>
struct WinogradTransform<M, 3, 2> {
  using Even = WinogradTransform<M, 2, 1>;
  static constexpr int N = 2 * M + 1;

  template <int InStride, int OutStride>
  static LIMN_SIMD_INLINE void input(const Vector* in, Vector* out) {
    Even::template input<2 * InStride, OutStride>(in, out);
    unroll<M>([&](auto m) LIMN_SIMD_LAMBDA { out[(M + 1 + m) * OutStride] = in[(2 * m + 1) * InStride]; });
  }

  template <int InStride, int OutStride>
  static LIMN_SIMD_INLINE void output(const Vector* in, Vector* out) {
    Even::template output<InStride, OutStride>(in, out);
    unroll<M>([&](auto m) LIMN_SIMD_LAMBDA { out[m * OutStride] = out[m * OutStride] + in[(M + 1 + m) * InStride]; });
  }
};

/// WinogradKernels::input
template <class Transform>
void winograd_input(const float* const* pixels, Index channels, float* out, Index place_stride) {
  constexpr int N = Transform::N;
  for (Index channel = 0; channel < channels; channel += vector_size) {
    Vector columns[N * N];
    for (int x = 0; x < N; ++x) {
      Vector column[N];
      unroll<N>([&](auto y) LIMN_SIMD_LAMBDA { column[y] = load(pixels[y * N + x] + channel); });
      Transform::template input<1, N>(column, columns + x);
    }
    for (int y = 0; y < N; ++y) {
      Vector row[N];
      Transform::template input<1, 1>(columns + y * N, row);
      float* to = out + y * N * place_stride + channel;
      unroll<N>([&](auto x) LIMN_SIMD_LAMBDA { store(to + x * place_stride, row[x]); });
    }
  }
}

/// WinogradKernels::output
template <int M, class Transform>
void winograd_output(const float* products, const WinogradOutput& out) {
  constexpr int N = Transform::N;
  for (Index channel = 0; channel < out.channels; channel += vector_size) {
    Vector columns[M * N];
    for (int x = 0; x < N; ++x) {
      Vector column[N];
      unroll<N>([&](auto y) LIMN_SIMD_LAMBDA { column[y] = load(products + (y * N + x) * panel_rows + channel); });
      Transform::template output<1, N>(column, columns + x);
    }
    const Vector bias = load(out.bias + channel);
    for (Index y = 0; y < out.height; ++y) {
      Vector results[M];
      Transform::template output<1, 1>(columns + y * N, results);
      for (Index x = 0; x < out.width; ++x) {
        const Index place = y * out.row_stride + x * out.pixel_stride + channel;
        Vector value = results[x] + bias;
        if (out.residual != nullptr) value = value + load(out.residual + place);
        if (out.relu) value = above_zero(value);
        store(out.data + place, value);
      }
    }
  }
}

template <int M, int R, int Step>
constexpr WinogradKernels winograd_kernels() {
  using Transform = WinogradTransform<M, R, Step>;
  return {winograd_input<Transform>, winograd_output<M, Transform>};
}
