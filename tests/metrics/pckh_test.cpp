#include <limn/metrics/pckh.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "metrics/label_places.hpp"

using namespace limn;
using limn_test::visible;

TEST_CASE("head sizes by hand: 0.6 times the box's diagonal, or the length of the head") {
  CHECK(head_box_size(10, 20, 40, 60) == doctest::Approx(30));  // a diagonal of 50
  const Skeleton skeleton = {{"upper_neck", "nose", "head_top"}, {}, {}};
  CHECK(head_segment_size({visible(0, 0), {}, visible(9, 12)}, skeleton) == 15);
  CHECK(head_segment_size({visible(0, 0), visible(1, 1), {}}, skeleton) == 0);
  CHECK(head_segment_size({visible(0, 0)}, {{"upper_neck"}, {}, {}}) == 0);
}

TEST_CASE("with labels counted from 1 and places from 0, adding 1 makes right what is right") {
  const std::vector<Point> places = from_one({{9, 19}});
  std::vector<KeypointTally> tallies(1);
  count_right({visible(10, 20)}, places, 0, tallies);
  CHECK(tallies[0].right == 1);
}

TEST_CASE("the published tenth lets pass what lies between 0.10 and 0.11 head sizes away") {
  const double head = head_box_size(0, 0, 60, 80);  // 60 pixels
  std::vector<KeypointTally> tenth(1);
  std::vector<KeypointTally> published(1);
  count_right({visible(0, 0)}, {{6.3, 0}}, 0.1 * head, tenth);
  count_right({visible(0, 0)}, {{6.3, 0}}, published_tenth * head, published);
  CHECK(tenth[0].right == 0);
  CHECK(published[0].right == 1);
}

TEST_CASE("published rows are means of two sides, not of their labels") {
  const Skeleton skeleton = {
      {"left_elbow", "right_elbow", "head_top", "left_knee", "pelvis", "right_hip", "left_hip"}, {}, {}};
  const auto rows = published_rows({{9, 10}, {1, 2}, {3, 4}, {1, 1}, {0, 9}, {1, 1}, {0, 0}}, skeleton);
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].name == "Head");
  CHECK(rows[0].share == 0.75);
  CHECK(rows[1].name == "Elbow");
  CHECK(rows[1].share == doctest::Approx(0.7));  // (0.9 + 0.5) / 2, though 10 of 12 are right
  CHECK(rows[2].name == "Hip");
  CHECK(std::isnan(rows[2].share));
  CHECK_THROWS_AS(published_rows({{1, 1}}, skeleton), Error);
}
