#include <limn/metrics/oks.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "metrics/label_places.hpp"

using namespace limn;
using limn_test::places;

namespace {

const char* const names[] = {"nose",          "left_eye",       "right_eye",  "left_ear",    "right_ear",
                             "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist",
                             "right_wrist",   "left_hip",       "right_hip",  "left_knee",   "right_knee",
                             "left_ankle",    "right_ankle"};

std::vector<double> oks_sigmas() {
  std::vector<double> result;
  for (const char* name : names) result.push_back(coco_sigma(name).value());
  return result;
}

Labels person() {
  Labels labels;
  for (int i = 0; i < 17; ++i) labels.push_back({{10.0 * i, 7.0 * (i % 5)}, Visibility::visible});
  return labels;
}

}  // namespace

TEST_CASE("OKS has the known values when every keypoint is off by so many pixels") {
  // Area 10000, 17 labelled keypoints.
  const Labels labels = person();
  CHECK(oks(labels, {}, 10000, places(labels, 0, 0), oks_sigmas()) == 1);
  CHECK(oks(labels, {}, 10000, places(labels, 2, 0), oks_sigmas()) == doctest::Approx(0.976440).epsilon(1e-6));
  CHECK(oks(labels, {}, 10000, places(labels, 3, -4), oks_sigmas()) == doctest::Approx(0.871155).epsilon(1e-6));
  CHECK(oks(labels, {}, 10000, places(labels, -6, 8), oks_sigmas()) == doctest::Approx(0.646995).epsilon(1e-6));
}

TEST_CASE("OKS counts labelled keypoints only, hidden ones too") {
  const Labels labels = {
      {{0, 0}, Visibility::visible}, {{50, 0}, Visibility::hidden}, {{90, 90}, Visibility::not_labelled}};
  // Distance 4 with sigma 0.1 and area 400: exp(-16 / (2 * 0.04 * 400)) = exp(-0.5).
  CHECK(oks(labels, {}, 400, {{0, 0}, {50, 4}, {-999, 5}}, {0.1, 0.1, 0.1}) ==
        doctest::Approx((1 + std::exp(-0.5)) / 2));
}

TEST_CASE("where nothing is labelled OKS is measured to the box grown threefold") {
  // The box from (100, 200) to (120, 240) grows to (80, 160) to (140, 280).
  const Box box{100, 200, 20, 40};
  const Labels labels(1);
  const auto similarity = [&](double x, double y) { return oks(labels, box, 400, {{x, y}}, {0.1}); };
  CHECK(similarity(110, 220) == 1);
  CHECK(similarity(80, 160) == 1);
  CHECK(similarity(140, 280) == 1);
  CHECK(similarity(76, 220) == doctest::Approx(std::exp(-0.5)));
  CHECK(similarity(144, 220) == doctest::Approx(std::exp(-0.5)));
  CHECK(similarity(110, 156) == doctest::Approx(std::exp(-0.5)));
  CHECK(similarity(110, 284) == doctest::Approx(std::exp(-0.5)));
}

TEST_CASE("OKS of two found persons has the mean of their areas and all keypoints") {
  CHECK(oks({{0, 0}, {5, 5}}, 300, {{4, 0}, {5, 5}}, 500, {0.1, 0.1}) == doctest::Approx((1 + std::exp(-0.5)) / 2));
}

TEST_CASE("non-maximum suppression keeps the best of like persons and everybody else") {
  const Labels labels = person();
  const auto person_at = [&](double dx, double score) { return FoundPerson{places(labels, dx, 0), score, 10000}; };
  // Off by 2 pixels the similarity is 0.976, by 5 pixels 0.871.
  const std::vector<FoundPerson> persons = {person_at(0, 0.5), person_at(2, 0.9), person_at(7, 0.7),
                                            person_at(500, 0.1)};
  CHECK(oks_nms(persons, oks_sigmas()) == std::vector<std::size_t>{1, 2, 3});
  CHECK(oks_nms(persons, oks_sigmas(), 0.98) == std::vector<std::size_t>{1, 2, 0, 3});
  CHECK(oks_nms(persons, oks_sigmas(), 0.8) == std::vector<std::size_t>{1, 3});
  CHECK(oks_nms({person_at(1, 0.5), person_at(0, 0.5)}, oks_sigmas()) == std::vector<std::size_t>{0});
  CHECK(oks_nms({}, oks_sigmas()).empty());
}

TEST_CASE("a person's score is the box's times the mean of the keypoints that score above 0.2") {
  Pose pose;
  pose.keypoints = {{"a", 0, 0, 0.5F}, {"b", 0, 0, 0.25F}, {"c", 0, 0, 0.125F}, {"d", 0, 0, std::nanf("")}};
  CHECK(person_score(pose, 1) == 0.375);
  CHECK(person_score(pose, 0.5) == 0.1875);
  pose.keypoints = {{"a", 0, 0, 0.2F - 1e-6F}};
  CHECK(person_score(pose, 1) == 0);
}

TEST_CASE("persons of different numbers of keypoints are an error") {
  CHECK_THROWS_WITH_AS(oks(Labels(2), {}, 1, {{0, 0}, {0, 0}}, {0.1}),
                       "OKS: expected as many keypoints as sigmas, 1, and one at least, found 2 and 2", Error);
  CHECK_THROWS_AS(oks(Labels(), {}, 1, {}, {}), Error);
  CHECK_THROWS_AS(oks({{0, 0}}, 1, {{0, 0}, {1, 1}}, 1, {0.1}), Error);
}

TEST_CASE("the similarity to a person with a NaN or infinite box is an error") {
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    CHECK_THROWS_AS(oks(person(), {0, 0, value, 5}, 100, places(person(), 0, 0), oks_sigmas()), Error);
    CHECK_THROWS_AS(oks(Labels(17), {value, 0, 5, 5}, 100, places(person(), 0, 0), oks_sigmas()), Error);
  }
}
