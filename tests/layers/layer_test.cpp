#include <limn/layers/layer.hpp>

#include <doctest/doctest.h>

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

  limn::Tensor bytes({2, 4, 6});
  bytes.matrix().reshaped() = limn::FloatVector::LinSpaced(48, 20.0F, 255.0F).array().round();
  const auto check_bytes = [&](const limn::Layer& layer, const std::vector<const limn::Tensor*>& inputs,
                               const std::vector<limn::FloatVector>& parameters, const limn::Tensor& expected) {
    CAPTURE(limn::type_name(layer));
    const limn::Tensor output = limn::apply(layer, inputs, parameters);
    REQUIRE(output.shape() == expected.shape());
    CHECK(output.matrix() == expected.matrix());
    std::vector<limn::Shape> shapes;
    for (const limn::Tensor* input : inputs) shapes.push_back(input->shape());
    CHECK(limn::output_shape(layer, shapes) == output.shape());
    CHECK(limn::input_count(layer) == inputs.size());
    CHECK(limn::parameters(layer).size() == parameters.size());
  };
  const limn::MapScale scale = {0.02F, 128};
  const limn::FloatVector whole = (20.0F * weight).array().round();
  const limn::FloatVector small{{0.01F, 0.02F}};
  check_bytes(limn::Quantize{scale}, {&x}, {}, limn::quantize(x, {scale}));
  check_bytes(limn::Dequantize{scale}, {&bytes}, {}, limn::dequantize(bytes, {scale}));
  check_bytes(limn::QuantizedAdd{scale, scale, scale, true}, {&bytes, &bytes}, {},
              limn::quantized_add(bytes, bytes, {scale, scale, scale, true}));
  limn::QuantizedConv2d byte_conv = {conv, scale, scale, {}, false};
  check_bytes(byte_conv, {&bytes}, {whole, small, two},
              limn::quantized_convolution(bytes, byte_conv, whole, small, two));
  byte_conv.residual = scale;
  check_bytes(byte_conv, {&bytes, &bytes}, {whole, small, two},
              limn::quantized_convolution(bytes, byte_conv, whole, small, two, &bytes));
  limn::QuantizedConvTranspose2d byte_deconv = {deconv, scale, scale, {}, true};
  check_bytes(byte_deconv, {&bytes}, {whole, small, two},
              limn::quantized_convolution(bytes, byte_deconv, whole, small, two));
  const limn::Tensor doubled({2, 8, 12});
  byte_deconv.residual = scale;
  check_bytes(byte_deconv, {&bytes, &doubled}, {whole, small, two},
              limn::quantized_convolution(bytes, byte_deconv, whole, small, two, &doubled));

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
  CHECK(limn::input_count(limn::QuantizedAdd()) == 2);
  limn::QuantizedConv2d conv = {limn::Conv2d{1, 1}, {}, limn::MapScale(), {}, false};
  CHECK(limn::input_count(conv) == 1);
  conv.residual = limn::MapScale();
  CHECK(limn::input_count(conv) == 2);
  CHECK_THROWS_WITH_AS(limn::output_shape(conv, {shape}), "QuantizedConv2d: expected 2 inputs, found 1", limn::Error);
  CHECK_THROWS_WITH_AS(limn::output_shape(conv, {shape, {1, 3, 2}}),
                       "Add: both inputs must have one shape, found 1x2x3 and 1x3x2", limn::Error);
  CHECK_THROWS_WITH_AS(limn::output_shape(limn::Add(), {shape}), "Add: expected 2 inputs, found 1", limn::Error);
  CHECK_THROWS_WITH_AS(limn::output_shape(limn::ReLU(), {shape, shape}), "ReLU: expected 1 inputs, found 2",
                       limn::Error);
}

TEST_CASE("layers bear PyTorch's class names, 8-bit ones with Quantized before it") {
  CHECK(limn::type_name(limn::Conv2d()) == std::string("Conv2d"));
  CHECK(limn::type_name(limn::BatchNorm2d()) == std::string("BatchNorm2d"));
  CHECK(limn::type_name(limn::ConvTranspose2d()) == std::string("ConvTranspose2d"));
  CHECK(limn::type_name(limn::MaxPool2d()) == std::string("MaxPool2d"));
  CHECK(limn::type_name(limn::ReLU()) == std::string("ReLU"));
  CHECK(limn::type_name(limn::QuantizedConv2d()) == std::string("QuantizedConv2d"));
  CHECK(limn::type_name(limn::QuantizedConvTranspose2d()) == std::string("QuantizedConvTranspose2d"));
}
