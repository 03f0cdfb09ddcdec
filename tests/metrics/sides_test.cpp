#include <limn/metrics/sides.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "metrics/label_places.hpp"

using namespace limn;
using limn_test::visible;

namespace {

Skeleton knees() { return {{"left_knee", "nose", "right_knee"}, {}, {{0, 2}}}; }

}  // namespace

TEST_CASE("a keypoint near the other side's label and not near its own is swapped") {
  const Labels labels = {visible(0, 0), visible(50, 0), visible(100, 0)};
  std::vector<SideTally> tallies(3);
  count_swapped(labels, {{94, 8}, {100, 0}, {100, 0}}, 10, knees(), tallies);  // left is 10 from right's label
  count_swapped(labels, {{94, 8.1}, {0, 0}, {3, 4}}, 10, knees(), tallies);    // left is too far, right is not
  count_swapped(labels, {{0, 0}, {0, 0}, {std::nan(""), 0}}, 10, knees(), tallies);
  CHECK(tallies[0].swapped == 1);
  CHECK(tallies[0].labelled == 3);
  CHECK(tallies[2].swapped == 1);
  CHECK(tallies[2].share() == doctest::Approx(1.0 / 3));
  CHECK(tallies[1].labelled == 0);  // the nose has no other side
  CHECK(std::isnan(tallies[1].share()));
}

TEST_CASE("where both sides' labels are near, nothing is swapped") {
  std::vector<SideTally> tallies(3);
  count_swapped({visible(0, 0), visible(0, 0), visible(8, 0)}, {{8, 0}, {0, 0}, {0, 0}}, 10, knees(), tallies);
  CHECK(tallies[0].swapped == 0);
  CHECK(tallies[0].labelled == 1);
}

TEST_CASE("what is labelled on one side only does not count as swapped or not") {
  std::vector<SideTally> tallies(3);
  count_swapped({visible(0, 0), visible(0, 0), {}}, {{0, 0}, {0, 0}, {0, 0}}, 10, knees(), tallies);
  CHECK(tallies[0].labelled == 0);
  CHECK(tallies[2].labelled == 0);
}

TEST_CASE("swapped sides of lists of different lengths, or of pairs that are not there, are an error") {
  std::vector<SideTally> tallies(2);
  CHECK_THROWS_WITH_AS(count_swapped(Labels(3), std::vector<Point>(3), 1, knees(), tallies),
                       "swapped sides: expected labels, places and tallies of 3 keypoints, found 3, 3 and 2", Error);
  CHECK_THROWS_AS(count_swapped(Labels(2), std::vector<Point>(2), 1, {{"a", "b"}, {}, {{0, 2}}}, tallies), Error);
}
