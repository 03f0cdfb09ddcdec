// What a hostile file can make limn allocate.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include <limn/model_file/check_weights.hpp>
#include <limn/model_file/document.hpp>
#include <limn/model_file/json_value.hpp>
#include <limn/model_file/safetensors.hpp>
#include <model_file/safetensors_writer.hpp>

#include "counted_new.hpp"

namespace {

constexpr std::size_t kibibyte = 1024;
constexpr std::size_t mebibyte = 1024 * kibibyte;

/// The largest single allocation while these bytes are opened, and whether they were refused.
struct Result {
  std::size_t largest;
  bool refused;
};

Result open(const std::vector<unsigned char>& bytes) {
  Result result = {0, false};
  largest_request = 0;
  try {
    const auto file = limn::Safetensors::from_bytes(bytes.data(), bytes.size(), "F");
    if (file.metadata().count("limn") > 0) limn::read_document(file);
  } catch (const limn::Error&) {
    result.refused = true;
  }
  result.largest = largest_request;
  return result;
}

Result open(const std::string& header) { return open(SafetensorsWriter::from_header(header, {})); }

std::string repeated(const std::string& text, std::size_t bytes) {
  std::string result;
  result.reserve(bytes + text.size());
  while (result.size() < bytes) result += text;
  return result;
}

}  // namespace

TEST_CASE("the allocation counter of these tests counts") {
  largest_request = 0;
  requests = 0;
  const std::vector<char> memory(12345);
  CHECK(largest_request == memory.size());
  CHECK(requests == 1);
}

TEST_CASE("a small file that promises much makes nothing large be allocated") {
  // Without tensors the file has room for nothing; all of these are shorter than 200 bytes.
  const std::string headers[] = {
      R"({"T":{"dtype":"F32","shape":[1000000000],"data_offsets":[0,4000000000]}})",
      R"({"T":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}})",
      R"({"T":{"dtype":"F16","shape":[2147483647,2147483647],"data_offsets":[0,18446744073709551615]}})",
      R"({"T":{"dtype":"F16","shape":[65536,65536,65536,65536],"data_offsets":[0,0]}})",
  };
  for (const std::string& header : headers) {
    const Result result = open(header);
    CHECK(result.refused);
    CHECK(result.largest <= 4 * kibibyte);
  }
  std::vector<unsigned char> bytes(64);
  for (std::size_t i = 0; i < 8; ++i) {
    std::fill(bytes.begin(), bytes.begin() + 8, static_cast<unsigned char>(0));
    bytes[i] = 0xFF;
    CHECK(open(bytes).largest <= 4 * kibibyte);
  }
}

TEST_CASE("a large header makes nothing larger than the file be allocated") {
  constexpr std::size_t size = 12 * mebibyte;
  const std::string tensor = R"({"T":{"dtype":"F32","data_offsets":[0,0],"shape":)";
  const std::string headers[] = {
      "{" + std::string(size, ' '),
      "{" + std::string(size, '\n') + "x",
      "{" + std::string(size, '\x01'),
      "{\"" + std::string(size, 'x') + "\":1}",
      "{\"" + repeated("\\\"", size) + "\":1}",
      "{\"" + repeated("\\u0001", size) + "\":1}",
      R"({"__metadata__":{"limn":")" + std::string(size, 'x') + "\"}}",
      tensor + "[" + repeated("0,", size) + "0]}}",
      tensor + std::string(size, '[') + "}}",
      tensor + "[" + std::string(size, '1') + "]}}",
      tensor + repeated("{\"\":", size) + "}}",
      "{" + std::string(size, ',') + "}",
      "{" + std::string(size, '/') + "}",
  };
  for (const std::string& header : headers) {
    CAPTURE(header.substr(0, 60));
    const Result result = open(header);
    CHECK(result.refused);
    CHECK(result.largest <= size);
  }
}

TEST_CASE("a header of very many entries makes nothing larger than the file be allocated") {
  constexpr int entries = 50000;
  std::string tensors = "{";
  std::string metadata = R"({"__metadata__":{)";
  for (int i = 0; i < entries; ++i) {
    const std::string comma = i > 0 ? "," : "";
    tensors += comma + "\"" + std::to_string(i) + R"(":{"dtype":"F16","shape":[0],"data_offsets":[0,0]})";
    metadata += comma + "\"" + std::to_string(i) + "\":\"\"";
  }
  tensors += "}";
  metadata += "}}";
  for (const std::string& header : {tensors, metadata}) {
    const Result result = open(header);
    CHECK_FALSE(result.refused);
    CHECK(result.largest <= header.size());
  }
}

TEST_CASE("a hostile document makes nothing large be allocated") {
  constexpr std::size_t size = mebibyte - kibibyte;
  std::string many_keys = "{\"version\":2";
  for (int i = 0; i < 9900; ++i) many_keys += ",\"" + std::to_string(i) + "\":0";
  const std::string documents[] = {
      "[" + repeated("0,", size) + "0]",
      repeated("[", size),
      repeated("{\"\":", size),
      "[" + repeated("[],", size) + "0]",
      many_keys + "}",
      "{\"name\": \"" + std::string(size, 'x') + "\"}",
      std::string(size, ' '),
      R"({"version": 1, "precision": {"type": "int8", "maps": {)" + repeated("\"\":[1,0],", size),
      "{\"version\": " + std::string(size, '1') + "}",
  };
  for (const std::string& document : documents) {
    CAPTURE(document.substr(0, 60));
    const Result result = open(R"({"__metadata__":{"limn":)" + limn::detail::json_string(document) + "}}");
    CHECK(result.refused);
    CHECK(result.largest <= 3 * mebibyte);
  }
}

TEST_CASE("wherever memory runs out while JSON is read, that comes out, and values go without taking memory") {
  const std::string text = R"({"a key that is not short": ["a text that is not short", 1, 2, {}], "b": {"c": [[]]}})";
  const std::string what = "the name of a file";
  CHECK(errors_of_refusals<std::bad_alloc>(1, [&] { limn::detail::parse_json(text, what); }) > 10);
  std::size_t before = 0;
  {
    const limn::detail::JsonValue value = limn::detail::parse_json(text, what);
    before = requests;
  }
  CHECK(requests == before);
}

TEST_CASE("looking for values that are not finite allocates nothing") {
  const std::vector<unsigned char> bytes(4096, 0x11);
  const limn::WeightView f32 = {limn::DType::f32, {1024}, bytes.data()};
  const limn::WeightView f16 = {limn::DType::f16, {2048}, bytes.data()};
  const limn::WeightView i8 = {limn::DType::i8, {4096}, bytes.data()};
  requests = 0;
  const bool finite = limn::all_finite(f32) && limn::all_finite(f16) && limn::all_finite(i8);
  CHECK(requests == 0);
  CHECK(finite);
}
