// How far two maps are apart.
#pragma once

#include <algorithm>
#include <cmath>

#include <limn/core/tensor.hpp>

namespace limn::program {

struct Difference {
  Index apart = 0;         ///< values that are not the same
  double most = 0;         ///< by which two values differ
  double largest = 0;      ///< magnitude that was expected
  bool comparable = true;  ///< false if a difference is not a finite number

  /// Infinite where all that was expected is zeros and something else was found.
  double relative() const { return most == 0 ? 0 : most / largest; }
};

/// Of two maps of one shape.
inline Difference difference_of(const Tensor& found, const Tensor& expected) {
  Difference all;
  for (Index i = 0; i < found.shape().size(); ++i) {
    const auto value = static_cast<double>(expected.data()[i]);
    const double apart = std::abs(static_cast<double>(found.data()[i]) - value);
    all.comparable = all.comparable && std::isfinite(apart);
    all.apart += apart != 0 ? 1 : 0;
    all.most = (std::max)(all.most, apart);
    all.largest = (std::max)(all.largest, std::abs(value));
  }
  return all;
}

}  // namespace limn::program
