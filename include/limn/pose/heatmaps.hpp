#pragma once

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/tensor.hpp>

namespace limn {

/// Heatmaps in somebody else's memory, one for each keypoint, read where they lie: the value of keypoint k at cell
/// (x, y) is `data[k * keypoint_stride + y * row_stride + x * pixel_stride]`. Strides are in floats.
struct HeatmapView {
  const float* data = nullptr;
  Index keypoints = 0;
  Index height = 0;
  Index width = 0;
  Index keypoint_stride = 0;
  Index row_stride = 0;
  Index pixel_stride = 0;

  HeatmapView() = default;

  HeatmapView(const float* values, Index keypoint_count, Index rows, Index columns, Index floats_per_keypoint,
              Index floats_per_row, Index floats_per_pixel)
      : data(values),
        keypoints(keypoint_count),
        height(rows),
        width(columns),
        keypoint_stride(floats_per_keypoint),
        row_stride(floats_per_row),
        pixel_stride(floats_per_pixel) {}

  /// limn's own feature maps, the channels being the keypoints.
  HeatmapView(const Tensor& tensor)  // NOLINT(google-explicit-constructor): a tensor of heatmaps is a view of itself
      : HeatmapView(tensor.data(), tensor.channels(), tensor.height(), tensor.width(), 1,
                    tensor.width() * tensor.channels(), tensor.channels()) {}

  /// keypoints x height x width, row-major: one image of PyTorch's and ONNX's NCHW.
  static HeatmapView planar(const float* values, Index keypoint_count, Index rows, Index columns) {
    return {values, keypoint_count, rows, columns, rows * columns, columns, 1};
  }

  /// height x width x keypoints, row-major: one image of TensorFlow's NHWC.
  static HeatmapView interleaved(const float* values, Index keypoint_count, Index rows, Index columns) {
    return {values, keypoint_count, rows, columns, 1, columns * keypoint_count, keypoint_count};
  }

  float operator()(Index keypoint, Index y, Index x) const {
    return data[keypoint * keypoint_stride + y * row_stride + x * pixel_stride];
  }
};

/// Throws Error if there are no heatmaps to read.
inline void check(const HeatmapView& heatmaps) {
  if (heatmaps.data == nullptr || heatmaps.keypoints <= 0 || heatmaps.height <= 0 || heatmaps.width <= 0) {
    throw Error("heatmaps of " + to_string(Shape{heatmaps.keypoints, heatmaps.height, heatmaps.width}) +
                (heatmaps.data == nullptr ? " without data" : ": keypoints, height and width must be positive"));
  }
}

/// The place of a keypoint in its heatmap, in cells (whole numbers are cell centres), and the heatmap's value there.
struct Peak {
  float x = 0;
  float y = 0;
  float score = 0;
};

/// How the place of a keypoint is read from its heatmap.
enum class DecoderType {
  argmax,          ///< the largest cell
  quarter_offset,  ///< a quarter cell from there towards the larger neighbour, in x and in y
  dark,            ///< Newton step on the logarithm of the blurred heatmap
  dark_udp,        ///< the same with another curvature, for models trained with unbiased data processing
  part_affinity,   ///< several people, told apart by part affinity maps (part_affinity.hpp)
  center,          ///< people's boxes, no keypoints (box_decoder.hpp)
};

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

/// Constants of the decoder of people's boxes.
struct CenterOptions {
  float threshold = 0.3f;  ///< least score of a box, 0 to 1
  Index max_people = 100;  ///< boxes with lower scores are dropped
  float iou = 0.6f;        ///< a box that has more than this in common with one of a higher score is dropped, 0 to 1
};

/// A decoder with its constants, as a model file states them. Heatmap cell x stands for network input pixel
/// `stride * x + offset`.
struct DecoderOptions {
  DecoderType type = DecoderType::argmax;
  double offset = 0;  ///< input pixels; not the decoder's business but that of photo_from_heatmap (geometry.hpp)
  Index margin = 1;   ///< quarter_offset only: cells kept clear of the border, 1 = Microsoft, 0 = imgclsmob
  Index kernel =
      11;  ///< dark, dark_udp: width of the Gaussian in cells, odd; 11 for models trained with sigma 2, 17 with 3
  /// Of one person's heatmaps: the score from which a keypoint is worth drawing. Not the decoder's business but that of
  /// whoever draws; see DrawOptions::threshold.
  float draw_threshold = 0.2f;
  PartAffinityOptions part_affinity = {};  ///< part_affinity only
  CenterOptions center = {};               ///< center only
};

}  // namespace limn
