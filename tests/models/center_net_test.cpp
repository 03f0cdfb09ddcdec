#include <limn/models/center_net.hpp>

#include <doctest/doctest.h>

#include <string>

#include <limn/network/summary.hpp>

#include "reference_networks.hpp"

namespace {

using limn::CenterNet;
using limn::Index;

CenterNet center_net_of(const nlohmann::json& description) {
  CenterNet options;
  options.depth = description.at("depth").get<int>();
  options.width = description.at("channels").get<Index>();
  options.deconvs.clear();
  for (std::size_t i = 0; i < description.at("deconv_channels").size(); ++i) {
    options.deconvs.push_back(
        {description.at("deconv_channels")[i].get<Index>(), description.at("deconv_kernels")[i].get<Index>()});
  }
  options.deconv_bias = description.at("deconv_bias").get<bool>();
  options.convolutions = description.at("convolutions").get<bool>();
  options.head_channels = description.at("head_channels").get<Index>();
  options.offsets = description.at("offsets").get<bool>();
  options.style = reference::style_of(description);
  return options;
}

/// The names of the nodes behind the ResNet, in the order of execution.
std::string names_after_resnet(const CenterNet& options) {
  const limn::Graph graph = limn::center_net(options);
  std::string names;
  bool after = false;
  for (const limn::Node& node : graph.nodes()) {
    if (after) names += (names.empty() ? "" : " ") + node.name;
    after = after || node.name == "layer4.1";
  }
  return names;
}

}  // namespace

TEST_CASE("center_net gives PyTorch's numbers, from the first layer to all outputs") {
  reference::compare_networks("center_net", 3, 13, [](const nlohmann::json& description) {
    return limn::center_net(center_net_of(description));
  });
}

TEST_CASE("center_net has as many parameters as PyTorch counts") {
  reference::compare_parameters(
      "center_net", [](const nlohmann::json& description) { return limn::center_net(center_net_of(description)); });
}

TEST_CASE("center_net has the parameters that imgclsmob counts of its network for 20 classes, less the classes") {
  CenterNet options;
  options.deconvs = {{256, 4}, {128, 4}, {64, 4}};
  options.convolutions = true;
  options.head_channels = 64;
  const Index more_classes = 19 * (64 + 1);
  CHECK(limn::summarize(limn::center_net(options), 512, 512).parameters + more_classes == 14215640);
}

TEST_CASE("center_net puts out one heatmap and two maps each of sizes and offsets, of one size") {
  CenterNet options;
  for (std::size_t count = 0; count <= 5; ++count) {
    for (const bool offsets : {true, false}) {
      CAPTURE(count);
      options.deconvs.assign(count, {8, 4});
      options.offsets = offsets;
      const limn::Graph graph = limn::center_net(options);
      const std::vector<limn::Shape> shapes = graph.shapes(64, 96);
      REQUIRE(graph.outputs().size() == (offsets ? 3 : 2));
      CHECK(graph.outputs()[0].first == "heatmaps");
      CHECK(graph.outputs()[1].first == "sizes");
      if (offsets) CHECK(graph.outputs()[2].first == "offsets");
      const limn::Shape heatmaps = shapes[graph.outputs()[0].second];
      CHECK(heatmaps.channels == 1);
      const Index stride = Index{32} >> options.deconvs.size();
      CHECK(heatmaps.height * stride == 64);
      CHECK(heatmaps.width * stride == 96);
      for (std::size_t i = 1; i < graph.outputs().size(); ++i) {
        CHECK(shapes[graph.outputs()[i].second] == limn::Shape{2, heatmaps.height, heatmaps.width});
      }
    }
  }
}

TEST_CASE("center_net's layers have the names of its authors' release, and more of them the more it is made of") {
  CenterNet options;
  options.deconvs = {{16, 4}, {8, 4}};
  const std::string doubling = "deconv_layers.0 deconv_layers.1 deconv_layers.2 ";
  CHECK(names_after_resnet(options) ==
        doubling + "deconv_layers.3 deconv_layers.4 deconv_layers.5 hm hm.sigmoid wh reg");
  options.deconvs.pop_back();
  options.convolutions = true;
  options.head_channels = 4;
  CHECK(names_after_resnet(options) == "conv_layers.0 conv_layers.1 conv_layers.2 " + doubling +
                                           "hm.0 hm.1 hm.2 hm.sigmoid wh.0 wh.1 wh.2 reg.0 reg.1 reg.2");
  options.style = {limn::Normalization::none, false};
  options.offsets = false;
  CHECK(names_after_resnet(options) == "conv_layers.0 deconv_layers.0 hm.0 hm.1 hm.2 hm.sigmoid wh.0 wh.1 wh.2");
}

TEST_CASE("center_net refuses options that do not exist and names what it found") {
  const auto with = [](auto change) {
    CenterNet options;
    change(options);
    limn::center_net(options);
  };
  CHECK_THROWS_WITH_AS(with([](CenterNet& o) { o.depth = 20; }),
                       "center_net: depth must be 18, 34, 50, 101 or 152, found 20", limn::Error);
  CHECK_THROWS_WITH_AS(with([](CenterNet& o) { o.width = 0; }), "center_net: width must be 1 to 4096, found 0",
                       limn::Error);
  CHECK_THROWS_WITH_AS(with([](CenterNet& o) { o.width = 4097; }), "center_net: width must be 1 to 4096, found 4097",
                       limn::Error);
  CHECK_THROWS_WITH_AS(with([](CenterNet& o) { o.head_channels = -1; }),
                       "center_net: head channels must not be negative, found -1", limn::Error);
  for (const bool convolutions : {true, false}) {
    const auto with_deconv = [&](limn::Deconv deconv) {
      with([&](CenterNet& o) {
        o.convolutions = convolutions;
        o.deconvs = {deconv};
      });
    };
    CHECK_THROWS_WITH_AS(with_deconv({8, 5}), "center_net: deconvolution kernel must be 2, 3 or 4, found 5",
                         limn::Error);
    CHECK_THROWS_WITH_AS(with_deconv({0, 4}), "center_net: deconvolution width must be positive, found 0", limn::Error);
  }
}
