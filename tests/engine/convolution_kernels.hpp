// Runs a convolution kernel of the engine beside the plain layer.
#pragma once

#include <memory>

#include <limn/core/aligned_buffer.hpp>
#include <limn/engine/kernel.hpp>

#include "engine/random_data.hpp"

/// Output of `kernel` for `input`, in memory that held other numbers before.
inline limn::Tensor run_kernel(const limn::detail::Kernel& kernel, const limn::Tensor& input,
                               const limn::Tensor* residual, const limn::Shape& output_shape, int threads = 1) {
  const limn::ThreadPool pool(threads);
  limn::detail::AlignedBuffer scratch(static_cast<limn::Index>(kernel.scratch_size(threads)));
  Eigen::Map<Eigen::VectorXf>(scratch.data(), scratch.size()).setConstant(1e30F);
  limn::Tensor output(output_shape);
  output.matrix().setConstant(-1e30F);
  kernel.run({input.data(), residual == nullptr ? nullptr : residual->data(), output.data(), scratch.data(), pool});
  return output;
}

/// Result of the plain layer with what the engine draws into it: bias, residual sum, ReLU.
template <class PlainLayer>
limn::Tensor finish_plain(PlainLayer&& plain, const limn::Tensor* residual, bool relu) {
  limn::Tensor output = plain();
  if (residual != nullptr) output.matrix() += residual->matrix();
  if (relu) output.matrix() = output.matrix().cwiseMax(0.0F);
  return output;
}
