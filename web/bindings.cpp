// What the page calls beside limn's C interface: pictures read as the limn program reads them, people as JSON as it
// writes them, and what `limn info` says of a model file. What is returned is made with malloc, and freed by the
// caller.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <limn/c.h>
#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/image/io.hpp>
#include <limn/model_file/model.hpp>
#include <limn/pose/pose.hpp>
#include <limn/pose/pose_json.hpp>

#include "../tools/limn/network_text.hpp"

// Where limn.js reads and writes.
static_assert(sizeof(void*) == 4 && offsetof(limn_image, format) == 16 && sizeof(limn_image) == 20);
static_assert(offsetof(limn_detector_options, threshold) == 16 && offsetof(limn_detector_options, pool) == 36 &&
              sizeof(limn_detector_options) == 40);
static_assert(offsetof(limn_options, flip) == 20 && offsetof(limn_options, pool) == 52 &&
              offsetof(limn_options, detector) == 56 && sizeof(limn_options) == 64);
static_assert(offsetof(limn_draw_options, threshold) == 4 && offsetof(limn_draw_options, box) == 8 &&
              sizeof(limn_draw_options) == 40);
static_assert(offsetof(limn_person, box) == 4 && offsetof(limn_person, score) == 20 && sizeof(limn_person) == 24);
static_assert(sizeof(limn_keypoint) == 12 && sizeof(limn_error) == 1024);

namespace {

using Json = nlohmann::ordered_json;

/// Memory of malloc. Throws Error if there is none.
template <class T>
T* allocate(std::size_t count) {
  auto* const memory = static_cast<T*>(std::malloc(count * sizeof(T)));
  if (memory == nullptr) throw limn::Error("not enough memory");
  return memory;
}

char* text_of(const Json& json) {
  // A file name need not be UTF-8.
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  char* const copy = allocate<char>(text.size() + 1);
  std::memcpy(copy, text.c_str(), text.size() + 1);
  return copy;
}

std::vector<limn::Pose> poses_of(const limn_estimator* estimator, const limn_workspace* workspace) {
  std::size_t count = 0;
  const limn_person* people = limn_people(workspace, &count);
  std::vector<limn::Pose> poses(count);
  for (std::size_t i = 0; i < count; ++i) {
    const limn_person& person = people[i];
    for (std::int32_t k = 0; k < limn_keypoint_count(estimator); ++k) {
      const limn_keypoint& keypoint = person.keypoints[k];
      poses[i].keypoints.push_back({limn_keypoint_name(estimator, k), keypoint.x, keypoint.y, keypoint.score});
    }
    poses[i].box = {person.box.x, person.box.y, person.box.width, person.box.height};
    poses[i].score = person.score;
  }
  return poses;
}

/// Runs `call` and makes a status and a message of what it throws.
template <class Call>
limn_status guarded(limn_error* error, const Call& call) {
  try {
    error->message[0] = '\0';
    call();
    return LIMN_OK;
  } catch (const std::exception& exception) {
    std::strncpy(error->message, exception.what(), sizeof(error->message) - 1);
    error->message[sizeof(error->message) - 1] = '\0';
    return LIMN_FAILED;
  }
}

}  // namespace

extern "C" {

/// The pixels of a JPEG, PNG or BMP file, RGBA; `sides` becomes width and height.
LIMN_API limn_status limn_web_picture(const unsigned char* data, std::size_t size, const char* name,
                                      std::int32_t* sides, std::uint8_t** pixels, limn_error* error) {
  return guarded(error, [&] {
    const limn::Image image = limn::decode_image(data, size, name);
    sides[0] = static_cast<std::int32_t>(image.width());
    sides[1] = static_cast<std::int32_t>(image.height());
    const auto count = static_cast<std::size_t>(image.width() * image.height());
    *pixels = allocate<std::uint8_t>(4 * count);
    const std::uint8_t* from = image.data();
    for (std::uint8_t* to = *pixels; to != *pixels + 4 * count; to += 4, from += 3) {
      to[0] = from[0];
      to[1] = from[1];
      to[2] = from[2];
      to[3] = 255;
    }
  });
}

/// The people of the last estimate, as `limn estimate --json` writes one photo.
LIMN_API limn_status limn_web_people(const limn_estimator* estimator, const limn_workspace* workspace, const char* file,
                                     std::int32_t width, std::int32_t height, char** text, limn_error* error) {
  return guarded(error, [&] { *text = text_of(limn::to_json(file, width, height, poses_of(estimator, workspace))); });
}

/// The same as a list of COCO's keypoint results.
LIMN_API limn_status limn_web_coco(const limn_estimator* estimator, const limn_workspace* workspace, std::int32_t image,
                                   char** text, limn_error* error) {
  return guarded(error, [&] {
    Json results = Json::array();
    for (const limn::Pose& pose : poses_of(estimator, workspace)) results.push_back(limn::to_coco_result(pose, image));
    *text = text_of(results);
  });
}

/// Prints what `limn info` does to stdout.
LIMN_API limn_status limn_web_info(const void* data, std::size_t size, const char* name, limn_error* error) {
  return guarded(error, [&] {
    const limn::Model model = limn::Model::from_bytes(data, size, name);
    const limn::InputDocument& input = model.document().input;
    limn::program::print_network(model.document().name, model.graph(), input.height, input.width, &model,
                                 static_cast<limn::Index>(size));
  });
}

}  // extern "C"
