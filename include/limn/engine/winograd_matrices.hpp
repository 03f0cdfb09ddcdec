#pragma once

#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// The matrices of Winograd's minimal filtering F(M, R): M outputs of an R-tap filter from N = M + R - 1 inputs with N
/// multiplications, y = A^T [(G w) * (B^T x)]. In two dimensions they are applied to columns, then to rows (Lavin &
/// Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016).
///
/// They follow from evaluating polynomials at N - 1 points p and at infinity (Toom & Cook; Blahut, "Fast Algorithms
/// for Signal Processing", chapter 5). With M_i(x) the product of (x - p_k) over all k != i:
///   A^T[k][i] = p_i^k,  G[i][k] = p_i^k / M_i(p_i),  B^T[i] = coefficients of M_i, lowest first;
/// and for infinity A^T's last row and G's last column are 1, and B^T has the coefficients of the product of all.
///
/// Three taps that move on by two: outputs y[m] = w0 x[2 m] + w1 x[2 m + 1] + w2 x[2 m + 2] are a filter of two taps
/// over the even inputs, for which F(M, 2) needs M + 1 multiplications, and one tap over the M odd ones: N = 2 M + 1
/// instead of 3 M.
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

/// Entry of G, the transform of the weights, for the method that moves on by `Step` inputs.
template <int M, int R, int Step>
constexpr double winograd_weight(int row, int tap) {
  if constexpr (Step == 1) {
    return WinogradMatrices<M, R>().g[row][tap];
  } else {
    static_assert(R == 3 && Step == 2, "the methods there are");
    if (row > M) return tap == 1 ? 1 : 0;
    return tap == 1 ? 0 : WinogradMatrices<M, 2>().g[row][tap / 2];
  }
}

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
