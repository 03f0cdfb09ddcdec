// Seeded random values for comparing the engine with the plain layers.
#pragma once

#include <algorithm>
#include <random>

#include <limn/core/tensor.hpp>

inline limn::FloatVector random_values(limn::Index count, std::mt19937& generator, float bound = 1.0F) {
  std::uniform_real_distribution<float> uniform(-bound, bound);
  limn::FloatVector values(count);
  for (limn::Index i = 0; i < count; ++i) values[i] = uniform(generator);
  return values;
}

inline limn::Tensor random_tensor(const limn::Shape& shape, std::mt19937& generator) {
  limn::Tensor tensor(shape);
  tensor.matrix().reshaped() = random_values(shape.size(), generator);
  return tensor;
}

/// Largest difference relative to the largest magnitude of `expected`, or to 1 if that is larger: where products of
/// about 1 cancel, what rounding leaves is not small beside the result.
inline float relative_difference(const Eigen::Ref<const limn::FloatMatrix>& found,
                                 const Eigen::Ref<const limn::FloatMatrix>& expected) {
  const float magnitude = expected.cwiseAbs().maxCoeff();
  return (found - expected).cwiseAbs().maxCoeff() / (std::max)(magnitude, 1.0F);
}
