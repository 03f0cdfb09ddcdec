// People's boxes from the maps of a network that finds their centres (models/center_net.hpp): Zhou, Wang &
// Kraehenbuehl, "Objects as Points" (2019), section 4. Where that stops at the largest values, people who stand before
// each other are told from one person found twice by the overlap of their boxes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/image/affine.hpp>
#include <limn/pose/box.hpp>
#include <limn/pose/heatmaps.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Constants of the decoder of people's boxes.
struct CenterOptions {
  float threshold = 0.3f;  ///< least score of a box, 0 to 1
  Index max_people = 100;  ///< boxes with lower scores are dropped
  float iou = 0.6f;        ///< a box that has more than this in common with one of a higher score is dropped, 0 to 1
};

/// A person's box in photo pixels and the heatmap's value at its centre, 0 to 1: larger is surer, but it is not a
/// probability.
struct Detection {
  Box box;          ///< photo pixels
  float score = 0;  ///< 0 to 1
};

/// The maps of one photo, all of the same height and width; see center_net().
struct CenterMaps {
  HeatmapView heatmaps;  ///< 1 map
  HeatmapView sizes;     ///< 2 maps: width and height, in cells
  HeatmapView offsets;   ///< 2 maps: x and y, in cells; without data if the network has none
};

/// Throws Error if one of the constants is out of its range.
inline void check(const CenterOptions& options) {
  const auto check_share = [](float value, const char* name) {
    if (value >= 0 && value <= 1) return;
    throw Error("box decoder: " + (name + (" " + std::to_string(value))) + ": expected a number from 0 to 1");
  };
  check_share(options.threshold, "threshold");
  check_share(options.iou, "iou");
  if (options.max_people < 1) {
    throw Error("box decoder: max_people " + std::to_string(options.max_people) + ": expected at least 1");
  }
}

/// Throws Error unless the maps are there and fit together.
inline void check(const CenterMaps& maps) {
  const auto check_map = [&](const HeatmapView& map, Index count, const char* name) {
    check(map);
    const Shape expected = {count, maps.heatmaps.height, maps.heatmaps.width};
    const Shape found = {map.keypoints, map.height, map.width};
    if (found == expected) return;
    throw Error("box decoder: " + std::string(name) + ": expected " + to_string(expected) + ", found " +
                to_string(found));
  };
  check_map(maps.heatmaps, 1, "heatmaps");
  check_map(maps.sizes, 2, "sizes");
  if (maps.offsets.data != nullptr) check_map(maps.offsets, 2, "offsets");
}

namespace detail {

/// Whether no cell of the 3x3 around this one has a larger value, and none before it in row order the same.
inline bool is_center(const HeatmapView& heatmaps, Index x, Index y) {
  const float value = heatmaps(0, y, x);
  for (Index row = (std::max)(Index{0}, y - 1); row <= (std::min)(heatmaps.height - 1, y + 1); ++row) {
    for (Index column = (std::max)(Index{0}, x - 1); column <= (std::min)(heatmaps.width - 1, x + 1); ++column) {
      const float other = heatmaps(0, row, column);
      const bool before = row < y || (row == y && column < x);
      if (other > value || (before && other == value)) return false;
    }
  }
  return true;
}

/// The part of the box around the centre in this cell that lies in `photo`. Its size is not positive if there is none,
/// or a number of the maps is not finite.
inline Box box_at(const CenterMaps& maps, Index x, Index y, const Affine& photo_from_heatmap, const Box& photo) {
  const bool has_offsets = maps.offsets.data != nullptr;
  const double center_x = static_cast<double>(x) + (has_offsets ? static_cast<double>(maps.offsets(0, y, x)) : 0);
  const double center_y = static_cast<double>(y) + (has_offsets ? static_cast<double>(maps.offsets(1, y, x)) : 0);
  const double half_width = static_cast<double>(maps.sizes(0, y, x)) / 2;
  const double half_height = static_cast<double>(maps.sizes(1, y, x)) / 2;
  const auto [left, top] = apply(photo_from_heatmap, center_x - half_width, center_y - half_height);
  const auto [right, bottom] = apply(photo_from_heatmap, center_x + half_width, center_y + half_height);
  if (!std::isfinite(left + top + right + bottom)) return {};
  // In double, since a network may put out any float.
  const auto clip = [](double value, double start, double length) {
    return static_cast<float>((std::min)((std::max)(value, start), start + length));
  };
  const float first_x = clip(left, photo.x, photo.width);
  const float first_y = clip(top, photo.y, photo.height);
  return {first_x, first_y, clip(right, photo.x, photo.width) - first_x, clip(bottom, photo.y, photo.height) - first_y};
}

}  // namespace detail

/// Finds the people in the maps. Writes to `people` one box for each, the surest first; nothing is allocated but for
/// more boxes than ever before.
///
/// A centre is a cell whose value is at least the threshold and not below any of the 3x3 around it; of equal
/// neighbours the first in row order. With (x, y) the cell, (dx, dy) its offset, (w, h) its size, the box is that from
/// (x + dx - w / 2, y + dy - h / 2) to (x + dx + w / 2, y + dy + h / 2), mapped by `photo_from_heatmap` (geometry.hpp),
/// which must not rotate, and clipped to the box `photo`. Boxes without area are dropped. In the order of their scores
/// (of equal ones that further up, then that further left), a box is dropped if its intersection over union with one
/// that stays is more than `iou`; the first max_people stay.
///
/// Throws Error if a map is missing, their sizes differ, or an option is out of range.
inline void decode_boxes(const CenterMaps& maps, const CenterOptions& options, const Affine& photo_from_heatmap,
                         const Box& photo, std::vector<Detection>& people) {
  check(options);
  check(maps);
  people.clear();
  for (Index y = 0; y < maps.heatmaps.height; ++y) {
    for (Index x = 0; x < maps.heatmaps.width; ++x) {
      const float score = maps.heatmaps(0, y, x);
      if (!(score >= options.threshold) || !detail::is_center(maps.heatmaps, x, y)) continue;
      const Box box = detail::box_at(maps, x, y, photo_from_heatmap, photo);
      if (box.width > 0 && box.height > 0) people.push_back({box, score});
    }
  }
  std::sort(people.begin(), people.end(), [](const Detection& a, const Detection& b) {
    if (a.score != b.score) return a.score > b.score;
    return a.box.y != b.box.y ? a.box.y < b.box.y : a.box.x < b.box.x;
  });
  auto end = people.begin();  // of those that stay
  for (const Detection& candidate : people) {
    if (end - people.begin() >= options.max_people) break;
    const bool known = std::any_of(people.begin(), end, [&](const Detection& person) {
      return intersection_over_union(person.box, candidate.box) > static_cast<double>(options.iou);
    });
    if (!known) *end++ = candidate;
  }
  people.erase(end, people.end());
}

/// The same into a new vector.
inline std::vector<Detection> decode_boxes(const CenterMaps& maps, const CenterOptions& options,
                                           const Affine& photo_from_heatmap, const Box& photo) {
  std::vector<Detection> people;
  decode_boxes(maps, options, photo_from_heatmap, photo, people);
  return people;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
