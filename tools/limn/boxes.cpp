#include "boxes.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <utility>

#include <limn/core/error.hpp>

#include "coco_file.hpp"

namespace limn::program {

namespace fs = std::filesystem;

namespace {

/// The name and the folders of a path, from the end, whichever system's separators it has. Never empty.
std::vector<std::string> parts_from_the_end(const std::string& path) {
  std::vector<std::string> parts;
  std::string part;
  for (const char c : path + "/") {
    if (c != '/' && c != '\\') {
      part += c;
    } else {
      if (!part.empty() && part != ".") parts.insert(parts.begin(), part);
      part.clear();
    }
  }
  if (parts.empty()) parts.emplace_back();
  return parts;
}

/// Number of parts at the end that two paths have in common.
std::size_t common_parts(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  const std::size_t most = (std::min)(a.size(), b.size());
  std::size_t count = 0;
  while (count < most && a[count] == b[count]) ++count;
  return count;
}

}  // namespace

Box parse_box(const std::string& text) {
  std::vector<float> values;
  const char* next = text.c_str();
  for (;;) {
    char* end = nullptr;
    values.push_back(std::strtof(next, &end));
    if (end == next || !std::isfinite(values.back())) break;
    next = end;
    if (*next != ',') break;
    ++next;
  }
  if (values.size() != 4 || *next != '\0' || !std::isfinite(values[3]) || values[2] <= 0 || values[3] <= 0) {
    throw Error("--box " + text + ": expected x,y,width,height in pixels, for example 40,60,200,400");
  }
  return {values[0], values[1], values[2], values[3]};
}

std::optional<std::int64_t> id_in_name(const std::string& photo) {
  const std::string stem = fs::path(photo).stem().string();
  std::size_t first = stem.size();
  while (first > 0 && stem[first - 1] >= '0' && stem[first - 1] <= '9') --first;
  std::int64_t id = 0;
  const char* const end = stem.data() + stem.size();
  const auto result = std::from_chars(stem.data() + first, end, id);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return id;
}

BoxFile::BoxFile(const std::string& path, double min_score, std::int64_t category) : path_(path), category_(category) {
  const CocoFile file = read_coco_file(path);
  by_name_ = file.annotated;
  if (file.annotated) category_ = file.person_category;
  for (const CocoResult& detection : results_of_persons(file, path, category_, false, " (see --box-category)")) {
    const std::string entry = entry_name(path, "", detection.entry);
    if (!detection.box) throw Error(entry + ": bbox: expected [x, y, width, height]");
    if (!detection.score || *detection.score >= min_score) add(detection.image_id, *detection.box, entry);
  }
  for (const CocoImage& image : file.images) {
    by_base_name_.insert({parts_from_the_end(image.file_name).front(), {image.file_name, image.id}});
    PhotoBoxes& photo = by_id_[image.id];
    photo.width = image.width;
    photo.height = image.height;
  }
  for (const CocoPerson& person : file.people) {
    if (!person.crowd) add(person.image_id, person.box, entry_name(path, "annotations", person.entry));
  }
}

void BoxFile::add(std::int64_t image_id, const Box& box, const std::string& entry) {
  by_id_[image_id].boxes.push_back(box);
  if (!detail::is_finite(box)) errors_by_id_.insert({image_id, entry + ": bbox: expected finite numbers"});
}

std::optional<PhotoBoxes> BoxFile::find(const std::string& photo) const {
  std::optional<std::int64_t> id;
  if (by_name_) {
    const std::vector<std::string> parts = parts_from_the_end(photo);
    const auto [begin, end] = by_base_name_.equal_range(parts.front());
    std::size_t best = 0;
    std::string rival;
    std::string best_name;
    for (auto candidate = begin; candidate != end; ++candidate) {
      const std::string& name = candidate->second.file_name;
      const std::size_t common = common_parts(parts, parts_from_the_end(name));
      if (common > best) {
        best = common;
        best_name = name;
        rival.clear();
        id = candidate->second.id;
      } else if (common == best) {
        rival = name;
      }
    }
    if (!rival.empty()) throw Error(path_ + ": both " + best_name + " and " + rival + " may be this photo");
  } else {
    id = id_in_name(photo);
  }
  if (!id) return std::nullopt;
  const auto found = by_id_.find(*id);
  if (found == by_id_.end()) return std::nullopt;
  const auto wrong = errors_by_id_.find(*id);
  if (wrong != errors_by_id_.end()) throw Error(wrong->second);
  PhotoBoxes boxes = found->second;
  boxes.image_id = *id;
  boxes.category = category_;
  return boxes;
}

}  // namespace limn::program
