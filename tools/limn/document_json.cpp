#include "document_json.hpp"

#include <array>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "text.hpp"

namespace limn::program {

namespace {

using Json = nlohmann::ordered_json;

/// The shortest decimal number that is read as this one: 0.485, not 0.48500001430511475.
double short_decimal(float value) {
  for (int digits = 6; digits < 9; ++digits) {
    const double decimal = std::stod(format("%.*g", digits, static_cast<double>(value)));
    if (static_cast<float>(decimal) == value) return decimal;
  }
  return std::stod(format("%.9g", static_cast<double>(value)));
}

void add_style(Json& json, const ConvStyle& style) {
  switch (style.normalization) {
    case Normalization::batch_norm: json["normalization"] = "batch_norm"; break;
    case Normalization::bias: json["normalization"] = "bias"; break;
    case Normalization::none: json["normalization"] = "none"; break;
  }
  json["activation"] = style.relu ? "relu" : "none";
}

/// What PoseResNet and CenterNet have in common.
template <class Network>
Json resnet_and_deconvs(const char* type, const Network& network) {
  Json channels = Json::array();
  Json kernels = Json::array();
  for (const Deconv& deconv : network.deconvs) {
    channels.push_back(deconv.channels);
    kernels.push_back(deconv.kernel);
  }
  Json deconv;
  deconv["channels"] = std::move(channels);
  deconv["kernel"] = std::move(kernels);
  deconv["bias"] = network.deconv_bias;
  Json json;
  json["type"] = type;
  json["depth"] = network.depth;
  json["width"] = network.width;
  json["deconv"] = std::move(deconv);
  return json;
}

Json network_json(const PoseResNet& network) {
  Json json = resnet_and_deconvs("pose_resnet", network);
  json["final_kernel"] = network.final_kernel;
  json["stride_on"] = network.stride_on_first_1x1 ? "1x1" : "3x3";
  json["output_activation"] = network.sigmoid_output ? "sigmoid" : "none";
  add_style(json, network.style);
  return json;
}

Json network_json(const HRNet& network) {
  Json json;
  json["type"] = "hrnet";
  json["width"] = network.width;
  json["final_kernel"] = network.final_kernel;
  add_style(json, network.style);
  return json;
}

Json network_json(const CmapPaf& network) {
  Json json;
  json["type"] = "cmap_paf";
  json["depth"] = network.depth;
  json["upsample_channels"] = network.upsample_channels;
  json["upsamples"] = network.upsamples;
  json["flat_layers"] = network.flat_layers;
  json["attention"] = network.attention;
  return json;
}

Json network_json(const CenterNet& network) {
  Json json = resnet_and_deconvs("center_net", network);
  json["convolutions"] = network.convolutions;
  json["head_channels"] = network.head_channels;
  json["offsets"] = network.offsets;
  add_style(json, network.style);
  return json;
}

Json channel_values(const std::array<float, 3>& values) {
  Json json = Json::array();
  for (const float value : values) json.push_back(short_decimal(value));
  return json;
}

Json input_json(const InputDocument& input) {
  Json json;
  json["width"] = input.width;
  json["height"] = input.height;
  json["channels"] = input.channels == ChannelOrder::rgb ? "rgb" : "bgr";
  json["mean"] = channel_values(input.mean);
  json["std"] = channel_values(input.std);
  json["geometry"] = name_of(input.geometry);
  json["padding"] = input.padding;
  json["resample"] = input.resample == Resample::bilinear ? "bilinear" : "nearest";
  json["crop"] = input.crop;
  return json;
}

Json decoder_json(const DecoderOptions& decoder) {
  Json json;
  json["type"] = name_of(decoder.type);
  json["offset"] = decoder.offset;
  const PartAffinityOptions& several = decoder.part_affinity;
  switch (decoder.type) {
    case DecoderType::argmax: break;
    case DecoderType::quarter_offset: json["margin"] = decoder.margin; break;
    case DecoderType::dark:
    case DecoderType::dark_udp: json["kernel"] = decoder.kernel; break;
    case DecoderType::part_affinity:
      json["cmap_threshold"] = short_decimal(several.cmap_threshold);
      json["link_threshold"] = short_decimal(several.link_threshold);
      json["window"] = several.window;
      json["samples"] = several.samples;
      json["max_peaks"] = several.max_peaks;
      json["max_objects"] = several.max_objects;
      json["min_keypoints"] = several.min_keypoints;
      return json;
    case DecoderType::center:
      json["threshold"] = short_decimal(decoder.center.threshold);
      json["max_people"] = decoder.center.max_people;
      json["iou"] = short_decimal(decoder.center.iou);
      return json;
  }
  json["draw_threshold"] = short_decimal(decoder.draw_threshold);
  return json;
}

Json pairs_json(const std::vector<std::pair<int, int>>& pairs) {
  Json json = Json::array();
  for (const auto& [a, b] : pairs) json.push_back(Json::array({a, b}));
  return json;
}

Json precision_json(const PrecisionDocument& precision) {
  Json json;
  json["type"] = "int8";
  json["maps"] = Json::object();
  for (const auto& [name, scale] : precision.quantization.maps) json["maps"][name] = to_json(scale);
  json["float"] = precision.quantization.kept;
  json["calibration"]["inputs"] = precision.inputs;
  json["calibration"]["photos"] = precision.photos;
  json["calibration"]["set"] = precision.set;
  json["loss"] = Json::object();
  if (precision.snr) json["loss"]["snr"] = *precision.snr;
  if (precision.moved) json["loss"]["moved"] = *precision.moved;
  return json;
}

}  // namespace

const char* name_of(Geometry geometry) {
  switch (geometry) {
    case Geometry::affine: return "affine";
    case Geometry::stretch: return "stretch";
    case Geometry::letterbox: return "letterbox";
    case Geometry::udp: break;
  }
  return "udp";
}

const char* name_of(DecoderType type) {
  switch (type) {
    case DecoderType::argmax: return "argmax";
    case DecoderType::quarter_offset: return "quarter_offset";
    case DecoderType::dark: return "dark";
    case DecoderType::dark_udp: return "dark_udp";
    case DecoderType::part_affinity: return "part_affinity";
    case DecoderType::center: break;
  }
  return "center";
}

nlohmann::ordered_json to_json(const MapScale& scale) {
  return Json::array({short_decimal(scale.scale), scale.zero_point});
}

nlohmann::ordered_json to_json(const ModelDocument& document) {
  Json json;
  json["version"] = 1;
  json["name"] = document.name;
  json["network"] = std::visit([](const auto& network) { return network_json(network); }, document.network);
  json["input"] = input_json(document.input);
  json["decoder"] = decoder_json(document.decoder);
  if (!finds_boxes(document.network)) {
    json["keypoints"] = document.skeleton.keypoints;
    json["links"] = pairs_json(document.skeleton.links);
    json["flip_pairs"] = pairs_json(document.skeleton.flip_pairs);
  }
  Json source;
  source["url"] = document.source.url;
  source["sha256"] = document.source.sha256;
  source["license"] = document.source.license;
  source["trained_on"] = document.source.trained_on;
  json["source"] = std::move(source);
  json["accuracy"] = Json::array();
  for (const AccuracyDocument& result : document.accuracy) {
    Json entry;
    entry["set"] = result.set;
    entry["metric"] = result.metric;
    entry["value"] = result.value;
    json["accuracy"].push_back(std::move(entry));
  }
  if (document.precision) json["precision"] = precision_json(*document.precision);
  return json;
}

}  // namespace limn::program
