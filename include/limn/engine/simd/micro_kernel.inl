// The micro-kernel of one target, in its namespace: vector.inl comes first.

/// Bias, residual and ReLU for a panel whose last rows the output does not have. `sums` is panel_rows x pixels.
inline void finish_partial_tile(const TileOutput& out, const float* sums, Index pixels) {
  for (Index n = 0; n < pixels; ++n) {
    float* target = out.data + n * out.pixel_stride;
    for (Index row = 0; row < out.rows; ++row) {
      float sum = sums[n * panel_rows + row];
      if (out.bias != nullptr) sum += out.bias[row];
      if (out.residual != nullptr) sum += out.residual[n * out.residual_stride + row];
      target[row] = out.relu && !(sum > 0) ? 0.0F : sum;
    }
  }
}

/// Computes the first `Vectors` vectors of the panel for a tile of `Pixels`.
template <int Vectors, int Pixels>
LIMN_SIMD_NEVER_INLINE void micro_kernel(const float* weights, const TileInput& in, const TileOutput& out,
                                         const Prefetch& ahead) {
  constexpr int rows = Vectors * vector_size;
  // Only constant indices into the sums, or the compiler would keep them in memory.
  Vector sums[Vectors * Pixels];
  unroll<Vectors * Pixels>([&](auto i) LIMN_SIMD_LAMBDA { sums[i] = broadcast(0.0F); });

  // Three pixels share a base pointer: the address is then base + {0, 1, 2} * stride + k, which x86 and Arm compute
  // within the load, and the pointers fit the integer registers.
  constexpr int group = 3;
  constexpr int groups = (Pixels + group - 1) / group;
  const Index stride = in.pixel_stride;
  const char* next = static_cast<const char*>(ahead.next);
  for (Index segment = 0; segment < in.segments; ++segment) {
    const float* base[groups];
    unroll<groups>([&](auto g)
                       LIMN_SIMD_LAMBDA { base[g] = in.data + segment * in.segment_stride + g * group * stride; });
    for (Index k = in.length; k > 0; --k) {
      Vector w[Vectors];
      unroll<Vectors>([&](auto v) LIMN_SIMD_LAMBDA { w[v] = load(weights + v * vector_size); });
      unroll<Pixels>([&](auto n) LIMN_SIMD_LAMBDA {
        const Vector x = broadcast(base[n / group][(n % group) * stride]);
        unroll<Vectors>([&](auto v)
                            LIMN_SIMD_LAMBDA { sums[n * Vectors + v] = multiply_add(w[v], x, sums[n * Vectors + v]); });
      });
      unroll<groups>([&](auto g) LIMN_SIMD_LAMBDA { ++base[g]; });
      LIMN_SIMD_PREFETCH(next);
      next += ahead.step;
      weights += panel_rows;
    }
  }

  if (out.rows < rows) {
    float values[panel_rows * Pixels];
    unroll<Pixels>([&](auto n) LIMN_SIMD_LAMBDA {
      unroll<Vectors>(
          [&](auto v) LIMN_SIMD_LAMBDA { store(values + n * panel_rows + v * vector_size, sums[n * Vectors + v]); });
    });
    finish_partial_tile(out, values, Pixels);
    return;
  }
  unroll<Vectors * Pixels>([&](auto i) LIMN_SIMD_LAMBDA {
    constexpr Index n = i / Vectors;
    constexpr Index v = i % Vectors;
    Vector sum = sums[i];
    if (out.bias != nullptr) sum = sum + load(out.bias + v * vector_size);
    if (out.residual != nullptr) sum = sum + load(out.residual + n * out.residual_stride + v * vector_size);
    if (out.relu) sum = above_zero(sum);
    store(out.data + n * out.pixel_stride + v * vector_size, sum);
  });
}

template <int Vectors>
void multiply_tile(Index pixels, const float* weights, const TileInput& in, const TileOutput& out,
                   const Prefetch& ahead) {
  if (pixels == tile_pixels) return micro_kernel<Vectors, tile_pixels>(weights, in, out, ahead);
  if constexpr (tile_pixels > 8) {
    if (pixels == 8) return micro_kernel<Vectors, 8>(weights, in, out, ahead);
  }
  if (pixels == 4) return micro_kernel<Vectors, 4>(weights, in, out, ahead);
  if (pixels == 2) return micro_kernel<Vectors, 2>(weights, in, out, ahead);
  micro_kernel<Vectors, 1>(weights, in, out, ahead);
}

/// KernelTable::multiply
inline void multiply(Index pixels, const float* weights, const TileInput& in, const TileOutput& out,
                     const Prefetch& ahead) {
  if (out.rows <= vector_size) return multiply_tile<1>(pixels, weights, in, out, ahead);
  multiply_tile<panel_vectors>(pixels, weights, in, out, ahead);
}

/// KernelTable::multiply_add_in_registers: chains that do not wait for one another, enough to hide the latency.
inline float multiply_add_in_registers(Index rounds, float factor, float summand) {
  constexpr int chains = register_count - 4;
  const Vector a = broadcast(factor);
  const Vector b = broadcast(summand);
  Vector sums[chains];
  unroll<chains>([&](auto i) LIMN_SIMD_LAMBDA { sums[i] = b; });
  for (Index round = 0; round < rounds; ++round) {
    unroll<chains>([&](auto i) LIMN_SIMD_LAMBDA { sums[i] = multiply_add(sums[i], a, b); });
  }
  Vector sum = sums[0];
  unroll<chains - 1>([&](auto i) LIMN_SIMD_LAMBDA { sum = sum + sums[i + 1]; });
  float result = 0;
  for (int i = 0; i < vector_size; ++i) result += sum[i];
  return result;
}
