#pragma once

#include <cstdint>

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

/// F(M, R) in whole numbers modulo 2^32. B^T and A^T are whole already, and G is made so: its rows are taken
/// `denominator` times, and the last of them, which has the largest numbers, `last` times less, as A^T makes up for. In
/// two dimensions the results are denominator^2 = odd 2^shift times too large. `inverse` takes `odd` away, whose
/// inverse modulo 2^32 it is, and a shift the rest, which is right for results of less than 2^(31 - shift).
///
/// So all of it is exact: transformed bytes and weights fit 16 bits, and sums may wrap.
template <int M, int R>
struct WholeWinograd {
  static_assert(M == 4 && (R == 2 || R == 3), "the methods there are");
  static constexpr int N = M + R - 1;
  static constexpr int denominator = R == 3 ? 24 : 6;
  static constexpr int last = R == 3 ? 4 : 1;

  static constexpr int weight(int row, int tap) {
    const double value = WinogradMatrices<M, R>().g[row][tap] * denominator / (row == N - 1 ? last : 1);
    return static_cast<int>(value < 0 ? value - 0.5 : value + 0.5);
  }

  static constexpr int find_shift() {
    int count = 0;
    for (int rest = denominator * denominator; rest % 2 == 0; rest /= 2) ++count;
    return count;
  }
  static constexpr int shift = find_shift();

  /// Newton's iteration doubles the bits that are right, of which there are 3 to begin with.
  static constexpr std::uint32_t find_inverse() {
    const std::uint32_t odd = static_cast<std::uint32_t>(denominator * denominator) >> shift;
    std::uint32_t result = odd;
    for (int i = 0; i < 4; ++i) result *= 2 - odd * result;
    return result;
  }
  static constexpr std::uint32_t inverse = find_inverse();
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
