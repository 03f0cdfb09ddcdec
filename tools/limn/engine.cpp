#include "engine.hpp"

#include <tuple>
#include <utility>

#include "text.hpp"

namespace limn::program {

std::unique_ptr<const Plan> make_plan(const Graph& graph, const Weights& weights, Index height, Index width,
                                      std::shared_ptr<const ThreadPool> pool, Index batch,
                                      std::optional<Target> target) {
  return std::make_unique<const Plan>(graph, weights, height, width, std::move(pool), batch, default_max_memory,
                                      target);
}

std::unique_ptr<const PoseEstimator> make_estimator(const Model& model, const EstimatorOptions& options) {
  return std::make_unique<const PoseEstimator>(model, options);
}

std::unique_ptr<const PersonDetector> make_detector(const Model& model, const DetectorChoice& choice,
                                                    std::shared_ptr<const ThreadPool> pool) {
  DetectorOptions options;
  options.pool = std::move(pool);
  std::tie(options.input_height, options.input_width) = parse_size(choice.input, "--detector-input");
  options.threshold = choice.threshold;
  return std::make_unique<const PersonDetector>(model, options);
}

}  // namespace limn::program
