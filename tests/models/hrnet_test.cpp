#include <limn/models/hrnet.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include <limn/network/summary.hpp>

#include "reference_networks.hpp"

namespace {

using limn::HRNet;
using limn::Index;

limn::Graph hrnet_of(const nlohmann::json& description) {
  HRNet options;
  options.width = description.at("channels").get<Index>();
  options.keypoints = description.at("keypoints").get<Index>();
  options.final_kernel = description.at("final_kernel").get<Index>();
  options.style = reference::style_of(description);
  return limn::hrnet(options);
}

/// The node of that name. Fails the test if there is none.
const limn::Node& node(const limn::Graph& graph, const std::string& name) {
  const auto found = std::find_if(graph.nodes().begin(), graph.nodes().end(),
                                  [&](const limn::Node& candidate) { return candidate.name == name; });
  REQUIRE(found != graph.nodes().end());
  return *found;
}

}  // namespace

TEST_CASE("hrnet gives PyTorch's numbers, through every stage and branch to the heatmaps") {
  reference::compare_networks("hrnet", 5, 30, hrnet_of);
}

TEST_CASE("hrnet has as many parameters as PyTorch counts") { reference::compare_parameters("hrnet", hrnet_of); }

TEST_CASE("hrnet has the published number of parameters") {
  const auto millions = [](Index width) {
    HRNet options;
    options.width = width;
    return std::lround(static_cast<double>(limn::summarize(limn::hrnet(options), 256, 192).parameters) * 1e-5);
  };
  CHECK(millions(32) == 285);  // 28.5 M
  CHECK(millions(48) == 636);  // 63.6 M
}

TEST_CASE("hrnet sums the branches from the finest to the coarsest") {
  const limn::Graph graph = limn::hrnet({});
  const auto name = [&](limn::NodeId id) { return graph.nodes()[id].name; };
  const std::string at = "stage4.0.fuse_layers.2";
  const limn::Node& output = node(graph, at);
  CHECK(name(output.inputs[0]) == at + ".sum3");
  const limn::Node& third = node(graph, at + ".sum3");
  CHECK(name(third.inputs[0]) == at + ".sum2");
  CHECK(name(third.inputs[1]) == at + ".3.2");
  const limn::Node& second = node(graph, at + ".sum2");
  CHECK(name(second.inputs[0]) == at + ".sum1");
  CHECK(name(second.inputs[1]) == "stage4.0.branches.2.3");
  const limn::Node& first = node(graph, at + ".sum1");
  CHECK(name(first.inputs[0]) == at + ".0.1.1");
  CHECK(name(first.inputs[1]) == at + ".1.0.1");
}

TEST_CASE("hrnet's heatmaps are a quarter of any input that is a multiple of 32") {
  const limn::Graph graph = limn::hrnet({});
  for (const auto& [height, width] : {std::pair<Index, Index>{32, 32}, {256, 192}, {96, 160}, {384, 288}}) {
    CHECK(graph.shapes(height, width).back() == limn::Shape{17, height / 4, width / 4});
  }
  CHECK_THROWS_WITH_AS(graph.shapes(48, 64),
                       "network input height x width: expected positive multiples of 32, found 48x64", limn::Error);
}

TEST_CASE("hrnet refuses options that do not exist and names what it found") {
  const auto with = [](auto change) {
    HRNet options;
    change(options);
    limn::hrnet(options);
  };
  CHECK_THROWS_WITH_AS(with([](HRNet& o) { o.width = 0; }), "hrnet: width must be positive, found 0", limn::Error);
  CHECK_THROWS_WITH_AS(with([](HRNet& o) { o.keypoints = 0; }), "hrnet: expected at least one keypoint, found 0",
                       limn::Error);
  CHECK_THROWS_WITH_AS(with([](HRNet& o) { o.final_kernel = 2; }), "hrnet: final kernel must be 1 or 3, found 2",
                       limn::Error);
}
