// What the fast engine computes, step by step.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <limn/core/tensor.hpp>
#include <limn/model_file/model.hpp>

#include "verify_options.hpp"

namespace limn::program {

/// One run of the engine on an input.
class EngineMaps {
 public:
  EngineMaps(const Model& model, const Tensor& input, const VerifyOptions& options);

  /// In the order in which they are made, with the name of the node that puts each out, of layers that were fused the
  /// last. 8-bit maps are in whole numbers.
  const std::vector<std::pair<std::string, Tensor>>& maps() const { return maps_; }

  /// The name of the instruction set.
  const std::string& target() const { return target_; }

 private:
  std::vector<std::pair<std::string, Tensor>> maps_;
  std::string target_;
};

}  // namespace limn::program
