#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/metrics/precision_recall.hpp>
#include <limn/pose/box.hpp>
#include <limn/pose/box_decoder.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

namespace detail {

/// The share of a box's area that lies in another box, from 0 to 1.
inline double share_within(const Box& box, const Box& other) {
  const auto overlap = [](double one, double one_size, double two, double two_size) {
    return (std::max)(0.0, (std::min)(one + one_size, two + two_size) - (std::max)(one, two));
  };
  const double common =
      overlap(box.x, box.width, other.x, other.width) * overlap(box.y, box.height, other.y, other.height);
  return common > 0 ? common / (static_cast<double>(box.width) * static_cast<double>(box.height)) : 0;
}

}  // namespace detail

/// Pairs annotated and found boxes one to one: again and again the two most like each other, by intersection over
/// union, of those that have no partner yet, as long as it reaches `least_iou`. Of equal pairs that of the first
/// annotated, then of the first found box is the first. Returns for each annotated box the number of the found one.
/// Throws Error if a number of a box is not finite.
inline std::vector<std::optional<std::size_t>> pair_boxes(const std::vector<Box>& annotated,
                                                          const std::vector<Box>& found, double least_iou) {
  struct Pair {
    std::size_t annotated;
    std::size_t found;
    double iou;
  };
  for (const Box& box : annotated) detail::check_finite(box);
  for (const Box& box : found) detail::check_finite(box);
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < annotated.size(); ++i) {
    for (std::size_t j = 0; j < found.size(); ++j) {
      const double iou = intersection_over_union(annotated[i], found[j]);
      if (iou > 0 && iou >= least_iou) pairs.push_back({i, j, iou});
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.iou > b.iou; });
  std::vector<std::optional<std::size_t>> partners(annotated.size());
  std::vector<bool> taken(found.size(), false);
  for (const Pair& pair : pairs) {
    if (partners[pair.annotated] || taken[pair.found]) continue;
    partners[pair.annotated] = pair.found;
    taken[pair.found] = true;
  }
  return partners;
}

/// A person's box as annotated.
struct AnnotatedBox {
  Box box;             ///< photo pixels
  bool crowd = false;  ///< stands for many: found boxes may lie in it any number of times, and do not count
};

/// How many boxes were found right, were found where nobody is, and were to be found.
struct BoxTally {
  std::size_t right = 0;        ///< found where somebody is
  std::size_t wrong = 0;        ///< found where nobody is, or a second time
  std::size_t to_be_found = 0;  ///< annotated

  /// Share of those to be found that were, from 0 to 1; NaN if there was nobody to be found.
  double recall() const { return static_cast<double>(right) / static_cast<double>(to_be_found); }

  /// Share of those found that were right, from 0 to 1; NaN if nobody was found.
  double precision() const { return static_cast<double>(right) / static_cast<double>(right + wrong); }
};

/// How well a person detector does, by the rules of COCO's evaluation of boxes (pycocotools, cocoeval.py, iouType
/// "bbox") at one intersection over union:
///
/// - Of an image's found boxes, best score first, each takes the annotated box most like it that no other has taken, if
///   their intersection over union reaches the threshold. Boxes of crowds are compared by the share of the found box
///   that lies in them.
/// - Crowds and people smaller than asked for are neither missed nor wrong to find; nor is a found box that is
///   nobody's and smaller than that. COCO goes by areas in square pixels there, this by heights.
///
/// COCO's limit of 100 boxes an image is left to the detector.
///
/// Usage: add_image() for every image, also those without people, in the order of their ids to break ties as
/// pycocotools does; then tally() and average_precision().
class BoxEvaluation {
 public:
  /// Throws Error unless 0 < `iou` <= 1.
  explicit BoxEvaluation(double iou = 0.5) : iou_(iou) {
    if (!(iou > 0 && iou <= 1)) {
      throw Error("box evaluation: intersection over union " + std::to_string(iou) +
                  ": expected more than 0 and at most 1");
    }
  }

  /// One image; whoever is less than `least_height` pixels high does not count. Throws Error if a score is not a
  /// number, or a number of a box not finite.
  void add_image(const std::vector<AnnotatedBox>& annotated, const std::vector<Detection>& found,
                 double least_height = 0) {
    const auto is_large = [&](const Box& box) { return static_cast<double>(box.height) >= least_height; };
    std::vector<double> scores;
    for (const AnnotatedBox& person : annotated) detail::check_finite(person.box);
    for (const Detection& person : found) {
      detail::check_finite(person.box);
      if (std::isnan(person.score)) throw Error("box evaluation: the score of a found box is not a number");
      scores.push_back(static_cast<double>(person.score));
    }
    detail::CocoMatch image;
    const std::vector<std::size_t> order = detail::best_first(scores);
    for (const AnnotatedBox& person : annotated) {
      image.counts.push_back(!person.crowd && is_large(person.box));
      image.crowd.push_back(person.crowd);
      to_be_found_ += image.counts.back() ? 1 : 0;
      for (const std::size_t i : order) {
        image.similarities.push_back(person.crowd ? detail::share_within(found[i].box, person.box)
                                                  : intersection_over_union(person.box, found[i].box));
      }
    }
    for (const std::size_t i : order) {
      image.in_range.push_back(is_large(found[i].box));
      scores_.push_back(static_cast<double>(found[i].score));
    }
    detail::match_like_coco(image, iou_, outcomes_);
  }

  /// What is right and wrong of the boxes with at least this score.
  BoxTally tally(double score) const {
    BoxTally tally;
    tally.to_be_found = to_be_found_;
    for (std::size_t i = 0; i < outcomes_.size(); ++i) {
      if (!(scores_[i] >= score)) continue;
      tally.right += outcomes_[i] == detail::Outcome::right ? 1 : 0;
      tally.wrong += outcomes_[i] == detail::Outcome::wrong ? 1 : 0;
    }
    return tally;
  }

  /// COCO's average precision at this intersection over union, from 0 to 1; -1 if there is nobody to be found.
  double average_precision() const {
    if (to_be_found_ == 0) return -1;
    return detail::average_precision(outcomes_, detail::best_first(scores_), static_cast<double>(to_be_found_))
        .precision;
  }

 private:
  double iou_;
  std::size_t to_be_found_ = 0;
  std::vector<double> scores_;  // of all images' found boxes
  std::vector<detail::Outcome> outcomes_;
};

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
