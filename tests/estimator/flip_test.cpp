#include <limn/estimator/flip.hpp>

#include <doctest/doctest.h>

using namespace limn;

TEST_CASE("mirrored keypoints are the partners of the flip pairs, the others themselves") {
  Skeleton skeleton;
  skeleton.keypoints = {"nose", "left_eye", "right_eye", "left_ear", "right_ear"};
  skeleton.flip_pairs = {{1, 2}, {4, 3}};
  CHECK(mirrored_keypoints(skeleton) == std::vector<Index>{0, 2, 1, 4, 3});
  CHECK(mirrored_keypoints({{"head", "tail"}, {}, {}}) == std::vector<Index>{0, 1});
}

TEST_CASE("skeletons that say nothing usable about mirroring are errors") {
  CHECK_THROWS_WITH_AS(mirrored_keypoints({{"head", "right_eye"}, {}, {}}),
                       "flip test: keypoint right_eye needs flip pairs, and the skeleton has none", Error);
  CHECK_THROWS_WITH_AS(mirrored_keypoints({{"a", "b", "c"}, {}, {{0, 1}, {2, 1}}}),
                       "flip test: keypoint b is in two flip pairs", Error);
  CHECK_THROWS_WITH_AS(mirrored_keypoints({{"a", "b"}, {}, {{0, 2}}}),
                       "skeleton: flip pair [0, 2]: expected keypoints 0 to 1", Error);
}

TEST_CASE("mirroring turns every row round and keeps channels together") {
  limn::FloatMatrix picture(2, 6);  // 2 rows of 3 pixels
  picture << 1, 2, 3, 4, 5, 6,      //
      10, 20, 30, 40, 50, 60;
  limn::FloatMatrix expected(2, 6);
  expected << 3, 2, 1, 6, 5, 4,  //
      30, 20, 10, 60, 50, 40;
  limn::FloatMatrix found(2, 6);
  mirror(picture, 3, found);
  CHECK(found == expected);
  CHECK_THROWS_AS(mirror(picture, 4, found), Error);
  limn::FloatMatrix small(2, 5);
  CHECK_THROWS_AS(mirror(picture, 3, small), Error);
}

TEST_CASE("the mean with the mirror image's heatmaps, worked out by hand, without and with the shift") {
  // Two keypoints that change places; one row of 3 cells. As planar maps: those of the mirror image.
  const std::vector<float> mirrored = {1, 2, 3, 10, 20, 30};
  const auto view = HeatmapView::planar(mirrored.data(), 2, 1, 3);
  limn::FloatMatrix average(2, 3);
  average << 100, 200, 300,  //
      4, 6, 8;
  limn::FloatMatrix shifted = average;

  average_with_mirrored(view, {1, 0}, false, average);
  limn::FloatMatrix expected(2, 3);
  expected << 65, 110, 155,  // with 30, 20, 10
      3.5F, 4, 4.5F;         // with 3, 2, 1
  CHECK(average == expected);

  average_with_mirrored(view, {1, 0}, true, shifted);
  expected << 65, 115, 160,  // with 30, 30, 20
      3.5F, 4.5F, 5;         // with 3, 3, 2
  CHECK(shifted == expected);
}

TEST_CASE("heatmaps of another size than the mean or the skeleton are an error") {
  const std::vector<float> mirrored = {1, 2, 3, 10, 20, 30};
  const auto view = HeatmapView::planar(mirrored.data(), 2, 1, 3);
  limn::FloatMatrix average = limn::FloatMatrix::Zero(2, 3);
  CHECK_THROWS_WITH_AS(average_with_mirrored(view, {0}, false, average),
                       "flip test: heatmaps of 2x1x3 and 2 x 3 values for 1 keypoints do not fit", Error);
  limn::FloatMatrix wide = limn::FloatMatrix::Zero(2, 4);
  CHECK_THROWS_AS(average_with_mirrored(view, {1, 0}, false, wide), Error);
  CHECK_THROWS_AS(average_with_mirrored(HeatmapView(), {1, 0}, false, average), Error);
}
