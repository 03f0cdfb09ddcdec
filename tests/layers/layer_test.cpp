#include <doctest/doctest.h>

#include <limn/layers/layer.hpp>

#include "reference_data.hpp"

namespace {

limn::Tensor numbers(const limn::Shape& shape) {
  limn::Tensor tensor(shape);
  tensor.matrix().reshaped() = limn::FloatVector::LinSpaced(shape.size(), -1.0F, 1.0F);
  return tensor;
}

}  // namespace

TEST_CASE("apply does what the layer's own function does, for every layer") {
  const limn::Tensor x = numbers({2, 4, 6});
  const limn::FloatVector two{{0.5F, 2.0F}};
  const limn::FloatVector weight = limn::FloatVector::LinSpaced(2 * 2 * 9, -1.0F, 1.0F);
  const auto check = [&](const limn::Layer& layer, const std::vector<limn::FloatVector>& parameters,
                         const limn::Tensor& expected) {
    CAPTURE(limn::type_name(layer));
    const limn::Tensor output = limn::apply(layer, {&x}, parameters);
    REQUIRE(output.shape() == expected.shape());
    CHECK(output.matrix() == expected.matrix());
    CHECK(limn::output_shape(layer, {x.shape()}) == output.shape());
    CHECK(limn::parameters(layer).size() == parameters.size());
  };
  const limn::Conv2d conv{2, 2, 3, 1, 1};
  const limn::Conv2d conv_bias{2, 2, 3, 2, 1, true};
  const limn::ConvTranspose2d deconv{2, 2, 3, 2, 1, 1};
  const limn::ConvTranspose2d deconv_bias{2, 2, 3, 1, 1, 0, true};
  check(limn::Input{2}, {}, x);
  check(conv, {weight}, limn::conv2d(x, conv, weight));
  check(conv_bias, {weight, two}, limn::conv2d(x, conv_bias, weight, two));
  check(deconv, {weight}, limn::conv_transpose2d(x, deconv, weight));
  check(deconv_bias, {weight, two}, limn::conv_transpose2d(x, deconv_bias, weight, two));
  const limn::FloatVector bias{{1.0F, 2.0F}};
  const limn::FloatVector mean{{3.0F, 4.0F}};
  const limn::FloatVector variance{{5.0F, 6.0F}};
  check(limn::BatchNorm2d{2}, {two, bias, mean, variance},
        limn::batch_norm2d(x, limn::BatchNorm2d{2}, two, bias, mean, variance));
  check(limn::ReLU(), {}, limn::relu(x));
  check(limn::Sigmoid(), {}, limn::sigmoid(x));
  check(limn::Tanh(), {}, limn::tanh(x));
  check(limn::MaxPool2d{3, 2, 1}, {}, limn::max_pool2d(x, {3, 2, 1}));
  check(limn::UpsampleNearest{2}, {}, limn::upsample_nearest(x, {2}));

  const limn::Tensor sum = limn::apply(limn::Add(), {&x, &x}, {});
  CHECK(sum.matrix() == 2.0F * x.matrix());
  const limn::Tensor product = limn::apply(limn::Multiply(), {&x, &x}, {});
  CHECK(product.matrix() == x.matrix().cwiseAbs2());
}

TEST_CASE("a layer refuses the wrong number of inputs") {
  const limn::Shape shape{1, 2, 3};
  CHECK(limn::input_count(limn::Add()) == 2);
  CHECK(limn::input_count(limn::Multiply()) == 2);
  CHECK(limn::input_count(limn::ReLU()) == 1);
  CHECK_THROWS_WITH_AS(limn::output_shape(limn::Add(), {shape}), "Add: expected 2 inputs, found 1", limn::Error);
  CHECK_THROWS_WITH_AS(limn::output_shape(limn::ReLU(), {shape, shape}), "ReLU: expected 1 inputs, found 2",
                       limn::Error);
}

TEST_CASE("layers bear PyTorch's class names") {
  CHECK(limn::type_name(limn::Conv2d()) == std::string("Conv2d"));
  CHECK(limn::type_name(limn::BatchNorm2d()) == std::string("BatchNorm2d"));
  CHECK(limn::type_name(limn::ConvTranspose2d()) == std::string("ConvTranspose2d"));
  CHECK(limn::type_name(limn::MaxPool2d()) == std::string("MaxPool2d"));
  CHECK(limn::type_name(limn::ReLU()) == std::string("ReLU"));
}
