#include <limn/track/pose_smoother.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>

#include "track/person.hpp"

using namespace limn;
using track_scene::person;

namespace {

/// Noise of variance 1 or so, always the same.
double noise() {
  static std::uint32_t state = 1;
  double sum = 0;
  for (int i = 0; i < 12; ++i) {
    state = state * 1664525U + 1013904223U;
    sum += static_cast<double>(state >> 8) / (1 << 24);
  }
  return sum - 6;
}

}  // namespace

TEST_CASE("somebody at rest trembles less, and somebody who moves does not lag") {
  PoseSmoother at_rest;
  PoseSmoother moving;
  double before = 0, after = 0, lag = 0;
  for (int frame = 0; frame < 300; ++frame) {
    const double time = frame / 30.0;
    Pose pose = person(100, 100);
    for (Keypoint& keypoint : pose.keypoints) keypoint.x += static_cast<float>(1.5 * noise());
    const Pose found = pose;
    at_rest.smooth(pose, time);
    const double speed = 200;  // pixels a second, more than one size of the person
    Pose runner = person(speed * time, 100);
    moving.smooth(runner, time);
    if (frame < 60) continue;
    const Pose truth = person(100, 100);
    for (std::size_t i = 0; i < pose.keypoints.size(); ++i) {
      const auto square = [](float a, float b) { return static_cast<double>(a - b) * static_cast<double>(a - b); };
      before += square(found.keypoints[i].x, truth.keypoints[i].x);
      after += square(pose.keypoints[i].x, truth.keypoints[i].x);
    }
    lag = std::max(lag, speed * time + 50 - static_cast<double>(runner.keypoints[0].x));
  }
  CHECK(std::sqrt(after / before) < 0.5);
  CHECK(lag < 200 / 30.0);  // a frame
}

TEST_CASE("smoothing means the same near and far") {
  PoseSmoother near;
  PoseSmoother far;
  for (int frame = 0; frame < 30; ++frame) {
    const double x = 10 * std::sin(frame * 0.7);
    Pose large = person(x, 0);
    Pose small = large;
    for (Keypoint& keypoint : small.keypoints) {
      keypoint.x /= 4;
      keypoint.y /= 4;
    }
    small.box = {large.box.x / 4, large.box.y / 4, large.box.width / 4, large.box.height / 4};
    near.smooth(large, frame / 25.0);
    far.smooth(small, frame / 25.0);
    CHECK(small.keypoints[2].x * 4 == doctest::Approx(large.keypoints[2].x).epsilon(1e-4));
    CHECK(small.box.x * 4 == doctest::Approx(large.box.x).epsilon(1e-4));
  }
}

TEST_CASE("a keypoint that is not sure stays as it is found, and does not spoil the next sure one") {
  PoseSmoother smoother;
  Pose pose = person(0, 0);
  smoother.smooth(pose, 0);
  pose = person(0, 0);
  pose.keypoints[1].x = 5000;
  pose.keypoints[1].score = 0.1F;
  smoother.smooth(pose, 0.04);
  CHECK(pose.keypoints[1].x == 5000);
  pose = person(0, 0);
  smoother.smooth(pose, 0.08);
  CHECK(pose.keypoints[1].x == doctest::Approx(person(0, 0).keypoints[1].x));
}

TEST_CASE("after a reset the next pose is the first") {
  PoseSmoother smoother;
  Pose pose = person(0, 0);
  smoother.smooth(pose, 5);
  smoother.reset();
  pose = person(300, 0);
  smoother.smooth(pose, 1);
  CHECK(pose.keypoints[0].x == person(300, 0).keypoints[0].x);
}

TEST_CASE("what cannot be smoothed is an error, and the next pose is smoothed as if it had not been") {
  PoseSmoother smoother;
  Pose pose = person(0, 0);
  smoother.smooth(pose, 1);
  Pose bad = person(0, 0);
  bad.keypoints[1].y = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH_AS(smoother.smooth(bad, 2), "smoothing: keypoint left_hip: expected finite x and y", Error);
  bad = person(0, 0);
  CHECK_THROWS_WITH_AS(smoother.smooth(bad, 0.5),
                       "smoothing: time: expected a finite one, not before the last, found 0.500000", Error);
  bad.keypoints.pop_back();
  CHECK_THROWS_WITH_AS(smoother.smooth(bad, 2), "smoothing: expected a pose of 5 keypoints, found one of 4", Error);
  CHECK_THROWS_WITH_AS(PoseSmoother({0, 1, 1, 0.2F}),
                       "One-Euro filter: min_cutoff: expected a positive number of Hz, found 0.000000", Error);
  pose = person(0, 0);
  smoother.smooth(pose, 1.04);
  CHECK(pose.keypoints[0].x == doctest::Approx(50));
}
