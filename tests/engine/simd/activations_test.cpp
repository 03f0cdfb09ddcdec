#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <limn/engine/simd/kernels.hpp>

using limn::Index;
using limn::Target;
using limn::detail::KernelTable;

namespace {

/// Every value of the arguments through a kernel, in pieces that do not fill whole vectors.
template <class Exact>
void check_against(void (*KernelTable::*function)(const float*, float*, Index), Exact&& exact, double tolerance) {
  std::vector<float> arguments = {0.0F, -0.0F, 1e-30F, 1e30F, -1e30F, 0.624F, 0.626F, 87.5F, -87.5F, 89.0F, -89.0F};
  for (int i = -30000; i <= 30000; ++i) arguments.push_back(static_cast<float>(i) * 1e-3F);
  for (const Target target : limn::targets()) {
    CAPTURE(limn::to_string(target));
    const KernelTable& kernels = limn::detail::kernels_of(target);
    std::vector<float> results(arguments.size() + 1, -7.0F);
    Index piece = 1;
    for (Index done = 0; done < static_cast<Index>(arguments.size()); done += piece) {
      piece = std::min(piece % 37 + 1, static_cast<Index>(arguments.size()) - done);
      (kernels.*function)(arguments.data() + done, results.data() + done, piece);
    }
    CHECK(results.back() == -7.0F);
    double worst = 0;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      const double expected = exact(static_cast<double>(arguments[i]));
      const double difference = std::abs(static_cast<double>(results[i]) - expected);
      worst = std::max(worst, difference / std::max(std::abs(expected), 1e-30));
    }
    CHECK(worst <= tolerance);
  }
}

}  // namespace

TEST_CASE("sigmoid is right to a few units in the last place on every target") {
  // Below -87 floats have no e^-x any more, and 1e-38 stands for 0.
  check_against(
      &KernelTable::sigmoid, [](double x) { return 1 / (1 + std::exp(-std::max(x, -87.0))); }, 1e-6);
}

TEST_CASE("tanh is right to a few units in the last place on every target") {
  check_against(
      &KernelTable::tanh, [](double x) { return std::tanh(x); }, 1e-6);
}
