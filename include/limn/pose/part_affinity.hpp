// Several people from one pair of feature maps: confidence maps, one for each keypoint, say where keypoints are, and
// part affinity maps, two for each link of the skeleton, point along the limbs and so say which of them belong
// together.
//
// Part affinity fields are from Cao et al., Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields (CVPR
// 2017). The steps below and their constants are those of trt_pose (trt_pose/csrc/parse), which jetson-inference
// shares:
//
//     find_peaks -> refine_peak -> score_link for every pair -> assign (assignment.hpp) -> groups of linked peaks
//
// Coordinates are heatmap cells, whole numbers being cell centres, as everywhere in limn. trt_pose's normalised
// coordinates are (x + 0.5) / width, (y + 0.5) / height; so the offset of its models in photo_from_heatmap()
// (geometry.hpp) is half the stride.
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
#include <limn/image/affine.hpp>
#include <limn/pose/assignment.hpp>
#include <limn/pose/heatmaps.hpp>
#include <limn/pose/pose.hpp>
#include <limn/pose/skeleton.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Constants of the part affinity decoder. The defaults are those of trt_pose (trt_pose/parse_objects.py);
/// jetson-inference has 0.15 for both thresholds and wants 2 keypoints of a person.
struct PartAffinityOptions {
  float cmap_threshold = 0.1f;  ///< least confidence of a peak, positive
  float link_threshold = 0.1f;  ///< two keypoints are linked if their score is larger
  Index window = 5;             ///< cells, odd: a peak is the largest in this window, and its place the centroid of it
  Index samples = 7;            ///< places on the line between two keypoints at which the affinity is read, at least 2
  Index max_peaks = 100;        ///< of each keypoint; further ones, lower in the photo, are not seen
  Index max_objects = 100;      ///< groups of linked keypoints; further ones are not seen
  Index min_keypoints = 1;      ///< smaller groups are no people
};

/// A link of the skeleton and the two part affinity maps that hold it: on the limb, they are the components of the unit
/// vector from keypoint `from` to keypoint `to`, elsewhere they are zero.
struct AffinityLink {
  Index y_map = 0;  ///< component that points down
  Index x_map = 0;  ///< component that points to the right
  int from = 0;     ///< keypoint where the limb begins
  int to = 0;       ///< keypoint where it ends
};

/// The links of a skeleton in its order with their maps as trt_pose has them: 2k is y and 2k + 1 is x of link k
/// (trt_pose/coco.py, coco_category_to_topology).
inline std::vector<AffinityLink> affinity_links(const Skeleton& skeleton) {
  std::vector<AffinityLink> links;
  for (const auto& [from, to] : skeleton.links) {
    const auto map = 2 * static_cast<Index>(links.size());
    links.push_back({map, map + 1, from, to});
  }
  return links;
}

/// Memory that `decode_part_affinity` works in. One for each thread; once it has grown to the fullest photo, nothing is
/// allocated.
struct PartAffinityWorkspace {
  /// For each link, the peak at the other end, -1 for none.
  struct Connections {
    std::vector<int> of_from;  ///< for each peak of keypoint `from`
    std::vector<int> of_to;    ///< for each peak of keypoint `to`
  };

  std::vector<std::vector<Peak>> peaks;       ///< for each keypoint; after a call, all that were found
  std::vector<Connections> connections;       ///< for each link
  std::vector<float> scores;                  ///< of one link: every peak of `from` with every peak of `to`
  AssignmentWorkspace assignment;             ///< for pairing the peaks of a link
  std::vector<std::vector<char>> visited;     ///< for each keypoint and peak
  std::vector<std::pair<int, int>> to_visit;  ///< keypoint and peak
};

/// The peaks of one confidence map, appended to `peaks` in row order, unrefined: cells with a value of at least
/// cmap_threshold in whose window, cut off at the border, no value is larger. The cells of a plateau are all peaks.
/// Stops when `peaks` has max_peaks. Source: trt_pose, parse/find_peaks.
inline void find_peaks(const HeatmapView& confidence, Index keypoint, const PartAffinityOptions& options,
                       std::vector<Peak>& peaks) {
  const Index reach = options.window / 2;
  const auto no_larger_around = [&](Index x, Index y, float value) {
    const Index right = (std::min)(confidence.width - 1, x + reach);
    const Index bottom = (std::min)(confidence.height - 1, y + reach);
    for (Index row = (std::max)(Index{0}, y - reach); row <= bottom; ++row) {
      for (Index column = (std::max)(Index{0}, x - reach); column <= right; ++column) {
        if (confidence(keypoint, row, column) > value) return false;
      }
    }
    return true;
  };
  for (Index y = 0; y < confidence.height; ++y) {
    for (Index x = 0; x < confidence.width; ++x) {
      const float value = confidence(keypoint, y, x);
      if (!(value >= options.cmap_threshold) || !no_larger_around(x, y, value)) continue;
      if (static_cast<Index>(peaks.size()) >= options.max_peaks) return;
      peaks.push_back({static_cast<float>(x), static_cast<float>(y), value});
    }
  }
}

/// Moves a peak from its cell to the centroid of the window around it, the values being the weights; beyond the border
/// the map is mirrored at its outermost cells. The score stays that of the cell. Source: trt_pose, parse/refine_peaks.
///
/// The centroid of values of both signs may lie anywhere, and that of values which are not finite nowhere; a peak whose
/// centroid is not within the window stays where it is.
inline void refine_peak(const HeatmapView& confidence, Index keypoint, Index window, Peak& peak) {
  // Maps narrower than the window are mirrored once and then continued.
  const auto mirror = [](Index i, Index size) {
    return (std::min)((std::max)(i < size ? std::abs(i) : 2 * size - i - 2, Index{0}), size - 1);
  };
  const Index reach = window / 2;
  const auto x = static_cast<Index>(peak.x);
  const auto y = static_cast<Index>(peak.y);
  float sum = 0;
  float sum_x = 0;
  float sum_y = 0;
  for (Index dy = -reach; dy <= reach; ++dy) {
    for (Index dx = -reach; dx <= reach; ++dx) {
      const float weight = confidence(keypoint, mirror(y + dy, confidence.height), mirror(x + dx, confidence.width));
      sum += weight;
      sum_x += weight * static_cast<float>(dx);
      sum_y += weight * static_cast<float>(dy);
    }
  }
  const float shift_x = sum_x / sum;
  const float shift_y = sum_y / sum;
  const auto farthest = static_cast<float>(reach);
  if (!(std::abs(shift_x) <= farthest && std::abs(shift_y) <= farthest)) return;
  peak.x += shift_x;
  peak.y += shift_y;
}

/// How well the part affinity maps support a limb between two keypoints, about 1 for a clear one: the mean of the
/// affinity's component along the line from `from` to `to`, read in the cells that hold `samples` places evenly spread
/// over the line, ends included. Places outside of the maps count as 0, and so does a score that is not finite.
/// Source: trt_pose, parse/paf_score_graph, with its 1e-5 for lines without length.
inline float score_link(const HeatmapView& affinity, const AffinityLink& link, const Peak& from, const Peak& to,
                        Index samples) {
  const float dx = to.x - from.x;
  const float dy = to.y - from.y;
  const float length = std::sqrt(dx * dx + dy * dy) + 1e-5f;
  const float unit_x = dx / length;
  const float unit_y = dy / length;
  const auto right = static_cast<float>(affinity.width);
  const auto bottom = static_cast<float>(affinity.height);
  float sum = 0;
  for (Index i = 0; i < samples; ++i) {
    // Cell c is the half-open interval from c - 0.5 to c + 0.5, the first one, as truncation has it, from -1.5.
    const float share = static_cast<float>(i) / static_cast<float>(samples - 1);
    const float x = from.x + share * dx + 0.5f;
    const float y = from.y + share * dy + 0.5f;
    if (!(x > -1 && y > -1 && x < right && y < bottom)) continue;
    const auto column = static_cast<Index>(x);
    const auto row = static_cast<Index>(y);
    sum += affinity(link.y_map, row, column) * unit_y + affinity(link.x_map, row, column) * unit_x;
  }
  return std::isfinite(sum) ? sum / static_cast<float>(samples) : 0.0f;
}

/// Throws Error if one of the constants is out of its range.
inline void check(const PartAffinityOptions& options) {
  const auto fail = [](const std::string& what) { throw Error("part affinity decoder: " + what); };
  if (!(options.cmap_threshold > 0) || !std::isfinite(options.cmap_threshold)) {
    fail("confidence threshold " + std::to_string(options.cmap_threshold) + ": expected a positive number");
  }
  if (!std::isfinite(options.link_threshold)) {
    fail("link threshold " + std::to_string(options.link_threshold) + ": expected a number");
  }
  if (options.window < 1 || options.window > 255 || options.window % 2 == 0) {
    fail("window " + std::to_string(options.window) + ": expected an odd number from 1 to 255");
  }
  const auto check_count = [&](Index count, Index least, const char* name) {
    if (count < least || count > 65535) {
      fail(name + (" " + std::to_string(count)) + ": expected a number from " + std::to_string(least) + " to 65535");
    }
  };
  check_count(options.samples, 2, "samples");
  check_count(options.max_peaks, 1, "max_peaks");
  check_count(options.max_objects, 1, "max_objects");
  check_count(options.min_keypoints, 1, "min_keypoints");
}

namespace detail {

inline void check_affinity(const HeatmapView& confidence, const HeatmapView& affinity,
                           const std::vector<AffinityLink>& links) {
  check(confidence);
  check(affinity);
  if (affinity.height != confidence.height || affinity.width != confidence.width) {
    throw Error("part affinity maps: expected the confidence maps' " + std::to_string(confidence.width) + "x" +
                std::to_string(confidence.height) + " cells, found " + std::to_string(affinity.width) + "x" +
                std::to_string(affinity.height));
  }
  const auto name = [](std::size_t i) { return "part affinity link " + std::to_string(i) + ": expected "; };
  for (std::size_t i = 0; i < links.size(); ++i) {
    const AffinityLink& link = links[i];
    const auto [first_map, last_map] = std::minmax(link.y_map, link.x_map);
    if (first_map < 0 || last_map >= affinity.keypoints) {
      throw Error(name(i) + "two of " + std::to_string(affinity.keypoints) + " maps, found " +
                  std::to_string(link.y_map) + " and " + std::to_string(link.x_map));
    }
    const auto [first_end, last_end] = std::minmax(link.from, link.to);
    if (first_end < 0 || last_end >= confidence.keypoints || first_end == last_end) {
      throw Error(name(i) + "two different keypoints from 0 to " + std::to_string(confidence.keypoints - 1) +
                  ", found " + std::to_string(link.from) + " and " + std::to_string(link.to));
    }
  }
}

/// Decides which peaks are the two ends of one limb.
inline void connect(const HeatmapView& affinity, const AffinityLink& link, const PartAffinityOptions& options,
                    PartAffinityWorkspace& workspace, PartAffinityWorkspace::Connections& connections) {
  const std::vector<Peak>& from = workspace.peaks[static_cast<std::size_t>(link.from)];
  const std::vector<Peak>& to = workspace.peaks[static_cast<std::size_t>(link.to)];
  workspace.scores.clear();
  for (const Peak& a : from) {
    for (const Peak& b : to) workspace.scores.push_back(score_link(affinity, link, a, b, options.samples));
  }
  assign(workspace.scores.data(), static_cast<Index>(from.size()), static_cast<Index>(to.size()), workspace.assignment,
         connections.of_from);
  connections.of_to.assign(to.size(), -1);
  for (std::size_t i = 0; i < from.size(); ++i) {
    int& partner = connections.of_from[i];
    if (partner < 0) continue;
    const auto j = static_cast<std::size_t>(partner);
    if (workspace.scores[i * to.size() + j] > options.link_threshold) {
      connections.of_to[j] = static_cast<int>(i);
    } else {
      partner = -1;
    }
  }
}

/// Writes the peaks that links connect with this one, breadth first, to their keypoints' places in `person`, a later
/// peak of a keypoint over an earlier one. Returns how many keypoints were found.
inline Index collect(int keypoint, int peak, const std::vector<AffinityLink>& links, PartAffinityWorkspace& workspace,
                     Peak* person) {
  const auto at = [](int i) { return static_cast<std::size_t>(i); };
  Index found = 0;
  workspace.to_visit.assign(1, {keypoint, peak});
  for (std::size_t next = 0; next < workspace.to_visit.size(); ++next) {
    const auto [part, number] = workspace.to_visit[next];
    char& visited = workspace.visited[at(part)][at(number)];
    if (visited != 0) continue;
    visited = 1;
    if (person[part].score == 0) ++found;
    person[part] = workspace.peaks[at(part)][at(number)];
    for (std::size_t k = 0; k < links.size(); ++k) {
      const PartAffinityWorkspace::Connections& connections = workspace.connections[k];
      if (links[k].from == part && connections.of_from[at(number)] >= 0) {
        workspace.to_visit.emplace_back(links[k].to, connections.of_from[at(number)]);
      }
      if (links[k].to == part && connections.of_to[at(number)] >= 0) {
        workspace.to_visit.emplace_back(links[k].from, connections.of_to[at(number)]);
      }
    }
  }
  return found;
}

}  // namespace detail

/// Finds the people in confidence maps and part affinity maps of the same size. Writes one Peak for each keypoint to
/// `people`, one person after the other: keypoint k of person p is `people[p * confidence.keypoints + k]`, in heatmap
/// cells. Its score is the confidence at the peak; a keypoint that was not found has score 0 and place (0, 0).
///
/// The pairs of each link are the assignment with the largest sum of scores among all peaks of its two keypoints, less
/// those whose score is not above the threshold. A person is what such pairs hold together, in the order in which the
/// first of them was met: keypoint by keypoint, row by row. Where wrong links hold two people together, a keypoint has
/// the last of its peaks, as in trt_pose (parse/connect_parts).
///
/// Throws Error if a view is empty, their sizes differ, or a link or an option is out of range.
inline void decode_part_affinity(const HeatmapView& confidence, const HeatmapView& affinity,
                                 const std::vector<AffinityLink>& links, const PartAffinityOptions& options,
                                 PartAffinityWorkspace& workspace, std::vector<Peak>& people) {
  check(options);
  detail::check_affinity(confidence, affinity, links);
  const auto keypoints = static_cast<std::size_t>(confidence.keypoints);
  workspace.peaks.resize(keypoints);
  workspace.visited.resize(keypoints);
  for (std::size_t k = 0; k < keypoints; ++k) {
    std::vector<Peak>& peaks = workspace.peaks[k];
    peaks.clear();
    find_peaks(confidence, static_cast<Index>(k), options, peaks);
    for (Peak& peak : peaks) refine_peak(confidence, static_cast<Index>(k), options.window, peak);
    workspace.visited[k].assign(peaks.size(), 0);
  }

  workspace.connections.resize(links.size());
  for (std::size_t k = 0; k < links.size(); ++k) {
    detail::connect(affinity, links[k], options, workspace, workspace.connections[k]);
  }

  people.clear();
  Index objects = 0;
  for (std::size_t k = 0; k < keypoints; ++k) {
    for (std::size_t i = 0; i < workspace.peaks[k].size(); ++i) {
      if (workspace.visited[k][i] != 0) continue;
      if (objects++ == options.max_objects) return;
      const std::size_t begin = people.size();
      people.resize(begin + keypoints);
      const Index found = detail::collect(static_cast<int>(k), static_cast<int>(i), links, workspace, &people[begin]);
      if (found < options.min_keypoints) people.resize(begin);
    }
  }
}

/// The same into a new vector, for the maps of a skeleton as trt_pose orders them (see affinity_links()).
inline std::vector<Peak> decode_part_affinity(const HeatmapView& confidence, const HeatmapView& affinity,
                                              const Skeleton& skeleton, const PartAffinityOptions& options = {}) {
  PartAffinityWorkspace workspace;
  std::vector<Peak> people;
  decode_part_affinity(confidence, affinity, affinity_links(skeleton), options, workspace, people);
  return people;
}

/// Turns what decode_part_affinity() found into poses in photo pixels; their memory is used again.
/// `photo_from_heatmap` maps heatmap cells to photo pixels (see geometry.hpp). A keypoint that was not found has score
/// 0 and place (0, 0), as in COCO's files: judge it by its score. The box of a pose is the smallest around the others.
/// Its score is the mean of all keypoints' scores, so that both many and clear keypoints make for a high one. Throws
/// Error if the number of peaks is not a multiple of that of the skeleton's keypoints.
inline void make_poses(const std::vector<Peak>& people, const Skeleton& skeleton, const Affine& photo_from_heatmap,
                       std::vector<Pose>& poses) {
  const std::size_t count = skeleton.keypoints.size();
  if (count == 0 || people.size() % count != 0) {
    throw Error("poses: expected a multiple of the skeleton's " + std::to_string(count) + " keypoints, found " +
                std::to_string(people.size()) + " peaks");
  }
  poses.resize(people.size() / count);
  const Peak* peak = people.data();
  for (Pose& pose : poses) {
    pose.keypoints.resize(count);
    float left = std::numeric_limits<float>::infinity();
    float top = left;
    float right = -left;
    float bottom = -left;
    float sum = 0;
    for (std::size_t i = 0; i < count; ++i, ++peak) {
      Keypoint& keypoint = pose.keypoints[i];
      keypoint.name = skeleton.keypoints[i];
      keypoint.score = peak->score;
      keypoint.x = 0;
      keypoint.y = 0;
      if (peak->score == 0) continue;
      const auto [x, y] = apply(photo_from_heatmap, peak->x, peak->y);
      keypoint.x = static_cast<float>(x);
      keypoint.y = static_cast<float>(y);
      left = (std::min)(left, keypoint.x);
      top = (std::min)(top, keypoint.y);
      right = (std::max)(right, keypoint.x);
      bottom = (std::max)(bottom, keypoint.y);
      sum += peak->score;
    }
    pose.box = left <= right ? Box{left, top, right - left, bottom - top} : Box{};
    pose.score = sum / static_cast<float>(count);
  }
}

/// The same into new poses.
inline std::vector<Pose> make_poses(const std::vector<Peak>& people, const Skeleton& skeleton,
                                    const Affine& photo_from_heatmap) {
  std::vector<Pose> poses;
  make_poses(people, skeleton, photo_from_heatmap, poses);
  return poses;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
