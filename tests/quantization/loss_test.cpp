#include <limn/quantization/loss.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <limn/network/plain_executor.hpp>

#include "quantization/networks.hpp"

using namespace limn;
using quantization::RandomInputs;

namespace {

/// Maps of 1 x 5 cells.
Tensor maps(const std::vector<std::vector<float>>& rows) {
  Tensor tensor({static_cast<Index>(rows.size()), 1, 5});
  for (std::size_t map = 0; map < rows.size(); ++map) {
    for (Index x = 0; x < 5; ++x) tensor(static_cast<Index>(map), 0, x) = rows[map][static_cast<std::size_t>(x)];
  }
  return tensor;
}

struct Measured {
  explicit Measured(Graph network, Index count = 6)
      : graph(std::move(network)),
        weights(graph),
        random(count),
        plan(quantization::make_plan(graph, weights.weights())),
        quantizer(graph, weights.weights(), calibrate(*plan, random.inputs(), ThreadPool(1)), RangeRule::automatic) {}

  std::set<std::string> all() const { return {quantizer.convolutions().begin(), quantizer.convolutions().end()}; }

  Graph graph;
  formula::FormulaWeights weights;
  RandomInputs random;
  std::unique_ptr<const Plan> plan;
  Quantizer quantizer;
};

}  // namespace

TEST_CASE("noise is told in decibels") {
  FloatMatrix f(1, 2);
  f << 3, 4;
  FloatMatrix q(1, 2);
  q << 3, 3.5F;
  Noise noise;
  CHECK(!noise.decibels());
  noise.add(f, f);
  CHECK(!noise.decibels());
  noise.add(f, q);
  CHECK(noise.signal == 50);
  CHECK(noise.noise == 0.25);
  CHECK(*noise.decibels() == doctest::Approx(10 * std::log10(200.0)));
}

TEST_CASE("a peak has moved where it lies more than one cell from its place") {
  const Tensor expected = maps({{0, 1, 0, 0, 0}, {0, 0.5F, 0, 0, 0}, {0, 0, 0, 0, 0.4F}, {9, 0, 0, 0, 0}});
  const Tensor found = maps({{0, 0, 1, 0, 0}, {0, 0, 0, 0.5F, 0}, {0.4F, 0, 0, 0, 0}, {9, 0, 0, 0, 0}});
  const QuantizationLoss loss = detail::loss_of({expected, expected}, {found, expected}, 0.5F);
  CHECK(loss.peaks == 3);  // 0.4 is none
  CHECK(loss.moved == 1);  // by two cells
  CHECK(*loss.moved_share() == doctest::Approx(1.0 / 3));
  CHECK(loss.outputs.signal == doctest::Approx(2 * (1 + 0.25 + 0.16 + 81)));
  CHECK(loss.outputs.noise == doctest::Approx(2 + 0.5 + 0.32));
  CHECK(!detail::loss_of({expected}, {found}, 10).moved_share());
}

TEST_CASE("a network that is all floats loses nothing, one of 8 bit little") {
  const Measured measured(quantization::small_resnet());
  const ThreadPool pool(1);
  const LossMeter meter(*measured.plan, measured.random.inputs(), pool, -10, quantization::make_plan);
  const QuantizationLoss none = meter.loss(measured.quantizer.network(measured.all()));
  CHECK(none.peaks == 6 * 3);
  CHECK(none.moved == 0);
  CHECK(none.outputs.decibels().value_or(1000) > 80);
  const QuantizationLoss loss = meter.loss(measured.quantizer.network({}));
  CHECK(loss.outputs.signal == none.outputs.signal);
  CHECK(*loss.outputs.decibels() > 15);
  CHECK(*loss.outputs.decibels() < 60);
}

TEST_CASE("the loss is that of the plain layers' outputs, and the same for any number of threads") {
  const Measured measured(quantization::small_resnet(false), 3);
  const QuantizedNetwork network = measured.quantizer.network({"conv1"});
  Noise expected;
  for (Index i = 0; i < 3; ++i) {
    const Tensor f = run_plain(measured.graph, measured.weights.weights(), measured.random[i])[0];
    const Tensor q = run_plain(network.graph, network.weights, measured.random[i])[0];
    expected.add(f.matrix(), q.matrix());
  }
  const ThreadPool one(1);
  const ThreadPool three(3);
  const QuantizationLoss loss =
      LossMeter(*measured.plan, measured.random.inputs(), one, 0, quantization::make_plan).loss(network);
  CHECK(loss.outputs.signal == doctest::Approx(expected.signal).epsilon(1e-4));
  CHECK(loss.outputs.noise == doctest::Approx(expected.noise).epsilon(1e-2));
  const QuantizationLoss again =
      LossMeter(*measured.plan, measured.random.inputs(), three, 0, quantization::make_plan).loss(network);
  CHECK(again.outputs.signal == loss.outputs.signal);
  CHECK(again.outputs.noise == loss.outputs.noise);
  CHECK(again.peaks == loss.peaks);
  CHECK(again.moved == loss.moved);
}

TEST_CASE("the noise of every map is measured by its real numbers") {
  const Measured measured(quantization::small_resnet(), 2);
  const ThreadPool pool(2);
  const LossMeter meter(*measured.plan, measured.random.inputs(), pool, 0, quantization::make_plan);
  const QuantizedNetwork network = measured.quantizer.network({"layer1.0.conv1"});
  const auto noise = meter.noise_of_maps(network);
  std::set<std::string> expected = {"input"};
  for (const detail::FusedStep& step : detail::fuse(measured.graph)) {
    expected.insert(measured.graph.nodes()[step.output].name);
  }
  std::set<std::string> found;
  for (const auto& entry : noise) {
    const std::string& name = entry.first;
    const Noise& one = entry.second;
    CAPTURE(name);
    found.insert(name);
    CHECK(one.decibels().value_or(0) > 10);
  }
  CHECK(found == expected);

  // The input's: its own rounding, by hand.
  const MapScale scale = network.quantization.maps.at("input");
  Noise input;
  for (Index i = 0; i < 2; ++i) {
    const FloatMatrix& f = measured.random[i].matrix();
    const FloatMatrix q = (f.array() / scale.scale).round().min(127) * scale.scale;
    input.add(f, q);
  }
  CHECK(noise.at("input").signal == doctest::Approx(input.signal));
  CHECK(noise.at("input").noise == doctest::Approx(input.noise).epsilon(1e-3));
  CHECK(noise.at("final_layer").noise == doctest::Approx(meter.loss(network).outputs.noise));

  // A map of a kept convolution that is read in 8 bit is the 8-bit one.
  CHECK(network.quantization.maps.count("layer1.0.relu1") == 1);
  CHECK(*noise.at("layer1.0.relu1").decibels() < 60);
}

TEST_CASE("losses are measured of networks of every family") {
  for (auto& entry : quantization::small_networks()) {
    const std::string& family = entry.first;
    Graph& graph = entry.second;
    CAPTURE(family);
    const Measured measured(std::move(graph), 2);
    const ThreadPool pool(1);
    const LossMeter meter(*measured.plan, measured.random.inputs(), pool, -10, quantization::make_plan);
    const QuantizedNetwork network = measured.quantizer.network({});
    const QuantizationLoss loss = meter.loss(network);
    CHECK(loss.peaks == 2 * measured.plan->output_shape().channels);
    CHECK(*loss.outputs.decibels() > 10);
    CHECK(meter.noise_of_maps(network).size() == measured.plan->steps().size() + 1);
  }
}
