#pragma once

#include <limn/engine/micro_kernel.hpp>

namespace limn::detail {

/// The matrices of Winograd's minimal filtering F(M, R): M outputs of an R-tap filter from N = M + R - 1 inputs with N
/// multiplications, y = A^T [(G w) * (B^T x)]. In two dimensions they are applied to columns, then to rows (Lavin &
/// Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016).
///
/// They follow from evaluating polynomials at N - 1 points p and at infinity (Toom & Cook; Blahut, "Fast Algorithms
/// for Signal Processing", chapter 5). With M_i(x) the product of (x - p_k) over all k != i:
///   A^T[k][i] = p_i^k,  G[i][k] = p_i^k / M_i(p_i),  B^T[i] = coefficients of M_i, lowest first;
/// and for infinity A^T's last row and G's last column are 1, and B^T has the coefficients of the product of all.
template <int M, int R>
struct WinogradMatrices {
  static constexpr int N = M + R - 1;

  double at[M][N] = {};
  double g[N][R] = {};
  double bt[N][N] = {};

  constexpr WinogradMatrices() {
    for (int i = 0; i < N; ++i) {
      const bool infinity = i == N - 1;
      double denominator = 1;
      double product[N] = {1};
      int degree = 0;
      for (int k = 0; k < N - 1; ++k) {
        if (k == i) continue;
        if (!infinity) denominator *= point(i) - point(k);
        ++degree;
        for (int j = degree; j >= 0; --j) {
          product[j] = (j > 0 ? product[j - 1] : 0.0) - (j < degree ? point(k) * product[j] : 0.0);
        }
      }
      for (int j = 0; j < N; ++j) bt[i][j] = product[j];
      double power = 1;
      for (int k = 0; k < (M > R ? M : R); ++k) {
        if (k < M) at[k][i] = infinity ? (k == M - 1 ? 1.0 : 0.0) : power;
        if (k < R) g[i][k] = infinity ? (k == R - 1 ? 1.0 : 0.0) : power / denominator;
        power *= infinity ? 1.0 : point(i);
      }
    }
  }

  /// 0, then pairs of opposite sign, small ones first: they keep the numbers and so the rounding errors small.
  static constexpr double point(int i) {
    constexpr double points[] = {0, 1, -1, 2, -2, 0.5, -0.5};
    return points[i];
  }
};

/// Adds coefficient * x to a sum; the coefficients are known when compiling, so that 0 costs nothing and 1 no product.
struct LinearCombination {
  Packet sum;
  bool empty = true;

  LIMN_ALWAYS_INLINE void add(double coefficient, const Packet& x) {
    using namespace Eigen::internal;
    if (coefficient == 0) return;
    if (empty) {
      sum = coefficient == 1    ? x
            : coefficient == -1 ? pnegate(x)
                                : pmul(pset1<Packet>(static_cast<float>(coefficient)), x);
    } else if (coefficient == 1) {
      sum = padd(sum, x);
    } else if (coefficient == -1) {
      sum = psub(sum, x);
    } else {
      sum = pmadd(pset1<Packet>(static_cast<float>(coefficient)), x, sum);
    }
    empty = false;
  }
};

/// One-dimensional transforms of N packets for a filter of R taps that moves on by `Step` inputs: M outputs from N
/// inputs with N multiplications. `InStride` and `OutStride` count packets.
template <int M, int R, int Step = 1>
struct WinogradTransform {
  static_assert(Step == 1);
  static constexpr WinogradMatrices<M, R> matrices = {};
  static constexpr int N = M + R - 1;
  /// With opposite points only (0 aside), rows 2 i - 1 and 2 i of B^T differ in the sign of the odd columns.
  static constexpr bool symmetric = N % 2 == 0;

  /// out = B^T in
  template <int InStride, int OutStride>
  static LIMN_ALWAYS_INLINE void input(const Packet* in, Packet* out) {
    using namespace Eigen::internal;
    unroll<N>([&](auto row) LIMN_INLINE_LAMBDA {
      if constexpr (symmetric && row > 0 && row < N - 1) {
        if constexpr (row % 2 == 1) {
          LinearCombination even;
          LinearCombination odd;
          unroll<N>([&](auto k)
                        LIMN_INLINE_LAMBDA { (k % 2 == 0 ? even : odd).add(matrices.bt[row][k], in[k * InStride]); });
          out[row * OutStride] = padd(even.sum, odd.sum);
          out[(row + 1) * OutStride] = psub(even.sum, odd.sum);
        }
      } else {
        LinearCombination sum;
        unroll<N>([&](auto k) LIMN_INLINE_LAMBDA { sum.add(matrices.bt[row][k], in[k * InStride]); });
        out[row * OutStride] = sum.sum;
      }
    });
  }

  /// out = A^T in
  template <int InStride, int OutStride>
  static LIMN_ALWAYS_INLINE void output(const Packet* in, Packet* out) {
    using namespace Eigen::internal;
    constexpr int pairs = (N - 2) / 2;
    Packet sums[pairs > 0 ? pairs : 1];
    Packet differences[pairs > 0 ? pairs : 1];
    unroll<pairs>([&](auto p) LIMN_INLINE_LAMBDA {
      sums[p] = padd(in[(2 * p + 1) * InStride], in[(2 * p + 2) * InStride]);
      differences[p] = psub(in[(2 * p + 1) * InStride], in[(2 * p + 2) * InStride]);
    });
    unroll<M>([&](auto row) LIMN_INLINE_LAMBDA {
      LinearCombination sum;
      unroll<pairs>([&](auto p) LIMN_INLINE_LAMBDA {
        sum.add(matrices.at[row][2 * p + 1], row % 2 == 0 ? sums[p] : differences[p]);
      });
      sum.add(matrices.at[row][0], in[0]);
      unroll<N - 1 - 2 * pairs>([&](auto k) LIMN_INLINE_LAMBDA {
        sum.add(matrices.at[row][2 * pairs + 1 + k], in[(2 * pairs + 1 + k) * InStride]);
      });
      out[row * OutStride] = sum.sum;
    });
  }

  /// Entry of G, the transform of the weights.
  static constexpr double weight(int row, int tap) { return matrices.g[row][tap]; }
};

/// Three taps that move on by two: outputs y[m] = w0 x[2 m] + w1 x[2 m + 1] + w2 x[2 m + 2] are a filter of two taps
/// over the even inputs, for which F(M, 2) needs M + 1 multiplications, and one tap over the M odd ones: 2 M + 1
/// instead of 3 M.
template <int M>
struct WinogradTransform<M, 3, 2> {
  using Even = WinogradTransform<M, 2>;
  static constexpr int N = 2 * M + 1;

  template <int InStride, int OutStride>
  static LIMN_ALWAYS_INLINE void input(const Packet* in, Packet* out) {
    Even::template input<2 * InStride, OutStride>(in, out);
    unroll<M>([&](auto m) LIMN_INLINE_LAMBDA { out[(M + 1 + m) * OutStride] = in[(2 * m + 1) * InStride]; });
  }

  template <int InStride, int OutStride>
  static LIMN_ALWAYS_INLINE void output(const Packet* in, Packet* out) {
    using namespace Eigen::internal;
    Even::template output<InStride, OutStride>(in, out);
    unroll<M>([&](auto m)
                  LIMN_INLINE_LAMBDA { out[m * OutStride] = padd(out[m * OutStride], in[(M + 1 + m) * InStride]); });
  }

  static constexpr double weight(int row, int tap) {
    if (row > M) return tap == 1 ? 1 : 0;
    return tap == 1 ? 0 : Even::weight(row, tap / 2);
  }
};

/// out = G kernel G^T, N x N from R x R, both row-major.
template <class Transform, int R>
void winograd_weights(const double (&kernel)[R][R], double (&out)[Transform::N][Transform::N]) {
  double rows[Transform::N][R] = {};
  for (int i = 0; i < Transform::N; ++i) {
    for (int j = 0; j < R; ++j) {
      for (int k = 0; k < R; ++k) rows[i][j] += Transform::weight(i, k) * kernel[k][j];
    }
  }
  for (int i = 0; i < Transform::N; ++i) {
    for (int j = 0; j < Transform::N; ++j) {
      out[i][j] = 0;
      for (int k = 0; k < R; ++k) out[i][j] += rows[i][k] * Transform::weight(j, k);
    }
  }
}

}  // namespace limn::detail
