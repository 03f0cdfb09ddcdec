#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include <limn/network/quantized_graph.hpp>

#include "network/small_network.hpp"

using namespace limn;

namespace {

const MapScale bytes = {0.5F, 128};
const MapScale others = {0.25F, 0};

}  // namespace

TEST_CASE("map_scales says how each map of a network is to be read") {
  const Graph graph = quantized_graph(small_network(), small_quantization(bytes));
  const auto scales = map_scales(graph);
  REQUIRE(scales.size() == graph.nodes().size());
  for (NodeId id = 0; id < graph.nodes().size(); ++id) {
    const std::string& name = graph.nodes()[id].name;
    CAPTURE(name);
    const bool floats = name == "input" || name == "deconv_relu.dequantize" || name == "heatmaps" || name == "sizes";
    CHECK(scales[id] == (floats ? std::nullopt : std::optional<MapScale>(bytes)));
  }
  for (const auto& scale : map_scales(small_network())) CHECK(scale == std::nullopt);
}

TEST_CASE("map_scales refuses layers that read maps they are not made for, and names both") {
  const auto check = [](const Layer& layer, bool quantized, bool twice, const std::string& expected) {
    CAPTURE(type_name(layer));
    Graph graph(2);
    const NodeId map = quantized ? graph.add("map", Quantize{bytes}, {Graph::input}) : graph.add("map", ReLU(), {0});
    graph.add("layer", layer, twice ? std::vector<NodeId>{map, map} : std::vector<NodeId>{map});
    if (expected.empty()) {
      CHECK_NOTHROW(map_scales(graph));
    } else {
      CHECK_THROWS_WITH_AS(map_scales(graph), ("graph: layer reads map: expected " + expected).c_str(), Error);
    }
  };
  const std::string own = "an 8-bit map of its own scale";
  const QuantizedConv2d conv = {Conv2d{2, 2}, bytes, bytes, {}, false};
  check(conv, true, false, "");
  check(conv, false, false, own);
  check(QuantizedConv2d{Conv2d{2, 2}, others, bytes, {}, false}, true, false, own);
  check(QuantizedConv2d{Conv2d{2, 2}, bytes, bytes, bytes, false}, true, true, "");
  check(QuantizedConv2d{Conv2d{2, 2}, bytes, bytes, others, false}, true, true, own);
  check(QuantizedConvTranspose2d{ConvTranspose2d{2, 2}, others, bytes, {}, false}, true, false, own);
  check(QuantizedAdd{bytes, bytes, others}, true, true, "");
  check(QuantizedAdd{others, bytes, others}, true, true, own);
  check(QuantizedAdd{bytes, others, others}, true, true, own);
  check(QuantizedAdd{bytes, bytes, others}, false, true, own);
  check(Dequantize{bytes}, true, false, "");
  check(Dequantize{others}, true, false, own);
  check(Dequantize{bytes}, false, false, own);
  check(MaxPool2d(), true, false, "");
  check(MaxPool2d(), false, false, "");
  check(UpsampleNearest{2}, true, false, "");
  for (const Layer& layer : {Layer(Conv2d{2, 2}), Layer(ReLU()), Layer(Sigmoid()), Layer(Quantize{bytes})}) {
    check(layer, false, false, "");
    check(layer, true, false, "floats");
  }
  check(Add(), true, true, "floats");
  check(Multiply(), true, true, "floats");
}
