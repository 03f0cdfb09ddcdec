#pragma once

#include <limn/models/residual_block.hpp>
#include <limn/network/graph.hpp>
#include <limn/network/quantized_graph.hpp>

/// The network of tests/reference/quantized_layers.py, in floats.
inline limn::Graph small_network() {
  using namespace limn;
  Graph graph(3);
  NodeId x = graph.add("conv1", Conv2d{3, 4, 7, 2, 3}, {Graph::input});
  x = graph.add("bn1", BatchNorm2d{4}, {x});
  x = graph.add("relu", ReLU(), {x});
  x = graph.add("maxpool", MaxPool2d{3, 2, 1}, {x});
  const NodeId block = add_basic_block(graph, "block", {4, 6, 2}, x);
  x = graph.add("side", Conv2d{6, 6, 3, 1, 1, true}, {block});
  x = graph.add("side_relu", ReLU(), {x});
  x = graph.add("sum", Add(), {block, x});
  x = graph.add("sum_relu", ReLU(), {x});
  x = graph.add("up", UpsampleNearest{2}, {x});
  x = graph.add("deconv", ConvTranspose2d{6, 4, 4, 2, 1}, {x});
  x = graph.add("deconv_bn", BatchNorm2d{4}, {x});
  x = graph.add("deconv_relu", ReLU(), {x});
  graph.add_output("heatmaps", graph.add("heatmaps", Conv2d{4, 2, 1, 1, 0, true}, {x}));
  graph.add_output("sizes", graph.add("sizes", Conv2d{4, 2, 1, 1, 0, true}, {x}));
  return graph;
}

/// All of its maps but the outputs in 8 bit, all of one scale, and its heatmaps' convolution in floats.
inline limn::Quantization small_quantization(const limn::MapScale& scale) {
  limn::Quantization quantization;
  for (const char* map :
       {"input", "relu", "block.relu1", "block.bn2", "block", "side_relu", "sum_relu", "deconv_relu"}) {
    quantization.maps[map] = scale;
  }
  quantization.kept = {"heatmaps"};
  return quantization;
}
