// consumer MODEL PHOTO: the pose of the one person in PHOTO. Stands for a user's program; see picture.cpp.
#include <cstdio>
#include <exception>

#include <limn/limn.hpp>

#include <limn/image/io.hpp>

#ifdef NLOHMANN_JSON_VERSION_MAJOR
#error "nlohmann/json comes with <limn/pose/pose_json.hpp> alone"
#endif

limn::Image picture(const char* path);

int main(int argc, char** argv) try {
  if (argc != 3) return 2;
  const limn::PoseEstimator estimator(argv[1]);
  const limn::Image photo = picture(argv[2]);
  const limn::Pose pose = estimator.estimate(photo, limn::box_of(photo));
  for (const limn::Keypoint& keypoint : pose.keypoints) {
    std::printf("%-16s %6.1f %6.1f  %.2f\n", keypoint.name.c_str(), static_cast<double>(keypoint.x),
                static_cast<double>(keypoint.y), static_cast<double>(keypoint.score));
  }
  // The person in the sample photo bends forward, far from upright, but the neck is beyond doubt.
  const limn::Keypoint* const neck = pose.find("upper_neck");
  return neck != nullptr && neck->score > 0.4F ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
