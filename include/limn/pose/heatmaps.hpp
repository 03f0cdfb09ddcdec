#pragma once

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/tensor.hpp>
#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Heatmaps in somebody else's memory, one for each keypoint, read where they lie: the value of keypoint k at cell
/// (x, y) is `data[k * keypoint_stride + y * row_stride + x * pixel_stride]`. Strides are in floats.
struct HeatmapView {
  const float* data = nullptr;  ///< value of keypoint 0 at cell (0, 0)
  Index keypoints = 0;          ///< heatmaps
  Index height = 0;             ///< cells
  Index width = 0;              ///< cells
  Index keypoint_stride = 0;    ///< floats from a heatmap to the next
  Index row_stride = 0;         ///< floats from a row to the next
  Index pixel_stride = 0;       ///< floats from a cell to the next

  HeatmapView() = default;

  /// In the order of the members.
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

  /// The value of a keypoint at cell (x, y), rows first. Indices are not checked.
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
  float x = 0;      ///< cells, to the right
  float y = 0;      ///< cells, down
  float score = 0;  ///< the heatmap's value there
};

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
