#include <limn/track/tracker.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "track/person.hpp"

using namespace limn;
using track_scene::person;
using track_scene::skeleton;

namespace {

using Ids = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("people keep their ids as they move, in whatever order they are found") {
  Tracker tracker(skeleton);
  CHECK(tracker.update({person(0, 0), person(300, 0), person(600, 0)}, 0) == Ids{1, 2, 3});
  for (int frame = 1; frame < 60; ++frame) {
    const double time = frame / 30.0;
    CHECK(tracker.update({person(600 - 3 * frame, 0), person(2 * frame, 0), person(300, frame)}, time) == Ids{3, 1, 2});
  }
  CHECK(tracker.known_people() == 3);
}

TEST_CASE("two who cross keep their ids, also where only one of them is seen") {
  for (const bool hidden : {false, true}) {
    Tracker tracker(skeleton);
    for (int frame = 0; frame <= 80; ++frame) {
      const double right = 10 * frame;  // from 0 to 800
      const double left = 800 - 10 * frame;
      const bool in_front = hidden && frame >= 36 && frame <= 44;
      const Ids ids = in_front ? tracker.update({person(right, 0)}, frame / 30.0)
                               : tracker.update({person(left, 10), person(right, 0)}, frame / 30.0);
      CHECK(ids == (in_front ? Ids{2} : Ids{1, 2}));
    }
  }
}

TEST_CASE("who comes back in time gets the old id, and later a new one") {
  TrackerOptions options;
  options.memory = 0.5;
  Tracker tracker(skeleton, options);
  CHECK(tracker.update({person(0, 0), person(300, 0)}, 0) == Ids{1, 2});
  CHECK(tracker.update({person(0, 0)}, 0.2) == Ids{1});
  CHECK(tracker.update({person(300, 0), person(0, 0)}, 0.45) == Ids{2, 1});
  CHECK(tracker.update({}, 0.6).empty());
  CHECK(tracker.known_people() == 2);
  CHECK(tracker.update({person(300, 0)}, 1.1) == Ids{3});
  CHECK(tracker.known_people() == 1);
}

TEST_CASE("who disappears bit by bit behind somebody, so that their speed is lost, gets the old id") {
  Tracker tracker(skeleton);
  double time = 0;
  for (int frame = 0; frame <= 30; ++frame) {
    time = frame / 25.0;
    Pose left = person(300 - 8 * frame, 0);
    // At last only the right part of them shows, whose middle stands still.
    const float hidden = static_cast<float>(std::max(0, 8 * (frame - 24)));
    left.box.x += hidden;
    left.box.width -= hidden;
    for (Keypoint& keypoint : left.keypoints) keypoint.x = std::max(keypoint.x, left.box.x);
    CHECK(tracker.update({left, person(8 * frame, 0)}, time) == Ids{1, 2});
  }
  for (int frame = 31; frame < 38; ++frame) CHECK(tracker.update({person(8 * frame, 0)}, frame / 25.0) == Ids{2});
  CHECK(tracker.update({person(300 - 8 * 38, 0), person(8 * 38, 0)}, 38 / 25.0) == Ids{1, 2});
  // Who comes in elsewhere meanwhile is somebody new.
  CHECK(tracker.update({person(8 * 39, 0), person(900, 0)}, 39 / 25.0) == Ids{2, 3});
}

TEST_CASE("however slow a film is, who was in its last frame is known") {
  Tracker tracker(skeleton);
  for (int frame = 0; frame < 5; ++frame) CHECK(tracker.update({person(10 * frame, 0)}, 30 * frame) == Ids{1});
}

TEST_CASE("after a cut everybody is new, and no id is given twice") {
  Tracker tracker(skeleton);
  CHECK(tracker.update({person(0, 0), person(300, 0)}, 0) == Ids{1, 2});
  CHECK(tracker.update({person(1000, 500), person(700, 500)}, 1 / 30.0) == Ids{3, 4});
  tracker.reset();
  CHECK(tracker.known_people() == 0);
  CHECK(tracker.update({person(1000, 500)}, 0) == Ids{5});  // another film's time begins anew
}

TEST_CASE("pairs are the best for all, not for the first") {
  // Person 1 stands at 0, person 2 at 60. Of the two found the first is nearer to 2 than to 1, the second near 2 only:
  // taking the most similar pair first would leave 1 with none.
  Tracker tracker(skeleton);
  CHECK(tracker.update({person(0, 0), person(60, 0)}, 0) == Ids{1, 2});
  CHECK(tracker.update({person(35, 0), person(95, 0)}, 1) == Ids{1, 2});
}

TEST_CASE("where no keypoint is sure the boxes tell") {
  Tracker tracker(skeleton);
  CHECK(tracker.update({person(0, 0, 0.01F), person(400, 0, 0.01F)}, 0) == Ids{1, 2});
  CHECK(tracker.update({person(405, 0, 0.01F), person(5, 0, 0.01F)}, 0.1) == Ids{2, 1});
}

TEST_CASE("memory is that of those who were seen lately, however long the film") {
  TrackerOptions options;
  options.memory = 1;
  Tracker tracker(skeleton, options);
  std::int64_t last = 0;
  for (int frame = 0; frame < 10000; ++frame) {
    // In each frame somebody else, far from all others of the last second.
    last = tracker.update({person(500.0 * (frame % 40), 0)}, frame / 30.0).front();
    CHECK(tracker.known_people() <= 31);
  }
  CHECK(last == 10000);
}

TEST_CASE("frames that make no sense are refused, and forgotten") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Tracker tracker(skeleton);
  CHECK_THROWS_AS(tracker.update({}, nan), Error);
  CHECK(tracker.update({person(0, 0)}, 5) == Ids{1});
  CHECK_THROWS_WITH_AS(tracker.update({person(0, 0)}, 5),
                       "tracker: time: expected a finite one, after the last frame's, found 5.000000", Error);
  CHECK_THROWS_WITH_AS(tracker.update({Pose()}, 6), "tracker: expected poses of 5 keypoints, found one of 0", Error);
  Pose broken = person(0, 0);
  broken.keypoints[1].y = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH_AS(tracker.update({broken}, 6), "tracker: keypoint left_hip: expected finite x, y and score",
                       Error);
  broken = person(0, 0);
  broken.box.width = std::numeric_limits<float>::infinity();
  CHECK_THROWS_AS(tracker.update({broken}, 6), Error);
  CHECK(tracker.update({person(0, 0)}, 5.5) == Ids{1});

  CHECK_THROWS_AS(Tracker(skeleton, {0, 1, 0}), Error);
  CHECK_THROWS_AS(Tracker(skeleton, {0.2, -1, 0}), Error);
  CHECK_THROWS_AS(Tracker(skeleton, {0.2, nan, 0}), Error);
}
