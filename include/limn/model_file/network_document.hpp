#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/version.hpp>
#include <limn/model_file/field.hpp>
#include <limn/models/network_description.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// The entry "network" of a model file's document, one function a family. Its keypoints are those that the document
/// lists; center_net has none. What follows "..." may be left out; the values shown for it are the defaults:
///
///     {"type": "pose_resnet", "depth": 18 (or 34, 50, 101, 152),
///      "deconv": {"channels": [256, 256, 256], "kernel": 4 (or a list), ... "bias": false},
///      ... "width": 64, "final_kernel": 1 (or 3), "stride_on": "3x3" (or "1x1"),
///      "output_activation": "none" (or "sigmoid"), "normalization": "batch_norm" (or "bias", "none"),
///      "activation": "relu" (or "none")}
///
///     {"type": "hrnet", "width": 32,
///      ... "final_kernel": 1 (or 3), "normalization": "batch_norm" (or "bias", "none"),
///      "activation": "relu" (or "none")}
///
///     {"type": "cmap_paf", "depth": 18 (or 34, 50, 101, 152),
///      ... "upsample_channels": 256, "upsamples": 3, "flat_layers": 0, "attention": true}
///
///     {"type": "center_net", "depth": 18 (or 34, 50, 101, 152),
///      "deconv": {"channels": [128, 128], "kernel": 4 (or a list), ... "bias": false},
///      ... "width": 64, "convolutions": false, "head_channels": 0, "offsets": true,
///      "normalization": "batch_norm" (or "bias", "none"), "activation": "relu" (or "none")}
///
/// cmap_paf has a part affinity field for each of the document's "links", in their order.

inline int read_depth(const Field& field) {
  const std::string depths = "18, 34, 50, 101 or 152";
  const auto depth = static_cast<int>(field.integer(18, 152, depths));
  const std::set<int> known = {18, 34, 50, 101, 152};
  if (known.count(depth) == 0) field.fail(depths);
  return depth;
}

inline Index read_width(const Field& field) { return field.integer(1, 65536, "a width from 1 to 65536"); }

/// The channels of a network's finest resolution.
inline Index read_first_width(const Field& field) { return field.integer(1, 4096, "a width from 1 to 4096"); }

/// "final_kernel", which may be left out.
inline Index read_final_kernel(const Field& field) {
  if (!field.present()) return 1;
  const std::string expected = "1 or 3";
  const Index kernel = field.integer(1, 3, expected);
  if (kernel == 2) field.fail(expected);
  return kernel;
}

/// "normalization" and "activation", which may be left out.
inline ConvStyle read_style(const Field& network) {
  ConvStyle style;
  const Field normalization = network["normalization"];
  if (normalization.present()) {
    style.normalization = normalization.choice<Normalization>(
        {{"batch_norm", Normalization::batch_norm}, {"bias", Normalization::bias}, {"none", Normalization::none}});
  }
  const Field activation = network["activation"];
  if (activation.present()) style.relu = activation.choice<bool>({{"relu", true}, {"none", false}});
  return style;
}

/// What PoseResNet and CenterNet have in common: "depth", "width" and "deconv".
template <class Network>
void read_resnet_and_deconvs(const Field& field, Network& network) {
  network.depth = read_depth(field["depth"]);
  const Field width = field["width"];
  if (width.present()) network.width = read_first_width(width);
  const Field deconv = field["deconv"];
  network.deconvs.clear();
  for (const Field& channels : deconv["channels"].elements(1, 5, "a list of 1 to 5 widths")) {
    network.deconvs.push_back({read_width(channels), 4});
  }
  const Field kernel = deconv["kernel"];
  const std::size_t count = network.deconvs.size();
  const std::vector<Field> kernels = kernel.is_array()
                                         ? kernel.elements(count, count, "a number, or as many as there are channels")
                                         : std::vector<Field>(count, kernel);
  for (std::size_t i = 0; i < count; ++i) network.deconvs[i].kernel = kernels[i].integer(2, 4, "2, 3 or 4");
  const Field bias = deconv["bias"];
  if (bias.present()) network.deconv_bias = bias.boolean();
}

inline PoseResNet read_pose_resnet(const Field& field) {
  PoseResNet network;
  read_resnet_and_deconvs(field, network);
  network.final_kernel = read_final_kernel(field["final_kernel"]);
  const Field stride_on = field["stride_on"];
  if (stride_on.present()) network.stride_on_first_1x1 = stride_on.choice<bool>({{"3x3", false}, {"1x1", true}});
  const Field activation = field["output_activation"];
  if (activation.present()) network.sigmoid_output = activation.choice<bool>({{"none", false}, {"sigmoid", true}});
  network.style = read_style(field);
  return network;
}

inline HRNet read_hrnet(const Field& field) {
  HRNet network;
  network.width = read_first_width(field["width"]);
  network.final_kernel = read_final_kernel(field["final_kernel"]);
  network.style = read_style(field);
  return network;
}

inline CmapPaf read_cmap_paf(const Field& field) {
  CmapPaf network;
  network.depth = read_depth(field["depth"]);
  const Field channels = field["upsample_channels"];
  if (channels.present()) network.upsample_channels = read_width(channels);
  const Field upsamples = field["upsamples"];
  if (upsamples.present()) network.upsamples = static_cast<int>(upsamples.integer(1, 5, "a number from 1 to 5"));
  const Field flat_layers = field["flat_layers"];
  if (flat_layers.present()) {
    network.flat_layers = static_cast<int>(flat_layers.integer(0, 16, "a number from 0 to 16"));
  }
  const Field attention = field["attention"];
  if (attention.present()) network.attention = attention.boolean();
  return network;
}

inline CenterNet read_center_net(const Field& field) {
  CenterNet network;
  read_resnet_and_deconvs(field, network);
  const Field convolutions = field["convolutions"];
  if (convolutions.present()) network.convolutions = convolutions.boolean();
  const Field head_channels = field["head_channels"];
  if (head_channels.present()) network.head_channels = head_channels.integer(0, 65536, "a width from 0 to 65536");
  const Field offsets = field["offsets"];
  if (offsets.present()) network.offsets = offsets.boolean();
  network.style = read_style(field);
  return network;
}

/// The described network; how many keypoints and links it has, the document says elsewhere.
inline NetworkDescription read_network(const Field& field) {
  using Read = NetworkDescription (*)(const Field&);
  const Read read = field["type"].choice<Read>({
      {"pose_resnet", [](const Field& f) -> NetworkDescription { return read_pose_resnet(f); }},
      {"cmap_paf", [](const Field& f) -> NetworkDescription { return read_cmap_paf(f); }},
      {"hrnet", [](const Field& f) -> NetworkDescription { return read_hrnet(f); }},
      {"center_net", [](const Field& f) -> NetworkDescription { return read_center_net(f); }},
  });
  return read(field);
}

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
