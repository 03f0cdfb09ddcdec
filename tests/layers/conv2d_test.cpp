#include <limn/layers/conv2d.hpp>

#include <doctest/doctest.h>

#include "reference_data.hpp"

using limn::Conv2d;

TEST_CASE("conv2d gives PyTorch's numbers for any kernel, stride, padding and size") {
  for (const reference::Case& test : reference::cases("conv2d")) {
    CAPTURE(test.name);
    const std::vector<limn::Index> shape = test.view("weight").shape;
    const Conv2d layer{shape[1],        shape[0], {shape[2], shape[3]}, test.extent("stride"), test.extent("padding"),
                       test.has("bias")};
    const limn::Tensor output = limn::conv2d(test.map("input"), layer, test.values("weight"), test.values("bias"));
    CHECK(output.shape() == layer.output_shape(test.map("input").shape()));
    CHECK(reference::difference(output, test.map("output")) <= 1e-5);
  }
}

TEST_CASE("conv2d is a cross-correlation: the kernel is not turned round") {
  limn::Tensor input({1, 1, 3});
  input.matrix() << 1.0F, 2.0F, 3.0F;
  const limn::Tensor output = limn::conv2d(input, {1, 1, {1, 2}}, Eigen::Vector2f(10.0F, 1.0F));
  REQUIRE(output.shape() == limn::Shape{1, 1, 2});
  CHECK(output(0, 0, 0) == 12.0F);
  CHECK(output(0, 0, 1) == 23.0F);
}

TEST_CASE("conv2d lists its parameters in PyTorch's shapes") {
  const std::vector<limn::ParameterSpec> specs = Conv2d{3, 8, {5, 7}, 1, 0, true}.parameters();
  REQUIRE(specs.size() == 2);
  CHECK(specs[0].name == "weight");
  CHECK(specs[0].shape == std::vector<limn::Index>{8, 3, 5, 7});
  CHECK(specs[1].name == "bias");
  CHECK(specs[1].shape == std::vector<limn::Index>{8});
  CHECK(Conv2d{3, 8, 1}.parameters().size() == 1);
}

TEST_CASE("conv2d counts one multiply-add for each weight and output pixel") {
  CHECK(Conv2d{3, 64, 7, 2, 3}.multiply_adds({3, 224, 224}) == 118013952);  // ResNet's first layer: 118 million
}

TEST_CASE("conv2d refuses an input with the wrong number of channels") {
  CHECK_THROWS_WITH_AS(limn::conv2d(limn::Tensor({4, 5, 5}), {3, 2, 1}, limn::FloatVector::Zero(6)),
                       "Conv2d: expected 3 input channels, found 4", limn::Error);
}

TEST_CASE("conv2d refuses weights and biases of the wrong size") {
  const limn::Tensor input({3, 5, 5});
  CHECK_THROWS_WITH_AS(limn::conv2d(input, {3, 2, 3}, limn::FloatVector::Zero(53)),
                       "Conv2d weight: expected 54 values, found 53", limn::Error);
  CHECK_THROWS_WITH_AS(
      limn::conv2d(input, {3, 2, 1, 1, 0, true}, limn::FloatVector::Zero(6), limn::FloatVector::Zero(3)),
      "Conv2d bias: expected 2 values, found 3", limn::Error);
  CHECK_THROWS_WITH_AS(limn::conv2d(input, {3, 2, 1, 1, 0, true}, limn::FloatVector::Zero(6)),
                       "Conv2d bias: expected 2 values, found 0", limn::Error);
  CHECK_THROWS_WITH_AS(limn::conv2d(input, {3, 2, 1}, limn::FloatVector::Zero(6), limn::FloatVector::Zero(2)),
                       "Conv2d bias: expected 0 values, found 2", limn::Error);
}

TEST_CASE("conv2d refuses a kernel that is larger than the padded input") {
  const Conv2d layer{1, 1, {3, 5}, 1, {0, 1}};
  CHECK(layer.output_shape({1, 3, 3}) == limn::Shape{1, 1, 1});
  CHECK_THROWS_WITH_AS(layer.output_shape({1, 2, 3}),
                       "Conv2d: input extent 2 with padding 0 is smaller than the kernel extent 3", limn::Error);
  CHECK_THROWS_WITH_AS(layer.output_shape({1, 3, 2}),
                       "Conv2d: input extent 2 with padding 1 is smaller than the kernel extent 5", limn::Error);
}

TEST_CASE("conv2d refuses an empty input, even where padding would fill a window") {
  CHECK_THROWS_AS((Conv2d{1, 1, 3, 1, 3}.output_shape({1, 0, 5})), limn::Error);
  CHECK_THROWS_AS((Conv2d{1, 1, 3, 1, 3}.output_shape({1, 5, 0})), limn::Error);
}

TEST_CASE("conv2d refuses a kernel, stride or padding that means nothing") {
  const limn::Shape input{1, 5, 5};
  CHECK_THROWS_AS((Conv2d{1, 1, {0, 3}}.output_shape(input)), limn::Error);
  CHECK_THROWS_AS((Conv2d{1, 1, 3, {1, 0}}.output_shape(input)), limn::Error);
  CHECK_THROWS_AS((Conv2d{1, 1, 3, 1, {-1, 0}}.output_shape(input)), limn::Error);
}
