#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <vector>

#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// What becomes of something found: it is right, wrong, or neither.
enum class Outcome : char { right, wrong, does_not_count };

/// An image's annotated and found persons, or their boxes, as COCO's evaluation compares them.
struct CocoMatch {
  std::vector<double> similarities;  ///< annotated x found, row-major; the found ones sorted by score
  std::vector<bool> counts;          ///< whether an annotated one does; the others are neither missed nor wrong to find
  std::vector<bool> crowd;           ///< whether an annotated one stands for many
  std::vector<bool> in_range;        ///< whether a found one is of the size asked for; else it is wrong for nobody
};

/// COCO's matching (pycocotools, cocoeval.py, evaluateImg): each of the found, best score first, takes the annotated
/// one most like it that no other has taken, if the similarity reaches `least`; of equals the last given. Those that do
/// not count are taken only where no other will do, crowds again and again. Appends one outcome for each found one.
inline void match_like_coco(const CocoMatch& image, double least, std::vector<Outcome>& outcomes) {
  constexpr auto none = static_cast<std::size_t>(-1);
  std::vector<std::size_t> order(image.counts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_partition(order.begin(), order.end(), [&](std::size_t annotated) { return image.counts[annotated]; });
  const std::size_t found = image.in_range.size();
  std::vector<bool> taken(image.counts.size(), false);
  for (std::size_t i = 0; i < found; ++i) {
    std::size_t match = none;
    double best = (std::min)(least, 1 - 1e-10);
    for (const std::size_t annotated : order) {
      if (taken[annotated] && !image.crowd[annotated]) continue;
      if (match != none && image.counts[match] && !image.counts[annotated]) break;
      const double similarity = image.similarities[annotated * found + i];
      if (!(similarity >= best)) continue;
      best = similarity;
      match = annotated;
    }
    if (match != none) {
      taken[match] = true;
      outcomes.push_back(image.counts[match] ? Outcome::right : Outcome::does_not_count);
    } else {
      outcomes.push_back(image.in_range[i] ? Outcome::wrong : Outcome::does_not_count);
    }
  }
}

/// The numbers of all scores, from the highest to the lowest; of equal ones the first comes first.
inline std::vector<std::size_t> best_first(const std::vector<double>& scores) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  return order;
}

struct AveragePrecision {
  double precision = 0;
  double recall = 0;  ///< the largest
};

/// COCO's average precision (cocoeval.py, accumulate): precision over recall as the found ones come in `order`, made to
/// fall only, is averaged at the recalls 0, 0.01, ..., 1; it is 0 beyond the largest recall.
inline AveragePrecision average_precision(const std::vector<Outcome>& outcomes, const std::vector<std::size_t>& order,
                                          double to_be_found) {
  std::vector<double> recalls;
  std::vector<double> precisions;
  double right = 0;
  double wrong = 0;
  for (const std::size_t i : order) {
    right += outcomes[i] == Outcome::right ? 1 : 0;
    wrong += outcomes[i] == Outcome::wrong ? 1 : 0;
    recalls.push_back(right / to_be_found);
    precisions.push_back(right / (right + wrong + std::numeric_limits<double>::epsilon()));
  }
  for (std::size_t i = precisions.size(); i-- > 1;) {
    precisions[i - 1] = (std::max)(precisions[i - 1], precisions[i]);
  }
  constexpr int recall_steps = 100;
  double sum = 0;
  for (int step = 0; step <= recall_steps; ++step) {
    const double recall = step == recall_steps ? 1.0 : 0.01 * step;
    const auto reached = std::lower_bound(recalls.begin(), recalls.end(), recall);
    if (reached != recalls.end()) sum += precisions[static_cast<std::size_t>(reached - recalls.begin())];
  }
  return {sum / (recall_steps + 1), recalls.empty() ? 0 : recalls.back()};
}

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
