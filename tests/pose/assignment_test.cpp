#include <limn/pose/assignment.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

namespace {

struct Matrix {
  limn::Index rows, columns;
  std::vector<float> scores;

  float at(limn::Index row, limn::Index column) const {
    return scores[static_cast<std::size_t>(row * columns + column)];
  }
};

template <class Draw>
Matrix random_matrix(limn::Index rows, limn::Index columns, Draw&& draw) {
  Matrix matrix = {rows, columns, std::vector<float>(static_cast<std::size_t>(rows * columns))};
  for (float& score : matrix.scores) score = draw();
  return matrix;
}

/// The largest sum that any assignment reaches, by trying them all.
double best_sum(const Matrix& matrix) {
  const bool wide = matrix.rows <= matrix.columns;
  const limn::Index fewer = wide ? matrix.rows : matrix.columns;
  std::vector<limn::Index> order(static_cast<std::size_t>(wide ? matrix.columns : matrix.rows));
  std::iota(order.begin(), order.end(), limn::Index{0});
  double best = -std::numeric_limits<double>::infinity();
  do {
    double sum = 0;
    for (limn::Index i = 0; i < fewer; ++i) {
      const limn::Index j = order[static_cast<std::size_t>(i)];
      sum += static_cast<double>(wide ? matrix.at(i, j) : matrix.at(j, i));
    }
    best = (std::max)(best, sum);
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

/// The sum of the pairs that assign() finds; checks that they are an assignment.
double found_sum(const Matrix& matrix, limn::AssignmentWorkspace& workspace) {
  std::vector<int> partners = {7, 7, 7};  // what was there must not matter
  limn::assign(matrix.scores.data(), matrix.rows, matrix.columns, workspace, partners);
  REQUIRE(static_cast<limn::Index>(partners.size()) == matrix.rows);
  std::vector<bool> taken(static_cast<std::size_t>(matrix.columns), false);
  double sum = 0;
  limn::Index pairs = 0;
  for (limn::Index row = 0; row < matrix.rows; ++row) {
    const int column = partners[static_cast<std::size_t>(row)];
    if (column == -1) continue;
    REQUIRE(column >= 0);
    REQUIRE(column < matrix.columns);
    REQUIRE_FALSE(taken[static_cast<std::size_t>(column)]);
    taken[static_cast<std::size_t>(column)] = true;
    sum += static_cast<double>(matrix.at(row, column));
    ++pairs;
  }
  CHECK(pairs == (std::min)(matrix.rows, matrix.columns));
  return sum;
}

}  // namespace

TEST_CASE("the assignment that trt_pose's tests expect") {
  // trt_pose, parse/test_all.cpp.
  const std::vector<float> scores = {1, 3, 0, 1, 2, 1, 4, 3, 4};
  CHECK(limn::assign(scores.data(), 3, 3) == std::vector<int>{1, 0, 2});
}

TEST_CASE("the best row for each column is not the best assignment") {
  // Greedy pairing takes 10 + 1; 9 + 9 is better.
  const std::vector<float> scores = {10, 9, 9, 1};
  CHECK(limn::assign(scores.data(), 2, 2) == std::vector<int>{1, 0});
}

TEST_CASE("no assignment has a larger sum: random scores of all sizes up to 7 x 7") {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  limn::AssignmentWorkspace workspace;
  for (limn::Index rows = 1; rows <= 7; ++rows) {
    for (limn::Index columns = 1; columns <= 7; ++columns) {
      for (int repeat = 0; repeat < 12; ++repeat) {
        CAPTURE(rows);
        CAPTURE(columns);
        const Matrix matrix = random_matrix(rows, columns, [&] { return uniform(random); });
        CHECK(found_sum(matrix, workspace) == doctest::Approx(best_sum(matrix)).epsilon(1e-12));
      }
    }
  }
}

TEST_CASE("no assignment has a larger sum where many scores are equal") {
  std::mt19937 random(2);
  limn::AssignmentWorkspace workspace;
  for (const int values : {1, 2, 3}) {
    std::uniform_int_distribution<int> uniform(-1, values - 2);
    for (limn::Index rows = 1; rows <= 6; ++rows) {
      for (limn::Index columns = 1; columns <= 6; ++columns) {
        for (int repeat = 0; repeat < 12; ++repeat) {
          CAPTURE(rows);
          CAPTURE(columns);
          const Matrix matrix = random_matrix(rows, columns, [&] { return static_cast<float>(uniform(random)); });
          CHECK(found_sum(matrix, workspace) == best_sum(matrix));
        }
      }
    }
  }
}

TEST_CASE("scores of very different sizes do not upset the optimum") {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> exponent(-6, 6);
  limn::AssignmentWorkspace workspace;
  for (int repeat = 0; repeat < 100; ++repeat) {
    const Matrix matrix = random_matrix(5, 6, [&] { return std::pow(10.0f, exponent(random)); });
    CHECK(found_sum(matrix, workspace) == doctest::Approx(best_sum(matrix)).epsilon(1e-12));
  }
}

TEST_CASE("a hidden permutation among 100 is found") {
  std::mt19937 random(4);
  std::uniform_real_distribution<float> low(0, 0.5f);
  std::vector<int> hidden(100);
  std::iota(hidden.begin(), hidden.end(), 0);
  std::shuffle(hidden.begin(), hidden.end(), random);
  Matrix matrix = random_matrix(100, 100, [&] { return low(random); });
  for (std::size_t row = 0; row < 100; ++row) matrix.scores[row * 100 + static_cast<std::size_t>(hidden[row])] = 1;
  CHECK(limn::assign(matrix.scores.data(), 100, 100) == hidden);
}

TEST_CASE("without rows or columns nobody has a partner") {
  CHECK(limn::assign(nullptr, 0, 0).empty());
  CHECK(limn::assign(nullptr, 0, 3).empty());
  CHECK(limn::assign(nullptr, 2, 0) == std::vector<int>{-1, -1});
}

TEST_CASE("scores that are not finite are refused") {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const std::vector<float> scores = {0, 1, 2, 3, 4, bad};
    CHECK_THROWS_WITH_AS(limn::assign(scores.data(), 2, 3), "assignment: the score of row 1, column 2 is not finite",
                         limn::Error);
  }
  CHECK_THROWS_AS(limn::assign(nullptr, -1, 3), limn::Error);
}
