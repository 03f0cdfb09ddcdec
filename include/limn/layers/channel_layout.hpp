#pragma once

#include <variant>

#include <limn/core/version.hpp>
#include <limn/layers/layer.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// How the weights of an output channel lie among those of a convolution: PyTorch's order is out, in, taps for a plain
/// one and in, out, taps for a transposed one.
struct ChannelLayout {
  Index channels;  ///< that are put out
  Index inputs;
  Index taps;
  bool transposed;
  double places = 1;  ///< into which a transposed convolution's taps are shared out: each output pixel has its share

  /// Calls `visit` with the place of every weight of the channel and the input channel that it weighs.
  template <class Visit>
  void for_each(Index channel, const Visit& visit) const {
    for (Index from = 0; from < inputs; ++from) {
      const Index first = (transposed ? from * channels + channel : channel * inputs + from) * taps;
      for (Index tap = 0; tap < taps; ++tap) visit(first + tap, from);
    }
  }
};

/// The layout of the weights of a Conv2d or a ConvTranspose2d.
inline ChannelLayout channel_layout(const Layer& layer) {
  if (const auto* conv = std::get_if<Conv2d>(&layer)) {
    return {conv->out_channels, conv->in_channels, conv->kernel.area(), false};
  }
  const auto& conv = std::get<ConvTranspose2d>(layer);
  return {conv.out_channels, conv.in_channels, conv.kernel.area(), true, static_cast<double>(conv.stride.area())};
}

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
