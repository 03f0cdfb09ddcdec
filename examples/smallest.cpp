#include <iostream>
#include <limn/image/io.hpp>
#include <limn/limn.hpp>

int main(int, char** argv) {
  const limn::PoseEstimator estimator(argv[1]);
  const limn::Pose pose = estimator.estimate(limn::load_image(argv[2]));
  for (const limn::Keypoint& k : pose.keypoints)
    std::cout << k.name << " " << k.x << " " << k.y << " " << k.score << "\n";
}
