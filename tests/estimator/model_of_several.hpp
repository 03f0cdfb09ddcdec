// A small model of several people: what limn::CmapPaf finds with weights that are made up.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <limn/models/cmap_paf.hpp>
#include <limn/pose/skeleton.hpp>

#include "formula_weights.hpp"
#include "model_file/safetensors_writer.hpp"
#include "pose/affinity_scene.hpp"

namespace several {

/// The bytes of its model file. With a low threshold it finds people anywhere.
inline std::vector<unsigned char> model_file(double cmap_threshold) {
  const limn::Skeleton skeleton = scene::body18();
  limn::CmapPaf network;
  network.upsample_channels = 16;
  const formula::FormulaWeights weights(limn::cmap_paf(network));
  SafetensorsWriter writer;
  for (const auto& [name, tensor] : weights.weights()) {
    const auto size = static_cast<std::size_t>(tensor.size()) * sizeof(float);
    writer.add_bytes(name, limn::DType::f32, tensor.shape, std::vector<unsigned char>(tensor.data, tensor.data + size));
  }
  nlohmann::json document = nlohmann::json::parse(R"({"version": 1, "name": "several",
    "network": {"type": "cmap_paf", "depth": 18, "upsample_channels": 16},
    "input": {"width": 96, "height": 64, "channels": "rgb", "mean": [0.485, 0.456, 0.406],
              "std": [0.229, 0.224, 0.225], "geometry": "letterbox", "resample": "nearest"},
    "decoder": {"type": "part_affinity", "offset": 2, "link_threshold": 0, "min_keypoints": 2}})");
  document["decoder"]["cmap_threshold"] = cmap_threshold;
  document["keypoints"] = skeleton.keypoints;
  document["links"] = skeleton.links;
  writer.metadata("limn", document.dump());
  return writer.bytes();
}

}  // namespace several
