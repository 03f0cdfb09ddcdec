// A model of two keypoints whose layers are as narrow as can be: its numbers mean nothing, but it is made and runs in
// no time.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <limn/models/pose_resnet.hpp>

#include "formula_weights.hpp"
#include "model_file/safetensors_writer.hpp"

namespace tiny {

/// The bytes of its model file.
inline std::vector<unsigned char> model_file() {
  limn::PoseResNet network;
  network.depth = 18;
  network.width = 1;
  network.keypoints = 2;
  network.deconvs = {{4, 4}};
  network.style.normalization = limn::Normalization::bias;
  const formula::FormulaWeights weights(limn::pose_resnet(network));
  SafetensorsWriter writer;
  for (const auto& [name, tensor] : weights.weights()) {
    const auto size = static_cast<std::size_t>(tensor.size()) * sizeof(float);
    writer.add_bytes(name, limn::DType::f32, tensor.shape, std::vector<unsigned char>(tensor.data, tensor.data + size));
  }
  writer.metadata("limn", R"({"version": 1, "name": "tiny",
    "network": {"type": "pose_resnet", "depth": 18, "width": 1, "deconv": {"channels": [4], "kernel": 4},
                "normalization": "bias"},
    "input": {"width": 64, "height": 96, "channels": "rgb", "mean": [0, 0, 0], "std": [1, 1, 1],
              "geometry": "affine", "crop": 1.25},
    "decoder": {"type": "dark"},
    "keypoints": ["left_eye", "right_eye"], "links": [[0, 1]], "flip_pairs": [[0, 1]]})");
  return writer.bytes();
}

}  // namespace tiny
