#include <limn/pose/pose_json.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <limits>
#include <string>

namespace {

limn::Pose two_keypoints() {
  limn::Pose pose;
  pose.keypoints = {{"nose", 12.344f, -0.001f, 0.123456f}, {"left_eye", 3.5f, 400.006f, 0.25f}};
  pose.box = {1.25f, 2, 30.129f, 40};
  pose.score = 0.186728f;
  return pose;
}

}  // namespace

TEST_CASE("a pose as JSON: names, pixels with two decimals, scores with four") {
  CHECK(limn::to_json(two_keypoints()).dump() ==
        R"({"keypoints":[{"name":"nose","x":12.34,"y":0.0,"score":0.1235},)"
        R"({"name":"left_eye","x":3.5,"y":400.01,"score":0.25}],"box":[1.25,2.0,30.13,40.0],"score":0.1867})");
}

TEST_CASE("a photo's poses read back from text as they were written") {
  const std::string text = limn::to_json("dir/a \"b\".jpg", 640, 480, {two_keypoints(), two_keypoints()}).dump(2);
  const auto json = nlohmann::json::parse(text);
  CHECK(json.at("file") == "dir/a \"b\".jpg");
  CHECK(json.at("width") == 640);
  CHECK(json.at("height") == 480);
  REQUIRE(json.at("poses").size() == 2);
  const limn::Pose pose = two_keypoints();
  for (const auto& entry : json.at("poses")) {
    REQUIRE(entry.at("keypoints").size() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
      const auto& keypoint = entry.at("keypoints").at(i);
      CHECK(keypoint.at("name") == pose.keypoints[i].name);
      CHECK(keypoint.at("x").get<double>() == doctest::Approx(pose.keypoints[i].x).epsilon(0.006));
      CHECK(keypoint.at("score").get<double>() == doctest::Approx(pose.keypoints[i].score).epsilon(0.0006));
    }
    CHECK(entry.at("score").get<double>() == doctest::Approx(pose.score).epsilon(0.0006));
  }
  CHECK(limn::to_json("empty.png", 1, 1, {}).dump() == R"({"file":"empty.png","width":1,"height":1,"poses":[]})");
}

TEST_CASE("numbers that JSON does not know are null") {
  limn::Pose pose = two_keypoints();
  pose.keypoints[0].x = std::numeric_limits<float>::infinity();
  pose.keypoints[1].score = pose.score = std::numeric_limits<float>::quiet_NaN();
  const auto json = nlohmann::json::parse(limn::to_json(pose).dump());
  CHECK(json.at("keypoints").at(0).at("x").is_null());
  CHECK(json.at("keypoints").at(0).at("y").is_number());
  CHECK(json.at("keypoints").at(1).at("score").is_null());
  CHECK(json.at("score").is_null());
}

TEST_CASE("COCO's results format: flat keypoints, category person") {
  CHECK(limn::to_coco_result(two_keypoints(), 397133).dump() ==
        R"({"image_id":397133,"category_id":1,"keypoints":[12.34,0.0,0.1235,3.5,400.01,0.25],"score":0.1867})");
}

TEST_CASE("COCO's results format takes no number that is not finite") {
  limn::Pose pose = two_keypoints();
  pose.keypoints[1].score = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH_AS(limn::to_coco_result(pose, 7), "COCO result of image 7: a coordinate or score is not finite",
                       limn::Error);
}
