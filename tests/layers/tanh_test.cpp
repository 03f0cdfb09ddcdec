#include <limn/layers/tanh.hpp>

#include <doctest/doctest.h>

#include "reference_data.hpp"

TEST_CASE("tanh gives PyTorch's numbers, also where it saturates") {
  for (const reference::Case& test : reference::cases("tanh")) {
    CAPTURE(test.name);
    const limn::Tensor output = limn::tanh(test.map("input"));
    CHECK(reference::difference(output, test.map("output")) <= 1e-5);
  }
}

TEST_CASE("tanh keeps the shape and has no parameters") {
  CHECK(limn::Tanh().output_shape({3, 5, 7}) == limn::Shape{3, 5, 7});
  CHECK(limn::Tanh().parameters().empty());
}
