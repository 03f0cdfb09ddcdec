#include <limn/model_file/model.hpp>

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <limn/network/plain_executor.hpp>
#include <limn/network/quantized_graph.hpp>
#include <model_file/quantized_file.hpp>
#include <model_file/temporary_file.hpp>

using limn::Error;
using limn::Model;
using nlohmann::json;

namespace {

using Bytes = std::vector<unsigned char>;

/// A document of a narrow network of two keypoints, with a precision that keeps these convolutions.
json document(const std::vector<std::string>& kept) {
  json result = json::parse(R"({"version": 1, "name": "tiny",
    "network": {"type": "pose_resnet", "depth": 18, "width": 1, "deconv": {"channels": [4], "kernel": 4}},
    "input": {"width": 32, "height": 32, "channels": "rgb", "mean": [0, 0, 0], "std": [1, 1, 1], "geometry": "affine"},
    "decoder": {"type": "argmax"}, "keypoints": ["a", "b"], "links": []})");
  const limn::ModelDocument without = limn::parse_document(result.dump(), "D");
  result["precision"] = quantized::precision(without.network, kept);
  return result;
}

std::string model_refusal(const Bytes& bytes) {
  try {
    Model::from_bytes(bytes.data(), bytes.size(), "F");
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("a model with a precision is the 8-bit network, and its weights are as that takes them") {
  const Bytes bytes = quantized::model_file(document({"conv1"}).dump());
  const TemporaryFile on_disk("model_8_bit", bytes);
  for (const Model& model : {Model::open(on_disk.path), Model::from_bytes(bytes.data(), bytes.size())}) {
    std::map<std::string, std::string> types;
    for (const limn::Node& node : model.graph().nodes()) types[node.name] = limn::type_name(node.layer);
    CHECK(types.at("conv1") == "Conv2d");
    CHECK(types.at("bn1") == "BatchNorm2d");
    CHECK(types.at("layer1.0.relu1") == "QuantizedConv2d");
    CHECK(types.at("final_layer") == "QuantizedConv2d");
    CHECK(types.count("layer1.0.bn1") == 0);
    CHECK(model.weights().at("layer1.0.conv1.weight").dtype == limn::DType::i8);
    CHECK(model.weights().at("layer1.0.conv1.weight_scale").shape == std::vector<limn::Index>{1});
    CHECK(model.weights().at("conv1.weight").dtype == limn::DType::f32);
    CHECK(model.weights().count("bn1.running_var") == 1);
    CHECK_NOTHROW(limn::map_scales(model.graph()));
    limn::Tensor input({3, 32, 32});
    input.matrix().setConstant(0.5F);
    CHECK_NOTHROW(limn::run_plain(model.graph(), model.weights(), input));
  }
}

TEST_CASE("a precision that does not go with the network or the tensors is an error that names the file") {
  json wrong = document({});
  wrong["precision"]["maps"]["nowhere"] = {1, 0};
  SafetensorsWriter writer;
  writer.metadata("limn", wrong.dump());
  CHECK(model_refusal(writer.bytes()) == "F: metadata 'limn': precision: quantisation: the network has no map nowhere");

  // The tensors of a network whose conv1 is kept, and the document of one whose conv1 is not.
  Bytes bytes = quantized::model_file(document({"conv1"}).dump());
  const limn::Safetensors file = limn::Safetensors::from_bytes(bytes.data(), bytes.size(), "F");
  const std::map<std::string, std::string> metadata = {{"limn", document({}).dump()}};
  CHECK(model_refusal(limn::safetensors_bytes(file.tensors(), metadata, "F")) ==
        "F: tensor conv1.weight_scale: missing, expected shape [1] (and 1 more)");
}
