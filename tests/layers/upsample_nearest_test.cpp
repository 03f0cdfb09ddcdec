#include <limn/layers/upsample_nearest.hpp>

#include <doctest/doctest.h>

#include "reference_data.hpp"

using limn::UpsampleNearest;

TEST_CASE("upsample_nearest gives exactly PyTorch's numbers") {
  for (const reference::Case& test : reference::cases("upsample_nearest")) {
    CAPTURE(test.name);
    const limn::Tensor output =
        limn::upsample_nearest(test.map("input"), UpsampleNearest{test.options.at("factor").get<limn::Index>()});
    const limn::Tensor expected = test.map("output");
    REQUIRE(output.shape() == expected.shape());
    CHECK(output.matrix() == expected.matrix());
  }
}

TEST_CASE("upsample_nearest refuses a factor below one") {
  CHECK_THROWS_WITH_AS(UpsampleNearest{0}.output_shape({1, 2, 3}), "Upsample: factor: expected 1 to 32767, found 0",
                       limn::Error);
  CHECK_THROWS_AS(UpsampleNearest{-2}.output_shape({1, 2, 3}), limn::Error);
}
