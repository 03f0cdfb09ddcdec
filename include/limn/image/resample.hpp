#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/image/affine.hpp>
#include <limn/image/image.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// How the value between pixels is found.
///  - bilinear: blend of the four neighbours, neighbours outside the picture counting as black, rounded half up to 8
///    bits. What cv2.warpAffine(INTER_LINEAR, BORDER_CONSTANT) does, except that OpenCV quantises the position to 1/32
///    pixel; the two differ by one or two grey levels.
///  - nearest: the pixel at (floor(x), floor(y)), as jetson-inference's resize (jetson-utils, cudaResize.cu).
enum class Resample { bilinear, nearest };

namespace detail {

/// Bytes of one pixel and the places of its red, green and blue byte.
template <Index Bytes, Index Red, Index Green, Index Blue>
struct PixelLayout {
  static constexpr Index bytes = Bytes;
  static constexpr Index red = Red;
  static constexpr Index green = Green;
  static constexpr Index blue = Blue;
};

/// Calls `function` with the PixelLayout of `format`, so that inner loops are compiled once for each format.
template <class Function>
void with_layout(PixelFormat format, Function&& function) {
  switch (format) {
    case PixelFormat::rgb: return function(PixelLayout<3, 0, 1, 2>());
    case PixelFormat::bgr: return function(PixelLayout<3, 2, 1, 0>());
    case PixelFormat::rgba: return function(PixelLayout<4, 0, 1, 2>());
    case PixelFormat::bgra: return function(PixelLayout<4, 2, 1, 0>());
    case PixelFormat::gray: return function(PixelLayout<1, 0, 0, 0>());
  }
  throw Error("unknown pixel format " + std::to_string(static_cast<int>(format)));
}

/// Rounds a value in [0, 255] half up.
inline std::uint8_t to_byte(float value) { return static_cast<std::uint8_t>(value + 0.5f); }

/// `value` as an index in [low, high]; NaN gives low.
inline Index clamp_to_index(double value, Index low, Index high) {
  if (!(value > static_cast<double>(low))) return low;
  return value < static_cast<double>(high) ? static_cast<Index>(value) : high;
}

/// Narrows [first, last) to about those integers x for which low <= slope * x + offset < high. "About": rounding may
/// leave a margin of one on either side, so the caller has to test the ends.
inline void narrow(double slope, double offset, double low, double high, Index& first, Index& last) {
  if (slope == 0) {
    if (!(offset >= low && offset < high)) last = first;
    return;
  }
  double begin = (low - offset) / slope;
  double end = (high - offset) / slope;
  if (slope < 0) std::swap(begin, end);
  first = clamp_to_index(std::floor(begin), first, last);
  last = clamp_to_index(std::ceil(end) + 1, first, last);
}

/// The positions in the source of one row of the target, and what is found there. The *_inside() functions may be
/// called only where inside() holds; their std::min() is for compilers that round a position differently (fused
/// multiply-add) in two places.
template <class Layout>
struct RowSampler {
  ImageView source;         // a copy: its members then stay in registers while bytes are written elsewhere
  double step_x, step_y;    // movement in the source from one target pixel to the next
  double start_x, start_y;  // position of target pixel 0

  double x_at(Index i) const { return step_x * static_cast<double>(i) + start_x; }
  double y_at(Index i) const { return step_y * static_cast<double>(i) + start_y; }
  const std::uint8_t* pixel(Index x, Index y) const { return source.data + y * source.row_stride + x * Layout::bytes; }

  /// Whether pixels (floor(x), floor(y)) and, with `reach` 1, the right and lower neighbours lie in the source.
  bool inside(Index i, Index reach) const {
    const double x = x_at(i);
    const double y = y_at(i);
    return x >= 0 && y >= 0 && x < static_cast<double>(source.width - reach) &&
           y < static_cast<double>(source.height - reach);
  }

  /// The target pixels [first, last) of [0, width) that are inside(). Maybe a few less: no harm but speed.
  std::pair<Index, Index> inner_range(Index width, Index reach) const {
    Index first = 0;
    Index last = width;
    narrow(step_x, start_x, 0, static_cast<double>(source.width - reach), first, last);
    narrow(step_y, start_y, 0, static_cast<double>(source.height - reach), first, last);
    // Positions grow or shrink monotonically along a row, rounding included: good ends mean a good range.
    while (first < last && !inside(first, reach)) ++first;
    while (first < last && !inside(last - 1, reach)) --last;
    return {first, last};
  }

  template <class Emit>
  void nearest_inside(Index i, Emit&& emit) const {
    const std::uint8_t* p = pixel((std::min)(static_cast<Index>(x_at(i)), source.width - 1),
                                  (std::min)(static_cast<Index>(y_at(i)), source.height - 1));
    emit(i, p[Layout::red], p[Layout::green], p[Layout::blue]);
  }

  template <class Emit>
  void nearest_anywhere(Index i, Emit&& emit) const {
    if (inside(i, 0)) {
      nearest_inside(i, emit);
    } else {
      emit(i, std::uint8_t{0}, std::uint8_t{0}, std::uint8_t{0});
    }
  }

  template <class Emit>
  void bilinear_inside(Index i, Emit&& emit) const {
    const double x = x_at(i);
    const double y = y_at(i);
    const Index left = (std::min)(static_cast<Index>(x), source.width - 2);
    const Index top = (std::min)(static_cast<Index>(y), source.height - 2);
    const std::uint8_t* upper = pixel(left, top);
    blend(i, upper, upper + Layout::bytes, upper + source.row_stride, upper + source.row_stride + Layout::bytes,
          static_cast<float>(x - static_cast<double>(left)), static_cast<float>(y - static_cast<double>(top)), emit);
  }

  template <class Emit>
  void bilinear_anywhere(Index i, Emit&& emit) const {
    static constexpr std::uint8_t black[4] = {0, 0, 0, 0};
    const double x = x_at(i);
    const double y = y_at(i);
    // Also false for NaN, so that the conversions below are safe.
    if (!(x > -1 && y > -1 && x < static_cast<double>(source.width) && y < static_cast<double>(source.height))) {
      emit(i, std::uint8_t{0}, std::uint8_t{0}, std::uint8_t{0});
      return;
    }
    const auto left = static_cast<Index>(std::floor(x));
    const auto top = static_cast<Index>(std::floor(y));
    const auto at = [&](Index column, Index row) {
      return column >= 0 && row >= 0 && column < source.width && row < source.height ? pixel(column, row) : black;
    };
    blend(i, at(left, top), at(left + 1, top), at(left, top + 1), at(left + 1, top + 1),
          static_cast<float>(x - static_cast<double>(left)), static_cast<float>(y - static_cast<double>(top)), emit);
  }

  template <class Emit>
  static void blend(Index i, const std::uint8_t* upper_left, const std::uint8_t* upper_right,
                    const std::uint8_t* lower_left, const std::uint8_t* lower_right, float fx, float fy, Emit&& emit) {
    const auto channel = [&](Index k) {
      const auto ul = static_cast<float>(upper_left[k]);
      const auto ll = static_cast<float>(lower_left[k]);
      const float upper = ul + fx * (static_cast<float>(upper_right[k]) - ul);
      const float lower = ll + fx * (static_cast<float>(lower_right[k]) - ll);
      return to_byte(upper + fy * (lower - upper));
    };
    emit(i, channel(Layout::red), channel(Layout::green), channel(Layout::blue));
  }
};

}  // namespace detail

/// Fills a target of `width` x `height` pixels from `source`, which may have any pixel format and is read where it
/// lies. Target pixel (x, y) takes the value of `source` at position `source_from_target`(x, y) (Affine's
/// coordinates), black where that is outside. Calls `sink(x, y, red, green, blue)` (Index, Index, three std::uint8_t)
/// once for every target pixel, row by row from the left, so that the caller can store it as bytes, or normalised in a
/// tensor, without another picture in between. Allocates nothing. Throws Error if a side of the target is not positive
/// or `source` is not a picture (see check()). A map that is not finite gives black.
template <class Sink>
void warp(const ImageView& source, const Affine& source_from_target, Index width, Index height, Resample resample,
          Sink&& sink) {
  check(source);
  if (width <= 0 || height <= 0) {
    throw Error("warp to " + std::to_string(width) + "x" + std::to_string(height) +
                " pixels: both sides must be positive");
  }
  const Affine& m = source_from_target;
  const bool nearest = resample == Resample::nearest;
  // floor() of a position that should be an integer must not depend on how its sum was rounded.
  const double hair = nearest ? 1e-9 : 0;
  const Index reach = nearest ? 0 : 1;
  detail::with_layout(source.format, [&](auto layout) {
    for (Index y = 0; y < height; ++y) {
      const auto row = static_cast<double>(y);
      const detail::RowSampler<decltype(layout)> sampler{source, m.a, m.d, m.b * row + m.c + hair,
                                                         m.e * row + m.f + hair};
      const auto emit = [&](Index x, std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
        sink(x, y, red, green, blue);
      };
      const auto [first, last] = sampler.inner_range(width, reach);
      if (nearest) {
        for (Index x = 0; x < first; ++x) sampler.nearest_anywhere(x, emit);
        for (Index x = first; x < last; ++x) sampler.nearest_inside(x, emit);
        for (Index x = last; x < width; ++x) sampler.nearest_anywhere(x, emit);
      } else {
        for (Index x = 0; x < first; ++x) sampler.bilinear_anywhere(x, emit);
        for (Index x = first; x < last; ++x) sampler.bilinear_inside(x, emit);
        for (Index x = last; x < width; ++x) sampler.bilinear_anywhere(x, emit);
      }
    }
  });
}

/// The same as a new RGB picture.
inline Image warp(const ImageView& source, const Affine& source_from_target, Index width, Index height,
                  Resample resample) {
  Image target(width, height);
  std::uint8_t* out = target.data();
  warp(source, source_from_target, width, height, resample,
       [&out](Index, Index, std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
         *out++ = red;
         *out++ = green;
         *out++ = blue;
       });
  return target;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
