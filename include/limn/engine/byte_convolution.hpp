#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/aligned_buffer.hpp>
#include <limn/core/version.hpp>
#include <limn/engine/byte_results.hpp>
#include <limn/engine/convolution_layout.hpp>
#include <limn/engine/kernel.hpp>
#include <limn/engine/simd/kernel_table.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// A quantised convolution, plain or transposed, straight from its definition (see ConvolutionLayout), to the bit.
///
/// The products are of groups of 4 bytes, in the format of the target (ByteFormat). A segment of a window is rounded up
/// to whole groups; what is read beyond it meets weights of zero. The zero point is not taken from the values but from
/// the bias: the border of the map is filled with it, so that every sum holds zero_point times the sum of the weights.
class ByteConvolution : public Kernel {
 public:
  /// Throws Error if a scale of the weights is not positive, or the weights would take more memory than the limit.
  template <class Convolution>
  ByteConvolution(const QuantizedConvolution<Convolution>& layer, const ByteConvolutionTask& task)
      : kernels_(task.kernels),
        layout_(layer.layer, task.input, task.kernels),
        input_(layer.input),
        results_(layer, task) {
    const Index rows = kernels_.padded_rows(layout_.output.channels);
    task.limit.check("engine: weights up to " + std::string(task.name),
                     {layer.layer.kernel.area(), layout_.border.input.channels + 3, rows, value_bytes(format())});
    for (const ConvolutionPhase& phase : layout_.phases) {
      IntegerVector bias = results_.bias;
      AlignedBuffer weights = pack(phase, task.weight, bias);
      phases_.push_back({std::move(weights), std::move(bias)});
    }
  }

  const char* name() const override { return "8 bit"; }

  /// The prepared map, and what the last group may read beyond it.
  std::int64_t scratch_size(int /*threads*/) const override {
    return in_place() ? 0 : checked_sum("padded input", prepared_bytes(), 2 * group_bytes - 1) / group_bytes;
  }

  Index weight_bytes() const override {
    Index bytes = 0;
    for (const Phase& phase : phases_) bytes += phase.weights.size() * group_bytes;
    return bytes;
  }

  void run(const KernelArguments& arguments) const override {
    const Index input = byte_map_floats(layout_.border.input.size());
    const Index output = results_.map_floats(layout_.output.size());
    for (Index i = 0; i < arguments.images; ++i) run_image(arguments.image(i, input, output));
  }

 private:
  static constexpr Index group_bytes = 4;

  struct Phase {
    AlignedBuffer weights;  ///< panel x segment x group x panel_rows groups
    IntegerVector bias;     ///< padded to whole panels
  };

  ByteFormat format() const { return kernels_.bytes.format; }
  Index groups(const ConvolutionPhase& phase) const {
    return ceil_div(phase.kernel_width * layout_.border.input.channels, group_values(format()));
  }

  /// Whether the map is read as it is: in the right format, without a border, and with whole groups.
  bool in_place() const {
    const bool whole = layout_.border.input.channels % group_bytes == 0;
    return format() == ByteFormat::unsigned_bytes && !layout_.border.any() && whole;
  }
  std::int64_t prepared_bytes() const {
    return checked_product<std::int64_t>("padded input", {layout_.border.size(), value_bytes(format())});
  }

  /// Packs the weights of a phase and takes from the bias what the zero point adds to every sum.
  AlignedBuffer pack(const ConvolutionPhase& phase, const FloatVector& weight, IntegerVector& bias) const {
    const Index in = layout_.border.input.channels;
    const Index out = layout_.output.channels;
    const Index panel_rows = kernels_.panel_rows;
    const Index inputs = phase.kernel_height * groups(phase);
    const Index bytes = value_bytes(format());
    const std::int32_t zero = input_.zero_point - (format() == ByteFormat::signed_bytes ? 128 : 0);
    AlignedBuffer packed(bias.size() * inputs);
    auto* const target = reinterpret_cast<unsigned char*>(packed.data());
    std::memset(target, 0, static_cast<std::size_t>(packed.size() * group_bytes));
    for (std::size_t i = 0; i < phase.taps.size(); ++i) {
      const FloatMatrix tap = layout_.tap(weight, phase.taps[i]);
      const Index ky = static_cast<Index>(i) / phase.kernel_width;
      const Index first = static_cast<Index>(i) % phase.kernel_width * in;
      for (Index o = 0; o < out; ++o) {
        const Index panel = o / panel_rows * panel_rows * inputs;
        std::int32_t sum = 0;
        for (Index c = 0; c < in; ++c) {
          const auto value = static_cast<std::int16_t>(tap(o, c));
          sum += value;
          const Index place = (first + c) * bytes;  // in the segment
          const Index group = ky * groups(phase) + place / group_bytes;
          unsigned char* to =
              target + (panel + group * panel_rows + o % panel_rows) * group_bytes + place % group_bytes;
          std::memcpy(to, &value, static_cast<std::size_t>(bytes));  // little-endian: the low byte is the value
        }
        bias[o] -= zero * sum;
      }
    }
    return packed;
  }

  void run_image(const KernelArguments& arguments) const {
    const unsigned char* input = prepare(arguments);
    for (std::size_t i = 0; i < phases_.size(); ++i) {
      const ConvolutionPhase& phase = layout_.phases[i];
      const bool by_panel = phases_[i].weights.size() * group_bytes > layout_.border.input.size();
      layout_.for_each_call(
          phase, kernels_, by_panel, value_bytes(format()), arguments.pool,
          [&](const ConvolutionLayout::Call& call) { multiply(phase, phases_[i], arguments, input, call); });
    }
  }

  /// The map with its border, in the target's format: the input itself, or a copy in the scratch memory.
  const unsigned char* prepare(const KernelArguments& arguments) const {
    const auto* const data = reinterpret_cast<const unsigned char*>(arguments.input);
    if (in_place()) return data;
    const Index bytes = value_bytes(format());
    auto* const prepared = reinterpret_cast<unsigned char*>(arguments.scratch);
    layout_.border.write(
        arguments.pool, [&](Index to, Index count) { fill(prepared + to * bytes, count); },
        [&](Index from, Index to, Index count) { kernels_.bytes.prepare(data + from, prepared + to * bytes, count); });
    const std::int64_t size = prepared_bytes();
    std::memset(prepared + size, 0, static_cast<std::size_t>(scratch_size(1) * group_bytes - size));
    return prepared;
  }

  /// `count` values that stand for 0.
  void fill(unsigned char* to, Index count) const {
    if (format() == ByteFormat::words) {
      const auto value = static_cast<std::int16_t>(input_.zero_point);
      for (Index i = 0; i < count; ++i) std::memcpy(to + 2 * i, &value, sizeof(value));
    } else {
      const int offset = format() == ByteFormat::signed_bytes ? 128 : 0;
      std::memset(to, input_.zero_point - offset, static_cast<std::size_t>(count));
    }
  }

  void multiply(const ConvolutionPhase& phase, const Phase& packed, const KernelArguments& arguments,
                const unsigned char* input, const ConvolutionLayout::Call& call) const {
    const Index panel_rows = kernels_.panel_rows;
    const Index bytes = value_bytes(format());
    const Index inputs = phase.kernel_height * groups(phase);
    const auto* weights =
        reinterpret_cast<const std::int32_t*>(packed.weights.data()) + call.panel * panel_rows * inputs;
    const ByteTileInput from{input + call.input * bytes, layout_.step.width * layout_.border.input.channels * bytes,
                             groups(phase), phase.kernel_height, layout_.border.row_values() * bytes};
    ByteTileOutput to = results_.destination(arguments, call.output, layout_.out_step.width, call.panel);
    to.bias = packed.bias.data() + call.panel * panel_rows;
    kernels_.bytes.multiply(call.pixels, weights, from, to,
                            kernels_.share(weights + panel_rows * inputs, inputs, call.number, call.count));
  }

  const KernelTable& kernels_;
  ConvolutionLayout layout_;
  MapScale input_;
  ByteResults results_;
  std::vector<Phase> phases_;
};

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
