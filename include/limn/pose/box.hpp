#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/image/image.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// A rectangle in photo pixels: left top corner and size.
struct Box {
  float x = 0;       ///< left edge
  float y = 0;       ///< upper edge
  float width = 0;   ///< to the right
  float height = 0;  ///< down
};

/// Where a person is to be looked for, among several photos.
struct BoxInPhoto {
  ImageView photo;  ///< must outlive the call
  Box box;          ///< in pixels of the photo
};

/// "[x, y, width, height]", for messages.
inline std::string to_string(const Box& box) {
  return "[" + std::to_string(box.x) + ", " + std::to_string(box.y) + ", " + std::to_string(box.width) + ", " +
         std::to_string(box.height) + "]";
}

namespace detail {

inline bool is_finite(const Box& box) {
  return std::isfinite(box.x) && std::isfinite(box.y) && std::isfinite(box.width) && std::isfinite(box.height);
}

/// For where a box may be empty: throws Error unless it is made of finite numbers.
inline void check_finite(const Box& box) {
  if (!is_finite(box)) throw Error("box " + to_string(box) + ": expected finite x, y, width and height");
}

}  // namespace detail

/// Throws Error unless the box is made of finite numbers and has a positive size.
inline void check(const Box& box) {
  if (!detail::is_finite(box) || box.width <= 0 || box.height <= 0) {
    throw Error("box " + to_string(box) + ": expected x, y, width, height, finite and the size positive");
  }
}

/// The box that is the whole photo.
inline Box box_of(const ImageView& photo) {
  return {0, 0, static_cast<float>(photo.width), static_cast<float>(photo.height)};
}

/// The area that two boxes have in common as a share of what they cover together, 0 to 1. Throws Error if a number of
/// them is not finite.
inline double intersection_over_union(const Box& a, const Box& b) {
  detail::check_finite(a);
  detail::check_finite(b);
  struct Sides {
    explicit Sides(const Box& box) : left(box.x), top(box.y), right(left + box.width), bottom(top + box.height) {}
    double area() const { return (right - left) * (bottom - top); }
    double left, top, right, bottom;
  };
  const Sides first(a);
  const Sides second(b);
  const double width = (std::min)(first.right, second.right) - (std::max)(first.left, second.left);
  const double height = (std::min)(first.bottom, second.bottom) - (std::max)(first.top, second.top);
  if (width <= 0 || height <= 0) return 0;
  const double common = width * height;
  return common / (first.area() + second.area() - common);
}

/// A box clipped to a photo of width x height pixels by the rule of the COCO data set's evaluations. Two of its habits
/// show: the last row and column of box and photo do not count, so that a box within the photo comes back one pixel
/// smaller, and a box that begins left of or above the photo is moved onto it, not cut. Source: Microsoft Simple
/// Baselines, lib/dataset/coco.py. For repeating such an evaluation; estimating does not need it, boxes may reach
/// beyond the photo. Throws Error if nothing is left.
inline Box clip_box(const Box& box, Index width, Index height) {
  check(box);
  const float left = (std::max)(0.0f, box.x);
  const float top = (std::max)(0.0f, box.y);
  const float right = (std::min)(static_cast<float>(width - 1), left + (std::max)(0.0f, box.width - 1));
  const float bottom = (std::min)(static_cast<float>(height - 1), top + (std::max)(0.0f, box.height - 1));
  if (right <= left || bottom <= top) {
    throw Error("box " + to_string(box) + ": nothing of it lies on the photo of " + std::to_string(width) + "x" +
                std::to_string(height) + " pixels");
  }
  return {left, top, right - left, bottom - top};
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
