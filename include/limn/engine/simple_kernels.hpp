#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>

#include <limn/core/version.hpp>
#include <limn/engine/bytewise_kernels.hpp>
#include <limn/engine/kernel.hpp>
#include <limn/layers/layer.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

using ConstMap = Eigen::Map<const Eigen::MatrixXf>;
using MutableMap = Eigen::Map<Eigen::MatrixXf>;

/// Maximum over windows, the plain layer's rows shared out among the threads.
class MaxPoolKernel : public Kernel {
 public:
  MaxPoolKernel(const MaxPool2d& layer, const Shape& input)
      : layer_(layer), input_(input), output_(layer.output_shape(input)) {}

  const char* name() const override { return "max pool"; }

  void run(const KernelArguments& arguments) const override {
    for (Index i = 0; i < arguments.images; ++i) run_image(arguments.image(i, input_.size(), output_.size()));
  }

 private:
  void run_image(const KernelArguments& arguments) const {
    const Split rows(output_.height, arguments.pool.threads());
    arguments.pool.parallel_for(rows.tasks, [&](Index task) {
      max_pool_rows(layer_, input_, arguments.input, output_, arguments.output, rows.first(task), rows.last(task));
    });
  }

  MaxPool2d layer_;
  Shape input_;
  Shape output_;
};

/// A layer that treats every value (or every channel of every pixel) by itself, where no convolution drew it in.
/// `function(pixels of input, pixels of other, pixels of output)` gets a range of columns of each.
template <class Function>
class PixelwiseKernel : public Kernel {
 public:
  PixelwiseKernel(const char* name, const Shape& shape, Function function)
      : name_(name), shape_(shape), function_(std::move(function)) {}

  const char* name() const override { return name_; }

  void run(const KernelArguments& arguments) const override {
    const Index count = arguments.images * shape_.pixels();
    const ConstMap in(arguments.input, shape_.channels, count);
    const ConstMap other(arguments.other == nullptr ? arguments.input : arguments.other, shape_.channels, count);
    MutableMap out(arguments.output, shape_.channels, count);
    const Split pixels(count, arguments.pool.threads());
    arguments.pool.parallel_for(pixels.tasks, [&](Index task) {
      const Index first = pixels.first(task);
      const Index part = pixels.last(task) - first;
      function_(in.middleCols(first, part), other.middleCols(first, part), out.middleCols(first, part));
    });
  }

 private:
  const char* name_;
  Shape shape_;
  Function function_;
};

/// Repeats pixels, of floats or of 8 bit.
class UpsampleKernel : public Kernel {
 public:
  UpsampleKernel(const UpsampleNearest& layer, const Shape& input, bool bytes)
      : factor_(layer.factor), input_(input), output_(layer.output_shape(input)), bytes_(bytes) {}

  const char* name() const override { return "upsample"; }

  void run(const KernelArguments& arguments) const override {
    for (Index i = 0; i < arguments.images; ++i) {
      run_image(arguments.image(i, map_floats(input_, bytes_), map_floats(output_, bytes_)));
    }
  }

 private:
  void run_image(const KernelArguments& arguments) const {
    const Index pixel = input_.channels * (bytes_ ? 1 : static_cast<Index>(sizeof(float)));
    const auto* const in = reinterpret_cast<const unsigned char*>(arguments.input);
    auto* const out = reinterpret_cast<unsigned char*>(arguments.output);
    const Split rows(output_.height, arguments.pool.threads());
    arguments.pool.parallel_for(rows.tasks, [&](Index task) {
      for (Index y = rows.first(task); y < rows.last(task); ++y) {
        for (Index x = 0; x < output_.width; ++x) {
          std::memcpy(out + (y * output_.width + x) * pixel, in + (y / factor_ * input_.width + x / factor_) * pixel,
                      static_cast<std::size_t>(pixel));
        }
      }
    });
  }

  Index factor_;
  Shape input_;
  Shape output_;
  bool bytes_;
};

template <class Function>
std::unique_ptr<Kernel> pixelwise(const char* name, const Shape& shape, Function function) {
  return std::make_unique<PixelwiseKernel<Function>>(name, shape, std::move(function));
}

/// The kernel for any layer but the convolutions. `parameters` as layer_parameters gives them. `relu`: whether a sum
/// has drawn in the ReLU behind it. `bytes`: whether pooling and upsampling are of an 8-bit map.
inline std::unique_ptr<Kernel> make_simple_kernel(const KernelTable& kernels, const Layer& layer, const Shape& input,
                                                  const std::vector<FloatVector>& parameters, bool relu, bool bytes) {
  if (const auto* pool = std::get_if<MaxPool2d>(&layer)) {
    if (bytes) return std::make_unique<BytePoolKernel>(kernels.bytes, *pool, input);
    return std::make_unique<MaxPoolKernel>(*pool, input);
  }
  if (const auto* upsample = std::get_if<UpsampleNearest>(&layer)) {
    return std::make_unique<UpsampleKernel>(*upsample, input, bytes);
  }
  if (std::holds_alternative<ReLU>(layer)) {
    return pixelwise("relu", input, [](auto in, auto, auto out) { out = in.cwiseMax(0.0F); });
  }
  if (std::holds_alternative<Add>(layer)) {
    if (relu) return pixelwise("add", input, [](auto in, auto other, auto out) { out = (in + other).cwiseMax(0.0F); });
    return pixelwise("add", input, [](auto in, auto other, auto out) { out = in + other; });
  }
  if (std::holds_alternative<Multiply>(layer)) {
    return pixelwise("multiply", input, [](auto in, auto other, auto out) { out = in.cwiseProduct(other); });
  }
  if (std::holds_alternative<Sigmoid>(layer)) {
    return pixelwise("sigmoid", input,
                     [&kernels](auto in, auto, auto out) { kernels.sigmoid(in.data(), out.data(), in.size()); });
  }
  if (std::holds_alternative<Tanh>(layer)) {
    return pixelwise("tanh", input,
                     [&kernels](auto in, auto, auto out) { kernels.tanh(in.data(), out.data(), in.size()); });
  }
  if (const auto* norm = std::get_if<BatchNorm2d>(&layer)) {
    const FloatArray scale = parameters[0].array() / (parameters[3].array() + norm->eps).sqrt();
    const FloatArray shift = parameters[1].array() - parameters[2].array() * scale;
    return pixelwise("batch norm", input, [scale, shift](auto in, auto, auto out) {
      out = ((in.array().colwise() * scale).colwise() + shift).matrix();
    });
  }
  throw Error(std::string("engine: no kernel for ") + type_name(layer));
}

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
