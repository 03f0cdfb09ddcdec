#include <limn/metrics/joints_mse.hpp>

#include <doctest/doctest.h>

#include <limits>

#include "metrics/label_places.hpp"

using namespace limn;
using limn_test::visible;

TEST_CASE("a target is a Gaussian of peak 1 around its keypoint's cell, cut off after three sigma") {
  // Pixel (8, 4) is cell (2, 1) at stride 4; sigma 2, so 2 sigma^2 = 8.
  const HeatmapTargets targets = gaussian_targets({visible(8, 4)}, 16, 12, 4, 2);
  REQUIRE(targets.heatmaps.shape() == Shape{1, 16, 12});
  CHECK(targets.weights == std::vector<float>{1});
  CHECK(targets.heatmaps(0, 1, 2) == 1);
  CHECK(targets.heatmaps(0, 1, 4) == doctest::Approx(0.606531));  // exp(-4 / 8)
  CHECK(targets.heatmaps(0, 2, 3) == doctest::Approx(0.778801));  // exp(-2 / 8)
  CHECK(targets.heatmaps(0, 1, 8) == doctest::Approx(0.011109));  // exp(-36 / 8), the window's last column
  CHECK(targets.heatmaps(0, 1, 9) == 0);
  CHECK(targets.heatmaps(0, 7, 2) == doctest::Approx(0.011109));
  CHECK(targets.heatmaps(0, 8, 2) == 0);
}

TEST_CASE("a keypoint's cell is the nearest one, halves rounded up") {
  const auto cell_of = [](double x) {
    const HeatmapTargets targets = gaussian_targets({visible(x, 0)}, 1, 8, 4, 0.5);
    for (Index column = 0; column < 8; ++column) {
      if (targets.heatmaps(0, 0, column) == 1) return column;
    }
    return Index{-1};
  };
  CHECK(cell_of(0) == 0);
  CHECK(cell_of(9.9) == 2);
  CHECK(cell_of(10) == 3);
  CHECK(cell_of(13.9) == 3);
}

TEST_CASE("what is not labelled, or whose window lies beyond the map, has weight 0 and an empty map") {
  // A window of 6 cells to each side, on 8 x 8 cells: as published, it is taken to end one cell further right.
  const Label hidden{{16, 16}, Visibility::hidden};
  const double beyond = std::numeric_limits<double>::quiet_NaN();
  const Labels labels = {{},     visible(-32, 0),   visible(-36, 0), visible(4 * 13, 0), visible(4 * 14, 0),
                         hidden, visible(beyond, 0)};
  const HeatmapTargets targets = gaussian_targets(labels, 8, 8, 4, 2);
  CHECK(targets.weights == std::vector<float>{0, 1, 0, 1, 0, 1, 0});
  CHECK(targets.heatmaps.matrix().row(0).isZero());
  CHECK(targets.heatmaps.matrix().row(1).isZero());  // but for that it would weigh 0
  CHECK(targets.heatmaps.matrix().row(2).isZero());
  CHECK(targets.heatmaps(3, 0, 7) == doctest::Approx(0.011109));
  CHECK(targets.heatmaps.matrix().row(4).isZero());
  CHECK(targets.heatmaps(5, 4, 4) == 1);
  CHECK(targets.heatmaps.matrix().allFinite());
}

TEST_CASE("JointsMSE by hand: halves of the joints' mean squares, the weights within the squares") {
  const std::vector<float> heatmaps = {1, 2, 3, 4, 0, 1, 0, 1};
  const std::vector<float> targets = {0, 2, 3, 2, 0, 0, 0, 0};
  const auto h = HeatmapView::planar(heatmaps.data(), 2, 2, 2);
  const auto t = HeatmapView::planar(targets.data(), 2, 2, 2);
  // Joint 0: (1 + 0 + 0 + 4) / 4 / 2 = 0.625; joint 1: 2 / 4 / 2 = 0.25.
  CHECK(joints_mse(h, t) == doctest::Approx(0.4375));
  CHECK(joints_mse(h, t, {1, 0}) == doctest::Approx(0.3125));
  CHECK(joints_mse(h, t, {1, 2}) == doctest::Approx((0.625 + 4 * 0.25) / 2));
  CHECK(joints_mse(t, t) == 0);
}

TEST_CASE("a network that puts out its targets has no loss, an empty map the Gaussian's half mean square") {
  const HeatmapTargets targets = gaussian_targets({visible(100, 60), {}, visible(3, 3)}, 64, 48, 4);
  CHECK(joints_mse(targets.heatmaps, targets.heatmaps, targets.weights) == 0);
  const Tensor nothing(targets.heatmaps.shape());
  const double squares = static_cast<double>(targets.heatmaps.matrix().squaredNorm());
  CHECK(joints_mse(nothing, targets.heatmaps, targets.weights) == doctest::Approx(squares / 2 / (3 * 64 * 48)));
}

TEST_CASE("targets and losses of nothing, or of sizes that differ, are errors") {
  CHECK_THROWS_AS(gaussian_targets({}, 8, 8, 4), Error);
  CHECK_THROWS_AS(gaussian_targets({visible(1, 1)}, 0, 8, 4), Error);
  CHECK_THROWS_AS(gaussian_targets({visible(1, 1)}, 8, 8, 0), Error);
  CHECK_THROWS_AS(gaussian_targets({visible(1, 1)}, 8, 8, 4, -1), Error);
  CHECK_THROWS_WITH_AS(joints_mse(Tensor({2, 3, 4}), Tensor({2, 4, 3}), {1, 1}),
                       "JointsMSE: heatmaps of 2x3x4, targets of 2x4x3 and 2 weights: expected one size and a weight "
                       "for each keypoint",
                       Error);
  CHECK_THROWS_AS(joints_mse(Tensor({2, 3, 4}), Tensor({2, 3, 4}), {1}), Error);
}
