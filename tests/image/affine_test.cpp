#include <limn/image/affine.hpp>

#include <doctest/doctest.h>

#include "image/bad_numbers.hpp"

using limn::Affine;
using limn_test::infinity;
using limn_test::not_a_number;

namespace {

void check_close(const Affine& m, const Affine& expected) {
  CHECK(m.a == doctest::Approx(expected.a));
  CHECK(m.b == doctest::Approx(expected.b));
  CHECK(m.c == doctest::Approx(expected.c));
  CHECK(m.d == doctest::Approx(expected.d));
  CHECK(m.e == doctest::Approx(expected.e));
  CHECK(m.f == doctest::Approx(expected.f));
}

/// The affine map of Simple Baselines without rotation (lib/utils/transforms.py, get_affine_transform):
/// x' = k (x - cx) + W / 2, with k from the box's width after widening it to the target's shape and by a quarter.
Affine network_from_box(double x, double y, double width, double height, double target_width, double target_height) {
  const double aspect = target_width / target_height;
  const double cx = x + width / 2;
  const double cy = y + height / 2;
  if (width < aspect * height) width = height * aspect;
  const double k = target_width / (width * 1.25);
  return {k, 0, target_width / 2 - k * cx, 0, k, target_height / 2 - k * cy};
}

}  // namespace

TEST_CASE("affine maps compose from right to left and have inverses") {
  const Affine m = {1.5, -0.5, 3, 0.25, 2, -7};
  const Affine n = {0, 1, 10, -1, 0, 20};
  const auto [x, y] = limn::apply(m, 2, 3);
  CHECK(x == 1.5 * 2 - 0.5 * 3 + 3);
  CHECK(y == 0.25 * 2 + 2 * 3 - 7);
  const auto [nx, ny] = limn::apply(n, x, y);
  const auto [cx, cy] = limn::apply(n * m, 2, 3);
  CHECK(cx == doctest::Approx(nx));
  CHECK(cy == doctest::Approx(ny));
  check_close(limn::inverse(m) * m, Affine{});
  check_close(m * limn::inverse(m), Affine{});
}

TEST_CASE("a map that cannot be undone is refused") {
  CHECK_THROWS_AS(limn::inverse({0, 0, 1, 0, 0, 1}), limn::Error);
  CHECK_THROWS_AS(limn::inverse({1, 2, 0, 2, 4, 0}), limn::Error);
  CHECK_THROWS_AS(limn::inverse({not_a_number, 0, 0, 0, 1, 0}), limn::Error);
  CHECK_THROWS_AS(limn::inverse({infinity, 0, 0, 0, 1, 0}), limn::Error);
  CHECK_THROWS_AS(limn::inverse({1, 0, infinity, 0, 1, 0}), limn::Error);
  CHECK_THROWS_AS(limn::inverse({1e-320, 0, 1, 0, 1, 1}), limn::Error);
}

TEST_CASE("the inverse takes Simple Baselines' network coordinates back to the photo") {
  // Worked out from its formula: box -> matrix, 192x256.
  const Affine first = network_from_box(100, 50, 80, 240, 192, 256);
  check_close(first, {0.8533333333, 0, -23.4666666667, 0, 0.8533333333, -17.0666666667});
  const Affine second = network_from_box(10, 20, 300, 150, 192, 256);
  check_close(second, {0.512, 0, 14.08, 0, 0.512, 79.36});
  const Affine whole = network_from_box(0, 0, 640, 480, 192, 256);
  check_close(whole, {0.24, 0, 19.2, 0, 0.24, 70.4});
  // transform_preds: in the first box cell x of the 48-wide heatmap, input pixel 4 x, is photo pixel 4.6875 x + 27.5.
  const auto [x, y] = limn::apply(limn::inverse(first), 4 * 10, 4 * 20);
  CHECK(x == doctest::Approx(4.6875 * 10 + 27.5));
  CHECK(y == doctest::Approx(4.6875 * 20 + 20));
}
