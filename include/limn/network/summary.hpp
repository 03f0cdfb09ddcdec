#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <limn/core/version.hpp>
#include <limn/network/graph.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// One line of a network's summary: a layer, or a block after its last layer.
struct SummaryRow {
  std::string name;                ///< PyTorch's module path
  std::string type;                ///< PyTorch's class
  Shape output;                    ///< for one picture
  std::int64_t parameters = 0;     ///< trainable values; a block's are counted at its layers
  std::int64_t multiply_adds = 0;  ///< for one picture, borders counted whole
  bool block = false;              ///< whether it is a block's row
};

/// A network's layers as torchsummary lists them (every module a row, a residual block after its layers), and totals.
struct Summary {
  Shape input;                     ///< of the picture
  std::vector<SummaryRow> rows;    ///< in the order of execution
  std::int64_t parameters = 0;     ///< trainable values of all layers
  std::int64_t multiply_adds = 0;  ///< for one picture, borders counted whole
};

/// Summarises a network for a picture of the given size. Throws Error if the size does not fit, or 64 bits do not
/// count the multiply-adds.
///
/// PyTorch has no module for a sum or a product of two maps, so these have no row, but for a sum that an 8-bit
/// convolution does; input has none either.
inline Summary summarize(const Graph& graph, Index height, Index width) {
  const std::vector<Shape> shapes = graph.shapes(height, width);
  Summary summary;
  summary.input = shapes.front();
  for (NodeId id = 1; id < graph.nodes().size(); ++id) {
    const Node& node = graph.nodes()[id];
    const std::vector<ParameterSpec> specs = parameters(node.layer);
    if (input_count(node.layer) == 1 || !specs.empty()) {
      SummaryRow row{node.name, type_name(node.layer), shapes[id], 0, 0, false};
      for (const ParameterSpec& spec : specs) row.parameters += spec.trainable ? spec.size() : 0;
      row.multiply_adds = multiply_adds(node.layer, shapes[node.inputs[0]]);
      summary.parameters = detail::checked_sum("network's parameters", summary.parameters, row.parameters);
      summary.multiply_adds = detail::checked_sum("network's multiply-adds", summary.multiply_adds, row.multiply_adds);
      summary.rows.push_back(std::move(row));
    }
    for (const Block& block : graph.blocks()) {
      if (block.last == id) summary.rows.push_back({block.name, block.type, shapes[id], 0, 0, true});
    }
  }
  return summary;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
