#include <limn/model_file/safetensors_writer.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <limn/model_file/safetensors.hpp>
#include <model_file/temporary_file.hpp>

using limn::DType;
using limn::Error;
using limn::Safetensors;
using limn::safetensors_bytes;
using limn::Weights;

namespace {

using Bytes = std::vector<unsigned char>;
using Metadata = std::map<std::string, std::string>;

const unsigned char numbers[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

/// The header of a file.
std::string header_of(const Bytes& bytes) {
  std::uint64_t size = 0;
  REQUIRE(bytes.size() >= sizeof(size));
  std::memcpy(&size, bytes.data(), sizeof(size));
  REQUIRE(bytes.size() - sizeof(size) >= size);
  return {bytes.begin() + 8, bytes.begin() + 8 + static_cast<std::ptrdiff_t>(size)};
}

std::string safetensors_writer_refusal(const Weights& tensors, const Metadata& metadata) {
  try {
    safetensors_bytes(tensors, metadata, "F");
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("a file is laid out as the reference implementation does it") {
  // By hand after safetensors/src/tensor.rs, prepare(): sorted by size of the elements, the largest first, then by
  // name; compact JSON; blanks up to 8 bytes.
  const Weights tensors = {{"a", {DType::i8, {3}, numbers}},
                           {"b", {DType::f16, {1, 2}, numbers}},
                           {"c.weight", {DType::f32, {1}, numbers + 4}},
                           {"c.bias", {DType::f32, {}, numbers + 8}},
                           {"none", {DType::f32, {2, 0}, nullptr}}};
  const Bytes bytes = safetensors_bytes(tensors, {{"limn", "{}"}, {"format", "pt"}}, "F");
  const std::string expected = R"({"__metadata__":{"format":"pt","limn":"{}"},)"
                               R"("c.bias":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
                               R"("c.weight":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},)"
                               R"("none":{"dtype":"F32","shape":[2,0],"data_offsets":[8,8]},)"
                               R"("b":{"dtype":"F16","shape":[1,2],"data_offsets":[8,12]},)"
                               R"("a":{"dtype":"I8","shape":[3],"data_offsets":[12,15]}})";
  const std::string header = header_of(bytes);
  CHECK(header.size() % 8 == 0);
  CHECK(header.substr(0, expected.size()) == expected);
  CHECK(header.substr(expected.size()) == std::string(header.size() - expected.size(), ' '));
  CHECK(header.size() < expected.size() + 8);
  CHECK(Bytes(bytes.begin() + 8 + static_cast<std::ptrdiff_t>(header.size()), bytes.end()) ==
        Bytes{9, 10, 11, 12, 5, 6, 7, 8, 1, 2, 3, 4, 1, 2, 3});
}

TEST_CASE("a file without anything is one") {
  CHECK(header_of(safetensors_bytes({}, {}, "F")) == "{}      ");
  CHECK(header_of(safetensors_bytes({}, {{"", ""}}, "F")) == R"({"__metadata__":{"":""}})");
}

TEST_CASE("what is written is read again, whatever the texts") {
  std::string every_byte;
  for (char c = 0; c < 0x7F; ++c) every_byte += c;
  const std::string text = every_byte + "\x7F \xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80";
  const Bytes bytes =
      safetensors_bytes({{text, {DType::i8, {4, 2}, numbers}}}, {{text, text}, {"limn", "{\"a\": \"\\n\"}"}}, "F");
  const Safetensors file = Safetensors::from_bytes(bytes.data(), bytes.size(), "F");
  CHECK(file.metadata() == Metadata{{text, text}, {"limn", "{\"a\": \"\\n\"}"}});
  REQUIRE(file.tensors().size() == 1);
  CHECK(file.tensor(text).shape == std::vector<limn::Index>{4, 2});
  CHECK(std::memcmp(file.tensor(text).data, numbers, 8) == 0);
  // And by another reader.
  CHECK(nlohmann::json::parse(header_of(bytes)).at("__metadata__").at(text) == text);
}

TEST_CASE("what was read from a file is written as the same file") {
  const Weights tensors = {{"w", {DType::f32, {2, 2}, numbers}}, {"v", {DType::i8, {16}, numbers}}};
  const Bytes bytes = safetensors_bytes(tensors, {{"limn", "{}"}}, "F");
  const TemporaryFile on_disk("safetensors_written", bytes);
  const Safetensors file = Safetensors::open(on_disk.path);
  CHECK(safetensors_bytes(file.tensors(), file.metadata(), "F") == bytes);
}

TEST_CASE("what could not be read again is an error that names the tensor") {
  const std::string key = "F: tensor __metadata__: expected another name, which the format does not use itself";
  CHECK(safetensors_writer_refusal({{"__metadata__", {DType::f32, {}, numbers}}}, {}) == key);
  CHECK(safetensors_writer_refusal({{"T", {DType::f32, {-1}, numbers}}}, {})
            .rfind("F: tensor T: expected sizes from 0 on", 0) == 0);
  const limn::Index half = sizeof(limn::Index) == 8 ? limn::Index{1} << 62 : limn::Index{1} << 30;
  CHECK(safetensors_writer_refusal({{"T", {DType::f32, {half, 4}, numbers}}}, {})
            .rfind("F: tensor T: expected sizes from 0 on", 0) == 0);
  CHECK(safetensors_writer_refusal({{"T", {DType::f32, {1, 1, 1, 1, 1, 1, 1, 1, 1}, numbers}}}, {}) ==
        "F: tensor T: shape: more than 8 extents");
  CHECK(safetensors_writer_refusal({{"\xFF", {DType::f32, {}, numbers}}}, {})
            .rfind("F: header: invalid JSON: expected UTF-8", 0) == 0);
  CHECK(safetensors_writer_refusal({}, {{"limn", "\xC3"}}).rfind("F: header: invalid JSON: expected UTF-8", 0) == 0);
  CHECK(safetensors_writer_refusal({}, {{"limn", std::string(1 << 21, 'x')}})
            .rfind("F: header: a string of more than 1048576", 0) == 0);
}

TEST_CASE("the bytes of a mapped file are given back once they are written") {
  static int released = 0;
  released = 0;
  limn::WeightView view = {DType::f16, {3}, numbers};
  view.release = [](const unsigned char* data, std::size_t size) {
    if (data == numbers && size == 6) ++released;
  };
  safetensors_bytes({{"T", view}}, {}, "F");
  CHECK(released == 1);
}
