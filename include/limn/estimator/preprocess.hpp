#pragma once

#include <array>

#include <limn/core/eigen.hpp>
#include <limn/core/version.hpp>
#include <limn/estimator/crop.hpp>
#include <limn/image/resample.hpp>
#include <limn/model_file/document.hpp>
#include <limn/pose/geometry.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Brings a photo to a network's input: warped to width x height by the inverse of `network_from_photo`, then for every
/// plane c, in the order of `input.channels`, (value / 255 - mean[c]) / std[c].
///
/// `target` is 3 x (height * width), a Tensor's matrix or the input of a Plan's workspace. Allocates nothing. Throws
/// Error if the view is not a picture or the target's size is not 3 x width * height.
inline void preprocess(const ImageView& photo, const Affine& network_from_photo, const InputDocument& input,
                       Index width, Index height, Eigen::Ref<FloatMatrix> target) {
  if (target.rows() != 3 || target.cols() != width * height) {
    throw Error("network input: expected 3 x " + std::to_string(width * height) + " values, found " +
                std::to_string(target.rows()) + " x " + std::to_string(target.cols()));
  }
  // One table a plane: only 256 values are possible, and the photo's blacks outside are one of them.
  std::array<std::array<float, 256>, 3> normalised;
  for (std::size_t plane = 0; plane < 3; ++plane) {
    for (std::size_t value = 0; value < 256; ++value) {
      normalised[plane][value] =
          static_cast<float>((static_cast<double>(value) / 255.0 - input.mean[plane]) / input.std[plane]);
    }
  }
  const bool bgr = input.channels == ChannelOrder::bgr;
  float* out = target.data();
  warp(photo, inverse(network_from_photo), width, height, input.resample,
       [&](Index, Index, std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
         out[0] = normalised[0][bgr ? blue : red];
         out[1] = normalised[1][green];
         out[2] = normalised[2][bgr ? red : blue];
         out += 3;
       });
}

/// The same of the part of the photo that `input` has the network see of a person's box: `input.geometry`, `padding`
/// and `crop` applied to it, for an input of width x height. Throws Error as well if the box is not a proper one.
inline void preprocess(const ImageView& photo, const Box& box, const InputDocument& input, Index width, Index height,
                       Eigen::Ref<FloatMatrix> target) {
  const Affine map = network_from_photo(input.geometry, box, width, height, input.padding);
  const Crop seen = input.crop == 0 ? Crop{photo, 0, 0} : crop(photo, box, input.crop);
  const Affine photo_from_crop = {1, 0, static_cast<double>(seen.left), 0, 1, static_cast<double>(seen.top)};
  preprocess(seen.view, map * photo_from_crop, input, width, height, target);
}

/// The way back: the map from cells of the network's heatmaps to pixels of the photo whose part in `box` was brought to
/// the input that `document` states. Throws Error if the box is not a proper one.
inline Affine photo_from_heatmap(const ModelDocument& document, const Box& box, const Shape& heatmaps) {
  const InputDocument& input = document.input;
  return photo_from_heatmap(network_from_photo(input.geometry, box, input.width, input.height, input.padding),
                            heatmap_stride(input.geometry, input.width, heatmaps.width),
                            heatmap_stride(input.geometry, input.height, heatmaps.height), document.decoder.offset);
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
