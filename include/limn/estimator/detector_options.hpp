#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include <limn/core/eigen.hpp>
#include <limn/core/sizes.hpp>
#include <limn/core/version.hpp>
#include <limn/engine/simd/target.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

class ThreadPool;  // core/thread_pool.hpp

/// What a user may decide about a person detector beyond what its model file says.
struct DetectorOptions {
  /// Threads that share the work of one photo; 1 starts none.
  int threads = 1;
  /// A pool to share with an estimator, so that together they do not start more threads; overrides `threads`.
  std::shared_ptr<const ThreadPool> pool;
  /// Size of the network's input in pixels, positive multiples of 32; 0 means the model file's. A larger one finds
  /// smaller people in more time.
  Index input_width = 0;
  Index input_height = 0;  ///< likewise
  /// Least score of a detection, 0 to 1; absent means the model file's. A lower one finds more people, and more that
  /// are none.
  std::optional<float> threshold;
  /// The instruction set that the network runs on, one of targets(); absent means the best.
  std::optional<Target> target;
  /// The most bytes that the model's weights and one workspace may take together (see Plan): a model file, or a large
  /// input, that needs more is an Error that says how much.
  std::int64_t max_memory = default_max_memory;
};

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
