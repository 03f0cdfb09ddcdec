#pragma once

#include <optional>
#include <utility>
#include <vector>

#include <limn/core/version.hpp>
#include <limn/estimator/flip.hpp>
#include <limn/estimator/photo_network.hpp>
#include <limn/pose/box.hpp>
#include <limn/pose/decoders.hpp>
#include <limn/pose/pose.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// From boxes to poses with a network of one person: it looks into each box and sees one heatmap for each keypoint.
class TopDown {
 public:
  struct Workspace {
    FloatMatrix averages;  ///< of the flip test, keypoints x (person, cell); else empty
    DecoderWorkspace decoder;
    std::vector<Peak> peaks;

    /// The heatmaps that a person's keypoints were read from.
    HeatmapView heatmaps(const PhotoNetwork::Workspace& maps, Index person) const {
      const HeatmapView seen = maps.map(0, person);
      if (averages.size() == 0) return seen;
      return maps.view(averages.col(person * seen.height * seen.width).data(), seen.keypoints);
    }
  };

  explicit TopDown(std::optional<FlipTest> flip) : flip_(std::move(flip)) {}

  /// Images that the network looks at for one person: with the flip test also the mirrored one.
  Index images_per_person() const { return flip_ ? 2 : 1; }

  /// One pose for each of `count` people, who all go through the network in one run.
  void estimate(const PhotoNetwork& network, const BoxInPhoto* people, Index count, PhotoNetwork::Workspace& maps,
                Workspace& own, Pose* poses) const {
    for (Index person = 0; person < count; ++person) {
      const Index image = person * images_per_person();
      network.look(people[person].photo, people[person].box, maps, image);
      if (flip_) mirror(maps.input(image), network.document().input.width, maps.input(image + 1));
    }
    network.run(maps, count * images_per_person());
    if (flip_) average(network, count, maps, own);
    // From the last to the first, so that the workspace's affine map is in the end that of its heatmaps.
    for (Index person = count; person-- > 0;) {
      const Affine& photo_from_heatmap = network.locate(people[person].box, maps);
      decode(own.heatmaps(maps, person), network.document().decoder, own.decoder, own.peaks);
      make_pose(own.peaks, network.document().skeleton, photo_from_heatmap, people[person].box, poses[person]);
    }
  }

 private:
  void average(const PhotoNetwork& network, Index count, const PhotoNetwork::Workspace& maps, Workspace& own) const {
    const Shape& shape = network.plan().output_shape();
    own.averages.resize(shape.channels, network.plan().batch() / images_per_person() * shape.pixels());
    for (Index person = 0; person < count; ++person) {
      auto mean = own.averages.middleCols(person * shape.pixels(), shape.pixels());
      const HeatmapView seen = maps.map(0, 2 * person);
      mean = Eigen::Map<const Eigen::MatrixXf>(seen.data, shape.channels, shape.pixels());
      average_with_mirrored(maps.map(0, 2 * person + 1), flip_->partners, flip_->shift, mean);
    }
  }

  std::optional<FlipTest> flip_;
};

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
