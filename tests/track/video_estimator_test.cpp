#include <limn/track/video_estimator.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <limn/image/io.hpp>
#include <limn/model_file/model.hpp>

#include "estimator/model_of_several.hpp"

using namespace limn;

namespace {

const std::string photos = std::string(LIMN_SOURCE_DIR) + "/examples/photos/";

/// Part of the photo of five people, as a film that pans over it shows it.
ImageView window(const Image& photo, Index x, Index y) {
  return {photo.pixel(x, y), photo.width() - 60, photo.height() - 20, photo.width() * 3, PixelFormat::rgb};
}

std::shared_ptr<const PoseEstimator> people_estimator() {
  EstimatorOptions options;
  options.detector = std::make_shared<const PersonDetector>(std::string(LIMN_DEFAULT_DETECTOR));
  return std::make_shared<const PoseEstimator>(std::string(LIMN_DEFAULT_MODEL), options);
}

std::vector<std::int64_t> ids_of(const std::vector<TrackedPose>& people) {
  std::vector<std::int64_t> ids;
  for (const TrackedPose& person : people) ids.push_back(person.id);
  return ids;
}

}  // namespace

TEST_CASE("five people keep their ids while the picture pans, with the detector looking now and then") {
  const Image photo = load_image(photos + "five_people.jpg");
  VideoEstimator video(people_estimator());
  const std::vector<TrackedPose> first = video.next(window(photo, 0, 0), 0);
  CHECK(video.detected());
  REQUIRE(ids_of(first) == std::vector<std::int64_t>{1, 2, 3, 4, 5});
  int detections = 0;
  for (int frame = 1; frame <= 10; ++frame) {
    const Index shift = 3 * frame;
    const std::vector<TrackedPose>& people = video.next(window(photo, shift, frame), frame / 25.0);
    detections += video.detected() ? 1 : 0;
    REQUIRE(ids_of(people) == ids_of(first));
    for (std::size_t i = 0; i < people.size(); ++i) {
      const Box& box = people[i].pose.box;
      const Box& old = first[i].pose.box;
      CHECK(std::abs(box.x + box.width / 2 - (old.x + old.width / 2 - static_cast<float>(shift))) < 0.25F * old.width);
    }
  }
  CHECK(detections <= 4);
  // After a cut everybody is somebody else.
  video.reset();
  CHECK(ids_of(video.next(window(photo, 0, 0), 0)) == std::vector<std::int64_t>{6, 7, 8, 9, 10});
}

TEST_CASE("frames that are no pictures, and times that do not go on, are errors after which the film goes on") {
  const Image photo = load_image(photos + "five_people.jpg");
  const auto estimator = people_estimator();
  VideoEstimator video(estimator);
  const std::vector<std::int64_t> ids = ids_of(video.next(window(photo, 0, 0), 1));
  CHECK_THROWS_AS(video.next(ImageView(), 2), Error);
  CHECK_THROWS_WITH_AS(video.next(window(photo, 0, 0), 1),
                       "video: time: expected a finite one, after the last frame's 1.000000, found 1.000000", Error);
  CHECK_THROWS_AS(video.next(window(photo, 0, 0), std::numeric_limits<double>::quiet_NaN()), Error);
  CHECK(ids_of(video.next(window(photo, 2, 0), 1.04)) == ids);
  CHECK_THROWS_WITH_AS(VideoEstimator(nullptr), "video: expected an estimator, found none", Error);
}

TEST_CASE("streams in several threads share an estimator, and each is as it would be alone") {
  const Image photo = load_image(photos + "five_people.jpg");
  const auto estimator = people_estimator();
  const auto run = [&] {
    VideoEstimator video(estimator);
    std::vector<TrackedPose> last;
    for (int frame = 0; frame < 3; ++frame) last = video.next(window(photo, 4 * frame, 0), frame / 25.0);
    return last;
  };
  const std::vector<TrackedPose> alone = run();
  std::vector<std::vector<TrackedPose>> results(2);
  std::vector<std::thread> threads;
  for (std::vector<TrackedPose>& result : results) threads.emplace_back([&] { result = run(); });
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<TrackedPose>& result : results) {
    REQUIRE(ids_of(result) == ids_of(alone));
    for (std::size_t i = 0; i < result.size(); ++i) {
      for (std::size_t k = 0; k < result[i].pose.keypoints.size(); ++k) {
        CHECK(result[i].pose.keypoints[k].x == alone[i].pose.keypoints[k].x);
      }
    }
  }
}

TEST_CASE("without smoothing and without a detector, each frame's pose is the estimator's") {
  const Image photo = load_image(photos + "grace_hopper.jpg");
  const auto estimator = std::make_shared<const PoseEstimator>(std::string(LIMN_DEFAULT_MODEL));
  VideoOptions options = VideoOptions::of(*estimator);
  options.smoothing.reset();
  VideoEstimator video(estimator, options);
  for (int frame = 0; frame < 2; ++frame) {
    const std::vector<TrackedPose>& people = video.next(window(photo, frame * 5, 0), frame);
    const Pose pose = estimator->estimate_all(window(photo, frame * 5, 0)).front();
    REQUIRE(people.size() == 1);
    CHECK(people[0].id == 1);
    CHECK(people[0].pose.keypoints[3].x == pose.keypoints[3].x);
    CHECK_FALSE(video.detected());
  }
}

TEST_CASE("whom a model of several people finds by itself keep their ids as well") {
  const std::vector<unsigned char> bytes = several::model_file(1e-6);
  const auto estimator = std::make_shared<const PoseEstimator>(Model::from_bytes(bytes.data(), bytes.size()));
  const Image photo = load_image(photos + "five_people.jpg");
  const std::size_t count = estimator->estimate_all(photo).size();
  REQUIRE(count > 1);
  VideoEstimator video(estimator);
  const std::vector<TrackedPose> first = video.next(photo, 0);
  REQUIRE(first.size() == count);
  for (int frame = 1; frame < 4; ++frame) {
    const std::vector<TrackedPose>& people = video.next(photo, frame / 25.0);
    CHECK(ids_of(people) == ids_of(first));
    CHECK_FALSE(video.detected());
    for (std::size_t i = 0; i < people.size(); ++i) {
      CHECK(people[i].pose.keypoints[0].x == doctest::Approx(first[i].pose.keypoints[0].x));
    }
  }
}
