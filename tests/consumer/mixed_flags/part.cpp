#include "part.hpp"

#include <limn/image/io.hpp>
#include <limn/limn.hpp>
#include <limn/network/plain_executor.hpp>

namespace LIMN_CONSUMER_NAME {

limn::PoseEstimator* make_estimator(const std::string& model) {
  limn::EstimatorOptions options;
  options.threads = 2;
  return new limn::PoseEstimator(model, options);
}

limn::Pose estimate(const limn::PoseEstimator& estimator, const limn::Image& photo) {
  return estimator.estimate(photo, {0, 0, static_cast<float>(photo.width()), static_cast<float>(photo.height())});
}

void destroy(limn::PoseEstimator* estimator) { delete estimator; }

limn::Tensor run_plain_layers(const std::string& file) {
  const limn::Model model = limn::Model::open(file);
  limn::Tensor input({3, 64, 32});
  for (limn::Index i = 0; i < input.shape().size(); ++i) input.data()[i] = static_cast<float>(i % 13) / 13;
  return limn::run_plain(model.graph(), model.weights(), input)[0];
}

void empty(limn::Tensor& tensor) { tensor = limn::Tensor(); }

}  // namespace LIMN_CONSUMER_NAME
