#pragma once

#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include <limn/core/version.hpp>
#include <limn/layers/add.hpp>
#include <limn/layers/batch_norm2d.hpp>
#include <limn/layers/conv2d.hpp>
#include <limn/layers/conv_transpose2d.hpp>
#include <limn/layers/max_pool2d.hpp>
#include <limn/layers/multiply.hpp>
#include <limn/layers/quantize.hpp>
#include <limn/layers/quantized_add.hpp>
#include <limn/layers/quantized_convolution.hpp>
#include <limn/layers/relu.hpp>
#include <limn/layers/sigmoid.hpp>
#include <limn/layers/tanh.hpp>
#include <limn/layers/upsample_nearest.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Where a network's picture comes in: the first node of every graph.
struct Input {
  static constexpr const char* type = "Input";

  Index channels = 3;  ///< of the picture

  /// The input's. Throws Error if the channels differ.
  Shape output_shape(const Shape& input) const {
    detail::check_channels(type, channels, input.channels);
    return input;
  }
  std::vector<ParameterSpec> parameters() const { return {}; }
  std::int64_t multiply_adds(const Shape&) const { return 0; }
};

/// Any layer that a network can be made of. Each alternative has `type` (PyTorch's class name), `parameters()` (names
/// without the layer's own), `output_shape(...)` and `multiply_adds(...)`.
using Layer =
    std::variant<Input, Conv2d, BatchNorm2d, ReLU, MaxPool2d, ConvTranspose2d, Sigmoid, Tanh, UpsampleNearest, Add,
                 Multiply, Quantize, Dequantize, QuantizedConv2d, QuantizedConvTranspose2d, QuantizedAdd>;

namespace detail {

/// Whether a layer takes two feature maps; the others take one, and quantised convolutions a residual beside it.
template <class Alternative>
constexpr bool takes_two = std::is_same_v<Alternative, Add> || std::is_same_v<Alternative, Multiply> ||
                           std::is_same_v<Alternative, QuantizedAdd>;
template <class Alternative>
constexpr bool is_quantized_convolution =
    std::is_same_v<Alternative, QuantizedConv2d> || std::is_same_v<Alternative, QuantizedConvTranspose2d>;

/// Whether it is a convolution of floats, plain or transposed.
inline bool is_convolution(const Layer& layer) {
  return std::holds_alternative<Conv2d>(layer) || std::holds_alternative<ConvTranspose2d>(layer);
}

/// Whether all values that a layer puts out are values of its input: those of 8-bit maps have the input's scale.
inline bool hands_on_values(const Layer& layer) {
  return std::holds_alternative<MaxPool2d>(layer) || std::holds_alternative<UpsampleNearest>(layer);
}

}  // namespace detail

/// What a layer is called: its alternative's `type`.
inline const char* type_name(const Layer& layer) {
  return std::visit([](const auto& alternative) { return alternative.type; }, layer);
}

/// The tensors that a layer needs, in the order in which apply() takes them.
inline std::vector<ParameterSpec> parameters(const Layer& layer) {
  return std::visit([](const auto& alternative) { return alternative.parameters(); }, layer);
}

/// Number of feature maps a layer takes.
inline std::size_t input_count(const Layer& layer) {
  return std::visit(
      [](const auto& alternative) -> std::size_t {
        using Alternative = std::decay_t<decltype(alternative)>;
        if constexpr (detail::is_quantized_convolution<Alternative>) {
          return alternative.residual ? 2 : 1;
        } else {
          return detail::takes_two<Alternative> ? 2 : 1;
        }
      },
      layer);
}

/// Throws Error if the layer does not take inputs of these shapes.
inline Shape output_shape(const Layer& layer, const std::vector<Shape>& inputs) {
  if (inputs.size() != input_count(layer)) {
    throw Error(std::string(type_name(layer)) + ": expected " + std::to_string(input_count(layer)) + " inputs, found " +
                std::to_string(inputs.size()));
  }
  return std::visit(
      [&](const auto& alternative) {
        using Alternative = std::decay_t<decltype(alternative)>;
        if constexpr (detail::takes_two<Alternative>) {
          return alternative.output_shape(inputs[0], inputs[1]);
        } else if constexpr (detail::is_quantized_convolution<Alternative>) {
          const Shape output = alternative.output_shape(inputs[0]);
          return alternative.residual ? Add().output_shape(output, inputs[1]) : output;
        } else {
          return alternative.output_shape(inputs[0]);
        }
      },
      layer);
}

/// Multiply-adds of the layer's definition. Throws Error if 64 bits do not count them.
inline std::int64_t multiply_adds(const Layer& layer, const Shape& input) {
  return std::visit([&](const auto& alternative) { return alternative.multiply_adds(input); }, layer);
}

namespace detail {

template <class Convolution>
Tensor apply_quantized(const QuantizedConvolution<Convolution>& layer, const std::vector<const Tensor*>& inputs,
                       const std::vector<FloatVector>& parameters) {
  return quantized_convolution(*inputs[0], layer, parameters[0], parameters[1], parameters[2],
                               inputs.size() > 1 ? inputs[1] : nullptr);
}

}  // namespace detail

/// Applies a layer by its plain definition. `parameters` are in the order of parameters(layer).
inline Tensor apply(const Layer& layer, const std::vector<const Tensor*>& inputs,
                    const std::vector<FloatVector>& parameters) {
  struct Visitor {
    const Tensor& input;
    const std::vector<const Tensor*>& inputs;
    const std::vector<FloatVector>& parameters;

    Tensor operator()(const Input&) const { return input; }
    Tensor operator()(const Conv2d& l) const {
      return l.bias ? conv2d(input, l, parameters[0], parameters[1]) : conv2d(input, l, parameters[0]);
    }
    Tensor operator()(const BatchNorm2d& l) const {
      return batch_norm2d(input, l, parameters[0], parameters[1], parameters[2], parameters[3]);
    }
    Tensor operator()(const ReLU&) const { return relu(input); }
    Tensor operator()(const MaxPool2d& l) const { return max_pool2d(input, l); }
    Tensor operator()(const ConvTranspose2d& l) const {
      return l.bias ? conv_transpose2d(input, l, parameters[0], parameters[1])
                    : conv_transpose2d(input, l, parameters[0]);
    }
    Tensor operator()(const Sigmoid&) const { return sigmoid(input); }
    Tensor operator()(const Tanh&) const { return tanh(input); }
    Tensor operator()(const UpsampleNearest& l) const { return upsample_nearest(input, l); }
    Tensor operator()(const Add&) const { return add(input, *inputs[1]); }
    Tensor operator()(const Multiply&) const { return multiply(input, *inputs[1]); }
    Tensor operator()(const Quantize& l) const { return quantize(input, l); }
    Tensor operator()(const Dequantize& l) const { return dequantize(input, l); }
    Tensor operator()(const QuantizedConv2d& l) const { return detail::apply_quantized(l, inputs, parameters); }
    Tensor operator()(const QuantizedConvTranspose2d& l) const {
      return detail::apply_quantized(l, inputs, parameters);
    }
    Tensor operator()(const QuantizedAdd& l) const { return quantized_add(input, *inputs[1], l); }
  };
  return std::visit(Visitor{*inputs[0], inputs, parameters}, layer);
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
