// What `limn quantize` tells about the model that it has made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <limn/layers/map_scale.hpp>
#include <limn/quantization/put_back.hpp>
#include <limn/quantization/quantizer.hpp>

namespace limn::program {

/// A map of the 8-bit network.
struct MapReport {
  std::string name;
  float least = 0;  ///< of the float network's values
  float most = 0;
  Noise noise;
  std::optional<MapScale> scale;      ///< absent: it is not in 8 bit
  std::optional<ChosenScale> chosen;  ///< present: the scale is its own
  std::string scale_of;               ///< else the map that pooling or upsampling has it of
};

struct QuantizeReport {
  std::string model;  ///< the document's name
  std::string source;
  std::string file;
  std::uintmax_t source_bytes = 0;
  std::uintmax_t bytes = 0;
  std::size_t inputs = 0;
  std::size_t photos = 0;
  std::size_t failed = 0;                       ///< photos
  std::size_t convolutions = 0;                 ///< of the network
  std::vector<std::string> kept;                ///< in floats, as was asked for
  std::vector<MapReport> maps;                  ///< in the order of execution
  std::optional<QuantizationLoss> loss_before;  ///< present: more than was allowed, so that some were put back
  double max_loss = 0;
  std::vector<LayerCost> put_back;
  QuantizationLoss loss;

  void print() const;
  nlohmann::ordered_json to_json() const;
};

}  // namespace limn::program
