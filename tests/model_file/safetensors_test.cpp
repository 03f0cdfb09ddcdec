#include <limn/model_file/safetensors.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <limn/model_file/check_weights.hpp>
#include <model_file/damage.hpp>
#include <model_file/safetensors_writer.hpp>
#include <model_file/temporary_file.hpp>

using limn::DType;
using limn::Error;
using limn::Index;
using limn::Safetensors;

namespace {

using Bytes = std::vector<unsigned char>;

/// The message with which these bytes are refused; empty if they are not.
std::string safetensors_refusal(const Bytes& bytes) {
  // A copy of the exact size lets the address sanitizer see a read behind the end.
  const std::unique_ptr<unsigned char[]> copy(new unsigned char[bytes.size()]);
  if (!bytes.empty()) std::memcpy(copy.get(), bytes.data(), bytes.size());
  try {
    const Safetensors file = Safetensors::from_bytes(copy.get(), bytes.size(), "F");
    for (const auto& [name, view] : file.tensors()) {
      REQUIRE(view.data >= copy.get());
      REQUIRE(view.data + static_cast<std::size_t>(view.size()) * size_in_bytes(view.dtype) <=
              copy.get() + bytes.size());
      limn::all_finite(view);  // reads every byte
    }
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

std::string safetensors_refusal(const std::string& header, std::size_t data_size) {
  return safetensors_refusal(SafetensorsWriter::from_header(header, Bytes(data_size)));
}

SafetensorsWriter small_file() {
  SafetensorsWriter writer;
  writer.add("conv1.weight", DType::f32, {2, 1, 1, 2}, {1, 2, 3, 4});
  writer.add("conv1.bias", DType::f16, {2}, {-1, 0.5f});
  writer.metadata("limn", "{}");
  return writer;
}

}  // namespace

TEST_CASE("a safetensors file gives its tensors and metadata, from disk and from bytes alike") {
  const Bytes bytes = small_file().bytes();
  const TemporaryFile on_disk("safetensors_round_trip", bytes);
  for (const Safetensors& file :
       {Safetensors::open(on_disk.path), Safetensors::from_bytes(bytes.data(), bytes.size(), on_disk.path)}) {
    CHECK(file.name() == on_disk.path);
    CHECK(file.metadata() == std::map<std::string, std::string>{{"limn", "{}"}});
    REQUIRE(file.tensors().size() == 2);
    const limn::WeightView& weight = file.tensor("conv1.weight");
    CHECK(weight.dtype == DType::f32);
    CHECK(weight.shape == std::vector<Index>{2, 1, 1, 2});
    CHECK(weight.to_float() == Eigen::Vector4f(1, 2, 3, 4));
    const limn::WeightView& bias = file.tensor("conv1.bias");
    CHECK(bias.dtype == DType::f16);
    CHECK(bias.to_float() == Eigen::Vector2f(-1, 0.5f));
  }
}

TEST_CASE("from_bytes looks at the bytes where they are") {
  const Bytes bytes = small_file().bytes();
  const Safetensors file = Safetensors::from_bytes(bytes.data(), bytes.size(), "F");
  CHECK(file.tensor("conv1.bias").data == bytes.data() + bytes.size() - 4);
}

TEST_CASE("a tensor that the file lacks is an error that names both") {
  const Bytes bytes = small_file().bytes();
  const Safetensors file = Safetensors::from_bytes(bytes.data(), bytes.size(), "F");
  CHECK_THROWS_WITH_AS(file.tensor("bn1.weight"), "F: tensor bn1.weight: missing", Error);
}

TEST_CASE("tensors outlive the object they were opened as, if it is moved or copied") {
  const TemporaryFile on_disk("safetensors_moved", small_file().bytes());
  auto first = std::make_unique<Safetensors>(Safetensors::open(on_disk.path));
  const Safetensors copy = *first;
  const Safetensors moved = std::move(*first);
  CHECK_THROWS_AS(first->tensor("conv1.weight"), Error);
  first.reset();
  CHECK(copy.tensor("conv1.weight").to_float() == Eigen::Vector4f(1, 2, 3, 4));
  CHECK(moved.tensor("conv1.weight").to_float() == Eigen::Vector4f(1, 2, 3, 4));
}

TEST_CASE("tensors need not be aligned") {
  for (std::size_t shift = 0; shift < 8; ++shift) {
    const std::string header = R"({"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},)"
                               R"("b":{"dtype":"F32","shape":[2],"data_offsets":[2,10]}})" +
                               std::string(shift, ' ');
    Bytes data = {0x00, 0x3C};  // 1 in F16
    const float values[2] = {0.1f, -3e30f};
    const auto* raw = reinterpret_cast<const unsigned char*>(values);
    data.insert(data.end(), raw, raw + sizeof(values));
    const Bytes bytes = SafetensorsWriter::from_header(header, data);
    const Safetensors file = Safetensors::from_bytes(bytes.data(), bytes.size(), "F");
    CHECK(file.tensor("a").to_float()[0] == 1.0f);
    CHECK(file.tensor("b").to_float() == Eigen::Vector2f(values[0], values[1]));
    CHECK(limn::all_finite(file.tensor("b")));
  }
}

TEST_CASE("every F16 value becomes the F32 value that IEEE 754 says") {
  Bytes data;
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    data.push_back(static_cast<unsigned char>(bits & 0xFF));
    data.push_back(static_cast<unsigned char>(bits >> 8));
  }
  SafetensorsWriter writer;
  writer.add_bytes("all", DType::f16, {0x10000}, data);
  const Bytes bytes = writer.bytes();
  const Safetensors file = Safetensors::from_bytes(bytes.data(), bytes.size(), "F");
  const limn::FloatVector values = file.tensor("all").to_float();
  Index wrong = 0;
  for (int bits = 0; bits < 0x10000; ++bits) {
    const int exponent = (bits >> 10) & 0x1F;
    const int fraction = bits & 0x3FF;
    const float value = values[bits];
    bool right = std::signbit(value) == (bits >= 0x8000) || std::isnan(value);
    if (exponent == 0x1F) {
      right = right && (fraction == 0 ? std::isinf(value) : std::isnan(value));
    } else if (exponent == 0) {
      right = right && std::abs(value) == std::ldexp(static_cast<float>(fraction), -24);
    } else {
      right = right && std::abs(value) == std::ldexp(static_cast<float>(fraction + 0x400), exponent - 25);
    }
    wrong += right ? 0 : 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("every I8 value becomes the whole number that it is in two's complement") {
  Bytes data;
  for (int bits = 0; bits < 0x100; ++bits) data.push_back(static_cast<unsigned char>(bits));
  const Bytes bytes =
      SafetensorsWriter::from_header(R"({"all":{"dtype":"I8","shape":[16,16],"data_offsets":[0,256]}})", data);
  const Safetensors file = Safetensors::from_bytes(bytes.data(), bytes.size(), "F");
  CHECK(file.tensor("all").dtype == DType::i8);
  const limn::FloatVector values = file.tensor("all").to_float();
  for (int bits = 0; bits < 0x100; ++bits) CHECK(values[bits] == static_cast<float>(bits < 0x80 ? bits : bits - 0x100));
}

TEST_CASE("scalars, tensors without values and files without tensors are valid") {
  CHECK(safetensors_refusal("{}", 0).empty());
  CHECK(safetensors_refusal("{}   ", 0).empty());
  CHECK(safetensors_refusal(R"({"__metadata__":{}})", 0).empty());
  CHECK(safetensors_refusal(R"({"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})", 4).empty());
  CHECK(safetensors_refusal(R"({"z":{"dtype":"F32","shape":[3,0,2],"data_offsets":[0,0]}})", 0).empty());
  CHECK(safetensors_refusal(R"({"z":{"dtype":"F16","shape":[0],"data_offsets":[4,4]},)"
                            R"("s":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                            4)
            .empty());
}

TEST_CASE("the order of tensors in the header is free") {
  CHECK(safetensors_refusal(R"({"a":{"data_offsets":[4,8],"shape":[1],"dtype":"F32"},)"
                            R"("b":{"shape":[2],"dtype":"F16","data_offsets":[0,4]}})",
                            8)
            .empty());
}

TEST_CASE("a file cut off at any byte is an error") {
  const Bytes whole = small_file().bytes();
  REQUIRE(safetensors_refusal(whole).empty());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const std::string message = safetensors_refusal(cut);
    CHECK(message.rfind("F: ", 0) == 0);
    const TemporaryFile on_disk("safetensors_cut", cut);
    CHECK_THROWS_WITH_AS(Safetensors::open(on_disk.path), doctest::Contains(on_disk.path.c_str()), Error);
  }
}

TEST_CASE("a length of the header that cannot be is an error") {
  const auto with_length = [](std::uint64_t length) {
    Bytes bytes = small_file().bytes();
    std::memcpy(bytes.data(), &length, sizeof(length));
    return safetensors_refusal(bytes);
  };
  const std::size_t size = small_file().bytes().size();
  CHECK(with_length(100'000'001) == "F: not a safetensors file: header of 100000001 bytes, expected at most 100000000");
  CHECK(with_length((std::numeric_limits<std::uint64_t>::max)()) ==
        "F: not a safetensors file: header of 18446744073709551615 bytes, expected at most 100000000");
  CHECK(with_length(size) ==
        "F: truncated: header of " + std::to_string(size) + " bytes in a file of " + std::to_string(size));
  CHECK(with_length(size - 7) ==
        "F: truncated: header of " + std::to_string(size - 7) + " bytes in a file of " + std::to_string(size));
  CHECK(with_length(0) == "F: header: expected a JSON object, beginning with {");
  CHECK(safetensors_refusal(Bytes()) == "F: not a safetensors file: expected at least 8 bytes, found 0");
  CHECK(safetensors_refusal(Bytes(7)) == "F: not a safetensors file: expected at least 8 bytes, found 7");
  CHECK_THROWS_AS(Safetensors::from_bytes(nullptr, 0, "F"), Error);
}

TEST_CASE("a header that is no valid JSON is an error") {
  CHECK(safetensors_refusal("{", 0).rfind("F: header: invalid JSON: ", 0) == 0);
  CHECK(safetensors_refusal("{}}", 0).rfind("F: header: invalid JSON: ", 0) == 0);
  CHECK(safetensors_refusal("{\"a\":", 0).rfind("F: header: invalid JSON: ", 0) == 0);
  CHECK(safetensors_refusal("{'a':1}", 0).rfind("F: header: invalid JSON: ", 0) == 0);
  CHECK(safetensors_refusal("{\"\x80\":{}}", 0).rfind("F: header: invalid JSON: ", 0) == 0);  // not UTF-8
  CHECK(safetensors_refusal("{\"a\nb\":{}}", 0).rfind("F: header: invalid JSON: ", 0) == 0);
  CHECK(safetensors_refusal(R"({"\ud800":{}})", 0).rfind("F: header: invalid JSON: ", 0) ==
        0);  // half a surrogate pair
  CHECK(safetensors_refusal(std::string("{\0}", 3), 0).rfind("F: header: invalid JSON: ", 0) == 0);
  CHECK(safetensors_refusal("[]", 0) == "F: header: expected a JSON object, beginning with {");
  CHECK(safetensors_refusal(" {}", 0) == "F: header: expected a JSON object, beginning with {");
  CHECK(safetensors_refusal("\xEF\xBB\xBF{}", 0) == "F: header: expected a JSON object, beginning with {");
}

TEST_CASE("messages quote a file's text in short and printable form") {
  const std::string name(5000, 'x');
  const std::string message = safetensors_refusal("{\"" + name + "\":1}", 0);
  CHECK(message == "F: tensor " + std::string(120, 'x') + "...: expected an object, found 1");
  CHECK(safetensors_refusal("{\"a\\n\\u00e4\":1}", 0) == "F: tensor a???: expected an object, found 1");
}

TEST_CASE("values of the wrong type are errors that name the tensor and the key") {
  const auto tensor = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return safetensors_refusal(
        R"({"T":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}", 8);
  };
  REQUIRE(tensor(R"("F32")", "[2]", "[0,8]").empty());
  CHECK(safetensors_refusal(R"({"T":null})", 0) == "F: tensor T: expected an object, found null");
  CHECK(safetensors_refusal(R"({"T":[]})", 0) == "F: tensor T: expected an object, found an array");
  CHECK(tensor("7", "[2]", "[0,8]") == "F: tensor T: dtype: expected a string, found 7");
  CHECK(tensor("{}", "[2]", "[0,8]") == "F: tensor T: dtype: expected a string, found an object");
  CHECK(tensor(R"("F32")", "2", "[0,8]") == "F: tensor T: shape: expected an array, found 2");
  CHECK(tensor(R"("F32")", R"("2")", "[0,8]") == "F: tensor T: shape: expected an array, found \"2\"");
  const std::string whole = "expected whole numbers that are not negative, found ";
  CHECK(tensor(R"("F32")", "[-2]", "[0,8]") == "F: tensor T: shape: " + whole + "-2");
  CHECK(tensor(R"("F32")", "[2.0]", "[0,8]") == "F: tensor T: shape: " + whole + "2.0");
  CHECK(tensor(R"("F32")", "[true]", "[0,8]") == "F: tensor T: shape: " + whole + "a boolean");
  CHECK(tensor(R"("F32")", "[[2]]", "[0,8]") == "F: tensor T: shape: " + whole + "an array");
  CHECK(tensor(R"("F32")", R"(["2"])", "[0,8]") == "F: tensor T: shape: " + whole + "\"2\"");
  CHECK(tensor(R"("F32")", "[2]", "[-1,8]") == "F: tensor T: data_offsets: " + whole + "-1");
  CHECK(tensor(R"("F32")", "[2]", "[0,1e1]") == "F: tensor T: data_offsets: " + whole + "1e1");
  CHECK(tensor(R"("F32")", "[2]", "[0,8,8]") == "F: tensor T: data_offsets: expected two numbers, found more");
  CHECK(tensor(R"("F32")", "[2]", "[0]") == "F: tensor T: data_offsets: expected two numbers, found 1");
}

TEST_CASE("a tensor needs dtype, shape and data_offsets, each once, and nothing else") {
  CHECK(safetensors_refusal(R"({"T":{}})", 0) == "F: tensor T: dtype is missing");
  CHECK(safetensors_refusal(R"({"T":{"dtype":"F32","data_offsets":[0,0]}})", 0) == "F: tensor T: shape is missing");
  CHECK(safetensors_refusal(R"({"T":{"dtype":"F32","shape":[0]}})", 0) == "F: tensor T: data_offsets is missing");
  CHECK(safetensors_refusal(R"({"T":{"dtype":"F32","dtype":"F16","shape":[0],"data_offsets":[0,0]}})", 0) ==
        "F: tensor T: dtype appears twice");
  CHECK(safetensors_refusal(R"({"T":{"scale":1}})", 0) ==
        "F: tensor T: expected dtype, shape and data_offsets, found \"scale\"");
}

TEST_CASE("a name that appears twice is an error, also if it is written differently") {
  const std::string entry = R"({"dtype":"F32","shape":[0],"data_offsets":[0,0]})";
  CHECK(safetensors_refusal(R"({"T":)" + entry + R"(,"T":)" + entry + "}", 0) == "F: tensor T: appears twice");
  CHECK(safetensors_refusal(R"({"T":)" + entry + R"(,"\u0054":)" + entry + "}", 0) == "F: tensor T: appears twice");
  CHECK(safetensors_refusal(R"({"__metadata__":{},"__metadata__":{}})", 0) == "F: __metadata__: appears twice");
  CHECK(safetensors_refusal(R"({"__metadata__":{"a":"1","a":"2"}})", 0) == "F: __metadata__: key \"a\" appears twice");
}

TEST_CASE("metadata other than strings are an error") {
  CHECK(safetensors_refusal(R"({"__metadata__":null})", 0) == "F: __metadata__: expected an object, found null");
  CHECK(safetensors_refusal(R"({"__metadata__":{"limn":1}})", 0) ==
        "F: __metadata__: key \"limn\": expected a string, found 1");
  CHECK(safetensors_refusal(R"({"__metadata__":{"limn":{}}})", 0) ==
        "F: __metadata__: key \"limn\": expected a string, found an object");
  CHECK(safetensors_refusal(R"({"__metadata__":{"limn":null}})", 0) ==
        "F: __metadata__: key \"limn\": expected a string, found null");
}

TEST_CASE("a dtype other than F32, F16 and I8 is an error that names it") {
  for (const std::string dtype : {"F64", "BF16", "I64", "U8", "BOOL", "f32", ""}) {
    CHECK(safetensors_refusal(R"({"T":{"dtype":")" + dtype + R"(","shape":[1],"data_offsets":[0,8]}})", 8) ==
          "F: tensor T: dtype: expected F32, F16 or I8, found " + dtype);
  }
}

TEST_CASE("a shape that does not fit the bytes, or any computer, is an error") {
  const auto with_shape = [](const std::string& shape) {
    return safetensors_refusal(R"({"T":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":[0,8]}})", 8);
  };
  CHECK(with_shape("[3]") ==
        "F: tensor T: data_offsets: expected 3 values of 4 bytes for shape [3] of F32, found 8 bytes");
  CHECK(with_shape("[0]") ==
        "F: tensor T: data_offsets: expected 0 values of 4 bytes for shape [0] of F32, found 8 bytes");
  CHECK(with_shape("[]") ==
        "F: tensor T: data_offsets: expected 1 values of 4 bytes for shape [] of F32, found 8 bytes");
  CHECK(safetensors_refusal(R"({"T":{"dtype":"I8","shape":[2],"data_offsets":[0,8]}})", 8) ==
        "F: tensor T: data_offsets: expected 2 values of 1 bytes for shape [2] of I8, found 8 bytes");
  // 2^62 + 2 values (2^30 + 2 where addresses have 32 bits): times four bytes they would be 8 again.
  const bool wide = sizeof(limn::Index) == 8;
  const std::string many = wide ? "4611686018427387906" : "1073741826";
  CHECK(with_shape("[" + many + "]").find("expected " + many + " values") != std::string::npos);
  CHECK(with_shape("[9223372036854775808]") == "F: tensor T: shape: 9223372036854775808 after [] is too large");
  const std::string half = wide ? "4294967296" : "65536";
  const std::string too_large = "F: tensor T: shape: " + half + " after [" + half;
  CHECK(with_shape("[" + half + "," + half + "]") == too_large + "] is too large");
  CHECK(with_shape("[" + half + ",0," + half + "]") == too_large + ", 0] is too large");
  CHECK(with_shape("[99999999999999999999]").find("F: tensor T: shape: expected whole numbers") == 0);
  CHECK(with_shape("[1,1,1,1,1,1,1,1,2]") == "F: tensor T: shape: more than 8 extents");
  CHECK(safetensors_refusal(R"({"T":{"dtype":"F32","shape":[1],"data_offsets":[0,5]}})", 5).find("found 5 bytes") !=
        std::string::npos);
}

TEST_CASE("offsets that leave the file, run backwards, overlap or leave holes are errors") {
  const auto two = [](const std::string& a, const std::string& b) {
    return safetensors_refusal(R"({"A":{"dtype":"F32","shape":[1],"data_offsets":)" + a +
                                   R"(},"B":{"dtype":"F32","shape":[1],"data_offsets":)" + b + "}}",
                               8);
  };
  REQUIRE(two("[0,4]", "[4,8]").empty());
  const std::string within = "expected a range within the file's 8 bytes of data, found ";
  CHECK(two("[0,4]", "[5,9]") == "F: tensor B: data_offsets: " + within + "[5, 9]");
  CHECK(two("[0,4]", "[8,4]") == "F: tensor B: data_offsets: " + within + "[8, 4]");
  CHECK(two("[0,4]", "[18446744073709551612,0]") ==
        "F: tensor B: data_offsets: " + within + "[18446744073709551612, 0]");
  CHECK(two("[18446744073709551612,18446744073709551615]", "[4,8]") ==
        "F: tensor A: data_offsets: " + within + "[18446744073709551612, 18446744073709551615]");
  CHECK(two("[0,4]", "[0,4]") == "F: tensor B: data_offsets [0, 4] overlap those of tensor A");
  CHECK(two("[3,7]", "[0,4]") == "F: tensor A: data_offsets [3, 7] overlap those of tensor B");
  CHECK(safetensors_refusal(R"({"A":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                            R"("B":{"dtype":"F32","shape":[1],"data_offsets":[6,10]}})",
                            10) == "F: tensor B: data_offsets [6, 10] leave a hole after byte 4");
  CHECK(safetensors_refusal(R"({"A":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8) ==
        "F: tensor A: data_offsets [4, 8] leave a hole after byte 0");
  CHECK(safetensors_refusal(R"({"A":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 7) ==
        "F: 3 bytes after the last tensor's data");
  CHECK(safetensors_refusal("{}", 3) == "F: 3 bytes after the last tensor's data");
}

TEST_CASE("a deeply nested header is an error and not a stack overflow") {
  const std::size_t depth = 300000;
  CHECK(safetensors_refusal("{\"T\":" + std::string(depth, '['), 0) ==
        "F: tensor T: expected an object, found an array");
  std::string objects = "{";
  for (std::size_t i = 0; i < depth; ++i) objects += "\"T\":{";
  CHECK(safetensors_refusal(objects, 0) == "F: tensor T: expected dtype, shape and data_offsets, found \"T\"");
}

TEST_CASE("a damaged file is read or refused, whatever the damage") {
  SafetensorsWriter writer = small_file();
  writer.add("empty", DType::f32, {0, 3}, {});
  writer.add("scalar", DType::f32, {}, {7});
  writer.metadata("format", "pt\n\xC3\xA4");
  const Bytes whole = writer.bytes();
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, whole.data(), 8);
  const std::string header(whole.begin() + 8, whole.begin() + 8 + static_cast<std::ptrdiff_t>(header_size));
  const Bytes data(whole.begin() + 8 + static_cast<std::ptrdiff_t>(header_size), whole.end());
  Damage damage(20250601, {"{",     "}",    "[",    "]",  ",",  ":",       "\"",   "\\",   "-1",
                           "0",     "4",    "1e99", "[]", "{}", "\\u0000", "null", "true", "18446744073709551615",
                           "\"a\"", "\xC3", " ",    "\n"});

  int read = 0;
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    const std::string damaged = damage.damaged(header, 3);
    Bytes bytes = SafetensorsWriter::from_header(damaged, data);
    // Now and then the length before the header and the end of the file are wrong, too.
    if (damage.below(10) == 0) bytes[damage.below(8)] = static_cast<unsigned char>(damage.byte());
    if (damage.below(10) == 0) bytes.resize(damage.below(bytes.size() + 20));
    const std::string message = safetensors_refusal(bytes);
    if (message.empty()) {
      ++read;
    } else {
      ++refused;
      REQUIRE(message.rfind("F: ", 0) == 0);
    }
  }
  // Both have to happen for the test to mean anything.
  CHECK(read > 100);
  CHECK(refused > 10000);
}
