// Small networks of every family, random inputs for them, and the float engine to run them.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <limn/engine/plan.hpp>
#include <limn/models/network_description.hpp>
#include <limn/quantization/calibration.hpp>

#include "engine/random_data.hpp"
#include "formula_weights.hpp"

namespace quantization {

using limn::Index;

/// A ResNet18 with deconvolutions whose layers are narrow.
inline limn::Graph small_resnet(bool batch_norm = true) {
  limn::PoseResNet network;
  network.depth = 18;
  network.width = 4;
  network.keypoints = 3;
  network.deconvs = {{8, 4}, {6, 3}};
  if (!batch_norm) network.style.normalization = limn::Normalization::bias;
  return limn::pose_resnet(network);
}

/// {family: a small network of it}
inline std::vector<std::pair<std::string, limn::Graph>> small_networks() {
  limn::HRNet hrnet;
  hrnet.width = 2;
  limn::CmapPaf cmap_paf;
  cmap_paf.upsample_channels = 8;
  limn::CenterNet center_net;
  center_net.depth = 50;
  center_net.width = 2;
  center_net.deconvs = {{6, 4}, {4, 4}};
  center_net.head_channels = 5;
  return {{"pose_resnet", small_resnet()},
          {"hrnet", limn::hrnet(hrnet)},
          {"cmap_paf", limn::cmap_paf(cmap_paf)},
          {"center_net", limn::center_net(center_net)}};
}

/// Random inputs of 64 x 64.
class RandomInputs {
 public:
  explicit RandomInputs(Index count) {
    std::mt19937 generator(7);
    for (Index i = 0; i < count; ++i) tensors_.push_back(random_tensor({3, 64, 64}, generator));
    inputs_ = {count, 64, 64, [this](Index i, Eigen::Ref<limn::FloatMatrix> matrix) { matrix = (*this)[i].matrix(); }};
  }
  RandomInputs(const RandomInputs&) = delete;
  RandomInputs& operator=(const RandomInputs&) = delete;

  const limn::CalibrationInputs& inputs() const { return inputs_; }
  const limn::Tensor& operator[](Index i) const { return tensors_[static_cast<std::size_t>(i)]; }

 private:
  std::vector<limn::Tensor> tensors_;
  limn::CalibrationInputs inputs_;
};

/// The engine, made in one source file, since its kernels take the compiler long.
std::unique_ptr<const limn::Plan> make_plan(const limn::Graph& graph, const limn::Weights& weights);

}  // namespace quantization
