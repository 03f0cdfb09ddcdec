#include "engine.hpp"

#include <utility>

namespace limn::program {

std::unique_ptr<const Plan> make_plan(const Graph& graph, const Weights& weights, Index height, Index width,
                                      std::shared_ptr<const ThreadPool> pool, Index batch) {
  return std::make_unique<const Plan>(graph, weights, height, width, std::move(pool), batch);
}

std::unique_ptr<const PoseEstimator> make_estimator(const std::string& model, const EstimatorOptions& options) {
  return std::make_unique<const PoseEstimator>(model, options);
}

}  // namespace limn::program
