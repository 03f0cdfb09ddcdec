// A model file of an 8-bit network for tests: its numbers mean nothing, but they are as numbers of such a file can be.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <limn/model_file/document.hpp>
#include <limn/network/fuse.hpp>

#include "model_file/safetensors_writer.hpp"

namespace quantized {

/// The entry "precision" of a network's document: all maps in 8 bit but for the outputs, the scales of what a ReLU puts
/// out from zero point 0. What is named in `kept` stays in floats.
inline nlohmann::json precision(const limn::NetworkDescription& network, const std::vector<std::string>& kept = {}) {
  const limn::Graph graph = limn::make_graph(network);
  nlohmann::json maps = {{"input", {0.0078125, 128}}};
  int number = 0;
  for (const limn::detail::FusedStep& step : limn::detail::fuse(graph)) {
    bool is_output = false;
    for (const auto& output : graph.outputs()) is_output = is_output || output.second == step.output;
    if (!is_output) maps[graph.nodes()[step.output].name] = {0.01 + 0.001 * (number++ % 10), step.relu ? 0 : 128};
  }
  return {{"type", "int8"}, {"maps", maps}, {"float", kept}};
}

/// The bytes of the model file with this document, which has the entry, and the tensors that its network needs.
inline std::vector<unsigned char> model_file(const std::string& document_text) {
  const limn::ModelDocument document = limn::parse_document(document_text, "a test's document");
  SafetensorsWriter writer;
  int number = 0;
  for (const limn::ParameterSpec& spec : limn::make_graph(document, "a test's document").parameters()) {
    std::vector<float> values(static_cast<std::size_t>(spec.size()));
    for (float& value : values) {
      const int chance = (number = (number * 421 + 1663) % 7875) % 255 - 127;  // from -127 to 127
      value = spec.integers ? static_cast<float>(chance) : spec.positive ? 0.004F : static_cast<float>(chance) / 512;
      if (spec.name.find("running_var") != std::string::npos) value = 1;
    }
    writer.add(spec.name, spec.integers ? limn::DType::i8 : limn::DType::f32, spec.shape, values);
  }
  writer.metadata("limn", document_text);
  return writer.bytes();
}

}  // namespace quantized
