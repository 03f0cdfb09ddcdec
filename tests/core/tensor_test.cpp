#include <limn/core/tensor.hpp>

#include <doctest/doctest.h>

#include <string>

TEST_CASE("a tensor starts as zeros and keeps the channels of a pixel together") {
  limn::Tensor tensor({2, 3, 4});
  CHECK(tensor.matrix().isZero());
  tensor(1, 2, 3) = 5.0F;
  CHECK(tensor.data()[(2 * 4 + 3) * 2 + 1] == 5.0F);
  CHECK(tensor.row(2)(1, 3) == 5.0F);
  CHECK(tensor.pixel(2, 3)(1) == 5.0F);
}

TEST_CASE("a negative extent is refused with the shape named") {
  CHECK_THROWS_WITH_AS(limn::Tensor({1, -2, 3}), "tensor shape 1x-2x3: extents must not be negative", limn::Error);
}

TEST_CASE("a tensor that memory has no room for is refused with the shape named") {
  constexpr limn::Index side = limn::Index{1} << (sizeof(limn::Index) == 8 ? 29 : 14);
  const std::string text = std::to_string(side);
  CHECK_THROWS_WITH_AS(limn::Tensor({4, side, side}), doctest::Contains(text.c_str()), limn::Error);
  CHECK_THROWS_WITH_AS(limn::Tensor({side, side, side}), doctest::Contains(text.c_str()), limn::Error);
}
