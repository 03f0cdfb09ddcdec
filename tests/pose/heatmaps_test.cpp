#include <limn/pose/heatmaps.hpp>

#include <doctest/doctest.h>

#include <vector>

TEST_CASE("planar, interleaved and tensor views of the same heatmaps read the same values") {
  const limn::Index keypoints = 3, height = 4, width = 5;
  std::vector<float> planar(60);
  std::vector<float> interleaved(60);
  limn::Tensor tensor({keypoints, height, width});
  float value = 0;
  for (limn::Index k = 0; k < keypoints; ++k) {
    for (limn::Index y = 0; y < height; ++y) {
      for (limn::Index x = 0; x < width; ++x) {
        value += 1;
        planar[static_cast<std::size_t>((k * height + y) * width + x)] = value;
        interleaved[static_cast<std::size_t>((y * width + x) * keypoints + k)] = value;
        tensor(k, y, x) = value;
      }
    }
  }
  const auto a = limn::HeatmapView::planar(planar.data(), keypoints, height, width);
  const auto b = limn::HeatmapView::interleaved(interleaved.data(), keypoints, height, width);
  const limn::HeatmapView c = tensor;
  value = 0;
  for (limn::Index k = 0; k < keypoints; ++k) {
    for (limn::Index y = 0; y < height; ++y) {
      for (limn::Index x = 0; x < width; ++x) {
        value += 1;
        CHECK(a(k, y, x) == value);
        CHECK(b(k, y, x) == value);
        CHECK(c(k, y, x) == value);
      }
    }
  }
  CHECK(c.keypoints == keypoints);
  CHECK(c.height == height);
  CHECK(c.width == width);
}

TEST_CASE("heatmaps without data or without cells are refused") {
  const float value = 0;
  CHECK_THROWS_WITH_AS(limn::check(limn::HeatmapView::planar(nullptr, 16, 64, 48)), "heatmaps of 16x64x48 without data",
                       limn::Error);
  CHECK_THROWS_WITH_AS(limn::check(limn::HeatmapView::planar(&value, 0, 64, 48)),
                       "heatmaps of 0x64x48: keypoints, height and width must be positive", limn::Error);
  CHECK_NOTHROW(limn::check(limn::HeatmapView::planar(&value, 1, 1, 1)));
}
