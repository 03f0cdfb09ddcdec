#include <doctest/doctest.h>

#include <string>

#include <nlohmann/json.hpp>

#include <limn/model_file/document.hpp>

using limn::Error;
using limn::MapScale;
using limn::parse_document;
using limn::PrecisionDocument;
using nlohmann::json;

namespace {

/// A document of a small network with this entry "precision".
std::string document(const std::string& precision) {
  return R"({"version": 1, "name": "small",
    "network": {"type": "pose_resnet", "depth": 18, "width": 1, "deconv": {"channels": [4], "kernel": 4}},
    "input": {"width": 64, "height": 96, "channels": "rgb", "mean": [0, 0, 0], "std": [1, 1, 1], "geometry": "affine"},
    "decoder": {"type": "argmax"}, "keypoints": ["a", "b"], "links": [], "precision": )" +
         precision + "}";
}

PrecisionDocument read(const std::string& precision) {
  const limn::ModelDocument read = parse_document(document(precision), "F");
  REQUIRE(read.precision);
  return *read.precision;
}

/// What the message says after naming the file and the entry; empty if the document is taken.
std::string precision_refusal(const std::string& precision) {
  const std::string prefix = "F: metadata 'limn': ";
  try {
    limn::make_graph(parse_document(document(precision), "F"), "F");
    return "";
  } catch (const Error& error) {
    const std::string message = error.what();
    return message.rfind(prefix, 0) == 0 ? message.substr(prefix.size()) : "without a prefix: " + message;
  }
}

/// The same of an entry with `value` for `key`.
std::string refusal_of(const std::string& key, const std::string& value) {
  return precision_refusal(R"({"type": "int8", "maps": {"input": [1, 0]}, ")" + key + "\": " + value + "}");
}

}  // namespace

TEST_CASE("a document without a precision is one of a float network") {
  json float_one = json::parse(document("{}"));
  float_one.erase("precision");
  const limn::ModelDocument document = parse_document(float_one.dump(), "F");
  CHECK_FALSE(document.precision);
  CHECK(limn::make_graph(document, "F").nodes().size() == limn::make_graph(document.network).nodes().size());
}

TEST_CASE("a precision is read as it is written") {
  const PrecisionDocument full = read(R"({"type": "int8", "maps": {"input": [0.0207, 128], "relu": [1.3e-2, 0]},
    "float": ["conv1", "final_layer"], "calibration": {"inputs": 300, "photos": 212, "set": "everyday photos"},
    "loss": {"snr": 33.2, "moved": 0.004}, "something else": 1})");
  CHECK(full.quantization.maps.size() == 2);
  CHECK(full.quantization.maps.at("input") == MapScale{0.0207F, 128});
  CHECK(full.quantization.maps.at("relu") == MapScale{0.013F, 0});
  CHECK(full.quantization.kept == std::set<std::string>{"conv1", "final_layer"});
  CHECK(full.inputs == 300);
  CHECK(full.photos == 212);
  CHECK(full.set == "everyday photos");
  CHECK(full.snr == 33.2);
  CHECK(full.moved == 0.004);

  const PrecisionDocument smallest = read(R"({"type": "int8", "maps": {}})");
  CHECK(smallest.quantization.maps.empty());
  CHECK(smallest.quantization.kept.empty());
  CHECK(smallest.inputs == 0);
  CHECK(smallest.photos == 0);
  CHECK(smallest.set.empty());
  CHECK_FALSE(smallest.snr);
  CHECK_FALSE(smallest.moved);
  CHECK(read(R"({"type": "int8", "maps": {}, "calibration": {}, "loss": {}})").inputs == 0);
}

TEST_CASE("scales written with nine digits come back the same") {
  const float scale = 0.0123456791F;
  const PrecisionDocument document = read(R"({"type": "int8", "maps": {"input": [0.0123456791, 7]}})");
  CHECK(document.quantization.maps.at("input") == MapScale{scale, 7});
}

TEST_CASE("what is wrong with a precision is named") {
  CHECK(precision_refusal("3") == "precision: expected an object, found 3");
  CHECK(precision_refusal("{}") == "precision.type: expected \"int8\", found nothing");
  CHECK(precision_refusal(R"({"type": "int4"})") == "precision.type: expected \"int8\", found \"int4\"");
  const std::string object = "precision.maps: expected an object of scales and zero points by names of maps, found ";
  CHECK(precision_refusal(R"({"type": "int8"})") == object + "nothing");
  CHECK(refusal_of("maps", "[]").find("appears twice") != std::string::npos);
  CHECK(precision_refusal(R"({"type": "int8", "maps": [["relu", 1, 0]]})") == object + R"([["relu",1,0]])");

  const auto map = [](const std::string& value) {
    return precision_refusal(R"({"type": "int8", "maps": {"layer1.0.relu": )" + value + "}}");
  };
  const std::string place = "precision.maps[\"layer1.0.relu\"]";
  CHECK(map("1") == place + ": expected a scale and a zero point, found 1");
  CHECK(map("[1]") == place + ": expected a scale and a zero point, found [1]");
  CHECK(map("[1, 0, 0]") == place + ": expected a scale and a zero point, found [1,0,0]");
  for (const std::string scale : {"0", "-1", "1e-13", "1.1e12", "\"1\""}) {
    CHECK(map("[" + scale + ", 0]") == place + "[0]: expected a scale from 1e-12 to 1e12, found " + scale);
  }
  for (const std::string zero : {"-1", "256", "0.5", "null"}) {
    CHECK(map("[1, " + zero + "]") == place + "[1]: expected a zero point from 0 to 255, found " + zero);
  }

  CHECK(refusal_of("float", "1") == "precision.float: expected a list of up to 4096 convolutions, found 1");
  CHECK(refusal_of("float", "[1]") == "precision.float[0]: expected a string, found 1");
  const std::string count = ": expected a number from 0 to 1e9, found ";
  CHECK(refusal_of("calibration", "1") == "precision.calibration: expected an object, found 1");
  CHECK(refusal_of("calibration", R"({"inputs": -1})") == "precision.calibration.inputs" + count + "-1");
  CHECK(refusal_of("calibration", R"({"photos": 1.5})") == "precision.calibration.photos" + count + "1.5");
  CHECK(refusal_of("calibration", R"({"set": 1})") == "precision.calibration.set: expected a string, found 1");
  CHECK(refusal_of("loss", "[]") == "precision.loss: expected an object, found []");
  CHECK(refusal_of("loss", R"({"snr": 1001})") == "precision.loss.snr: expected a number of dB up to 1000, found 1001");
  CHECK(refusal_of("loss", R"({"moved": 1.01})") == "precision.loss.moved: expected a share from 0 to 1, found 1.01");
}

TEST_CASE("maps and convolutions that the network does not have, and scales that it lacks, are named with the file") {
  CHECK(precision_refusal(R"({"type": "int8", "maps": {"relu9": [1, 0]}})") ==
        "precision: quantisation: the network has no map relu9");
  CHECK(precision_refusal(R"({"type": "int8", "maps": {"bn1": [1, 0]}})") ==
        "precision: quantisation: the network has no map bn1");
  CHECK(precision_refusal(R"({"type": "int8", "maps": {}, "float": ["relu"]})") ==
        "precision: quantisation: the network has no convolution relu");
  CHECK(precision_refusal(R"({"type": "int8", "maps": {}})") ==
        "precision: quantisation: conv1: expected a scale of its input input");
  CHECK(precision_refusal(R"({"type": "int8", "maps": {"\n\u00e4": [1, 0]}})") ==
        "precision: quantisation: the network has no map ???");
  CHECK(precision_refusal(R"({"type": "int8", "maps": {"\n\u00e4": [0, 0]}})") ==
        "precision.maps[\"???\"][0]: expected a scale from 1e-12 to 1e12, found 0");
}
