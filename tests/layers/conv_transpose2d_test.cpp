#include <limn/layers/conv_transpose2d.hpp>

#include <doctest/doctest.h>

#include "reference_data.hpp"

using limn::ConvTranspose2d;

TEST_CASE("conv_transpose2d gives PyTorch's numbers for any kernel, stride, padding, output padding and size") {
  for (const reference::Case& test : reference::cases("conv_transpose2d")) {
    CAPTURE(test.name);
    const std::vector<limn::Index> shape = test.view("weight").shape;
    const ConvTranspose2d layer{shape[0],
                                shape[1],
                                {shape[2], shape[3]},
                                test.extent("stride"),
                                test.extent("padding"),
                                test.extent("output_padding"),
                                test.has("bias")};
    const limn::Tensor output =
        limn::conv_transpose2d(test.map("input"), layer, test.values("weight"), test.values("bias"));
    CHECK(output.shape() == layer.output_shape(test.map("input").shape()));
    CHECK(reference::difference(output, test.map("output")) <= 1e-5);
  }
}

TEST_CASE("conv_transpose2d gives the example worked out by hand") {
  limn::Tensor input({1, 2, 2});
  input.matrix() << 1.0F, 2.0F, 3.0F, 4.0F;
  const limn::Tensor output =
      limn::conv_transpose2d(input, {1, 1, 4, 2, 1}, limn::FloatVector::LinSpaced(16, 1.0F, 16.0F));
  REQUIRE(output.shape() == limn::Shape{1, 4, 4});
  limn::FloatVector expected(16);
  expected << 6, 17, 20, 14, 16, 42, 52, 34, 32, 82, 92, 58, 30, 69, 76, 44;
  CHECK(output.matrix().transpose() == expected);
}

TEST_CASE("conv_transpose2d lists its weight with the input channels first") {
  const std::vector<limn::ParameterSpec> specs = ConvTranspose2d{3, 8, {5, 7}, 2, 0, 0, true}.parameters();
  REQUIRE(specs.size() == 2);
  CHECK(specs[0].shape == std::vector<limn::Index>{3, 8, 5, 7});
  CHECK(specs[1].shape == std::vector<limn::Index>{8});
}

TEST_CASE("conv_transpose2d refuses an input with the wrong number of channels") {
  CHECK_THROWS_WITH_AS(limn::conv_transpose2d(limn::Tensor({2, 5, 5}), {3, 2, 1}, limn::FloatVector::Zero(6)),
                       "ConvTranspose2d: expected 3 input channels, found 2", limn::Error);
}

TEST_CASE("conv_transpose2d refuses weights and biases of the wrong size") {
  const limn::Tensor input({3, 5, 5});
  CHECK_THROWS_WITH_AS(limn::conv_transpose2d(input, {3, 2, 2}, limn::FloatVector::Zero(25)),
                       "ConvTranspose2d weight: expected 24 values, found 25", limn::Error);
  CHECK_THROWS_WITH_AS(limn::conv_transpose2d(input, {3, 2, 1, 1, 0, 0, true}, limn::FloatVector::Zero(6)),
                       "ConvTranspose2d bias: expected 2 values, found 0", limn::Error);
  CHECK_THROWS_WITH_AS(limn::conv_transpose2d(input, {3, 2, 1}, limn::FloatVector::Zero(6), limn::FloatVector::Zero(2)),
                       "ConvTranspose2d bias: expected 0 values, found 2", limn::Error);
}

TEST_CASE("conv_transpose2d refuses an output padding that reaches the stride") {
  CHECK((ConvTranspose2d{1, 1, 3, 2, 1, 1}.output_shape({1, 4, 5})) == limn::Shape{1, 8, 10});
  CHECK_THROWS_AS((ConvTranspose2d{1, 1, 3, 2, 1, 2}.output_shape({1, 4, 5})), limn::Error);
  CHECK_THROWS_AS((ConvTranspose2d{1, 1, 3, {2, 1}, 1, {0, 1}}.output_shape({1, 4, 5})), limn::Error);
  CHECK_THROWS_AS((ConvTranspose2d{1, 1, 3, 2, 1, {-1, 0}}.output_shape({1, 4, 5})), limn::Error);
}

TEST_CASE("conv_transpose2d refuses an empty input and an empty output") {
  CHECK_THROWS_AS((ConvTranspose2d{1, 1, 4, 2, 1}.output_shape({1, 0, 5})), limn::Error);
  CHECK_THROWS_WITH_AS((ConvTranspose2d{1, 1, 2, 2, 1}.output_shape({1, 1, 2})),
                       "ConvTranspose2d: input 1x1x2 gives the empty output 1x0x2", limn::Error);
  CHECK_THROWS_AS((ConvTranspose2d{1, 1, 0, 2, 1}.output_shape({1, 4, 4})), limn::Error);
}
