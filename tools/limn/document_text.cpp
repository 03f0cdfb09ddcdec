#include "document_text.hpp"

#include <array>
#include <cstdio>
#include <variant>

#include "document_json.hpp"
#include "text.hpp"

namespace limn::program {

namespace {

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

std::string describe_precision(const PrecisionDocument& precision) {
  std::string kept;
  for (const std::string& name : precision.quantization.kept) kept += (kept.empty() ? "" : ", ") + name;
  return "int8" + (kept.empty() ? ", all convolutions" : ", all convolutions but " + kept);
}

/// Empty if the file does not say.
std::string describe_calibration(const PrecisionDocument& precision) {
  std::string text;
  if (precision.inputs > 0) text = count_of(static_cast<std::size_t>(precision.inputs), "input", "inputs");
  if (precision.photos > 0) {
    text += text.empty() ? "" : " from ";
    text += count_of(static_cast<std::size_t>(precision.photos), "photo", "photos");
  }
  if (!precision.set.empty()) text += (text.empty() ? "" : ": ") + precision.set;
  return text;
}

/// Empty if the file does not say.
std::string describe_loss(const PrecisionDocument& precision) {
  std::string text;
  if (precision.snr) text = format("%.4g dB of signal to noise", *precision.snr);
  if (precision.moved) {
    text += text.empty() ? "" : ", ";
    text += format("%.3g%% of maxima moved by more than a cell", 100 * *precision.moved);
  }
  return text;
}

}  // namespace

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
  if (document.precision) {
    print_field("precision", describe_precision(*document.precision));
    print_field("calibrated", describe_calibration(*document.precision));
    print_field("loss", describe_loss(*document.precision));
  }
  for (const AccuracyDocument& result : document.accuracy) {
    print_field("accuracy", format("%s %.6g (%s)", result.metric.c_str(), result.value, result.set.c_str()));
  }
}

}  // namespace limn::program
