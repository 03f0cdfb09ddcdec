// Running networks on many inputs: to see what values their maps take.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/thread_pool.hpp>
#include <limn/core/version.hpp>
#include <limn/engine/plan.hpp>
#include <limn/quantization/ranges.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// What a network is run on, again and again: inputs of one size.
struct CalibrationInputs {
  Index count = 0;   ///< inputs
  Index height = 0;  ///< rows of each
  Index width = 0;   ///< columns of each

  /// Puts input i, channels x (height * width), into the matrix. Several threads call it at once. What it throws ends
  /// the work and comes out of it.
  std::function<void(Index i, Eigen::Ref<FloatMatrix>)> fill;
};

namespace detail {

/// Calls `work(i, worker)` for every i in [0, count) by the pool's threads; `worker`, from 0 to their number - 1, is
/// another one for each. After the first exception no other i is begun; then it is thrown again.
template <class Work>
void share_out(const ThreadPool& pool, Index count, const Work& work) {
  std::atomic<Index> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  pool.parallel_for((std::min)(count, Index{pool.threads()}), [&](Index worker) {
    try {
      for (Index i = next.fetch_add(1); i < count; i = next.fetch_add(1)) work(i, static_cast<std::size_t>(worker));
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex);
      if (!failure) failure = std::current_exception();
      next = count;
    }
  });
  if (failure) std::rethrow_exception(failure);
}

/// One for each thread of the pool.
inline std::vector<Plan::Workspace> make_workspaces(const Plan& plan, const ThreadPool& pool) {
  std::vector<Plan::Workspace> workspaces;
  for (int i = 0; i < pool.threads(); ++i) workspaces.push_back(plan.make_workspace());
  return workspaces;
}

/// Sees or counts the maps of one run of the plan.
template <class Take>
void take_maps(const Plan& plan, Plan::Workspace& workspace, std::vector<MapRange>& ranges, const Take& take) {
  const auto named = [&](const std::string& name, MapRange& range, const Eigen::Ref<const FloatMatrix>& map) {
    try {
      take(range, map);
    } catch (const Error& error) {
      throw Error("calibration: map " + name + ": " + error.what());
    }
  };
  named("input", ranges[0], workspace.input());
  plan.run(workspace, [&](std::size_t step, const Eigen::Map<const Eigen::MatrixXf>& values) {
    named(plan.steps()[step].last, ranges[step + 1], values);
  });
}

}  // namespace detail

/// The values of the input and of every map that `plan` puts out (of layers that were fused, the last one's) over all
/// inputs, by the names of nodes. The plan's own pool is used within an input, `pool` for several at once: what comes
/// out is the same for any number of threads where the plan's has one. Throws Error, naming the map, if a value is not
/// finite, and whatever `inputs.fill` throws.
inline std::map<std::string, MapRange> calibrate(const Plan& plan, const CalibrationInputs& inputs,
                                                 const ThreadPool& pool) {
  const auto workers = static_cast<std::size_t>(pool.threads());
  const std::size_t maps = plan.steps().size() + 1;
  std::vector<Plan::Workspace> workspaces = detail::make_workspaces(plan, pool);
  std::vector<std::vector<MapRange>> ranges(workers, std::vector<MapRange>(maps));

  const auto pass = [&](const auto& take) {
    detail::share_out(pool, inputs.count, [&](Index i, std::size_t worker) {
      inputs.fill(i, workspaces[worker].input());
      detail::take_maps(plan, workspaces[worker], ranges[worker], take);
    });
  };
  pass([](MapRange& range, const Eigen::Ref<const FloatMatrix>& map) { range.see(map); });
  for (std::size_t map = 0; map < maps; ++map) {
    for (std::size_t i = 1; i < workers; ++i) ranges[0][map].see(ranges[i][map]);
    for (std::size_t i = 1; i < workers; ++i) ranges[i][map].see(ranges[0][map]);
  }
  pass([](MapRange& range, const Eigen::Ref<const FloatMatrix>& map) { range.count(map); });
  std::map<std::string, MapRange> named;
  for (std::size_t map = 0; map < maps; ++map) {
    for (std::size_t i = 1; i < workers; ++i) ranges[0][map].count(ranges[i][map]);
    named.emplace(map == 0 ? "input" : plan.steps()[map - 1].last, std::move(ranges[0][map]));
  }
  return named;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
