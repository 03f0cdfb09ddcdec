#include <limn/models/pose_resnet.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include <limn/network/summary.hpp>

#include "reference_networks.hpp"

namespace {

using limn::Index;
using limn::PoseResNet;

PoseResNet pose_resnet_of(const nlohmann::json& description) {
  PoseResNet options;
  options.depth = description.at("depth").get<int>();
  options.width = description.at("channels").get<Index>();
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
  options.style = reference::style_of(description);
  return options;
}

PoseResNet standard(int depth, Index keypoints) {
  PoseResNet options;
  options.depth = depth;
  options.keypoints = keypoints;
  return options;
}

}  // namespace

TEST_CASE("pose_resnet gives PyTorch's numbers, from the first layer to the heatmaps") {
  reference::compare_networks("pose_resnet", 13, 11, [](const nlohmann::json& description) {
    return limn::pose_resnet(pose_resnet_of(description));
  });
}

TEST_CASE("pose_resnet has as many parameters as PyTorch counts") {
  reference::compare_parameters(
      "pose_resnet", [](const nlohmann::json& description) { return limn::pose_resnet(pose_resnet_of(description)); });
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

  PoseResNet lip = standard(18, 16);
  lip.deconvs = {{512, 4}, {512, 4}, {512, 4}};
  CHECK(limn::summarize(limn::pose_resnet(lip), 256, 256).parameters == 23770704);
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

TEST_CASE("each of pose_resnet's deconvolutions makes the heatmaps twice as fine") {
  PoseResNet options = standard(18, 5);
  for (const Index kernel : {2, 3, 4}) {
    for (std::size_t count = 0; count <= 5; ++count) {
      CAPTURE(kernel);
      CAPTURE(count);
      options.deconvs.assign(count, {8, kernel});
      const limn::Shape shape = limn::pose_resnet(options).shapes(64, 96).back();
      CHECK(shape.channels == 5);
      CHECK(shape.height * (Index{32} >> count) == 64);
      CHECK(shape.width * (Index{32} >> count) == 96);
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
  CHECK_THROWS_WITH_AS(with([](PoseResNet& o) { o.width = 0; }), "pose_resnet: width must be 1 to 4096, found 0",
                       limn::Error);
  CHECK_THROWS_WITH_AS(with([](PoseResNet& o) { o.width = 4097; }), "pose_resnet: width must be 1 to 4096, found 4097",
                       limn::Error);
  CHECK_THROWS_WITH_AS(with([](PoseResNet& o) { o.keypoints = 0; }),
                       "pose_resnet: expected at least one keypoint, found 0", limn::Error);
  CHECK_THROWS_WITH_AS(with([](PoseResNet& o) { o.final_kernel = 2; }),
                       "pose_resnet: final kernel must be 1 or 3, found 2", limn::Error);
  CHECK_THROWS_WITH_AS(with([](PoseResNet& o) { o.deconvs[1].kernel = 5; }),
                       "pose_resnet: deconvolution kernel must be 2, 3 or 4, found 5", limn::Error);
  CHECK_THROWS_WITH_AS(with([](PoseResNet& o) { o.deconvs[2].channels = 0; }),
                       "pose_resnet: deconvolution width must be positive, found 0", limn::Error);
}

TEST_CASE("pose_resnet's layers have the width asked for, doubled from layer to layer") {
  for (const int depth : {18, 50}) {
    CAPTURE(depth);
    PoseResNet options = standard(depth, 16);
    options.width = 24;
    const limn::Graph graph = limn::pose_resnet(options);
    const std::vector<limn::Shape> shapes = graph.shapes(64, 64);
    const auto channels = [&](const std::string& name) {
      for (std::size_t i = 0; i < shapes.size(); ++i) {
        if (graph.nodes()[i].name == name) return shapes[i].channels;
      }
      return Index{0};
    };
    const Index expansion = depth == 50 ? 4 : 1;
    CHECK(channels("conv1") == 24);
    CHECK(channels("layer1.1") == 24 * expansion);
    CHECK(channels("layer2.1") == 48 * expansion);
    CHECK(channels("layer3.1") == 96 * expansion);
    CHECK(channels("layer4.1") == 192 * expansion);
    CHECK(channels("layer4.1.conv1") == 192);
  }
}

TEST_CASE("pose_resnet without batch norm and ReLU keeps the names of what is left") {
  PoseResNet options = standard(18, 16);
  options.style = {limn::Normalization::none, false};
  const limn::Graph graph = limn::pose_resnet(options);
  std::string names;
  for (const limn::Node& node : graph.nodes()) {
    CHECK(std::string(limn::type_name(node.layer)) != "BatchNorm2d");
    CHECK(std::string(limn::type_name(node.layer)) != "ReLU");
    if (node.name.rfind("layer1.0", 0) == 0 || node.name.rfind("deconv", 0) == 0) names += node.name + " ";
  }
  CHECK(names == "layer1.0.conv1 layer1.0.conv2 layer1.0 deconv_layers.0 deconv_layers.3 deconv_layers.6 ");

  options.style = {limn::Normalization::bias, true};
  const std::vector<limn::ParameterSpec> specs = limn::pose_resnet(options).parameters();
  REQUIRE(specs.size() > 4);
  CHECK(specs[1].name == "conv1.bias");
  CHECK(specs[3].name == "layer1.0.conv1.bias");
}
