#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/pose/heatmaps.hpp>
#include <limn/pose/skeleton.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// For each keypoint the number of the one that it is taken for in a mirrored photo: its partner in a flip pair, else
/// itself. Throws Error if a pair names no keypoint or a keypoint is in two pairs, or if there are no pairs at all
/// although a keypoint is called left_ or right_: such a skeleton was not made for mirrored photos.
inline std::vector<Index> mirrored_keypoints(const Skeleton& skeleton) {
  check(skeleton);
  std::vector<Index> partners(skeleton.keypoints.size());
  for (std::size_t i = 0; i < partners.size(); ++i) {
    partners[i] = static_cast<Index>(i);
    const std::string& name = skeleton.keypoints[i];
    const bool has_side = name.compare(0, 5, "left_") == 0 || name.compare(0, 6, "right_") == 0;
    if (has_side && skeleton.flip_pairs.empty()) {
      throw Error("flip test: keypoint " + name + " needs flip pairs, and the skeleton has none");
    }
  }
  for (const auto& [a, b] : skeleton.flip_pairs) {
    for (const int keypoint : {a, b}) {
      if (partners[static_cast<std::size_t>(keypoint)] != keypoint) {
        throw Error("flip test: keypoint " + skeleton.keypoints[static_cast<std::size_t>(keypoint)] +
                    " is in two flip pairs");
      }
    }
    partners[static_cast<std::size_t>(a)] = b;
    partners[static_cast<std::size_t>(b)] = a;
  }
  return partners;
}

/// How the flip test is done: see mirrored_keypoints() and average_with_mirrored().
struct FlipTest {
  std::vector<Index> partners;  ///< for each keypoint the one that the mirror makes of it; itself if it has none
  bool shift = false;           ///< whether what was mirrored back moves right by one cell
};

/// Mirrors a picture from left to right: `from` and `to` are channels x (height * width), column y * width + x being
/// pixel (x, y). Throws Error if their sizes differ or `width` does not divide them.
inline void mirror(const Eigen::Ref<const FloatMatrix>& from, Index width, Eigen::Ref<FloatMatrix> to) {
  if (width <= 0 || from.cols() % width != 0 || from.rows() != to.rows() || from.cols() != to.cols()) {
    throw Error("mirroring " + std::to_string(from.rows()) + " x " + std::to_string(from.cols()) + " values into " +
                std::to_string(to.rows()) + " x " + std::to_string(to.cols()) +
                ": expected the same size, and rows of " + std::to_string(width) + " pixels");
  }
  for (Index row = 0; row < from.cols(); row += width) {
    for (Index x = 0; x < width; ++x) to.col(row + x) = from.col(row + width - 1 - x);
  }
}

/// The flip test: the mean of a photo's heatmaps and those of its mirror image, the latter mirrored back and with the
/// channels of `partners` (see mirrored_keypoints()) exchanged. `average` holds the photo's heatmaps, keypoints x
/// (height * width), and afterwards the mean; `of_mirrored` are the mirror image's.
///
/// `shift` moves what was mirrored back one cell to the right, its first column staying as it is. Where a cell stands
/// for the first of its `stride` pixels (decoder offset 0), the heatmaps that were mirrored back lie (stride - 1) /
/// stride cells too far to the left, and the shift makes up for most of that; where a cell stands for the middle of its
/// pixels, they lie right as they are. Source: Microsoft Simple Baselines, lib/core/function.py (SHIFT_HEATMAP) and
/// lib/utils/transforms.py (flip_back). Throws Error if the sizes do not fit.
inline void average_with_mirrored(const HeatmapView& of_mirrored, const std::vector<Index>& partners, bool shift,
                                  Eigen::Ref<FloatMatrix> average) {
  check(of_mirrored);
  const Index width = of_mirrored.width;
  if (static_cast<Index>(partners.size()) != of_mirrored.keypoints || average.rows() != of_mirrored.keypoints ||
      average.cols() != of_mirrored.height * width) {
    throw Error("flip test: heatmaps of " +
                to_string(Shape{of_mirrored.keypoints, of_mirrored.height, of_mirrored.width}) + " and " +
                std::to_string(average.rows()) + " x " + std::to_string(average.cols()) + " values for " +
                std::to_string(partners.size()) + " keypoints do not fit");
  }
  for (Index y = 0; y < of_mirrored.height; ++y) {
    for (Index x = 0; x < width; ++x) {
      const Index back = width - 1 - (shift ? (std::max)(x - 1, Index{0}) : x);
      float* values = average.data() + average.outerStride() * (y * width + x);
      for (Index k = 0; k < of_mirrored.keypoints; ++k) {
        values[k] = 0.5F * (values[k] + of_mirrored(partners[static_cast<std::size_t>(k)], y, back));
      }
    }
  }
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
