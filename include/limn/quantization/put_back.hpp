// Which convolutions of an 8-bit network have to be floats so that it loses no more than is allowed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/version.hpp>
#include <limn/quantization/loss.hpp>
#include <limn/quantization/quantizer.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// A convolution, and what it costs that it is an 8-bit one.
struct LayerCost {
  std::string name;  ///< PyTorch's module path
  Noise outputs;     ///< of the network in which it alone is 8-bit
};

/// What it costs to have each of the convolutions in 8 bit, those of `kept` left out: measured by `few`, with the one
/// in 8 bit and all others in floats. The dearest comes first, of equals the first in the network.
inline std::vector<LayerCost> convolution_costs(const Quantizer& quantizer, const LossMeter& few,
                                                const std::set<std::string>& kept) {
  std::vector<LayerCost> costs;
  const std::set<std::string> all(quantizer.convolutions().begin(), quantizer.convolutions().end());
  for (const std::string& name : quantizer.convolutions()) {
    if (kept.count(name) > 0) continue;
    std::set<std::string> others = all;
    others.erase(name);
    costs.push_back({name, few.loss(quantizer.network(others)).outputs});
  }
  std::stable_sort(costs.begin(), costs.end(),
                   [](const LayerCost& a, const LayerCost& b) { return a.outputs.noise > b.outputs.noise; });
  return costs;
}

/// What was put back into floats, and what the network then loses.
struct PutBack {
  std::vector<LayerCost> convolutions;  ///< those put back, in that order
  QuantizationLoss loss;                ///< of the network with them in floats
};

/// Puts as few of the dearest convolutions back into floats as are needed for a share of moved peaks of at most
/// `most_moved`, beside those of `kept`. `loss` is what the network loses without any. Twice as many are tried each
/// time until it is enough, and then half as many of the last ones, so that a network of hundreds of convolutions is
/// measured some twenty times at most. In the end all may be floats, with which nothing is lost.
inline PutBack put_back(const Quantizer& quantizer, const LossMeter& all, const LossMeter& few,
                        const std::set<std::string>& kept, const QuantizationLoss& loss, double most_moved) {
  const auto is_enough = [&](const QuantizationLoss& found) { return !(found.moved_share().value_or(0) > most_moved); };
  if (is_enough(loss)) return {{}, loss};
  std::vector<LayerCost> costs = convolution_costs(quantizer, few, kept);
  const auto loss_with = [&](std::size_t count) {
    std::set<std::string> floats = kept;
    for (std::size_t i = 0; i < count; ++i) floats.insert(costs[i].name);
    return all.loss(quantizer.network(floats));
  };
  std::size_t too_few = 0;
  std::size_t enough = 1;
  QuantizationLoss found = loss_with((std::min)(enough, costs.size()));
  while (enough < costs.size() && !is_enough(found)) {
    too_few = enough;
    enough = (std::min)(2 * enough, costs.size());
    found = loss_with(enough);
  }
  while (too_few + 1 < enough) {
    const std::size_t middle = (too_few + enough) / 2;
    const QuantizationLoss tried = loss_with(middle);
    (is_enough(tried) ? enough : too_few) = middle;
    if (enough == middle) found = tried;
  }
  costs.resize((std::min)(enough, costs.size()));
  return {std::move(costs), found};
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
