#include <limn/model_file/check_weights.hpp>

#include <doctest/doctest.h>

#include <cstring>
#include <limits>
#include <map>
#include <string>
#include <vector>

using limn::DType;
using limn::Error;
using limn::ParameterSpec;
using limn::Weights;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

/// Owns the bytes of a few F32 tensors.
class Tensors {
 public:
  void add(const std::string& name, const std::vector<limn::Index>& shape, const std::vector<float>& values) {
    std::vector<unsigned char>& bytes = bytes_[name];
    bytes.resize(values.size() * sizeof(float));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    weights[name] = {DType::f32, shape, bytes.data()};
  }

  Weights weights;

 private:
  std::map<std::string, std::vector<unsigned char>> bytes_;
};

const std::vector<ParameterSpec> expected = {{"conv1.weight", {2, 1}}, {"conv1.bias", {2}}, {"fc.bias", {1}}};

Tensors good() {
  Tensors tensors;
  tensors.add("conv1.weight", {2, 1}, {1, 2});
  tensors.add("conv1.bias", {2}, {3, -0.0f});
  tensors.add("fc.bias", {1}, {1e-42f});
  return tensors;
}

bool half_is_finite(unsigned bits) {
  // At an odd address, among finite neighbours.
  const unsigned char bytes[7] = {
      0xFF, 0, 0, static_cast<unsigned char>(bits & 0xFF), static_cast<unsigned char>(bits >> 8), 0, 0};
  return limn::all_finite({DType::f16, {3}, bytes + 1});
}

}  // namespace

TEST_CASE("weights that fit the network pass") { CHECK_NOTHROW(check_weights(good().weights, expected, "F")); }

TEST_CASE("a missing tensor is named, with the shape it should have") {
  Tensors tensors = good();
  tensors.weights.erase("conv1.bias");
  CHECK_THROWS_WITH_AS(check_weights(tensors.weights, expected, "F"),
                       "F: tensor conv1.bias: missing, expected shape [2]", Error);
  tensors.weights.clear();
  CHECK_THROWS_WITH_AS(check_weights(tensors.weights, expected, "F"),
                       "F: tensor conv1.weight: missing, expected shape [2, 1] (and 2 more)", Error);
}

TEST_CASE("a tensor of another shape is named, with both shapes") {
  Tensors tensors = good();
  tensors.add("conv1.weight", {1, 2}, {1, 2});
  CHECK_THROWS_WITH_AS(check_weights(tensors.weights, expected, "F"),
                       "F: tensor conv1.weight: expected shape [2, 1], found [1, 2]", Error);
  tensors.add("fc.bias", {}, {1});
  CHECK_THROWS_WITH_AS(check_weights(tensors.weights, expected, "F"),
                       "F: tensor conv1.weight: expected shape [2, 1], found [1, 2] (and 1 more)", Error);
}

TEST_CASE("a tensor that the network does not have is named") {
  Tensors tensors = good();
  tensors.add("module.\n", {1}, {1});
  CHECK_THROWS_WITH_AS(check_weights(tensors.weights, expected, "F"),
                       "F: tensor module.?: the network has none of that name", Error);
}

TEST_CASE("a tensor that holds NaN or infinity is named") {
  for (const float value : {not_a_number, -not_a_number, infinity, -infinity}) {
    Tensors tensors = good();
    tensors.add("conv1.bias", {2}, {1, value});
    CHECK_THROWS_WITH_AS(check_weights(tensors.weights, expected, "F"),
                         "F: tensor conv1.bias: expected finite values, found NaN or infinity", Error);
  }
}

TEST_CASE("whole numbers where there should be none, and others where there should be, are named") {
  const std::vector<ParameterSpec> specs = {{"conv1.weight", {2}, true, true}, {"conv1.bias", {2}}};
  const unsigned char bytes[8] = {};
  const auto check = [&](DType weight, DType bias) {
    check_weights({{"conv1.weight", {weight, {2}, bytes}}, {"conv1.bias", {bias, {2}, bytes}}}, specs, "F");
  };
  CHECK_NOTHROW(check(DType::i8, DType::f32));
  CHECK_NOTHROW(check(DType::i8, DType::f16));
  CHECK_THROWS_WITH_AS(check(DType::f32, DType::f32), "F: tensor conv1.weight: expected I8, found F32", Error);
  CHECK_THROWS_WITH_AS(check(DType::i8, DType::i8), "F: tensor conv1.bias: expected F32 or F16, found I8", Error);
  CHECK_THROWS_WITH_AS(check(DType::f16, DType::i8), "F: tensor conv1.weight: expected I8, found F16 (and 1 more)",
                       Error);
}

TEST_CASE("a tensor of scales that holds one that is not positive is named") {
  const std::vector<ParameterSpec> specs = {{"conv1.weight_scale", {2}, false, false, true}};
  for (const float value : {0.0f, -0.0f, -0.5f}) {
    Tensors tensors;
    tensors.add("conv1.weight_scale", {2}, {1, value});
    CHECK_THROWS_WITH_AS(
        check_weights(tensors.weights, specs, "F"),
        ("F: tensor conv1.weight_scale: expected positive values, found " + std::to_string(value)).c_str(), Error);
  }
  Tensors tensors;
  tensors.add("conv1.weight_scale", {2}, {1, std::numeric_limits<float>::denorm_min()});
  CHECK_NOTHROW(check_weights(tensors.weights, specs, "F"));
}

TEST_CASE("all_finite tells finite values from others in F32, wherever they stand") {
  constexpr float largest = (std::numeric_limits<float>::max)();
  for (const float value : {0.0f, -0.0f, 1.0f, largest, -largest, std::numeric_limits<float>::denorm_min()}) {
    Tensors tensors;
    tensors.add("T", {3}, {value, value, value});
    CHECK(limn::all_finite(tensors.weights["T"]));
  }
  for (std::size_t place = 0; place < 37; ++place) {
    for (const float value :
         {not_a_number, -not_a_number, infinity, -infinity, std::numeric_limits<float>::signaling_NaN()}) {
      std::vector<float> values(37, 1.5f);
      values[place] = value;
      Tensors tensors;
      tensors.add("T", {37}, values);
      CHECK_FALSE(limn::all_finite(tensors.weights["T"]));
    }
  }
}

TEST_CASE("all_finite tells finite values from others in F16") {
  for (const unsigned bits : {0x0000U, 0x8000U, 0x0001U, 0x83FFU, 0x3C00U, 0x7BFFU, 0xFBFFU}) {
    CHECK(half_is_finite(bits));
  }
  for (const unsigned bits : {0x7C00U, 0xFC00U, 0x7C01U, 0xFE00U, 0x7FFFU, 0xFFFFU}) {
    CHECK_FALSE(half_is_finite(bits));
  }
}

TEST_CASE("a tensor without values is finite") {
  CHECK(limn::all_finite({DType::f32, {0}, nullptr}));
  CHECK(limn::all_finite({DType::f16, {3, 0}, nullptr}));
  CHECK(limn::all_finite({DType::i8, {0}, nullptr}));
}
