#include "boxes.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <utility>

#include <nlohmann/json.hpp>

#include <limn/core/error.hpp>
#include <limn/model_file/json.hpp>

namespace limn::program {

namespace fs = std::filesystem;

namespace {

using nlohmann::json;

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

/// One entry of a list, for reading its fields with messages that name it.
class Entry {
 public:
  Entry(const json& value, std::string where) : value_(value), where_(std::move(where)) {
    if (!value.is_object()) throw Error(where_ + ": expected an object");
  }

  bool has(const char* key) const { return value_.contains(key); }

  std::int64_t integer(const char* key) const {
    const auto found = value_.find(key);
    if (found == value_.end() || !found->is_number_integer()) throw Error(where_ + ": " + key + ": expected a number");
    return found->get<std::int64_t>();
  }

  std::string text(const char* key) const {
    const auto found = value_.find(key);
    if (found == value_.end() || !found->is_string()) throw Error(where_ + ": " + key + ": expected a text");
    return found->get<std::string>();
  }

  double number(const char* key) const {
    const auto found = value_.find(key);
    if (found == value_.end() || !found->is_number()) throw Error(where_ + ": " + key + ": expected a number");
    return found->get<double>();
  }

  Box box() const {
    const auto found = value_.find("bbox");
    bool good = found != value_.end() && found->is_array() && found->size() == 4;
    for (std::size_t i = 0; good && i < 4; ++i) good = (*found)[i].is_number();
    if (!good) throw Error(where_ + ": bbox: expected [x, y, width, height]");
    const Box box = {(*found)[0].get<float>(), (*found)[1].get<float>(), (*found)[2].get<float>(),
                     (*found)[3].get<float>()};
    return box;
  }

 private:
  const json& value_;
  std::string where_;
};

std::string entry_name(const std::string& path, const char* list, std::size_t i) {
  return path + ": " + list + "[" + std::to_string(i) + "]";
}

const json& list_in(const json& document, const char* key, const std::string& path) {
  const auto found = document.find(key);
  if (found == document.end() || !found->is_array()) {
    throw Error(path + ": expected COCO annotations with the lists \"images\" and \"annotations\", or a list of COCO " +
                "detection results");
  }
  return *found;
}

/// The number by which the file calls persons: COCO's, unless the file's own list says otherwise.
std::int64_t person_category(const json& document, const std::string& path) {
  const auto categories = document.find("categories");
  if (categories != document.end() && categories->is_array()) {
    for (std::size_t i = 0; i < categories->size(); ++i) {
      const Entry category((*categories)[i], entry_name(path, "categories", i));
      if (category.text("name") == "person") return category.integer("id");
    }
  }
  return 1;
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

BoxFile::BoxFile(const std::string& path, double min_score) : path_(path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(path + ": cannot open the file");
  json document;
  try {
    document = json::parse(file);
  } catch (const json::exception& error) {
    throw Error(path + ": invalid JSON: " + detail::reason(error));
  }

  if (document.is_array()) {
    by_name_ = false;
    for (std::size_t i = 0; i < document.size(); ++i) {
      const Entry detection(document[i], entry_name(path, "", i));
      if (detection.has("category_id") && detection.integer("category_id") != 1) continue;
      if (detection.has("score") && detection.number("score") < min_score) continue;
      PhotoBoxes& photo = by_id_[detection.integer("image_id")];
      photo.image_id = detection.integer("image_id");
      photo.boxes.push_back(detection.box());
    }
    return;
  }

  const json& images = list_in(document, "images", path);
  for (std::size_t i = 0; i < images.size(); ++i) {
    const Entry image(images[i], entry_name(path, "images", i));
    PhotoBoxes photo;
    photo.image_id = image.integer("id");
    if (image.has("width")) photo.width = static_cast<Index>(image.integer("width"));
    if (image.has("height")) photo.height = static_cast<Index>(image.integer("height"));
    const std::string name = image.text("file_name");
    by_base_name_.insert({parts_from_the_end(name).front(), {name, photo.image_id}});
    if (!by_id_.emplace(photo.image_id, photo).second) {
      throw Error(entry_name(path, "images", i) + ": id " + std::to_string(photo.image_id) + " appears twice");
    }
  }
  const std::int64_t person = person_category(document, path);
  const json& annotations = list_in(document, "annotations", path);
  for (std::size_t i = 0; i < annotations.size(); ++i) {
    const Entry annotation(annotations[i], entry_name(path, "annotations", i));
    if (annotation.has("category_id") && annotation.integer("category_id") != person) continue;
    if (annotation.has("iscrowd") && annotation.integer("iscrowd") != 0) continue;
    const auto image = by_id_.find(annotation.integer("image_id"));
    if (image == by_id_.end()) {
      throw Error(entry_name(path, "annotations", i) + ": image_id " + std::to_string(annotation.integer("image_id")) +
                  ": no image has this id");
    }
    image->second.boxes.push_back(annotation.box());
  }
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
  return found->second;
}

}  // namespace limn::program
