// Labels of people, and where somebody else sees them.
#pragma once

#include <limn/metrics/labels.hpp>

#include <vector>

namespace limn_test {

inline limn::Label visible(double x, double y) { return {{x, y}, limn::Visibility::visible}; }

/// The places of the labels, all moved by (dx, dy).
inline std::vector<limn::Point> places(const limn::Labels& labels, double dx, double dy) {
  std::vector<limn::Point> result;
  for (const limn::Label& label : labels) result.push_back({label.place.x + dx, label.place.y + dy});
  return result;
}

}  // namespace limn_test
