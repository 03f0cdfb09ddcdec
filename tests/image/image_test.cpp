#include <limn/image/image.hpp>

#include <doctest/doctest.h>

#include <limits>

TEST_CASE("an image is its own view and its own canvas") {
  limn::Image image(4, 3);
  image.pixel(2, 1)[1] = 9;
  const limn::ImageView view = image;
  CHECK(view.data[(1 * 4 + 2) * 3 + 1] == 9);
  CHECK(view.row_stride == 12);
  const limn::Canvas canvas = image;
  canvas.data[0] = 5;
  CHECK(image.pixel(0, 0)[0] == 5);
  CHECK(limn::ImageView(canvas).data == image.data());
}

TEST_CASE("images without pixels, of the wrong size or too large are refused") {
  CHECK_THROWS_WITH_AS(limn::Image(0, 3), "image of 0x3 pixels: both sides must be positive", limn::Error);
  CHECK_THROWS_AS(limn::Image(3, -1), limn::Error);
  CHECK_THROWS_WITH_AS(limn::Image(2, 2, std::vector<std::uint8_t>(11)),
                       "image of 2x2 RGB pixels: expected 12 bytes, found 11", limn::Error);
  const limn::Index huge = (std::numeric_limits<limn::Index>::max)() / 4;
  CHECK_THROWS_AS(limn::Image(huge, 5), limn::Error);
}

TEST_CASE("views that are no pictures are refused") {
  std::uint8_t bytes[64] = {};
  using limn::PixelFormat;
  CHECK_NOTHROW(limn::check({bytes, 4, 4, 12, PixelFormat::rgb}));
  CHECK_NOTHROW(limn::check({bytes + 36, 4, 4, -12, PixelFormat::rgb}));
  CHECK_THROWS_AS(limn::check({nullptr, 4, 4, 12, PixelFormat::rgb}), limn::Error);
  CHECK_THROWS_AS(limn::check({bytes, 0, 4, 12, PixelFormat::rgb}), limn::Error);
  CHECK_THROWS_WITH_AS(limn::check({bytes, 4, 4, 12, PixelFormat::rgba}),
                       "image row stride 12: expected at least the 16 bytes of a row", limn::Error);
  CHECK_THROWS_AS(limn::check({bytes, 4, 4, -11, PixelFormat::rgb}), limn::Error);
  CHECK_THROWS_AS(limn::check({bytes, 4, 4, 16, static_cast<PixelFormat>(17)}), limn::Error);
}
