#pragma once

#include <vector>

#include <limn/core/version.hpp>
#include <limn/core/weights.hpp>
#include <limn/layers/window.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Maximum over a sliding window, torch.nn.MaxPool2d with dilation 1 and floor rounding
/// (https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html). Padding is ignored, not zero: a window at the
/// border takes the maximum of the pixels that exist. Input C x H x W; output C x H' x W' with
/// H' = floor((H + 2 padding - kernel) / stride) + 1. The padding is at most half the kernel, so no window is empty.
struct MaxPool2d {
  static constexpr const char* type = "MaxPool2d";

  Extent kernel = 2;   ///< pixels of the window
  Extent stride = 2;   ///< input pixels from one output pixel to the next
  Extent padding = 0;  ///< pixels on each side that the first and last windows reach beyond the input

  /// Throws Error if the padding is larger than half the kernel or the input smaller than a window.
  Shape output_shape(const Shape& input) const {
    detail::check_window(type, kernel, stride, padding);
    if (2 * padding.height > kernel.height || 2 * padding.width > kernel.width) {
      throw Error("MaxPool2d: padding must be at most half the kernel");
    }
    return {input.channels, detail::window_count(type, input.height, kernel.height, stride.height, padding.height),
            detail::window_count(type, input.width, kernel.width, stride.width, padding.width)};
  }

  std::vector<ParameterSpec> parameters() const { return {}; }
  std::int64_t multiply_adds(const Shape&) const { return 0; }
};

namespace detail {

/// Calls `take(output pixel, input pixel, whether it is the window's first)` for every pixel that a window of rows
/// `first` to `last` - 1 of the output has in the input.
template <class Take>
void for_each_window(const MaxPool2d& layer, const Shape& input, const Shape& output, Index first, Index last,
                     Take&& take) {
  for (Index y = first; y < last; ++y) {
    const Index top = y * layer.stride.height - layer.padding.height;
    const Index first_row = (std::max)(Index{0}, top);
    const Index last_row = (std::min)(input.height, top + layer.kernel.height);
    for (Index x = 0; x < output.width; ++x) {
      const Index left = x * layer.stride.width - layer.padding.width;
      const Index first_column = (std::max)(Index{0}, left);
      const Index last_column = (std::min)(input.width, left + layer.kernel.width);
      for (Index row = first_row; row < last_row; ++row) {
        for (Index column = first_column; column < last_column; ++column) {
          take(y * output.width + x, row * input.width + column, row == first_row && column == first_column);
        }
      }
    }
  }
}

/// Rows `first` to `last` - 1 of the output, from values and to values that are stored as Tensor stores them.
inline void max_pool_rows(const MaxPool2d& layer, const Shape& input, const float* from, const Shape& output, float* to,
                          Index first, Index last) {
  const Eigen::Map<const Tensor::Matrix> in(from, input.channels, input.pixels());
  Eigen::Map<Tensor::Matrix> out(to, output.channels, output.pixels());
  for_each_window(layer, input, output, first, last, [&](Index target, Index pixel, bool begins) {
    if (begins) {
      out.col(target) = in.col(pixel);
    } else {
      out.col(target) = out.col(target).cwiseMax(in.col(pixel));
    }
  });
}

}  // namespace detail

/// Applies `layer` to `input`. Throws Error if no window fits.
inline Tensor max_pool2d(const Tensor& input, const MaxPool2d& layer) {
  Tensor output(layer.output_shape(input.shape()));
  detail::max_pool_rows(layer, input.shape(), input.data(), output.shape(), output.data(), 0, output.height());
  return output;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
