// The networks of tests/reference/networks.safetensors, and how a graph is compared with them.
#pragma once

#include <doctest/doctest.h>

#include <set>
#include <string>

#include <limn/models/residual_block.hpp>
#include <limn/network/plain_executor.hpp>

#include "formula_weights.hpp"
#include "reference_data.hpp"

namespace reference {

inline const limn::Safetensors& networks_file() {
  static const limn::Safetensors file =
      limn::Safetensors::open(LIMN_SOURCE_DIR "/tests/reference/networks.safetensors");
  return file;
}

/// {network: description} of the networks of one type.
inline nlohmann::json networks(const std::string& type) {
  const nlohmann::json all = nlohmann::json::parse(networks_file().metadata().at("networks"));
  nlohmann::json found = nlohmann::json::object();
  for (const auto& network : all.items()) {
    if (network.value().at("type") == type) found[network.key()] = network.value();
  }
  return found;
}

inline limn::ConvStyle style_of(const nlohmann::json& description) {
  limn::ConvStyle style;
  if (description.at("normalization") == "bias") style.normalization = limn::Normalization::bias;
  if (description.at("normalization") == "none") style.normalization = limn::Normalization::none;
  style.relu = description.at("activation") == "relu";
  return style;
}

/// Values at the flat indices (k * 7919) mod size of PyTorch's order, as tests/reference/generate.py takes them.
inline limn::FloatVector probe(const limn::Tensor& tensor) {
  limn::FloatVector values(64);
  for (Index k = 0; k < values.size(); ++k) {
    const Index i = k * 7919 % tensor.shape().size();
    const Index pixel = i % tensor.shape().pixels();
    values[k] = tensor.matrix()(i / tensor.shape().pixels(), pixel);
  }
  return values;
}

/// Runs the networks of one type, at least `fewest` of them with `fewest_probes` intermediate results each, and
/// compares these and the outputs. `make_graph` takes a description.
template <class MakeGraph>
void compare_networks(const std::string& type, std::size_t fewest, std::size_t fewest_probes,
                      const MakeGraph& make_graph) {
  const nlohmann::json all = networks(type);
  REQUIRE(all.size() >= fewest);
  for (const auto& network : all.items()) {
    const std::string& name = network.key();
    const nlohmann::json& description = network.value();
    CAPTURE(name);
    const limn::Graph graph = make_graph(description);
    const formula::FormulaWeights weights(graph);
    const limn::Tensor input =
        formula::network_input({3, description.at("height").get<Index>(), description.at("width").get<Index>()});

    const std::string prefix = name + "/probe/";
    std::set<std::string> probes;
    for (const auto& tensor : networks_file().tensors()) {
      if (tensor.first.rfind(prefix, 0) == 0) probes.insert(tensor.first.substr(prefix.size()));
    }
    REQUIRE(probes.size() >= fewest_probes);
    const auto observe = [&](const limn::Node& node, const limn::Tensor& output) {
      if (probes.erase(node.name) == 0) return;
      CAPTURE(node.name);
      CHECK(difference(probe(output), networks_file().tensor(prefix + node.name).to_float()) <= 1e-4);
    };

    const std::vector<limn::Tensor> outputs = limn::run_plain(graph, weights.weights(), input, observe);
    CHECK(probes.empty());  // else a name of PyTorch's is not in the graph
    REQUIRE(outputs.size() == graph.outputs().size());
    CHECK(graph.outputs()[0].first == "heatmaps");
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const std::string& output = graph.outputs()[i].first;
      CAPTURE(output);
      CHECK(difference(outputs[i], to_tensor(networks_file().tensor(name + "/" + output))) <= 1e-4);
    }
  }
}

/// Compares the numbers of trainable parameters.
template <class MakeGraph>
void compare_parameters(const std::string& type, const MakeGraph& make_graph) {
  const nlohmann::json all = networks(type);
  REQUIRE(!all.empty());
  for (const auto& network : all.items()) {
    CAPTURE(network.key());
    const limn::Graph graph = make_graph(network.value());
    Index trainable = 0;
    for (const limn::ParameterSpec& spec : graph.parameters()) trainable += spec.trainable ? spec.size() : 0;
    CHECK(trainable == network.value().at("parameters").get<Index>());
  }
}

}  // namespace reference
