// The C++ side of tests/reference/formula.py: weights and inputs computed from their names. The formula is stated
// there.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/weights.hpp>
#include <limn/network/graph.hpp>

namespace formula {

using limn::Index;

/// Fowler-Noll-Vo 1a, 32 bits.
inline std::uint32_t fnv1a32(const std::string& name) {
  std::uint32_t hash = 0x811C9DC5U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193U;
  return hash;
}

/// u in [0, 1) for flat index i of the tensor whose name has this hash.
inline double uniform(std::uint32_t hash, Index i) {
  std::uint32_t x = hash + static_cast<std::uint32_t>(i) * 0x9E3779B9U;
  x ^= x >> 16;
  x *= 0x7FEB352DU;
  x ^= x >> 15;
  x *= 0x846CA68BU;
  x ^= x >> 16;
  return static_cast<double>(x >> 8) / 16777216.0;
}

inline bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// Weights for every parameter of a graph, and the memory they lie in.
class FormulaWeights {
 public:
  explicit FormulaWeights(const limn::Graph& graph) {
    std::size_t total = 0;
    for (const limn::ParameterSpec& spec : graph.parameters()) total += static_cast<std::size_t>(spec.size());
    storage_.resize(total * sizeof(float));  // once, so that the views stay valid
    unsigned char* next = storage_.data();
    for (const limn::Node& node : graph.nodes()) {
      for (const limn::ParameterSpec& spec : limn::parameters(node.layer)) {
        const std::string name = node.name + "." + spec.name;
        const auto [scale, offset] = range(graph, node, spec);
        const std::uint32_t hash = fnv1a32(name);
        weights_[name] = {limn::DType::f32, spec.shape, next};
        const auto size = static_cast<Index>(spec.size());
        for (Index i = 0; i < size; ++i, next += sizeof(float)) {
          const auto value = static_cast<float>(scale * (uniform(hash, i) + offset));
          std::memcpy(next, &value, sizeof(value));
        }
      }
    }
  }

  FormulaWeights(FormulaWeights&&) = default;
  FormulaWeights& operator=(FormulaWeights&&) = default;
  FormulaWeights(const FormulaWeights&) = delete;
  FormulaWeights& operator=(const FormulaWeights&) = delete;

  const limn::Weights& weights() const { return weights_; }

 private:
  /// (scale, offset) of value = scale * (u + offset).
  static std::pair<double, double> range(const limn::Graph& graph, const limn::Node& node,
                                         const limn::ParameterSpec& spec) {
    if (const auto* conv = std::get_if<limn::Conv2d>(&node.layer); conv != nullptr && spec.name == "weight") {
      return centred(static_cast<double>(conv->in_channels * conv->kernel.area()));
    }
    if (const auto* conv = std::get_if<limn::ConvTranspose2d>(&node.layer); conv != nullptr && spec.name == "weight") {
      return centred(static_cast<double>(conv->in_channels * conv->kernel.area()) /
                     static_cast<double>(conv->stride.area()));
    }
    if (spec.name == "bias" || spec.name == "running_mean") return {0.2, -0.5};
    const bool last = spec.name == "weight" && ends_branch(graph, node.name);
    return {last ? 0.4 : 1.0, 0.5};
  }

  static std::pair<double, double> centred(double fan_in) { return {2.0 * std::sqrt(6.0 / fan_in), -0.5}; }

  /// Whether a batch norm is the last of a residual branch: bn3, or bn2 in a block that has no bn3.
  static bool ends_branch(const limn::Graph& graph, const std::string& name) {
    if (ends_with(name, ".bn3")) return true;
    if (!ends_with(name, ".bn2")) return false;
    const std::string third = name.substr(0, name.size() - 1) + "3";
    for (const limn::Node& node : graph.nodes()) {
      if (node.name == third) return false;
    }
    return true;
  }

  std::vector<unsigned char> storage_;
  limn::Weights weights_;
};

/// The network's input, values in [-1, 1).
inline limn::Tensor network_input(const limn::Shape& shape) {
  limn::Tensor tensor(shape);
  const std::uint32_t hash = fnv1a32("input");
  Index next = 0;
  for (Index channel = 0; channel < shape.channels; ++channel) {
    for (Index y = 0; y < shape.height; ++y) {
      for (Index x = 0; x < shape.width; ++x) {
        tensor(channel, y, x) = static_cast<float>(2.0 * uniform(hash, next++) - 1.0);
      }
    }
  }
  return tensor;
}

}  // namespace formula
