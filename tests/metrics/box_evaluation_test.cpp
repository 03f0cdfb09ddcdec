#include <limn/metrics/box_evaluation.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <vector>

using namespace limn;

namespace {

/// A person of 100 x 100 pixels unless said otherwise.
AnnotatedBox annotated_box(float x, float height = 100) { return {{x, 0, 100, height}, false}; }
AnnotatedBox crowd(float x, float width) { return {{x, 0, width, 100}, true}; }
Detection found_box(float x, float score, float height = 100) { return {{x, 0, 100, height}, score}; }

BoxEvaluation evaluation_of(const std::vector<AnnotatedBox>& people, const std::vector<Detection>& boxes,
                            double least_height = 0) {
  BoxEvaluation evaluation;
  evaluation.add_image(people, boxes, least_height);
  return evaluation;
}

using Partners = std::vector<std::optional<std::size_t>>;

}  // namespace

TEST_CASE("a box is right from the intersection over union asked for on") {
  // 100 x 100 each, 50 apart: 5000 of 15000 square pixels in common.
  CHECK(evaluation_of({annotated_box(0)}, {found_box(50, 1)}).tally(0).right == 0);
  for (const auto& [iou, right] : {std::pair<double, std::size_t>{0.33, 1}, {0.34, 0}}) {
    BoxEvaluation evaluation(iou);
    evaluation.add_image({annotated_box(0)}, {found_box(50, 1)});
    CHECK(evaluation.tally(0).right == right);
    CHECK(evaluation.tally(0).wrong == 1 - right);
  }
  CHECK(evaluation_of({annotated_box(0)}, {{{0, 0, 100, 50}, 1}}).tally(0).right == 1);  // exactly a half
}

TEST_CASE("recall and precision are of the boxes from a score on") {
  const BoxEvaluation evaluation = evaluation_of({annotated_box(0), annotated_box(200), annotated_box(400)},
                                                 {found_box(0, 0.9F), found_box(900, 0.5F), found_box(205, 0.3F)});
  CHECK(evaluation.tally(0.6).recall() == doctest::Approx(1.0 / 3));
  CHECK(evaluation.tally(0.6).precision() == 1);
  CHECK(evaluation.tally(0.5).precision() == 0.5);
  CHECK(evaluation.tally(0.3).recall() == doctest::Approx(2.0 / 3));
  CHECK(evaluation.tally(0.3).precision() == doctest::Approx(2.0 / 3));
  CHECK(evaluation.tally(0.95).recall() == 0);
  CHECK(std::isnan(evaluation.tally(0.95).precision()));
}

TEST_CASE("the average precision is COCO's, over the boxes of all images") {
  BoxEvaluation evaluation;
  evaluation.add_image({annotated_box(0)}, {found_box(0, 0.9F)});
  evaluation.add_image({}, {found_box(0, 0.8F)});
  evaluation.add_image({annotated_box(0)}, {found_box(3, 0.7F)});
  // Precision 1 up to recall 0.5, which 51 of the 101 recalls lie on or below, then 2/3.
  CHECK(evaluation.average_precision() == doctest::Approx((51 + 50 * 2.0 / 3) / 101));
}

TEST_CASE("who is found twice makes the worse scored box wrong, wherever it lies") {
  const BoxEvaluation evaluation = evaluation_of({annotated_box(0)}, {found_box(0, 0.5F), found_box(30, 0.6F)});
  CHECK(evaluation.tally(0).right == 1);
  CHECK(evaluation.tally(0).wrong == 1);
  CHECK(evaluation.average_precision() == doctest::Approx(1));  // the right one is the better scored
  CHECK(evaluation.tally(0.55).right == 1);
}

TEST_CASE("people smaller than asked for are neither missed nor wrong to find") {
  const std::vector<AnnotatedBox> people = {annotated_box(0), annotated_box(200, 59)};
  CHECK(evaluation_of(people, {}, 60).tally(0).to_be_found == 1);
  CHECK(evaluation_of(people, {}, 59).tally(0).to_be_found == 2);
  const BoxTally tally = evaluation_of(people, {found_box(200, 0.9F, 61), found_box(0, 0.5F)}, 60).tally(0);
  CHECK(tally.right == 1);
  CHECK(tally.wrong == 0);
  // Once only: the second box there is nobody's.
  CHECK(evaluation_of(people, {found_box(200, 0.9F, 61), found_box(200, 0.8F, 61)}, 60).tally(0).wrong == 1);
  // Nor is a small box that is nobody's; a large one is.
  CHECK(evaluation_of(people, {found_box(600, 0.9F, 59)}, 60).tally(0).wrong == 0);
  CHECK(evaluation_of(people, {found_box(600, 0.9F, 60)}, 60).tally(0).wrong == 1);
}

TEST_CASE("a crowd takes any number of boxes that lie in it") {
  const std::vector<Detection> boxes = {found_box(0, 0.9F), found_box(40, 0.8F), found_box(120, 0.7F),
                                        found_box(500, 0.6F)};
  // 100, 100 and 30 of the 100 columns of the first three boxes lie in it.
  const BoxTally tally = evaluation_of({crowd(0, 150)}, boxes).tally(0);
  CHECK(tally.to_be_found == 0);
  CHECK(tally.right == 0);
  CHECK(tally.wrong == 2);
  CHECK(evaluation_of({crowd(0, 150)}, boxes).average_precision() == -1);
  // Who counts is preferred to a crowd that fits better.
  CHECK(evaluation_of({crowd(0, 300), annotated_box(30)}, {found_box(0, 1)}).tally(0).right == 1);
}

TEST_CASE("boxes are paired from the most alike on, one to one") {
  const std::vector<Box> people = {{0, 0, 100, 100}, {40, 0, 100, 100}, {500, 0, 100, 100}};
  // The first found box is nearer to the second person, whom the second box fits better still.
  CHECK(pair_boxes(people, {{30, 0, 100, 100}, {40, 0, 100, 100}, {800, 0, 100, 100}}, 0.3) ==
        Partners{0, 1, std::nullopt});
  CHECK(pair_boxes(people, {{30, 0, 100, 100}}, 0.3) == Partners{std::nullopt, 0, std::nullopt});
  CHECK(pair_boxes(people, {{520, 0, 100, 100}, {520, 0, 100, 100}}, 0.3) == Partners{std::nullopt, std::nullopt, 0});
  // 10 x 100 of 100 x 100 pixels.
  CHECK(pair_boxes({people[0]}, {{0, 0, 10, 100}}, 0.1) == Partners{0});
  CHECK(pair_boxes({people[0]}, {{0, 0, 10, 100}}, 0.11) == Partners{std::nullopt});
  CHECK(pair_boxes({people[0]}, {{100, 0, 10, 100}}, 0) == Partners{std::nullopt});  // side by side
  CHECK(pair_boxes({}, {people[0]}, 0.3).empty());
}

TEST_CASE("scores and thresholds that are none are errors") {
  CHECK_THROWS_AS(BoxEvaluation(0), Error);
  CHECK_THROWS_WITH_AS(BoxEvaluation(1.5),
                       "box evaluation: intersection over union 1.500000: expected more than 0 and at most 1", Error);
  BoxEvaluation evaluation;
  CHECK_THROWS_AS(evaluation.add_image({}, {found_box(0, std::nanf(""))}), Error);
}

TEST_CASE("NaN and infinite boxes are refused, annotated or found, also where there is nothing to compare them with") {
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const auto expected = doctest::Contains("expected finite x, y, width and height");
    CHECK_THROWS_WITH_AS(evaluation_of({annotated_box(value)}, {}), expected, Error);
    CHECK_THROWS_WITH_AS(evaluation_of({crowd(value, 100)}, {}), expected, Error);
    CHECK_THROWS_WITH_AS(evaluation_of({}, {found_box(0, 1, value)}), expected, Error);
    CHECK_THROWS_WITH_AS(pair_boxes({annotated_box(value).box}, {}, 0.5), expected, Error);
    CHECK_THROWS_WITH_AS(pair_boxes({}, {annotated_box(value).box}, 0.5), expected, Error);
  }
}
