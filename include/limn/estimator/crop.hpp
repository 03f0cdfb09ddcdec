#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/image/image.hpp>
#include <limn/pose/geometry.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// A part of a photo, and the photo's pixel that is its pixel (0, 0).
struct Crop {
  ImageView view;  ///< the part, in the photo's memory
  Index left = 0;  ///< column of the photo that is its column 0
  Index top = 0;   ///< row of the photo that is its row 0
};

/// Throws Error unless a box can be enlarged by this factor.
inline void check_crop_factor(double factor) {
  if (!(factor >= 1) || !std::isfinite(factor)) {
    throw Error("crop " + std::to_string(factor) + ": expected a factor of at least 1");
  }
}

/// The part of a photo that lies in a box enlarged `factor` times around its centre, in width and in height: the pixels
/// whose centres do, and of each axis at least the nearest one. Reads where the photo lies, nothing is copied.
///
/// A square input around a standing person has the neighbours in it as well; where they are cropped away, a network
/// that learned from photos of single people does not take their limbs for the person's.
/// Throws Error if the view is not a picture, the box not a proper one, or the factor not at least 1.
inline Crop crop(const ImageView& photo, const Box& box, double factor) {
  check(photo);
  check(box);
  check_crop_factor(factor);
  struct Span {
    Index first, count;
  };
  const auto span = [factor](double start, double length, Index limit) -> Span {
    const double middle = start + length / 2;
    const auto largest = static_cast<double>(limit - 1);
    const auto inside = [largest](double value) {
      return static_cast<Index>((std::min)((std::max)(value, 0.0), largest));
    };
    const Index first = inside(std::ceil(middle - factor * length / 2));
    const Index last = inside(std::floor(middle + factor * length / 2));
    return {(std::min)(first, last), (std::max)(last - first + 1, Index{1})};
  };
  const Span columns = span(box.x, box.width, photo.width);
  const Span rows = span(box.y, box.height, photo.height);
  Crop result = {photo, columns.first, rows.first};
  result.view.data += rows.first * photo.row_stride + columns.first * bytes_per_pixel(photo.format);
  result.view.width = columns.count;
  result.view.height = rows.count;
  return result;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
