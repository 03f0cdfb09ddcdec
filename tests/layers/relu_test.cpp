#include <limn/layers/relu.hpp>

#include <doctest/doctest.h>

#include "reference_data.hpp"

TEST_CASE("relu gives exactly PyTorch's numbers") {
  for (const reference::Case& test : reference::cases("relu")) {
    CAPTURE(test.name);
    const limn::Tensor output = limn::relu(test.map("input"));
    const limn::Tensor expected = test.map("output");
    REQUIRE(output.shape() == expected.shape());
    CHECK(output.matrix() == expected.matrix());
  }
}

TEST_CASE("relu keeps the shape and has no parameters") {
  CHECK(limn::ReLU().output_shape({3, 5, 7}) == limn::Shape{3, 5, 7});
  CHECK(limn::ReLU().parameters().empty());
}
