#include <limn/models/network_description.hpp>

#include <doctest/doctest.h>

#include <limn/engine/plan.hpp>
#include <limn/network/plain_executor.hpp>

#include "formula_weights.hpp"
#include "reference_data.hpp"

namespace {

using limn::CenterNet;
using limn::CmapPaf;
using limn::HRNet;
using limn::Index;
using limn::NetworkDescription;
using limn::PoseResNet;

/// Small networks of every family, published and ablated.
std::vector<NetworkDescription> small_networks() {
  std::vector<NetworkDescription> networks;
  for (const limn::Normalization normalization :
       {limn::Normalization::batch_norm, limn::Normalization::bias, limn::Normalization::none}) {
    for (const bool relu : {true, false}) {
      HRNet hrnet;
      hrnet.width = 5;
      hrnet.keypoints = 3;
      hrnet.style = {normalization, relu};
      networks.push_back(hrnet);
      PoseResNet resnet;
      resnet.depth = 18;
      resnet.keypoints = 3;
      resnet.deconvs = {{16, 4}, {8, 3}};
      resnet.style = {normalization, relu};
      networks.push_back(resnet);
      CenterNet center_net;
      center_net.width = 12;
      center_net.deconvs = {{16, 4}, {8, 3}};
      center_net.convolutions = relu;
      center_net.head_channels = normalization == limn::Normalization::none ? 0 : 7;
      center_net.offsets = relu;
      center_net.style = {normalization, relu};
      networks.push_back(center_net);
    }
  }
  for (const bool attention : {true, false}) {
    CmapPaf cmap_paf;
    cmap_paf.keypoints = 4;
    cmap_paf.links = 3;
    cmap_paf.upsample_channels = 12;
    cmap_paf.upsamples = 2;
    cmap_paf.flat_layers = 1;
    cmap_paf.attention = attention;
    networks.push_back(cmap_paf);
  }
  return networks;
}

}  // namespace

TEST_CASE("a description gives its network's graph and keypoints") {
  for (const NetworkDescription& network : small_networks()) {
    const limn::Graph graph = limn::make_graph(network);
    const limn::Shape heatmaps = graph.shapes(64, 96)[graph.outputs()[0].second];
    CHECK(limn::finds_boxes(network) == std::holds_alternative<CenterNet>(network));
    CHECK(heatmaps.channels == (limn::finds_boxes(network) ? 1 : limn::keypoint_count(network)));
  }
}

TEST_CASE("the number of keypoints can be set for networks that have any") {
  for (NetworkDescription network : small_networks()) {
    if (limn::finds_boxes(network)) {
      CHECK(limn::keypoint_count(network) == 0);
      CHECK_THROWS_WITH_AS(limn::set_keypoint_count(network, 3),
                           "center_net: finds people's boxes and has no keypoints", limn::Error);
      continue;
    }
    limn::set_keypoint_count(network, 9);
    CHECK(limn::keypoint_count(network) == 9);
    const limn::Graph graph = limn::make_graph(network);
    CHECK(graph.shapes(32, 32)[graph.outputs()[0].second].channels == 9);
  }
}

TEST_CASE("the engine gives the plain layers' numbers for every family, with and without batch norm and ReLU") {
  std::size_t number = 0;
  for (const NetworkDescription& network : small_networks()) {
    CAPTURE(number++);
    const limn::Graph graph = limn::make_graph(network);
    const formula::FormulaWeights weights(graph);
    const limn::Tensor input = formula::network_input({3, 64, 32});
    const std::vector<limn::Tensor> expected = limn::run_plain(graph, weights.weights(), input);
    const limn::Plan plan(graph, weights.weights(), 64, 32);
    limn::Plan::Workspace workspace = plan.make_workspace();
    workspace.input() = input.matrix();
    plan.run(workspace);
    REQUIRE(plan.output_count() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const limn::FloatMatrix found = workspace.output(i);
      CHECK(reference::difference(found.reshaped(), expected[i].matrix().reshaped()) <= 1e-4);
    }
  }
}
