#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include <limn/models/pose_resnet.hpp>
#include <limn/network/plain_executor.hpp>
#include <limn/network/summary.hpp>

#include "formula_weights.hpp"
#include "reference_data.hpp"

namespace {

using limn::Index;
using limn::PoseResNet;

const limn::Safetensors& networks_file() {
  static const limn::Safetensors file =
      limn::Safetensors::open(LIMN_SOURCE_DIR "/tests/reference/networks.safetensors");
  return file;
}

/// {network: description} of networks.safetensors.
nlohmann::json networks() { return nlohmann::json::parse(networks_file().metadata().at("networks")); }

PoseResNet options_of(const nlohmann::json& description) {
  PoseResNet options;
  options.depth = description.at("depth").get<int>();
  options.keypoints = description.at("keypoints").get<Index>();
  options.deconvs.clear();
  for (std::size_t i = 0; i < description.at("deconv_channels").size(); ++i) {
    options.deconvs.push_back(
        {description.at("deconv_channels")[i].get<Index>(), description.at("deconv_kernels")[i].get<Index>()});
  }
  options.deconv_bias = description.at("deconv_bias").get<bool>();
  options.final_kernel = description.at("final_kernel").get<Index>();
  options.stride_on_first_1x1 = description.at("stride_on") == "1x1";
  options.sigmoid_output = description.at("output_activation") == "sigmoid";
  return options;
}

PoseResNet standard(int depth, Index keypoints) {
  PoseResNet options;
  options.depth = depth;
  options.keypoints = keypoints;
  return options;
}

/// Values at the flat indices (k * 7919) mod size of PyTorch's order, as tests/reference/generate.py takes them.
Eigen::VectorXf probe(const limn::Tensor& tensor) {
  Eigen::VectorXf values(64);
  for (Index k = 0; k < values.size(); ++k) {
    const Index i = k * 7919 % tensor.shape().size();
    const Index pixel = i % tensor.shape().pixels();
    values[k] = tensor.matrix()(i / tensor.shape().pixels(), pixel);
  }
  return values;
}

}  // namespace

TEST_CASE("pose_resnet gives PyTorch's numbers, from the first layer to the heatmaps") {
  const nlohmann::json all = networks();
  REQUIRE(all.size() >= 8);
  for (const auto& network : all.items()) {
    const std::string& name = network.key();
    const nlohmann::json& description = network.value();
    CAPTURE(name);
    const limn::Graph graph = limn::pose_resnet(options_of(description));
    const formula::FormulaWeights weights(graph);
    const limn::Tensor input =
        formula::network_input({3, description.at("height").get<Index>(), description.at("width").get<Index>()});

    const std::string prefix = name + "/probe/";
    std::set<std::string> probes;
    for (const auto& tensor : networks_file().tensors()) {
      if (tensor.first.rfind(prefix, 0) == 0) probes.insert(tensor.first.substr(prefix.size()));
    }
    REQUIRE(probes.size() >= 14);
    const auto observe = [&](const limn::Node& node, const limn::Tensor& output) {
      if (probes.erase(node.name) == 0) return;
      CAPTURE(node.name);
      CHECK(reference::difference(probe(output), networks_file().tensor(prefix + node.name).to_float()) <= 1e-4);
    };

    const std::vector<limn::Tensor> outputs = limn::run_plain(graph, weights.weights(), input, observe);
    REQUIRE(outputs.size() == 1);
    CHECK(graph.outputs()[0].first == "heatmaps");
    CHECK(probes.empty());  // else a name of PyTorch's is not in the graph
    const limn::Tensor expected = reference::to_tensor(networks_file().tensor(name + "/heatmaps"));
    CHECK(reference::difference(outputs[0], expected) <= 1e-4);
  }
}

TEST_CASE("pose_resnet has as many parameters as PyTorch counts") {
  const nlohmann::json all = networks();
  for (const auto& network : all.items()) {
    const std::string& name = network.key();
    const nlohmann::json& description = network.value();
    CAPTURE(name);
    const limn::Graph graph = limn::pose_resnet(options_of(description));
    const limn::Summary summary =
        limn::summarize(graph, description.at("height").get<Index>(), description.at("width").get<Index>());
    CHECK(summary.parameters == description.at("parameters").get<Index>());
    Index trainable = 0;
    for (const limn::ParameterSpec& spec : graph.parameters()) trainable += spec.trainable ? spec.size() : 0;
    CHECK(trainable == description.at("parameters").get<Index>());
  }
}

TEST_CASE("pose_resnet has the published number of parameters") {
  const auto parameters = [](int depth, Index keypoints) {
    return limn::summarize(limn::pose_resnet(standard(depth, keypoints)), 256, 192).parameters;
  };
  CHECK(parameters(18, 16) == 15376464);
  CHECK(parameters(18, 17) == 15376721);
  CHECK(parameters(50, 16) == 33999440);
  CHECK(parameters(50, 17) == 33999697);
  CHECK(parameters(101, 17) == 52991825);
  CHECK(parameters(152, 17) == 68635473);
}

TEST_CASE("pose_resnet costs the published number of multiply-adds, each output of a deconvolution seeing 2x2 taps") {
  const auto millions = [](int depth, Index keypoints, Index height, Index width) {
    const limn::Graph graph = limn::pose_resnet(standard(depth, keypoints));
    return std::lround(static_cast<double>(limn::summarize(graph, height, width).multiply_adds) * 1e-6);
  };
  CHECK(millions(18, 17, 256, 192) == 2897);
  CHECK(millions(18, 16, 256, 256) == 3862);
  CHECK(millions(50, 17, 256, 192) == 5426);
  CHECK(millions(50, 16, 256, 256) == 7234);
  CHECK(millions(50, 17, 384, 288) == 12209);
  CHECK(millions(101, 17, 256, 192) == 9063);
  CHECK(millions(152, 17, 256, 192) == 12699);
}

TEST_CASE("pose_resnet takes any positive multiple of 32 and says so for anything else") {
  const limn::Graph graph = limn::pose_resnet(standard(18, 16));
  CHECK(graph.shapes(32, 32).back() == limn::Shape{16, 8, 8});
  CHECK(graph.shapes(96, 32).back() == limn::Shape{16, 24, 8});
  const formula::FormulaWeights weights(graph);
  for (const Index size : {0, 31, 33, 48}) {
    CAPTURE(size);
    const std::string found = std::to_string(size);
    const std::string message = "network input height x width: expected positive multiples of 32, found ";
    CHECK_THROWS_WITH_AS(graph.shapes(size, 64), (message + found + "x64").c_str(), limn::Error);
    CHECK_THROWS_WITH_AS(graph.shapes(64, size), (message + "64x" + found).c_str(), limn::Error);
    CHECK_THROWS_WITH_AS(limn::run_plain(graph, weights.weights(), limn::Tensor({3, 64, size})),
                         (message + "64x" + found).c_str(), limn::Error);
  }
  CHECK_THROWS_AS(graph.shapes(-32, 64), limn::Error);
}

TEST_CASE("pose_resnet refuses a picture that does not have three channels") {
  const limn::Graph graph = limn::pose_resnet(standard(18, 16));
  const formula::FormulaWeights weights(graph);
  CHECK_THROWS_WITH_AS(limn::run_plain(graph, weights.weights(), limn::Tensor({1, 32, 32})),
                       "network input: expected 3 input channels, found 1", limn::Error);
}

TEST_CASE("pose_resnet's heatmaps have one cell for every heatmap_stride input pixels") {
  PoseResNet options = standard(18, 5);
  for (const Index kernel : {2, 3, 4}) {
    for (std::size_t count = 0; count <= 5; ++count) {
      CAPTURE(kernel);
      CAPTURE(count);
      options.deconvs.assign(count, {8, kernel});
      const limn::Shape shape = limn::pose_resnet(options).shapes(64, 96).back();
      CHECK(shape.channels == 5);
      CHECK(static_cast<double>(shape.height) * options.heatmap_stride() == 64.0);
      CHECK(static_cast<double>(shape.width) * options.heatmap_stride() == 96.0);
    }
  }
}

TEST_CASE("pose_resnet refuses options that do not exist and names what it found") {
  const auto with = [](auto change) {
    PoseResNet options = standard(18, 16);
    change(options);
    limn::pose_resnet(options);
  };
  CHECK_THROWS_WITH_AS(with([](PoseResNet& o) { o.depth = 20; }),
                       "pose_resnet: depth must be 18, 34, 50, 101 or 152, found 20", limn::Error);
  CHECK_THROWS_WITH_AS(with([](PoseResNet& o) { o.keypoints = 0; }),
                       "pose_resnet: expected at least one keypoint, found 0", limn::Error);
  CHECK_THROWS_WITH_AS(with([](PoseResNet& o) { o.final_kernel = 2; }),
                       "pose_resnet: final kernel must be 1 or 3, found 2", limn::Error);
  CHECK_THROWS_WITH_AS(with([](PoseResNet& o) { o.deconvs[1].kernel = 5; }),
                       "pose_resnet: deconvolution kernel must be 2, 3 or 4, found 5", limn::Error);
  CHECK_THROWS_WITH_AS(with([](PoseResNet& o) { o.deconvs[2].channels = 0; }),
                       "pose_resnet: deconvolution width must be positive, found 0", limn::Error);
}
