#include <limn/metrics/posture.hpp>

#include <doctest/doctest.h>

#include "metrics/label_places.hpp"

using namespace limn;
using limn_test::visible;

namespace {

Skeleton skeleton() { return {{"left_shoulder", "right_shoulder", "left_hip", "right_hip"}, {}, {}}; }

/// Hips around (100, 100); shoulders so far from there.
std::optional<Posture> torso(double dx, double dy) {
  return posture({visible(110 + dx, 101 + dy), visible(90 + dx, 99 + dy), visible(105, 100), visible(95, 100)},
                 skeleton());
}

}  // namespace

TEST_CASE("a posture is told by the direction from hips to shoulders, in steps of 90 degrees") {
  CHECK(torso(0, -50) == Posture::upright);
  CHECK(torso(50, -50) == Posture::upright);
  CHECK(torso(51, -50) == Posture::tilted);
  CHECK(torso(-80, 0) == Posture::tilted);
  CHECK(torso(-51, 50) == Posture::tilted);
  CHECK(torso(-50, 50) == Posture::upside_down);
  CHECK(torso(0, 50) == Posture::upside_down);
}

TEST_CASE("one shoulder and one hip are enough for a posture, fewer tell nothing") {
  Labels labels = {{}, visible(100, 10), visible(100, 100), {}};
  CHECK(posture(labels, skeleton()) == Posture::upright);
  labels[1].visibility = Visibility::not_labelled;
  CHECK_FALSE(posture(labels, skeleton()).has_value());
  CHECK_FALSE(torso(0, 0).has_value());
  CHECK_FALSE(posture(labels, {{"a", "b", "c", "d"}, {}, {}}).has_value());
}
