// The kernels of a plan for 8-bit maps, beside the convolutions.
#pragma once

#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include <limn/core/version.hpp>
#include <limn/engine/kernel.hpp>
#include <limn/layers/layer.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// A layer that treats every value by itself. `function(image's arguments, first value, number of values)`.
template <class Function>
class BytewiseKernel : public Kernel {
 public:
  /// `input_size` and `output_size`: floats that a map takes.
  BytewiseKernel(const char* name, Index count, Index input_size, Index output_size, Function function)
      : name_(name),
        count_(count),
        input_size_(input_size),
        output_size_(output_size),
        function_(std::move(function)) {}

  const char* name() const override { return name_; }

  void run(const KernelArguments& arguments) const override {
    for (Index i = 0; i < arguments.images; ++i) {
      const KernelArguments image = arguments.image(i, input_size_, output_size_);
      const Split values(count_, arguments.pool.threads());
      arguments.pool.parallel_for(values.tasks, [&](Index task) {
        function_(image, values.first(task), values.last(task) - values.first(task));
      });
    }
  }

 private:
  const char* name_;
  Index count_;
  Index input_size_;
  Index output_size_;
  Function function_;
};

inline const unsigned char* byte_map(const float* map) { return reinterpret_cast<const unsigned char*>(map); }
inline unsigned char* byte_map(float* map) { return reinterpret_cast<unsigned char*>(map); }

/// Maximum over windows of an 8-bit map, pixel by pixel.
class BytePoolKernel : public Kernel {
 public:
  BytePoolKernel(const ByteKernels& kernels, const MaxPool2d& layer, const Shape& input)
      : kernels_(kernels), layer_(layer), input_(input), output_(layer.output_shape(input)) {}

  const char* name() const override { return "8 bit max pool"; }

  void run(const KernelArguments& arguments) const override {
    for (Index i = 0; i < arguments.images; ++i) {
      run_image(arguments.image(i, byte_map_floats(input_.size()), byte_map_floats(output_.size())));
    }
  }

 private:
  void run_image(const KernelArguments& arguments) const {
    const Index channels = input_.channels;
    const Split rows(output_.height, arguments.pool.threads());
    arguments.pool.parallel_for(rows.tasks, [&](Index task) {
      for_each_window(layer_, input_, output_, rows.first(task), rows.last(task),
                      [&](Index to, Index from, bool first) {
                        unsigned char* target = byte_map(arguments.output) + to * channels;
                        const unsigned char* pixel = byte_map(arguments.input) + from * channels;
                        if (first) {
                          std::memcpy(target, pixel, static_cast<std::size_t>(channels));
                        } else {
                          kernels_.maximum(pixel, target, channels);
                        }
                      });
    });
  }

  const ByteKernels& kernels_;
  MaxPool2d layer_;
  Shape input_;
  Shape output_;
};

template <class Function>
std::unique_ptr<Kernel> bytewise(const char* name, Index count, Index input_size, Index output_size,
                                 Function function) {
  return std::make_unique<BytewiseKernel<Function>>(name, count, input_size, output_size, std::move(function));
}

/// The kernel for a layer that makes an 8-bit map of floats or of two others, or floats of one; nullptr for others.
inline std::unique_ptr<Kernel> make_bytewise_kernel(const ByteKernels& kernels, const Layer& layer,
                                                    const Shape& input) {
  const Index count = input.size();
  const Index bytes = byte_map_floats(count);
  if (const auto* quantize = std::get_if<Quantize>(&layer)) {
    const MapScale scale = quantize->output;
    return bytewise("to 8 bit", count, count, bytes, [&kernels, scale](const auto& image, Index first, Index part) {
      kernels.quantize(image.input + first, byte_map(image.output) + first, part, scale_ratio(1, scale.scale),
                       scale.zero_point);
    });
  }
  if (const auto* dequantize = std::get_if<Dequantize>(&layer)) {
    const MapScale scale = dequantize->input;
    return bytewise("to floats", count, bytes, count, [&kernels, scale](const auto& image, Index first, Index part) {
      kernels.dequantize(byte_map(image.input) + first, image.output + first, part, scale.scale, scale.zero_point);
    });
  }
  if (const auto* add = std::get_if<QuantizedAdd>(&layer)) {
    const ByteSum sum = {summand_factor(add->first, add->output),
                         add->first.zero_point,
                         summand_factor(add->second, add->output),
                         add->second.zero_point,
                         add->output.zero_point,
                         add->relu};
    return bytewise("8 bit add", count, bytes, bytes, [&kernels, sum](const auto& image, Index first, Index part) {
      kernels.add(byte_map(image.input) + first, byte_map(image.other) + first, byte_map(image.output) + first, part,
                  sum);
    });
  }
  return nullptr;
}

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
