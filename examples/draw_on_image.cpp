// Finds everybody and draws them in a picture that is not limn's: draw_on_image MODEL DETECTOR PHOTO PICTURE
//
// The pixels lie in a buffer of the program's own, BGRA with padded rows as cameras and window systems hand them out.
// limn reads them and draws on them where they are.
#include <cstdint>
#include <exception>
#include <iostream>
#include <memory>
#include <vector>

#include <limn/image/io.hpp>
#include <limn/limn.hpp>

namespace {

/// Stands for whatever the pixels come from.
struct Frame {
  limn::Index width;
  limn::Index height;
  limn::Index row_bytes;
  std::vector<std::uint8_t> bytes;

  explicit Frame(const limn::Image& photo)
      : width(photo.width()),
        height(photo.height()),
        row_bytes((4 * width + 63) / 64 * 64),
        bytes(static_cast<std::size_t>(row_bytes * height)) {
    for (limn::Index y = 0; y < height; ++y) {
      for (limn::Index x = 0; x < width; ++x) {
        std::uint8_t* pixel = bytes.data() + y * row_bytes + 4 * x;
        pixel[0] = photo.pixel(x, y)[2];
        pixel[1] = photo.pixel(x, y)[1];
        pixel[2] = photo.pixel(x, y)[0];
        pixel[3] = 255;
      }
    }
  }
};

void run(const char* model, const char* detector, const char* photo, const char* picture) {
  limn::EstimatorOptions estimator_options;
  estimator_options.detector = std::make_shared<limn::PersonDetector>(detector);
  const limn::PoseEstimator estimator(model, estimator_options);
  Frame frame(limn::load_image(photo));

  const limn::Canvas canvas = {frame.bytes.data(), frame.width, frame.height, frame.row_bytes, limn::PixelFormat::bgra};
  const std::vector<limn::Pose> people = estimator.estimate_all(canvas);

  limn::DrawOptions options;
  options.threshold = estimator.document().decoder.draw_threshold;  // only what the network is rather sure of
  options.left = {0, 200, 120};
  options.right = {240, 60, 160};
  options.link_scale = 0.012;  // of the picture's longer side
  options.alpha = 0.8;
  for (const limn::Pose& person : people) {
    limn::draw_pose(canvas, person, estimator.skeleton(), options);

    // Keypoints can be asked for by name, and there are lines, circles and boxes to draw with.
    if (const limn::Keypoint* head = person.find("head_top")) {
      limn::fill_circle(canvas, head->x, head->y, 6, {255, 220, 0});
      std::cout << "head top at " << head->x << ", " << head->y << " with score " << head->score << "\n";
    }
  }
  limn::save_image(picture, canvas);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: draw_on_image MODEL DETECTOR PHOTO PICTURE\n";
    return 2;
  }
  try {
    run(argv[1], argv[2], argv[3], argv[4]);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
