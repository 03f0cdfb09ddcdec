#include <limn/layers/add.hpp>

#include <doctest/doctest.h>

#include "reference_data.hpp"

TEST_CASE("add gives exactly PyTorch's numbers") {
  for (const reference::Case& test : reference::cases("add")) {
    CAPTURE(test.name);
    const limn::Tensor output = limn::add(test.map("input"), test.map("other"));
    const limn::Tensor expected = test.map("output");
    REQUIRE(output.shape() == expected.shape());
    CHECK(output.matrix() == expected.matrix());
  }
}

TEST_CASE("add refuses two shapes, even of the same number of values") {
  CHECK_THROWS_WITH_AS(limn::add(limn::Tensor({2, 3, 4}), limn::Tensor({2, 4, 3})),
                       "Add: both inputs must have one shape, found 2x3x4 and 2x4x3", limn::Error);
  CHECK_THROWS_AS(limn::add(limn::Tensor({2, 3, 4}), limn::Tensor({1, 3, 4})), limn::Error);
}
