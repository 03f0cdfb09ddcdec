#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/image/affine.hpp>
#include <limn/pose/box.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// How the box of a photo is brought to the size of the network's input.
///
/// All are maps of the plane and cut nothing off: where the input reaches beyond the box, the network sees what
/// the photo has there, and black beyond the photo. So the bars of a letterbox are black if the box is the whole photo.
enum class Geometry {
  affine,     ///< the box is enlarged around its centre to the input's aspect ratio and by the padding, then scaled
  stretch,    ///< the box is scaled to the input, each axis by its own factor
  letterbox,  ///< the box is scaled to fit into the input and centred there
  udp,        ///< as affine, but between the centres of the first and the last pixel (unbiased data processing)
};

/// The map from photo pixels to pixels of the network's input, input_width x input_height.
///
/// - affine: the box is enlarged around its centre (cx, cy), in width or in height, to the input's aspect ratio, and
///   then by `padding` on both axes; with k = input_width / enlarged width, x' = k (x - cx) + input_width / 2, likewise
///   y'. Source: Microsoft Simple Baselines, lib/dataset/coco.py, lib/utils/transforms.py without rotation; mmpose and
///   HRNet have the same. The padding is applied as well when the box is the whole photo, as it was in training.
/// - stretch: x' = (x - box.x) input_width / box.width, likewise y'. No half pixel is added, as in the affine map and
///   in jetson-inference's resize. `padding` is not used.
/// - letterbox: k = min(input_width / box.width, input_height / box.height), the box's centre goes to the input's:
///   the affine map with padding 1. `padding` is not used.
/// - udp: the enlarged box as for affine; x' = (input_width - 1) / enlarged width * (x - cx) + (input_width - 1) / 2,
///   likewise y'. Source: Huang et al., "The Devil Is in the Details: Delving Into Unbiased Data Processing for Human
///   Pose Estimation", CVPR 2020, as mmpose's get_udp_warp_matrix without rotation has it.
///
/// Throws Error if the box is not a proper one (see check()), or the input's size or the padding is not positive.
inline Affine network_from_photo(Geometry geometry, const Box& box, Index input_width, Index input_height,
                                 double padding = 1.25) {
  check(box);
  if (input_width <= 0 || input_height <= 0) {
    throw Error("network input of " + std::to_string(input_width) + "x" + std::to_string(input_height) +
                " pixels: both sides must be positive");
  }
  if (!(padding > 0) || !std::isfinite(padding)) {
    throw Error("box padding " + std::to_string(padding) + ": expected a positive number");
  }
  const auto to_width = static_cast<double>(input_width);
  const auto to_height = static_cast<double>(input_height);
  const double x = box.x;
  const double y = box.y;
  const double width = box.width;
  const double height = box.height;
  if (geometry == Geometry::stretch) {
    const double kx = to_width / width;
    const double ky = to_height / height;
    return {kx, 0, -kx * x, 0, ky, -ky * y};
  }
  double k = (std::min)(to_width / width, to_height / height);
  if (geometry != Geometry::letterbox) k /= padding;
  if (geometry == Geometry::udp) {
    const double kx = k * (to_width - 1) / to_width;
    const double ky = k * (to_height - 1) / to_height;
    return {kx, 0, (to_width - 1) / 2 - kx * (x + width / 2), 0, ky, (to_height - 1) / 2 - ky * (y + height / 2)};
  }
  return {k, 0, to_width / 2 - k * (x + width / 2), 0, k, to_height / 2 - k * (y + height / 2)};
}

/// Pixels of the network's input per heatmap cell along one side: what one has over what the other has. With udp both
/// are counted from the first centre to the last.
inline double heatmap_stride(Geometry geometry, Index input_side, Index heatmap_side) {
  const Index less = geometry == Geometry::udp && input_side > 1 && heatmap_side > 1 ? 1 : 0;
  return static_cast<double>(input_side - less) / static_cast<double>(heatmap_side - less);
}

/// The map from heatmap cells to photo pixels. Cell x stands for pixel `stride_x * x + offset` of the network's input,
/// likewise y. With offset 0 it is Microsoft Simple Baselines' transform_preds (lib/utils/transforms.py).
/// Throws Error if `network_from_photo` cannot be inverted or a stride is not positive.
inline Affine photo_from_heatmap(const Affine& network_from_photo, double stride_x, double stride_y, double offset) {
  for (const double stride : {stride_x, stride_y}) {
    if (!(stride > 0) || !std::isfinite(stride) || !std::isfinite(offset)) {
      throw Error("heatmap stride " + std::to_string(stride) + " and offset " + std::to_string(offset) +
                  ": expected finite numbers, the stride positive");
    }
  }
  return inverse(network_from_photo) * Affine{stride_x, 0, offset, 0, stride_y, offset};
}

/// The same for one stride in both directions.
inline Affine photo_from_heatmap(const Affine& network_from_photo, double stride, double offset) {
  return photo_from_heatmap(network_from_photo, stride, stride, offset);
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
