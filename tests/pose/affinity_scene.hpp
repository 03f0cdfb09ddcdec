// Scenes whose people are known: drawn as the maps that an ideal network would put out.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <utility>
#include <vector>

#include <limn/pose/heatmaps.hpp>
#include <limn/pose/skeleton.hpp>

namespace scene {

/// COCO's keypoints and a neck: trt_pose's human_pose.json, counted from 0.
inline limn::Skeleton body18() {
  limn::Skeleton skeleton;
  skeleton.keypoints = {"nose",           "left_eye",   "right_eye",   "left_ear",   "right_ear",   "left_shoulder",
                        "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip",
                        "right_hip",      "left_knee",  "right_knee",  "left_ankle", "right_ankle", "neck"};
  skeleton.links = {{15, 13}, {13, 11}, {16, 14}, {14, 12}, {11, 12}, {5, 7},   {6, 8},
                    {7, 9},   {8, 10},  {1, 2},   {0, 1},   {0, 2},   {1, 3},   {2, 4},
                    {3, 5},   {4, 6},   {17, 0},  {17, 5},  {17, 6},  {17, 11}, {17, 12}};
  skeleton.flip_pairs = {{1, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 10}, {11, 12}, {13, 14}, {15, 16}};
  return skeleton;
}

struct Point {
  double x = 0;
  double y = 0;
  bool visible = true;
};

using Person = std::vector<Point>;  ///< one point for each keypoint, in cells

/// Somebody who stands facing the viewer, of height 1, feet at (0, 0).
inline Person standing_person() {
  return {{0, -0.92},    {0.025, -0.95}, {-0.025, -0.95}, {0.05, -0.93}, {-0.05, -0.93}, {0.11, -0.8},
          {-0.11, -0.8}, {0.16, -0.63},  {-0.16, -0.63},  {0.18, -0.46}, {-0.18, -0.46}, {0.08, -0.5},
          {-0.08, -0.5}, {0.085, -0.27}, {-0.085, -0.27}, {0.09, -0.03}, {-0.09, -0.03}, {0, -0.8}};
}

/// Confidence maps and part affinity maps of one size, planar.
struct Maps {
  limn::Index keypoints, links, height, width;
  std::vector<float> confidence;
  std::vector<float> affinity;

  Maps(const limn::Skeleton& skeleton, limn::Index rows, limn::Index columns)
      : keypoints(static_cast<limn::Index>(skeleton.keypoints.size())),
        links(static_cast<limn::Index>(skeleton.links.size())),
        height(rows),
        width(columns),
        confidence(static_cast<std::size_t>(keypoints * rows * columns)),
        affinity(static_cast<std::size_t>(2 * links * rows * columns)) {}

  limn::HeatmapView confidence_view() const {
    return limn::HeatmapView::planar(confidence.data(), keypoints, height, width);
  }
  limn::HeatmapView affinity_view() const {
    return limn::HeatmapView::planar(affinity.data(), 2 * links, height, width);
  }
};

inline double distance_to_segment(double x, double y, const Point& a, const Point& b) {
  const double dx = b.x - a.x;
  const double dy = b.y - a.y;
  const double square = dx * dx + dy * dy;
  const double along = square > 0 ? std::clamp(((x - a.x) * dx + (y - a.y) * dy) / square, 0.0, 1.0) : 0.0;
  return std::hypot(x - a.x - along * dx, y - a.y - along * dy);
}

/// Cao et al., CVPR 2017: the confidence is the largest of the people's Gaussians, the affinity the mean of the unit
/// vectors of those limbs that are near.
inline Maps draw_maps(const std::vector<Person>& people, const limn::Skeleton& skeleton, limn::Index height,
                      limn::Index width, double sigma = 1.2, double limb_radius = 1) {
  Maps maps(skeleton, height, width);
  const auto cell = [&](limn::Index map, limn::Index y, limn::Index x) {
    return static_cast<std::size_t>((map * height + y) * width + x);
  };
  for (limn::Index y = 0; y < height; ++y) {
    for (limn::Index x = 0; x < width; ++x) {
      const auto px = static_cast<double>(x);
      const auto py = static_cast<double>(y);
      for (limn::Index k = 0; k < maps.keypoints; ++k) {
        double value = 0;
        for (const Person& person : people) {
          const Point& point = person[static_cast<std::size_t>(k)];
          const double exponent = (std::pow(px - point.x, 2) + std::pow(py - point.y, 2)) / (2 * sigma * sigma);
          if (point.visible && exponent < 15) value = (std::max)(value, std::exp(-exponent));
        }
        maps.confidence[cell(k, y, x)] = static_cast<float>(value);
      }
      for (limn::Index k = 0; k < maps.links; ++k) {
        const auto [from, to] = skeleton.links[static_cast<std::size_t>(k)];
        double sum_x = 0;
        double sum_y = 0;
        int count = 0;
        for (const Person& person : people) {
          const Point& a = person[static_cast<std::size_t>(from)];
          const Point& b = person[static_cast<std::size_t>(to)];
          const double length = std::hypot(b.x - a.x, b.y - a.y);
          if (!a.visible || !b.visible || length == 0 || distance_to_segment(px, py, a, b) > limb_radius) continue;
          sum_x += (b.x - a.x) / length;
          sum_y += (b.y - a.y) / length;
          ++count;
        }
        if (count == 0) continue;
        maps.affinity[cell(2 * k, y, x)] = static_cast<float>(sum_y / count);
        maps.affinity[cell(2 * k + 1, y, x)] = static_cast<float>(sum_x / count);
      }
    }
  }
  return maps;
}

/// Adds uniform noise of up to +-confidence and +-affinity to every cell.
inline void add_noise(Maps& maps, float confidence, float affinity, std::mt19937& random) {
  std::uniform_real_distribution<float> of_confidence(-confidence, confidence);
  std::uniform_real_distribution<float> of_affinity(-affinity, affinity);
  for (float& value : maps.confidence) value += of_confidence(random);
  for (float& value : maps.affinity) value += of_affinity(random);
}

inline bool cross(const Point& a, const Point& b, const Point& c, const Point& d) {
  const auto side = [](const Point& from, const Point& to, const Point& of) {
    return (to.x - from.x) * (of.y - from.y) - (to.y - from.y) * (of.x - from.x) > 0;
  };
  return side(a, b, c) != side(a, b, d) && side(c, d, a) != side(c, d, b);
}

/// Whether the maps tell two people apart: keypoints of the same kind are five cells apart, else their Gaussians may be
/// one peak, and links of the same kind three, else where one ends and another goes on cannot be seen, unless they
/// cross at 40 degrees or more.
inline bool distinguishable(const Person& p, const Person& q, const limn::Skeleton& skeleton) {
  for (std::size_t k = 0; k < p.size(); ++k) {
    if (std::hypot(p[k].x - q[k].x, p[k].y - q[k].y) < 5) return false;
  }
  for (const auto& [from, to] : skeleton.links) {
    const Point& a = p[static_cast<std::size_t>(from)];
    const Point& b = p[static_cast<std::size_t>(to)];
    const Point& c = q[static_cast<std::size_t>(from)];
    const Point& d = q[static_cast<std::size_t>(to)];
    const double between_ends = (std::min)({distance_to_segment(a.x, a.y, c, d), distance_to_segment(b.x, b.y, c, d),
                                            distance_to_segment(c.x, c.y, a, b), distance_to_segment(d.x, d.y, a, b)});
    if (between_ends >= 3 && !cross(a, b, c, d)) continue;
    const double cosine = ((b.x - a.x) * (d.x - c.x) + (b.y - a.y) * (d.y - c.y)) /
                          (std::hypot(b.x - a.x, b.y - a.y) * std::hypot(d.x - c.x, d.y - c.y));
    if (std::abs(cosine) > std::cos(40 * std::acos(-1.0) / 180)) return false;
  }
  return true;
}

/// A person of `size` cells in a random posture: leaning, limbs and head turned, facing the viewer or away.
inline Person random_person(double size, std::mt19937& random) {
  std::uniform_real_distribution<double> uniform(-1, 1);
  Person person = standing_person();
  const auto turn = [&](std::initializer_list<std::size_t> points, std::size_t joint, double angle) {
    const Point centre = person[joint];
    for (const std::size_t k : points) {
      const double x = person[k].x - centre.x;
      const double y = person[k].y - centre.y;
      person[k].x = centre.x + x * std::cos(angle) - y * std::sin(angle);
      person[k].y = centre.y + x * std::sin(angle) + y * std::cos(angle);
    }
  };
  turn({7, 9}, 5, 1.5 * uniform(random) - 0.7);
  turn({9}, 7, 1.2 * uniform(random));
  turn({8, 10}, 6, 1.5 * uniform(random) + 0.7);
  turn({10}, 8, 1.2 * uniform(random));
  turn({13, 15}, 11, 0.5 * uniform(random) - 0.2);
  turn({15}, 13, 0.5 * uniform(random));
  turn({14, 16}, 12, 0.5 * uniform(random) + 0.2);
  turn({16}, 14, 0.5 * uniform(random));
  turn({0, 1, 2, 3, 4}, 17, 0.3 * uniform(random));
  const double lean = 0.3 * uniform(random);
  const double mirror = uniform(random) < 0 ? -1 : 1;
  for (Point& point : person) {
    const double x = mirror * point.x;
    point = {size * (x * std::cos(lean) - point.y * std::sin(lean)),
             size * (x * std::sin(lean) + point.y * std::cos(lean)), true};
  }
  return person;
}

/// `count` people at random places of the maps, wholly inside, who overlap and cross as long as they are
/// distinguishable(). Gives up, with fewer people, when there is no room.
inline std::vector<Person> random_people(int count, double smallest, double largest, limn::Index height,
                                         limn::Index width, const limn::Skeleton& skeleton, std::mt19937& random) {
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<Person> people;
  for (int attempt = 0; attempt < 20000 && static_cast<int>(people.size()) < count; ++attempt) {
    Person person = random_person(smallest + (largest - smallest) * uniform(random), random);
    const double left = uniform(random) * static_cast<double>(width);
    const double top = uniform(random) * static_cast<double>(height);
    bool fits = true;
    for (Point& point : person) {
      point.x += left;
      point.y += top;
      fits = fits && point.x >= 1 && point.y >= 1 && point.x <= static_cast<double>(width) - 2 &&
             point.y <= static_cast<double>(height) - 2;
    }
    for (const Person& other : people) fits = fits && distinguishable(person, other, skeleton);
    if (fits) people.push_back(std::move(person));
  }
  return people;
}

}  // namespace scene
