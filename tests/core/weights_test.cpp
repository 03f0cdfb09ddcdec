#include <limn/core/weights.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

using limn::DType;
using limn::FloatVector;
using limn::WeightView;

TEST_CASE("stored tensors of every type are read as floats") {
  const std::vector<unsigned char> bytes = {0x00, 0x3C, 0x00, 0x80, 0x7F, 0x80, 0xFF, 0x01};
  CHECK(WeightView{DType::i8, {2, 4}, bytes.data()}.to_float() == FloatVector{{0, 60, 0, -128, 127, -128, -1, 1}});
  CHECK(WeightView{DType::f16, {2}, bytes.data()}.to_float() == FloatVector{{1.0F, -0.0F}});
  const std::vector<unsigned char> one_and_a_half = {0x00, 0x00, 0xC0, 0x3F};
  CHECK(WeightView{DType::f32, {1}, one_and_a_half.data()}.to_float() == FloatVector{{1.5F}});
  CHECK(WeightView{DType::i8, {0}, bytes.data()}.to_float().size() == 0);
}

TEST_CASE("types have safetensors' names and their sizes") {
  CHECK(std::string(to_string(DType::f32)) == "F32");
  CHECK(std::string(to_string(DType::f16)) == "F16");
  CHECK(std::string(to_string(DType::i8)) == "I8");
  CHECK(limn::size_in_bytes(DType::f32) == 4);
  CHECK(limn::size_in_bytes(DType::f16) == 2);
  CHECK(limn::size_in_bytes(DType::i8) == 1);
}

TEST_CASE("whoever maps a file is told of the bytes that were read") {
  static std::size_t released = 0;
  const std::vector<unsigned char> bytes(6);
  const auto release = [](const unsigned char*, std::size_t size) { released = size; };
  WeightView{DType::i8, {6}, bytes.data(), release}.to_float();
  CHECK(released == 6);
  WeightView{DType::f16, {3}, bytes.data(), release}.to_float();
  CHECK(released == 6);
  WeightView{DType::f16, {2}, bytes.data(), release}.to_float();
  CHECK(released == 4);
}
