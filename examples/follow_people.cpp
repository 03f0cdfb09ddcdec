// Follows people through frames that lie in memory, as the SDK of a camera hands them out: nothing is copied.
#include <cstdio>
#include <exception>
#include <memory>

#include <limn/image/io.hpp>
#include <limn/limn.hpp>

int main(int argc, char** argv) try {
  if (argc < 4) return 2;  // MODEL DETECTOR PHOTO
  limn::EstimatorOptions options;
  options.detector = std::make_shared<const limn::PersonDetector>(argv[2]);
  limn::VideoEstimator video(std::make_shared<const limn::PoseEstimator>(argv[1], options));

  const limn::Image photo = limn::load_image(argv[3]);  // stands for what the camera sees, panning to the right
  for (int number = 0; number < 10; ++number) {
    // The buffer of a frame: its first pixel, size, bytes from one row to the next, and the order of its colours.
    const limn::ImageView frame = {photo.pixel(4 * number, 0), photo.width() - 40, photo.height(), 3 * photo.width(),
                                   limn::PixelFormat::rgb};
    const double seconds = number / 30.0;  // the frame's time, on any clock
    for (const limn::TrackedPose& person : video.next(frame, seconds)) {
      const limn::Keypoint* const head = person.pose.find("head_top");
      if (head == nullptr) continue;
      std::printf("%.2f s: person %lld, head at %.0f, %.0f\n", seconds, static_cast<long long>(person.id),
                  static_cast<double>(head->x), static_cast<double>(head->y));
    }
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
