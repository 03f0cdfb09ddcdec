// The simplest way to an 8-bit network, for tests: scales from the largest values that one input gives.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <limn/network/plain_executor.hpp>
#include <limn/network/quantized_graph.hpp>

#include "network/weights_store.hpp"

class RoughQuantizer {
 public:
  /// All maps of the network get scales but its outputs.
  RoughQuantizer(const limn::Graph& graph, const limn::Weights& weights, const limn::Tensor& input)
      : graph_(graph), float_weights_(weights) {
    limn::run_plain(graph, weights, input, [&](const limn::Node& node, const limn::Tensor& map) {
      const float least = map.matrix().minCoeff();
      const float most = (std::max)(map.matrix().maxCoeff(), 1e-6F);
      quantization.maps[node.name] =
          least >= 0 ? limn::MapScale{most / 255, 0} : limn::MapScale{(std::max)(most, -least) / 127, 128};
    });
    std::map<std::string, limn::MapScale> wanted = {{"input", quantization.maps.at("input")}};
    for (const auto& step : limn::detail::fuse(graph)) {
      const std::string& name = graph.nodes()[step.output].name;
      wanted[name] = quantization.maps.at(name);
      if (limn::parameters(graph.nodes()[step.node].layer).empty()) continue;
      add_weights(step);
    }
    for (const auto& output : graph.outputs()) wanted.erase(graph.nodes()[output.second].name);
    quantization.maps = std::move(wanted);
  }

  limn::Quantization quantization;

  /// Of the 8-bit network, for the convolutions that are kept at the time.
  limn::Weights weights() const {
    limn::Weights all = float_weights_;
    for (const auto& [name, view] : store_.weights()) {
      if (quantization.kept.count(name.substr(0, name.rfind('.'))) == 0) all[name] = view;
    }
    return all;
  }

 private:
  /// Those of a convolution, batch norm folded into them: one scale for each output channel.
  void add_weights(const limn::detail::FusedStep& step) {
    const limn::Node& node = graph_.nodes()[step.node];
    const limn::ParameterSpec spec = limn::parameters(node.layer)[0];
    const bool transposed = std::holds_alternative<limn::ConvTranspose2d>(node.layer);
    const limn::Index channels = spec.shape[transposed ? 1 : 0];
    const limn::Index inner = spec.shape[2] * spec.shape[3] * (transposed ? 1 : spec.shape[1]);
    std::vector<limn::FloatVector> values = limn::layer_parameters(node, float_weights_);
    if (values.size() == 1) values.emplace_back(limn::FloatVector::Zero(channels));
    limn::FloatVector factor = limn::FloatVector::Ones(channels);
    if (step.norm != limn::Graph::input) {
      const limn::Node& norm = graph_.nodes()[step.norm];
      const std::vector<limn::FloatVector> norms = limn::layer_parameters(norm, float_weights_);
      factor = norms[0].array() / (norms[3].array() + std::get<limn::BatchNorm2d>(norm.layer).eps).sqrt();
      values[1] = factor.array() * (values[1] - norms[2]).array() + norms[1].array();
    }
    limn::FloatVector scale = limn::FloatVector::Constant(channels, 1e-6F);
    limn::FloatVector& weight = values[0];
    for (limn::Index i = 0; i < weight.size(); ++i) {
      const limn::Index channel = i / inner % channels;
      weight[i] *= factor[channel];
      scale[channel] = (std::max)(scale[channel], std::abs(weight[i]) / 127);
    }
    for (limn::Index i = 0; i < weight.size(); ++i) weight[i] = std::nearbyint(weight[i] / scale[i / inner % channels]);
    store_.add(node.name + ".weight", spec.shape, weight, limn::DType::i8);
    store_.add(node.name + ".weight_scale", {channels}, scale);
    store_.add(node.name + ".bias", {channels}, values[1]);
  }

  const limn::Graph& graph_;
  const limn::Weights& float_weights_;
  WeightsStore store_;
};
