// Drawing on pictures in place. Coordinates are pixels, x to the right, y down, integer coordinates at pixel centres,
// and may be fractions. Edges are anti-aliased: a pixel takes about as much colour as the shape covers of it. What lies
// outside the canvas is cut off; a shape with a coordinate that is not finite, or farther than 1e9 from the origin, is
// not drawn. `alpha` is the opacity, from 0 (invisible) to 1. Every function takes an Image or a Canvas in any pixel
// format (grey canvases get the colour's luma; the alpha byte of RGBA and BGRA moves towards opaque as far as the
// colour does) and throws Error if the canvas is not a picture (see check()).
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
#include <limn/image/resample.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// A colour, 0 to 255 each.
struct Color {
  std::uint8_t r = 0;  ///< red
  std::uint8_t g = 0;  ///< green
  std::uint8_t b = 0;  ///< blue

  friend bool operator==(const Color& x, const Color& y) { return x.r == y.r && x.g == y.g && x.b == y.b; }
  friend bool operator!=(const Color& x, const Color& y) { return !(x == y); }
};

/// The "jet" colour map: 0 is dark blue, then blue, cyan, yellow, red, and 1 dark red. Values beyond are clamped, NaN
/// counts as 0. Formula: MATLAB's jet, each channel a trapezium min(max(1.5 - |4 value - centre|, 0), 1) with the
/// centres 3 (red), 2 (green), 1 (blue).
inline Color jet(float value) {
  const float v = value > 0 ? (std::min)(value, 1.0f) : 0.0f;
  const auto channel = [v](float centre) {
    return detail::to_byte(255 * (std::min)((std::max)(1.5f - std::abs(4 * v - centre), 0.0f), 1.0f));
  };
  return {channel(3), channel(2), channel(1)};
}

/// Brightness of a colour, ITU-R BT.601: 0.299 r + 0.587 g + 0.114 b, rounded.
inline std::uint8_t luma(Color color) {
  return static_cast<std::uint8_t>((299 * color.r + 587 * color.g + 114 * color.b + 500) / 1000);
}

namespace detail {

/// Moves `byte` towards `target` by `share` (0 to 1).
inline void mix(std::uint8_t& byte, std::uint8_t target, float share) {
  const auto from = static_cast<float>(byte);
  byte = to_byte(from + share * (static_cast<float>(target) - from));
}

template <class Layout>
void mix_pixel(std::uint8_t* pixel, Color color, float share) {
  if constexpr (Layout::bytes == 1) {
    mix(pixel[0], luma(color), share);
  } else {
    mix(pixel[Layout::red], color.r, share);
    mix(pixel[Layout::green], color.g, share);
    mix(pixel[Layout::blue], color.b, share);
    if constexpr (Layout::bytes == 4) mix(pixel[3], 255, share);
  }
}

/// Opacity as a number in [0, 1]; NaN gives 0.
inline float clamp_alpha(double alpha) { return alpha > 0 ? static_cast<float>((std::min)(alpha, 1.0)) : 0.0f; }

/// Whether positions computed from `value` keep enough digits to be drawn.
inline bool drawable(double value) { return std::abs(value) <= 1e9; }

/// A half-open rectangle of pixels.
struct PixelRange {
  Index x_begin, x_end, y_begin, y_end;
};

/// First pixel and end of the pixels within `reach` of [low, high], among [0, size).
inline std::pair<Index, Index> pixels_near(double low, double high, double reach, Index size) {
  return {clamp_to_index(std::floor(low - reach), 0, size), clamp_to_index(std::ceil(high + reach) + 1, 0, size)};
}

/// Mixes `color` into the pixels of `range`, which lies in the canvas, by alpha * coverage(x, y).
template <class Coverage>
void paint(const Canvas& canvas, const PixelRange& range, Color color, float alpha, Coverage&& coverage) {
  with_layout(canvas.format, [&](auto layout) {
    using Layout = decltype(layout);
    for (Index y = range.y_begin; y < range.y_end; ++y) {
      std::uint8_t* row = canvas.data + y * canvas.row_stride;
      for (Index x = range.x_begin; x < range.x_end; ++x) {
        const double share = coverage(static_cast<double>(x), static_cast<double>(y));
        if (share > 0) mix_pixel<Layout>(row + x * Layout::bytes, color, alpha * static_cast<float>(share));
      }
    }
  });
}

/// How much of a pixel is covered by a stroke of half width `half` whose centre line passes at `distance` from the
/// pixel's centre: the overlap of [-half, half] with [distance - 1/2, distance + 1/2]. Exact for strokes along an axis,
/// and it keeps the total right where a stroke is thinner than a pixel.
inline double stroke_coverage(double distance, double half) {
  const double overlap = (std::min)(half, distance + 0.5) - (std::max)(-half, distance - 0.5);
  return (std::max)(overlap, 0.0);
}

}  // namespace detail

/// A straight line from (x0, y0) to (x1, y1), `thickness` pixels wide, with round caps; both ends the same makes a dot.
inline void draw_line(const Canvas& canvas, double x0, double y0, double x1, double y1, double thickness, Color color,
                      double alpha = 1) {
  check(canvas);
  const float opacity = detail::clamp_alpha(alpha);
  const double half = thickness / 2;
  if (!(detail::drawable(x0) && detail::drawable(y0) && detail::drawable(x1) && detail::drawable(y1))) return;
  if (!(half > 0 && detail::drawable(half)) || opacity == 0) return;

  const double dx = x1 - x0;
  const double dy = y1 - y0;
  const double length2 = dx * dx + dy * dy;
  const double reach = half + 0.5;
  const auto coverage = [&](double x, double y) {
    // The nearest point of the line is the projection, pulled back to the ends.
    const double along = length2 > 0 ? ((x - x0) * dx + (y - y0) * dy) / length2 : 0;
    const double t = (std::min)((std::max)(along, 0.0), 1.0);
    const double to_x = x - x0 - t * dx;
    const double to_y = y - y0 - t * dy;
    return detail::stroke_coverage(std::sqrt(to_x * to_x + to_y * to_y), half);
  };
  const auto [y_begin, y_end] = detail::pixels_near((std::min)(y0, y1), (std::max)(y0, y1), reach, canvas.height);
  for (Index y = y_begin; y < y_end; ++y) {
    // Only the part of the line that passes within reach above or below can touch this row.
    double t0 = 0;
    double t1 = 1;
    if (dy != 0) {
      t0 = (static_cast<double>(y) - reach - y0) / dy;
      t1 = (static_cast<double>(y) + reach - y0) / dy;
      if (t0 > t1) std::swap(t0, t1);
      t0 = (std::min)((std::max)(t0, 0.0), 1.0);
      t1 = (std::min)((std::max)(t1, 0.0), 1.0);
    }
    const double from = x0 + t0 * dx;
    const double to = x0 + t1 * dx;
    const auto [x_begin, x_end] = detail::pixels_near((std::min)(from, to), (std::max)(from, to), reach, canvas.width);
    detail::paint(canvas, {x_begin, x_end, y, y + 1}, color, opacity, coverage);
  }
}

/// A filled disc around (x, y) with `radius` pixels.
inline void fill_circle(const Canvas& canvas, double x, double y, double radius, Color color, double alpha = 1) {
  draw_line(canvas, x, y, x, y, 2 * radius, color, alpha);
}

/// The outline, `thickness` pixels wide and rounded at the corners, of the rectangle with corners (x, y) and
/// (x + width, y + height).
inline void draw_box(const Canvas& canvas, double x, double y, double width, double height, double thickness,
                     Color color, double alpha = 1) {
  check(canvas);
  const float opacity = detail::clamp_alpha(alpha);
  const double half = thickness / 2;
  if (!(detail::drawable(x) && detail::drawable(y) && width >= 0 && height >= 0)) return;
  if (!(detail::drawable(width) && detail::drawable(height))) return;
  if (!(half > 0 && detail::drawable(half)) || opacity == 0) return;

  const double reach = half + 0.5;
  const auto coverage = [&](double px, double py) {
    // Distance to the rectangle's outline: beyond it to the nearest side or corner, within it to the nearest side.
    const double beyond_x = std::abs(px - (x + width / 2)) - width / 2;
    const double beyond_y = std::abs(py - (y + height / 2)) - height / 2;
    const double ox = (std::max)(beyond_x, 0.0);
    const double oy = (std::max)(beyond_y, 0.0);
    const double distance = std::sqrt(ox * ox + oy * oy) - (std::min)((std::max)(beyond_x, beyond_y), 0.0);
    return detail::stroke_coverage(distance, half);
  };
  // Four bands that do not overlap, so that the inside of a large box costs nothing and no pixel is painted twice.
  const auto [left, left_end] = detail::pixels_near(x, x, reach, canvas.width);
  const auto [right_begin, right] = detail::pixels_near(x + width, x + width, reach, canvas.width);
  const auto [top, top_end] = detail::pixels_near(y, y, reach, canvas.height);
  const auto [bottom_begin, bottom] = detail::pixels_near(y + height, y + height, reach, canvas.height);
  const Index right_first = (std::max)(left_end, right_begin);
  const Index bottom_first = (std::max)(top_end, bottom_begin);
  detail::paint(canvas, {left, right, top, top_end}, color, opacity, coverage);
  detail::paint(canvas, {left, left_end, top_end, bottom_first}, color, opacity, coverage);
  detail::paint(canvas, {right_first, right, top_end, bottom_first}, color, opacity, coverage);
  detail::paint(canvas, {left, right, bottom_first, bottom}, color, opacity, coverage);
}

/// Mixes `overlay`, a picture of the same size in any pixel format, into the canvas by `alpha`.
/// Throws Error if the sizes differ.
inline void blend(const Canvas& canvas, const ImageView& overlay, double alpha) {
  check(canvas);
  check(overlay);
  if (canvas.width != overlay.width || canvas.height != overlay.height) {
    throw Error("blend of images: expected " + std::to_string(canvas.width) + "x" + std::to_string(canvas.height) +
                " pixels, found " + std::to_string(overlay.width) + "x" + std::to_string(overlay.height));
  }
  const float share = detail::clamp_alpha(alpha);
  detail::with_layout(canvas.format, [&](auto to) {
    detail::with_layout(overlay.format, [&](auto from) {
      using To = decltype(to);
      using From = decltype(from);
      for (Index y = 0; y < canvas.height; ++y) {
        std::uint8_t* target = canvas.data + y * canvas.row_stride;
        const std::uint8_t* source = overlay.data + y * overlay.row_stride;
        for (Index x = 0; x < canvas.width; ++x, target += To::bytes, source += From::bytes) {
          detail::mix_pixel<To>(target, {source[From::red], source[From::green], source[From::blue]}, share);
        }
      }
    });
  });
}

/// Mixes a map of heat, one value for each cell, as jet colours (0 blue, 1 red) into the canvas by `alpha`.
/// The value of cell (x, y) is `heat[y * row_stride + x * cell_stride]` (strides in floats); between the centres of
/// cells values are interpolated linearly. `heat_from_canvas` maps a pixel of the canvas to cell coordinates, integer
/// coordinates being cell centres. Pixels that fall outside of all cells are left as they are.
/// Throws Error if there is no heat map.
inline void blend_heat(const Canvas& canvas, const float* heat, Index heat_width, Index heat_height, Index row_stride,
                       Index cell_stride, const Affine& heat_from_canvas, double alpha) {
  check(canvas);
  if (heat == nullptr || heat_width <= 0 || heat_height <= 0) {
    throw Error("heat map of " + std::to_string(heat_width) + "x" + std::to_string(heat_height) +
                (heat == nullptr ? " cells without data" : " cells: both sides must be positive"));
  }
  const float share = detail::clamp_alpha(alpha);
  const auto right = static_cast<double>(heat_width - 1);
  const auto bottom = static_cast<double>(heat_height - 1);
  // The cell before `position` and how far from it to the next; beyond the outermost centres their values go on.
  const auto split = [](double position, Index last_cell) {
    const double inside = (std::min)((std::max)(position, 0.0), static_cast<double>(last_cell));
    const auto cell = static_cast<Index>(inside);
    return std::make_pair(cell, static_cast<float>(inside - static_cast<double>(cell)));
  };
  detail::with_layout(canvas.format, [&](auto layout) {
    using Layout = decltype(layout);
    for (Index y = 0; y < canvas.height; ++y) {
      std::uint8_t* row = canvas.data + y * canvas.row_stride;
      for (Index x = 0; x < canvas.width; ++x) {
        const auto [u, v] = apply(heat_from_canvas, static_cast<double>(x), static_cast<double>(y));
        if (!(u >= -0.5 && v >= -0.5 && u < right + 0.5 && v < bottom + 0.5)) continue;
        const auto [column, fx] = split(u, heat_width - 1);
        const auto [line, fy] = split(v, heat_height - 1);
        const float* upper = heat + line * row_stride + column * cell_stride;
        const float* lower = upper + (line + 1 < heat_height ? row_stride : 0);
        const Index next = column + 1 < heat_width ? cell_stride : 0;
        const float above = upper[0] + fx * (upper[next] - upper[0]);
        const float below = lower[0] + fx * (lower[next] - lower[0]);
        detail::mix_pixel<Layout>(row + x * Layout::bytes, jet(above + fy * (below - above)), share);
      }
    }
  });
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
