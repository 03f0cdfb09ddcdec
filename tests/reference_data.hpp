// Access to the tensors that tests/reference/generate.py wrote. tests/reference/README.md says what they are.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <limn/core/tensor.hpp>
#include <limn/layers/window.hpp>
#include <limn/model_file/safetensors.hpp>

namespace reference {

using limn::Index;

/// A map in PyTorch's order, (channels, height, width), as a tensor.
inline limn::Tensor to_tensor(const limn::WeightView& view) {
  REQUIRE(view.shape.size() == 3);
  limn::Tensor tensor({view.shape[0], view.shape[1], view.shape[2]});
  const limn::FloatVector values = view.to_float();
  Index next = 0;
  for (Index channel = 0; channel < tensor.channels(); ++channel) {
    for (Index y = 0; y < tensor.height(); ++y) {
      for (Index x = 0; x < tensor.width(); ++x) tensor(channel, y, x) = values[next++];
    }
  }
  return tensor;
}

/// The largest difference between two lists of values, as a share of the largest magnitude in `expected`. Infinite if
/// the sizes differ or a difference is not a number.
inline double difference(const Eigen::Ref<const limn::FloatVector>& found,
                         const Eigen::Ref<const limn::FloatVector>& expected) {
  if (found.size() != expected.size() || found.size() == 0) return std::numeric_limits<double>::infinity();
  const Eigen::VectorXd error = (found.cast<double>() - expected.cast<double>()).cwiseAbs();
  if (!error.allFinite()) return std::numeric_limits<double>::infinity();
  const double magnitude = expected.cast<double>().cwiseAbs().maxCoeff();
  return error.maxCoeff() == 0.0 ? 0.0 : error.maxCoeff() / magnitude;
}

inline double difference(const limn::Tensor& found, const limn::Tensor& expected) {
  if (found.shape() != expected.shape()) return std::numeric_limits<double>::infinity();
  return difference(found.matrix().reshaped(), expected.matrix().reshaped());
}

/// One case of layers.safetensors.
struct Case {
  const limn::Safetensors* file;
  std::string name;
  nlohmann::json options;

  bool has(const std::string& role) const { return file->tensors().count(name + "/" + role) > 0; }
  const limn::WeightView& view(const std::string& role) const { return file->tensor(name + "/" + role); }
  limn::Tensor map(const std::string& role) const { return to_tensor(view(role)); }

  /// Values in PyTorch's order; none if the case has no such tensor.
  limn::FloatVector values(const std::string& role) const {
    return has(role) ? view(role).to_float() : limn::FloatVector();
  }

  limn::Extent extent(const std::string& option) const {
    return {options.at(option).at(0).get<Index>(), options.at(option).at(1).get<Index>()};
  }
};

inline const limn::Safetensors& layers_file() {
  static const limn::Safetensors file = limn::Safetensors::open(LIMN_SOURCE_DIR "/tests/reference/layers.safetensors");
  return file;
}

/// All cases of one layer. Fails the test if there are none.
inline std::vector<Case> cases(const std::string& layer) {
  const limn::Safetensors& file = layers_file();
  const nlohmann::json all = nlohmann::json::parse(file.metadata().at("cases"));
  std::vector<Case> found;
  for (const auto& [name, options] : all.items()) {
    if (name.rfind(layer + "/", 0) == 0) found.push_back({&file, name, options});
  }
  REQUIRE_MESSAGE(!found.empty(), "layers.safetensors has no case for ", layer);
  return found;
}

}  // namespace reference
