#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Memory that `assign` works in. One for each thread; once it has grown to the largest problem, nothing is allocated.
struct AssignmentWorkspace {
  std::vector<double> short_price;    ///< dual variable of each index of the shorter side
  std::vector<double> long_price;     ///< likewise of the longer side
  std::vector<double> distance;       ///< cost of the cheapest path found so far to each index of the longer side
  std::vector<int> previous;          ///< where on the shorter side that path comes from
  std::vector<int> partner_of_short;  ///< for each index of the shorter side the other's, -1 for none
  std::vector<int> partner_of_long;   ///< for each index of the longer side the other's, -1 for none
  std::vector<char> settled;          ///< whether the cheapest path to an index of the longer side is known
};

namespace detail {

/// Gives `start`, an index of the shorter side, a partner: along the cheapest path, by reduced costs, that leads from
/// it to an index of the longer side that has none yet, every index on the path changes its partner. Negative scores
/// are the costs. `score(i, j)`: i of the shorter, j of the longer side.
template <class Score>
void augment(int start, const Score& score, AssignmentWorkspace& workspace) {
  const std::size_t count = workspace.long_price.size();
  const auto at = [](int i) { return static_cast<std::size_t>(i); };
  workspace.distance.assign(count, std::numeric_limits<double>::infinity());
  workspace.settled.assign(count, 0);

  int from = start;
  std::size_t nearest = 0;
  double reached = 0;  // cost of the path to `from`
  do {
    double least = std::numeric_limits<double>::infinity();
    const double base = reached - workspace.short_price[at(from)];
    for (std::size_t j = 0; j < count; ++j) {
      if (workspace.settled[j] != 0) continue;
      const double through = base - static_cast<double>(score(from, j)) - workspace.long_price[j];
      if (through < workspace.distance[j]) {
        workspace.distance[j] = through;
        workspace.previous[j] = from;
      }
      if (workspace.distance[j] < least) {
        least = workspace.distance[j];
        nearest = j;
      }
    }
    reached = least;
    workspace.settled[nearest] = 1;
    from = workspace.partner_of_long[nearest];
  } while (from >= 0);

  // New prices, for which the costs along the path are zero and none is negative.
  workspace.short_price[at(start)] += reached;
  for (std::size_t j = 0; j < count; ++j) {
    if (workspace.settled[j] == 0) continue;
    const double surplus = reached - workspace.distance[j];
    workspace.long_price[j] -= surplus;
    if (workspace.partner_of_long[j] >= 0) workspace.short_price[at(workspace.partner_of_long[j])] += surplus;
  }
  auto end = static_cast<int>(nearest);
  do {
    from = workspace.previous[at(end)];
    workspace.partner_of_long[at(end)] = from;
    std::swap(end, workspace.partner_of_short[at(from)]);
  } while (from != start);
}

}  // namespace detail

/// Pairs rows with columns, each with one at most, as many as there are of the fewer: the pairs whose scores have the
/// largest sum. `scores` is rows x columns, row-major. Writes the partner of each row, -1 for none, to `column_of_row`.
///
/// The optimum is exact. If several assignments reach it, the order of rows and columns decides, always the same way.
/// Algorithm: shortest augmenting paths with dual prices, O(min^2 max): Jonker and Volgenant, A Shortest Augmenting
/// Path Algorithm for Dense and Sparse Linear Assignment Problems (Computing 38, 1987), in the rectangular form of
/// Crouse, On Implementing 2D Rectangular Assignment Algorithms (IEEE Trans. AES 52, 2016), without the initial
/// reductions.
///
/// Throws Error if a size is negative or a score is not finite.
inline void assign(const float* scores, Index rows, Index columns, AssignmentWorkspace& workspace,
                   std::vector<int>& column_of_row) {
  if (rows < 0 || columns < 0) {
    throw Error("assignment: expected a matrix of scores, found " + std::to_string(rows) + " x " +
                std::to_string(columns));
  }
  for (Index i = 0; i < rows * columns; ++i) {
    if (std::isfinite(scores[i])) continue;
    throw Error("assignment: the score of row " + std::to_string(i / columns) + ", column " +
                std::to_string(i % columns) + " is not finite");
  }
  const bool wide = rows <= columns;
  const auto short_count = static_cast<std::size_t>((std::min)(rows, columns));
  const auto long_count = static_cast<std::size_t>((std::max)(rows, columns));
  workspace.short_price.assign(short_count, 0);
  workspace.long_price.assign(long_count, 0);
  workspace.partner_of_short.assign(short_count, -1);
  workspace.partner_of_long.assign(long_count, -1);
  workspace.previous.assign(long_count, -1);

  const Index short_step = wide ? columns : 1;
  const Index long_step = wide ? 1 : columns;
  const auto score = [=](int i, std::size_t j) { return scores[i * short_step + static_cast<Index>(j) * long_step]; };
  for (int start = 0; start < static_cast<int>(short_count); ++start) detail::augment(start, score, workspace);

  const std::vector<int>& result = wide ? workspace.partner_of_short : workspace.partner_of_long;
  column_of_row.assign(result.begin(), result.end());
}

/// The same into a new vector.
inline std::vector<int> assign(const float* scores, Index rows, Index columns) {
  AssignmentWorkspace workspace;
  std::vector<int> column_of_row;
  assign(scores, rows, columns, workspace, column_of_row);
  return column_of_row;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
