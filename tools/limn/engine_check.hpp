// Whether the fast engine computes an 8-bit network to the bit.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <limn/core/tensor.hpp>
#include <limn/model_file/model.hpp>

#include "engine_maps.hpp"

namespace limn::program {

/// Compares each map that the engine makes with what the plain layers make of the maps that the engine made before it:
/// 8-bit ones have to be the same, others about the same. Where all layers are 8-bit ones, the engine's maps are then
/// those of the plain layers throughout. A float layer's may differ in their last digits, and now and then a number of
/// the 8-bit map that is made of them is the one beside; no layer after it is blamed for that.
class EngineCheck {
 public:
  /// `tolerance`: of float maps, as a share of the largest magnitude.
  EngineCheck(const Model& model, double tolerance);

  /// One run of the engine.
  void add(const Tensor& input, const EngineMaps& engine);

  /// Prints the result of all runs.
  void print() const;

  /// What differs first; nothing if nothing does.
  const std::string& first() const { return first_; }

 private:
  /// What was found of the map of a node.
  struct Map {
    bool compared = false;
    bool differs = false;
  };

  void compare(NodeId id, const Tensor& found, const Tensor& expected);

  const Model& model_;
  double tolerance_;
  std::vector<std::optional<MapScale>> scales_;
  std::vector<Map> maps_;  ///< by node
  std::string target_;
  std::string first_;
};

}  // namespace limn::program
