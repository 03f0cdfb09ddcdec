#include <limn/pose/draw_pose.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

limn::Color color_at(const limn::Image& image, limn::Index x, limn::Index y) {
  const std::uint8_t* pixel = image.pixel(x, y);
  return {pixel[0], pixel[1], pixel[2]};
}

/// Shoulders and hips of a figure that faces the viewer, and its neck.
limn::Skeleton sample_skeleton() {
  return {{"right_shoulder", "left_shoulder", "neck", "right_hip", "left_hip"},
          {{0, 2}, {2, 1}, {0, 3}, {1, 4}, {3, 4}},
          {{0, 1}, {3, 4}}};
}

limn::Pose sample_pose(float scale = 1) {
  limn::Pose pose;
  pose.keypoints = {{"right_shoulder", 40, 40, 0.5f},
                    {"left_shoulder", 160, 40, 0.5f},
                    {"neck", 100, 40, 0.5f},
                    {"right_hip", 40, 160, 0.5f},
                    {"left_hip", 160, 160, 0.5f}};
  for (limn::Keypoint& keypoint : pose.keypoints) {
    keypoint.x *= scale;
    keypoint.y *= scale;
  }
  pose.box = {20 * scale, 20 * scale, 160 * scale, 160 * scale};
  pose.score = 0.5f;
  return pose;
}

limn::Image gray_image(limn::Index width, limn::Index height) {
  return {width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(width * height * 3), 128)};
}

bool same_pixels(const limn::Image& a, const limn::Image& b) {
  return a.width() == b.width() && a.height() == b.height() &&
         std::equal(a.data(), a.data() + a.width() * a.height() * 3, b.data());
}

/// Pixels of column x from row y_begin on that are not background.
limn::Index painted_in_column(const limn::Image& image, limn::Index x, limn::Index y_begin, limn::Index y_end) {
  limn::Index count = 0;
  for (limn::Index y = y_begin; y < y_end; ++y) count += color_at(image, x, y) != limn::Color{128, 128, 128} ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("keypoints and links have the colour of their side") {
  const limn::DrawOptions options;
  limn::Image image = gray_image(200, 200);
  limn::draw_pose(image, sample_pose(), sample_skeleton(), options);
  CHECK(color_at(image, 40, 160) == options.right);
  CHECK(color_at(image, 160, 160) == options.left);
  CHECK(color_at(image, 100, 40) == options.middle);
  CHECK(color_at(image, 40, 100) == options.right);    // shoulder to hip
  CHECK(color_at(image, 160, 100) == options.left);    // likewise
  CHECK(color_at(image, 70, 40) == options.right);     // shoulder to neck
  CHECK(color_at(image, 130, 40) == options.left);     // likewise
  CHECK(color_at(image, 100, 160) == options.middle);  // hip to hip
  CHECK(color_at(image, 100, 100) == limn::Color{128, 128, 128});
  CHECK(options.left != options.right);
  CHECK(options.middle != options.left);
  CHECK(options.middle != options.right);
}

TEST_CASE("keypoints lie over links") {
  limn::Skeleton skeleton{{"left_a", "right_b", "left_c"}, {{0, 2}, {0, 1}, {1, 2}}, {}};
  limn::Pose pose;
  pose.keypoints = {{"left_a", 20, 50, 1}, {"right_b", 50, 50, 1}, {"left_c", 80, 50, 1}};
  const limn::DrawOptions options;
  limn::Image image = gray_image(101, 101);
  limn::draw_pose(image, pose, skeleton, options);
  CHECK(color_at(image, 20, 50) == options.left);
  CHECK(color_at(image, 50, 50) == options.right);
  CHECK(color_at(image, 80, 50) == options.left);
  CHECK(color_at(image, 35, 50) == options.middle);
}

TEST_CASE("a keypoint below the threshold is left out, with the links that end there") {
  limn::DrawOptions options;
  options.threshold = 0.3f;
  limn::Pose pose = sample_pose();
  pose.keypoints[4].score = 0.29f;  // left hip
  pose.keypoints[3].score = 0.3f;   // right hip: on the threshold is enough
  limn::Image image = gray_image(200, 200);
  limn::draw_pose(image, pose, sample_skeleton(), options);
  const limn::Color background{128, 128, 128};
  CHECK(color_at(image, 160, 160) == background);
  CHECK(color_at(image, 160, 100) == background);
  CHECK(color_at(image, 100, 160) == background);
  CHECK(color_at(image, 160, 40) == options.left);
  CHECK(color_at(image, 40, 160) == options.right);
  CHECK(color_at(image, 40, 100) == options.right);

  pose = sample_pose();
  for (limn::Keypoint& keypoint : pose.keypoints) keypoint.score = std::numeric_limits<float>::quiet_NaN();
  image = gray_image(200, 200);
  limn::draw_pose(image, pose, sample_skeleton(), options);
  CHECK(same_pixels(image, gray_image(200, 200)));
}

TEST_CASE("what was not found is not drawn, whatever the threshold") {
  limn::DrawOptions options;
  options.threshold = -1;
  limn::Pose pose = sample_pose();
  for (limn::Keypoint& keypoint : pose.keypoints) keypoint.score = 0;
  limn::Image image = gray_image(200, 200);
  limn::draw_pose(image, pose, sample_skeleton(), options);
  CHECK(same_pixels(image, gray_image(200, 200)));
}

TEST_CASE("several people have colours of their own, a lighter tone on their left") {
  const limn::DrawOptions options;
  std::vector<limn::Pose> poses(options.people.size() + 1, sample_pose(0.5f));
  for (std::size_t i = 0; i < poses.size(); ++i) {
    for (limn::Keypoint& keypoint : poses[i].keypoints) keypoint.x += 100 * static_cast<float>(i);
    poses[i].box.x += 100 * static_cast<float>(i);
  }
  limn::Image image = gray_image(100 * static_cast<limn::Index>(poses.size()), 100);
  limn::draw_poses(image, poses, sample_skeleton());
  for (std::size_t i = 0; i < poses.size(); ++i) {
    CAPTURE(i);
    const limn::Index left = 100 * static_cast<limn::Index>(i);
    const limn::Color right_hip = color_at(image, left + 20, 80);
    const limn::Color neck = color_at(image, left + 50, 20);
    const limn::Color left_hip = color_at(image, left + 80, 80);
    CHECK(right_hip == options.people[i % options.people.size()]);
    CHECK(limn::luma(neck) > limn::luma(right_hip));
    CHECK(limn::luma(left_hip) > limn::luma(neck));
    CHECK(left_hip.b - left_hip.r == doctest::Approx((right_hip.b - right_hip.r) / 2.0).epsilon(0.02));
  }
  for (std::size_t i = 0; i < options.people.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) CHECK(options.people[i] != options.people[j]);
  }
}

TEST_CASE("one person alone is drawn as ever, and nobody leaves the picture as it is") {
  limn::Image image = gray_image(200, 200);
  limn::draw_poses(image, {}, sample_skeleton());
  CHECK(same_pixels(image, gray_image(200, 200)));
  limn::draw_poses(image, {sample_pose()}, sample_skeleton());
  limn::Image expected = gray_image(200, 200);
  limn::draw_pose(expected, sample_pose(), sample_skeleton());
  CHECK(same_pixels(image, expected));
}

TEST_CASE("sizes grow with the picture, and never fall below a least one") {
  limn::Image small = gray_image(500, 400);
  limn::draw_pose(small, sample_pose(2), sample_skeleton());
  limn::Image large = gray_image(2000, 1600);
  limn::draw_pose(large, sample_pose(8), sample_skeleton());
  // The link from hip to hip, crossed half way.
  const limn::Index thin = painted_in_column(small, 200, 250, 390);
  const limn::Index thick = painted_in_column(large, 800, 1000, 1560);
  CHECK(2 * thick > 5 * thin);
  CHECK(thick < 5 * thin);

  limn::Image tiny = gray_image(20, 20);
  limn::draw_pose(tiny, sample_pose(0.1f), sample_skeleton());
  CHECK(painted_in_column(tiny, 10, 10, 20) >= 2);
}

TEST_CASE("a small person in a large picture is drawn finer than one who fills it") {
  limn::Pose pose = sample_pose();
  limn::Image fine = gray_image(2000, 400);
  limn::draw_pose(fine, pose, sample_skeleton());
  pose.box = {};
  limn::Image coarse = gray_image(2000, 400);
  limn::draw_pose(coarse, pose, sample_skeleton());
  CHECK(painted_in_column(fine, 100, 100, 250) < painted_in_column(coarse, 100, 100, 250));
}

TEST_CASE("edges are anti-aliased and stand out by a dark rim") {
  const limn::DrawOptions options;
  limn::Image image(400, 400, std::vector<std::uint8_t>(400 * 400 * 3, 245));
  limn::Pose pose = sample_pose(2);
  limn::draw_pose(image, pose, sample_skeleton(), options);
  int darkest = 255;
  int shades = 0;
  for (limn::Index y = 300; y < 340; ++y) {
    const int value = color_at(image, 200, y).r;  // a white link on a white picture
    darkest = (std::min)(darkest, value);
    if (value > options.outline.r && value < 245) ++shades;
  }
  CHECK(darkest < 80);
  CHECK(shades >= 2);
}

TEST_CASE("points outside the picture, not finite or absurdly far are no danger") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {-30.0f, 230.0f, -1e5f, 1e20f, 3e38f, nan, infinity, -infinity}) {
    for (std::size_t i = 0; i < 5; ++i) {
      limn::Pose pose = sample_pose();
      pose.keypoints[i].x = bad;
      pose.keypoints[4 - i].y = bad;
      if (std::isfinite(bad)) pose.box.x = pose.box.height = bad;  // another box is an error
      limn::DrawOptions options;
      options.box = true;
      limn::Image image = gray_image(200, 200);
      CHECK_NOTHROW(limn::draw_pose(image, pose, sample_skeleton(), options));
    }
  }
}

TEST_CASE("the box is drawn on request only") {
  limn::DrawOptions options;
  limn::Image image = gray_image(200, 200);
  limn::draw_pose(image, sample_pose(), sample_skeleton(), options);
  CHECK(color_at(image, 20, 100) == limn::Color{128, 128, 128});
  options.box = true;
  limn::draw_pose(image, sample_pose(), sample_skeleton(), options);
  CHECK(color_at(image, 20, 100) != limn::Color{128, 128, 128});
  CHECK(color_at(image, 100, 180) != limn::Color{128, 128, 128});
}

TEST_CASE("a translucent drawing is even where its parts overlap, and alpha 0 changes nothing") {
  limn::DrawOptions options;
  options.alpha = 0.5;
  limn::Image image = gray_image(200, 200);
  limn::draw_pose(image, sample_pose(), sample_skeleton(), options);
  const auto half = [](int value) { return (value + 128) / 2; };
  for (const limn::Color found : {color_at(image, 40, 40), color_at(image, 40, 100)}) {
    CHECK(std::abs(found.r - half(options.right.r)) <= 1);
    CHECK(std::abs(found.g - half(options.right.g)) <= 1);
    CHECK(std::abs(found.b - half(options.right.b)) <= 1);
  }
  options.alpha = 0;
  image = gray_image(200, 200);
  limn::draw_pose(image, sample_pose(), sample_skeleton(), options);
  CHECK(same_pixels(image, gray_image(200, 200)));
}

TEST_CASE("a pose is drawn on the caller's own buffer, whatever its format and stride") {
  const limn::DrawOptions options;
  const limn::Index width = 200, height = 200, stride = 4 * 200 + 24;
  for (const double alpha : {1.0, 0.5}) {
    limn::DrawOptions drawing = options;
    drawing.alpha = alpha;
    std::vector<std::uint8_t> buffer(static_cast<std::size_t>(stride * height), 128);
    limn::draw_pose(limn::Canvas{buffer.data(), width, height, stride, limn::PixelFormat::bgra}, sample_pose(),
                    sample_skeleton(), drawing);
    limn::Image image = gray_image(width, height);
    limn::draw_pose(image, sample_pose(), sample_skeleton(), drawing);
    bool same = true;
    bool padding_untouched = true;
    for (limn::Index y = 0; y < height; ++y) {
      const std::uint8_t* row = buffer.data() + y * stride;
      for (limn::Index x = 0; x < width; ++x) {
        same = same && limn::Color{row[4 * x + 2], row[4 * x + 1], row[4 * x]} == color_at(image, x, y);
      }
      padding_untouched =
          padding_untouched && std::all_of(row + 4 * width, row + stride, [](int v) { return v == 128; });
    }
    CHECK(same);
    CHECK(padding_untouched);
  }
}

TEST_CASE("a pose that does not fit the skeleton is refused") {
  limn::Image image = gray_image(20, 20);
  limn::Pose pose = sample_pose();
  pose.keypoints.pop_back();
  CHECK_THROWS_WITH_AS(limn::draw_pose(image, pose, sample_skeleton()),
                       "drawing a pose: expected the skeleton's 5 keypoints, found 4", limn::Error);
  limn::Skeleton skeleton = sample_skeleton();
  skeleton.links.push_back({0, 5});
  CHECK_THROWS_AS(limn::draw_pose(image, sample_pose(), skeleton), limn::Error);
  CHECK_THROWS_AS(limn::draw_pose(limn::Canvas{}, sample_pose(), sample_skeleton()), limn::Error);
}

TEST_CASE("the heatmap grid has a place for every keypoint, row by row") {
  const limn::Index height = 6, width = 8;
  const limn::Affine photo_from_heatmap{10, 0, 4.5, 0, 10, 4.5};  // a cell is 10 photo pixels
  const limn::Image photo = gray_image(80, 60);
  struct Case {
    limn::Index keypoints, columns, rows;
  };
  for (const Case& expected : {Case{1, 1, 1}, Case{2, 2, 1}, Case{5, 3, 2}, Case{16, 4, 4}, Case{17, 5, 4}}) {
    limn::Tensor heatmaps({expected.keypoints, height, width});
    for (limn::Index k = 0; k < expected.keypoints; ++k) heatmaps(k, k % height, k % width) = 0.3f;
    const limn::Image grid = limn::draw_heatmaps(photo, heatmaps, photo_from_heatmap);
    CHECK(grid.width() == expected.columns * 84 - 4);
    CHECK(grid.height() == expected.rows * 64 - 4);
    for (limn::Index k = 0; k < expected.keypoints; ++k) {
      CAPTURE(k);
      const limn::Index left = (k % expected.columns) * 84;
      const limn::Index top = (k / expected.columns) * 64;
      // The map's maximum is red; three cells away it is blue.
      const limn::Color hot = color_at(grid, left + (k % width) * 10 + 5, top + (k % height) * 10 + 5);
      const limn::Color cold = color_at(grid, left + ((k + 4) % width) * 10 + 5, top + ((k + 3) % height) * 10 + 5);
      CHECK(hot.r > hot.b + 40);
      CHECK(cold.b > cold.r + 40);
    }
  }
  // What is beyond the last keypoint, and between two copies, is black.
  const limn::Image grid = limn::draw_heatmaps(photo, limn::Tensor({17, height, width}), photo_from_heatmap);
  CHECK(color_at(grid, grid.width() - 1, grid.height() - 1) == limn::Color{});
  CHECK(color_at(grid, 81, 30) == limn::Color{});
}

TEST_CASE("the photo's copies in the grid keep its sides' ratio and stay within the cell size") {
  const limn::Tensor heatmaps({4, 8, 8});
  const limn::Affine beside{1, 0, 1e6, 0, 1, 1e6};  // the network looked elsewhere: no heat
  limn::Image photo(300, 600);
  for (limn::Index y = 0; y < 600; ++y) {
    for (limn::Index x = 0; x < 300; ++x) photo.pixel(x, y)[x < 150 ? 0 : 1] = y % 2 == 0 ? 100 : 200;
  }
  const limn::Image grid = limn::draw_heatmaps(photo, heatmaps, beside, 100);
  CHECK(grid.width() == 2 * 50 + 4);
  CHECK(grid.height() == 2 * 100 + 4);
  // Stripes of one row come out as their mean, the halves stay apart.
  CHECK(color_at(grid, 0, 0) == limn::Color{150, 0, 0});
  CHECK(color_at(grid, 24, 99) == limn::Color{150, 0, 0});
  CHECK(color_at(grid, 25, 50) == limn::Color{0, 150, 0});
  CHECK(color_at(grid, 49, 99) == limn::Color{0, 150, 0});
  CHECK(color_at(grid, 54, 104) == limn::Color{150, 0, 0});
  // A photo smaller than a cell is not enlarged but copied as it is.
  const limn::Image same = limn::draw_heatmaps(photo, limn::Tensor({1, 8, 8}), beside, 1000);
  CHECK(same_pixels(same, photo));
  // A photo of one row survives.
  CHECK(limn::draw_heatmaps(gray_image(3000, 1), limn::Tensor({1, 8, 8}), beside, 100).height() == 1);
}

TEST_CASE("heatmaps of nothing, of NaN and of infinity give a cold picture") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float value : {0.0f, -1.0f, nan, infinity}) {
    limn::Tensor heatmaps({1, 6, 8});
    heatmaps.matrix().setConstant(value);
    const limn::Image grid = limn::draw_heatmaps(gray_image(80, 60), heatmaps, {10, 0, 4.5, 0, 10, 4.5});
    const limn::Color found = color_at(grid, 40, 30);
    CHECK(found.r == 64);
    CHECK(found.b > 100);
  }
}

TEST_CASE("a heatmap grid without photo, heatmaps, map or size is refused") {
  const limn::Image photo = gray_image(8, 8);
  const limn::Tensor heatmaps({1, 2, 2});
  CHECK_THROWS_AS(limn::draw_heatmaps(limn::ImageView{}, heatmaps, {}), limn::Error);
  CHECK_THROWS_AS(limn::draw_heatmaps(photo, limn::HeatmapView{}, {}), limn::Error);
  CHECK_THROWS_AS(limn::draw_heatmaps(photo, heatmaps, {0, 0, 0, 0, 0, 0}), limn::Error);
  CHECK_THROWS_AS(limn::draw_heatmaps(photo, heatmaps, {}, 0), limn::Error);
}

TEST_CASE("a pose whose box is not finite is an error, and nothing is drawn") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const limn::Skeleton skeleton = {{"left_eye", "right_eye"}, {{0, 1}}, {}};
  limn::Pose proper;
  proper.keypoints = {{"left_eye", 3, 3, 1}, {"right_eye", 9, 9, 1}};
  for (const limn::Box& box : {limn::Box{nan, 0, 5, 5}, {0, infinity, 5, 5}, {0, 0, nan, 5}, {0, 0, 5, -infinity}}) {
    limn::Pose pose = proper;
    pose.box = box;
    limn::Image photo(16, 16);
    const auto expected = doctest::Contains("expected finite x, y, width and height");
    CHECK_THROWS_WITH_AS(limn::draw_pose(photo, pose, skeleton), expected, limn::Error);
    CHECK_THROWS_WITH_AS(limn::draw_poses(photo, {proper, pose}, skeleton), expected, limn::Error);
    CHECK(std::all_of(photo.data(), photo.data() + 16 * 16 * 3, [](std::uint8_t byte) { return byte == 0; }));
    CHECK_THROWS_WITH_AS(limn::make_pose({{}, {}}, skeleton, limn::Affine(), box), expected, limn::Error);
  }
}
