#include <iostream>
#include <limn/image/io.hpp>
#include <limn/limn.hpp>
int main(int, char** argv) {
  limn::EstimatorOptions options;
  options.detector = std::make_shared<limn::PersonDetector>(argv[2]);
  const limn::PoseEstimator estimator(argv[1], options);
  for (const limn::Pose& person : estimator.estimate_all(limn::load_image(argv[3])))
    for (const limn::Keypoint& k : person.keypoints) std::cout << k.name << " " << k.x << " " << k.y << "\n";
}
