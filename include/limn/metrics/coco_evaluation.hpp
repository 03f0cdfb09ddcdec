#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/metrics/labels.hpp>
#include <limn/metrics/oks.hpp>
#include <limn/metrics/precision_recall.hpp>
#include <limn/pose/pose.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// A person as a COCO annotation has it.
struct AnnotatedPerson {
  Labels labels;       ///< in the skeleton's order
  Box box;             ///< photo pixels
  double area = 0;     ///< square pixels; COCO's is that of the person's segment
  bool crowd = false;  ///< stands for many: found persons may be like it any number of times, and do not count
};

/// The ten numbers that pycocotools prints for keypoints, each from 0 to 1, or -1 where there is no person to be found.
struct CocoSummary {
  double ap = -1;         ///< average precision, mean over the OKS thresholds 0.50, 0.55, ..., 0.95
  double ap_50 = -1;      ///< at threshold 0.50
  double ap_75 = -1;      ///< at threshold 0.75
  double ap_medium = -1;  ///< persons of 32^2 to 96^2 square pixels
  double ap_large = -1;   ///< persons from 96^2 square pixels on
  double ar = -1;         ///< average recall, over the same
  double ar_50 = -1;      ///< at threshold 0.50
  double ar_75 = -1;      ///< at threshold 0.75
  double ar_medium = -1;  ///< persons of 32^2 to 96^2 square pixels
  double ar_large = -1;   ///< persons from 96^2 square pixels on
};

/// COCO's evaluation of keypoints (https://cocodataset.org/#keypoints-eval), as pycocotools (cocoeval.py, iouType
/// "keypoints") computes it:
///
/// - Of an image's found persons the 20 with the highest scores take part, in this order; of equal scores the first
///   given is the first.
/// - At each OKS threshold, each of them takes the annotated person most like it that no other has taken, if the
///   similarity reaches the threshold; of equals the last given. Persons that do not count are taken only where no
///   other will do, crowds again and again.
/// - Crowds, persons without a labelled keypoint and persons outside of the range of areas do not count; neither do
///   found persons that took one of these, or took none and whose keypoints' bounding box is outside of the range.
/// - All images' found persons together, sorted by score (of equal scores those of the image added first are first),
///   give precision over recall. Precision is made to fall only, and AP is its mean at the recalls 0, 0.01, ..., 1; it
///   is 0 beyond the largest recall, and the largest recall is AR.
///
/// Usage: add_image() for every image, also those without annotated or found persons, in the order of their ids to
/// break ties as pycocotools does; then summary().
class CocoEvaluation {
 public:
  /// One sigma for each keypoint (coco_sigma()). Throws Error if there is none or one is not positive.
  explicit CocoEvaluation(std::vector<double> sigmas) : sigmas_(std::move(sigmas)) {
    if (sigmas_.empty()) throw Error("COCO evaluation: expected one sigma for each keypoint, found none");
    for (const double sigma : sigmas_) {
      if (!(sigma > 0) || !std::isfinite(sigma)) {
        throw Error("COCO evaluation: sigma " + std::to_string(sigma) + ": expected a positive number");
      }
    }
  }

  /// Throws Error if a person has another number of keypoints than there are sigmas, or a score is not a number.
  void add_image(const std::vector<AnnotatedPerson>& annotated, const std::vector<FoundPerson>& found) {
    std::vector<double> scores;
    for (const FoundPerson& person : found) {
      if (std::isnan(person.score)) throw Error("COCO evaluation: the score of a found person is not a number");
      if (person.keypoints.size() != sigmas_.size()) {
        throw Error("COCO evaluation: expected persons of " + std::to_string(sigmas_.size()) + " keypoints, found " +
                    std::to_string(person.keypoints.size()));
      }
      scores.push_back(person.score);
    }
    std::vector<std::size_t> order = detail::best_first(scores);
    if (order.size() > most_found) order.resize(most_found);

    Image image;
    for (const std::size_t i : order) {
      image.scores.push_back(found[i].score);
      image.areas.push_back(area_of_keypoints(found[i].keypoints));
    }
    for (const AnnotatedPerson& person : annotated) {
      image.persons.push_back({person.area, person.crowd, person.crowd || !any_labelled(person.labels)});
      for (const std::size_t i : order) {
        image.similarities.push_back(oks(person.labels, person.box, person.area, found[i].keypoints, sigmas_));
      }
    }
    images_.push_back(std::move(image));
  }

  /// The ten numbers over all images added so far.
  CocoSummary summary() const {
    CocoSummary summary;
    const Averages all = averages(0, 1e10);
    const Averages medium = averages(32 * 32, 96 * 96);
    const Averages large = averages(96 * 96, 1e10);
    summary.ap = mean(all.precision);
    summary.ap_50 = all.precision[0];
    summary.ap_75 = all.precision[5];
    summary.ap_medium = mean(medium.precision);
    summary.ap_large = mean(large.precision);
    summary.ar = mean(all.recall);
    summary.ar_50 = all.recall[0];
    summary.ar_75 = all.recall[5];
    summary.ar_medium = mean(medium.recall);
    summary.ar_large = mean(large.recall);
    return summary;
  }

 private:
  static constexpr std::size_t most_found = 20;
  static constexpr std::size_t threshold_count = 10;

  struct Person {
    double area;
    bool crowd;
    bool never_counts;
  };

  /// An image, its found persons sorted by score.
  struct Image {
    std::vector<Person> persons;
    std::vector<double> scores;
    std::vector<double> areas;
    std::vector<double> similarities;  // persons x found, row-major
  };

  /// At each threshold: average precision and largest recall; -1 where there is nobody to be found.
  struct Averages {
    std::array<double, threshold_count> precision;
    std::array<double, threshold_count> recall;
  };

  /// OKS thresholds as numpy.linspace(0.5, 0.95, 10) has them, to the last bit.
  static double threshold(std::size_t i) {
    return i + 1 == threshold_count ? 0.95 : 0.5 + static_cast<double>(i) * ((0.95 - 0.5) / 9);
  }

  static bool any_labelled(const Labels& labels) {
    return std::any_of(labels.begin(), labels.end(), [](const Label& label) { return label.labelled(); });
  }

  static double area_of_keypoints(const std::vector<Point>& keypoints) {
    const auto [left, right] = std::minmax_element(keypoints.begin(), keypoints.end(),
                                                   [](const Point& a, const Point& b) { return a.x < b.x; });
    const auto [top, bottom] = std::minmax_element(keypoints.begin(), keypoints.end(),
                                                   [](const Point& a, const Point& b) { return a.y < b.y; });
    return (right->x - left->x) * (bottom->y - top->y);
  }

  static double mean(const std::array<double, threshold_count>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(threshold_count);
  }

  /// For persons of these areas in square pixels, both ends included.
  Averages averages(double smallest, double largest) const {
    const auto in_range = [&](double area) { return area >= smallest && area <= largest; };
    std::size_t to_be_found = 0;
    std::vector<double> scores;
    std::array<std::vector<detail::Outcome>, threshold_count> outcomes;
    for (const Image& image : images_) {
      detail::CocoMatch match;
      match.similarities = image.similarities;
      for (const Person& person : image.persons) {
        match.counts.push_back(!person.never_counts && in_range(person.area));
        match.crowd.push_back(person.crowd);
        to_be_found += match.counts.back() ? 1 : 0;
      }
      for (const double area : image.areas) match.in_range.push_back(in_range(area));
      scores.insert(scores.end(), image.scores.begin(), image.scores.end());
      for (std::size_t t = 0; t < threshold_count; ++t) detail::match_like_coco(match, threshold(t), outcomes[t]);
    }

    Averages result;
    result.precision.fill(-1);
    result.recall.fill(-1);
    if (to_be_found == 0) return result;
    const std::vector<std::size_t> order = detail::best_first(scores);
    for (std::size_t t = 0; t < threshold_count; ++t) {
      const auto average = detail::average_precision(outcomes[t], order, static_cast<double>(to_be_found));
      result.precision[t] = average.precision;
      result.recall[t] = average.recall;
    }
    return result;
  }

  std::vector<double> sigmas_;
  std::vector<Image> images_;
};

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
