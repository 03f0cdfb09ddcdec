#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <limn/network/summary.hpp>

#include "command.hpp"
#include "document_json.hpp"
#include "engine.hpp"
#include "model_choice.hpp"
#include "text.hpp"

namespace limn::program {

namespace {

using Json = nlohmann::ordered_json;

std::string describe_final(Index kernel) {
  return kernel == 1 ? "" : format(", final convolution %tdx%td", kernel, kernel);
}

std::string describe_style(const ConvStyle& style) {
  std::string text;
  switch (style.normalization) {
    case Normalization::batch_norm: break;
    case Normalization::bias: text += ", biases instead of batch norm"; break;
    case Normalization::none: text += ", no batch norm"; break;
  }
  return style.relu ? text : text + ", no ReLU";
}

/// What PoseResNet and CenterNet have in common.
template <class Network>
std::string describe_resnet_and_deconvs(const char* family, const Network& network) {
  std::string text = format("%s, depth %d", family, network.depth);
  if (network.width != 64) text += format(", width %td", network.width);
  text += ", deconvolutions";
  for (const Deconv& deconv : network.deconvs) {
    text += format(" %td (%tdx%td)", deconv.channels, deconv.kernel, deconv.kernel);
  }
  return network.deconv_bias ? text + " with bias" : text;
}

std::string describe(const PoseResNet& network) {
  std::string text = describe_resnet_and_deconvs("pose_resnet", network);
  text += describe_final(network.final_kernel);
  if (network.stride_on_first_1x1) text += ", stride on the first 1x1";
  if (network.sigmoid_output) text += ", sigmoid";
  return text + describe_style(network.style);
}

std::string describe(const HRNet& network) {
  return "hrnet, width " + std::to_string(network.width) + describe_final(network.final_kernel) +
         describe_style(network.style);
}

std::string describe(const CmapPaf& network) {
  std::string text = format("cmap_paf, depth %d, ", network.depth);
  text += count_of(static_cast<std::size_t>(network.upsamples), "deconvolution", "deconvolutions");
  text += format(" of %td", network.upsample_channels);
  if (network.flat_layers > 0) text += format(", each with %d 3x3 behind it", network.flat_layers);
  return text + (network.attention ? ", attention" : ", no attention") +
         format(", part affinity of %td links", network.links);
}

std::string describe(const CenterNet& network) {
  std::string text = describe_resnet_and_deconvs("center_net", network);
  if (network.convolutions) text += ", each with a 3x3 before it";
  if (network.head_channels > 0) text += format(", heads of %td channels", network.head_channels);
  if (!network.offsets) text += ", no offsets";
  return text + describe_style(network.style);
}

std::string describe_input(const InputDocument& input) {
  std::string text = format("%td x %td (height x width), ", input.height, input.width);
  text += input.channels == ChannelOrder::rgb ? "RGB" : "BGR";
  const auto add = [&text](const char* what, const std::array<float, 3>& values) {
    text += what;
    for (const float value : values) text += format(" %.6g", static_cast<double>(value));
  };
  add(", mean", input.mean);
  add(", std", input.std);
  return text;
}

std::string describe_geometry(const InputDocument& input) {
  std::string text = name_of(input.geometry);
  if (input.geometry == Geometry::affine || input.geometry == Geometry::udp)
    text += format(", padding %.6g", input.padding);
  if (input.crop > 0) text += format(", crop %.6g", input.crop);
  return text + (input.resample == Resample::bilinear ? ", bilinear" : ", nearest");
}

std::string describe_decoder(const DecoderOptions& decoder) {
  const std::string name = name_of(decoder.type);
  const std::string rest =
      format(", offset %.6g, drawn from score %.6g", decoder.offset, static_cast<double>(decoder.draw_threshold));
  switch (decoder.type) {
    case DecoderType::argmax: return name + rest;
    case DecoderType::quarter_offset: return name + format(", margin %td", decoder.margin) + rest;
    case DecoderType::dark:
    case DecoderType::dark_udp: return name + format(", kernel %td", decoder.kernel) + rest;
    case DecoderType::center:
      return name + format(", threshold %.6g, at most %td people, overlap up to %.6g, offset %.6g",
                           static_cast<double>(decoder.center.threshold), decoder.center.max_people,
                           static_cast<double>(decoder.center.iou), decoder.offset);
    case DecoderType::part_affinity: break;
  }
  const PartAffinityOptions& several = decoder.part_affinity;
  return name + format(", thresholds %.6g and %.6g, window %td, samples %td, offset %.6g",
                       static_cast<double>(several.cmap_threshold), static_cast<double>(several.link_threshold),
                       several.window, several.samples, decoder.offset);
}

std::string describe_keypoints(const Skeleton& skeleton) {
  std::string text = std::to_string(skeleton.keypoints.size()) + ":";
  for (const std::string& keypoint : skeleton.keypoints) text += " " + keypoint;
  return text;
}

void print_field(const char* name, const std::string& value) {
  if (!value.empty()) std::printf("%-10s  %s\n", name, printable(value).c_str());
}

void print_document(const ModelDocument& document, const std::string& file) {
  print_field("model", document.name);
  print_field("file", file);
  print_field("network", std::visit([](const auto& network) { return describe(network); }, document.network));
  print_field("input", describe_input(document.input));
  print_field("geometry", describe_geometry(document.input));
  print_field("decoder", describe_decoder(document.decoder));
  if (!finds_boxes(document.network)) print_field("keypoints", describe_keypoints(document.skeleton));
  print_field("source", document.source.url);
  print_field("sha256", document.source.sha256);
  print_field("licence", document.source.license);
  print_field("trained on", document.source.trained_on);
  for (const AccuracyDocument& result : document.accuracy) {
    print_field("accuracy", format("%s %.6g (%s)", result.metric.c_str(), result.value, result.set.c_str()));
  }
}

std::string shape_text(const Shape& shape) {
  return format("[%td, %td, %td]", shape.channels, shape.height, shape.width);
}

std::string dtypes(const Weights& weights) {
  std::set<std::string> names;
  for (const auto& weight : weights) names.insert(to_string(weight.second.dtype));
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " and ") + name;
  return text;
}

/// Bytes that a model's network takes in memory.
struct Memory {
  Index weights;
  Index thread;  ///< for each thread that estimates
};

Memory memory_of(const ChosenNetwork& network) {
  const auto plan = make_plan(network.graph, network.model->weights(), network.height, network.width,
                              std::make_shared<const ThreadPool>(1));
  return {plan->weight_bytes(), plan->make_workspace().size_in_bytes()};
}

Index file_bytes(const Model& model) { return static_cast<Index>(std::filesystem::file_size(model.name())); }

void print_text(const ChosenNetwork& network) {
  if (network.model) {
    print_document(network.model->document(), network.model->name());
  } else {
    print_field("network", network.title);
  }

  const Summary summary = summarize(network.graph, network.height, network.width);
  Table table({"Layer (type)", "Output shape", "Parameters", "Multiply-adds"});
  table.add({"input", shape_text(summary.input), "", ""});
  for (const SummaryRow& row : summary.rows) {
    table.add({row.name + " (" + row.type + ")", shape_text(row.output), row.block ? "" : thousands(row.parameters),
               row.block ? "" : thousands(row.multiply_adds)});
  }
  std::printf("\n");
  table.print();
  std::printf("Parameters: %s\n", thousands(summary.parameters).c_str());
  std::printf("Multiply-adds: %s\n", thousands(summary.multiply_adds).c_str());
  if (network.model) {
    std::printf("Model file: %s bytes, %s\n", thousands(file_bytes(*network.model)).c_str(),
                dtypes(network.model->weights()).c_str());
    const Memory memory = memory_of(network);
    std::printf("In memory: %s bytes of weights, and %s bytes for each thread that estimates\n",
                thousands(memory.weights).c_str(), thousands(memory.thread).c_str());
  }
  std::printf("Runs on: %s, of the instruction sets here (%s)\n", to_string(choose_target()),
              detail::target_names().c_str());
}

Json shape_json(const Shape& shape) { return Json::array({shape.channels, shape.height, shape.width}); }

/// Every layer with what it reads, which the table does not show, and with it sums and products of two maps.
Json layers_json(const Graph& graph, const std::vector<Shape>& shapes) {
  Json layers = Json::array();
  for (NodeId id = 1; id < graph.nodes().size(); ++id) {
    const Node& node = graph.nodes()[id];
    std::int64_t trainable = 0;
    for (const ParameterSpec& spec : parameters(node.layer)) trainable += spec.trainable ? spec.size() : 0;
    Json layer;
    layer["name"] = node.name;
    layer["type"] = type_name(node.layer);
    layer["inputs"] = Json::array();
    for (const NodeId source : node.inputs) layer["inputs"].push_back(graph.nodes()[source].name);
    layer["output"] = shape_json(shapes[id]);
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
    json["tensors"] = tensors_json(*network.model);
    const Memory memory = memory_of(network);
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
      print_text(network);
    }
    status = all_well;
  });
}

}  // namespace limn::program
