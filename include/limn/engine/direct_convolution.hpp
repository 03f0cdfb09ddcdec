#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include <limn/core/aligned_buffer.hpp>
#include <limn/core/version.hpp>
#include <limn/engine/convolution_layout.hpp>
#include <limn/engine/kernel.hpp>
#include <limn/engine/simd/kernel_table.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// Convolution and transposed convolution of any size, straight from their definition (see ConvolutionLayout).
class DirectConvolution : public Kernel {
 public:
  template <class Layer>
  DirectConvolution(const Layer& layer, const ConvolutionTask& task)
      : kernels_(task.kernels), relu_(task.relu), bias_(task.bias), layout_(layer, task.input, task.kernels) {
    bias_.conservativeResizeLike(FloatVector::Zero(kernels_.padded_rows(layout_.output.channels)));
    for (const ConvolutionPhase& phase : layout_.phases) weights_.push_back(pack(phase, task.weight));
  }

  const char* name() const override { return "direct"; }
  std::int64_t scratch_size(int /*threads*/) const override { return layout_.border.any() ? layout_.border.size() : 0; }
  Index weight_bytes() const override {
    Index bytes = 0;
    for (const AlignedBuffer& weights : weights_) bytes += weights.size() * static_cast<Index>(sizeof(float));
    return bytes;
  }

  void run(const KernelArguments& arguments) const override {
    for (Index i = 0; i < arguments.images; ++i) {
      run_image(arguments.image(i, layout_.border.input.size(), layout_.output.size()));
    }
  }

 private:
  void run_image(const KernelArguments& arguments) const {
    const float* input = prepare(arguments);
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      const ConvolutionPhase& phase = layout_.phases[i];
      const bool by_panel = weights_[i].size() > layout_.border.input.size();
      layout_.for_each_call(
          phase, kernels_, by_panel, sizeof(float), arguments.pool,
          [&](const ConvolutionLayout::Call& call) { multiply(phase, weights_[i], arguments, input, call); });
    }
  }

  /// The padded map: the input itself if there is no border, else a copy in the scratch memory.
  const float* prepare(const KernelArguments& arguments) const {
    if (!layout_.border.any()) return arguments.input;
    float* const padded = arguments.scratch;
    layout_.border.write(
        arguments.pool, [&](Index to, Index count) { std::fill(padded + to, padded + to + count, 0.0F); },
        [&](Index from, Index to, Index count) {
          std::memcpy(padded + to, arguments.input + from, static_cast<std::size_t>(count) * sizeof(float));
        });
    return padded;
  }

  AlignedBuffer pack(const ConvolutionPhase& phase, const FloatVector& weight) const {
    const Index in = layout_.border.input.channels;
    const Index panel_rows = kernels_.panel_rows;
    const Index length = static_cast<Index>(phase.taps.size()) * in;
    AlignedBuffer weights(bias_.size() * length);
    Eigen::Map<Eigen::VectorXf>(weights.data(), weights.size()).setZero();
    for (std::size_t i = 0; i < phase.taps.size(); ++i) {
      const FloatMatrix matrix = layout_.tap(weight, phase.taps[i]);
      for (Index row = 0; row < layout_.output.channels; row += panel_rows) {
        const Index rows = (std::min)(panel_rows, layout_.output.channels - row);
        float* panel = weights.data() + row * length + static_cast<Index>(i) * in * panel_rows;
        Eigen::Map<Eigen::MatrixXf>(panel, panel_rows, in).topRows(rows) = matrix.middleRows(row, rows);
      }
    }
    return weights;
  }

  void multiply(const ConvolutionPhase& phase, const AlignedBuffer& packed, const KernelArguments& arguments,
                const float* input, const ConvolutionLayout::Call& call) const {
    const Index panel_rows = kernels_.panel_rows;
    const Index in = layout_.border.input.channels;
    const Index out = layout_.output.channels;
    const Index inputs = phase.kernel_height * phase.kernel_width * in;
    const float* weights = packed.data() + call.panel * panel_rows * inputs;
    const TileInput from{input + call.input, layout_.step.width * in, phase.kernel_width * in, phase.kernel_height,
                         layout_.border.row_values()};
    const TileOutput to{arguments.output + call.output,
                        layout_.out_step.width * out,
                        bias_.data() + call.panel * panel_rows,
                        arguments.other == nullptr ? nullptr : arguments.other + call.output,
                        layout_.out_step.width * out,
                        relu_,
                        (std::min)(panel_rows, out - call.panel * panel_rows)};
    kernels_.multiply(call.pixels, weights, from, to,
                      kernels_.share(weights + panel_rows * inputs, inputs, call.number, call.count));
  }

  const KernelTable& kernels_;
  bool relu_;
  FloatVector bias_;  ///< padded to whole panels
  ConvolutionLayout layout_;
  std::vector<AlignedBuffer> weights_;  ///< of each phase: panels x (kernel height, kernel width, in) x panel_rows
};

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
