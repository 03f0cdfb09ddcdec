#include <limn/pose/box.hpp>

#include <doctest/doctest.h>

#include <limits>

TEST_CASE("COCO's clipping leaves out the last row and column, and moves what begins outside") {
  const auto check_box = [](const limn::Box& found, float x, float y, float width, float height) {
    CHECK(found.x == x);
    CHECK(found.y == y);
    CHECK(found.width == width);
    CHECK(found.height == height);
  };
  check_box(limn::clip_box({10, 20, 30, 40}, 640, 480), 10, 20, 29, 39);
  check_box(limn::clip_box({600, 400, 100, 100}, 640, 480), 600, 400, 39, 79);
  check_box(limn::clip_box({-5, -6, 30, 40}, 640, 480), 0, 0, 29, 39);
  check_box(limn::clip_box({0, 0, 640, 480}, 640, 480), 0, 0, 639, 479);
  CHECK_THROWS_AS(limn::clip_box({640, 0, 10, 10}, 640, 480), limn::Error);
  CHECK_THROWS_AS(limn::clip_box({0, 0, 1, 10}, 640, 480), limn::Error);
}

TEST_CASE("boxes have in common what lies in both, as a share of what lies in either") {
  const auto iou = [](const limn::Box& a, const limn::Box& b) {
    CHECK(limn::intersection_over_union(a, b) == limn::intersection_over_union(b, a));
    return limn::intersection_over_union(a, b);
  };
  const limn::Box box = {10, 20, 30, 40};
  CHECK(iou(box, box) == 1);
  CHECK(iou(box, {25, 40, 30, 40}) == doctest::Approx(300.0 / 2100.0));  // 15 x 20 of them
  CHECK(iou(box, {15, 30, 10, 10}) == doctest::Approx(100.0 / 1200.0));  // inside
  CHECK(iou(box, {40, 20, 30, 40}) == 0);                                // beside
  CHECK(iou(box, {10, 60, 30, 40}) == 0);                                // below
  CHECK(iou(box, {100, 200, 30, 40}) == 0);
  CHECK(iou(box, {20, 30, 0, 10}) == 0);
}

TEST_CASE("the box of a photo is all of it") {
  const limn::Box box = limn::box_of(limn::Image(7, 5));
  CHECK(box.x == 0);
  CHECK(box.y == 0);
  CHECK(box.width == 7);
  CHECK(box.height == 5);
}

TEST_CASE("the overlap with a NaN or infinite box is an error, with an empty one 0") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const limn::Box proper = {0, 0, 5, 5};
  for (const limn::Box& box : {limn::Box{nan, 0, 5, 5}, {0, infinity, 5, 5}, {0, 0, nan, 5}, {0, 0, 5, -infinity}}) {
    const auto expected = doctest::Contains("expected finite x, y, width and height");
    CHECK_THROWS_WITH_AS(limn::intersection_over_union(box, proper), expected, limn::Error);
    CHECK_THROWS_WITH_AS(limn::intersection_over_union(proper, box), expected, limn::Error);
  }
  CHECK(limn::intersection_over_union(proper, {}) == 0);
}
