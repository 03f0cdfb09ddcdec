// Many threads share one estimator for a long time.
//
//   limn_soak [--frames N] [--threads N] [--model FILE]
//
// The frames are drawn at random from some hundred: photos of all sizes, pixel formats and orientations of rows, and
// files of them, with none to four boxes, which may reach beyond the photo; and what has to be refused: damaged files,
// views without pixels, boxes without size or of no numbers. What is found in each must be what one thread alone found
// in it before, and the memory after all frames what it was after a tenth of them. Without a model file a small made-up
// network is used, with a small detector, so that 100,000 frames take minutes. Exit status: 0 if all of that is so.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <limn/estimator/pose_estimator.hpp>
#include <limn/image/io.hpp>
#include <limn/model_file/model.hpp>

#include "estimator/blob_detector.hpp"
#include "formula_weights.hpp"
#include "model_file/safetensors_writer.hpp"

// A sanitizer keeps memory that is free, and needs several times the time.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIMN_SOAK_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LIMN_SOAK_SANITIZED 1
#endif
#endif
#if !defined(LIMN_SOAK_SANITIZED)
#define LIMN_SOAK_SANITIZED 0
#endif

using namespace limn;

namespace {

using Random = std::mt19937;
using Bytes = std::vector<unsigned char>;

Index between(Random& random, Index least, Index most) {
  return least + static_cast<Index>(random() % static_cast<unsigned>(most - least + 1));
}

// ---- The estimator ----

Bytes small_model() {
  PoseResNet network;
  network.depth = 18;
  network.width = 4;
  network.keypoints = 5;
  network.deconvs = {{6, 4}, {5, 4}};
  const formula::FormulaWeights weights(pose_resnet(network));
  SafetensorsWriter writer;
  for (const auto& [name, tensor] : weights.weights()) {
    const auto size = static_cast<std::size_t>(tensor.size()) * sizeof(float);
    writer.add_bytes(name, limn::DType::f32, tensor.shape, Bytes(tensor.data, tensor.data + size));
  }
  writer.metadata("limn", R"({"version": 1, "name": "small",
    "network": {"type": "pose_resnet", "depth": 18, "width": 4, "deconv": {"channels": [6, 5], "kernel": 4}},
    "input": {"width": 32, "height": 32, "channels": "rgb", "mean": [0.485, 0.456, 0.406],
              "std": [0.229, 0.224, 0.225], "geometry": "affine", "crop": 1.25},
    "decoder": {"type": "dark", "kernel": 3},
    "keypoints": ["nose", "left_eye", "right_eye", "left_ear", "right_ear"],
    "links": [[0, 1], [0, 2]], "flip_pairs": [[1, 2], [3, 4]]})");
  return writer.bytes();
}

/// Of the file, or of the small model if there is none; its own work is shared by so many threads.
std::unique_ptr<const PoseEstimator> make_estimator(const std::string& file, int threads) {
  EstimatorOptions options;
  options.threads = threads;
  options.batch = 2;
  if (!file.empty()) return std::make_unique<const PoseEstimator>(file, options);
  const Bytes boxes = blobs::model_file();
  DetectorOptions small;
  small.input_width = 64;
  small.input_height = 64;
  options.detector = std::make_shared<const PersonDetector>(Model::from_bytes(boxes.data(), boxes.size()), small);
  options.flip = true;
  const Bytes model = small_model();
  return std::make_unique<const PoseEstimator>(Model::from_bytes(model.data(), model.size()), options);
}

// ---- The frames ----

struct Frame {
  Bytes bytes;        ///< of a picture file, or a view's memory
  bool file = false;  ///< whether it is a file
  ImageView view;
  std::vector<Box> boxes;
};

/// A picture in memory, its rows in either order and padded or not.
Frame random_picture(Random& random) {
  constexpr std::array<PixelFormat, 5> formats = {PixelFormat::rgb, PixelFormat::bgr, PixelFormat::rgba,
                                                  PixelFormat::bgra, PixelFormat::gray};
  Frame frame;
  ImageView& view = frame.view;
  view.width = random() % 8 == 0 ? 1 : between(random, 1, 160);
  view.height = random() % 8 == 0 ? 1 : between(random, 1, 160);
  view.format = formats[random() % formats.size()];
  const Index stride = view.width * bytes_per_pixel(view.format) + between(random, 0, 5);
  frame.bytes.resize(static_cast<std::size_t>(view.height * stride));
  // A slope with a little noise, of which JPEG makes small files, too.
  const Index steep = between(random, 1, 7);
  for (std::size_t i = 0; i < frame.bytes.size(); ++i) {
    frame.bytes[i] = static_cast<unsigned char>(static_cast<Index>(i) * steep / 40 + between(random, 0, 20));
  }
  const bool from_below = random() % 4 == 0;
  view.row_stride = from_below ? -stride : stride;
  view.data = frame.bytes.data() + (from_below ? (view.height - 1) * stride : 0);
  return frame;
}

Box random_box(Random& random, const ImageView& photo) {
  const auto width = static_cast<double>((std::max)(photo.width, Index{1}));
  const auto height = static_cast<double>((std::max)(photo.height, Index{1}));
  std::uniform_real_distribution<double> share(0, 1);
  return {static_cast<float>(width * (1.5 * share(random) - 0.5)),
          static_cast<float>(height * (1.5 * share(random) - 0.5)), static_cast<float>(width * share(random) + 0.1),
          static_cast<float>(height * share(random) + 0.1)};
}

void make_file(Frame& frame, Random& random) {
  constexpr std::array<const char*, 3> kinds = {".png", ".jpg", ".bmp"};
  frame.bytes = encode_image(frame.view, kinds[random() % kinds.size()]);
  frame.file = true;
}

/// What has to be refused: some way of it.
void spoil(Frame& frame, Random& random) {
  switch (random() % 5) {
    case 0:
      make_file(frame, random);
      frame.bytes.resize(static_cast<std::size_t>(between(random, 0, 20)));  // within the header
      break;
    case 1:
      frame.file = true;
      std::generate(frame.bytes.begin(), frame.bytes.end(), [&random] { return static_cast<unsigned char>(random()); });
      frame.bytes[0] = 0;  // no picture begins so
      break;
    case 2: frame.view.height = 0; break;
    case 3: frame.boxes.push_back({1, 1, 0, 5}); break;
    default: frame.boxes.push_back({std::numeric_limits<float>::quiet_NaN(), 1, 5, 5}); break;
  }
}

Frame random_frame(Random& random) {
  Frame frame = random_picture(random);
  for (Index count = between(random, 0, 4); count > 0; --count) frame.boxes.push_back(random_box(random, frame.view));
  const auto kind = random() % 10;
  if (kind < 3) make_file(frame, random);
  if (kind > 7) spoil(frame, random);
  return frame;
}

// ---- What is found in them ----

struct Answer {
  std::vector<Pose> poses;
  std::string refusal;  ///< why there are none
};

bool operator==(const Answer& a, const Answer& b) {
  const auto same_keypoint = [](const Keypoint& p, const Keypoint& q) {
    return p.name == q.name && p.x == q.x && p.y == q.y && p.score == q.score;
  };
  const auto same = [&](const Pose& p, const Pose& q) {
    return p.score == q.score &&
           std::equal(p.keypoints.begin(), p.keypoints.end(), q.keypoints.begin(), q.keypoints.end(), same_keypoint);
  };
  return a.refusal == b.refusal && std::equal(a.poses.begin(), a.poses.end(), b.poses.begin(), b.poses.end(), same);
}

/// In the boxes or, without any, of everybody; in the caller's workspace or, without one, in the estimator's.
Answer look(const PoseEstimator& estimator, const Frame& frame, PoseEstimator::Workspace* workspace) {
  Answer answer;
  try {
    Image loaded;
    if (frame.file) loaded = decode_image(frame.bytes.data(), frame.bytes.size());
    const ImageView photo = frame.file ? loaded.view() : frame.view;
    if (workspace == nullptr) {
      answer.poses = frame.boxes.empty() ? estimator.estimate_all(photo) : estimator.estimate(photo, frame.boxes);
    } else if (frame.boxes.empty()) {
      estimator.estimate_all(photo, *workspace, answer.poses);
    } else {
      estimator.estimate(photo, frame.boxes, *workspace, answer.poses);
    }
  } catch (const Error& error) {
    answer = {{}, error.what()};
  }
  return answer;
}

/// Of this process, in bytes that lie in memory; 0 where the system does not say.
double resident_memory() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("VmRSS:", 0) == 0) return 1024 * std::atof(line.c_str() + 6);
  }
  return 0;
}

int soak(Index count, int threads, const std::string& model) {
  constexpr std::size_t kinds = 300;
  constexpr double most_growth = 8 << 20;  // bytes; the allocator's, whose free parts change from frame to frame
  Random random(1);
  std::vector<Frame> frames;
  for (std::size_t i = 0; i < kinds; ++i) frames.push_back(random_frame(random));
  const auto alone = make_estimator(model, 1);
  std::vector<Answer> expected;
  for (const Frame& frame : frames) expected.push_back(look(*alone, frame, nullptr));
  const auto refused =
      std::count_if(expected.begin(), expected.end(), [](const Answer& a) { return !a.refusal.empty(); });

  const auto shared = make_estimator(model, 2);
  std::atomic<Index> next{0};
  std::atomic<Index> different{0};
  std::atomic<double> early{0};
  const auto work = [&](unsigned number) {
    Random choices(number);
    auto workspace = shared->make_workspace();
    for (Index i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
      if (i == count / 10) early = resident_memory();
      const std::size_t kind = choices() % kinds;
      const Answer answer = look(*shared, frames[kind], choices() % 2 == 0 ? &workspace : nullptr);
      if (answer == expected[kind]) continue;
      if (different.fetch_add(1) == 0) {
        std::printf("frame of kind %zu: expected %zu poses %s, found %zu poses %s, or other ones\n", kind,
                    expected[kind].poses.size(), expected[kind].refusal.c_str(), answer.poses.size(),
                    answer.refusal.c_str());
      }
    }
  };
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> workers;
  for (int i = 0; i < threads; ++i) workers.emplace_back(work, static_cast<unsigned>(i + 2));
  for (std::thread& worker : workers) worker.join();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double late = resident_memory();

  std::printf("%td frames of %zu kinds, %td of which are refused, by %d threads in %.0f s: %td different\n", count,
              kinds, refused, threads, seconds, different.load());
  std::printf("memory: %.1f MiB after a tenth, %.1f MiB in the end\n", early / (1 << 20), late / (1 << 20));
  const bool flat = LIMN_SOAK_SANITIZED != 0 || late - early <= most_growth;
  if (!flat) std::printf("the memory grows: expected at most %.0f MiB more\n", most_growth / (1 << 20));
  return different == 0 && flat ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Index frames = 100000;
  int threads = 16;
  std::string model;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i];
    if (option == "--frames") frames = std::atol(argv[i + 1]);
    if (option == "--threads") threads = std::atoi(argv[i + 1]);
    if (option == "--model") model = argv[i + 1];
  }
  if (argc % 2 == 0 || frames < 10 || threads < 1) {
    std::fprintf(stderr, "usage: limn_soak [--frames N] [--threads N] [--model FILE]\n");
    return 2;
  }
  try {
    return soak(frames, threads, model);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "limn_soak: %s\n", error.what());
    return 2;
  }
}
