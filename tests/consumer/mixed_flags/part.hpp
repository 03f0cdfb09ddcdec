// What each half of the program has: the same code, compiled with flags of its own.
#pragma once

#include <string>

#include <limn/core/tensor.hpp>
#include <limn/estimator/pose_estimator.hpp>
#include <limn/image/image.hpp>
#include <limn/pose/pose.hpp>

#define LIMN_CONSUMER_PART(name)                                                       \
  namespace name {                                                                     \
  limn::PoseEstimator* make_estimator(const std::string& model);                       \
  limn::Pose estimate(const limn::PoseEstimator& estimator, const limn::Image& photo); \
  void destroy(limn::PoseEstimator* estimator);                                        \
  /* The plain layers on numbers that follow from the model's name. */                 \
  limn::Tensor run_plain_layers(const std::string& model);                             \
  void empty(limn::Tensor& tensor);                                                    \
  }
LIMN_CONSUMER_PART(lower)
LIMN_CONSUMER_PART(higher)
