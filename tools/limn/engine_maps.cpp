#include "engine_maps.hpp"

#include <memory>

#include <limn/core/thread_pool.hpp>

#include "engine.hpp"
#include "target.hpp"
#include "threads.hpp"

namespace limn::program {

EngineMaps::EngineMaps(const Model& model, const Tensor& input, const VerifyOptions& options) {
  const auto plan =
      make_plan(model.graph(), model.weights(), input.height(), input.width(),
                std::make_shared<const ThreadPool>(thread_count(options.threads)), 1, wanted_target(options.target));
  target_ = to_string(plan->target());
  Plan::Workspace workspace = plan->make_workspace();
  workspace.input() = input.matrix();
  plan->run(workspace, [&](std::size_t step, const Eigen::Map<const Eigen::MatrixXf>& found) {
    const Plan::StepInfo& info = plan->steps()[step];
    Tensor map(info.output);
    map.matrix() = found;
    maps_.emplace_back(info.last, std::move(map));
  });
}

}  // namespace limn::program
