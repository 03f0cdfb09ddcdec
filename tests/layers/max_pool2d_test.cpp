#include <limn/layers/max_pool2d.hpp>

#include <doctest/doctest.h>

#include "reference_data.hpp"

using limn::MaxPool2d;

TEST_CASE("max_pool2d gives exactly PyTorch's numbers and ignores the padding, which is not zero") {
  for (const reference::Case& test : reference::cases("max_pool2d")) {
    CAPTURE(test.name);
    const MaxPool2d layer{test.extent("kernel"), test.extent("stride"), test.extent("padding")};
    const limn::Tensor output = limn::max_pool2d(test.map("input"), layer);
    const limn::Tensor expected = test.map("output");
    REQUIRE(output.shape() == expected.shape());
    CHECK(output.matrix() == expected.matrix());
  }
}

TEST_CASE("max_pool2d of an all-negative map is negative up to the corners") {
  limn::Tensor input({1, 4, 4});
  input.matrix().setConstant(-3.0F);
  const limn::Tensor output = limn::max_pool2d(input, {3, 2, 1});
  REQUIRE(output.shape() == limn::Shape{1, 2, 2});
  CHECK((output.matrix().array() == -3.0F).all());
}

TEST_CASE("max_pool2d refuses a padding of more than half the kernel, as PyTorch does") {
  CHECK((MaxPool2d{4, 2, 2}.output_shape({1, 5, 5})) == limn::Shape{1, 3, 3});
  CHECK_THROWS_AS((MaxPool2d{3, 2, 2}.output_shape({1, 5, 5})), limn::Error);
  CHECK_THROWS_AS((MaxPool2d{3, 2, {0, 2}}.output_shape({1, 5, 5})), limn::Error);
}

TEST_CASE("max_pool2d refuses a window that is larger than the input, and one that means nothing") {
  CHECK_THROWS_WITH_AS(limn::max_pool2d(limn::Tensor({1, 1, 5}), {2, 2, 0}),
                       "MaxPool2d: input extent 1 with padding 0 is smaller than the kernel extent 2", limn::Error);
  CHECK_THROWS_AS((MaxPool2d{2, 0, 0}.output_shape({1, 5, 5})), limn::Error);
  CHECK_THROWS_AS((MaxPool2d{0, 1, 0}.output_shape({1, 5, 5})), limn::Error);
  CHECK_THROWS_AS((MaxPool2d{2, 2, -1}.output_shape({1, 5, 5})), limn::Error);
}
