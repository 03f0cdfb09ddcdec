// Making the engine. Its kernels take the compiler long; what only uses them does not compile them, so they are made
// in one source file for all commands.
#pragma once

#include <memory>
#include <string>

#include <limn/engine/plan.hpp>
#include <limn/pose/pose_estimator.hpp>

namespace limn::program {

std::unique_ptr<const Plan> make_plan(const Graph& graph, const Weights& weights, Index height, Index width,
                                      std::shared_ptr<const ThreadPool> pool, Index batch = 1);

std::unique_ptr<const PoseEstimator> make_estimator(const std::string& model, const EstimatorOptions& options);

}  // namespace limn::program
