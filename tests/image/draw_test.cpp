#include <limn/image/draw.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "image/bad_numbers.hpp"
#include "image/pictures.hpp"

using limn::Affine;
using limn::Canvas;
using limn::Color;
using limn::Image;
using limn::Index;
using limn_test::Buffer;
using limn_test::infinity;
using limn_test::noise_image;
using limn_test::not_a_number;
using limn_test::same;

namespace {

constexpr Color white = {255, 255, 255};

/// Area of what was drawn in white on black, in pixels.
double area(const Image& image) {
  double sum = 0;
  for (Index i = 0; i < image.width() * image.height(); ++i) sum += image.data()[3 * i] / 255.0;
  return sum;
}

/// Some of every shape.
void draw_all(const Canvas& canvas) {
  limn::fill_circle(canvas, 12.3, 9.8, 6.2, {250, 40, 10}, 0.7);
  limn::draw_line(canvas, -3, 4, 26.5, 17.25, 3.5, {20, 200, 90});
  limn::draw_box(canvas, 3.5, 2.25, 14, 11, 1.5, {5, 60, 240}, 0.9);
}

}  // namespace

TEST_CASE("a disc covers pi r squared, wherever its centre is") {
  for (const double radius : {1.5, 4.0, 9.3}) {
    for (const double shift : {0.0, 0.25, 0.5}) {
      Image image(30, 30);
      limn::fill_circle(image, 14 + shift, 15 - shift, radius, white);
      CAPTURE(radius);
      CAPTURE(shift);
      CHECK(area(image) == doctest::Approx(3.14159265 * radius * radius).epsilon(radius < 2 ? 0.05 : 0.01));
    }
  }
}

TEST_CASE("a disc is solid inside, untouched outside and symmetric") {
  Image image(21, 21);
  limn::fill_circle(image, 10, 10, 6, white);
  bool right = true;
  for (Index y = 0; y < 21; ++y) {
    for (Index x = 0; x < 21; ++x) {
      const double distance = std::hypot(static_cast<double>(x - 10), static_cast<double>(y - 10));
      const int value = image.pixel(x, y)[0];
      if (distance <= 5.5) right = right && value == 255;
      if (distance >= 6.5) right = right && value == 0;
      if (distance == 6) right = right && value == 128;
      right = right && value == image.pixel(20 - x, y)[0] && value == image.pixel(x, 20 - y)[0] &&
              value == image.pixel(y, x)[0];
    }
  }
  CHECK(right);
}

TEST_CASE("alpha mixes the colour with what was there") {
  Image image(9, 9, std::vector<std::uint8_t>(9 * 9 * 3, 100));
  limn::fill_circle(image, 4, 4, 3, {200, 0, 100}, 0.25);
  CHECK(image.pixel(4, 4)[0] == 125);
  CHECK(image.pixel(4, 4)[1] == 75);
  CHECK(image.pixel(4, 4)[2] == 100);
  CHECK(image.pixel(0, 0)[0] == 100);
  const Image before = image;
  limn::fill_circle(image, 4, 4, 3, white, 0);
  limn::fill_circle(image, 4, 4, 3, white, -1);
  limn::fill_circle(image, 4, 4, 3, white, not_a_number);
  CHECK(same(image, before));
  limn::fill_circle(image, 4, 4, 3, white, 7);
  CHECK(image.pixel(4, 4)[0] == 255);
}

TEST_CASE("a line along an axis covers exactly its thickness") {
  for (const double thickness : {0.4, 1.0, 1.6, 3.0, 4.5}) {
    for (const double shift : {0.0, 0.3, 0.5}) {
      Image across(31, 21);
      limn::draw_line(across, -20, 10 + shift, 50, 10 + shift, thickness, white);
      Image down(21, 31);
      limn::draw_line(down, 10 + shift, 50, 10 + shift, -20, thickness, white);
      CAPTURE(thickness);
      CAPTURE(shift);
      CHECK(area(across) == doctest::Approx(31 * thickness).epsilon(0.02));
      bool transposed = true;
      for (Index y = 0; y < 21; ++y) {
        for (Index x = 0; x < 31; ++x) transposed = transposed && across.pixel(x, y)[0] == down.pixel(y, x)[0];
      }
      CHECK(transposed);
    }
  }
}

TEST_CASE("a line at 45 degrees covers length times thickness plus its caps") {
  for (const double thickness : {1.0, 2.0, 3.0, 6.0}) {
    Image image(60, 60);
    limn::draw_line(image, 10, 10, 45, 45, thickness, white);
    const double expected = 35 * std::sqrt(2.0) * thickness + 3.14159265 * thickness * thickness / 4;
    CAPTURE(thickness);
    // Coverage is found from the distance alone, as if the edge ran along an axis: rough for hairlines.
    CHECK(area(image) == doctest::Approx(expected).epsilon(thickness < 2 ? 0.13 : 0.03));
    bool symmetric = true;
    for (Index y = 0; y < 60; ++y) {
      for (Index x = 0; x < 60; ++x) symmetric = symmetric && image.pixel(x, y)[0] == image.pixel(y, x)[0];
    }
    CHECK(symmetric);
  }
}

TEST_CASE("a line is the same from either end and leaves out no pixel it covers") {
  limn_test::Noise noise(3);
  for (int trial = 0; trial < 100; ++trial) {
    const double x0 = noise.real(-20, 60), y0 = noise.real(-20, 60);
    const double x1 = noise.real(-20, 60), y1 = noise.real(-20, 60);
    const double thickness = noise.real(0.3, 9);
    Image forward(40, 40);
    Image backward(40, 40);
    limn::draw_line(forward, x0, y0, x1, y1, thickness, white);
    limn::draw_line(backward, x1, y1, x0, y0, thickness, white);
    int worst = 0;
    bool right = true;
    for (Index y = 0; y < 40; ++y) {
      for (Index x = 0; x < 40; ++x) {
        worst = std::max(worst, std::abs(forward.pixel(x, y)[0] - backward.pixel(x, y)[0]));
        // The distance to the line, found by walking along it.
        double distance = infinity;
        for (int step = 0; step <= 200; ++step) {
          const double t = step / 200.0;
          distance = std::min(distance, std::hypot(static_cast<double>(x) - (x0 + t * (x1 - x0)),
                                                   static_cast<double>(y) - (y0 + t * (y1 - y0))));
        }
        if (distance < thickness / 2 - 0.6) right = right && forward.pixel(x, y)[0] == 255;
        if (distance < thickness / 2) right = right && forward.pixel(x, y)[0] > 0;
        if (distance > thickness / 2 + 0.6) right = right && forward.pixel(x, y)[0] == 0;
      }
    }
    CAPTURE(trial);
    CHECK(worst <= 1);
    CHECK(right);
  }
}

TEST_CASE("drawing on part of a picture gives the same pixels as drawing on the whole") {
  Image whole = noise_image(40, 30);
  Image part = noise_image(40, 30);
  draw_all(whole);
  const Image untouched = part;
  // The window's own coordinates start at its corner.
  const Canvas window = {part.pixel(5, 4), 16, 11, 120, limn::PixelFormat::rgb};
  limn::fill_circle(window, 7.3, 5.8, 6.2, {250, 40, 10}, 0.7);
  limn::draw_line(window, -8, 0, 21.5, 13.25, 3.5, {20, 200, 90});
  limn::draw_box(window, -1.5, -1.75, 14, 11, 1.5, {5, 60, 240}, 0.9);
  bool right = true;
  for (Index y = 0; y < 30; ++y) {
    for (Index x = 0; x < 40; ++x) {
      const bool inside = x >= 5 && x < 21 && y >= 4 && y < 15;
      for (int k = 0; k < 3; ++k) {
        const int expected = inside ? whole.pixel(x, y)[k] : untouched.pixel(x, y)[k];
        right = right && std::abs(part.pixel(x, y)[k] - expected) <= (inside ? 1 : 0);
      }
    }
  }
  CHECK(right);
}

TEST_CASE("shapes outside, not finite or absurd change nothing and do not crash") {
  const Image before = noise_image(12, 9);
  const double bad[] = {not_a_number, infinity, -infinity, 1e300, -1e300, 1e10};
  const std::vector<std::function<void(Image&)>> shapes = {
      [](Image& i) { limn::fill_circle(i, -20, 4, 5, white); },
      [](Image& i) { limn::fill_circle(i, 4, 500, 5, white); },
      [](Image& i) { limn::fill_circle(i, 4, 4, 0, white); },
      [](Image& i) { limn::fill_circle(i, 4, 4, -3, white); },
      [](Image& i) { limn::draw_line(i, 0, -9, 11, -9, 3, white); },
      [](Image& i) { limn::draw_line(i, 20, -50, 90, 200, 3, white); },
      [](Image& i) { limn::draw_box(i, -5, -5, 40, 40, 2, white); },
      [](Image& i) { limn::draw_box(i, 3, 3, -4, 4, 2, white); }};
  for (const auto& shape : shapes) {
    Image image = before;
    shape(image);
    CHECK(same(image, before));
  }
  for (const double value : bad) {
    CAPTURE(value);
    Image image = before;
    limn::fill_circle(image, value, 4, 3, white);
    limn::fill_circle(image, 4, value, 3, white);
    limn::fill_circle(image, 4, 4, value, white);
    limn::draw_line(image, value, 1, 4, 4, 3, white);
    limn::draw_line(image, 1, value, 4, 4, 3, white);
    limn::draw_line(image, 1, 1, value, 4, 3, white);
    limn::draw_line(image, 1, 1, 4, value, 3, white);
    limn::draw_line(image, 1, 1, 4, 4, value, white);
    limn::draw_box(image, value, 1, 4, 4, 1, white);
    limn::draw_box(image, 1, value, 4, 4, 1, white);
    limn::draw_box(image, 1, 1, value, 4, 1, white);
    limn::draw_box(image, 1, 1, 4, value, 1, white);
    limn::draw_box(image, 1, 1, 4, 4, value, white);
    CHECK(same(image, before));
  }
  // Far ends are fine: this line passes through the middle row.
  Image image(12, 9);
  limn::draw_line(image, -1e8, 4, 1e9, 4, 1, white);
  CHECK(area(image) == doctest::Approx(12));
  limn::fill_circle(image, 6, 4, 1e9, white);
  CHECK(area(image) == 12 * 9);
}

TEST_CASE("a box is an outline of its thickness, painted once everywhere") {
  Image image(40, 30);
  limn::draw_box(image, 5, 6, 20, 12, 3, {100, 200, 250}, 0.5);
  for (Index y = 0; y < 30; ++y) {
    for (Index x = 0; x < 40; ++x) {
      const bool inside_outer = x >= 4 && x <= 26 && y >= 5 && y <= 19;
      const bool inside_inner = x >= 7 && x <= 23 && y >= 8 && y <= 16;
      const bool corner = (x == 4 || x == 26) && (y == 5 || y == 19);
      CAPTURE(x);
      CAPTURE(y);
      if (corner) continue;
      CHECK(image.pixel(x, y)[0] == (inside_outer && !inside_inner ? 50 : 0));
    }
  }
  // A box thinner than its outline is solid.
  Image thin(20, 20);
  limn::draw_box(thin, 5, 5, 1, 8, 4, white);
  CHECK(thin.pixel(5, 9)[0] == 255);
  CHECK(thin.pixel(6, 9)[0] == 255);
  CHECK(area(thin) == doctest::Approx(5 * 12 - (4 - 3.14159265) * 4).epsilon(0.02));
  // One without extent is a dot.
  Image dot(20, 20);
  limn::draw_box(dot, 9, 9, 0, 0, 6, white);
  Image disc(20, 20);
  limn::fill_circle(disc, 9, 9, 3, white);
  CHECK(same(dot, disc));
}

TEST_CASE("every pixel format gets the same drawing, within its rows") {
  const Image picture = noise_image(24, 18);
  Image expected = picture;
  draw_all(expected);
  for (const limn::PixelFormat format :
       {limn::PixelFormat::rgb, limn::PixelFormat::bgr, limn::PixelFormat::rgba, limn::PixelFormat::bgra}) {
    for (const bool bottom_up : {false, true}) {
      CAPTURE(static_cast<int>(format));
      Buffer buffer(picture, format, bottom_up);
      const Buffer untouched(picture, format, bottom_up);
      draw_all(buffer.canvas());
      CHECK(same(limn::warp(buffer.view(), Affine{}, 24, 18, limn::Resample::nearest), expected));
      const auto row_bytes = 24 * limn::bytes_per_pixel(format);
      bool padding_kept = true;
      for (Index i = 0; i < static_cast<Index>(buffer.bytes().size()); ++i) {
        if (i % buffer.stride() < row_bytes) continue;
        const auto at = static_cast<std::size_t>(i);
        padding_kept = padding_kept && buffer.bytes()[at] == untouched.bytes()[at];
      }
      CHECK(padding_kept);
    }
  }
}

TEST_CASE("a grey canvas gets the colour's luma") {
  CHECK(limn::luma({255, 255, 255}) == 255);
  CHECK(limn::luma({255, 0, 0}) == 76);
  CHECK(limn::luma({0, 255, 0}) == 150);
  CHECK(limn::luma({0, 0, 255}) == 29);
  Buffer buffer(9, 9, limn::PixelFormat::gray);
  limn::fill_circle(buffer.canvas(), 4, 4, 3, {0, 255, 0});
  CHECK(*buffer.pixel(4, 4) == 150);
  CHECK(*buffer.pixel(0, 0) == 77);
}

TEST_CASE("what is drawn on a transparent canvas becomes opaque") {
  Buffer buffer(9, 9, limn::PixelFormat::bgra);
  for (Index y = 0; y < 9; ++y) {
    for (Index x = 0; x < 9; ++x) buffer.pixel(x, y)[3] = 0;
  }
  limn::fill_circle(buffer.canvas(), 4, 4, 2, {1, 2, 3});
  CHECK(buffer.pixel(4, 4)[3] == 255);
  CHECK(buffer.pixel(4, 6)[3] == 128);
  CHECK(buffer.pixel(4, 8)[3] == 0);
  CHECK(buffer.pixel(4, 4)[0] == 3);
}

TEST_CASE("drawing on nothing is refused") {
  Image empty;
  CHECK_THROWS_AS(limn::fill_circle(empty, 1, 1, 1, white), limn::Error);
  CHECK_THROWS_AS(limn::draw_line(empty, 1, 1, 2, 2, 1, white), limn::Error);
  CHECK_THROWS_AS(limn::draw_box(empty, 1, 1, 2, 2, 1, white), limn::Error);
  CHECK_THROWS_AS(limn::blend(empty, empty, 1), limn::Error);
}

TEST_CASE("jet runs from dark blue over green to dark red") {
  CHECK(limn::jet(0.0F) == Color{0, 0, 128});
  CHECK(limn::jet(0.125F) == Color{0, 0, 255});
  CHECK(limn::jet(0.375F) == Color{0, 255, 255});
  CHECK(limn::jet(0.5F) == Color{128, 255, 128});
  CHECK(limn::jet(0.625F) == Color{255, 255, 0});
  CHECK(limn::jet(0.875F) == Color{255, 0, 0});
  CHECK(limn::jet(1.0F) == Color{128, 0, 0});
  CHECK(limn::jet(-3.0F) == limn::jet(0.0F));
  CHECK(limn::jet(1e30F) == limn::jet(1.0F));
  CHECK(limn::jet(std::numeric_limits<float>::quiet_NaN()) == limn::jet(0.0F));
  CHECK(limn::jet(0.0F) != limn::jet(1.0F));
}

TEST_CASE("blend mixes two pictures of any format") {
  Image image(5, 4, std::vector<std::uint8_t>(60, 100));
  const Image overlay = noise_image(5, 4);
  Buffer bgra(overlay, limn::PixelFormat::bgra, true);
  limn::blend(image, bgra.view(), 0.5);
  for (Index i = 0; i < 60; ++i) CHECK(image.data()[i] == (100 + overlay.data()[i] + 1) / 2);
  limn::blend(image, overlay, 1);
  CHECK(same(image, overlay));
  CHECK_THROWS_WITH_AS(limn::blend(image, Image(5, 3), 0.5), "blend of images: expected 5x4 pixels, found 5x3",
                       limn::Error);
}

TEST_CASE("heat is laid over its cells, interpolated between their centres, and nothing else is touched") {
  // Cells of 4 pixels whose centres are pixels 2, 6, 10; the map begins at pixel 8 of the canvas.
  const float heat[] = {0.0F, 0.25F, 1.0F, 0.5F, 0.5F, 0.5F};
  const Affine heat_from_canvas = {0.25, 0, -0.5 - 2, 0, 0.25, -0.5};
  Image image(30, 9, std::vector<std::uint8_t>(30 * 9 * 3, 40));
  limn::blend_heat(image, heat, 3, 2, 3, 1, heat_from_canvas, 1);
  const auto at = [&](Index x, Index y) {
    return Color{image.pixel(x, y)[0], image.pixel(x, y)[1], image.pixel(x, y)[2]};
  };
  CHECK(at(10, 2) == limn::jet(0.0F));
  CHECK(at(14, 2) == limn::jet(0.25F));
  CHECK(at(18, 2) == limn::jet(1.0F));
  CHECK(at(12, 2) == limn::jet(0.125F));
  CHECK(at(16, 2) == limn::jet(0.625F));
  CHECK(at(18, 4) == limn::jet(0.75F));
  CHECK(at(8, 0) == limn::jet(0.0F));
  CHECK(at(19, 0) == limn::jet(1.0F));
  CHECK(at(7, 2) == Color{40, 40, 40});
  CHECK(at(20, 2) == Color{40, 40, 40});
  CHECK(at(10, 8) == Color{40, 40, 40});

  // The same values with the cells far apart in memory, as in a map with three interleaved keypoints.
  std::vector<float> interleaved(18, 9.0F);
  for (std::size_t i = 0; i < 6; ++i) interleaved[3 * i + 1] = heat[i];
  Image again(30, 9, std::vector<std::uint8_t>(30 * 9 * 3, 40));
  limn::blend_heat(again, interleaved.data() + 1, 3, 2, 9, 3, heat_from_canvas, 1);
  CHECK(same(again, image));

  Image half(30, 9, std::vector<std::uint8_t>(30 * 9 * 3, 40));
  limn::blend_heat(half, heat, 3, 2, 3, 1, heat_from_canvas, 0.5);
  CHECK(half.pixel(18, 2)[0] == 84);
  limn::blend_heat(half, heat, 3, 2, 3, 1, {not_a_number, 0, infinity, 1e300, 1e300, 0}, 0.5);
  CHECK_THROWS_AS(limn::blend_heat(half, nullptr, 3, 2, 3, 1, heat_from_canvas, 1), limn::Error);
  CHECK_THROWS_WITH_AS(limn::blend_heat(half, heat, 0, 2, 3, 1, heat_from_canvas, 1),
                       "heat map of 0x2 cells: both sides must be positive", limn::Error);
}
