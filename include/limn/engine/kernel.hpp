#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include <limn/core/eigen.hpp>
#include <limn/core/sizes.hpp>
#include <limn/core/tensor.hpp>
#include <limn/core/thread_pool.hpp>
#include <limn/core/version.hpp>
#include <limn/engine/simd/kernel_table.hpp>
#include <limn/layers/window.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// A convolution as a plan wants it done: what its kernel is made for and of. Refers to what its maker holds.
struct ConvolutionTask {
  const KernelTable& kernels;  ///< of the target; lives as long as the kernel
  const Shape& input;
  const FloatVector& weight;  ///< with the batch norm folded in, PyTorch's order
  const FloatVector& bias;    ///< one value for each output channel
  bool relu = false;          ///< whether results below 0 become 0, after the residual has been added
  Index batch = 1;            ///< the most images in one run
  std::string_view name = "convolution";
  MemoryLimit limit = {};  ///< for the weights in the kernel's own layout
};

/// Floats of memory that an 8-bit map of so many values takes.
inline Index byte_map_floats(Index values) { return ceil_div(values, static_cast<Index>(sizeof(float))); }

/// Floats of memory that a map takes.
inline Index map_floats(const Shape& shape, bool bytes) { return bytes ? byte_map_floats(shape.size()) : shape.size(); }

/// What a kernel works on. Feature maps lie in memory as Tensor lays them out, 8-bit ones as bytes.
struct KernelArguments {
  const float* input;
  const float* other;  ///< the residual, or the second operand of a sum; nullptr if there is none
  float* output;
  float* scratch;  ///< scratch_size(pool.threads()) floats at a cache line
  const ThreadPool& pool;
  Index images = 1;  ///< that many feature maps follow one another, at most the batch the kernel was made for

  /// The same for one of the images alone. Sizes in floats.
  KernelArguments image(Index i, Index input_size, Index output_size) const {
    return {input + i * input_size,
            other == nullptr ? nullptr : other + i * output_size,
            output + i * output_size,
            scratch,
            pool,
            1};
  }
};

/// A step of a plan, made ready for one input shape: it allocates nothing and keeps no state when it runs.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual void run(const KernelArguments& arguments) const = 0;
  virtual std::int64_t scratch_size(int /*threads*/) const { return 0; }
  /// The method, for tables: "direct", "winograd 4x4,3x3", ...
  virtual const char* name() const = 0;
  /// Bytes of weights this kernel keeps in its own layout.
  virtual Index weight_bytes() const { return 0; }
};

/// Splits [0, count) into tasks of about equal size, some for each thread so that an unlucky thread holds up little.
struct Split {
  Index count;
  Index tasks;
  Split(Index n, int threads) : count(n), tasks((std::min)(n, threads == 1 ? Index{1} : Index{4} * threads)) {}
  Index first(Index task) const { return static_cast<Index>(std::int64_t{count} * task / tasks); }
  Index last(Index task) const { return first(task + 1); }
};

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
