#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <limn/network/quantized_graph.hpp>
#include <limn/network/summary.hpp>

#include "command.hpp"
#include "document_json.hpp"
#include "model_choice.hpp"
#include "network_text.hpp"

namespace limn::program {

namespace {

using Json = nlohmann::ordered_json;

Index file_bytes(const Model& model) { return static_cast<Index>(std::filesystem::file_size(model.name())); }

Json shape_json(const Shape& shape) { return Json::array({shape.channels, shape.height, shape.width}); }

/// Every layer with what it reads, which the table does not show, and with it sums and products of two maps; of an
/// 8-bit map its scale and zero point, and what tensors are named after if it is not the layer.
Json layers_json(const Graph& graph, const std::vector<Shape>& shapes) {
  const std::vector<std::optional<MapScale>> scales = map_scales(graph);
  Json layers = Json::array();
  for (NodeId id = 1; id < graph.nodes().size(); ++id) {
    const Node& node = graph.nodes()[id];
    std::int64_t trainable = 0;
    for (const ParameterSpec& spec : parameters(node.layer)) trainable += spec.trainable ? spec.size() : 0;
    Json layer;
    layer["name"] = node.name;
    layer["type"] = type_name(node.layer);
    if (!node.tensors.empty()) layer["tensors"] = node.tensors;
    layer["inputs"] = Json::array();
    for (const NodeId source : node.inputs) layer["inputs"].push_back(graph.nodes()[source].name);
    layer["output"] = shape_json(shapes[id]);
    if (scales[id]) layer["scale"] = to_json(*scales[id]);
    layer["parameters"] = trainable;
    layer["multiply_adds"] = multiply_adds(node.layer, shapes[node.inputs[0]]);
    layers.push_back(std::move(layer));
  }
  return layers;
}

Json blocks_json(const Graph& graph) {
  Json blocks = Json::array();
  for (const Block& block : graph.blocks()) {
    Json entry;
    entry["name"] = block.name;
    entry["type"] = block.type;
    entry["first"] = graph.nodes()[block.first].name;
    entry["last"] = graph.nodes()[block.last].name;
    blocks.push_back(std::move(entry));
  }
  return blocks;
}

Json tensors_json(const Model& model) {
  Json tensors = Json::array();
  for (const ParameterSpec& spec : model.graph().parameters()) {
    const DType dtype = model.weights().at(spec.name).dtype;
    Json tensor;
    tensor["name"] = spec.name;
    tensor["dtype"] = to_string(dtype);
    tensor["shape"] = spec.shape;
    tensor["bytes"] = spec.size() * static_cast<std::int64_t>(size_in_bytes(dtype));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

void print_json(const ChosenNetwork& network) {
  const Summary summary = summarize(network.graph, network.height, network.width);
  Json json;
  if (network.model) {
    json["file"] = network.model->name();
    json["document"] = to_json(network.model->document());
  } else {
    json["network"] = network.title;
  }
  json["input"] = shape_json(summary.input);
  json["layers"] = layers_json(network.graph, network.graph.shapes(network.height, network.width));
  json["blocks"] = blocks_json(network.graph);
  json["outputs"] = Json::object();
  for (const auto& [name, node] : network.graph.outputs()) json["outputs"][name] = network.graph.nodes()[node].name;
  json["parameters"] = summary.parameters;
  json["multiply_adds"] = summary.multiply_adds;
  for (const Target target : targets()) json["targets"].push_back(to_string(target));
  if (network.model) {
    json["bytes"] = file_bytes(*network.model);
    for (const auto& [size, type] : bytes_by_type(*network.model)) json["bytes_by_type"][type] = size;
    json["tensors"] = tensors_json(*network.model);
    const Memory memory = memory_of(*network.model, network.height, network.width);
    json["memory"]["weights"] = memory.weights;
    json["memory"]["thread"] = memory.thread;
  }
  // ASCII alone, since a terminal would obey some other characters; and a file name need not be UTF-8.
  std::printf("%s\n", json.dump(2, ' ', true, Json::error_handler_t::replace).c_str());
}

}  // namespace

void add_info(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("info", "Show what a model file says, and its network layer by layer");
  auto choice = std::make_shared<ModelChoice>();
  auto json = std::make_shared<bool>(false);
  add_model_choice(*command, *choice);
  command->add_flag("--json", *json, "As JSON: the file's document, each layer and what it reads,\neach tensor");
  command->callback([choice, json, &status] {
    const ChosenNetwork network(*choice);
    if (*json) {
      print_json(network);
    } else {
      print_network(network.title, network.graph, network.height, network.width,
                    network.model ? &*network.model : nullptr, network.model ? file_bytes(*network.model) : 0);
    }
    status = all_well;
  });
}

}  // namespace limn::program
