// Numbers that are no places.
#pragma once

#include <limits>

namespace limn_test {

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace limn_test
