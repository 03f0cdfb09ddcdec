#include <limn/c.h>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <limn/image/io.hpp>
#include <limn/limn.hpp>
#include <limn/model_file/document.hpp>

namespace {

const std::string photo_file = LIMN_SOURCE_DIR "/examples/photos/five_people.jpg";

template <class T, void (*free)(T*)>
struct Deleter {
  void operator()(T* object) const { free(object); }
};
template <class T, void (*free)(T*)>
using Handle = std::unique_ptr<T, Deleter<T, free>>;
using Pool = Handle<limn_pool, limn_pool_free>;
using Detector = Handle<limn_detector, limn_detector_free>;
using Estimator = Handle<limn_estimator, limn_estimator_free>;
using Workspace = Handle<limn_workspace, limn_workspace_free>;
using Video = Handle<limn_video, limn_video_free>;
using Picture = Handle<limn_picture, limn_picture_free>;

/// What `make` makes; its error fails the test.
template <class H, class Make>
H made(const Make& make) {
  typename H::pointer address = nullptr;
  limn_error error;
  const limn_status status = make(&address, &error);
  INFO(error.message);
  REQUIRE(status == LIMN_OK);
  REQUIRE(error.message[0] == '\0');
  return H(address);
}

template <class Options>
Options usual() {
  Options options;
  std::memset(&options, 0, sizeof(options));
  options.struct_size = sizeof(options);
  return options;
}

Detector open_detector(const limn_detector_options* options = nullptr) {
  return made<Detector>([&](limn_detector** detector, limn_error* error) {
    return limn_detector_open(LIMN_DEFAULT_DETECTOR, options, detector, error);
  });
}

Estimator open_estimator(const limn_options* options = nullptr) {
  return made<Estimator>([&](limn_estimator** estimator, limn_error* error) {
    return limn_estimator_open(LIMN_DEFAULT_MODEL, options, estimator, error);
  });
}

Workspace make_workspace(const Estimator& estimator) {
  return made<Workspace>([&](limn_workspace** workspace, limn_error* error) {
    return limn_workspace_create(estimator.get(), workspace, error);
  });
}

limn_image c_image(const limn::Image& image) {
  return {image.data(), static_cast<std::int32_t>(image.width()), static_cast<std::int32_t>(image.height()),
          image.view().row_stride, LIMN_RGB};
}

/// Whether C has the poses that C++ has, to the bit.
void check_people(const limn_workspace* workspace, const std::vector<limn::Pose>& poses) {
  std::size_t count = 0;
  const limn_person* people = limn_people(workspace, &count);
  REQUIRE(count == poses.size());
  for (std::size_t i = 0; i < count; ++i) {
    CHECK(people[i].score == poses[i].score);
    CHECK(people[i].box.x == poses[i].box.x);
    CHECK(people[i].box.height == poses[i].box.height);
    for (std::size_t k = 0; k < poses[i].keypoints.size(); ++k) {
      CHECK(people[i].keypoints[k].x == poses[i].keypoints[k].x);
      CHECK(people[i].keypoints[k].y == poses[i].keypoints[k].y);
      CHECK(people[i].keypoints[k].score == poses[i].keypoints[k].score);
    }
  }
}

bool same_pixels(const limn::Image& a, const limn::Image& b) {
  return a.width() == b.width() && a.height() == b.height() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.width() * a.height() * 3)) == 0;
}

std::string failure(limn_status status, const limn_error& error) {
  CHECK(status == LIMN_FAILED);
  return error.message;
}

}  // namespace

TEST_CASE("C finds the people, poses, heatmaps and drawings that C++ finds") {
  const limn::Image photo = limn::load_image(photo_file);
  limn::EstimatorOptions cpp_options;
  cpp_options.detector = std::make_shared<limn::PersonDetector>(LIMN_DEFAULT_DETECTOR);
  cpp_options.flip = true;
  const limn::PoseEstimator cpp(LIMN_DEFAULT_MODEL, cpp_options);
  limn::PoseEstimator::Workspace cpp_workspace = cpp.make_workspace();
  std::vector<limn::Pose> poses;
  cpp.estimate_all(photo, cpp_workspace, poses);
  REQUIRE(poses.size() == 5);

  const Pool pool =
      made<Pool>([](limn_pool** made_pool, limn_error* error) { return limn_pool_create(2, made_pool, error); });
  auto detector_options = usual<limn_detector_options>();
  detector_options.pool = pool.get();
  Detector detector = open_detector(&detector_options);
  auto options = usual<limn_options>();
  options.detector = detector.get();
  options.pool = pool.get();
  options.flip = 1;
  const Estimator estimator = open_estimator(&options);

  const limn_image image = c_image(photo);
  limn_error error;
  std::size_t count = 0;
  std::vector<limn_detection> detections(3);
  REQUIRE(limn_detect(detector.get(), &image, detections.data(), detections.size(), &count, &error) == LIMN_OK);
  CHECK(count == 5);
  CHECK(detections[2].box.x == poses[2].box.x);
  CHECK(detections[2].score == cpp_workspace.detections()[2].score);

  CHECK(limn_detector_name(detector.get()) == cpp_options.detector->document().name);
  CHECK(limn_detector_threshold(detector.get()) == cpp_options.detector->document().decoder.center.threshold);
  detector_options.threshold = 0.75F;
  CHECK(limn_detector_threshold(open_detector(&detector_options).get()) == 0.75F);
  detector.reset();  // the estimator keeps what it needs
  const Workspace workspace = make_workspace(estimator);
  REQUIRE(limn_estimate_all(estimator.get(), workspace.get(), &image, &error) == LIMN_OK);
  check_people(workspace.get(), poses);

  SUBCASE("in boxes") {
    const std::vector<limn_box> boxes = {{100, 100, 120, 300}, {10, 50, 200, 350}};
    std::vector<limn::Pose> in_boxes;
    cpp.estimate(photo, {{100, 100, 120, 300}, {10, 50, 200, 350}}, cpp_workspace, in_boxes);
    REQUIRE(limn_estimate_boxes(estimator.get(), workspace.get(), &image, boxes.data(), boxes.size(), &error) ==
            LIMN_OK);
    check_people(workspace.get(), in_boxes);
  }
  SUBCASE("heatmaps") {
    limn_heatmaps heatmaps;
    REQUIRE(limn_get_heatmaps(workspace.get(), &heatmaps, &error) == LIMN_OK);
    const limn::HeatmapView expected = cpp_workspace.heatmaps();
    CHECK(heatmaps.keypoints == expected.keypoints);
    REQUIRE(heatmaps.height == expected.height);
    REQUIRE(heatmaps.width == expected.width);
    for (std::int32_t y = 0; y < heatmaps.height; ++y) {
      for (std::int32_t x = 0; x < heatmaps.width; ++x) {
        const float value =
            heatmaps.values[3 * heatmaps.keypoint_stride + y * heatmaps.row_stride + x * heatmaps.pixel_stride];
        REQUIRE(value == expected(3, y, x));
      }
    }
    const limn::Affine& map = cpp_workspace.photo_from_heatmap();
    CHECK(heatmaps.photo_from_heatmap[0] == map.a);
    CHECK(heatmaps.photo_from_heatmap[2] == map.c);
    CHECK(heatmaps.photo_from_heatmap[4] == map.e);

    const Picture picture = made<Picture>([&](limn_picture** grid, limn_error* grid_error) {
      return limn_draw_heatmaps(workspace.get(), &image, 64, grid, grid_error);
    });
    const limn_image pixels = limn_picture_pixels(picture.get());
    const limn::Image grid = limn::draw_heatmaps(photo, expected, map, 64);
    REQUIRE(pixels.width == grid.width());
    REQUIRE(pixels.height == grid.height());
    CHECK(std::memcmp(pixels.data, grid.data(), static_cast<std::size_t>(grid.width() * grid.height() * 3)) == 0);
  }
  SUBCASE("drawing") {
    limn::DrawOptions cpp_draw;
    cpp_draw.threshold = cpp.document().decoder.draw_threshold;
    cpp_draw.box = true;
    cpp_draw.alpha = 0.5;
    limn::Image expected = photo;
    limn::draw_poses(expected, poses, cpp.skeleton(), cpp_draw);

    auto draw = usual<limn_draw_options>();
    draw.box = 1;
    draw.alpha = 0.5;
    limn::Image drawn = photo;
    const limn_canvas canvas = {drawn.data(), image.width, image.height, image.row_stride, LIMN_RGB};
    REQUIRE(limn_draw_people(estimator.get(), workspace.get(), &canvas, &draw, &error) == LIMN_OK);
    CHECK(same_pixels(drawn, expected));
    CHECK_FALSE(same_pixels(drawn, photo));
  }
}

TEST_CASE("C follows the people of a film as C++ does") {
  const limn::Image photo = limn::load_image(photo_file);
  limn::EstimatorOptions cpp_options;
  cpp_options.detector = std::make_shared<limn::PersonDetector>(LIMN_DEFAULT_DETECTOR);
  limn::VideoEstimator cpp(std::make_shared<const limn::PoseEstimator>(LIMN_DEFAULT_MODEL, cpp_options));

  const Detector detector = open_detector();
  auto options = usual<limn_options>();
  options.detector = detector.get();
  Estimator estimator = open_estimator(&options);
  const Workspace workspace = make_workspace(estimator);
  const Video video = made<Video>([&](limn_video** made_video, limn_error* error) {
    return limn_video_create(estimator.get(), nullptr, made_video, error);
  });
  limn_error error;
  std::size_t count = 1;
  CHECK(limn_ids(workspace.get(), &count) == nullptr);
  CHECK(count == 0);
  for (int frame = 0; frame < 2; ++frame) {
    limn_image image = c_image(photo);
    image.data += 3 * 4 * frame;
    image.width -= 40;
    REQUIRE(limn_video_next(video.get(), workspace.get(), &image, 0.04 * frame, &error) == LIMN_OK);
    const limn::ImageView view = {photo.data() + 3 * 4 * frame, photo.width() - 40, photo.height(), photo.width() * 3,
                                  limn::PixelFormat::rgb};
    std::vector<limn::Pose> poses;
    const std::int64_t* const ids = limn_ids(workspace.get(), &count);
    const std::vector<limn::TrackedPose>& people = cpp.next(view, 0.04 * frame);
    REQUIRE(count == people.size());
    REQUIRE(count == 5);
    for (std::size_t i = 0; i < count; ++i) {
      CHECK(ids[i] == people[i].id);
      poses.push_back(people[i].pose);
    }
    check_people(workspace.get(), poses);
  }
  const limn_image image = c_image(photo);
  CHECK(failure(limn_video_next(video.get(), workspace.get(), &image, 0.04, &error), error) ==
        "video: time: expected a finite one, after the last frame's 0.040000, found 0.040000");
  limn_video_reset(video.get());
  REQUIRE(limn_video_next(video.get(), workspace.get(), &image, 0, &error) == LIMN_OK);
  CHECK(limn_ids(workspace.get(), &count)[0] == 6);

  auto wrong = usual<limn_video_options>();
  wrong.detect_every = -1;
  limn_video* none = nullptr;
  CHECK(failure(limn_video_create(estimator.get(), &wrong, &none, &error), error) ==
        "next boxes: detect_every: expected a number of frames, 1 or more, found -1");
  CHECK(failure(limn_video_next(nullptr, workspace.get(), &image, 1, &error), error) ==
        "video: expected an address, found NULL");
}

TEST_CASE("C reads what a model says of itself, from a file and from bytes") {
  const limn::PoseEstimator cpp(LIMN_DEFAULT_MODEL);
  std::ifstream file(LIMN_DEFAULT_MODEL, std::ios::binary);
  std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const Estimator estimator = made<Estimator>([&](limn_estimator** made_estimator, limn_error* why) {
    return limn_estimator_from_bytes(bytes.data(), bytes.size(), "bytes", nullptr, made_estimator, why);
  });
  limn_model_kind kind = LIMN_PERSON_DETECTOR;
  limn_error error;
  CHECK(limn_kind_of_bytes(bytes.data(), bytes.size(), "bytes", &kind, &error) == LIMN_OK);
  CHECK(kind == LIMN_ONE_PERSON);
  CHECK(limn_kind_of_file(LIMN_DEFAULT_DETECTOR, &kind, &error) == LIMN_OK);
  CHECK(kind == LIMN_PERSON_DETECTOR);
  CHECK(failure(limn_kind_of_bytes(bytes.data(), 100, "cut", &kind, &error), error).find("cut") == 0);
  bytes.clear();
  bytes.shrink_to_fit();  // not needed any more
  CHECK(limn_model_name(estimator.get()) == cpp.document().name);
  CHECK(limn_target(estimator.get()) == std::string(limn::to_string(limn::choose_target())));
  CHECK(limn_finds_several(estimator.get()) == 0);
  CHECK(limn_draw_threshold(estimator.get()) == cpp.document().decoder.draw_threshold);
  const limn::Skeleton& skeleton = cpp.skeleton();
  REQUIRE(limn_keypoint_count(estimator.get()) == static_cast<std::int32_t>(skeleton.keypoints.size()));
  CHECK(limn_keypoint_name(estimator.get(), 3) == skeleton.keypoints[3]);
  CHECK(limn_keypoint_name(estimator.get(), -1) == nullptr);
  CHECK(limn_keypoint_name(estimator.get(), limn_keypoint_count(estimator.get())) == nullptr);
  REQUIRE(limn_link_count(estimator.get()) == static_cast<std::int32_t>(skeleton.links.size()));
  std::int32_t first = -1;
  std::int32_t second = -1;
  REQUIRE(limn_link(estimator.get(), 2, &first, &second) == LIMN_OK);
  CHECK(first == skeleton.links[2].first);
  CHECK(second == skeleton.links[2].second);
  CHECK(limn_link(estimator.get(), limn_link_count(estimator.get()), &first, &second) == LIMN_FAILED);
  CHECK(std::string(limn_version()) == LIMN_TEST_VERSION);
  CHECK(limn_c_version() == LIMN_C_VERSION);
}

TEST_CASE("what C gets wrong is one sentence, and makes nothing") {
  limn_error error;
  limn_estimator* estimator = nullptr;
  CHECK(failure(limn_estimator_open("nothing.safetensors", nullptr, &estimator, &error), error)
            .find("nothing.safetensors") == 0);
  CHECK(estimator == nullptr);
  CHECK(limn_estimator_open("nothing.safetensors", nullptr, &estimator, nullptr) == LIMN_FAILED);
  CHECK(failure(limn_estimator_open(nullptr, nullptr, &estimator, &error), error) ==
        "file: expected an address, found NULL");
  CHECK(failure(limn_estimator_open(LIMN_DEFAULT_MODEL, nullptr, nullptr, &error), error) ==
        "where to put it: expected an address, found NULL");
  const char junk[] = "no model";
  CHECK(
      failure(limn_estimator_from_bytes(junk, sizeof(junk), "junk", nullptr, &estimator, &error), error).find("junk") ==
      0);
  limn_pool* pool = nullptr;
  CHECK(failure(limn_pool_create(0, &pool, &error), error) == "thread pool: expected 1 to 1024 threads, found 0");

  auto options = usual<limn_options>();
  options.target = "abacus";
  CHECK(failure(limn_estimator_open(LIMN_DEFAULT_MODEL, &options, &estimator, &error), error).find("abacus") !=
        std::string::npos);
  options = usual<limn_options>();
  options.struct_size = 0;
  CHECK(failure(limn_estimator_open(LIMN_DEFAULT_MODEL, &options, &estimator, &error), error)
            .find("options: expected a struct_size of") == 0);

  // A long message is cut off, and ends.
  const std::string long_name(5000, 'x');
  CHECK(failure(limn_estimator_open(long_name.c_str(), nullptr, &estimator, &error), error).size() ==
        sizeof(error.message) - 1);

  const Estimator good = open_estimator();
  const Workspace workspace = make_workspace(good);
  limn_heatmaps heatmaps;
  CHECK(limn_get_heatmaps(workspace.get(), &heatmaps, &error) == LIMN_FAILED);
  const limn::Image photo(64, 48);
  limn_image image = c_image(photo);
  REQUIRE(limn_estimate_all(good.get(), workspace.get(), &image, &error) == LIMN_OK);
  std::size_t count = 0;
  limn_people(workspace.get(), &count);
  CHECK(count == 1);
  image.format = 7;
  CHECK(failure(limn_estimate_all(good.get(), workspace.get(), &image, &error), error) ==
        "picture: expected a pixel format from 0 to 4, found 7");
  limn_people(workspace.get(), &count);
  CHECK(count == 0);  // of the estimate that failed
  image = c_image(photo);
  image.data = nullptr;
  CHECK(limn_estimate_all(good.get(), workspace.get(), &image, &error) == LIMN_FAILED);
  CHECK(failure(limn_estimate_all(nullptr, workspace.get(), &image, &error), error) ==
        "estimator: expected an address, found NULL");
  CHECK(failure(limn_estimate_all(good.get(), nullptr, &image, &error), error) ==
        "workspace: expected an address, found NULL");
  CHECK(limn_people(nullptr, &count) == nullptr);
}

TEST_CASE("options of an older caller are those that it has, and of a newer one those that are known") {
  struct Longer {
    limn_options options;
    std::int64_t member_of_later;
  } longer = {usual<limn_options>(), 0};
  longer.options.struct_size = sizeof(longer);
  open_estimator(&longer.options);

  longer.member_of_later = 1;  // which this library would pass over
  limn_estimator* estimator = nullptr;
  limn_error error;
  CHECK(failure(limn_estimator_open(LIMN_DEFAULT_MODEL, &longer.options, &estimator, &error), error)
            .find("older than its caller") != std::string::npos);

  auto shorter = usual<limn_options>();
  shorter.struct_size = offsetof(limn_options, target);
  shorter.target = "not read";
  open_estimator(&shorter);
}
