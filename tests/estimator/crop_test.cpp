#include <limn/estimator/crop.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace limn;

namespace {

/// The crop of a photo of 20x10, as a box: first column and row, columns and rows.
Box cropped(const Box& box, double factor) {
  const Image photo(20, 10);
  const Crop part = crop(photo, box, factor);
  return {static_cast<float>(part.left), static_cast<float>(part.top), static_cast<float>(part.view.width),
          static_cast<float>(part.view.height)};
}

void check_box(const Box& found, const Box& expected) {
  CHECK(found.x == expected.x);
  CHECK(found.y == expected.y);
  CHECK(found.width == expected.width);
  CHECK(found.height == expected.height);
}

}  // namespace

TEST_CASE("a crop has the pixels whose centres lie in the enlarged box") {
  check_box(cropped({4, 2, 8, 4}, 1), {4, 2, 9, 5});              // 4 to 12, 2 to 6
  check_box(cropped({4, 2, 8, 4}, 1.25), {3, 2, 11, 5});          // 3 to 13, 1.5 to 6.5
  check_box(cropped({4.1F, 2.1F, 8, 4}, 1), {5, 3, 8, 4});        // 4.1 to 12.1
  check_box(cropped({4.4F, 2.4F, 0.2F, 0.2F}, 1), {4, 2, 1, 1});  // between the centres
}

TEST_CASE("a crop ends where the photo does, and has at least one pixel") {
  check_box(cropped({0, 0, 20, 10}, 1), {0, 0, 20, 10});
  check_box(cropped({-5, -5, 10, 30}, 2), {0, 0, 11, 10});
  check_box(cropped({-9, 3, 4, 4}, 1), {0, 3, 1, 5});
  check_box(cropped({30, 40, 4, 4}, 1), {19, 9, 1, 1});
  check_box(cropped({-1e30F, -1e30F, 3e30F, 3e30F}, 1000), {0, 0, 20, 10});
}

TEST_CASE("a crop shows the photo's pixels in every format, and upside down") {
  Image photo(20, 10);
  for (Index y = 0; y < 10; ++y) {
    for (Index x = 0; x < 20; ++x) photo.pixel(x, y)[0] = static_cast<std::uint8_t>(20 * y + x);
  }
  const Crop part = crop(photo, {4, 2, 8, 4}, 1);
  CHECK(part.view.data[0] == 44);
  CHECK(part.view.data[part.view.row_stride + 3] == 65);

  const ImageView view = photo;
  const ImageView bottom_up = {view.data + 9 * view.row_stride, 20, 10, -view.row_stride, view.format};
  CHECK(crop(bottom_up, {4, 2, 8, 4}, 1).view.data[0] == 20 * (9 - 2) + 4);
  const ImageView gray = {view.data, 60, 10, view.row_stride, PixelFormat::gray};
  CHECK(crop(gray, {12, 2, 8, 4}, 1).view.data[0] == 44);  // the red of the pixel at 12 / 3
}

TEST_CASE("a crop of no picture, by no box or by a factor below 1 is an error") {
  const Image photo(2, 2);
  CHECK_THROWS_AS(crop(ImageView{}, {0, 0, 1, 1}, 1), Error);
  CHECK_THROWS_AS(crop(photo, {0, 0, 0, 1}, 1), Error);
  for (const double factor : {0.0, 0.99, -1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    CHECK_THROWS_WITH_AS(crop(photo, {0, 0, 1, 1}, factor),
                         ("crop " + std::to_string(factor) + ": expected a factor of at least 1").c_str(), Error);
  }
}
