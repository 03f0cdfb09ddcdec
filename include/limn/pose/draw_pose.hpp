#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/image/affine.hpp>
#include <limn/image/draw.hpp>
#include <limn/image/image.hpp>
#include <limn/image/resample.hpp>
#include <limn/pose/heatmaps.hpp>
#include <limn/pose/pose.hpp>
#include <limn/pose/skeleton.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// How poses are drawn. Sizes are shares of the picture's longer side, so that a drawing looks the same on a large
/// photo and on a small one; but at most of 2.5 times the longer side of the pose's box, so that people far away do not
/// disappear under their own skeletons.
struct DrawOptions {
  /// Keypoints with a lower score are left out, and links that lack an end; so is always what was not found, its score
  /// being 0. What is a good value depends on the model: its file may say so, DecoderOptions::draw_threshold.
  /// The default is the bound above which Microsoft Simple Baselines counts a keypoint as seen (IN_VIS_THRE in its
  /// configurations).
  float threshold = 0.2f;
  double keypoint_scale = 0.008;  ///< radius of a keypoint; at least 2.5 pixels are drawn
  double link_scale = 0.007;      ///< thickness of a link; at least 2 pixels are drawn
  double alpha = 1;               ///< opacity of the whole drawing, 0 to 1
  bool links = true;              ///< whether links are drawn
  bool keypoints = true;          ///< whether keypoints are drawn
  bool box = false;               ///< whether the pose's box is drawn

  // Blue against orange is told apart by nearly everyone, red against green is not.
  Color left = {40, 170, 255};     ///< of keypoints and links of the left side of the body
  Color right = {255, 135, 20};    ///< of the right side
  Color middle = {245, 245, 245};  ///< of what is of neither side or joins both
  Color outline = {20, 22, 28};    ///< thin rim of everything, so that it stands out from any background

  /// Colours of several people, who take them in turn (draw_poses). Okabe and Ito's set that nearly everyone tells
  /// apart (Color Universal Design, 2008), without its black and its darkest blue.
  std::array<Color, 6> people = {Color{86, 180, 233}, {230, 159, 0},   {0, 190, 135},
                                 {240, 228, 66},      {224, 130, 176}, {228, 94, 10}};
};

namespace detail {

enum class Side { middle, left, right };

inline Side side_of(const std::string& name) {
  if (name.compare(0, 5, "left_") == 0) return Side::left;
  if (name.compare(0, 6, "right_") == 0) return Side::right;
  return Side::middle;
}

/// A link is on the side of its ends; from one side to the other, it is in the middle.
inline Side side_of_link(Side a, Side b) {
  if (a == b || b == Side::middle) return a;
  return a == Side::middle ? b : Side::middle;
}

inline Color color_of(Side side, const DrawOptions& options) {
  switch (side) {
    case Side::left: return options.left;
    case Side::right: return options.right;
    case Side::middle: break;
  }
  return options.middle;
}

inline void draw_pose_opaque(const Canvas& canvas, const Pose& pose, const Skeleton& skeleton,
                             const DrawOptions& options) {
  auto size = static_cast<double>((std::max)(canvas.width, canvas.height));
  const double box_size = (std::max)(pose.box.width, pose.box.height);
  if (box_size > 0) size = (std::min)(size, 2.5 * box_size);
  const double radius = (std::max)(options.keypoint_scale * size, 2.5);
  const double thickness = (std::max)(options.link_scale * size, 2.0);
  const double rim = (std::max)(0.25 * thickness, 0.9);

  const auto shown = [&](int number) {
    const float score = pose.keypoints[static_cast<std::size_t>(number)].score;
    return score >= options.threshold && score > 0;
  };
  const auto side = [&](int number) { return side_of(skeleton.keypoints[static_cast<std::size_t>(number)]); };
  const auto draw_links = [&](double width, bool colored) {
    for (const auto& [a, b] : skeleton.links) {
      if (!shown(a) || !shown(b)) continue;
      const Keypoint& from = pose.keypoints[static_cast<std::size_t>(a)];
      const Keypoint& to = pose.keypoints[static_cast<std::size_t>(b)];
      const Color color = colored ? color_of(side_of_link(side(a), side(b)), options) : options.outline;
      draw_line(canvas, from.x, from.y, to.x, to.y, width, color);
    }
  };

  if (options.box) {
    const Box& box = pose.box;
    draw_box(canvas, box.x, box.y, box.width, box.height, thickness / 2 + 2 * rim, options.outline);
    draw_box(canvas, box.x, box.y, box.width, box.height, thickness / 2, options.middle);
  }
  if (options.links) {
    // All rims first: where links meet they form one shape.
    draw_links(thickness + 2 * rim, false);
    draw_links(thickness, true);
  }
  for (std::size_t i = 0; options.keypoints && i < pose.keypoints.size(); ++i) {
    const auto number = static_cast<int>(i);
    if (!shown(number)) continue;
    const Keypoint& keypoint = pose.keypoints[i];
    fill_circle(canvas, keypoint.x, keypoint.y, radius + rim, options.outline);
    fill_circle(canvas, keypoint.x, keypoint.y, radius, color_of(side(number), options));
  }
}

}  // namespace detail

/// Draws a pose on a picture in place: links, and keypoints over them, in the colour of their side of the body (names
/// that begin with left_ or right_). Takes an Image or a Canvas of any pixel format. Anti-aliased; what lies outside of
/// the picture is cut off. Throws Error if the pose has another number of keypoints than the skeleton, or a link names
/// none, or a number of the pose's box is not finite.
inline void draw_pose(const Canvas& canvas, const Pose& pose, const Skeleton& skeleton,
                      const DrawOptions& options = {}) try {
  check(canvas);
  check(skeleton);
  detail::check_finite(pose.box);
  if (pose.keypoints.size() != skeleton.keypoints.size()) {
    throw Error("drawing a pose: expected the skeleton's " + std::to_string(skeleton.keypoints.size()) +
                " keypoints, found " + std::to_string(pose.keypoints.size()));
  }
  if (options.alpha >= 1) {
    detail::draw_pose_opaque(canvas, pose, skeleton, options);
    return;
  }
  // The parts overlap. To be translucent as a whole they are drawn opaque, and the old picture mixed in again.
  const Index row_bytes = canvas.width * bytes_per_pixel(canvas.format);
  std::vector<std::uint8_t> before;
  before.reserve(static_cast<std::size_t>(row_bytes * canvas.height));
  for (Index y = 0; y < canvas.height; ++y) {
    const std::uint8_t* row = canvas.data + y * canvas.row_stride;
    before.insert(before.end(), row, row + row_bytes);
  }
  detail::draw_pose_opaque(canvas, pose, skeleton, options);
  const float share = 1 - detail::clamp_alpha(options.alpha);
  for (Index y = 0; y < canvas.height; ++y) {
    std::uint8_t* row = canvas.data + y * canvas.row_stride;
    const std::uint8_t* old_row = before.data() + y * row_bytes;
    for (Index i = 0; i < row_bytes; ++i) detail::mix(row[i], old_row[i], share);
  }
} catch (...) {
  detail::rethrow_as_error("drawing a pose");
}

namespace detail {

inline Color lightened(Color color, float share) {
  mix(color.r, 255, share);
  mix(color.g, 255, share);
  mix(color.b, 255, share);
  return color;
}

}  // namespace detail

/// The options with which one of several people is drawn: in the colour of `options.people` whose turn it is, from the
/// right side of the body over the middle to the left a tone lighter each.
inline DrawOptions options_of_person(DrawOptions options, std::size_t person) {
  const Color color = options.people[person % options.people.size()];
  options.right = color;
  options.middle = detail::lightened(color, 0.25f);
  options.left = detail::lightened(color, 0.5f);
  return options;
}

/// Draws the people of one photo: one alone as draw_pose() does, several in their order with options_of_person().
/// Later people lie over earlier ones. Throws Error as draw_pose() does.
inline void draw_poses(const Canvas& canvas, const std::vector<Pose>& poses, const Skeleton& skeleton,
                       const DrawOptions& options = {}) {
  for (const Pose& pose : poses) detail::check_finite(pose.box);  // before anything is drawn
  for (std::size_t i = 0; i < poses.size(); ++i) {
    draw_pose(canvas, poses[i], skeleton, poses.size() > 1 ? options_of_person(options, i) : options);
  }
}

namespace detail {

/// `photo` brought to width x height, not larger than itself; every pixel is the mean of those it stands for.
inline Image shrink(const ImageView& photo, Index width, Index height) {
  const double step_x = static_cast<double>(photo.width) / static_cast<double>(width);
  const double step_y = static_cast<double>(photo.height) / static_cast<double>(height);
  const auto samples = static_cast<Index>(std::ceil((std::max)(step_x, step_y)));
  const double fine_x = step_x / static_cast<double>(samples);
  const double fine_y = step_y / static_cast<double>(samples);
  std::vector<std::uint32_t> sums(static_cast<std::size_t>(width * height * 3));
  warp(photo, {fine_x, 0, fine_x / 2, 0, fine_y, fine_y / 2}, width * samples, height * samples, Resample::nearest,
       [&](Index x, Index y, std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
         std::uint32_t* sum = sums.data() + ((y / samples) * width + x / samples) * 3;
         sum[0] += red;
         sum[1] += green;
         sum[2] += blue;
       });
  Image small(width, height);
  const auto count = static_cast<std::uint32_t>(samples * samples);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    small.data()[i] = static_cast<std::uint8_t>((sums[i] + count / 2) / count);
  }
  return small;
}

/// One heatmap divided by its maximum, rows contiguous; what is no positive finite number is 0.
inline void normalize_heatmap(const HeatmapView& heatmaps, Index keypoint, std::vector<float>& values) {
  float maximum = 0;
  values.clear();
  for (Index y = 0; y < heatmaps.height; ++y) {
    for (Index x = 0; x < heatmaps.width; ++x) {
      const float value = heatmaps(keypoint, y, x);
      values.push_back(value > 0 && std::isfinite(value) ? value : 0.0f);
      maximum = (std::max)(maximum, values.back());
    }
  }
  if (maximum > 0) {
    for (float& value : values) value /= maximum;
  }
}

}  // namespace detail

/// A picture of all heatmaps: a grid with one small copy of the photo for each keypoint, its heatmap laid over it in
/// "jet" colours where the network looked, blue for nothing to red for the map's own maximum. In the order of the
/// keypoints, row by row from the left top; ceil(sqrt(keypoints)) columns (16 keypoints: 4 x 4, 17: 5 x 4, the last
/// places empty). The longer side of a copy is `cell_size` pixels, or the photo's if that is smaller; 4 pixels between.
/// `photo_from_heatmap` maps heatmap cells to photo pixels (geometry.hpp).
/// Throws Error if there is no photo, are no heatmaps, the map cannot be inverted or `cell_size` is not positive.
inline Image draw_heatmaps(const ImageView& photo, const HeatmapView& heatmaps, const Affine& photo_from_heatmap,
                           Index cell_size = 256) try {
  check(photo);
  check(heatmaps);
  if (cell_size <= 0) throw Error("heatmap grid: cell size " + std::to_string(cell_size) + " must be positive");
  const Index longer_side = (std::max)(photo.width, photo.height);
  const Index longer_cell = (std::min)(cell_size, longer_side);
  const Index cell_width = (std::max)(Index{1}, (photo.width * longer_cell + longer_side / 2) / longer_side);
  const Index cell_height = (std::max)(Index{1}, (photo.height * longer_cell + longer_side / 2) / longer_side);
  const Image small = detail::shrink(photo, cell_width, cell_height);

  const double step_x = static_cast<double>(photo.width) / static_cast<double>(cell_width);
  const double step_y = static_cast<double>(photo.height) / static_cast<double>(cell_height);
  const Affine photo_from_cell = {step_x, 0, (step_x - 1) / 2, 0, step_y, (step_y - 1) / 2};
  const Affine heat_from_cell = inverse(photo_from_heatmap) * photo_from_cell;

  const Index gap = 4;
  Index columns = 1;
  while (columns * columns < heatmaps.keypoints) ++columns;
  const Index rows = (heatmaps.keypoints + columns - 1) / columns;
  Image grid(columns * (cell_width + gap) - gap, rows * (cell_height + gap) - gap);
  std::vector<float> heat;
  for (Index keypoint = 0; keypoint < heatmaps.keypoints; ++keypoint) {
    const Index left = (keypoint % columns) * (cell_width + gap);
    const Index top = (keypoint / columns) * (cell_height + gap);
    const Canvas cell = {grid.pixel(left, top), cell_width, cell_height, grid.width() * 3, PixelFormat::rgb};
    blend(cell, small, 1);
    detail::normalize_heatmap(heatmaps, keypoint, heat);
    blend_heat(cell, heat.data(), heatmaps.width, heatmaps.height, heatmaps.width, 1, heat_from_cell, 0.5);
  }
  return grid;
} catch (...) {
  detail::rethrow_as_error("drawing heatmaps");
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
