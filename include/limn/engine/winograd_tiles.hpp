#pragma once

#include <limn/core/version.hpp>
#include <limn/core/weights.hpp>
#include <limn/layers/conv2d.hpp>
#include <limn/layers/conv_transpose2d.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// One ordinary convolution of a layer that is done by Winograd's method.
struct WinogradPhase {
  Index first_y, first_x;          ///< input position of output (0, 0)'s window
  Index out_first_y, out_first_x;  ///< place of result (0, 0)
};

/// Whether a transposed convolution is four ordinary ones with 2x2 kernels and as many results as the input has pixels.
inline bool has_2x2_phases(const ConvTranspose2d& layer) {
  return layer.kernel == Extent(4) && layer.stride == Extent(2) && layer.padding == Extent(1) &&
         layer.output_padding == Extent(0);
}

/// Output pixels from result to result of a phase.
inline Index phase_step(const Conv2d& /*layer*/) { return 1; }
inline Index phase_step(const ConvTranspose2d& layer) { return layer.stride.height; }

/// Calls `add(phase, kernel)` for the one phase. `kernel(out, in, ky, kx)` is the weight that the phase's output
/// position 0 takes from input position first + (ky, kx), `weight` being in PyTorch's order.
template <class Add>
void for_each_phase(const Conv2d& layer, const FloatVector& weight, Add&& add) {
  add(WinogradPhase{-layer.padding.height, -layer.padding.width, 0, 0}, [&](Index out, Index in, Index ky, Index kx) {
    return weight[(out * layer.in_channels + in) * layer.kernel.area() + ky * layer.kernel.width + kx];
  });
}

/// The same for the four phases of a layer that has_2x2_phases(), one for each place of the output pixel modulo 2.
template <class Add>
void for_each_phase(const ConvTranspose2d& layer, const FloatVector& weight, Add&& add) {
  // Even outputs 2 m take kernel elements 3 and 1 from inputs m - 1 and m, odd ones 2 and 0 from m and m + 1.
  for (Index py = 0; py < 2; ++py) {
    for (Index px = 0; px < 2; ++px) {
      add(WinogradPhase{py - 1, px - 1, py, px}, [&](Index out, Index in, Index ky, Index kx) {
        return weight[(in * layer.out_channels + out) * 16 + (3 - py - 2 * ky) * 4 + 3 - px - 2 * kx];
      });
    }
  }
}

/// How Winograd's methods cut the results of each phase into tiles of M x M, which are computed from N x N of the
/// input. Tiles are numbered by image, row and column.
struct WinogradTiles {
  Shape input;
  Shape output;
  Index M, N;
  Index step;           ///< input pixels from result to result
  Index out_step;       ///< output pixels from result to result
  Index rows, columns;  ///< results of one phase
  Index tiles_y, tiles_x;

  template <class Method>
  WinogradTiles(const Method& method, const Shape& in, const Shape& out, Index phase_out_step)
      : input(in),
        output(out),
        M(method.M),
        N(method.N),
        step(method.step),
        out_step(phase_out_step),
        rows(out.height / out_step),
        columns(out.width / out_step),
        tiles_y(ceil_div(rows, M)),
        tiles_x(ceil_div(columns, M)) {}

  Index places() const { return N * N; }
  /// Of one image.
  Index count() const { return tiles_y * tiles_x; }

  /// Where a tile lies: its image, and its first result's place in the map of results.
  struct Place {
    Index image, y, x;
  };
  Place place_of(Index tile) const {
    const Index in_image = tile % count();
    return {tile / count(), in_image / tiles_x * M, in_image % tiles_x * M};
  }

  /// Where the N x N pixels of a tile begin in the maps at `maps`; outside of them there is `zeros`.
  template <class Value>
  void find_pixels(const WinogradPhase& phase, Index tile, const Value* maps, const Value* zeros,
                   const Value** pixels) const {
    const Place place = place_of(tile);
    const Index top = place.y * step + phase.first_y;
    const Index left = place.x * step + phase.first_x;
    const Value* image = maps + place.image * input.size();
    for (Index y = 0; y < N; ++y) {
      for (Index x = 0; x < N; ++x) {
        const bool inside = top + y >= 0 && top + y < input.height && left + x >= 0 && left + x < input.width;
        pixels[y * N + x] = inside ? image + ((top + y) * input.width + left + x) * input.channels : zeros;
      }
    }
  }

  /// Where the result at `place` begins in the maps of output values.
  Index result(const WinogradPhase& phase, const Place& place) const {
    const Index y = phase.out_first_y + place.y * out_step;
    const Index x = phase.out_first_x + place.x * out_step;
    return place.image * output.size() + (y * output.width + x) * output.channels;
  }
};

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
