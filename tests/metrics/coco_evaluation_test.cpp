#include <limn/metrics/coco_evaluation.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using namespace limn;

namespace {

/// One keypoint of sigma 0.1 a person suffices for what is tested here, and two for those with an extent.
const std::vector<double> sigmas = {0.1, 0.1};

AnnotatedPerson annotated(double x, double area = 10000) {
  return {{{{x, 0}, Visibility::visible}, {{x + 100, 100}, Visibility::visible}},
          {static_cast<float>(x), 0, 100, 100},
          area,
          false};
}

FoundPerson found(double x, double score) { return {{{x, 0}, {x + 100, 100}}, score, 0}; }

AnnotatedPerson unlabelled(double x) {
  AnnotatedPerson person = annotated(x);
  for (Label& label : person.labels) label.visibility = Visibility::not_labelled;
  return person;
}

/// How far a person must be off for that OKS, at area 10000.
double distance_of(double similarity) { return std::sqrt(-std::log(similarity) * 2 * 0.04 * 10000); }

CocoSummary summary_of(const std::vector<AnnotatedPerson>& persons, const std::vector<FoundPerson>& poses) {
  CocoEvaluation evaluation(sigmas);
  evaluation.add_image(persons, poses);
  return evaluation.summary();
}

}  // namespace

TEST_CASE("perfect predictions have all ten numbers 1") {
  CocoEvaluation evaluation(sigmas);
  for (int image = 0; image < 5; ++image) {
    evaluation.add_image({annotated(0, 2000), annotated(1000, 20000)}, {found(1000, 0.3), found(0, 0.2 + image)});
  }
  evaluation.add_image({}, {});
  const CocoSummary summary = evaluation.summary();
  for (const double value : {summary.ap, summary.ap_50, summary.ap_75, summary.ap_medium, summary.ap_large, summary.ar,
                             summary.ar_50, summary.ar_75, summary.ar_medium, summary.ar_large}) {
    CHECK(value == doctest::Approx(1));
  }
}

TEST_CASE("the OKS decides which of the ten thresholds are passed") {
  for (const auto& [similarity, passed] :
       {std::pair<double, int>{0.976440, 10}, {0.871155, 8}, {0.646995, 3}, {0.49, 0}}) {
    const CocoSummary summary = summary_of({annotated(0)}, {found(distance_of(similarity), 1)});
    CHECK(summary.ap == doctest::Approx(passed / 10.0));
    CHECK(summary.ar == doctest::Approx(passed / 10.0));
    CHECK(summary.ap_50 == doctest::Approx(passed >= 1 ? 1 : 0));
    CHECK(summary.ap_75 == doctest::Approx(passed >= 6 ? 1 : 0));
    CHECK(summary.ar_75 == doctest::Approx(passed >= 6 ? 1 : 0));
  }
}

TEST_CASE("precision over recall by hand: a wrong person between two right ones, or before both") {
  const std::vector<AnnotatedPerson> persons = {annotated(0), annotated(1000)};
  // Precision 1 up to recall 0.5, which 51 of the 101 recalls lie on or below, then 2/3.
  const CocoSummary between = summary_of(persons, {found(0, 0.9), found(5000, 0.8), found(1000, 0.7)});
  CHECK(between.ap == doctest::Approx((51 + 50 * 2.0 / 3) / 101));
  CHECK(between.ar == doctest::Approx(1));
  // Precisions 0, 1/2, 2/3, raised to 2/3 from the right.
  const CocoSummary before = summary_of(persons, {found(0, 0.7), found(5000, 0.9), found(1000, 0.8)});
  CHECK(before.ap == doctest::Approx(2.0 / 3));
  // The wrong one last costs nothing; one never found costs the recalls above 0.5.
  CHECK(summary_of(persons, {found(0, 0.7), found(5000, 0.1), found(1000, 0.8)}).ap == doctest::Approx(1));
  const CocoSummary half = summary_of(persons, {found(0, 0.7)});
  CHECK(half.ap == doctest::Approx(51.0 / 101));
  CHECK(half.ar == doctest::Approx(0.5));
}

TEST_CASE("scores rank the found persons of all images together, whatever their scale") {
  const auto evaluate = [](double wrong, double scale) {
    CocoEvaluation evaluation(sigmas);
    evaluation.add_image({annotated(0)}, {found(0, scale * 0.5)});
    evaluation.add_image({annotated(0)}, {found(0, scale * 0.6), found(5000, scale * wrong)});
    return evaluation.summary().ap;
  };
  CHECK(evaluate(0.9, 1) == doctest::Approx(2.0 / 3));
  CHECK(evaluate(0.55, 1) == doctest::Approx((51 + 50 * 2.0 / 3) / 101));
  CHECK(evaluate(0.1, 1) == doctest::Approx(1));
  CHECK(evaluate(0.55, 1) == evaluate(0.55, 7));
}

TEST_CASE("of equal scores the image added first and the person given first are first") {
  CocoEvaluation right_first(sigmas);
  right_first.add_image({annotated(0)}, {found(0, 0.5)});
  right_first.add_image({}, {found(5000, 0.5)});
  CHECK(right_first.summary().ap == doctest::Approx(1));
  CocoEvaluation wrong_first(sigmas);
  wrong_first.add_image({}, {found(5000, 0.5)});
  wrong_first.add_image({annotated(0)}, {found(0, 0.5)});
  CHECK(wrong_first.summary().ap == doctest::Approx(0.5));
  CHECK(summary_of({annotated(0)}, {found(0, 0.5), found(9000, 0.5)}).ap == doctest::Approx(1));
  CHECK(summary_of({annotated(0)}, {found(9000, 0.5), found(0, 0.5)}).ap == doctest::Approx(0.5));
}

TEST_CASE("a person is found once: who comes later takes the next best, or nobody") {
  // Two found where one is: the second is wrong, after the first.
  const CocoSummary twice =
      summary_of({annotated(0), annotated(9000)}, {found(0, 0.9), found(1, 0.8), found(9000, 0.7)});
  CHECK(twice.ap == doctest::Approx((51 + 50 * 2.0 / 3) / 101));
  // Both are near both; the better scored takes the nearer, which leaves the other for the second.
  const double off = distance_of(0.8);
  const CocoSummary swapped = summary_of({annotated(0), annotated(off)}, {found(off, 0.9), found(0, 0.8)});
  CHECK(swapped.ap == doctest::Approx(1));
}

TEST_CASE("who does not count is neither to be found nor wrong to find") {
  const std::vector<FoundPerson> poses = {found(2000, 0.9), found(2030, 0.8), found(0, 0.7)};
  AnnotatedPerson crowd = unlabelled(2000);
  crowd.crowd = true;
  // A crowd forgives any number of persons.
  CHECK(summary_of({crowd, annotated(0)}, poses).ap == doctest::Approx(1));
  CHECK(summary_of({annotated(0), crowd}, poses).ap == doctest::Approx(1));
  // A person without labels forgives one: precisions then are 0, 1/2, and the box's surroundings do as well.
  CHECK(summary_of({unlabelled(2000), annotated(0)}, poses).ap == doctest::Approx(0.5));
  CHECK(summary_of({unlabelled(2000), annotated(0)}, {found(2030, 0.8), found(0, 0.7)}).ap == doctest::Approx(1));
  CHECK(summary_of({annotated(0)}, poses).ap == doctest::Approx(1.0 / 3));
  AnnotatedPerson labelled_crowd = annotated(2000);
  labelled_crowd.crowd = true;
  CHECK(summary_of({labelled_crowd}, {found(2000, 1)}).ap == -1);
  // Who counts is preferred, however much better the other fits.
  const CocoSummary preferred = summary_of({labelled_crowd, annotated(2000 + distance_of(0.51))}, {found(2000, 1)});
  CHECK(preferred.ar_50 == doctest::Approx(1));
  CHECK(preferred.ar_75 == doctest::Approx(0));
}

TEST_CASE("without anybody to be found the numbers are -1, without anybody found they are 0") {
  const CocoSummary nobody = summary_of({unlabelled(0)}, {found(0, 1)});
  CHECK(nobody.ap == -1);
  CHECK(nobody.ar_large == -1);
  CHECK(CocoEvaluation(sigmas).summary().ap == -1);
  const CocoSummary missed = summary_of({annotated(0)}, {});
  CHECK(missed.ap == 0);
  CHECK(missed.ar == 0);
  CHECK(missed.ap_medium == -1);
  CHECK(missed.ap_large == 0);
}

TEST_CASE("medium and large are by the annotation's area, both limits included") {
  CHECK(summary_of({annotated(0, 1023)}, {found(0, 1)}).ap_medium == -1);
  CHECK(summary_of({annotated(0, 1024)}, {found(0, 1)}).ap_medium == doctest::Approx(1));
  CHECK(summary_of({annotated(0, 9216)}, {found(0, 1)}).ap_medium == doctest::Approx(1));
  CHECK(summary_of({annotated(0, 9216)}, {found(0, 1)}).ap_large == doctest::Approx(1));
  CHECK(summary_of({annotated(0, 9217)}, {found(0, 1)}).ap_medium == -1);
}

TEST_CASE("among medium persons, who took a large one or is large himself does not count") {
  const AnnotatedPerson medium = annotated(0, 5000);
  const AnnotatedPerson large = annotated(2000, 20000);
  // The second pose took the large person. The third, nobody's, spans 100 x 100 pixels: wrong among the large only.
  const CocoSummary summary = summary_of({medium, large}, {found(0, 0.7), found(2000, 0.8), found(5000, 0.9)});
  CHECK(summary.ap_medium == doctest::Approx(1));
  CHECK(summary.ap_large == doctest::Approx(0.5));
  // Now it spans 50 x 50.
  const FoundPerson small{{{5000, 0}, {5050, 50}}, 0.9, 0};
  const CocoSummary other = summary_of({medium, large}, {found(0, 0.7), found(2000, 0.8), small});
  CHECK(other.ap_medium == doctest::Approx(0.5));
  CHECK(other.ap_large == doctest::Approx(1));
}

TEST_CASE("only the twenty best scored persons of an image take part") {
  std::vector<FoundPerson> poses;
  for (int i = 0; i < 19; ++i) poses.push_back(found(5000 + 1000 * i, 0.9));
  poses.push_back(found(0, 0.1));
  CHECK(summary_of({annotated(0)}, poses).ap == doctest::Approx(1.0 / 20));
  poses.push_back(found(90000, 0.9));
  CHECK(summary_of({annotated(0)}, poses).ap == 0);
}

TEST_CASE("persons of another number of keypoints, and sigmas and scores that are none, are errors") {
  CHECK_THROWS_AS(CocoEvaluation({}), Error);
  CHECK_THROWS_AS(CocoEvaluation({0.1, 0.0}), Error);
  CocoEvaluation evaluation(sigmas);
  CHECK_THROWS_WITH_AS(evaluation.add_image({}, {FoundPerson{{{0, 0}}, 1, 0}}),
                       "COCO evaluation: expected persons of 2 keypoints, found 1", Error);
  CHECK_THROWS_AS(evaluation.add_image({AnnotatedPerson{}}, {found(0, 1)}), Error);
  CHECK_THROWS_AS(evaluation.add_image({}, {found(0, std::nan(""))}), Error);
}
