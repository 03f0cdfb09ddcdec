// Making the engine. Its kernels take the compiler long; what only uses them does not compile them, so they are made
// in one source file for all commands.
#pragma once

#include <memory>
#include <optional>

#include <limn/engine/plan.hpp>
#include <limn/estimator/person_detector.hpp>
#include <limn/estimator/pose_estimator.hpp>
#include <limn/model_file/model.hpp>

#include "detector_choice.hpp"

namespace limn::program {

std::unique_ptr<const Plan> make_plan(const Graph& graph, const Weights& weights, Index height, Index width,
                                      std::shared_ptr<const ThreadPool> pool, Index batch = 1,
                                      std::optional<Target> target = {});

std::unique_ptr<const PoseEstimator> make_estimator(const Model& model, const EstimatorOptions& options);

/// The detector whose model this is, with the choice's input size and threshold.
std::unique_ptr<const PersonDetector> make_detector(const Model& model, const DetectorChoice& choice,
                                                    std::shared_ptr<const ThreadPool> pool);

}  // namespace limn::program
