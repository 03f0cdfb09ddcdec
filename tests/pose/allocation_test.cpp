// What decoding and detecting take from the heap.
#include <doctest/doctest.h>

#include <cstddef>
#include <random>
#include <vector>

#include <limn/pose/part_affinity.hpp>
#include <limn/pose/person_detector.hpp>
#include <pose/affinity_scene.hpp>
#include <pose/blob_detector.hpp>

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
