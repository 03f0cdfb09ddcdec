#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/eigen.hpp>
#include <limn/core/version.hpp>
#include <limn/layers/map_scale.hpp>
#include <limn/model_file/field.hpp>
#include <limn/network/quantized_graph.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// How the network of a model file is an 8-bit one, and how it was made of a float one: the entry "precision" of the
/// document, where everything from "..." on may be left out:
///
///     {"type": "int8",
///      "maps": {"input": [0.0207, 128], "relu": [0.013, 0]}, (scale and zero point by name: see Quantization)
///      ... "float": ["conv1"], "calibration": {"inputs": 300, "photos": 212, "set": "..."},
///      "loss": {"snr": 33.2, "moved": 0.004}}
///
/// Of each convolution that is not listed under "float", the file holds NAME.weight, I8 and in the shape of the float
/// layer's, NAME.weight_scale and NAME.bias, one value for each output channel, batch norm folded into them. All other
/// layers' tensors are those of the float network. Maps and convolutions that the network does not have are
/// make_graph()'s to refuse.
struct PrecisionDocument {
  Quantization quantization;  ///< scales of the maps, and what stays in floats
  Index inputs = 0;           ///< of the network, that scales were chosen by; 0: not said
  Index photos = 0;           ///< that these inputs come from; 0: not said
  std::string set;            ///< what the photos were
  /// How far all outputs q are from the float network's f over these inputs: 10 log10(sum f^2 / sum (f - q)^2), in dB.
  std::optional<double> snr;
  /// Of the first output's maps whose highest float value is at least what the decoder draws from, the share of those
  /// whose highest value lies more than one cell from there, in x or y.
  std::optional<double> moved;
};

namespace detail {

inline MapScale read_map_scale(const Field& field) {
  const std::vector<Field> pair = field.elements(2, 2, "a scale and a zero point");
  return {static_cast<float>(pair[0].number(1e-12, 1e12, "a scale from 1e-12 to 1e12")),
          static_cast<int>(pair[1].integer(0, 255, "a zero point from 0 to 255"))};
}

inline PrecisionDocument read_precision(const Field& field) {
  PrecisionDocument precision;
  field["type"].choice<bool>({{"int8", true}});
  for (const auto& [name, scale] : field["maps"].members("an object of scales and zero points by names of maps")) {
    precision.quantization.maps[name] = read_map_scale(scale);
  }
  const Field kept = field["float"];
  if (kept.present()) {
    for (const Field& name : kept.elements(0, 4096, "a list of up to 4096 convolutions")) {
      precision.quantization.kept.insert(name.text());
    }
  }
  const Field calibration = field["calibration"];
  if (calibration.present()) {
    const auto count = [&](const char* key, Index& value) {
      if (calibration[key].present()) value = calibration[key].integer(0, 1'000'000'000, "a number from 0 to 1e9");
    };
    count("inputs", precision.inputs);
    count("photos", precision.photos);
    if (calibration["set"].present()) precision.set = calibration["set"].text();
  }
  const Field loss = field["loss"];
  if (loss.present()) {
    if (loss["snr"].present()) precision.snr = loss["snr"].number(-1e3, 1e3, "a number of dB up to 1000");
    if (loss["moved"].present()) precision.moved = loss["moved"].number(0, 1, "a share from 0 to 1");
  }
  return precision;
}

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
