#include <limn/metrics/pck.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include <limn/metrics/sides.hpp>

#include "metrics/label_places.hpp"

using namespace limn;
using limn_test::places;
using limn_test::visible;

namespace {

Skeleton torso_skeleton() { return {{"left_shoulder", "right_hip", "pelvis", "nose"}, {}, {}}; }

/// A torso of 50 pixels; the nose is not labelled.
Labels person_with_torso() { return {visible(30, 40), visible(0, 0), visible(7, 200), {}}; }

}  // namespace

TEST_CASE("a keypoint is right up to the allowed distance, and what is not labelled does not count") {
  const Labels labels = person_with_torso();
  std::vector<KeypointTally> tallies(4);
  count_right(labels, places(labels, 6, 8), 10, tallies);  // 10 pixels off
  count_right(labels, places(labels, 6, 8.1), 10, tallies);
  count_right(labels, places(labels, 0, 0), 10, tallies);
  CHECK(tallies[0].right == 2);
  CHECK(tallies[0].labelled == 3);
  CHECK(tallies[0].share() == doctest::Approx(2.0 / 3));
  CHECK(tallies[3].labelled == 0);
  CHECK(std::isnan(tallies[3].share()));
}

TEST_CASE("hidden keypoints count as visible ones do, and a place that is no number is wrong") {
  std::vector<KeypointTally> tallies(2);
  count_right({{{1, 2}, Visibility::hidden}, visible(5, 5)}, {{1, 2}, {std::nan(""), 5}}, 0, tallies);
  CHECK(tallies[0].right == 1);
  CHECK(tallies[1].right == 0);
  CHECK(tallies[1].labelled == 1);
}

TEST_CASE("the mean weighs keypoints by their labels, and leaves out pelvis and thorax") {
  CHECK(mean_tally({{1, 4}, {2, 2}, {100, 100}, {0, 2}}, torso_skeleton()).share() == doctest::Approx(3.0 / 8));
  CHECK_FALSE(counts_in_mean("thorax"));
  CHECK(counts_in_mean("left_hip"));
  CHECK_THROWS_AS(mean_tally({{1, 4}}, torso_skeleton()), Error);
  const std::vector<SideTally> sides = {{1, 4}, {2, 2}, {100, 100}, {0, 2}};
  CHECK(mean_tally(sides, torso_skeleton()).swapped == 3);
  CHECK(mean_tally(sides, torso_skeleton()).labelled == 8);
}

TEST_CASE("sizes of a person by hand: torso, box, and the larger of torso and a part of the box") {
  Labels labels = person_with_torso();
  CHECK(torso_size(labels, torso_skeleton()) == 50);
  CHECK(box_size({5, 6, 100, 80}) == 100);
  CHECK(box_size({5, 6, 100, 120}) == 120);
  CHECK(torso_or_box_size(labels, torso_skeleton(), {0, 0, 100, 80}) == 50);   // against 31.25
  CHECK(torso_or_box_size(labels, torso_skeleton(), {0, 0, 400, 80}) == 125);  // 0.3125 * 400
  labels[1].visibility = Visibility::not_labelled;
  CHECK(torso_size(labels, torso_skeleton()) == 0);
  CHECK(torso_or_box_size(labels, torso_skeleton(), {0, 0, 100, 80}) == 31.25);
  CHECK(torso_size(labels, {{"a", "b", "c", "d"}, {}, {}}) == 0);  // no such keypoints
}

TEST_CASE("lists of different lengths are an error that tells them") {
  std::vector<KeypointTally> tallies(3);
  CHECK_THROWS_WITH_AS(count_right({visible(0, 0), visible(0, 0)}, {{0, 0}}, 1, tallies),
                       "PCK: expected as many places and tallies as labels, 2, found 1 and 3", Error);
}

TEST_CASE("the size of a NaN or infinite box is an error") {
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    CHECK_THROWS_AS(box_size({0, 0, value, 5}), Error);
    CHECK_THROWS_AS(torso_or_box_size(person_with_torso(), torso_skeleton(), {0, value, 5, 5}), Error);
  }
}
