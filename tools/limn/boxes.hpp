// Where the people are: boxes from the command line or from a file in one of COCO's formats.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <limn/pose/pose.hpp>

namespace limn::program {

/// A box from "x,y,width,height" in photo pixels. Throws Error for anything else.
Box parse_box(const std::string& text);

/// The image id that a file name in COCO's way ends with ("COCO_val2014_000000000042.jpg", "000000000042.jpg": 42).
std::optional<std::int64_t> id_in_name(const std::string& photo);

/// What a box file knows about one photo.
struct PhotoBoxes {
  std::vector<Box> boxes;
  std::int64_t image_id = 0;
  std::int64_t category = 1;  ///< by which the file calls persons
  Index width = 0;            ///< size of the photo the boxes were made for, 0 if the file does not say
  Index height = 0;
};

/// Boxes of people by photo, from a file in one of COCO's formats (coco_file.hpp), in its order:
/// - of annotations, where a photo is known by its file name, of which the folders count as far as both paths name
///   some. Crowds are left out;
/// - of detection results, where a photo is known by the id in its name.
class BoxFile {
 public:
  /// Throws Error, naming the file and the entry, if it is in neither of the formats. Detections with a score below
  /// `min_score` are left out, and boxes of other categories than persons: in results that is `category`, annotations
  /// have theirs.
  BoxFile(const std::string& path, double min_score, std::int64_t category);

  /// Throws Error if several of the file's names fit the photo equally well, or if a box of the photo is not finite.
  std::optional<PhotoBoxes> find(const std::string& photo) const;

 private:
  struct NamedImage {
    std::string file_name;
    std::int64_t id;
  };

  void add(std::int64_t image_id, const Box& box, const std::string& entry);

  std::string path_;
  std::int64_t category_;
  bool by_name_ = true;
  std::multimap<std::string, NamedImage> by_base_name_;
  std::map<std::int64_t, PhotoBoxes> by_id_;
  std::map<std::int64_t, std::string> errors_by_id_;
};

}  // namespace limn::program
