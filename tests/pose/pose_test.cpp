#include <limn/pose/pose.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

TEST_CASE("a pose holds the peaks in photo pixels, with names, box and mean score") {
  const limn::Skeleton skeleton{{"nose", "left_eye"}, {{0, 1}}, {}};
  const limn::Affine photo_from_heatmap{4.6875, 0, 27.5, 0, 4.6875, 20};
  const auto pose = limn::make_pose({{0, 0, 0.5f}, {10, 20.25f, 0.25f}}, skeleton, photo_from_heatmap, {1, 2, 3, 4});
  REQUIRE(pose.keypoints.size() == 2);
  CHECK(pose.keypoints[0].name == "nose");
  CHECK(pose.keypoints[0].x == 27.5f);
  CHECK(pose.keypoints[0].y == 20.0f);
  CHECK(pose.keypoints[0].score == 0.5f);
  CHECK(pose.keypoints[1].name == "left_eye");
  CHECK(pose.keypoints[1].x == doctest::Approx(74.375));
  CHECK(pose.keypoints[1].y == doctest::Approx(114.921875));
  CHECK(pose.score == doctest::Approx(0.375));
  CHECK(pose.box.x == 1);
  CHECK(pose.box.height == 4);
}

TEST_CASE("a keypoint of a pose is found by name") {
  limn::Pose pose;
  pose.keypoints = {{"nose", 1, 2, 0.5f}, {"left_eye", 3, 4, 0.25f}};
  REQUIRE(pose.find("left_eye") != nullptr);
  CHECK(pose.find("left_eye")->x == 3);
  CHECK(pose.find("tail") == nullptr);
}

TEST_CASE("a pose's memory is used again") {
  const limn::Skeleton skeleton{{"nose", "a keypoint whose name is longer than any short string"}, {}, {}};
  limn::Pose pose;
  limn::make_pose({{1, 2, 0.5f}, {3, 4, 0.5f}}, skeleton, {}, {}, pose);
  const limn::Keypoint* keypoints = pose.keypoints.data();
  const char* name = pose.keypoints[1].name.data();
  limn::make_pose({{5, 6, 0.25f}, {7, 8, 0.75f}}, skeleton, {}, {}, pose);
  CHECK(pose.keypoints.data() == keypoints);
  CHECK(pose.keypoints[1].name.data() == name);
  CHECK(pose.keypoints[1].x == 7);
  CHECK(pose.score == 0.5f);
}

TEST_CASE("another number of peaks than of keypoints is refused") {
  const limn::Skeleton skeleton{{"nose", "left_eye"}, {}, {}};
  CHECK_THROWS_WITH_AS(limn::make_pose({{0, 0, 1}}, skeleton, {}, {}),
                       "pose: expected 2 peaks, one for each keypoint of the skeleton, found 1", limn::Error);
}

TEST_CASE("a score that is not a number shows in the pose's score") {
  const limn::Skeleton skeleton{{"nose", "left_eye"}, {}, {}};
  const auto pose = limn::make_pose({{0, 0, std::numeric_limits<float>::quiet_NaN()}, {1, 1, 1}}, skeleton, {}, {});
  CHECK(std::isnan(pose.score));
}
