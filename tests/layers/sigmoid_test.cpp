#include <limn/layers/sigmoid.hpp>

#include <doctest/doctest.h>

#include "reference_data.hpp"

TEST_CASE("sigmoid gives PyTorch's numbers, also where it saturates") {
  for (const reference::Case& test : reference::cases("sigmoid")) {
    CAPTURE(test.name);
    const limn::Tensor output = limn::sigmoid(test.map("input"));
    CHECK(reference::difference(output, test.map("output")) <= 1e-5);
  }
}

TEST_CASE("sigmoid keeps the shape and has no parameters") {
  CHECK(limn::Sigmoid().output_shape({3, 5, 7}) == limn::Shape{3, 5, 7});
  CHECK(limn::Sigmoid().parameters().empty());
}
