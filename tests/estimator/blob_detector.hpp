// A person detector whose weights are made by hand, so that it finds bright squares on a dark ground, each of which has
// a box of the same size.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <limn/image/image.hpp>
#include <limn/models/center_net.hpp>
#include <limn/pose/pose.hpp>

#include "model_file/safetensors_writer.hpp"

namespace blobs {

using limn::Index;

/// Layers as narrow as can be, no batch norm. The first channel of every layer carries the brightness.
inline limn::CenterNet network() {
  limn::CenterNet options;
  options.width = 1;
  options.deconvs = {{1, 3}, {1, 3}};
  options.style.normalization = limn::Normalization::none;
  return options;
}

/// Weights by PyTorch's names. With them conv1 takes every second pixel, the mean of its colours; layer2, layer3 and
/// layer4 halve by the mean of 3x3; all other blocks only hand on their input; and the deconvolutions interpolate, so
/// that cell 4 i is cell i of layer4, which has input pixel 32 i in its middle. A score is the sigmoid of 8 x
/// brightness - 2, brightness being 0 to 1.
inline std::vector<float> weight(const limn::ParameterSpec& spec) {
  const std::string& name = spec.name;
  std::vector<float> values(static_cast<std::size_t>(spec.size()), 0.0f);
  const auto begins = [&](const char* start) { return name.rfind(start, 0) == 0; };
  const bool halves = begins("layer2.0.") || begins("layer3.0.") || begins("layer4.0.");
  const auto kernel_is = [&](const std::vector<float>& kernel) {
    std::copy(kernel.begin(), kernel.end(), values.begin());
  };
  if (name == "conv1.weight") {
    for (std::size_t color = 0; color < 3; ++color) values[49 * color + 24] = 1.0f / 3;
  } else if (halves && name.find(".conv1.") != std::string::npos) {
    kernel_is(std::vector<float>(9, 1.0f / 9));
  } else if (halves && name.find(".conv2.") != std::string::npos) {
    values[4] = 1;
  } else if (begins("deconv_layers.")) {
    kernel_is({0.25f, 0.5f, 0.25f, 0.5f, 1, 0.5f, 0.25f, 0.5f, 0.25f});
  } else if (name == "hm.weight") {
    values[0] = 8;
  } else if (name == "hm.bias") {
    values[0] = -2;
  } else if (name == "wh.bias") {
    values = {4, 6};
  } else if (name == "reg.bias") {
    values = {0.25f, -0.5f};
  }
  return values;
}

/// The bytes of its model file.
inline std::vector<unsigned char> model_file() {
  SafetensorsWriter writer;
  for (const limn::ParameterSpec& spec : limn::center_net(network()).parameters()) {
    writer.add(spec.name, limn::DType::f32, spec.shape, weight(spec));
  }
  writer.metadata("limn", R"({"version": 1, "name": "blobs",
    "network": {"type": "center_net", "depth": 18, "width": 1, "deconv": {"channels": [1, 1], "kernel": 3},
                "normalization": "none"},
    "input": {"width": 256, "height": 192, "channels": "rgb", "mean": [0, 0, 0], "std": [1, 1, 1],
              "geometry": "letterbox"},
    "decoder": {"type": "center"}})");
  return writer.bytes();
}

/// A black photo of 512 x 256 pixels, which is half as large in the network's input, below a bar of 32 pixels.
inline limn::Image photo() { return {512, 256}; }

/// Puts a square of so many pixels of that photo where cell (4 i, 4 j) is the surest.
inline void draw(limn::Image& photo, Index i, Index j, Index side, std::uint8_t brightness) {
  const Index left = 64 * i - side / 2;
  const Index top = 64 * j - 64 - side / 2;
  for (Index y = (std::max)(top, Index{0}); y < (std::min)(top + side, photo.height()); ++y) {
    for (Index x = (std::max)(left, Index{0}); x < (std::min)(left + side, photo.width()); ++x) {
      std::fill_n(photo.pixel(x, y), 3, brightness);
    }
  }
}

/// The box of such a square by hand: 4 x 6 cells of 16 photo pixels around (4 i + 0.25, 4 j - 0.5), where there is
/// photo.
inline limn::Box box(Index i, Index j) {
  const auto x = static_cast<float>(64 * i + 4);
  const auto y = static_cast<float>(64 * j - 64 - 8);
  const float left = (std::max)(x - 32, 0.0f);
  const float top = (std::max)(y - 48, 0.0f);
  return {left, top, (std::min)(x + 32, 512.0f) - left, (std::min)(y + 48, 256.0f) - top};
}

}  // namespace blobs
