// Files in COCO's formats: annotations, and results (of a person detector, or poses).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <limn/pose/pose.hpp>

namespace limn::program {

struct CocoImage {
  std::int64_t id = 0;
  std::string file_name;
  Index width = 0;  ///< pixels, 0 if the file does not say
  Index height = 0;
};

/// An annotation of a person.
struct CocoPerson {
  std::size_t entry = 0;  ///< its number in the file's list
  std::optional<std::int64_t> id;
  std::int64_t image_id = 0;
  Box box;  ///< of crowds all 0 if there is none
  bool crowd = false;
  std::optional<double> area;
  std::vector<double> keypoints;                  ///< x, y, visibility, ...; empty if there are none
  std::optional<std::array<double, 4>> head_box;  ///< x1, y1, x2, y2: "headbox", as conversions of MPII have it
};

/// An entry of a list of results of the category 1, person.
struct CocoResult {
  std::size_t entry = 0;  ///< its number in the file
  std::int64_t image_id = 0;
  std::optional<Box> box;
  std::optional<double> score;
  std::vector<double> keypoints;  ///< x, y, score, ...; empty if there are none
};

/// One of COCO's two formats (https://cocodataset.org/#format-data, #format-results), as far as it is about persons:
/// - annotations: {"images": [{"id", "file_name", "width", "height"}], "annotations": [{"id", "image_id", "bbox",
///   "iscrowd", "area", "keypoints"}], "categories": [{"id", "name", "keypoints", "sigmas"}]};
/// - results: [{"image_id", "category_id", "bbox", "score", "keypoints"}].
/// Boxes are [x, y, width, height] in photo pixels. Which fields must be there depends on who reads: only ids of
/// images, names of files, and boxes of annotations that are no crowds must be.
struct CocoFile {
  bool annotated = false;  ///< whether it holds annotations; else results

  std::vector<CocoImage> images;
  std::vector<CocoPerson> people;
  bool head_boxes = false;  ///< whether any of them has one
  std::int64_t person_category = 1;
  std::vector<std::string> keypoints;  ///< names; empty if the file does not say
  std::vector<double> sigmas;          ///< of OKS, one for each keypoint; COCO's files have none

  std::vector<CocoResult> results;
};

/// Throws Error, naming the file and the entry, if it is in neither of the formats or contradicts itself.
CocoFile read_coco_file(const std::string& path);

/// "boxes.json: annotations[3]"
std::string entry_name(const std::string& path, const char* list, std::size_t i);

}  // namespace limn::program
