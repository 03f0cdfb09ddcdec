#include <limn/models/cmap_paf.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include <limn/network/summary.hpp>

#include "reference_networks.hpp"

namespace {

using limn::CmapPaf;
using limn::Index;

limn::Graph cmap_paf_of(const nlohmann::json& description) {
  CmapPaf options;
  options.depth = description.at("depth").get<int>();
  options.keypoints = description.at("keypoints").get<Index>();
  options.links = description.at("links").get<Index>();
  options.upsample_channels = description.at("upsample_channels").get<Index>();
  options.upsamples = description.at("num_upsample").get<int>();
  options.flat_layers = description.at("num_flat").get<int>();
  options.attention = description.at("attention").get<bool>();
  return limn::cmap_paf(options);
}

}  // namespace

TEST_CASE("cmap_paf gives PyTorch's numbers, from the first layer to both outputs") {
  reference::compare_networks("cmap_paf", 3, 20, cmap_paf_of);
}

TEST_CASE("cmap_paf has as many parameters as PyTorch counts") {
  reference::compare_parameters("cmap_paf", cmap_paf_of);
}

TEST_CASE(
    "Pose-ResNet18-Body has the published parameters but for the classifier that nothing uses, and multiply-adds") {
  const limn::Summary summary = limn::summarize(limn::cmap_paf({}), 224, 224);
  const Index classifier = 512 * 1000 + 1000;
  CHECK(summary.parameters + classifier == 21278308);
  CHECK(std::lround(static_cast<double>(summary.multiply_adds) * 1e-7) == 782);  // 7.82 G
}

TEST_CASE("cmap_paf puts out a heatmap for each keypoint and two maps for each link, of one size") {
  for (int upsamples = 1; upsamples <= 5; ++upsamples) {
    CAPTURE(upsamples);
    CmapPaf options;
    options.keypoints = 21;
    options.links = 20;
    options.upsample_channels = 8;
    options.upsamples = upsamples;
    const limn::Graph graph = limn::cmap_paf(options);
    REQUIRE(graph.outputs().size() == 2);
    CHECK(graph.outputs()[0].first == "heatmaps");
    CHECK(graph.outputs()[1].first == "part_affinity");
    const std::vector<limn::Shape> shapes = graph.shapes(96, 64);
    const limn::Shape heatmaps = shapes[graph.outputs()[0].second];
    CHECK(heatmaps.channels == 21);
    CHECK(heatmaps.height * (Index{32} >> upsamples) == 96);
    CHECK(heatmaps.width * (Index{32} >> upsamples) == 64);
    CHECK(shapes[graph.outputs()[1].second] == limn::Shape{40, heatmaps.height, heatmaps.width});
  }
}

TEST_CASE("cmap_paf refuses options that do not exist and names what it found") {
  const auto with = [](auto change) {
    CmapPaf options;
    change(options);
    limn::cmap_paf(options);
  };
  CHECK_THROWS_WITH_AS(with([](CmapPaf& o) { o.depth = 121; }),
                       "cmap_paf: depth must be 18, 34, 50, 101 or 152, found 121", limn::Error);
  CHECK_THROWS_WITH_AS(with([](CmapPaf& o) { o.keypoints = 0; }), "cmap_paf: expected at least one keypoint, found 0",
                       limn::Error);
  CHECK_THROWS_WITH_AS(with([](CmapPaf& o) { o.links = 0; }), "cmap_paf: expected at least one link, found 0",
                       limn::Error);
  CHECK_THROWS_WITH_AS(with([](CmapPaf& o) { o.upsamples = 6; }), "cmap_paf: upsamples must be 1 to 5, found 6",
                       limn::Error);
  CHECK_THROWS_WITH_AS(with([](CmapPaf& o) { o.flat_layers = -1; }),
                       "cmap_paf: flat layers must not be negative, found -1", limn::Error);
  CHECK_THROWS_WITH_AS(with([](CmapPaf& o) { o.upsample_channels = 0; }),
                       "cmap_paf: deconvolution width must be positive, found 0", limn::Error);
}
