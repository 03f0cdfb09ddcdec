#include <limn/estimator/person_detector.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <limn/network/plain_executor.hpp>

#include "estimator/blob_detector.hpp"
#include "formula_weights.hpp"
#include "model_file/safetensors_writer.hpp"
#include "model_file/temporary_file.hpp"

using namespace limn;

namespace {

/// The detector of bright squares; its model is not needed any more afterwards.
PersonDetector blob_detector(const DetectorOptions& options = {}) {
  const std::vector<unsigned char> bytes = blobs::model_file();
  return PersonDetector(Model::from_bytes(bytes.data(), bytes.size()), options);
}

/// A detector's model file with weights that are made up: it finds people of about 3 x 3 cells anywhere.
std::vector<unsigned char> made_up_file(bool offsets) {
  CenterNet network;
  network.width = 12;
  network.deconvs = {{24, 4}, {16, 4}};
  network.head_channels = 9;
  network.offsets = offsets;
  const formula::FormulaWeights weights(center_net(network));
  SafetensorsWriter writer;
  for (const auto& [name, tensor] : weights.weights()) {
    limn::FloatVector values = tensor.to_float();
    if (formula::ends_with(name, ".2.weight")) values *= 0.1f;  // of the heads, or every score would be 0 or 1
    if (name == "wh.2.bias") values.setConstant(3);
    writer.add(name, DType::f32, tensor.shape, {values.data(), values.data() + values.size()});
  }
  nlohmann::json document = nlohmann::json::parse(R"({"version": 1, "name": "made up",
    "network": {"type": "center_net", "depth": 18, "width": 12, "deconv": {"channels": [24, 16], "kernel": 4},
                "head_channels": 9},
    "input": {"width": 160, "height": 96, "channels": "bgr", "mean": [0.485, 0.456, 0.406],
              "std": [0.229, 0.224, 0.225], "geometry": "letterbox"},
    "decoder": {"type": "center", "offset": 3.5, "threshold": 0.01, "max_people": 20, "iou": 0.1}})");
  document["network"]["offsets"] = offsets;
  writer.metadata("limn", document.dump());
  return writer.bytes();
}

Image colourful_photo(Index width, Index height) {
  Image photo(width, height);
  for (Index y = 0; y < height; ++y) {
    for (Index x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) photo.pixel(x, y)[c] = static_cast<std::uint8_t>((7 * x + 5 * y * (c + 1)) % 256);
    }
  }
  return photo;
}

void check_near(const Box& found, const Box& expected, double epsilon = 1e-4) {
  CHECK(found.x == doctest::Approx(expected.x).epsilon(epsilon));
  CHECK(found.y == doctest::Approx(expected.y).epsilon(epsilon));
  CHECK(found.width == doctest::Approx(expected.width).epsilon(epsilon));
  CHECK(found.height == doctest::Approx(expected.height).epsilon(epsilon));
}

void check_same(const std::vector<Detection>& found, const std::vector<Detection>& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Box& one = found[i].box;
    const Box& other = expected[i].box;
    CHECK(found[i].score == expected[i].score);
    CHECK((one.x == other.x && one.y == other.y && one.width == other.width && one.height == other.height));
  }
}

}  // namespace

TEST_CASE("a detector made to find bright squares finds them, the brightest first, and nothing where there are none") {
  const PersonDetector detector = blob_detector();
  Image photo = blobs::photo();
  CHECK(detector.detect(photo).empty());
  blobs::draw(photo, 2, 3, 80, 130);
  blobs::draw(photo, 6, 2, 80, 255);
  const std::vector<Detection> people = detector.detect(photo);
  REQUIRE(people.size() == 2);
  check_near(people[0].box, blobs::box(6, 2));
  check_near(people[1].box, blobs::box(2, 3));
  // Of the 27 places that make a cell along one axis, 23 lie in such a square: brightness (23 / 27)^2.
  const double share = 23.0 * 23 / (27 * 27);
  const auto score = [&](double brightness) { return 1 / (1 + std::exp(2 - 8 * share * brightness / 255)); };
  CHECK(people[0].score == doctest::Approx(score(255)).epsilon(1e-4));
  CHECK(people[1].score == doctest::Approx(score(130)).epsilon(1e-4));

  DetectorOptions options;
  options.threshold = 0.9f;
  const std::vector<Detection> surest = blob_detector(options).detect(photo);
  REQUIRE(surest.size() == 1);
  check_near(surest[0].box, blobs::box(6, 2));
  CHECK(blob_detector(options).document().decoder.center.threshold == 0.9f);
}

TEST_CASE("boxes end where the photo does") {
  Image photo = blobs::photo();
  blobs::draw(photo, 0, 1, 80, 255);
  blobs::draw(photo, 7, 4, 80, 255);
  std::vector<Detection> people = blob_detector().detect(photo);
  REQUIRE(people.size() == 2);
  if (people[0].box.x > people[1].box.x) std::swap(people[0], people[1]);
  check_near(people[0].box, {0, 0, 36, 40});
  check_near(people[1].box, {420, 136, 64, 96});
}

TEST_CASE("what a detector finds is what the plain layers and the decoder give") {
  for (const bool offsets : {true, false}) {
    const std::vector<unsigned char> bytes = made_up_file(offsets);
    const Model model = Model::from_bytes(bytes.data(), bytes.size());
    const Image photo = colourful_photo(200, 170);
    const InputDocument& input = model.document().input;
    const Box whole = {0, 0, 200, 170};
    Tensor seen({3, input.height, input.width});
    preprocess(photo, whole, input, input.width, input.height, seen.matrix());
    const std::vector<Tensor> maps = run_plain(model.graph(), model.weights(), seen);
    REQUIRE(maps.size() == (offsets ? 3 : 2));

    // The photo fits into 160x96 with bars left and right; cell x is pixel 8 x + 3.5 there.
    const double scale = 170.0 / 96;
    const Affine photo_from_heatmap = {8 * scale, 0, (3.5 - 80) * scale + 100, 0, 8 * scale, 3.5 * scale};
    const std::vector<Detection> expected =
        decode_boxes({maps[0], maps[1], offsets ? HeatmapView(maps[2]) : HeatmapView()},
                     model.document().decoder.center, photo_from_heatmap, whole);
    REQUIRE(expected.size() >= 5);

    for (const int threads : {1, 2}) {
      DetectorOptions options;
      options.threads = threads;
      options.target = targets().back();
      const PersonDetector detector(model, options);
      CHECK(detector.plan().threads() == threads);
      CHECK(detector.plan().target() == targets().back());
      PersonDetector::Workspace workspace = detector.make_workspace();
      std::vector<Detection> found;
      detector.detect(photo, workspace, found);
      REQUIRE(found.size() == expected.size());
      for (std::size_t i = 0; i < found.size(); ++i) {
        CAPTURE(i);
        CHECK(found[i].score == doctest::Approx(expected[i].score).epsilon(1e-3));
        check_near(found[i].box, expected[i].box, 1e-3);
      }
      const HeatmapView heatmaps = workspace.heatmaps();
      REQUIRE(Shape{heatmaps.keypoints, heatmaps.height, heatmaps.width} == maps[0].shape());
      for (Index y = 0; y < heatmaps.height; ++y) {
        for (Index x = 0; x < heatmaps.width; ++x) CHECK(std::abs(heatmaps(0, y, x) - maps[0](0, y, x)) <= 1e-4F);
      }
      const auto [x, y] = apply(workspace.photo_from_heatmap(), 2, 3);
      CHECK(x == doctest::Approx((2 * 8 + 3.5 - 80) * scale + 100));
      CHECK(y == doctest::Approx((3 * 8 + 3.5) * scale));
      CHECK(workspace.size_in_bytes() > 0);
    }
  }
}

TEST_CASE("one detector serves many threads at once, with and without workspaces of their own") {
  DetectorOptions options;
  options.pool = std::make_shared<const ThreadPool>(2);
  const PersonDetector detector = blob_detector(options);
  std::vector<Image> photos(4, blobs::photo());
  std::vector<std::vector<Detection>> expected;
  for (std::size_t i = 0; i < photos.size(); ++i) {
    blobs::draw(photos[i], 1 + 2 * static_cast<Index>(i), 2, 80, 255);
    expected.push_back(detector.detect(photos[i]));
    REQUIRE(expected[i].size() == 1);
  }
  std::vector<std::vector<Detection>> found(photos.size());
  std::vector<std::vector<Detection>> again(photos.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < photos.size(); ++i) {
    threads.emplace_back([&, i] {
      PersonDetector::Workspace workspace = detector.make_workspace();
      for (int round = 0; round < 3; ++round) {
        detector.detect(photos[i], workspace, found[i]);
        again[i] = detector.detect(photos[i]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < photos.size(); ++i) {
    check_same(found[i], expected[i]);
    check_same(again[i], expected[i]);
  }
}

TEST_CASE("a detector takes another input size, from a file as from memory, and a photo of any size") {
  DetectorOptions options;
  options.input_width = 128;
  options.input_height = 160;
  const PersonDetector detector = blob_detector(options);
  CHECK(detector.document().input.width == 128);
  CHECK(detector.document().input.height == 160);
  CHECK(detector.plan().output_shape() == Shape{1, 20, 16});
  CHECK(detector.detect(Image(1, 1)).empty());
  CHECK_THROWS_AS(detector.detect(ImageView{}), Error);

  const TemporaryFile file("person_detector", blobs::model_file());
  const PersonDetector opened(file.path);
  CHECK(opened.document().name == "blobs");
  Image photo = blobs::photo();
  blobs::draw(photo, 3, 2, 80, 255);
  check_same(opened.detect(photo), blob_detector().detect(photo));
}

TEST_CASE("a detector refuses models of keypoints and options that do not exist") {
  CHECK_THROWS_WITH_AS(
      PersonDetector(LIMN_DEFAULT_MODEL),
      LIMN_DEFAULT_MODEL ": expected a model that finds people's boxes, found one that finds keypoints", Error);
  DetectorOptions options;
  options.threshold = 1.5f;
  CHECK_THROWS_WITH_AS(blob_detector(options), "box decoder: threshold 1.500000: expected a number from 0 to 1", Error);
  options = {};
  options.input_width = 100;
  CHECK_THROWS_WITH_AS(blob_detector(options),
                       "network input height x width: expected positive multiples of 32, found 192x100", Error);
}

TEST_CASE("a detector's workspace can be read when its detector is gone, and no other detector takes it") {
  Image photo = blobs::photo();
  blobs::draw(photo, 3, 2, 80, 255);
  std::vector<Detection> people;
  auto first = std::make_unique<const PersonDetector>(blob_detector());
  PersonDetector::Workspace workspace = first->make_workspace();
  const char* const empty = "detector's workspace: no heatmaps, since no detection has left any in it";
  CHECK_THROWS_WITH_AS(workspace.heatmaps(), empty, Error);
  CHECK_THROWS_WITH_AS(workspace.photo_from_heatmap(), empty, Error);
  first->detect(photo, workspace, people);
  const float value = workspace.heatmaps()(0, 8, 12);
  CHECK(value > 0.5f);
  first.reset();
  const auto second = std::make_unique<const PersonDetector>(blob_detector());
  CHECK(workspace.heatmaps()(0, 8, 12) == value);
  CHECK(workspace.photo_from_heatmap().a == doctest::Approx(16));
  CHECK_THROWS_WITH_AS(second->detect(photo, workspace, people),
                       "person detector: the workspace was made by another detector", Error);
  CHECK(workspace.heatmaps()(0, 8, 12) == value);

  PersonDetector::Workspace own = second->make_workspace();
  second->detect(photo, own, people);
  CHECK_THROWS_AS(second->detect(ImageView{}, own, people), Error);
  CHECK_THROWS_WITH_AS(own.heatmaps(), empty, Error);
}

TEST_CASE("a detector that needs more memory than is allowed is an error that says how much") {
  DetectorOptions options;
  options.max_memory = 100000;
  CHECK_THROWS_WITH_AS(blob_detector(options),
                       doctest::Contains("expected at most 100000 bytes of memory (max_memory), found a need of "),
                       Error);
  options = {};
  options.input_width = 32768;
  options.input_height = 32768;
  CHECK_THROWS_WITH_AS(blob_detector(options), doctest::Contains("expected at most "), Error);
}

TEST_CASE("a model file whose widths ask for hundreds of gigabytes is an error that says so") {
  // One deconvolution from 8 channels to 65536: 8 MiB of weights, and at the largest input 256 GiB of maps.
  CenterNet network = blobs::network();
  network.deconvs = {{65536, 2}};
  SafetensorsWriter writer;
  for (const ParameterSpec& spec : center_net(network).parameters()) {
    writer.add_bytes(spec.name, limn::DType::f16, spec.shape,
                     std::vector<unsigned char>(static_cast<std::size_t>(spec.size()) * 2, 0));
  }
  writer.metadata("limn", R"({"version": 1, "name": "hostile",
    "network": {"type": "center_net", "depth": 18, "width": 1, "deconv": {"channels": [65536], "kernel": 2},
                "normalization": "none"},
    "input": {"width": 16384, "height": 16384, "channels": "rgb", "mean": [0, 0, 0], "std": [1, 1, 1],
              "geometry": "letterbox"},
    "decoder": {"type": "center"}})");
  const std::vector<unsigned char> bytes = writer.bytes();
  const Model model = Model::from_bytes(bytes.data(), bytes.size());
  const char* const named =
      sizeof(Index) == 8 ? "engine: map of 65536x1024x1024 values, deconv_layers.0: expected at most" : "expected ";
  CHECK_THROWS_WITH_AS(PersonDetector{model}, doctest::Contains(named), Error);
  DetectorOptions options;
  options.max_memory = std::numeric_limits<std::int64_t>::max();
  options.input_width = 32;
  options.input_height = 32;
  CHECK_NOTHROW(PersonDetector(model, options));
}
