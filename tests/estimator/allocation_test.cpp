// What decoding and detecting take from the heap, and what comes out where it has nothing to give.
#include <doctest/doctest.h>

#include <cstddef>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <estimator/blob_detector.hpp>
#include <estimator/tiny_model.hpp>
#include <limn/estimator/person_detector.hpp>
#include <limn/estimator/pose_estimator.hpp>
#include <limn/pose/draw_pose.hpp>
#include <limn/pose/part_affinity.hpp>
#include <pose/affinity_scene.hpp>

#include "counted_new.hpp"

TEST_CASE("a workspace that has seen a fuller photo lets part affinity maps be decoded without the heap") {
  const limn::Skeleton skeleton = scene::body18();
  const auto links = limn::affinity_links(skeleton);
  std::mt19937 random(3);
  const auto placed = scene::random_people(8, 30, 60, 96, 96, skeleton, random);
  REQUIRE(placed.size() == 8);
  const scene::Maps full = scene::draw_maps(placed, skeleton, 96, 96);
  const scene::Maps sparse = scene::draw_maps({placed[0], placed[1]}, skeleton, 96, 96);
  limn::PartAffinityWorkspace workspace;
  std::vector<limn::Peak> people;
  const auto requests_of = [&](const scene::Maps& maps) {
    const std::size_t before = requests;
    limn::decode_part_affinity(maps.confidence_view(), maps.affinity_view(), links, {}, workspace, people);
    return requests - before;
  };
  CHECK(requests_of(full) > 0);  // the counter counts
  CHECK(requests_of(sparse) == 0);
  CHECK(people.size() == 2 * 18);
  CHECK(requests_of(full) == 0);
  CHECK(people.size() == 8 * 18);

  std::vector<limn::Pose> poses;
  limn::make_poses(people, skeleton, limn::Affine(), poses);
  const std::size_t before = requests;
  limn::make_poses(people, skeleton, limn::Affine(), poses);
  CHECK(requests == before);
}

TEST_CASE("a detector that has seen a fuller photo detects without the heap") {
  const std::vector<unsigned char> bytes = blobs::model_file();
  const limn::PersonDetector detector(limn::Model::from_bytes(bytes.data(), bytes.size()));
  limn::Image full = blobs::photo();
  for (const limn::Index i : {1, 3, 5, 7}) blobs::draw(full, i, 2, 80, 255);
  limn::Image sparse = blobs::photo();
  blobs::draw(sparse, 3, 3, 80, 255);
  limn::PersonDetector::Workspace workspace = detector.make_workspace();
  std::vector<limn::Detection> people;
  const auto requests_of = [&](const limn::Image& photo) {
    const std::size_t before = requests;
    detector.detect(photo, workspace, people);
    return requests - before;
  };
  CHECK(requests_of(full) > 0);
  CHECK(people.size() == 4);
  CHECK(requests_of(sparse) == 0);
  CHECK(people.size() == 1);
  CHECK(requests_of(full) == 0);
  CHECK(people.size() == 4);
}

TEST_CASE("wherever memory runs out while a model is opened, what comes out is an error") {
  const std::vector<unsigned char> bytes = tiny::model_file();
  const std::string name = "a model with a name that is not short";
  const int errors =
      errors_of_refusals<limn::Error>(1, [&] { limn::Model::from_bytes(bytes.data(), bytes.size(), name); });
  CHECK(errors > 100);
}

TEST_CASE("wherever memory runs out while an estimator or a detector is made, what comes out is an error") {
  const std::vector<unsigned char> bytes = tiny::model_file();
  const limn::Model model = limn::Model::from_bytes(bytes.data(), bytes.size());
  CHECK(errors_of_refusals<limn::Error>(1, [&] { limn::PoseEstimator(model).make_workspace(); }) > 100);
  const std::vector<unsigned char> detector_bytes = blobs::model_file();
  const limn::Model detector = limn::Model::from_bytes(detector_bytes.data(), detector_bytes.size());
  CHECK(errors_of_refusals<limn::Error>(1, [&] { limn::PersonDetector(detector).make_workspace(); }) > 100);
}

TEST_CASE("wherever memory runs out during an estimate, what comes out is an error, and the next estimate is right") {
  const std::vector<unsigned char> bytes = tiny::model_file();
  const limn::Model model = limn::Model::from_bytes(bytes.data(), bytes.size());
  const std::vector<unsigned char> detector_bytes = blobs::model_file();
  limn::Image photo = blobs::photo();
  for (const limn::Index i : {1, 4, 7}) blobs::draw(photo, i, 2, 80, 255);
  for (const bool flip : {false, true}) {
    limn::EstimatorOptions options;
    options.flip = flip;
    options.batch = 2;
    options.detector = std::make_shared<const limn::PersonDetector>(
        limn::Model::from_bytes(detector_bytes.data(), detector_bytes.size()));
    const limn::PoseEstimator estimator(model, options);
    const std::vector<limn::Pose> expected = estimator.estimate_all(photo);
    REQUIRE(expected.size() == 3);
    const limn::PoseEstimator fresh(model, options);
    const auto check = [&](const std::vector<limn::Pose>& poses) {
      REQUIRE(poses.size() == 3);
      for (std::size_t i = 0; i < 3; ++i) CHECK(poses[i].keypoints[1].x == expected[i].keypoints[1].x);
    };
    const int errors = errors_of_refusals<limn::Error>(1, [&] { fresh.estimate_all(photo); });
    CHECK(errors > 0);
    check(fresh.estimate_all(photo));
    const int in_own = errors_of_refusals<limn::Error>(1, [&] {
      auto workspace = estimator.make_workspace();
      std::vector<limn::Pose> poses;
      estimator.estimate_all(photo, workspace, poses);
    });
    CHECK(in_own > 5);
    // A workspace in which an estimate failed serves the next.
    auto workspace = estimator.make_workspace();
    std::vector<limn::Pose> poses;
    errors_of_refusals<limn::Error>(1, [&] { estimator.estimate_all(photo, workspace, poses); });
    estimator.estimate_all(photo, workspace, poses);
    check(poses);
  }
}

TEST_CASE("wherever memory runs out while a pose is drawn, what comes out is an error") {
  const limn::Skeleton skeleton = {{"left_eye", "right_eye"}, {{0, 1}}, {}};
  limn::Pose pose;
  pose.keypoints = {{"left_eye", 3, 3, 1}, {"right_eye", 9, 9, 1}};
  limn::Image photo(16, 16);
  limn::DrawOptions options;
  options.alpha = 0.5;
  CHECK(errors_of_refusals<limn::Error>(1, [&] { limn::draw_pose(photo, pose, skeleton, options); }) > 0);
  const limn::Tensor heatmaps({2, 4, 4});
  CHECK(errors_of_refusals<limn::Error>(1, [&] { limn::draw_heatmaps(photo, heatmaps, {4, 0, 0, 0, 4, 0}); }) > 0);
}
