// The C interface, limn/c.h: in limn::compiled and in the shared library. Each function does what its C++ namesake
// does; what is here is the way there and back.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <iterator>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <limn/c.h>
#include <limn/core/version.hpp>
#include <limn/limn.hpp>
#include <limn/model_file/model.hpp>
#include <limn/pose/decoders.hpp>

struct limn_pool {
  std::shared_ptr<const limn::ThreadPool> pool;
};

struct limn_detector {
  std::shared_ptr<const limn::PersonDetector> detector;
};

struct limn_estimator {
  std::shared_ptr<const limn::PoseEstimator> shared;
  const limn::PoseEstimator& estimator;
  const char* target;
};

struct limn_video {
  limn::VideoEstimator video;
};

struct limn_workspace {
  limn::PoseEstimator::Workspace workspace;
  std::vector<limn::Pose> poses;
  // The same for C: every person's keypoints, one after the other, and the people, who point into them.
  std::vector<limn_keypoint> keypoints;
  std::vector<limn_person> people;
  std::vector<std::int64_t> ids;  // of the people of a film
};

struct limn_picture {
  limn::Image image;
};

namespace {

using limn::Error;

void set_message(limn_error* error, const char* message) {
  if (error == nullptr) return;
  const std::size_t length = (std::min)(std::strlen(message), sizeof(error->message) - 1);
  std::memcpy(error->message, message, length);
  error->message[length] = '\0';
}

/// Runs `call` and makes a status and a message of what it throws.
template <class Call>
limn_status guarded(limn_error* error, const Call& call) {
  set_message(error, "");
  try {
    call();
    return LIMN_OK;
  } catch (const std::bad_alloc&) {
    set_message(error, "not enough memory");
  } catch (const std::exception& exception) {
    set_message(error, exception.what());
  } catch (...) {
    set_message(error, "an unknown error");
  }
  return LIMN_FAILED;
}

template <class T>
T& required(T* argument, const char* name) {
  if (argument == nullptr) throw Error(std::string(name) + ": expected an address, found NULL");
  return *argument;
}

/// The caller's options, of an older or a newer version perhaps, with 0 for the members that it does not have.
template <class Options>
Options known_options(const Options* given) {
  Options options = {};
  if (given == nullptr) return options;
  constexpr std::size_t least = sizeof(std::size_t);
  if (given->struct_size < least) {
    throw Error("options: expected a struct_size of " + std::to_string(sizeof(Options)) + ", found " +
                std::to_string(given->struct_size));
  }
  // What a newer caller asks for beyond what is known here must be what is usual.
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  for (std::size_t i = sizeof(Options); i < given->struct_size; ++i) {
    if (bytes[i] != 0) {
      throw Error("options: this library knows " + std::to_string(sizeof(Options)) + " bytes of them, found " +
                  std::to_string(given->struct_size) + ": it is older than its caller");
    }
  }
  std::memcpy(&options, given, (std::min)(sizeof(Options), given->struct_size));
  return options;
}

/// What estimators and detectors have in common.
template <class Settings, class Options>
void set_common(Settings& settings, const Options& options) {
  if (options.threads != 0) settings.threads = options.threads;
  if (options.pool != nullptr) settings.pool = options.pool->pool;
  settings.input_width = options.input_width;
  settings.input_height = options.input_height;
  if (options.max_memory != 0) settings.max_memory = options.max_memory;
  if (options.target != nullptr) settings.target = limn::target_named(options.target);
}

limn::Model open_file(const char* file) { return limn::Model::open(&required(file, "file")); }

limn::Model open_bytes(const void* data, std::size_t size, const char* name) {
  if (data == nullptr) throw Error("data: expected an address, found NULL");
  return limn::Model::from_bytes(data, size, name == nullptr ? "model" : name);
}

std::unique_ptr<limn_detector> make_detector(const limn::Model& model, const limn_detector_options* given) {
  const limn_detector_options options = known_options(given);
  limn::DetectorOptions settings;
  set_common(settings, options);
  if (options.threshold != 0) settings.threshold = options.threshold;
  return std::unique_ptr<limn_detector>(
      new limn_detector{std::make_shared<const limn::PersonDetector>(model, settings)});
}

std::unique_ptr<limn_estimator> make_estimator(const limn::Model& model, const limn_options* given) {
  const limn_options options = known_options(given);
  limn::EstimatorOptions settings;
  set_common(settings, options);
  if (options.batch != 0) settings.batch = options.batch;
  settings.flip = options.flip != 0;
  settings.flip_shift = options.flip_shift != 0;
  if (options.crop != 0) settings.crop = options.crop < 0 ? 0 : options.crop;
  if (options.detector != nullptr) settings.detector = options.detector->detector;
  const char* const target = limn::to_string(limn::choose_target(settings.target));
  auto estimator = std::make_shared<const limn::PoseEstimator>(model, settings);
  return std::unique_ptr<limn_estimator>(new limn_estimator{estimator, *estimator, target});
}

limn_model_kind kind_of(const limn::Model& model) {
  switch (model.document().decoder.type) {
    case limn::DecoderType::part_affinity: return LIMN_SEVERAL_PEOPLE;
    case limn::DecoderType::center: return LIMN_PERSON_DETECTOR;
    default: return LIMN_ONE_PERSON;
  }
}

limn::PixelFormat pixel_format(std::int32_t format) {
  if (format < LIMN_RGB || format > LIMN_GRAY) {
    throw Error("picture: expected a pixel format from 0 to " + std::to_string(static_cast<int>(LIMN_GRAY)) +
                ", found " + std::to_string(format));
  }
  return static_cast<limn::PixelFormat>(format);
}

static_assert(static_cast<int>(limn::PixelFormat::rgb) == LIMN_RGB &&
              static_cast<int>(limn::PixelFormat::bgr) == LIMN_BGR &&
              static_cast<int>(limn::PixelFormat::rgba) == LIMN_RGBA &&
              static_cast<int>(limn::PixelFormat::bgra) == LIMN_BGRA &&
              static_cast<int>(limn::PixelFormat::gray) == LIMN_GRAY);

limn::ImageView view_of(const limn_image* image) {
  const limn_image& given = required(image, "photo");
  return {given.data, given.width, given.height, given.row_stride, pixel_format(given.format)};
}

limn_box to_c(const limn::Box& box) { return {box.x, box.y, box.width, box.height}; }

/// Runs an estimate and notes whom it found.
template <class Estimate>
void fill(limn_workspace& workspace, const Estimate& estimate) {
  workspace.people.clear();
  workspace.ids.clear();
  estimate();
  workspace.keypoints.clear();
  for (const limn::Pose& pose : workspace.poses) {
    for (const limn::Keypoint& keypoint : pose.keypoints) {
      workspace.keypoints.push_back({keypoint.x, keypoint.y, keypoint.score});
    }
  }
  workspace.people.reserve(workspace.poses.size());
  const limn_keypoint* next = workspace.keypoints.data();
  for (const limn::Pose& pose : workspace.poses) {
    workspace.people.push_back({next, to_c(pose.box), pose.score});
    next += pose.keypoints.size();
  }
}

const limn::Skeleton* skeleton_of(const limn_estimator* estimator) {
  return estimator == nullptr ? nullptr : &estimator->estimator.skeleton();
}

/// Hands `made`, of which the caller gets the address, over to it.
template <class T, class Make>
limn_status create(T** place, limn_error* error, const Make& make) {
  if (place != nullptr) *place = nullptr;
  return guarded(error, [&] {
    T*& result = required(place, "where to put it");
    result = make().release();
  });
}

}  // namespace

extern "C" {

int32_t limn_c_version(void) { return LIMN_C_VERSION; }

const char* limn_version(void) { return LIMN_VERSION; }

limn_status limn_pool_create(int32_t threads, limn_pool** pool, limn_error* error) {
  return create(pool, error, [&] {
    return std::unique_ptr<limn_pool>(new limn_pool{std::make_shared<const limn::ThreadPool>(threads)});
  });
}

void limn_pool_free(limn_pool* pool) { delete pool; }

limn_status limn_kind_of_file(const char* file, limn_model_kind* kind, limn_error* error) {
  return guarded(error, [&] { required(kind, "kind") = kind_of(open_file(file)); });
}

limn_status limn_kind_of_bytes(const void* data, size_t size, const char* name, limn_model_kind* kind,
                               limn_error* error) {
  return guarded(error, [&] { required(kind, "kind") = kind_of(open_bytes(data, size, name)); });
}

limn_status limn_detector_open(const char* file, const limn_detector_options* options, limn_detector** detector,
                               limn_error* error) {
  return create(detector, error, [&] { return make_detector(open_file(file), options); });
}

limn_status limn_detector_from_bytes(const void* data, size_t size, const char* name,
                                     const limn_detector_options* options, limn_detector** detector,
                                     limn_error* error) {
  return create(detector, error, [&] { return make_detector(open_bytes(data, size, name), options); });
}

void limn_detector_free(limn_detector* detector) { delete detector; }

const char* limn_detector_name(const limn_detector* detector) {
  return detector == nullptr ? nullptr : detector->detector->document().name.c_str();
}

float limn_detector_threshold(const limn_detector* detector) {
  return detector == nullptr ? 0 : detector->detector->document().decoder.center.threshold;
}

limn_status limn_detect(const limn_detector* detector, const limn_image* photo, limn_detection* detections,
                        size_t capacity, size_t* count, limn_error* error) {
  if (count != nullptr) *count = 0;
  return guarded(error, [&] {
    required(count, "count");
    if (capacity > 0) required(detections, "detections");
    const auto people = required(detector, "detector").detector->detect(view_of(photo));
    for (std::size_t i = 0; i < (std::min)(people.size(), capacity); ++i) {
      detections[i] = {to_c(people[i].box), people[i].score};
    }
    *count = people.size();
  });
}

limn_status limn_estimator_open(const char* file, const limn_options* options, limn_estimator** estimator,
                                limn_error* error) {
  return create(estimator, error, [&] { return make_estimator(open_file(file), options); });
}

limn_status limn_estimator_from_bytes(const void* data, size_t size, const char* name, const limn_options* options,
                                      limn_estimator** estimator, limn_error* error) {
  return create(estimator, error, [&] { return make_estimator(open_bytes(data, size, name), options); });
}

void limn_estimator_free(limn_estimator* estimator) { delete estimator; }

const char* limn_model_name(const limn_estimator* estimator) {
  return estimator == nullptr ? nullptr : estimator->estimator.document().name.c_str();
}

const char* limn_target(const limn_estimator* estimator) { return estimator == nullptr ? nullptr : estimator->target; }

int32_t limn_finds_several(const limn_estimator* estimator) {
  return estimator != nullptr && estimator->estimator.finds_several() ? 1 : 0;
}

float limn_draw_threshold(const limn_estimator* estimator) {
  return estimator == nullptr ? 0 : limn::peak_threshold(estimator->estimator.document().decoder);
}

int32_t limn_keypoint_count(const limn_estimator* estimator) {
  const limn::Skeleton* skeleton = skeleton_of(estimator);
  return skeleton == nullptr ? 0 : static_cast<int32_t>(skeleton->keypoints.size());
}

const char* limn_keypoint_name(const limn_estimator* estimator, int32_t keypoint) {
  if (keypoint < 0 || keypoint >= limn_keypoint_count(estimator)) return nullptr;
  return skeleton_of(estimator)->keypoints[static_cast<std::size_t>(keypoint)].c_str();
}

int32_t limn_link_count(const limn_estimator* estimator) {
  const limn::Skeleton* skeleton = skeleton_of(estimator);
  return skeleton == nullptr ? 0 : static_cast<int32_t>(skeleton->links.size());
}

limn_status limn_link(const limn_estimator* estimator, int32_t link, int32_t* first, int32_t* second) {
  if (link < 0 || link >= limn_link_count(estimator) || first == nullptr || second == nullptr) return LIMN_FAILED;
  const auto& [from, to] = skeleton_of(estimator)->links[static_cast<std::size_t>(link)];
  *first = from;
  *second = to;
  return LIMN_OK;
}

limn_status limn_workspace_create(const limn_estimator* estimator, limn_workspace** workspace, limn_error* error) {
  return create(workspace, error, [&] {
    const limn::PoseEstimator& maker = required(estimator, "estimator").estimator;
    return std::unique_ptr<limn_workspace>(new limn_workspace{maker.make_workspace(), {}, {}, {}, {}});
  });
}

void limn_workspace_free(limn_workspace* workspace) { delete workspace; }

limn_status limn_estimate_all(const limn_estimator* estimator, limn_workspace* workspace, const limn_image* photo,
                              limn_error* error) {
  return guarded(error, [&] {
    fill(required(workspace, "workspace"), [&] {
      required(estimator, "estimator").estimator.estimate_all(view_of(photo), workspace->workspace, workspace->poses);
    });
  });
}

limn_status limn_estimate_boxes(const limn_estimator* estimator, limn_workspace* workspace, const limn_image* photo,
                                const limn_box* boxes, size_t box_count, limn_error* error) {
  return guarded(error, [&] {
    fill(required(workspace, "workspace"), [&] {
      if (box_count > 0) required(boxes, "boxes");
      std::vector<limn::Box> given;
      for (std::size_t i = 0; i < box_count; ++i) {
        given.push_back({boxes[i].x, boxes[i].y, boxes[i].width, boxes[i].height});
      }
      required(estimator, "estimator")
          .estimator.estimate(view_of(photo), given, workspace->workspace, workspace->poses);
    });
  });
}

const limn_person* limn_people(const limn_workspace* workspace, size_t* count) {
  if (count != nullptr) *count = workspace == nullptr ? 0 : workspace->people.size();
  return workspace == nullptr ? nullptr : workspace->people.data();
}

limn_status limn_video_create(const limn_estimator* estimator, const limn_video_options* options, limn_video** video,
                              limn_error* error) {
  return create(video, error, [&] {
    const limn_video_options given = known_options(options);
    const std::shared_ptr<const limn::PoseEstimator>& shared = required(estimator, "estimator").shared;
    limn::VideoOptions settings = limn::VideoOptions::of(*shared);
    if (given.detect_every != 0) settings.boxes.detect_every = given.detect_every;
    if (given.memory != 0) settings.tracker.memory = given.memory;
    if (given.smoothing_cutoff != 0) settings.smoothing->min_cutoff = given.smoothing_cutoff;
    if (given.smoothing_beta != 0) settings.smoothing->beta = given.smoothing_beta;
    if (given.unsmoothed != 0) settings.smoothing.reset();
    return std::unique_ptr<limn_video>(new limn_video{limn::VideoEstimator(shared, settings)});
  });
}

void limn_video_free(limn_video* video) { delete video; }

limn_status limn_video_next(limn_video* video, limn_workspace* workspace, const limn_image* frame, double seconds,
                            limn_error* error) {
  return guarded(error, [&] {
    std::vector<std::int64_t> ids;
    fill(required(workspace, "workspace"), [&] {
      const std::vector<limn::TrackedPose>& people = required(video, "video").video.next(view_of(frame), seconds);
      workspace->poses.resize(people.size());
      for (std::size_t i = 0; i < people.size(); ++i) {
        workspace->poses[i] = people[i].pose;
        ids.push_back(people[i].id);
      }
    });
    workspace->ids = std::move(ids);
  });
}

void limn_video_reset(limn_video* video) {
  if (video != nullptr) video->video.reset();
}

const int64_t* limn_ids(const limn_workspace* workspace, size_t* count) {
  const bool any = workspace != nullptr && !workspace->ids.empty();
  if (count != nullptr) *count = any ? workspace->ids.size() : 0;
  return any ? workspace->ids.data() : nullptr;
}

limn_status limn_get_heatmaps(const limn_workspace* workspace, limn_heatmaps* heatmaps, limn_error* error) {
  return guarded(error, [&] {
    limn_heatmaps& result = required(heatmaps, "heatmaps");
    result = {};
    const limn::PoseEstimator::Workspace& filled = required(workspace, "workspace").workspace;
    const limn::HeatmapView view = filled.heatmaps();
    const limn::Affine& map = filled.photo_from_heatmap();
    result.values = view.data;
    result.keypoints = static_cast<int32_t>(view.keypoints);
    result.height = static_cast<int32_t>(view.height);
    result.width = static_cast<int32_t>(view.width);
    result.keypoint_stride = view.keypoint_stride;
    result.row_stride = view.row_stride;
    result.pixel_stride = view.pixel_stride;
    const double numbers[] = {map.a, map.b, map.c, map.d, map.e, map.f};
    std::copy(std::begin(numbers), std::end(numbers), result.photo_from_heatmap);
  });
}

limn_status limn_draw_people(const limn_estimator* estimator, const limn_workspace* workspace,
                             const limn_canvas* canvas, const limn_draw_options* options, limn_error* error) {
  return guarded(error, [&] {
    const limn_draw_options given = known_options(options);
    limn::DrawOptions settings;
    settings.threshold = given.threshold == 0 ? limn_draw_threshold(&required(estimator, "estimator"))
                                              : (std::max)(given.threshold, 0.0F);
    settings.box = given.box != 0;
    if (given.keypoint_scale != 0) settings.keypoint_scale = given.keypoint_scale;
    if (given.link_scale != 0) settings.link_scale = given.link_scale;
    if (given.alpha != 0) settings.alpha = given.alpha;
    const limn_canvas& drawn = required(canvas, "canvas");
    const limn_workspace& found = required(workspace, "workspace");
    if (found.people.empty()) return;
    const limn::Canvas on{drawn.data, drawn.width, drawn.height, drawn.row_stride, pixel_format(drawn.format)};
    const limn::Skeleton& skeleton = required(estimator, "estimator").estimator.skeleton();
    if (found.ids.empty()) {
      limn::draw_poses(on, found.poses, skeleton, settings);
      return;
    }
    for (std::size_t i = 0; i < found.ids.size(); ++i) {
      limn::draw_pose(on, found.poses[i], skeleton,
                      limn::options_of_person(settings, static_cast<std::size_t>(found.ids[i] - 1)));
    }
  });
}

limn_status limn_draw_heatmaps(const limn_workspace* workspace, const limn_image* photo, int32_t cell_size,
                               limn_picture** picture, limn_error* error) {
  return create(picture, error, [&] {
    const limn::PoseEstimator::Workspace& filled = required(workspace, "workspace").workspace;
    return std::unique_ptr<limn_picture>(new limn_picture{
        limn::draw_heatmaps(view_of(photo), filled.heatmaps(), filled.photo_from_heatmap(), cell_size)});
  });
}

limn_image limn_picture_pixels(const limn_picture* picture) {
  if (picture == nullptr) return {nullptr, 0, 0, 0, LIMN_RGB};
  const limn::ImageView view = picture->image.view();
  return {view.data, static_cast<int32_t>(view.width), static_cast<int32_t>(view.height), view.row_stride, LIMN_RGB};
}

void limn_picture_free(limn_picture* picture) { delete picture; }

}  // extern "C"
