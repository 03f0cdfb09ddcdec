// Winograd's transforms in whole numbers (WholeWinograd), of one target, in its namespace: winograd_transform.inl comes
// first.

/// As many bytes as a vector has words, widened.
LIMN_SIMD_INLINE WordVector load_words(const unsigned char* from) {
#if defined(LIMN_SIMD_EXTENSIONS)
  typedef unsigned char Bytes __attribute__((vector_size(word_count)));
  Bytes bytes;
  std::memcpy(&bytes, from, sizeof(bytes));
  return __builtin_convertvector(bytes, WordVector);
#else
  WordVector result;
  for (int i = 0; i < word_count; ++i) result[i] = from[i];
  return result;
#endif
}

/// ByteWinogradKernels::input
template <class Transform>
void byte_winograd_input(const unsigned char* const* pixels, Index channels, std::int16_t* out, Index place_stride) {
  constexpr int N = Transform::N;
  for (Index channel = 0; channel < channels; channel += word_count) {
    WordVector columns[N * N];
    for (int x = 0; x < N; ++x) {
      WordVector column[N];
      unroll<N>([&](auto y) LIMN_SIMD_LAMBDA { column[y] = load_words(pixels[y * N + x] + channel); });
      Transform::template input<1, N>(column, columns + x);
    }
    for (int y = 0; y < N; ++y) {
      WordVector row[N];
      Transform::template input<1, 1>(columns + y * N, row);
      std::int16_t* to = out + y * N * place_stride + channel;
      unroll<N>([&](auto x) LIMN_SIMD_LAMBDA { std::memcpy(to + x * place_stride, row + x, sizeof(WordVector)); });
    }
  }
}

/// ByteWinogradKernels::output
template <int M, class Transform>
void byte_winograd_output(const std::int32_t* products, Index place_stride, const std::int32_t* bias,
                          std::int32_t* sums, Index row_stride) {
  using Factors = WholeWinograd<M, Transform::N - M + 1>;
  constexpr int N = Transform::N;
  for (Index row = 0; row < panel_rows; row += vector_size) {
    WrappingVector columns[M * N];
    for (int x = 0; x < N; ++x) {
      WrappingVector column[N];
      unroll<N>([&](auto y) LIMN_SIMD_LAMBDA {
        std::memcpy(column + y, products + (y * N + x) * place_stride + row, sizeof(WrappingVector));
      });
      Transform::template output<1, N, Factors::last>(column, columns + x);
    }
    const IntegerVector summand = load(bias + row);
    for (int y = 0; y < M; ++y) {
      WrappingVector results[M];
      Transform::template output<1, 1, Factors::last>(columns + y * N, results);
      std::int32_t* to = sums + y * row_stride + row;
      unroll<M>([&](auto x) LIMN_SIMD_LAMBDA {
        const WrappingVector shifted = results[x] * Factors::inverse;
        IntegerVector value;
        std::memcpy(&value, &shifted, sizeof(value));
        store(to + x * panel_rows, (value >> Factors::shift) + summand);
      });
    }
  }
}

template <int M, int R>
constexpr ByteWinogradKernels byte_winograd_kernels() {
  using Transform = WinogradTransform<M, R, 1>;
  return {byte_winograd_input<Transform>, byte_winograd_output<M, Transform>};
}
