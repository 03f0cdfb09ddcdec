#include <limn/quantization/put_back.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "quantization/networks.hpp"

using namespace limn;
using quantization::RandomInputs;

namespace {

/// A network of whose maps two are thought to have values that they never have, so that 8 bit leave nothing of them.
struct Spoilt {
  Spoilt()
      : graph(quantization::small_resnet()),
        weights(graph),
        random(6),
        plan(quantization::make_plan(graph, weights.weights())),
        pool(2),
        meter(*plan, random.inputs(), pool, -10, quantization::make_plan),
        quantizer(graph, weights.weights(), spoilt(calibrate(*plan, random.inputs(), pool)), RangeRule::min_max) {}

  static std::map<std::string, MapRange> spoilt(std::map<std::string, MapRange> ranges) {
    FloatMatrix huge(1, 1);
    huge << 1e5F;
    ranges.at("layer3.1.relu1").see(huge);
    ranges.at("deconv_layers.5").see(huge);
    return ranges;
  }

  Graph graph;
  formula::FormulaWeights weights;
  RandomInputs random;
  std::unique_ptr<const Plan> plan;
  ThreadPool pool;
  LossMeter meter;
  Quantizer quantizer;
};

std::vector<std::string> names_of(const std::vector<LayerCost>& costs) {
  std::vector<std::string> names;
  for (const LayerCost& cost : costs) names.push_back(cost.name);
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("the dearest convolutions come first, those kept not at all") {
  const Spoilt spoilt;
  const Names costs = names_of(convolution_costs(spoilt.quantizer, spoilt.meter, {"conv1"}));
  CHECK(costs.size() == spoilt.quantizer.convolutions().size() - 1);
  CHECK(costs[0] == "final_layer");
  CHECK(std::find(costs.begin(), costs.begin() + 3, "layer3.1.conv2") != costs.begin() + 3);
  CHECK(std::find(costs.begin(), costs.end(), "conv1") == costs.end());
}

TEST_CASE("nothing is put back where the loss is small enough") {
  const Spoilt spoilt;
  QuantizationLoss loss;
  loss.peaks = 10;
  loss.moved = 1;
  const PutBack none = put_back(spoilt.quantizer, spoilt.meter, spoilt.meter, {}, loss, 0.1);
  CHECK(none.convolutions.empty());
  CHECK(none.loss.peaks == 10);
  CHECK(put_back(spoilt.quantizer, spoilt.meter, spoilt.meter, {}, {}, 0).convolutions.empty());  // no peaks
}

TEST_CASE("the fewest of the dearest that are enough are put back, and what is then lost is measured") {
  const Spoilt spoilt;
  const std::set<std::string> kept = {"conv1"};
  const QuantizationLoss before = spoilt.meter.loss(spoilt.quantizer.network(kept));
  const Names costs = names_of(convolution_costs(spoilt.quantizer, spoilt.meter, kept));
  for (const double most : {0.0, 0.1, 0.3, 0.6}) {
    CAPTURE(most);
    REQUIRE(*before.moved_share() > most);
    const PutBack found = put_back(spoilt.quantizer, spoilt.meter, spoilt.meter, kept, before, most);
    const std::size_t count = found.convolutions.size();
    REQUIRE(count > 0);
    CHECK(names_of(found.convolutions) == Names(costs.begin(), costs.begin() + static_cast<std::ptrdiff_t>(count)));
    CHECK(*found.loss.moved_share() <= most);
    const auto loss_with = [&](std::size_t more) {
      std::set<std::string> floats = kept;
      floats.insert(costs.begin(), costs.begin() + static_cast<std::ptrdiff_t>(more));
      return spoilt.meter.loss(spoilt.quantizer.network(floats));
    };
    CHECK(loss_with(count).outputs.noise == found.loss.outputs.noise);
    CHECK(*loss_with(count - 1).moved_share() > most);
  }
}

TEST_CASE("where all are kept there is nothing to put back") {
  const Spoilt spoilt;
  const std::set<std::string> all(spoilt.quantizer.convolutions().begin(), spoilt.quantizer.convolutions().end());
  QuantizationLoss loss;
  loss.peaks = 2;
  loss.moved = 1;
  const PutBack found = put_back(spoilt.quantizer, spoilt.meter, spoilt.meter, all, loss, 0);
  CHECK(found.convolutions.empty());
  CHECK(found.loss.moved == 0);
}
