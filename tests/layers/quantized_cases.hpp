// Cases of 8-bit layers in layers.safetensors: their maps hold whole numbers, and limn's are to be the same.
#pragma once

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include <limn/layers/map_scale.hpp>

#include "reference_data.hpp"

namespace reference {

/// The option [scale, zero point] of a case.
inline limn::MapScale scale_of(const Case& test, const std::string& map) {
  const nlohmann::json& option = test.options.at(map + "_scale");
  return {option.at(0).get<float>(), option.at(1).get<int>()};
}

/// Nothing if the case has no such option.
inline std::optional<limn::MapScale> any_scale_of(const Case& test, const std::string& map) {
  if (!test.options.contains(map + "_scale")) return std::nullopt;
  return scale_of(test, map);
}

/// A map of one row and one channel.
inline limn::Tensor row_of(const limn::FloatVector& values) {
  limn::Tensor tensor({1, 1, values.size()});
  tensor.matrix() = values.transpose();
  return tensor;
}

inline void check_equal(const limn::Tensor& found, const limn::Tensor& expected) {
  REQUIRE(found.shape() == expected.shape());
  CHECK(found.matrix() == expected.matrix());
}

}  // namespace reference
