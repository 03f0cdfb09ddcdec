#pragma once

#include <cmath>
#include <cstddef>
#include <optional>

#include <limn/core/version.hpp>
#include <limn/metrics/labels.hpp>
#include <limn/pose/skeleton.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// How somebody's torso lies in the photo.
enum class Posture {
  upright,      ///< at most 45 degrees from straight up
  tilted,       ///< between these: lying, bent over, in a somersault
  upside_down,  ///< at least 135 degrees from straight up
};

/// From the middle of the labelled hips to the middle of the labelled shoulders; nothing unless one of each is
/// labelled, and they are not in the same place. A breakdown of limn's own, for judging what a network is bad at.
inline std::optional<Posture> posture(const Labels& labels, const Skeleton& skeleton) {
  const auto middle = [&](const char* left, const char* right) -> std::optional<Point> {
    Point sum;
    int count = 0;
    for (const char* name : {left, right}) {
      const int i = skeleton.find(name);
      if (i < 0 || static_cast<std::size_t>(i) >= labels.size()) continue;
      const Label& label = labels[static_cast<std::size_t>(i)];
      if (!label.labelled()) continue;
      sum.x += label.place.x;
      sum.y += label.place.y;
      ++count;
    }
    if (count == 0) return std::nullopt;
    return Point{sum.x / count, sum.y / count};
  };
  const std::optional<Point> hips = middle("left_hip", "right_hip");
  const std::optional<Point> shoulders = middle("left_shoulder", "right_shoulder");
  if (!hips || !shoulders) return std::nullopt;
  const double across = std::abs(shoulders->x - hips->x);
  const double up = hips->y - shoulders->y;  // y goes down
  if (across == 0 && up == 0) return std::nullopt;
  if (up >= across) return Posture::upright;
  return -up >= across ? Posture::upside_down : Posture::tilted;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
