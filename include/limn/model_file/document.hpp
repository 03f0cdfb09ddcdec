#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/image/resample.hpp>
#include <limn/model_file/field.hpp>
#include <limn/model_file/json_value.hpp>
#include <limn/model_file/network_document.hpp>
#include <limn/model_file/precision_document.hpp>
#include <limn/model_file/printable.hpp>
#include <limn/model_file/safetensors.hpp>
#include <limn/network/graph.hpp>
#include <limn/network/quantized_graph.hpp>
#include <limn/pose/decoders.hpp>
#include <limn/pose/geometry.hpp>
#include <limn/pose/skeleton.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Order in which the colour planes are fed to the network.
enum class ChannelOrder { rgb, bgr };

/// How a photo becomes the network's input: the box is brought to width x height by `geometry` and `resample`, and the
/// plane of channel c is fed as (pixel / 255 - mean[c]) / std[c].
struct InputDocument {
  Index width = 0;                            ///< pixels, a positive multiple of 32
  Index height = 0;                           ///< pixels, a positive multiple of 32
  ChannelOrder channels = ChannelOrder::rgb;  ///< of the planes that the network is fed
  std::array<float, 3> mean = {0, 0, 0};      ///< in the order of `channels`
  std::array<float, 3> std = {1, 1, 1};       ///< in the order of `channels`
  Geometry geometry = Geometry::affine;       ///< how the box is brought to the input's size
  double padding = 1.25;                      ///< factor by which the box is enlarged
  Resample resample = Resample::bilinear;     ///< how pixels in between are made
  /// Of the photo, the network sees only what lies in the box enlarged around its centre by this factor, in width and
  /// in height; the rest of its input is black, as beyond the photo's edges. 0: it sees all.
  double crop = 0;
};

/// Where the weights come from. All of it may be empty.
struct SourceDocument {
  std::string url;         ///< of the checkpoint
  std::string sha256;      ///< of the checkpoint, in hexadecimal digits
  std::string license;     ///< of the weights
  std::string trained_on;  ///< data sets
};

/// One measured result.
struct AccuracyDocument {
  std::string set;     ///< what it was measured on
  std::string metric;  ///< for example "PCK@0.2"
  double value = 0;    ///< in the metric's unit
};

/// All that a model file says about its network beyond the weights: the JSON text of the entry `limn` of the file's
/// metadata. Example, where everything from "..." on may be left out:
///
///     {"version": 1, "name": "pose_resnet18_mpii16_192x192",
///      "network": {"type": "pose_resnet" (or "cmap_paf", "hrnet", "center_net"), and more: see network_document.hpp},
///      "input": {"width": 192, "height": 192, "channels": "rgb" (or "bgr"), "mean": [0.485, 0.456, 0.406],
///                "std": [0.229, 0.224, 0.225], "geometry": "affine" (or "stretch", "letterbox", "udp"),
///                ... "padding": 1.25, "resample": "bilinear" (or "nearest"), "crop": 0},
///      "decoder": {"type": "quarter_offset" (or "argmax", "dark", "dark_udp", "part_affinity", "center"),
///                  ... "offset": 0, "draw_threshold": 0.2, (quarter_offset) "margin": 1, (dark) "kernel": 11,
///                  (part_affinity) "cmap_threshold": 0.1, "link_threshold": 0.1, "window": 5, "samples": 7,
///                  "max_peaks": 100, "max_objects": 100, "min_keypoints": 1,
///                  (center) "threshold": 0.3, "max_people": 100, "iou": 0.6},
///      "keypoints": ["right_ankle", "right_knee"], "links": [[0, 1]],
///      ... "flip_pairs": [], "source": {"url": "", "sha256": "", "license": "", "trained_on": ""},
///      "accuracy": [{"set": "", "metric": "", "value": 0.0}],
///      "precision": {"type": "int8", and more, for an 8-bit network: see precision_document.hpp}}
///
/// The values shown for those are the defaults. The decoder center belongs to the network center_net, which finds
/// people's boxes: its model has no keypoints, links and flip pairs.
struct ModelDocument {
  std::string name;                            ///< of the model
  NetworkDescription network;                  ///< family and its options
  InputDocument input;                         ///< from photo to network
  DecoderOptions decoder;                      ///< from heatmaps to keypoints or boxes
  Skeleton skeleton;                           ///< names, links and flip pairs of the keypoints
  SourceDocument source;                       ///< where the weights come from
  std::vector<AccuracyDocument> accuracy;      ///< what was measured
  std::optional<PrecisionDocument> precision;  ///< absent: the network is a float one
};

namespace detail {

inline Index read_input_side(const Field& field) {
  constexpr Index largest = 16384;
  const std::string expected = "a positive multiple of 32";
  const Index side = field.integer(32, largest, expected + " up to " + std::to_string(largest));
  if (side % 32 != 0) field.fail(expected);
  return side;
}

inline std::array<float, 3> read_channel_values(const Field& field, double smallest) {
  constexpr double largest = 1e6;
  const std::vector<Field> elements = field.elements(3, 3, "three numbers");
  std::array<float, 3> values = {};
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(elements[i].number(
        smallest, largest, smallest > 0 ? "a positive number from 1e-6 to 1e6" : "a number up to 1e6"));
  }
  return values;
}

inline InputDocument read_input(const Field& field) {
  InputDocument input;  ///< from photo to network
  input.width = read_input_side(field["width"]);
  input.height = read_input_side(field["height"]);
  input.channels = field["channels"].choice<ChannelOrder>({{"rgb", ChannelOrder::rgb}, {"bgr", ChannelOrder::bgr}});
  input.mean = read_channel_values(field["mean"], -1e6);
  input.std = read_channel_values(field["std"], 1e-6);
  input.geometry = field["geometry"].choice<Geometry>({{"affine", Geometry::affine},
                                                       {"stretch", Geometry::stretch},
                                                       {"letterbox", Geometry::letterbox},
                                                       {"udp", Geometry::udp}});
  const Field padding = field["padding"];
  if (padding.present()) input.padding = padding.number(1e-3, 1e3, "a positive factor from 0.001 to 1000");
  const Field resample = field["resample"];
  if (resample.present()) {
    input.resample = resample.choice<Resample>({{"bilinear", Resample::bilinear}, {"nearest", Resample::nearest}});
  }
  const Field crop = field["crop"];
  if (crop.present()) {
    const std::string expected = "0 or a factor from 1 to 1000";
    input.crop = crop.number(0, 1e3, expected);
    if (input.crop > 0 && input.crop < 1) crop.fail(expected);
  }
  return input;
}

/// The constants of the decoder part_affinity, each of which may be left out.
inline PartAffinityOptions read_part_affinity(const Field& field) {
  PartAffinityOptions options;
  const auto threshold = [&](const char* key, double smallest, const char* expected, float& value) {
    if (field[key].present()) value = static_cast<float>(field[key].number(smallest, 1e6, expected));
  };
  threshold("cmap_threshold", 1e-6, "a positive number from 1e-6 to 1e6", options.cmap_threshold);
  threshold("link_threshold", -1e6, "a number up to 1e6", options.link_threshold);
  const auto count = [&](const char* key, Index smallest, Index& value) {
    if (!field[key].present()) return;
    value = field[key].integer(smallest, 4096, "a number from " + std::to_string(smallest) + " to 4096");
  };
  count("samples", 2, options.samples);
  count("max_peaks", 1, options.max_peaks);
  count("max_objects", 1, options.max_objects);
  count("min_keypoints", 1, options.min_keypoints);
  const Field window = field["window"];
  const std::string odd = "an odd number from 1 to 255";
  if (window.present()) options.window = window.integer(1, 255, odd);
  if (options.window % 2 == 0) window.fail(odd);
  return options;
}

/// The constants of the decoder center, each of which may be left out.
inline CenterOptions read_center(const Field& field) {
  CenterOptions options;
  const auto share = [&](const char* key, float& value) {
    if (field[key].present()) value = static_cast<float>(field[key].number(0, 1, "a number from 0 to 1"));
  };
  share("threshold", options.threshold);
  share("iou", options.iou);
  const Field max_people = field["max_people"];
  if (max_people.present()) options.max_people = max_people.integer(1, 4096, "a number from 1 to 4096");
  return options;
}

inline DecoderOptions read_decoder(const Field& field) {
  DecoderOptions decoder;  ///< from heatmaps to keypoints or boxes
  decoder.type = field["type"].choice<DecoderType>({{"argmax", DecoderType::argmax},
                                                    {"quarter_offset", DecoderType::quarter_offset},
                                                    {"dark", DecoderType::dark},
                                                    {"dark_udp", DecoderType::dark_udp},
                                                    {"part_affinity", DecoderType::part_affinity},
                                                    {"center", DecoderType::center}});
  const Field offset = field["offset"];
  if (offset.present()) decoder.offset = offset.number(-1e4, 1e4, "a number of pixels up to 10000");
  const Field margin = field["margin"];
  if (margin.present()) decoder.margin = margin.integer(0, 4096, "a number of cells from 0 to 4096");
  const Field kernel = field["kernel"];
  if (kernel.present()) decoder.kernel = kernel.integer(3, 99, "an odd number from 3 to 99");
  if (decoder.kernel % 2 == 0) kernel.fail("an odd number from 3 to 99");
  const Field draw_threshold = field["draw_threshold"];
  if (draw_threshold.present()) {
    decoder.draw_threshold = static_cast<float>(draw_threshold.number(0, 1e6, "a number from 0 to 1e6"));
  }
  decoder.part_affinity = read_part_affinity(field);
  decoder.center = read_center(field);
  return decoder;
}

/// The decoder has to read what the network puts out.
inline void check_decoder_fits(const Field& field, DecoderType type, const NetworkDescription& network) {
  if (type == DecoderType::part_affinity && !std::holds_alternative<CmapPaf>(network)) {
    field.fail("another decoder for a network without part affinity fields");
  }
  if (type == DecoderType::center && !finds_boxes(network)) field.fail("another decoder for a network of keypoints");
  if (type != DecoderType::center && finds_boxes(network)) field.fail("\"center\" for a network that finds boxes");
}

inline std::vector<std::string> read_keypoints(const Field& field) {
  std::vector<std::string> names;
  std::set<std::string> known;
  for (const Field& element : field.elements(1, 4096, "a list of 1 to 4096 names")) {
    names.push_back(element.text());
    if (names.back().empty()) element.fail("a name");
    if (!known.insert(names.back()).second) element.fail("a name that no other keypoint has");
  }
  return names;
}

inline std::vector<std::pair<int, int>> read_keypoint_pairs(const Field& field, std::size_t keypoints) {
  const auto last = static_cast<Index>(keypoints) - 1;
  const std::string expected = "two different keypoints from 0 to " + std::to_string(last);
  std::vector<std::pair<int, int>> pairs;
  for (const Field& pair : field.elements(0, 4096, "a list of up to 4096 pairs of keypoints")) {
    const std::vector<Field> ends = pair.elements(2, 2, expected);
    // The message shows the whole pair, not one end of it.
    if (!ends[0].is_integer(0, last) || !ends[1].is_integer(0, last)) pair.fail(expected);
    pairs.emplace_back(static_cast<int>(ends[0].integer(0, last, expected)),
                       static_cast<int>(ends[1].integer(0, last, expected)));
    if (pairs.back().first == pairs.back().second) pair.fail(expected);
  }
  return pairs;
}

/// A keypoint changes places with one other at most.
inline void check_flip_pairs(const Field& field, const std::vector<std::pair<int, int>>& pairs) {
  std::set<int> seen;
  for (const auto& [a, b] : pairs) {
    if (!seen.insert(a).second || !seen.insert(b).second) field.fail("each keypoint in one pair at most");
  }
}

/// "keypoints", "links" and, if they are not left out, "flip_pairs".
inline Skeleton read_skeleton(const Field& root) {
  Skeleton skeleton;  ///< names, links and flip pairs of the keypoints
  skeleton.keypoints = read_keypoints(root["keypoints"]);
  skeleton.links = read_keypoint_pairs(root["links"], skeleton.keypoints.size());
  const Field flip_pairs = root["flip_pairs"];
  if (flip_pairs.present()) {
    skeleton.flip_pairs = read_keypoint_pairs(flip_pairs, skeleton.keypoints.size());
    check_flip_pairs(flip_pairs, skeleton.flip_pairs);
  }
  return skeleton;
}

/// The document of a network that finds boxes leaves them out, or empty.
inline void check_no_skeleton(const Field& root) {
  for (const char* key : {"keypoints", "links", "flip_pairs"}) {
    if (root[key].present()) root[key].elements(0, 0, "none, since the network finds boxes");
  }
}

inline SourceDocument read_source(const Field& field) {
  const auto text = [&](const char* key) { return field[key].present() ? field[key].text() : std::string(); };
  return {text("url"), text("sha256"), text("license"), text("trained_on")};
}

inline std::vector<AccuracyDocument> read_accuracy(const Field& field) {
  std::vector<AccuracyDocument> results;
  for (const Field& result : field.elements(0, 4096, "a list of up to 4096 results")) {
    results.push_back({result["set"].text(), result["metric"].text(), result["value"].number(-1e9, 1e9, "a number")});
  }
  return results;
}

}  // namespace detail

/// Reads the JSON text of a model document, version 1. Unknown keys are ignored; a field that is missing, of the wrong
/// type or out of range, a link or flip pair that names no keypoint, a network or decoder that this version does not
/// know, and one that does not go with the other throw Error, for example "FILE: metadata 'limn': input.width: expected
/// a positive multiple of 32, found 100".
inline ModelDocument parse_document(const std::string& json_text, const std::string& file) {
  const detail::JsonValue json = detail::parse_json(json_text, file + ": metadata 'limn'");
  const detail::Field root(&json, "", &file);
  // First of all: another version may mean anything by the other fields.
  root["version"].integer(1, 1, "1, which is the version this limn reads");

  ModelDocument document;
  document.name = root["name"].text();
  document.network = detail::read_network(root["network"]);
  if (finds_boxes(document.network)) {
    detail::check_no_skeleton(root);
  } else {
    document.skeleton = detail::read_skeleton(root);
    set_keypoint_count(document.network, static_cast<Index>(document.skeleton.keypoints.size()));
  }
  if (auto* const cmap_paf = std::get_if<CmapPaf>(&document.network)) {
    cmap_paf->links = static_cast<Index>(document.skeleton.links.size());
    if (cmap_paf->links == 0) root["links"].fail("at least one link for a network of part affinity fields");
  }
  document.input = detail::read_input(root["input"]);
  document.decoder = detail::read_decoder(root["decoder"]);
  detail::check_decoder_fits(root["decoder"]["type"], document.decoder.type, document.network);
  if (root["source"].present()) document.source = detail::read_source(root["source"]);
  if (root["accuracy"].present()) document.accuracy = detail::read_accuracy(root["accuracy"]);
  if (root["precision"].present()) document.precision = detail::read_precision(root["precision"]);
  return document;
}

/// The document of a model file. Throws Error if the file has none, and as parse_document() does.
inline ModelDocument read_document(const Safetensors& file) {
  const auto found = file.metadata().find("limn");
  if (found == file.metadata().end()) {
    throw Error(file.name() +
                ": not a limn model file: the metadata have no entry 'limn' (tools/convert.py makes model files from "
                "PyTorch checkpoints)");
  }
  return parse_document(found->second, file.name());
}

/// The network that a document describes: the 8-bit one if it says how. Throws Error, naming `file` and the field, if
/// the network has no map or convolution that the entry precision names, or lacks a scale there.
inline Graph make_graph(const ModelDocument& document, const std::string& file) {
  Graph graph = make_graph(document.network);
  if (!document.precision) return graph;
  try {
    return quantized_graph(graph, document.precision->quantization);
  } catch (const Error& error) {
    throw Error(file + ": metadata 'limn': precision: " + detail::printable(error.what()));  // names are the file's
  }
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
