#include <doctest/doctest.h>

#include <limn/core/tensor.hpp>
#include <limn/pose/geometry.hpp>
#include <limn/pose/preprocess.hpp>

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

TEST_CASE("a target of another size is refused") {
  const Image photo(2, 2);
  Tensor target({3, 2, 2});
  CHECK_THROWS_AS(preprocess(photo, Affine(), InputDocument(), 3, 2, target.matrix()), Error);
}
