#include <limn/image/resample.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include "image/bad_numbers.hpp"
#include "image/pictures.hpp"

using limn::Affine;
using limn::Image;
using limn::Index;
using limn::Resample;
using limn_test::Buffer;
using limn_test::infinity;
using limn_test::Noise;
using limn_test::noise_image;
using limn_test::not_a_number;
using limn_test::same;

namespace {

/// Channel `k` of `image` at (x, y), black outside.
double value_at(const Image& image, double x, double y, int k) {
  if (x < 0 || y < 0 || x >= static_cast<double>(image.width()) || y >= static_cast<double>(image.height())) return 0;
  return image.pixel(static_cast<Index>(x), static_cast<Index>(y))[k];
}

/// The definition of bilinear interpolation: every pixel weighs max(0, 1 - |dx|) max(0, 1 - |dy|).
double bilinear(const Image& image, double x, double y, int k) {
  double sum = 0;
  for (double row = std::floor(y); row <= std::floor(y) + 1; ++row) {
    for (double column = std::floor(x); column <= std::floor(x) + 1; ++column) {
      sum += value_at(image, column, row, k) * (1 - std::abs(x - column)) * (1 - std::abs(y - row));
    }
  }
  return sum;
}

}  // namespace

TEST_CASE("the identity gives the picture bit for bit") {
  const Image image = noise_image(31, 17);
  CHECK(same(limn::warp(image, Affine{}, 31, 17, Resample::bilinear), image));
  CHECK(same(limn::warp(image, Affine{}, 31, 17, Resample::nearest), image));
}

TEST_CASE("shifts, mirrors and turns by whole pixels move pixels and fill with black") {
  const Image image = noise_image(7, 5);
  const struct {
    Affine map;
    const char* name;
  } cases[] = {{{1, 0, 2, 0, 1, -1}, "shift"},
               {{-1, 0, 6, 0, 1, 0}, "mirror"},
               {{0, 1, 0, -1, 0, 4}, "turn"},
               {{2, 0, 0, 0, 2, 0}, "every other pixel"}};
  for (const auto& c : cases) {
    INFO(c.name);
    for (const Resample resample : {Resample::bilinear, Resample::nearest}) {
      const Image out = limn::warp(image, c.map, 9, 8, resample);
      for (Index y = 0; y < 8; ++y) {
        for (Index x = 0; x < 9; ++x) {
          const auto [sx, sy] = limn::apply(c.map, static_cast<double>(x), static_cast<double>(y));
          for (int k = 0; k < 3; ++k) CHECK(out.pixel(x, y)[k] == value_at(image, sx, sy, k));
        }
      }
    }
  }
}

TEST_CASE("every pixel format gives the same warp, whatever its strides") {
  const Affine m = {0.7, -0.4, 3.3, 0.35, 0.8, -2.7};
  for (const limn::PixelFormat format : limn_test::all_formats) {
    const bool gray = format == limn::PixelFormat::gray;
    const Image image = gray ? limn_test::gray_noise_image(20, 14) : noise_image(20, 14);
    for (const Resample resample : {Resample::bilinear, Resample::nearest}) {
      const Image expected = limn::warp(image, m, 25, 24, resample);
      for (const bool bottom_up : {false, true}) {
        CAPTURE(static_cast<int>(format));
        CAPTURE(bottom_up);
        Buffer buffer(image, format, bottom_up);
        CHECK(same(limn::warp(buffer.view(), m, 25, 24, resample), expected));
      }
    }
  }
}

TEST_CASE("a view of a part sees black beyond the part, not its neighbours") {
  const Image image = noise_image(20, 14);
  Image part(6, 5);
  for (Index y = 0; y < 5; ++y) {
    for (Index x = 0; x < 6; ++x) std::copy_n(image.pixel(x + 7, y + 4), 3, part.pixel(x, y));
  }
  const limn::ImageView view = {image.pixel(7, 4), 6, 5, 60, limn::PixelFormat::rgb};
  const Affine m = {0.6, 0.3, -1.5, -0.2, 0.7, 0.4};
  for (const Resample resample : {Resample::bilinear, Resample::nearest}) {
    CHECK(same(limn::warp(view, m, 16, 13, resample), limn::warp(part, m, 16, 13, resample)));
  }
}

TEST_CASE("bilinear values agree with the definition for random maps") {
  Noise noise(7);
  for (int trial = 0; trial < 200; ++trial) {
    const auto width = static_cast<Index>(1 + noise.next() % 12);
    const auto height = static_cast<Index>(1 + noise.next() % 12);
    const Image image = noise_image(width, height, noise.next());
    const Affine m = {noise.real(-2, 2), noise.real(-2, 2), noise.real(-6, 14),
                      noise.real(-2, 2), noise.real(-2, 2), noise.real(-6, 14)};
    const Image out = limn::warp(image, m, 11, 9, Resample::bilinear);
    double worst = 0;
    for (Index y = 0; y < 9; ++y) {
      for (Index x = 0; x < 11; ++x) {
        const auto [sx, sy] = limn::apply(m, static_cast<double>(x), static_cast<double>(y));
        for (int k = 0; k < 3; ++k) {
          worst = std::max(worst, std::abs(out.pixel(x, y)[k] - bilinear(image, sx, sy, k)));
        }
      }
    }
    CAPTURE(trial);
    CHECK(worst <= 0.5 + 1e-3);
  }
}

TEST_CASE("nearest values agree with the definition for random maps") {
  Noise noise(8);
  for (int trial = 0; trial < 200; ++trial) {
    const Image image = noise_image(6, 5, noise.next());
    const Affine m = {noise.real(-2, 2), noise.real(-2, 2), noise.real(-6, 14),
                      noise.real(-2, 2), noise.real(-2, 2), noise.real(-6, 14)};
    const Image out = limn::warp(image, m, 11, 9, Resample::nearest);
    int wrong = 0;
    for (Index y = 0; y < 9; ++y) {
      for (Index x = 0; x < 11; ++x) {
        const auto [sx, sy] = limn::apply(m, static_cast<double>(x), static_cast<double>(y));
        const double px = sx + 1e-9;
        const double py = sy + 1e-9;
        for (int k = 0; k < 3; ++k) wrong += out.pixel(x, y)[k] != value_at(image, std::floor(px), std::floor(py), k);
      }
    }
    CAPTURE(trial);
    CHECK(wrong == 0);
  }
}

TEST_CASE("nearest takes floor(x * source / target), however the quotient rounds") {
  for (const Index source : {1, 2, 3, 7, 49, 100, 224}) {
    for (const Index target : {1, 3, 7, 49, 98, 224}) {
      Image image(source, 1);
      for (Index x = 0; x < source; ++x) image.pixel(x, 0)[0] = static_cast<std::uint8_t>(x);
      const double scale = static_cast<double>(source) / static_cast<double>(target);
      const Image out = limn::warp(image, {scale, 0, 0, 0, 1, 0}, target, 1, Resample::nearest);
      for (Index x = 0; x < target; ++x) CHECK(out.pixel(x, 0)[0] == x * source / target);
    }
  }
}

TEST_CASE("halves are rounded up") {
  Image image(2, 1);
  image.pixel(0, 0)[0] = 10;
  image.pixel(1, 0)[0] = 11;
  image.pixel(0, 0)[1] = 255;
  image.pixel(1, 0)[1] = 254;
  const Image out = limn::warp(image, {1, 0, 0.5, 0, 1, 0}, 1, 1, Resample::bilinear);
  CHECK(out.pixel(0, 0)[0] == 11);
  CHECK(out.pixel(0, 0)[1] == 255);
}

TEST_CASE("at the border pixels outside count as black") {
  const Image image(2, 2, std::vector<std::uint8_t>(12, 200));
  const Image out = limn::warp(image, {0.25, 0, -1.25, 0, 1, 0}, 15, 1, Resample::bilinear);
  const int expected[] = {0, 0, 50, 100, 150, 200, 200, 200, 200, 200, 150, 100, 50, 0, 0};
  for (Index x = 0; x < 15; ++x) CHECK(out.pixel(x, 0)[0] == expected[x]);
  CHECK(limn::warp(image, {1, 0, -0.5, 0, 1, 1.5}, 1, 1, Resample::bilinear).pixel(0, 0)[2] == 50);
}

// The next two tables are the output of OpenCV 4.6.0:
//   cv2.warpAffine(image, M, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
TEST_CASE("where positions are multiples of 1/32 the result is cv2.warpAffine's exactly") {
  std::vector<std::uint8_t> gray(9 * 7);
  for (int y = 0; y < 7; ++y) {
    for (int x = 0; x < 9; ++x)
      gray[static_cast<std::size_t>(y * 9 + x)] = static_cast<std::uint8_t>(x * 37 + y * 101 + x * y * 13);
  }
  const Image out = limn::warp({gray.data(), 9, 7, 9, limn::PixelFormat::gray}, {0.75, -0.5, 3.25, 0.5, 0.75, -1.5}, 10,
                               8, Resample::bilinear);
  const int expected[8][10] = {
      {0, 0, 88, 204, 162, 195, 205, 97, 0, 0},      {25, 97, 132, 118, 112, 117, 132, 156, 33, 0},
      {83, 181, 97, 86, 21, 158, 112, 76, 69, 0},    {158, 195, 163, 172, 127, 188, 147, 51, 77, 46},
      {94, 72, 92, 57, 160, 81, 140, 144, 158, 246}, {69, 131, 139, 124, 199, 188, 187, 35, 77, 47},
      {66, 180, 112, 117, 69, 94, 128, 43, 0, 0},    {92, 187, 139, 165, 136, 84, 18, 0, 0, 0}};
  for (Index y = 0; y < 8; ++y) {
    for (Index x = 0; x < 10; ++x) {
      for (int k = 0; k < 3; ++k) CHECK(out.pixel(x, y)[k] == expected[y][x]);
    }
  }
}

TEST_CASE("elsewhere the result is within two grey levels of cv2.warpAffine's") {
  Image image(60, 40);
  for (Index y = 0; y < 40; ++y) {
    for (Index x = 0; x < 60; ++x) {
      image.pixel(x, y)[0] = static_cast<std::uint8_t>((3 * x + y) / 2);
      image.pixel(x, y)[1] = static_cast<std::uint8_t>((x + 2 * y) / 2);
      image.pixel(x, y)[2] = static_cast<std::uint8_t>((2 * x + 3 * y) / 3);
    }
  }
  const Affine m = {0.8171 * 8, -0.3319 * 8, 5.2713, 0.2977 * 8, 0.9043 * 8, -3.8391};
  const Image out = limn::warp(image, m, 8, 6, Resample::bilinear);
  const int expected[6][24] = {
      {0, 0, 0, 0, 0, 0, 28, 10, 13, 39, 15, 19, 50, 21, 26, 61, 27, 33, 72, 32, 40, 83, 38, 47},
      {5, 4, 5, 16, 10, 12, 27, 16, 18, 38, 22, 25, 49, 27, 32, 60, 33, 39, 71, 39, 46, 82, 44, 52},
      {5, 10, 10, 16, 16, 17, 27, 21, 23, 38, 27, 30, 49, 33, 37, 60, 39, 44, 71, 44, 51, 82, 50, 57},
      {0, 0, 0, 16, 22, 22, 27, 28, 29, 38, 33, 36, 49, 39, 43, 60, 45, 50, 71, 50, 56, 82, 56, 63},
      {0, 0, 0, 15, 28, 28, 26, 34, 35, 37, 39, 42, 48, 45, 48, 59, 50, 55, 44, 35, 38, 0, 0, 0},
      {0, 0, 0, 0, 0, 0, 26, 39, 40, 19, 24, 25, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}};
  for (Index y = 0; y < 6; ++y) {
    for (Index i = 0; i < 24; ++i) CHECK(std::abs(out.pixel(0, y)[i] - expected[y][i]) <= 2);
  }
}

TEST_CASE("the sink gets every pixel once, row by row, with the image's values") {
  const Image image = noise_image(9, 6);
  const Affine m = {0.9, 0.2, -1, -0.1, 0.8, 1};
  const Image expected = limn::warp(image, m, 8, 7, Resample::bilinear);
  Index count = 0;
  bool ordered = true;
  bool equal = true;
  limn::warp(image, m, 8, 7, Resample::bilinear,
             [&](Index x, Index y, std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
               ordered = ordered && y * 8 + x == count;
               ++count;
               const std::uint8_t* p = expected.pixel(x, y);
               equal = equal && p[0] == red && p[1] == green && p[2] == blue;
             });
  CHECK(count == 56);
  CHECK(ordered);
  CHECK(equal);
}

TEST_CASE("maps that are absurd give black or the right pixel, never a crash") {
  const Image image(3, 2, std::vector<std::uint8_t>(18, 255));
  const double values[] = {
      0,        -0.0,      1,           -1, 1e-300, -1e-300, 1e18, -1e18, 1e300, -1e300, 1.9999999999999998,
      infinity, -infinity, not_a_number};
  for (const double slope : values) {
    for (const double offset : values) {
      for (const Resample resample : {Resample::bilinear, Resample::nearest}) {
        const Image along = limn::warp(image, {slope, 0, offset, 0, 0, 0}, 5, 2, resample);
        const Image across = limn::warp(image, {0, 0, 0, offset, slope, slope}, 2, 5, resample);
        const double x = slope * 3 + offset;
        const bool inside = x >= 0 && x <= 2;
        const bool outside = !(x > -1 && x < 3);
        CAPTURE(slope);
        CAPTURE(offset);
        if (inside) CHECK(along.pixel(3, 0)[0] == 255);
        if (outside) CHECK(along.pixel(3, 0)[0] == 0);
        CHECK(across.width() == 2);
      }
    }
  }
}

TEST_CASE("a warp to no pixels or from no picture is refused") {
  const Image image(3, 2);
  CHECK_THROWS_AS(limn::warp(image, Affine{}, 0, 2, Resample::bilinear), limn::Error);
  CHECK_THROWS_AS(limn::warp(image, Affine{}, 2, -2, Resample::bilinear), limn::Error);
  CHECK_THROWS_AS(limn::warp(Image(), Affine{}, 2, 2, Resample::bilinear), limn::Error);
  CHECK_THROWS_WITH_AS(limn::warp(image, Affine{}, 0, 2, Resample::nearest, [](Index, Index, int, int, int) {}),
                       "warp to 0x2 pixels: both sides must be positive", limn::Error);
}
