#include <limn/quantization/calibration.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <limits>
#include <map>
#include <set>
#include <string>

#include <limn/network/plain_executor.hpp>

#include "quantization/networks.hpp"

using namespace limn;
using quantization::RandomInputs;

std::unique_ptr<const Plan> quantization::make_plan(const Graph& graph, const Weights& weights) {
  return std::make_unique<const Plan>(graph, weights, 64, 64);
}

TEST_CASE("calibration sees the values of the input and of every map, as the plain layers make them") {
  const Graph graph = quantization::small_resnet();
  const formula::FormulaWeights weights(graph);
  const RandomInputs random(3);
  const auto plan = quantization::make_plan(graph, weights.weights());
  const auto ranges = calibrate(*plan, random.inputs(), ThreadPool(1));

  std::map<std::string, MapRange> plain;
  for (const bool counting : {false, true}) {
    for (Index i = 0; i < 3; ++i) {
      run_plain(graph, weights.weights(), random[i], [&](const Node& node, const Tensor& map) {
        if (counting) {
          plain[node.name].count(map.matrix());
        } else {
          plain[node.name].see(map.matrix());
        }
      });
    }
  }
  std::set<std::string> expected = {"input"};
  for (const detail::FusedStep& step : detail::fuse(graph)) expected.insert(graph.nodes()[step.output].name);
  std::set<std::string> found;
  for (const auto& entry : ranges) {
    const std::string& name = entry.first;
    const MapRange& range = entry.second;
    CAPTURE(name);
    found.insert(name);
    const MapRange& same = plain.at(name);
    const double largest = static_cast<double>(same.largest());
    CHECK(static_cast<double>(range.least()) == doctest::Approx(static_cast<double>(same.least())).epsilon(1e-4));
    CHECK(static_cast<double>(range.most()) == doctest::Approx(static_cast<double>(same.most())).epsilon(1e-4));
    CHECK(range.mean(0) == doctest::Approx(same.mean(0)).scale(largest).epsilon(1e-4));
    CHECK(range.squared_error(largest, 255) == doctest::Approx(same.squared_error(largest, 255)).epsilon(0.02));
  }
  CHECK(found == expected);
}

TEST_CASE("calibration is the same for any number of threads") {
  const Graph graph = quantization::small_resnet(false);
  const formula::FormulaWeights weights(graph);
  const RandomInputs random(5);
  const auto plan = quantization::make_plan(graph, weights.weights());
  const auto one = calibrate(*plan, random.inputs(), ThreadPool(1));
  const auto three = calibrate(*plan, random.inputs(), ThreadPool(3));
  REQUIRE(one.size() == three.size());
  for (const auto& entry : one) {
    const std::string& name = entry.first;
    const MapRange& range = entry.second;
    CAPTURE(name);
    CHECK(three.at(name).least() == range.least());
    CHECK(three.at(name).most() == range.most());
    CHECK(three.at(name).counts() == range.counts());
    CHECK(three.at(name).mean(0) == range.mean(0));
  }
}

TEST_CASE("calibration names the map with a value that is not finite") {
  const Graph graph = quantization::small_resnet(false);
  const formula::FormulaWeights weights(graph);
  const auto plan = quantization::make_plan(graph, weights.weights());
  const CalibrationInputs inputs = {2, 64, 64, [](Index i, Eigen::Ref<FloatMatrix> matrix) {
                                      matrix.setZero();
                                      if (i == 1) matrix(0, 0) = std::numeric_limits<float>::quiet_NaN();
                                    }};
  CHECK_THROWS_WITH_AS(calibrate(*plan, inputs, ThreadPool(2)),
                       "calibration: map input: expected finite values, found NaN or infinity", Error);
}

TEST_CASE("what the inputs throw ends calibration and comes out of it") {
  const Graph graph = quantization::small_resnet(false);
  const formula::FormulaWeights weights(graph);
  const auto plan = quantization::make_plan(graph, weights.weights());
  struct Stop {};
  std::atomic<int> calls{0};
  const CalibrationInputs inputs = {1000, 64, 64, [&](Index, Eigen::Ref<FloatMatrix>) {
                                      ++calls;
                                      throw Stop();
                                    }};
  CHECK_THROWS_AS(calibrate(*plan, inputs, ThreadPool(2)), Stop);
  CHECK(calls <= 2);
}
