#include <limn/track/next_boxes.hpp>

#include <doctest/doctest.h>

#include <vector>

#include "track/person.hpp"

using namespace limn;
using track_scene::person;
using track_scene::skeleton;

namespace {

Detection found(const Pose& pose) { return {pose.box, 0.9F}; }

/// What an estimator does: for each box the pose of whoever is in the middle of it, or of nobody.
std::vector<Pose> poses_in(const std::vector<Box>& boxes, const std::vector<Pose>& people) {
  std::vector<Pose> poses;
  for (const Box& box : boxes) {
    Pose best = person(static_cast<double>(box.x), static_cast<double>(box.y), 0.05F);
    double overlap = 0.2;
    for (const Pose& pose : people) {
      const double now = intersection_over_union(pose.box, box);
      if (now <= overlap) continue;
      overlap = now;
      best = pose;
    }
    best.box = box;
    poses.push_back(best);
  }
  return poses;
}

}  // namespace

TEST_CASE("the box around a pose is that of its sure keypoints, larger around its middle") {
  Pose pose = person(100, 200);
  pose.keypoints[0].score = 0.1F;  // the head, at the top
  const Box box = box_around(pose, 0.2F, 1.5);
  CHECK(box.x == doctest::Approx(150 - 25 * 1.5));
  CHECK(box.width == doctest::Approx(50 * 1.5));
  CHECK(box.y == doctest::Approx((300 + 395) / 2.0 - 95 * 0.75));
  CHECK(box.height == doctest::Approx(95 * 1.5));

  for (Keypoint& keypoint : pose.keypoints) keypoint.score = 0;
  CHECK(box_around(pose, 0, 1.5).x == pose.box.x);
  pose.keypoints[0].score = 0.9F;
  CHECK(box_around(pose, 0, 1.5).width == pose.box.width);
  CHECK_THROWS_WITH_AS(box_around(pose, 0, 0), "box around a pose: scale: expected a positive number, found 0.000000",
                       Error);
}

TEST_CASE("the detector is due at first, every so many frames, and while nobody is there") {
  NextBoxes next(skeleton, {4, 1.25, 0.2F, 0.2F, 0.2F});
  std::vector<int> asked;
  for (int frame = 0; frame < 14; ++frame) {
    std::vector<Pose> people;
    if (frame >= 2) people = {person(100 + frame, 100)};
    std::vector<Detection> detections;
    for (const Pose& pose : people) detections.push_back(found(pose));
    if (next.detector_due()) asked.push_back(frame);
    std::vector<Pose> poses = poses_in(next.detector_due() ? next.boxes(detections) : next.boxes(), people);
    next.saw(poses);
    CHECK(poses.size() == people.size());
  }
  // Nobody at 0 and 1, somebody new at 2, and so once more at 3; then every 4.
  CHECK(asked == std::vector<int>{0, 1, 2, 3, 7, 11});
}

TEST_CASE("who is lost is left out, and the detector is due at the next frame") {
  NextBoxes next(skeleton, {100, 1.25, 0.2F, 0.2F, 0.2F});
  std::vector<Pose> both = {person(100, 100), person(600, 100)};
  std::vector<Pose> poses = poses_in(next.boxes({found(both[0]), found(both[1])}), both);
  next.saw(poses);
  poses = poses_in(next.boxes({found(both[0]), found(both[1])}), both);
  next.saw(poses);
  CHECK(poses.size() == 2);
  CHECK_FALSE(next.detector_due());
  poses = poses_in(next.boxes(), {both[1]});
  next.saw(poses);
  REQUIRE(poses.size() == 1);
  CHECK(poses[0].keypoints[0].x == both[1].keypoints[0].x);
  CHECK(next.detector_due());
  CHECK(next.boxes({}).size() == 1);  // whom the detector misses is looked for where they were
}

TEST_CASE("a detection of somebody known is no new box, and one of somebody new is") {
  NextBoxes next(skeleton);
  std::vector<Pose> poses = poses_in(next.boxes({found(person(100, 100))}), {person(100, 100)});
  next.saw(poses);
  const std::vector<Box> boxes = next.boxes({found(person(500, 100)), found(person(108, 97))});
  REQUIRE(boxes.size() == 2);
  CHECK(boxes[0].x == 108);  // where the detector sees them now
  CHECK(boxes[1].x == 500);
}

TEST_CASE("of one person who is found twice, the surer pose is left") {
  NextBoxes next(skeleton);
  std::vector<Pose> poses =
      poses_in(next.boxes({found(person(100, 100)), found(person(400, 100))}), {person(100, 100), person(400, 100)});
  next.saw(poses);
  REQUIRE(next.boxes().size() == 2);
  for (const float second : {0.7F, 0.95F}) {
    poses = {person(101, 100), person(103, 101, second)};
    next.boxes({found(person(100, 100)), found(person(400, 100))});
    next.saw(poses);
    REQUIRE(poses.size() == 1);
    CHECK(poses[0].box.x == (second > 0.9F ? 103 : 101));
  }
}

TEST_CASE("who moves is looked for where they would be next") {
  NextBoxes next(skeleton);
  std::vector<Pose> poses = poses_in(next.boxes({found(person(100, 100))}), {person(100, 100)});
  next.saw(poses);
  const float x = next.boxes().front().x;
  poses = poses_in(next.boxes(), {person(130, 95)});
  next.saw(poses);
  CHECK(next.boxes().front().x == doctest::Approx(x + 60));
  // Who jumps as nobody does is looked for nearer.
  poses = poses_in(next.boxes(), {person(190, 90)});
  poses[0] = person(900, 90);
  next.saw(poses);
  CHECK(next.boxes().front().x < x + 800 + 51);
}

TEST_CASE("after a reset nobody is known") {
  NextBoxes next(skeleton);
  std::vector<Pose> poses = poses_in(next.boxes({found(person(100, 100))}), {person(100, 100)});
  next.saw(poses);
  next.reset();
  CHECK(next.detector_due());
  CHECK(next.boxes().empty());
}

TEST_CASE("options and poses that cannot be are errors") {
  CHECK_THROWS_WITH_AS(NextBoxes(skeleton, {0, 1.25, 0.2F, 0.2F, 0.2F}),
                       "next boxes: detect_every: expected a number of frames, 1 or more, found 0", Error);
  CHECK_THROWS_WITH_AS(NextBoxes(skeleton, {1, -1, 0.2F, 0.2F, 0.2F}),
                       "next boxes: scale: expected a positive number, found -1.000000", Error);
  NextBoxes next(skeleton);
  std::vector<Pose> poses = {person(0, 0)};
  CHECK_THROWS_WITH_AS(next.saw(poses), "next boxes: expected 0 poses, one for each box, found 1", Error);
}
