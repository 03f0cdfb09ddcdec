// Two halves of one program, compiled for different instruction sets, use limn and hand each other what is limn's.
#include <cmath>
#include <cstdio>

#include <limn/image/io.hpp>

#include "part.hpp"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const limn::Image photo = limn::load_image(argv[2]);
  limn::PoseEstimator* from_lower = lower::make_estimator(argv[1]);
  limn::PoseEstimator* from_higher = higher::make_estimator(argv[1]);
  const limn::Pose poses[] = {lower::estimate(*from_lower, photo), lower::estimate(*from_higher, photo),
                              higher::estimate(*from_lower, photo), higher::estimate(*from_higher, photo)};
  higher::destroy(from_lower);
  lower::destroy(from_higher);

  limn::Tensor plain_lower = lower::run_plain_layers(argv[1]);
  limn::Tensor plain_higher = higher::run_plain_layers(argv[1]);
  float difference = (plain_lower.matrix() - plain_higher.matrix()).cwiseAbs().maxCoeff();
  higher::empty(plain_lower);
  lower::empty(plain_higher);

  for (const limn::Pose& pose : poses) {
    for (std::size_t i = 0; i < pose.keypoints.size(); ++i) {
      difference = std::fmax(difference, std::fabs(pose.keypoints[i].score - poses[0].keypoints[i].score));
    }
  }
  std::printf("%zu keypoints, largest difference %g\n", poses[0].keypoints.size(), static_cast<double>(difference));
  return poses[0].keypoints.size() == 16 && difference < 1e-3F ? 0 : 1;
}
