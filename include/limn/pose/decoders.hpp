#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <limn/core/version.hpp>
#include <limn/pose/box_decoder.hpp>
#include <limn/pose/heatmaps.hpp>
#include <limn/pose/part_affinity.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// How the place of a keypoint is read from its heatmap.
enum class DecoderType {
  argmax,          ///< the largest cell
  quarter_offset,  ///< a quarter cell from there towards the larger neighbour, in x and in y
  dark,            ///< Newton step on the logarithm of the blurred heatmap
  dark_udp,        ///< the same with another curvature, for models trained with unbiased data processing
  part_affinity,   ///< several people, told apart by part affinity maps (part_affinity.hpp)
  center,          ///< people's boxes, no keypoints (box_decoder.hpp)
};

/// A decoder with its constants, as a model file states them. Heatmap cell x stands for network input pixel
/// `stride * x + offset`.
struct DecoderOptions {
  DecoderType type = DecoderType::argmax;  ///< how places are read from heatmaps
  double offset = 0;  ///< input pixels; not the decoder's business but that of photo_from_heatmap (geometry.hpp)
  Index margin = 1;   ///< quarter_offset only: cells kept clear of the border, 1 = Microsoft, 0 = imgclsmob
  Index kernel =
      11;  ///< dark, dark_udp: width of the Gaussian in cells, odd; 11 for models trained with sigma 2, 17 with 3
  /// Of one person's heatmaps: the score from which a keypoint is worth drawing. Not the decoder's business but that of
  /// whoever draws; see DrawOptions::threshold.
  float draw_threshold = 0.2f;
  PartAffinityOptions part_affinity = {};  ///< part_affinity only
  CenterOptions center = {};               ///< center only
};

/// The score from which the decoder takes a heatmap's peak for more than nothing: that of the keypoints it is worth
/// drawing, of candidates for part affinity, of people's boxes.
inline float peak_threshold(const DecoderOptions& decoder) {
  if (decoder.type == DecoderType::part_affinity) return decoder.part_affinity.cmap_threshold;
  if (decoder.type == DecoderType::center) return decoder.center.threshold;
  return decoder.draw_threshold;
}

/// Memory that `decode` works in. One for each thread; once it has grown to the largest heatmaps, nothing is allocated.
struct DecoderWorkspace {
  std::vector<float> map;   ///< one heatmap, contiguous rows
  std::vector<float> rows;  ///< the same, blurred along its rows
  std::vector<float> taps;  ///< Gaussian of the blur
};

namespace detail {

/// The first largest value in row order. (0, 0) if it is not positive or if the map holds a NaN, whose score is then
/// NaN (Microsoft Simple Baselines, lib/core/inference.py, get_max_preds, on numpy's argmax).
inline Peak find_maximum(const HeatmapView& heatmaps, Index keypoint) {
  float best = -std::numeric_limits<float>::infinity();
  Peak peak;
  for (Index y = 0; y < heatmaps.height; ++y) {
    for (Index x = 0; x < heatmaps.width; ++x) {
      const float value = heatmaps(keypoint, y, x);
      if (value <= best) continue;
      if (std::isnan(value)) return {0, 0, value};
      best = value;
      peak = {static_cast<float>(x), static_cast<float>(y), value};
    }
  }
  return best > 0 ? peak : Peak{0, 0, best};
}

inline float sign(float value) { return static_cast<float>((value > 0) - (value < 0)); }

inline void shift_by_quarter(const HeatmapView& heatmaps, Index keypoint, Index margin, Peak& peak) {
  const auto x = static_cast<Index>(peak.x);
  const auto y = static_cast<Index>(peak.y);
  if (x <= margin || y <= margin || x >= heatmaps.width - 1 || y >= heatmaps.height - 1) return;
  peak.x += 0.25f * sign(heatmaps(keypoint, y, x + 1) - heatmaps(keypoint, y, x - 1));
  peak.y += 0.25f * sign(heatmaps(keypoint, y + 1, x) - heatmaps(keypoint, y - 1, x));
}

/// The taps of a Gaussian of `kernel` cells, their sum being 1. The width is OpenCV's for kernels larger than 7 when no
/// sigma is given (getGaussianKernel): 2.0 for 11 cells, 2.9 for 17.
inline void gaussian_taps(Index kernel, std::vector<float>& taps) {
  const double sigma = 0.3 * (static_cast<double>(kernel - 1) * 0.5 - 1) + 0.8;
  taps.resize(static_cast<std::size_t>(kernel));
  double sum = 0;
  const auto value = [&](Index i) {
    const double distance = static_cast<double>(i) - static_cast<double>(kernel - 1) * 0.5;
    return std::exp(-distance * distance / (2 * sigma * sigma));
  };
  for (Index i = 0; i < kernel; ++i) sum += value(i);
  for (Index i = 0; i < kernel; ++i) taps[static_cast<std::size_t>(i)] = static_cast<float>(value(i) / sum);
}

/// Copies one heatmap to workspace.map and blurs it there with workspace.taps; beyond the border the map is zero.
inline void blur(const HeatmapView& heatmaps, Index keypoint, DecoderWorkspace& workspace) {
  const Index height = heatmaps.height;
  const Index width = heatmaps.width;
  workspace.map.resize(static_cast<std::size_t>(height * width));
  workspace.rows.assign(workspace.map.size(), 0.0f);
  float* map = workspace.map.data();
  float* rows = workspace.rows.data();
  for (Index y = 0; y < height; ++y) {
    for (Index x = 0; x < width; ++x) map[y * width + x] = heatmaps(keypoint, y, x);
  }
  const auto kernel = static_cast<Index>(workspace.taps.size());
  for (Index i = 0; i < kernel; ++i) {
    const float tap = workspace.taps[static_cast<std::size_t>(i)];
    const Index shift = i - kernel / 2;
    const Index first = (std::max)(Index{0}, -shift);
    const Index end = (std::min)(width, width - shift);
    for (Index y = 0; y < height; ++y) {
      for (Index x = first; x < end; ++x) rows[y * width + x] += tap * map[y * width + x + shift];
    }
  }
  std::fill(workspace.map.begin(), workspace.map.end(), 0.0f);
  for (Index i = 0; i < kernel; ++i) {
    const float tap = workspace.taps[static_cast<std::size_t>(i)];
    const Index shift = i - kernel / 2;
    const Index first = (std::max)(Index{0}, -shift);
    const Index end = (std::min)(height, height - shift);
    for (Index y = first; y < end; ++y) {
      for (Index x = 0; x < width; ++x) map[y * width + x] += tap * rows[(y + shift) * width + x];
    }
  }
}

/// Moves a peak to where the gradient (gx, gy) vanishes if the second derivatives stay as they are.
inline void newton_step(double gx, double gy, double hxx, double hxy, double hyy, Peak& peak) {
  const double determinant = hxx * hyy - hxy * hxy;
  const double dx = (hyy * gx - hxy * gy) / determinant;
  const double dy = (hxx * gy - hxy * gx) / determinant;
  // Also covers a zero determinant, and heatmaps that hold infinities.
  if (!std::isfinite(dx) || !std::isfinite(dy)) return;
  peak.x -= static_cast<float>(dx);
  peak.y -= static_cast<float>(dy);
}

inline void shift_by_newton_step(const HeatmapView& heatmaps, Index keypoint, DecoderWorkspace& workspace, Peak& peak) {
  const auto x = static_cast<Index>(peak.x);
  const auto y = static_cast<Index>(peak.y);
  if (x <= 1 || y <= 1 || x >= heatmaps.width - 2 || y >= heatmaps.height - 2) return;

  blur(heatmaps, keypoint, workspace);
  const float blurred_maximum = *std::max_element(workspace.map.begin(), workspace.map.end());
  const double rescale = static_cast<double>(peak.score) / static_cast<double>(blurred_maximum);
  const auto h = [&](Index dx, Index dy) {
    const float value = workspace.map[static_cast<std::size_t>((y + dy) * heatmaps.width + x + dx)];
    return std::log((std::max)(static_cast<double>(value) * rescale, 1e-10));
  };
  const double gx = 0.5 * (h(1, 0) - h(-1, 0));
  const double gy = 0.5 * (h(0, 1) - h(0, -1));
  const double hxx = 0.25 * (h(2, 0) - 2 * h(0, 0) + h(-2, 0));
  const double hyy = 0.25 * (h(0, 2) - 2 * h(0, 0) + h(0, -2));
  const double hxy = 0.25 * (h(1, 1) - h(1, -1) - h(-1, 1) + h(-1, -1));
  newton_step(gx, gy, hxx, hxy, hyy, peak);
}

/// mmpose's DARK for UDP, whose curvature is over one cell and which steps at the border too.
inline void shift_by_udp_newton_step(const HeatmapView& heatmaps, Index keypoint, DecoderWorkspace& workspace,
                                     Peak& peak) {
  if (!(peak.score > 0)) return;
  const auto x = static_cast<Index>(peak.x);
  const auto y = static_cast<Index>(peak.y);
  blur(heatmaps, keypoint, workspace);
  const float blurred_maximum = *std::max_element(workspace.map.begin(), workspace.map.end());
  const double rescale = static_cast<double>(peak.score) / static_cast<double>(blurred_maximum);
  const auto h = [&](Index dx, Index dy) {
    const Index column = (std::min)((std::max)(x + dx, Index{0}), heatmaps.width - 1);
    const Index row = (std::min)((std::max)(y + dy, Index{0}), heatmaps.height - 1);
    const float value = workspace.map[static_cast<std::size_t>(row * heatmaps.width + column)];
    return std::log((std::min)((std::max)(static_cast<double>(value) * rescale, 1e-3), 50.0));
  };
  constexpr double eps = 1.1920928955078125e-7;  // numpy.finfo(float32).eps
  const double gx = 0.5 * (h(1, 0) - h(-1, 0));
  const double gy = 0.5 * (h(0, 1) - h(0, -1));
  const double hxx = h(1, 0) - 2 * h(0, 0) + h(-1, 0) + eps;
  const double hyy = h(0, 1) - 2 * h(0, 0) + h(0, -1) + eps;
  const double hxy = 0.5 * (h(1, 1) - h(1, 0) - h(0, 1) + 2 * h(0, 0) - h(-1, 0) - h(0, -1) + h(-1, -1));
  newton_step(gx, gy, hxx, hxy, hyy, peak);
}

}  // namespace detail

/// Reads the place of every keypoint from its heatmap: one Peak a keypoint, in heatmap cells, written to `peaks`.
///
/// All decoders begin at the first largest value of the map in row order, and give it as the score. If it is not
/// positive the peak is cell (0, 0) (as Microsoft has it; mmpose says (-1, -1)). A map that holds a NaN gives cell
/// (0, 0) and the score NaN.
///
/// quarter_offset: +-0.25 cells towards the larger neighbour in x and in y, if margin < x < width - 1 and
/// margin < y < height - 1; equal neighbours leave the coordinate as it is. Source: Microsoft Simple Baselines,
/// lib/core/inference.py, get_final_preds (margin 1); imgclsmob's detector uses margin 0.
///
/// dark: the map is blurred with a Gaussian of `kernel` cells (zeros beyond the border), rescaled to its old maximum,
/// raised to at least 1e-10, and its logarithm taken; a Newton step on that, with differences over one cell for the
/// gradient and two for the curvature, if 1 < x < width - 2 and 1 < y < height - 2. The step is taken as it comes, even
/// where the logarithm is not convex. Source: Zhang et al., Distribution-Aware Coordinate Representation (CVPR 2020),
/// with the constants of mmpose's refine_keypoints_dark.
///
/// dark_udp: blurred and rescaled likewise, brought to within 1e-3 and 50, and its logarithm continued by one cell
/// beyond the border; a Newton step with both differences over one cell, the mixed one along the main diagonal, and
/// float's epsilon added to the curvature, wherever the peak is. A map without a positive value is left as it is.
/// Source: Huang et al. (see geometry.hpp), mmpose's refine_keypoints_dark_udp.
///
/// Throws Error if the view is empty, the margin negative, the kernel even or not within 1 to 255, or the decoder
/// part_affinity, which is for several people (part_affinity.hpp), or center, which is for boxes (box_decoder.hpp).
inline void decode(const HeatmapView& heatmaps, const DecoderOptions& options, DecoderWorkspace& workspace,
                   std::vector<Peak>& peaks) {
  check(heatmaps);
  if (options.type == DecoderType::part_affinity) {
    throw Error("heatmap decoder: part affinity maps are needed as well: decode_part_affinity() takes both");
  }
  if (options.type == DecoderType::center) {
    throw Error("heatmap decoder: maps of sizes are needed as well: decode_boxes() takes both");
  }
  if (options.type == DecoderType::quarter_offset && options.margin < 0) {
    throw Error("quarter offset decoder: margin " + std::to_string(options.margin) + " must not be negative");
  }
  if (options.type == DecoderType::dark || options.type == DecoderType::dark_udp) {
    if (options.kernel < 1 || options.kernel > 255 || options.kernel % 2 == 0) {
      throw Error("DARK decoder: kernel " + std::to_string(options.kernel) + ": expected an odd number from 1 to 255");
    }
    detail::gaussian_taps(options.kernel, workspace.taps);
  }
  peaks.resize(static_cast<std::size_t>(heatmaps.keypoints));
  for (Index keypoint = 0; keypoint < heatmaps.keypoints; ++keypoint) {
    Peak& peak = peaks[static_cast<std::size_t>(keypoint)];
    peak = detail::find_maximum(heatmaps, keypoint);
    switch (options.type) {
      case DecoderType::argmax: break;
      case DecoderType::quarter_offset: detail::shift_by_quarter(heatmaps, keypoint, options.margin, peak); break;
      case DecoderType::dark: detail::shift_by_newton_step(heatmaps, keypoint, workspace, peak); break;
      case DecoderType::dark_udp: detail::shift_by_udp_newton_step(heatmaps, keypoint, workspace, peak); break;
      case DecoderType::part_affinity:
      case DecoderType::center: break;  // refused above
    }
  }
}

/// The same into a new vector.
inline std::vector<Peak> decode(const HeatmapView& heatmaps, const DecoderOptions& options) {
  DecoderWorkspace workspace;
  std::vector<Peak> peaks;
  decode(heatmaps, options, workspace, peaks);
  return peaks;
}

/// The largest cell of every heatmap; see decode().
inline std::vector<Peak> decode_argmax(const HeatmapView& heatmaps) {
  return decode(heatmaps, {DecoderType::argmax, 0, 0, 1});
}

/// The largest cell, moved by a quarter cell towards its larger neighbours; see decode().
inline std::vector<Peak> decode_quarter_offset(const HeatmapView& heatmaps, Index margin = 1) {
  return decode(heatmaps, {DecoderType::quarter_offset, 0, margin, 1});
}

/// The largest cell, refined by DARK; see decode().
inline std::vector<Peak> decode_dark(const HeatmapView& heatmaps, Index kernel = 11) {
  return decode(heatmaps, {DecoderType::dark, 0, 0, kernel});
}

/// The largest cell, refined by DARK as for models trained with unbiased data processing; see decode().
inline std::vector<Peak> decode_dark_udp(const HeatmapView& heatmaps, Index kernel = 11) {
  return decode(heatmaps, {DecoderType::dark_udp, 0, 0, kernel});
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
