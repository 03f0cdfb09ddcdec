#pragma once

#include <algorithm>
#include <limits>
#include <string>

#include <limn/core/sizes.hpp>
#include <limn/core/tensor.hpp>
#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// A pair of extents, rows first, as PyTorch writes kernel sizes, strides and paddings. One number means both.
struct Extent {
  Index height = 1;  ///< rows
  Index width = 1;   ///< columns

  /// 1 x 1.
  Extent() = default;
  /// The same number of rows and columns.
  Extent(Index both) : height(both), width(both) {}  // NOLINT(google-explicit-constructor): as in PyTorch
  /// Rows first.
  Extent(Index h, Index w) : height(h), width(w) {}
  /// height * width.
  Index area() const { return height * width; }
  friend bool operator==(Extent a, Extent b) { return a.height == b.height && a.width == b.width; }
  friend bool operator!=(Extent a, Extent b) { return !(a == b); }
};

namespace detail {

/// Quotient rounded towards plus infinity; `divisor` > 0.
inline Index ceil_div(Index value, Index divisor) {
  return value >= 0 ? (value + divisor - 1) / divisor : -((-value) / divisor);
}

/// Output extent of a sliding window, floor((size + 2 padding - kernel) / stride) + 1 (torch.nn.Conv2d and MaxPool2d
/// with dilation 1). Throws Error if not even one window fits.
inline Index window_count(const char* layer, Index size, Index kernel, Index stride, Index padding) {
  if (size <= 0 || size + 2 * padding < kernel) {
    throw Error(std::string(layer) + ": input extent " + std::to_string(size) + " with padding " +
                std::to_string(padding) + " is smaller than the kernel extent " + std::to_string(kernel));
  }
  return (size + 2 * padding - kernel) / stride + 1;
}

/// Half-open range [first, last) of output positions whose window element `tap` falls inside an input of `size`.
struct TapRange {
  Index first;
  Index last;
};
inline TapRange tap_range(Index outputs, Index size, Index stride, Index padding, Index tap) {
  const Index first = (std::max)(Index{0}, ceil_div(padding - tap, stride));
  const Index last = (std::min)(outputs, ceil_div(size + padding - tap, stride));
  return {first, (std::max)(first, last)};
}

/// The largest kernel, stride, padding and factor: more than any network has, and the product of two fits any Index.
constexpr Index most_extent = 32767;

/// Throws Error unless `value`, one of a layer's constants, is from `least` to `most`.
inline void check_constant(const char* layer, const char* constant, Index least, Index value,
                           Index most = most_extent) {
  if (value >= least && value <= most) return;
  throw Error(std::string(layer) + ": " + constant + ": expected " + std::to_string(least) + " to " +
              std::to_string(most) + ", found " + std::to_string(value));
}
inline void check_constant(const char* layer, const char* constant, Index least, Extent value) {
  check_constant(layer, constant, least, value.height);
  check_constant(layer, constant, least, value.width);
}

/// Throws Error unless there is a channel at least.
inline void check_channel_count(const char* layer, const char* which, Index count) {
  check_constant(layer, which, 1, count, (std::numeric_limits<Index>::max)());
}

/// Throws Error unless kernel and stride are positive and the padding is not negative.
inline void check_window(const char* layer, Extent kernel, Extent stride, Extent padding) {
  check_constant(layer, "kernel", 1, kernel);
  check_constant(layer, "stride", 1, stride);
  check_constant(layer, "padding", 0, padding);
}

/// Throws Error unless a layer got as many channels as it was made for.
inline void check_channels(const char* layer, Index expected, Index found) {
  if (expected != found) {
    throw Error(std::string(layer) + ": expected " + std::to_string(expected) + " input channels, found " +
                std::to_string(found));
  }
}

/// Throws Error unless a parameter of a layer has the number of values the layer needs.
inline void check_values(const char* layer, const char* parameter, Index expected, Index found) {
  if (expected != found) {
    throw Error(std::string(layer) + " " + parameter + ": expected " + std::to_string(expected) + " values, found " +
                std::to_string(found));
  }
}

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
