#pragma once

#include <vector>

#include <limn/core/eigen.hpp>

namespace limn {

/// What distinguishes one Simple Baselines network from another (Xiao, Wu & Wei, "Simple Baselines for Human Pose
/// Estimation and Tracking", ECCV 2018): a ResNet without its classifier, transposed convolutions of stride 2 that
/// each double the resolution, and a convolution to one heatmap per keypoint.
struct PoseResNet {
  struct Deconv {
    Index channels = 256;
    Index kernel = 4;  ///< 2, 3 or 4
  };

  int depth = 50;  ///< 18, 34, 50, 101 or 152
  Index keypoints = 17;
  std::vector<Deconv> deconvs = {Deconv(), Deconv(), Deconv()};
  bool deconv_bias = false;
  Index final_kernel = 1;            ///< 1 or 3
  bool stride_on_first_1x1 = false;  ///< Caffe's bottleneck; otherwise the stride is on the 3x3 convolution
  bool sigmoid_output = false;
};

}  // namespace limn
