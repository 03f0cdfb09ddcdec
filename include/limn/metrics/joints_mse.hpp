#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/tensor.hpp>
#include <limn/core/version.hpp>
#include <limn/metrics/labels.hpp>
#include <limn/pose/heatmaps.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// What a network is to put out for a labelled person, and how much each keypoint counts.
struct HeatmapTargets {
  Tensor heatmaps;             ///< keypoints x height x width
  std::vector<float> weights;  ///< one for each keypoint: 1, or 0 where nothing is labelled
};

/// The target heatmaps of Microsoft Simple Baselines (lib/dataset/JointsDataset.py, generate_target): around each
/// labelled keypoint exp(-d^2 / (2 sigma^2)) with the distance d in cells, 1 at its own cell and 0 from more than
/// 3 sigma away in x or y. `labels` are in pixels of the network's input, and cell floor(pixel / stride + 0.5) is a
/// keypoint's own (towards zero for negative ones, as published). Where the Gaussian's window lies beyond the map, the
/// weight is 0. sigma: 2 cells for inputs of around 256 pixels, 3 for 384.
/// Throws Error if a size, the stride or sigma is not positive.
inline HeatmapTargets gaussian_targets(const Labels& labels, Index height, Index width, double stride,
                                       double sigma = 2) {
  if (labels.empty() || height <= 0 || width <= 0 || !(stride > 0) || !(sigma > 0)) {
    throw Error("heatmap targets of " + to_string(Shape{static_cast<Index>(labels.size()), height, width}) +
                ", stride " + std::to_string(stride) + ", sigma " + std::to_string(sigma) +
                ": expected positive numbers");
  }
  HeatmapTargets targets{Tensor({static_cast<Index>(labels.size()), height, width}),
                         std::vector<float>(labels.size(), 0.0F)};
  const auto radius = static_cast<Index>(3 * sigma);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const Point place = labels[i].place;
    if (!labels[i].labelled()) continue;
    const double column = std::trunc(place.x / stride + 0.5);
    const double row = std::trunc(place.y / stride + 0.5);
    const auto reach = static_cast<double>(radius);
    // Written so that a place that is not a number counts as beyond the map.
    const bool on_map = column - reach < static_cast<double>(width) && row - reach < static_cast<double>(height) &&
                        column + reach + 1 >= 0 && row + reach + 1 >= 0;
    if (!on_map) continue;
    targets.weights[i] = 1;
    const auto centre_x = static_cast<Index>(column);
    const auto centre_y = static_cast<Index>(row);
    for (Index y = (std::max)(Index{0}, centre_y - radius); y <= (std::min)(height - 1, centre_y + radius); ++y) {
      for (Index x = (std::max)(Index{0}, centre_x - radius); x <= (std::min)(width - 1, centre_x + radius); ++x) {
        const auto dx = static_cast<double>(x - centre_x);
        const auto dy = static_cast<double>(y - centre_y);
        targets.heatmaps(static_cast<Index>(i), y, x) =
            static_cast<float>(std::exp(-(dx * dx + dy * dy) / (2 * sigma * sigma)));
      }
    }
  }
  return targets;
}

/// JointsMSE between the heatmaps h and the targets t of one person:
///
///     1/J sum_j 1/2 mean_{y,x} (w_j h_j(y,x) - w_j t_j(y,x))^2
///
/// over J keypoints with their weights w, which are within the square. A batch's loss is the mean of its persons'.
/// Source: Microsoft Simple Baselines, lib/core/loss.py, JointsMSELoss with target weights.
/// Throws Error if the sizes differ.
inline double joints_mse(const HeatmapView& heatmaps, const HeatmapView& targets, const std::vector<float>& weights) {
  check(heatmaps);
  check(targets);
  const Shape shape{heatmaps.keypoints, heatmaps.height, heatmaps.width};
  const Shape wanted{targets.keypoints, targets.height, targets.width};
  if (shape != wanted || static_cast<Index>(weights.size()) != wanted.channels) {
    throw Error("JointsMSE: heatmaps of " + to_string(shape) + ", targets of " + to_string(wanted) + " and " +
                std::to_string(weights.size()) + " weights: expected one size and a weight for each keypoint");
  }
  double sum = 0;
  for (Index k = 0; k < shape.channels; ++k) {
    const double weight = weights[static_cast<std::size_t>(k)];
    for (Index y = 0; y < shape.height; ++y) {
      for (Index x = 0; x < shape.width; ++x) {
        const double difference =
            weight * (static_cast<double>(heatmaps(k, y, x)) - static_cast<double>(targets(k, y, x)));
        sum += difference * difference;
      }
    }
  }
  return 0.5 * sum / static_cast<double>(shape.size());
}

/// The same with every keypoint counting.
inline double joints_mse(const HeatmapView& heatmaps, const HeatmapView& targets) {
  return joints_mse(heatmaps, targets, std::vector<float>(static_cast<std::size_t>(targets.keypoints), 1.0F));
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
