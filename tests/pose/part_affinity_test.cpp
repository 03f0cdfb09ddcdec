#include <limn/pose/part_affinity.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <limn/pose/geometry.hpp>
#include <pose/affinity_scene.hpp>

namespace {

const float not_a_score = std::numeric_limits<float>::quiet_NaN();
const float infinite_value = std::numeric_limits<float>::infinity();

/// Maps written row by row, one after the other.
limn::HeatmapView view(const std::vector<float>& values, limn::Index height, limn::Index width) {
  return limn::HeatmapView::planar(values.data(), static_cast<limn::Index>(values.size()) / (height * width), height,
                                   width);
}

std::vector<limn::Peak> peaks_of(const std::vector<float>& map, limn::Index height, limn::Index width,
                                 const limn::PartAffinityOptions& options) {
  std::vector<limn::Peak> peaks;
  limn::find_peaks(view(map, height, width), 0, options, peaks);
  return peaks;
}

/// One part of a person as the decoder should find it: keypoints that hang together through visible ones.
struct Group {
  std::size_t person = 0;
  std::set<std::size_t> keypoints;
};

std::vector<Group> expected_groups(const std::vector<scene::Person>& people, const limn::Skeleton& skeleton) {
  std::vector<Group> groups;
  for (std::size_t p = 0; p < people.size(); ++p) {
    std::set<std::size_t> left;
    for (std::size_t k = 0; k < people[p].size(); ++k) {
      if (people[p][k].visible) left.insert(k);
    }
    while (!left.empty()) {
      Group group = {p, {*left.begin()}};
      for (bool grows = true; grows;) {
        grows = false;
        for (const auto& [a, b] : skeleton.links) {
          const auto from = static_cast<std::size_t>(a);
          const auto to = static_cast<std::size_t>(b);
          if (left.count(from) == 0 || left.count(to) == 0) continue;
          if (group.keypoints.count(from) != group.keypoints.count(to)) {
            group.keypoints.insert({from, to});
            grows = true;
          }
        }
      }
      for (const std::size_t k : group.keypoints) left.erase(k);
      groups.push_back(std::move(group));
    }
  }
  return groups;
}

/// How many of the expected groups are among those found: the same keypoints, each within `tolerance` cells.
std::size_t count_right(const std::vector<Group>& expected, const std::vector<scene::Person>& people,
                        const std::vector<limn::Peak>& found, double tolerance) {
  std::size_t right = 0;
  for (const Group& group : expected) {
    const scene::Person& person = people[group.person];
    for (std::size_t begin = 0; begin < found.size(); begin += person.size()) {
      bool same = true;
      for (std::size_t k = 0; k < person.size() && same; ++k) {
        const limn::Peak& peak = found[begin + k];
        const bool wanted = group.keypoints.count(k) > 0;
        same = wanted == (peak.score > 0);
        if (wanted && same) {
          same = std::hypot(static_cast<double>(peak.x) - person[k].x, static_cast<double>(peak.y) - person[k].y) <=
                 tolerance;
        }
      }
      if (same) {
        ++right;
        break;
      }
    }
  }
  return right;
}

}  // namespace

TEST_CASE("the peak that trt_pose's tests expect") {
  // trt_pose, parse/test_all.cpp: 3 at row 1, column 2.
  limn::PartAffinityOptions options;
  options.cmap_threshold = 2;
  options.window = 3;
  const auto peaks = peaks_of({0, 0, 1, 0, 0, 2, 3, 1, 0, 0, 2, 0, 0, 0, 0, 0}, 4, 4, options);
  REQUIRE(peaks.size() == 1);
  CHECK(peaks[0].x == 2);
  CHECK(peaks[0].y == 1);
  CHECK(peaks[0].score == 3);
}

TEST_CASE("the refined place that trt_pose's tests expect") {
  // trt_pose, parse/test_all.cpp, in normalised coordinates.
  const std::vector<float> map = {0, 0, 1, 0, 0, 2, 3, 1, 0, 0, 2, 0, 0, 0, 0, 0};
  limn::Peak peak = {2, 1, 3};
  limn::refine_peak(view(map, 4, 4), 0, 3, peak);
  CHECK((peak.y + 0.5) / 4 == doctest::Approx((0.5 + 10.0 / 9) / 4).epsilon(1e-6));
  CHECK((peak.x + 0.5) / 4 == doctest::Approx((0.5 + 17.0 / 9) / 4).epsilon(1e-6));
  CHECK(peak.score == 3);
}

TEST_CASE("peaks come in row order, plateaus give several, and the threshold itself is enough") {
  limn::PartAffinityOptions options;
  options.cmap_threshold = 0.5f;
  options.window = 3;
  // Row 0: a plateau of two; row 2: exactly the threshold in a corner, and just below it.
  const std::vector<float> map = {0, 0.9f, 0.9f, 0,      0,  //
                                  0, 0,    0,    0,      0,  //
                                  0, 0,    0,    0.499f, 0,  //
                                  0, 0,    0,    0,      0,  //
                                  0, 0.5f, 0,    0,      not_a_score};
  const auto peaks = peaks_of(map, 5, 5, options);
  REQUIRE(peaks.size() == 3);
  CHECK(std::pair<float, float>(peaks[0].x, peaks[0].y) == std::pair<float, float>(1, 0));
  CHECK(std::pair<float, float>(peaks[1].x, peaks[1].y) == std::pair<float, float>(2, 0));
  CHECK(std::pair<float, float>(peaks[2].x, peaks[2].y) == std::pair<float, float>(1, 4));
  options.max_peaks = 2;
  CHECK(peaks_of(map, 5, 5, options).size() == 2);
  // A window of 5 reaches 0.9 from no other peak, one of 9 does.
  options.max_peaks = 100;
  options.window = 9;
  CHECK(peaks_of(map, 5, 5, options).size() == 2);
}

TEST_CASE("beyond the border the map is mirrored, but counts at the place beyond") {
  // One row: the window around column 0 reads 2 1 | 0's value is 4: mirrored columns -2 and -1 hold 1 and 2.
  const std::vector<float> row = {4, 2, 1, 0, 0, 0};
  limn::Peak peak = {0, 0, 4};
  limn::refine_peak(view(row, 1, 6), 0, 5, peak);
  CHECK(peak.x == doctest::Approx(0));  // symmetric
  CHECK(peak.y == doctest::Approx(0));
  // From column 1: -1 | 0 1 2 3 hold 2 | 4 2 1 0, centroid (-2 + 0 + 2 + 2) / 9.
  peak = {1, 0, 2};
  limn::refine_peak(view(row, 1, 6), 0, 5, peak);
  CHECK(peak.x == doctest::Approx(2.0 / 9));
  // At the right end: 3 4 5 | 6 7 with 5 mirrored to 4 and 3: weights 1 2 8 | 2 1.
  const std::vector<float> end = {0, 0, 0, 1, 2, 8};
  peak = {5, 0, 8};
  limn::refine_peak(view(end, 1, 6), 0, 5, peak);
  CHECK(peak.x == doctest::Approx(5));
}

TEST_CASE("a map of one cell, values of both signs and values that are not finite leave the peak in its window") {
  limn::Peak peak = {0, 0, 1};
  limn::refine_peak(view({1}, 1, 1), 0, 5, peak);
  CHECK(peak.x == 0);
  CHECK(peak.y == 0);
  for (const float bad : {not_a_score, infinite_value, -infinite_value, -0.999f, -1.0f}) {
    CAPTURE(bad);
    const std::vector<float> row = {0, 0, 1, bad, 0, 0};
    peak = {2, 0, 1};
    limn::refine_peak(view(row, 1, 6), 0, 3, peak);
    CHECK(peak.x == 2);
    CHECK(peak.y == 0);
  }
  const std::vector<float> row = {0, 0, 1, -1e30f, 0, 0};
  peak = {2, 0, 1};
  limn::refine_peak(view(row, 1, 6), 0, 3, peak);
  CHECK(std::abs(peak.x - 2) <= 1);
}

TEST_CASE("a link's score is the mean of the affinity along its line") {
  // Map 0 is y, map 1 is x, 4 x 8 cells.
  const limn::Index height = 4, width = 8;
  const limn::AffinityLink link = {0, 1, 0, 1};
  std::vector<float> maps(static_cast<std::size_t>(2 * height * width));
  const auto set = [&](limn::Index map, limn::Index y, limn::Index x, float value) {
    maps[static_cast<std::size_t>((map * height + y) * width + x)] = value;
  };
  const auto score = [&](const limn::Peak& a, const limn::Peak& b, limn::Index samples) {
    return limn::score_link(view(maps, height, width), link, a, b, samples);
  };
  for (limn::Index x = 0; x < width; ++x) set(1, 1, x, 1);
  CHECK(score({1, 1, 1}, {7, 1, 1}, 7) == doctest::Approx(1).epsilon(1e-5));
  CHECK(score({7, 1, 1}, {1, 1, 1}, 7) == doctest::Approx(-1).epsilon(1e-5));
  CHECK(score({1, 2, 1}, {7, 2, 1}, 7) == 0);
  CHECK(score({0, 1, 1}, {1e-5f, 1, 1}, 7) == doctest::Approx(0.5).epsilon(1e-3));  // as long as the 1e-5 added to it
  // 3-4-5 triangle, constant field (x 0.5, y 0.25): 0.5 * 0.8 + 0.25 * 0.6.
  for (limn::Index y = 0; y < height; ++y) {
    for (limn::Index x = 0; x < width; ++x) {
      set(0, y, x, 0.25f);
      set(1, y, x, 0.5f);
    }
  }
  CHECK(score({1, 0, 1}, {5, 3, 1}, 7) == doctest::Approx(0.55).epsilon(1e-5));
  // The places read are the ends and, with 3 samples, the middle; the middle of 1 and 4 is at 2.5, in cell 3.
  std::fill(maps.begin(), maps.end(), 0.0f);
  set(1, 1, 1, 3);
  set(1, 1, 3, 30);
  set(1, 1, 4, 300);
  CHECK(score({1, 1, 1}, {4, 1, 1}, 3) == doctest::Approx(333.0 / 3).epsilon(1e-5));
  CHECK(score({1, 1, 1}, {4, 1, 1}, 2) == doctest::Approx(303.0 / 2).epsilon(1e-5));
}

TEST_CASE("places outside of the maps count as zero, and so do scores that are not finite") {
  std::vector<float> maps(2 * 3 * 4, 1.0f);
  const limn::AffinityLink link = {0, 1, 0, 1};
  // x = 2.6 + 0, 1, 2, 3: the first lies in column 3, the others beyond the four columns.
  CHECK(limn::score_link(view(maps, 3, 4), link, {2.6f, 1, 1}, {5.6f, 1, 1}, 4) == doctest::Approx(0.25).epsilon(1e-5));
  // Truncation makes -1.4 part of column 0: x = -1.4, -0.4, 0.6 all count, x = -2.4 does not.
  CHECK(limn::score_link(view(maps, 3, 4), link, {-2.4f, 1, 1}, {0.6f, 1, 1}, 4) ==
        doctest::Approx(0.75).epsilon(1e-5));
  CHECK(limn::score_link(view(maps, 3, 4), link, {1, 1, 1}, {1, 1, 1}, 7) == 0);  // no direction
  CHECK(limn::score_link(view(maps, 3, 4), link, {not_a_score, 1, 1}, {1, 1, 1}, 7) == 0);
  CHECK(limn::score_link(view(maps, 3, 4), link, {1e30f, 1, 1}, {-1e30f, 1, 1}, 7) == 0);
  for (const float bad : {not_a_score, infinite_value}) {
    maps[12 + 5] = bad;
    CHECK(limn::score_link(view(maps, 3, 4), link, {0, 1, 1}, {3, 1, 1}, 7) == 0);
  }
}

TEST_CASE("one person among empty maps: places, scores and what is absent") {
  const limn::Skeleton skeleton = scene::body18();
  scene::Person person = scene::standing_person();
  for (scene::Point& point : person) point = {std::round(24 + 40 * point.x), std::round(50 + 40 * point.y), true};
  person[9].visible = person[16].visible = false;  // left wrist and right ankle, both ends of chains
  const scene::Maps maps = scene::draw_maps({person}, skeleton, 56, 48);
  const auto people = limn::decode_part_affinity(maps.confidence_view(), maps.affinity_view(), skeleton);
  REQUIRE(people.size() == 18);
  for (std::size_t k = 0; k < 18; ++k) {
    CAPTURE(k);
    CHECK(static_cast<double>(people[k].x) == doctest::Approx(person[k].visible ? person[k].x : 0));
    CHECK(static_cast<double>(people[k].y) == doctest::Approx(person[k].visible ? person[k].y : 0));
    CHECK(people[k].score == (person[k].visible ? 1.0f : 0.0f));
  }
}

TEST_CASE("everybody is found whole: 1 to 20 people who overlap and cross, with noise") {
  const limn::Skeleton skeleton = scene::body18();
  limn::PartAffinityWorkspace workspace;
  const auto links = limn::affinity_links(skeleton);
  for (int count = 1; count <= 20; ++count) {
    for (unsigned seed = 0; seed < 2; ++seed) {
      CAPTURE(count);
      CAPTURE(seed);
      std::mt19937 random(100 * static_cast<unsigned>(count) + seed);
      const auto placed = scene::random_people(count, 30, 60, 112, 112, skeleton, random);
      REQUIRE(static_cast<int>(placed.size()) == count);
      scene::Maps maps = scene::draw_maps(placed, skeleton, 112, 112);
      scene::add_noise(maps, 0.04f, 0.1f, random);
      std::vector<limn::Peak> people;
      limn::decode_part_affinity(maps.confidence_view(), maps.affinity_view(), links, {}, workspace, people);
      CHECK(static_cast<int>(people.size()) == 18 * count);
      CHECK(static_cast<int>(count_right(expected_groups(placed, skeleton), placed, people, 0.75)) == count);
    }
  }
}

TEST_CASE("what is hidden is absent and takes nobody else's, if no link lacks both ends") {
  // Of these kinds of keypoints, none of which is linked with another, each is hidden in one person. So the other end
  // is the only one left over.
  const std::size_t kinds[] = {0, 3, 4, 7, 8, 13, 14};
  const limn::Skeleton skeleton = scene::body18();
  for (int count = 2; count <= 20; ++count) {
    CAPTURE(count);
    std::mt19937 random(7000 + static_cast<unsigned>(count));
    auto placed = scene::random_people(count, 30, 60, 112, 112, skeleton, random);
    std::uniform_int_distribution<std::size_t> anyone(0, placed.size() - 1);
    for (const std::size_t k : kinds) placed[anyone(random)][k].visible = false;
    scene::Maps maps = scene::draw_maps(placed, skeleton, 112, 112);
    scene::add_noise(maps, 0.04f, 0.1f, random);
    const auto people = limn::decode_part_affinity(maps.confidence_view(), maps.affinity_view(), skeleton);
    const auto expected = expected_groups(placed, skeleton);
    CHECK(people.size() == 18 * expected.size());
    CHECK(count_right(expected, placed, people, 0.75) == expected.size());
  }
}

TEST_CASE(
    "a tenth of all keypoints hidden: at least 0.9 of what hangs together is found exactly, more with a threshold") {
  // Ends without a partner are left over in several people then, and a line between two of them need only meet one limb
  // to score 1/7, more than the published threshold.
  const limn::Skeleton skeleton = scene::body18();
  double all = 0;
  double right = 0;
  double right_with_threshold = 0;
  limn::PartAffinityOptions strict;
  strict.link_threshold = 0.3f;
  for (int count = 1; count <= 20; ++count) {
    std::mt19937 random(9000 + static_cast<unsigned>(count));
    auto placed = scene::random_people(count, 30, 60, 112, 112, skeleton, random);
    std::bernoulli_distribution hidden(0.1);
    for (scene::Person& person : placed) {
      for (scene::Point& point : person) point.visible = !hidden(random);
    }
    scene::Maps maps = scene::draw_maps(placed, skeleton, 112, 112);
    scene::add_noise(maps, 0.04f, 0.1f, random);
    const auto expected = expected_groups(placed, skeleton);
    all += static_cast<double>(expected.size());
    const auto people = limn::decode_part_affinity(maps.confidence_view(), maps.affinity_view(), skeleton);
    right += static_cast<double>(count_right(expected, placed, people, 0.75));
    const auto fewer = limn::decode_part_affinity(maps.confidence_view(), maps.affinity_view(), skeleton, strict);
    right_with_threshold += static_cast<double>(count_right(expected, placed, fewer, 0.75));
  }
  CHECK(right >= 0.9 * all);
  CHECK(right_with_threshold >= 0.98 * all);
}

TEST_CASE("interleaved maps, or maps with gaps between them, give what planar ones give") {
  const limn::Skeleton skeleton = scene::body18();
  std::mt19937 random(5);
  const auto placed = scene::random_people(4, 20, 30, 48, 64, skeleton, random);
  scene::Maps maps = scene::draw_maps(placed, skeleton, 48, 64);
  scene::add_noise(maps, 0.05f, 0.1f, random);
  const auto expected = limn::decode_part_affinity(maps.confidence_view(), maps.affinity_view(), skeleton);
  REQUIRE(expected.size() == 18 * placed.size());

  // Both in one block, as a network with one output of 60 channels would have them.
  const limn::HeatmapView planes[] = {maps.confidence_view(), maps.affinity_view()};
  std::vector<float> block(48 * 64 * 60);
  for (limn::Index y = 0; y < 48; ++y) {
    for (limn::Index x = 0; x < 64; ++x) {
      for (limn::Index map = 0; map < 60; ++map) {
        block[static_cast<std::size_t>((y * 64 + x) * 60 + map)] =
            map < 18 ? planes[0](map, y, x) : planes[1](map - 18, y, x);
      }
    }
  }
  const limn::HeatmapView confidence(block.data(), 18, 48, 64, 1, 64 * 60, 60);
  const limn::HeatmapView affinity(block.data() + 18, 42, 48, 64, 1, 64 * 60, 60);
  const auto found = limn::decode_part_affinity(confidence, affinity, skeleton);
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CAPTURE(i);
    CHECK(found[i].x == expected[i].x);
    CHECK(found[i].y == expected[i].y);
    CHECK(found[i].score == expected[i].score);
  }
}

namespace {

/// Three keypoints whose links form a triangle, and peaks of which each link has one pair: first a - first b - c -
/// second a. Nothing but wrong links makes such maps.
struct Triangle {
  limn::Skeleton skeleton = {{"a", "b", "c"}, {{0, 1}, {1, 2}, {0, 2}}, {}};
  scene::Maps maps{skeleton, 16, 16};

  Triangle() {
    set(maps.confidence, 0, 2, 2, 0.5f);
    set(maps.confidence, 0, 12, 2, 0.6f);
    set(maps.confidence, 1, 2, 12, 0.7f);
    set(maps.confidence, 2, 12, 12, 0.8f);
    for (limn::Index i = 2; i <= 12; ++i) {
      set(maps.affinity, 1, 2, i, 1);   // first a to b, to the right
      set(maps.affinity, 2, i, 12, 1);  // b to c, down
      set(maps.affinity, 5, 12, i, 1);  // second a to c, to the right
    }
  }

  static void set(std::vector<float>& values, limn::Index map, limn::Index y, limn::Index x, float value) {
    values[static_cast<std::size_t>((map * 16 + y) * 16 + x)] = value;
  }

  std::vector<limn::Peak> decode(const limn::PartAffinityOptions& options) const {
    return limn::decode_part_affinity(maps.confidence_view(), maps.affinity_view(), skeleton, options);
  }
};

}  // namespace

TEST_CASE("where wrong links hold two of a keypoint together, the one that was reached last counts") {
  const auto people = Triangle().decode({});
  REQUIRE(people.size() == 3);
  CHECK(people[0].y == 12);
  CHECK(people[0].score == 0.6f);
  CHECK(people[1].score == 0.7f);
  CHECK(people[2].score == 0.8f);
}

TEST_CASE("links need more than the threshold, and a person as many keypoints as asked for") {
  Triangle triangle;
  for (limn::Index i = 2; i <= 12; ++i) Triangle::set(triangle.maps.affinity, 2, i, 12, 0.25f);  // b to c
  const limn::AffinityLink link = limn::affinity_links(triangle.skeleton)[1];
  const float score = limn::score_link(triangle.maps.affinity_view(), link, {12, 2, 0.7f}, {12, 12, 0.8f}, 7);
  CHECK(score == doctest::Approx(0.25).epsilon(1e-4));
  limn::PartAffinityOptions options;
  options.link_threshold = score;
  auto people = triangle.decode(options);
  REQUIRE(people.size() == 6);  // a and b, second a and c
  CHECK(people[0].score == 0.5f);
  CHECK(people[2].score == 0);
  CHECK(people[4].score == 0);
  options.link_threshold = std::nextafter(score, 0.0f);
  CHECK(triangle.decode(options).size() == 3);

  options.link_threshold = 2;  // four lone peaks, keypoint by keypoint
  people = triangle.decode(options);
  REQUIRE(people.size() == 12);
  CHECK(people[0].score == 0.5f);
  CHECK(people[3].score == 0.6f);
  CHECK(people[7].score == 0.7f);
  CHECK(people[11].score == 0.8f);
  options.max_objects = 3;
  CHECK(triangle.decode(options).size() == 9);
  options.min_keypoints = 2;
  CHECK(triangle.decode(options).empty());
  options.link_threshold = 0.1f;
  CHECK(triangle.decode(options).size() == 3);
  options.cmap_threshold = 0.65f;  // no a is left
  people = triangle.decode(options);
  REQUIRE(people.size() == 3);
  CHECK(people[0].score == 0);
  CHECK(people[0].x == 0);
  CHECK(people[1].score == 0.7f);
}

TEST_CASE("maps of nothing, of NaN and of one great plateau are no danger") {
  const limn::Skeleton skeleton = scene::body18();
  scene::Maps maps(skeleton, 24, 24);
  CHECK(limn::decode_part_affinity(maps.confidence_view(), maps.affinity_view(), skeleton).empty());
  std::fill(maps.confidence.begin(), maps.confidence.end(), not_a_score);
  std::fill(maps.affinity.begin(), maps.affinity.end(), not_a_score);
  CHECK(limn::decode_part_affinity(maps.confidence_view(), maps.affinity_view(), skeleton).empty());
  for (const float value : {1.0f, infinite_value}) {
    std::fill(maps.confidence.begin(), maps.confidence.end(), value);
    limn::PartAffinityOptions options;
    options.max_peaks = 10;
    options.max_objects = 15;
    CHECK(limn::decode_part_affinity(maps.confidence_view(), maps.affinity_view(), skeleton, options).size() ==
          15 * 18);
  }
  std::mt19937 random(11);
  std::uniform_real_distribution<float> uniform(-2, 2);
  for (float& value : maps.confidence) value = uniform(random);
  for (float& value : maps.affinity) value = uniform(random);
  const auto people = limn::decode_part_affinity(maps.confidence_view(), maps.affinity_view(), skeleton);
  CHECK_FALSE(people.empty());
  for (const limn::Peak& peak : people) CHECK(std::isfinite(peak.x + peak.y + peak.score));
}

TEST_CASE("maps, links and options that cannot be are refused") {
  const limn::Skeleton skeleton = scene::body18();
  const scene::Maps maps(skeleton, 8, 12);
  const scene::Maps other(skeleton, 8, 10);
  const auto refuse = [&](const limn::HeatmapView& affinity, const limn::Skeleton& links,
                          const limn::PartAffinityOptions& options, const char* message) {
    CHECK_THROWS_WITH_AS(limn::decode_part_affinity(maps.confidence_view(), affinity, links, options), message,
                         limn::Error);
  };
  refuse(other.affinity_view(), skeleton, {},
         "part affinity maps: expected the confidence maps' 12x8 cells, found 10x8");
  CHECK_THROWS_AS(limn::decode_part_affinity(limn::HeatmapView(), maps.affinity_view(), skeleton), limn::Error);
  CHECK_THROWS_AS(limn::decode_part_affinity(maps.confidence_view(), limn::HeatmapView(), skeleton), limn::Error);

  limn::Skeleton wrong = skeleton;
  wrong.links.emplace_back(0, 5);
  refuse(maps.affinity_view(), wrong, {}, "part affinity link 21: expected two of 42 maps, found 42 and 43");
  wrong = skeleton;
  wrong.links[3] = {4, 18};
  refuse(maps.affinity_view(), wrong, {},
         "part affinity link 3: expected two different keypoints from 0 to 17, found 4 and 18");
  wrong.links[3] = {4, 4};
  refuse(maps.affinity_view(), wrong, {},
         "part affinity link 3: expected two different keypoints from 0 to 17, found 4 and 4");

  limn::PartAffinityOptions options;
  options.cmap_threshold = 0;
  refuse(maps.affinity_view(), skeleton, options,
         "part affinity decoder: confidence threshold 0.000000: expected a positive number");
  options = {};
  options.link_threshold = not_a_score;
  refuse(maps.affinity_view(), skeleton, options, "part affinity decoder: link threshold nan: expected a number");
  options = {};
  options.window = 4;
  refuse(maps.affinity_view(), skeleton, options,
         "part affinity decoder: window 4: expected an odd number from 1 to 255");
  options = {};
  options.samples = 1;
  refuse(maps.affinity_view(), skeleton, options,
         "part affinity decoder: samples 1: expected a number from 2 to 65535");
  options = {};
  options.max_peaks = 0;
  refuse(maps.affinity_view(), skeleton, options,
         "part affinity decoder: max_peaks 0: expected a number from 1 to 65535");
}

TEST_CASE("poses have photo pixels, names, the box around what was found and the mean of all scores") {
  const limn::Skeleton skeleton = {{"a", "b", "c"}, {{0, 1}, {1, 2}}, {}};
  const std::vector<limn::Peak> people = {{1, 2, 0.6f}, {0, 0, 0},    {4, 1, 0.9f},  //
                                          {0, 0, 0},    {5, 6, 0.3f}, {0, 0, 0}};
  const limn::Affine photo_from_heatmap = {10, 0, 3, 0, 20, 4};
  const auto poses = limn::make_poses(people, skeleton, photo_from_heatmap);
  REQUIRE(poses.size() == 2);
  REQUIRE(poses[0].keypoints.size() == 3);
  CHECK(poses[0].keypoints[0].name == "a");
  CHECK(poses[0].keypoints[0].x == 13);
  CHECK(poses[0].keypoints[0].y == 44);
  CHECK(poses[0].keypoints[1].x == 0);
  CHECK(poses[0].keypoints[1].y == 0);
  CHECK(poses[0].keypoints[1].score == 0);
  CHECK(poses[0].box.x == 13);
  CHECK(poses[0].box.y == 24);
  CHECK(poses[0].box.width == 30);
  CHECK(poses[0].box.height == 20);
  CHECK(poses[0].score == doctest::Approx(0.5));
  CHECK(poses[1].find("b")->x == 53);
  CHECK(poses[1].box.width == 0);
  CHECK(poses[1].score == doctest::Approx(0.1));
  CHECK(limn::make_poses({}, skeleton, photo_from_heatmap).empty());
  CHECK_THROWS_WITH_AS(limn::make_poses({{}, {}, {}, {}}, skeleton, photo_from_heatmap),
                       "poses: expected a multiple of the skeleton's 3 keypoints, found 4 peaks", limn::Error);
}

TEST_CASE("with half the stride as the offset, places in the photo are those of trt_pose and jetson-inference") {
  const double cell_x = 20.4;
  const double cell_y = 33.7;
  for (const auto& [width, height] : {std::pair<double, double>{640, 480}, {480, 640}}) {
    const limn::Box whole = {0, 0, static_cast<float>(width), static_cast<float>(height)};
    const double published_x = (cell_x + 0.5) / 56;
    const double published_y = (cell_y + 0.5) / 56;
    // Stretched: x = refined_x * width.
    auto photo = limn::photo_from_heatmap(limn::network_from_photo(limn::Geometry::stretch, whole, 224, 224), 4, 2);
    CHECK(limn::apply(photo, cell_x, cell_y).first == doctest::Approx(published_x * width));
    CHECK(limn::apply(photo, cell_x, cell_y).second == doctest::Approx(published_y * height));
    // trt_pose's keep_aspect_ratio, with the aspect ratio width / height.
    const double aspect = width / height;
    const double x = aspect > 1 ? published_x : (published_x - 0.5) / aspect + 0.5;
    const double y = aspect > 1 ? (published_y - 0.5) * aspect + 0.5 : published_y;
    photo = limn::photo_from_heatmap(limn::network_from_photo(limn::Geometry::letterbox, whole, 224, 224), 4, 2);
    CHECK(limn::apply(photo, cell_x, cell_y).first == doctest::Approx(x * width));
    CHECK(limn::apply(photo, cell_x, cell_y).second == doctest::Approx(y * height));
  }
}
