#pragma once

#include <cmath>
#include <string>
#include <utility>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// An affine map of the plane: x' = a x + b y + c, y' = d x + e y + f. In pixels, x to the right, y down; integer
/// coordinates are pixel centres. The default is the identity.
struct Affine {
  double a = 1;  ///< x to x'
  double b = 0;  ///< y to x'
  double c = 0;  ///< added to x'
  double d = 0;  ///< x to y'
  double e = 1;  ///< y to y'
  double f = 0;  ///< added to y'
};

/// The point that (x, y) is mapped to.
inline std::pair<double, double> apply(const Affine& m, double x, double y) {
  return {m.a * x + m.b * y + m.c, m.d * x + m.e * y + m.f};
}

/// The map that applies `right` first, then `left`.
inline Affine operator*(const Affine& left, const Affine& right) {
  return {left.a * right.a + left.b * right.d,          left.a * right.b + left.b * right.e,
          left.a * right.c + left.b * right.f + left.c, left.d * right.a + left.e * right.d,
          left.d * right.b + left.e * right.e,          left.d * right.c + left.e * right.f + left.f};
}

/// The map that undoes `m`. Throws Error if there is none (determinant zero or not finite).
inline Affine inverse(const Affine& m) {
  const double determinant = m.a * m.e - m.b * m.d;
  const Affine result = {m.e / determinant,  -m.b / determinant, (m.b * m.f - m.e * m.c) / determinant,
                         -m.d / determinant, m.a / determinant,  (m.d * m.c - m.a * m.f) / determinant};
  // A zero or not finite number among them makes the sum infinite or NaN.
  const double sum = std::abs(result.a) + std::abs(result.b) + std::abs(result.c) + std::abs(result.d) +
                     std::abs(result.e) + std::abs(result.f);
  if (!std::isfinite(determinant) || !std::isfinite(sum)) {
    throw Error("affine map of determinant " + std::to_string(determinant) + " cannot be inverted");
  }
  return result;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
