#include <limn/layers/quantized_convolution.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "quantized_cases.hpp"
#include "reference_data.hpp"

using limn::Conv2d;
using limn::ConvTranspose2d;
using limn::Error;
using limn::FloatVector;
using limn::MapScale;
using limn::QuantizedConv2d;
using limn::QuantizedConvolution;
using limn::QuantizedConvTranspose2d;
using limn::Tensor;

namespace {

const FloatVector one = FloatVector::Ones(1);
const FloatVector zero = FloatVector::Zero(1);

Tensor map_of(const limn::Shape& shape, const FloatVector& values) {
  Tensor tensor(shape);
  tensor.matrix().reshaped() = values;  // channels of a pixel beside one another
  return tensor;
}

Tensor one_row(const FloatVector& values) { return map_of({1, 1, values.size()}, values); }

FloatVector values_of(const Tensor& tensor) { return tensor.matrix().reshaped(); }

template <class Convolution>
void compare(const reference::Case& test, const Convolution& convolution) {
  CAPTURE(test.name);
  const QuantizedConvolution<Convolution> layer = {
      convolution, reference::scale_of(test, "input"), reference::any_scale_of(test, "output"),
      reference::any_scale_of(test, "residual"), test.options.at("relu").get<bool>()};
  std::optional<Tensor> residual;
  if (layer.residual) residual = test.map("residual");
  const Tensor output =
      limn::quantized_convolution(test.map("input"), layer, test.values("weight"), test.values("weight_scale"),
                                  test.values("bias"), residual ? &*residual : nullptr);
  CHECK(output.shape() == layer.output_shape(test.map("input").shape()));
  reference::check_equal(output, test.map("output"));
}

template <class Convolution>
QuantizedConvolution<Convolution> quantized(const Convolution& convolution) {
  return {convolution, {}, {}, {}, false};
}

/// A 1x1 convolution of one channel, of which everything can be followed by hand: 0.5 (q - 10) goes in.
QuantizedConv2d simplest(std::optional<MapScale> output, bool relu = false) {
  return {Conv2d{1, 1}, {0.5F, 10}, output, std::nullopt, relu};
}

}  // namespace

TEST_CASE("quantized convolutions give exactly the numbers of PyTorch's arithmetic") {
  for (const reference::Case& test : reference::cases("quantized_conv2d")) {
    const std::vector<limn::Index> shape = test.view("weight").shape;
    compare(test, Conv2d{shape[1], shape[0], {shape[2], shape[3]}, test.extent("stride"), test.extent("padding")});
  }
}

TEST_CASE("quantized transposed convolutions give exactly the numbers of PyTorch's arithmetic") {
  for (const reference::Case& test : reference::cases("quantized_conv_transpose2d")) {
    const std::vector<limn::Index> shape = test.view("weight").shape;
    compare(test, ConvTranspose2d{shape[0],
                                  shape[1],
                                  {shape[2], shape[3]},
                                  test.extent("stride"),
                                  test.extent("padding"),
                                  test.extent("output_padding")});
  }
}

TEST_CASE("a quantised convolution puts out floats as sums times the scales of input and weight") {
  // Weight 3 of scale 0.25 stands for 0.75; the bias 1.1 becomes 9 in units of 0.125.
  const FloatVector weight{{3}};
  const FloatVector scale{{0.25F}};
  const FloatVector bias{{1.1F}};
  const Tensor input = one_row(FloatVector{{0, 7, 10, 255}});
  CHECK(values_of(limn::quantized_convolution(input, simplest({}), weight, scale, bias)) ==
        FloatVector{{-21 * 0.125F, 0, 9 * 0.125F, 744 * 0.125F}});
  CHECK(values_of(limn::quantized_convolution(input, simplest({}, true), weight, scale, bias)) ==
        FloatVector{{0, 0, 9 * 0.125F, 744 * 0.125F}});
}

TEST_CASE("a quantised convolution rounds to the nearest 8-bit number, halves to the even one, and clamps") {
  // Sums 3 (q - 10) + 9 in units of 0.125, out in units of 0.25: half of them.
  const FloatVector weight{{3}};
  const FloatVector scale{{0.25F}};
  const FloatVector bias{{1.1F}};
  const Tensor input = one_row(FloatVector{{0, 4, 6, 8, 9, 10, 12, 90, 91, 255}});
  const FloatVector sums{{-21, -9, -3, 3, 6, 9, 15, 249, 252, 744}};
  CHECK(values_of(limn::quantized_convolution(input, simplest({}), weight, scale, bias)) == 0.125F * sums);
  CHECK(values_of(limn::quantized_convolution(input, simplest(MapScale{0.25F, 128}), weight, scale, bias)) ==
        FloatVector{{118, 124, 126, 130, 131, 132, 136, 252, 254, 255}});
  CHECK(values_of(limn::quantized_convolution(input, simplest(MapScale{0.25F, 0}), weight, scale, bias)) ==
        FloatVector{{0, 0, 0, 2, 3, 4, 8, 124, 126, 255}});
  CHECK(values_of(limn::quantized_convolution(input, simplest(MapScale{0.25F, 128}, true), weight, scale, bias)) ==
        FloatVector{{128, 128, 128, 130, 131, 132, 136, 252, 254, 255}});
  CHECK(values_of(limn::quantized_convolution(input, simplest(MapScale{0.25F, 255}), weight, scale, bias)) ==
        FloatVector{{245, 251, 253, 255, 255, 255, 255, 255, 255, 255}});
}

TEST_CASE("what is outside of the map stands for 0, whatever the zero point") {
  for (const int zero_point : {0, 5, 128, 255}) {
    CAPTURE(zero_point);
    const Tensor input = map_of({1, 2, 2}, FloatVector::Constant(4, 200));
    const QuantizedConv2d layer = {Conv2d{1, 1, 3, 1, 1}, {1.0F, zero_point}, {}, {}, false};
    const auto found = limn::quantized_convolution(input, layer, FloatVector::Ones(9), one, zero);
    CHECK(values_of(found) == FloatVector::Constant(4, static_cast<float>(4 * (200 - zero_point))));
  }
  // A map of what stands for 0 gives the bias alone, in the middle as at the border.
  const Tensor nothing = map_of({2, 5, 4}, FloatVector::Constant(40, 77));
  const QuantizedConv2d layer = {Conv2d{2, 1, {3, 5}, 2, {1, 2}}, {1.0F, 77}, {}, {}, false};
  const FloatVector weight = FloatVector::LinSpaced(30, -14, 15);
  CHECK(values_of(limn::quantized_convolution(nothing, layer, weight, one, FloatVector{{6}})) ==
        FloatVector::Constant(6, 6));
}

TEST_CASE("weights, scales and biases belong to their output channels") {
  const QuantizedConv2d layer = {Conv2d{2, 3}, {1.0F, 100}, {}, {}, false};
  const Tensor input = map_of({2, 1, 1}, FloatVector{{103, 98}});
  const FloatVector weight{{1, 2, -3, 4, 127, -128}};  // out x in
  const FloatVector scale{{0.5F, 0.25F, 2.0F}};
  const FloatVector bias{{1.0F, -1.0F, 100.0F}};
  CHECK(values_of(limn::quantized_convolution(input, layer, weight, scale, bias)) ==
        FloatVector{{0.5F * (3 - 4 + 2), 0.25F * (-9 - 8 - 4), 2.0F * (381 + 256 + 50)}});
}

TEST_CASE("a quantised transposed convolution spreads each number, and holds the bias where none comes") {
  const QuantizedConvTranspose2d layer = {ConvTranspose2d{1, 1, 2, 3, 0, 1}, {0.5F, 3}, MapScale{0.5F, 128}, {}, false};
  const Tensor input = one_row(FloatVector{{4, 1}});
  const FloatVector weight{{1, 2, 3, 4}};
  const Tensor found = limn::quantized_convolution(input, layer, weight, one, FloatVector{{2.5F}});
  REQUIRE(found.shape() == limn::Shape{1, 3, 6});
  FloatVector expected(18);
  expected << 134, 135, 133, 131, 129, 133, 136, 137, 133, 127, 125, 133, 133, 133, 133, 133, 133, 133;
  CHECK(values_of(found) == expected);
}

TEST_CASE("a residual is brought to the output's scale and added before the one rounding") {
  // Sums in units of 0.3, residual in units of 0.4, out in units of 1: 77 and 102 of 1/256.
  QuantizedConv2d layer = {Conv2d{1, 1}, {0.3F, 128}, MapScale{1.0F, 128}, MapScale{0.4F, 100}, false};
  const Tensor input = one_row(FloatVector{{129, 129, 128, 127, 126, 255, 0, 130}});
  const Tensor residual = one_row(FloatVector{{100, 101, 101, 99, 99, 255, 0, 98}});
  CHECK(values_of(limn::quantized_convolution(input, layer, one, one, zero, &residual)) ==
        FloatVector{{128, 129, 128, 127, 127, 228, 50, 128}});
  layer.relu = true;
  CHECK(values_of(limn::quantized_convolution(input, layer, one, one, zero, &residual)) ==
        FloatVector{{128, 129, 128, 128, 128, 228, 128, 128}});
  layer.output = MapScale{0.5F, 0};
  CHECK(values_of(limn::quantized_convolution(input, layer, one, one, zero, &residual)) ==
        FloatVector{{1, 1, 1, 0, 0, 200, 0, 0}});
}

TEST_CASE("a sum with a residual is rounded upwards from the middle, also below 0") {
  const QuantizedConv2d layer = {Conv2d{1, 1}, {0.5F, 128}, MapScale{1.0F, 128}, MapScale{1.0F, 0}, false};
  const Tensor input = one_row(FloatVector{{129, 127, 131, 125, 123}});
  const Tensor nothing = one_row(FloatVector::Zero(5));
  CHECK(values_of(limn::quantized_convolution(input, layer, one, one, zero, &nothing)) ==
        FloatVector{{129, 128, 130, 127, 126}});
  // Without one, to the even number.
  QuantizedConv2d alone = layer;
  alone.residual.reset();
  CHECK(values_of(limn::quantized_convolution(input, alone, one, one, zero)) == FloatVector{{128, 128, 130, 126, 126}});
}

TEST_CASE("the largest sums there may be are exact") {
  const limn::Index most = QuantizedConv2d::most_inputs;
  QuantizedConv2d layer = {Conv2d{most / 64, 1, 8}, {1.0F, 0}, {}, {}, false};
  Tensor input = map_of({most / 64, 8, 8}, FloatVector::Constant(most, 255));
  const auto sum = [&](float weight, float bias) {
    return values_of(limn::quantized_convolution(input, layer, FloatVector::Constant(most, weight), one,
                                                 FloatVector::Constant(1, bias)))[0];
  };
  constexpr float most_bias = 268435456.0F;                           // 2^28
  CHECK(sum(-128, -most_bias) == -255.0F * 128 * 32768 - most_bias);  // -1,337,982,976: both are floats
  CHECK(sum(127, most_bias) == static_cast<float>(255 * 127 * 32768 + (1 << 28)));
  layer.input.zero_point = 255;
  input.matrix().setZero();
  CHECK(sum(-128, most_bias) == 255.0F * 128 * 32768 + most_bias);
}

TEST_CASE("the bias is the nearest whole number, the even one of two, and at most 2^28 either way") {
  const QuantizedConv2d layer = simplest({});  // units of 0.5, with a weight scale of 1
  const auto bias = [&](float value) {
    return limn::detail::requantization(layer, one, FloatVector::Constant(1, value)).bias[0];
  };
  CHECK(bias(0.0F) == 0);
  CHECK(bias(0.24F) == 0);
  CHECK(bias(0.25F) == 0);
  CHECK(bias(0.26F) == 1);
  CHECK(bias(0.75F) == 2);
  CHECK(bias(-0.75F) == -2);
  CHECK(bias(-1.25F) == -2);
  CHECK(bias(134217728.0F) == 268435456);
  CHECK(bias(134217720.0F) == 268435440);
  CHECK(bias(3e38F) == 268435456);
  CHECK(bias(-134217728.0F) == -268435456);
  CHECK(bias(-3e38F) == -268435456);
}

TEST_CASE("scales are multiplied and divided in double and rounded once") {
  QuantizedConv2d layer = {Conv2d{1, 2}, {0.1F, 0}, MapScale{0.7F, 0}, {}, false};
  const FloatVector weight_scale{{0.3F, 0.0123F}};
  const auto factor = [&] { return limn::detail::requantization(layer, weight_scale, FloatVector::Zero(2)).factor; };
  const double units[] = {static_cast<double>(0.1F) * static_cast<double>(0.3F),
                          static_cast<double>(0.1F) * static_cast<double>(0.0123F)};
  const auto out = static_cast<double>(0.7F);
  CHECK(factor() == FloatVector{{static_cast<float>(units[0] / out), static_cast<float>(units[1] / out)}});
  layer.residual = MapScale{0.2F, 0};
  CHECK(factor() == FloatVector{{static_cast<float>(256 * units[0] / out), static_cast<float>(256 * units[1] / out)}});
  layer.residual.reset();
  layer.output.reset();
  CHECK(factor() == FloatVector{{static_cast<float>(units[0]), static_cast<float>(units[1])}});
}

TEST_CASE("a quantised convolution refuses scales of the weights that are not positive") {
  const Tensor input({1, 1, 1});
  for (const float scale : {0.0F, -1.0F, std::numeric_limits<float>::quiet_NaN()}) {
    CHECK_THROWS_AS(limn::quantized_convolution(input, simplest({}), one, FloatVector::Constant(1, scale), zero),
                    Error);
  }
  CHECK_THROWS_WITH_AS(limn::quantized_convolution(input, simplest({}), one, zero, zero),
                       "QuantizedConv2d weight_scale: expected positive values, found 0.000000", Error);
}

TEST_CASE("a quantised convolution refuses scales of maps that make no sense") {
  const limn::Shape shape = {1, 1, 1};
  QuantizedConv2d layer = simplest(MapScale{0.5F, 128});
  layer.residual = MapScale{0.5F, 128};
  CHECK(layer.output_shape(shape) == shape);
  const auto message = [](const char* which) {
    return std::string("QuantizedConv2d: ") + which +
           ": expected a positive scale and a zero point from 0 to 255, found 0.000000 and 300";
  };
  const MapScale wrong = {0.0F, 300};
  for (const char* which : {"input", "output", "residual"}) {
    CAPTURE(which);
    QuantizedConv2d other = layer;
    (which[0] == 'i' ? other.input : which[0] == 'o' ? *other.output : *other.residual) = wrong;
    CHECK_THROWS_WITH_AS(other.output_shape(shape), message(which).c_str(), Error);
  }
}

TEST_CASE("a quantised convolution refuses sums that 32 bits might not hold") {
  CHECK((quantized(Conv2d{32768, 1}).output_shape({32768, 1, 1})) == limn::Shape{1, 1, 1});
  CHECK_THROWS_WITH_AS((quantized(Conv2d{32769, 1}).output_shape({32769, 1, 1})),
                       "QuantizedConv2d: expected at most 32768 inputs to a sum, found 32769", Error);
  CHECK((quantized(ConvTranspose2d{2048, 1, 4, 2, 1}).output_shape({2048, 1, 1})) == limn::Shape{1, 2, 2});
  CHECK_THROWS_WITH_AS((quantized(ConvTranspose2d{2049, 1, 4, 2, 1}).output_shape({2049, 1, 1})),
                       "QuantizedConvTranspose2d: expected at most 32768 inputs to a sum, found 32784", Error);
}

TEST_CASE("a quantised convolution takes a residual of its output's shape if it has one, and none if not") {
  const Tensor input({1, 3, 3});
  const Tensor wrong({1, 3, 2});
  const Tensor right({1, 3, 3});
  QuantizedConv2d layer = simplest(MapScale{1.0F, 0});
  CHECK_THROWS_WITH_AS(limn::quantized_convolution(input, layer, one, one, zero, &right),
                       "QuantizedConv2d: residual: expected none, found shape 1x3x3", Error);
  layer.residual = MapScale{1.0F, 0};
  CHECK_NOTHROW(limn::quantized_convolution(input, layer, one, one, zero, &right));
  CHECK_THROWS_WITH_AS(limn::quantized_convolution(input, layer, one, one, zero),
                       "QuantizedConv2d: residual: expected shape 1x3x3, found none", Error);
  CHECK_THROWS_WITH_AS(limn::quantized_convolution(input, layer, one, one, zero, &wrong),
                       "QuantizedConv2d: residual: expected shape 1x3x3, found shape 1x3x2", Error);
  layer.output.reset();
  CHECK_THROWS_WITH_AS(limn::quantized_convolution(input, layer, one, one, zero, &right),
                       "QuantizedConv2d: expected an 8-bit output where a residual is added", Error);
}

TEST_CASE("a quantised convolution refuses weights, scales and biases of the wrong size, and inputs of others") {
  const QuantizedConv2d layer = {Conv2d{3, 2, 3}, {}, {}, {}, false};
  const Tensor input({3, 5, 5});
  const FloatVector weight = FloatVector::Zero(54);
  const FloatVector two = FloatVector::Ones(2);
  CHECK_NOTHROW(limn::quantized_convolution(input, layer, weight, two, two));
  CHECK_THROWS_WITH_AS(limn::quantized_convolution(input, layer, FloatVector::Zero(53), two, two),
                       "QuantizedConv2d weight: expected 54 values, found 53", Error);
  CHECK_THROWS_WITH_AS(limn::quantized_convolution(input, layer, weight, one, two),
                       "QuantizedConv2d weight_scale: expected 2 values, found 1", Error);
  CHECK_THROWS_WITH_AS(limn::quantized_convolution(input, layer, weight, two, one),
                       "QuantizedConv2d bias: expected 2 values, found 1", Error);
  CHECK_THROWS_WITH_AS(limn::quantized_convolution(Tensor({2, 5, 5}), layer, weight, two, two),
                       "Conv2d: expected 3 input channels, found 2", Error);
}

TEST_CASE("a quantised convolution lists its weight as the float one does, in whole numbers, and always a bias") {
  const auto check = [](const std::vector<limn::ParameterSpec>& specs, const std::vector<limn::Index>& shape) {
    REQUIRE(specs.size() == 3);
    CHECK(specs[0].name == "weight");
    CHECK(specs[0].shape == shape);
    CHECK(specs[0].integers);
    CHECK(specs[0].trainable);
    CHECK(specs[1].name == "weight_scale");
    CHECK(specs[1].shape == std::vector<limn::Index>{8});
    CHECK_FALSE(specs[1].integers);
    CHECK_FALSE(specs[1].trainable);
    CHECK(specs[2].name == "bias");
    CHECK(specs[2].shape == std::vector<limn::Index>{8});
    CHECK_FALSE(specs[2].integers);
    CHECK(specs[2].trainable);
  };
  for (const bool bias : {false, true}) {
    check(quantized(Conv2d{3, 8, {5, 7}, 1, 0, bias}).parameters(), {8, 3, 5, 7});
    check(quantized(ConvTranspose2d{3, 8, {5, 7}, 1, 0, 0, bias}).parameters(), {3, 8, 5, 7});
  }
  CHECK(quantized(Conv2d{3, 8, 3, 2, 1}).multiply_adds({3, 8, 6}) == 4 * 3 * 8 * 27);
  CHECK(std::string(QuantizedConv2d::type) == "QuantizedConv2d");
  CHECK(std::string(QuantizedConvTranspose2d::type) == "QuantizedConvTranspose2d");
}
