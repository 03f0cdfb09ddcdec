#include <limn/layers/window.hpp>

#include <doctest/doctest.h>

using limn::Index;

TEST_CASE("a tap's range holds exactly the outputs whose window element lies inside the input") {
  for (Index size = 1; size <= 6; ++size) {
    for (Index stride = 1; stride <= 3; ++stride) {
      for (Index padding = 0; padding <= 4; ++padding) {
        for (Index tap = 0; tap <= 7; ++tap) {
          const Index outputs = 9;
          const auto range = limn::detail::tap_range(outputs, size, stride, padding, tap);
          for (Index output = 0; output < outputs; ++output) {
            CAPTURE(size);
            CAPTURE(stride);
            CAPTURE(padding);
            CAPTURE(tap);
            CAPTURE(output);
            const Index position = output * stride - padding + tap;
            CHECK((output >= range.first && output < range.last) == (position >= 0 && position < size));
          }
        }
      }
    }
  }
}

TEST_CASE("ceil_div rounds towards plus infinity on both sides of zero") {
  CHECK(limn::detail::ceil_div(7, 2) == 4);
  CHECK(limn::detail::ceil_div(6, 2) == 3);
  CHECK(limn::detail::ceil_div(0, 2) == 0);
  CHECK(limn::detail::ceil_div(-1, 2) == 0);
  CHECK(limn::detail::ceil_div(-2, 2) == -1);
  CHECK(limn::detail::ceil_div(-3, 2) == -1);
}
