#include <limn/pose/oks.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

using namespace limn;

namespace {

const std::vector<std::string> names = {"nose",          "left_eye",       "right_eye",  "left_ear",    "right_ear",
                                        "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist",
                                        "right_wrist",   "left_hip",       "right_hip",  "left_knee",   "right_knee",
                                        "left_ankle",    "right_ankle"};

/// Keypoints a and b at those places, in a box of area 400.
Pose pose(float ax, float ay, float bx, float by, float score_b = 1) {
  Pose result;
  result.keypoints = {{"a", ax, ay, 1}, {"b", bx, by, score_b}};
  result.box = {0, 0, 20, 20};
  return result;
}

}  // namespace

TEST_CASE("COCO's sigmas belong to its seventeen names only") {
  double sum = 0;
  for (const std::string& name : names) sum += coco_sigma(name).value();
  CHECK(sum == doctest::Approx(1.138));
  CHECK(coco_sigma("left_hip") == 0.107);
  CHECK_FALSE(coco_sigma("pelvis").has_value());
}

TEST_CASE("a skeleton's keypoints have COCO's sigmas, and the mean of them where it has none") {
  const std::vector<double> sigmas = keypoint_sigmas({{"left_hip", "pelvis"}, {}, {}});
  REQUIRE(sigmas.size() == 2);
  CHECK(sigmas[0] == 0.107);
  CHECK(sigmas[1] == doctest::Approx(1.138 / 17));
}

TEST_CASE("the similarity of two poses is the mean over the keypoints that both have") {
  const std::vector<double> sigmas = {0.1, 0.1};
  CHECK(pose_similarity(pose(1, 2, 3, 4), pose(1, 2, 3, 4), sigmas) == 1);
  // Distance 4 with sigma 0.1 and area 400: exp(-16 / (2 * 0.04 * 400)) = exp(-0.5).
  CHECK(pose_similarity(pose(0, 0, 5, 5), pose(4, 0, 5, 5), sigmas).value() ==
        doctest::Approx((1 + std::exp(-0.5)) / 2));
  // The mean of the areas: 400 and 1200.
  Pose larger = pose(4, 0, 5, 5);
  larger.box.height = 60;
  CHECK(pose_similarity(pose(0, 0, 5, 5), larger, sigmas).value() == doctest::Approx((1 + std::exp(-0.25)) / 2));
  CHECK(pose_similarity(pose(0, 0, 5, 5, 0.4F), pose(4, 0, 5, 5), sigmas, 0.5F).value() ==
        doctest::Approx(std::exp(-0.5)));
  CHECK_FALSE(pose_similarity(pose(0, 0, 5, 5), pose(0, 0, 5, 5), sigmas, 2).has_value());
}

TEST_CASE("a keypoint that was not found is no keypoint, whatever the threshold") {
  CHECK(pose_similarity(pose(0, 0, 5, 5, 0), pose(0, 0, 90, 90, 1), {0.1, 0.1}, -1) == 1);
}

TEST_CASE("poses of other keypoints than the sigmas are refused") {
  CHECK_THROWS_WITH_AS(pose_similarity(pose(0, 0, 5, 5), Pose(), {0.1, 0.1}),
                       "pose similarity: expected 2 keypoints, as many as sigmas, found 2 and 0", Error);
  Pose broken = pose(0, 0, 5, 5);
  broken.box.x = INFINITY;
  CHECK_THROWS_AS(pose_similarity(broken, pose(0, 0, 5, 5), {0.1, 0.1}), Error);
}
