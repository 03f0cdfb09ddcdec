#pragma once

#if !__has_include(<nlohmann/json.hpp>)
#error "limn/pose/pose_json.hpp needs nlohmann/json, alone of limn's headers: link nlohmann_json::nlohmann_json as well"
#endif

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/pose/pose.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

namespace detail {

/// `value` with so many decimals, so that the text is short and the same on every machine; null if it is not finite,
/// for which JSON has no number.
inline nlohmann::ordered_json rounded(double value, int decimals) {
  if (!std::isfinite(value)) return nullptr;
  const double power = std::pow(10.0, decimals);
  return std::round(value * power) / power + 0.0;  // + 0.0 turns -0 into 0
}

}  // namespace detail

/// {"keypoints": [{"name": "nose", "x": 1.25, "y": 2.5, "score": 0.5}, ...], "box": [x, y, width, height],
/// "score": 0.5} in the skeleton's order. Photo pixels with 2 decimals, scores with 4; null for a number that is not
/// finite.
inline nlohmann::ordered_json to_json(const Pose& pose) {
  using detail::rounded;
  nlohmann::ordered_json keypoints = nlohmann::ordered_json::array();
  for (const Keypoint& keypoint : pose.keypoints) {
    nlohmann::ordered_json entry;
    entry["name"] = keypoint.name;
    entry["x"] = rounded(keypoint.x, 2);
    entry["y"] = rounded(keypoint.y, 2);
    entry["score"] = rounded(keypoint.score, 4);
    keypoints.push_back(std::move(entry));
  }
  nlohmann::ordered_json json;
  json["keypoints"] = std::move(keypoints);
  json["box"] = {rounded(pose.box.x, 2), rounded(pose.box.y, 2), rounded(pose.box.width, 2),
                 rounded(pose.box.height, 2)};
  json["score"] = rounded(pose.score, 4);
  return json;
}

/// {"file": "photo.jpg", "width": 640, "height": 480, "poses": [...]}: all poses of one photo.
/// If the file name may be other than UTF-8, write it with dump(indent, ' ', false, error_handler_t::replace).
inline nlohmann::ordered_json to_json(const std::string& file, Index width, Index height,
                                      const std::vector<Pose>& poses) {
  nlohmann::ordered_json json;
  json["file"] = file;
  json["width"] = width;
  json["height"] = height;
  json["poses"] = nlohmann::ordered_json::array();
  for (const Pose& pose : poses) json["poses"].push_back(to_json(pose));
  return json;
}

/// One entry of a COCO keypoint results file, which is an array of them (https://cocodataset.org/#format-results):
/// {"image_id": 1, "category_id": 1, "keypoints": [x, y, score, x, y, score, ...], "score": 0.5}. Category 1 is person.
/// COCO's own evaluation expects its 17 keypoints. Rounded as above. Throws Error if a number is not finite, since
/// readers of that format take no null.
inline nlohmann::ordered_json to_coco_result(const Pose& pose, std::int64_t image_id) {
  const auto number = [image_id](double value, int decimals) {
    if (!std::isfinite(value)) {
      throw Error("COCO result of image " + std::to_string(image_id) + ": a coordinate or score is not finite");
    }
    return detail::rounded(value, decimals);
  };
  nlohmann::ordered_json keypoints = nlohmann::ordered_json::array();
  for (const Keypoint& keypoint : pose.keypoints) {
    keypoints.push_back(number(keypoint.x, 2));
    keypoints.push_back(number(keypoint.y, 2));
    keypoints.push_back(number(keypoint.score, 4));
  }
  nlohmann::ordered_json json;
  json["image_id"] = image_id;
  json["category_id"] = 1;
  json["keypoints"] = std::move(keypoints);
  json["score"] = number(pose.score, 4);
  return json;
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
