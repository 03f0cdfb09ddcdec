#include <limn/pose/geometry.hpp>

#include <doctest/doctest.h>

#include <limits>

namespace {

void check_affine(const limn::Affine& map, double a, double c, double e, double f) {
  CHECK(map.a == doctest::Approx(a).epsilon(1e-6));
  CHECK(map.b == 0);
  CHECK(map.c == doctest::Approx(c).epsilon(1e-6));
  CHECK(map.d == 0);
  CHECK(map.e == doctest::Approx(e).epsilon(1e-6));
  CHECK(map.f == doctest::Approx(f).epsilon(1e-6));
}

}  // namespace

// The expected numbers of the next two cases were computed with Microsoft's own transforms.py.
TEST_CASE("affine: a 192x256 input sees the box as Microsoft's transforms have it") {
  using limn::Geometry;
  using limn::network_from_photo;
  check_affine(network_from_photo(Geometry::affine, {100, 50, 80, 240}, 192, 256), .853333, -23.466667, .853333,
               -17.066667);
  check_affine(network_from_photo(Geometry::affine, {10, 20, 300, 150}, 192, 256), .512, 14.08, .512, 79.36);
  // The whole photo as the box is padded like any other.
  check_affine(network_from_photo(Geometry::affine, {0, 0, 640, 480}, 192, 256), .24, 19.2, .24, 70.4);
}

TEST_CASE("with offset 0 a heatmap cell goes to the photo as by Microsoft's transform_preds") {
  const auto map = limn::network_from_photo(limn::Geometry::affine, {100, 50, 80, 240}, 192, 256);
  check_affine(limn::photo_from_heatmap(map, 4, 0), 4.6875, 27.5, 4.6875, 20);
}

TEST_CASE("the offset moves a cell by so many pixels of the network's input") {
  const auto map = limn::network_from_photo(limn::Geometry::affine, {100, 50, 80, 240}, 192, 256);
  const double photo_pixels = 225.0 / 192.0;  // one input pixel, measured on the photo
  check_affine(limn::photo_from_heatmap(map, 4, 1.5), 4.6875, 27.5 + 1.5 * photo_pixels, 4.6875,
               20 + 1.5 * photo_pixels);
}

TEST_CASE("affine: padding scales the seen part around the box's centre") {
  const auto tight = limn::network_from_photo(limn::Geometry::affine, {10, 20, 30, 40}, 192, 256, 1.0);
  const auto [left, top] = limn::apply(tight, 10, 20);
  const auto [right, bottom] = limn::apply(tight, 40, 60);
  CHECK(left == doctest::Approx(0));
  CHECK(top == doctest::Approx(0));
  CHECK(right == doctest::Approx(192));
  CHECK(bottom == doctest::Approx(256));
  const auto wide = limn::network_from_photo(limn::Geometry::affine, {10, 20, 30, 40}, 192, 256, 2.0);
  CHECK(limn::apply(wide, 25, 40).first == doctest::Approx(96));
  CHECK(limn::apply(wide, 25, 40).second == doctest::Approx(128));
  CHECK(wide.a == doctest::Approx(tight.a / 2));
}

TEST_CASE("stretch: the box's corners go to the input's corners, each axis by its own factor") {
  const auto map = limn::network_from_photo(limn::Geometry::stretch, {100, 50, 80, 240}, 224, 224, 1.25);
  check_affine(map, 2.8, -280, 224.0 / 240.0, -50 * 224.0 / 240.0);
  CHECK(limn::apply(map, 180, 290).first == doctest::Approx(224));
  CHECK(limn::apply(map, 180, 290).second == doctest::Approx(224));
}

// The expected numbers were computed by the formulas of mmpose's get_udp_warp_matrix and of its way back from heatmaps.
TEST_CASE("udp: between first and last centres, in the photo, in the input and in the heatmap") {
  using limn::Geometry;
  const auto to_photo = [](const limn::Box& box) {
    return limn::photo_from_heatmap(limn::network_from_photo(Geometry::udp, box, 192, 256),
                                    limn::heatmap_stride(Geometry::udp, 192, 48),
                                    limn::heatmap_stride(Geometry::udp, 256, 64), 0);
  };
  check_affine(limn::network_from_photo(Geometry::udp, {100, 50, 80, 240}, 192, 256), .8488889, -23.34444, .85, -17);
  check_affine(to_photo({100, 50, 80, 240}), 4.787234, 27.5, 4.761905, 20);
  check_affine(limn::network_from_photo(Geometry::udp, {10, 20, 300, 150}, 192, 256), .5093333, 14.00667, .51, 79.05);
  check_affine(to_photo({10, 20, 300, 150}), 7.978723, -27.5, 7.936508, -155);
}

TEST_CASE("a heatmap's stride is one size over the other, with udp one distance over the other") {
  using limn::Geometry;
  for (const Geometry geometry : {Geometry::affine, Geometry::stretch, Geometry::letterbox}) {
    CHECK(limn::heatmap_stride(geometry, 192, 48) == 4.0);
  }
  CHECK(limn::heatmap_stride(Geometry::udp, 192, 48) == 191.0 / 47.0);
  CHECK(limn::heatmap_stride(Geometry::udp, 32, 1) == 32.0);
}

TEST_CASE("letterbox: one factor, bars of equal size, no padding") {
  // A wide photo gets bars above and below.
  check_affine(limn::network_from_photo(limn::Geometry::letterbox, {0, 0, 640, 480}, 256, 256, 1.25), .4, 0, .4, 32);
  // A tall one left and right.
  check_affine(limn::network_from_photo(limn::Geometry::letterbox, {10, 20, 50, 100}, 256, 256, 1.25), 2.56,
               64 - 2.56 * 10, 2.56, -2.56 * 20);
}

TEST_CASE("a box that is no box is refused") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const limn::Geometry geometry :
       {limn::Geometry::affine, limn::Geometry::stretch, limn::Geometry::letterbox, limn::Geometry::udp}) {
    for (const limn::Box box : {limn::Box{0, 0, 0, 10}, limn::Box{0, 0, 10, -1}, limn::Box{nan, 0, 10, 10},
                                limn::Box{0, 0, 10, nan}, limn::Box{0, infinity, 10, 10}, limn::Box{}}) {
      CHECK_THROWS_AS(limn::network_from_photo(geometry, box, 192, 256), limn::Error);
    }
  }
  CHECK_THROWS_WITH_AS(
      limn::network_from_photo(limn::Geometry::affine, {1, 2, 0, 4}, 192, 256),
      "box [1.000000, 2.000000, 0.000000, 4.000000]: expected x, y, width, height, finite and the size "
      "positive",
      limn::Error);
}

TEST_CASE("sizes, padding and strides that are not positive are refused") {
  const limn::Box box{0, 0, 10, 10};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(limn::network_from_photo(limn::Geometry::affine, box, 0, 256), limn::Error);
  CHECK_THROWS_AS(limn::network_from_photo(limn::Geometry::affine, box, 192, -1), limn::Error);
  CHECK_THROWS_AS(limn::network_from_photo(limn::Geometry::affine, box, 192, 256, 0), limn::Error);
  CHECK_THROWS_AS(limn::network_from_photo(limn::Geometry::affine, box, 192, 256, nan), limn::Error);
  CHECK_THROWS_AS(limn::photo_from_heatmap(limn::Affine{}, 0, 0), limn::Error);
  CHECK_THROWS_AS(limn::photo_from_heatmap(limn::Affine{}, 4, nan), limn::Error);
}
