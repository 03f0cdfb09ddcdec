#include <limn/estimator/preprocess.hpp>

#include <doctest/doctest.h>

#include <limn/core/tensor.hpp>
#include <limn/pose/geometry.hpp>

using namespace limn;

namespace {

InputDocument imagenet(ChannelOrder order) {
  InputDocument input;
  input.channels = order;
  input.mean = {0.485F, 0.456F, 0.406F};
  input.std = {0.229F, 0.224F, 0.225F};
  return input;
}

}  // namespace

TEST_CASE("mean and deviation belong to the planes in the order they are fed") {
  const Image photo(1, 1, {255, 51, 0});
  Tensor target({3, 1, 1});
  preprocess(photo, Affine(), imagenet(ChannelOrder::rgb), 1, 1, target.matrix());
  CHECK(target(0, 0, 0) == doctest::Approx((1.0 - 0.485) / 0.229));
  CHECK(target(1, 0, 0) == doctest::Approx((0.2 - 0.456) / 0.224));
  CHECK(target(2, 0, 0) == doctest::Approx((0.0 - 0.406) / 0.225));
  preprocess(photo, Affine(), imagenet(ChannelOrder::bgr), 1, 1, target.matrix());
  CHECK(target(0, 0, 0) == doctest::Approx((0.0 - 0.485) / 0.229));
  CHECK(target(1, 0, 0) == doctest::Approx((0.2 - 0.456) / 0.224));
  CHECK(target(2, 0, 0) == doctest::Approx((1.0 - 0.406) / 0.225));
}

TEST_CASE("what lies outside the photo is fed as black") {
  const Image photo(2, 1, {255, 255, 255, 255, 255, 255});
  Tensor target({3, 1, 4});
  preprocess(photo, Affine{1, 0, 1, 0, 1, 0}, imagenet(ChannelOrder::rgb), 4, 1, target.matrix());
  const float black = -0.485F / 0.229F;
  const float white = (1 - 0.485F) / 0.229F;
  CHECK(target(0, 0, 0) == doctest::Approx(black));
  CHECK(target(0, 0, 1) == doctest::Approx(white));
  CHECK(target(0, 0, 2) == doctest::Approx(white));
  CHECK(target(0, 0, 3) == doctest::Approx(black));
}

TEST_CASE("a person's box is seen by the document's geometry and padding, what the crop leaves out of it as black") {
  Image photo(40, 30);
  for (Index y = 0; y < 30; ++y) {
    for (Index x = 0; x < 40; ++x) {
      for (int c = 0; c < 3; ++c) photo.pixel(x, y)[c] = static_cast<std::uint8_t>(1 + (7 * x + 11 * y + 50 * c) % 255);
    }
  }
  const Box box{10, 6, 8, 16};
  InputDocument input = imagenet(ChannelOrder::rgb);
  input.padding = 1.5;
  Tensor expected({3, 64, 32});
  Tensor found({3, 64, 32});
  preprocess(photo, network_from_photo(Geometry::affine, box, 32, 64, 1.5), input, 32, 64, expected.matrix());
  preprocess(photo, box, input, 32, 64, found.matrix());
  CHECK(found.matrix() == expected.matrix());

  Image blackened = photo;  // all but columns 9.2 to 18.8 and rows 4.4 to 23.6
  for (Index y = 0; y < 30; ++y) {
    for (Index x = 0; x < 40; ++x) {
      if (x >= 10 && x <= 18 && y >= 5 && y <= 23) continue;
      for (int c = 0; c < 3; ++c) blackened.pixel(x, y)[c] = 0;
    }
  }
  preprocess(blackened, box, input, 32, 64, expected.matrix());
  input.crop = 1.2;
  preprocess(photo, box, input, 32, 64, found.matrix());
  // A value may be rounded the other way, since pixels are counted from another corner: 1 / 255 / 0.224.
  CHECK((found.matrix() - expected.matrix()).cwiseAbs().maxCoeff() < 0.0176F);
  CHECK((found.matrix() - expected.matrix()).cwiseAbs().mean() < 1e-4F);
}

TEST_CASE("a target of another size is refused") {
  const Image photo(2, 2);
  Tensor target({3, 2, 2});
  CHECK_THROWS_AS(preprocess(photo, Affine(), InputDocument(), 3, 2, target.matrix()), Error);
}
