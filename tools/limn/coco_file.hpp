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
  Box box;  ///< of crowds all 0 if there is none; need not be finite
  bool crowd = false;
  std::optional<double> area;
  std::vector<double> keypoints;                  ///< x, y, visibility, ...; empty if there are none
  std::optional<std::array<double, 4>> head_box;  ///< x1, y1, x2, y2: "headbox", as conversions of MPII have it
};

/// An entry of a list of results.
struct CocoResult {
  std::size_t entry = 0;                 ///< its number in the file
  std::optional<std::int64_t> category;  ///< a person's if the file does not say
  std::int64_t image_id = 0;
  std::optional<Box> box;  ///< need not be finite
  std::optional<double> score;
  std::vector<double> keypoints;  ///< x, y, score, ...; empty if there are none
};

/// One of COCO's two formats (https://cocodataset.org/#format-data, #format-results), as far as it is about persons:
/// - annotations: {"images": [{"id", "file_name", "width", "height"}], "annotations": [{"id", "image_id", "bbox",
///   "iscrowd", "area", "keypoints"}], "categories": [{"id", "name", "keypoints", "sigmas"}]};
/// - results: [{"image_id", "category_id", "bbox", "score", "keypoints"}].
/// Boxes are [x, y, width, height] in photo pixels. Which fields must be there depends on who reads: only ids of
/// images, names of files, and boxes of annotations that are no crowds must be. NaN and Infinity, which Python writes
/// though JSON has no such numbers, are read as null, and in boxes as NaN.
struct CocoFile {
  bool annotated = false;  ///< whether it holds annotations; else results

  std::vector<CocoImage> images;
  std::vector<CocoPerson> people;
  bool head_boxes = false;  ///< whether any of them has one
  std::int64_t person_category = 1;
  bool one_is_other = false;           ///< whether 1 is the category of something else than persons
  std::vector<std::string> keypoints;  ///< names; empty if the file does not say
  std::vector<double> sigmas;          ///< of OKS, one for each keypoint; COCO's files have none

  std::vector<CocoResult> results;
};

/// Throws Error, naming the file and the entry, if it is in neither of the formats or contradicts itself.
CocoFile read_coco_file(const std::string& path);

/// The results of persons: of that category, and of none. With `or_one` also those of COCO's category for them, 1.
/// Throws Error if there are results, but none of persons; `hint` ends the sentence.
std::vector<CocoResult> results_of_persons(const CocoFile& file, const std::string& path, std::int64_t category,
                                           bool or_one, const std::string& hint);

/// "boxes.json: annotations[3]"
std::string entry_name(const std::string& path, const char* list, std::size_t i);

}  // namespace limn::program
