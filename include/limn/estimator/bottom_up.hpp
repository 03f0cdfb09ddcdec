#pragma once

#include <algorithm>
#include <vector>

#include <limn/core/version.hpp>
#include <limn/estimator/photo_network.hpp>
#include <limn/pose/part_affinity.hpp>
#include <limn/pose/pose.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// From a photo to the poses of everybody in it with a network of several people: it sees all keypoints of a kind in
/// one heatmap, and part affinity maps tell which belong to one person.
class BottomUp {
 public:
  struct Workspace {
    PartAffinityWorkspace part_affinity;
    std::vector<Peak> peaks;
    std::vector<Pose> poses;
  };

  explicit BottomUp(const Skeleton& skeleton) : links_(affinity_links(skeleton)) {}

  /// Everybody in the box, in the order of decode_part_affinity().
  void estimate(const PhotoNetwork& network, const ImageView& photo, const Box& box, PhotoNetwork::Workspace& maps,
                Workspace& own, std::vector<Pose>& poses) const {
    network.look(photo, box, maps);
    network.run(maps);
    const Affine& photo_from_heatmap = network.locate(box, maps);
    decode_part_affinity(maps.map(0), maps.map(1), links_, network.document().decoder.part_affinity, own.part_affinity,
                         own.peaks);
    make_poses(own.peaks, network.document().skeleton, photo_from_heatmap, poses);
  }

  /// The first with the highest score; if there is nobody, a pose whose keypoints are all absent.
  void estimate_best(const PhotoNetwork& network, const ImageView& photo, const Box& box, PhotoNetwork::Workspace& maps,
                     Workspace& own, Pose& pose) const {
    estimate(network, photo, box, maps, own, own.poses);
    const auto best = std::max_element(own.poses.begin(), own.poses.end(),
                                       [](const Pose& a, const Pose& b) { return a.score < b.score; });
    if (best != own.poses.end()) {
      pose = *best;
      return;
    }
    const Skeleton& skeleton = network.document().skeleton;
    pose = make_poses(std::vector<Peak>(skeleton.keypoints.size()), skeleton, Affine())[0];
  }

 private:
  std::vector<AffinityLink> links_;
};

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
