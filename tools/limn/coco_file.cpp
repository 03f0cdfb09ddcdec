#include "coco_file.hpp"

#include <cstring>
#include <limits>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include <limn/core/error.hpp>
#include <limn/core/file.hpp>
#include <limn/model_file/printable.hpp>

namespace limn::program {

namespace {

using nlohmann::json;

/// The reason in the message of a nlohmann exception: without the library's tag at its beginning.
std::string reason(const json::exception& error) {
  const std::string text = error.what();
  const std::size_t tag = text.find("] ");
  return detail::printable(tag == std::string::npos ? text : text.substr(tag + 2));
}

/// The JSON with null for NaN, Infinity and -Infinity.
std::string without_nan(const std::string& text) {
  std::string clean;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t length = 0;
    for (const char* const word : {"NaN", "Infinity", "-Infinity"}) {
      if (!quoted && text.compare(i, std::strlen(word), word) == 0) length = std::strlen(word);
    }
    if (length > 0) {
      clean += "null";
      i += length;
      continue;
    }
    if (text[i] == '"') quoted = !quoted;
    if (quoted && text[i] == '\\') clean += text[i++];  // what follows it ends no text
    if (i < text.size()) clean += text[i++];
  }
  return clean;
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

  /// A list of numbers, `count` of them unless that is 0.
  std::vector<double> numbers(const char* key, std::size_t count, const char* expected) const {
    const auto found = value_.find(key);
    bool good = found != value_.end() && found->is_array() && (count == 0 || found->size() == count);
    for (std::size_t i = 0; good && i < found->size(); ++i) good = (*found)[i].is_number();
    if (!good) throw Error(where_ + ": " + key + ": expected " + expected);
    return found->get<std::vector<double>>();
  }

  std::vector<std::string> texts(const char* key) const {
    const auto found = value_.find(key);
    bool good = found != value_.end() && found->is_array();
    for (std::size_t i = 0; good && i < found->size(); ++i) good = (*found)[i].is_string();
    if (!good) throw Error(where_ + ": " + key + ": expected a list of texts");
    return found->get<std::vector<std::string>>();
  }

  Box box() const {
    std::array<float, 4> box = {};
    const auto found = value_.find("bbox");
    bool good = found != value_.end() && found->is_array() && found->size() == box.size();
    for (std::size_t i = 0; good && i < box.size(); ++i) {
      const json& number = (*found)[i];
      good = number.is_number() || number.is_null();
      if (good) box[i] = number.is_null() ? std::numeric_limits<float>::quiet_NaN() : number.get<float>();
    }
    if (!good) throw Error(where_ + ": bbox: expected [x, y, width, height]");
    return {box[0], box[1], box[2], box[3]};
  }

 private:
  const json& value_;
  std::string where_;
};

const json& list_in(const json& document, const char* key, const std::string& path) {
  const auto found = document.find(key);
  if (found == document.end() || !found->is_array()) {
    throw Error(path + ": expected COCO annotations with the lists \"images\" and \"annotations\", or a list of COCO " +
                "results");
  }
  return *found;
}

/// Fills in the number by which the file calls persons, COCO's unless its own list says otherwise, and their keypoints.
void read_categories(const json& document, const std::string& path, CocoFile& file) {
  const auto categories = document.find("categories");
  if (categories == document.end() || !categories->is_array()) return;
  for (std::size_t i = 0; i < categories->size(); ++i) {
    const std::string where = entry_name(path, "categories", i);
    const Entry category((*categories)[i], where);
    const std::int64_t id = category.integer("id");
    if (category.text("name") != "person") {
      file.one_is_other = file.one_is_other || id == 1;
      continue;
    }
    file.person_category = id;
    if (category.has("keypoints")) file.keypoints = category.texts("keypoints");
    if (category.has("sigmas")) {
      constexpr const char* expected = "one positive number for each of the keypoints";
      file.sigmas = category.numbers("sigmas", file.keypoints.size(), expected);
      for (const double sigma : file.sigmas) {
        if (!(sigma > 0)) throw Error(where + ": sigmas: expected " + expected);
      }
    }
    const std::set<std::string> names(file.keypoints.begin(), file.keypoints.end());
    if (names.size() != file.keypoints.size()) throw Error(where + ": keypoints: a name appears twice");
  }
}

CocoPerson read_person(const Entry& annotation, const std::string& where, std::size_t keypoints) {
  CocoPerson person;
  if (annotation.has("id")) person.id = annotation.integer("id");
  person.image_id = annotation.integer("image_id");
  person.crowd = annotation.has("iscrowd") && annotation.integer("iscrowd") != 0;
  if (!person.crowd || annotation.has("bbox")) person.box = annotation.box();
  if (annotation.has("area")) person.area = annotation.number("area");
  if (annotation.has("keypoints") && keypoints > 0) {
    const std::string expected = "x, y and visibility of " + std::to_string(keypoints) + " keypoints";
    person.keypoints = annotation.numbers("keypoints", 3 * keypoints, expected.c_str());
    for (std::size_t i = 2; i < person.keypoints.size(); i += 3) {
      const double visibility = person.keypoints[i];
      if (visibility != 0 && visibility != 1 && visibility != 2) {
        throw Error(where + ": keypoints: expected the visibilities 0, 1 or 2, found " + std::to_string(visibility));
      }
    }
  }
  if (annotation.has("headbox")) {
    const std::vector<double> corners = annotation.numbers("headbox", 4, "[x1, y1, x2, y2]");
    person.head_box = {corners[0], corners[1], corners[2], corners[3]};
  }
  return person;
}

void read_annotations(const json& document, const std::string& path, CocoFile& file) {
  const json& images = list_in(document, "images", path);
  std::set<std::int64_t> ids;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const Entry entry(images[i], entry_name(path, "images", i));
    CocoImage image;
    image.id = entry.integer("id");
    if (entry.has("width")) image.width = static_cast<Index>(entry.integer("width"));
    if (entry.has("height")) image.height = static_cast<Index>(entry.integer("height"));
    image.file_name = entry.text("file_name");
    if (!ids.insert(image.id).second) {
      throw Error(entry_name(path, "images", i) + ": id " + std::to_string(image.id) + " appears twice");
    }
    file.images.push_back(std::move(image));
  }
  read_categories(document, path, file);
  const json& annotations = list_in(document, "annotations", path);
  for (std::size_t i = 0; i < annotations.size(); ++i) {
    const std::string where = entry_name(path, "annotations", i);
    const Entry annotation(annotations[i], where);
    if (annotation.has("category_id") && annotation.integer("category_id") != file.person_category) continue;
    CocoPerson person = read_person(annotation, where, file.keypoints.size());
    if (ids.count(person.image_id) == 0) {
      throw Error(where + ": image_id " + std::to_string(person.image_id) + ": no image has this id");
    }
    person.entry = i;
    file.head_boxes = file.head_boxes || person.head_box;
    file.people.push_back(std::move(person));
  }
}

void read_results(const json& document, const std::string& path, CocoFile& file) {
  for (std::size_t i = 0; i < document.size(); ++i) {
    const Entry entry(document[i], entry_name(path, "", i));
    CocoResult result;
    result.entry = i;
    if (entry.has("category_id")) result.category = entry.integer("category_id");
    result.image_id = entry.integer("image_id");
    if (entry.has("bbox")) result.box = entry.box();
    if (entry.has("score")) result.score = entry.number("score");
    if (entry.has("keypoints")) result.keypoints = entry.numbers("keypoints", 0, "a list of numbers");
    file.results.push_back(std::move(result));
  }
}

}  // namespace

std::string entry_name(const std::string& path, const char* list, std::size_t i) {
  return path + ": " + list + "[" + std::to_string(i) + "]";
}

std::vector<CocoResult> results_of_persons(const CocoFile& file, const std::string& path, std::int64_t category,
                                           bool or_one, const std::string& hint) {
  std::vector<CocoResult> persons;
  std::set<std::int64_t> others;
  for (const CocoResult& result : file.results) {
    if (!result.category || *result.category == category || (or_one && *result.category == 1)) {
      persons.push_back(result);
    } else {
      others.insert(*result.category);
    }
  }
  if (persons.empty() && !others.empty()) {
    std::string found;
    for (const std::int64_t other : others) found += (found.empty() ? "" : ", ") + std::to_string(other);
    throw Error(path + ": no result is of the category of persons, " + std::to_string(category) + "; found " + found +
                hint);
  }
  return persons;
}

CocoFile read_coco_file(const std::string& path) {
  const auto text = detail::read_file<std::string>(path);
  json document;
  try {
    document = json::parse(text, nullptr, false);
    if (document.is_discarded()) document = json::parse(without_nan(text));
  } catch (const json::exception& error) {
    throw Error(path + ": invalid JSON: " + reason(error));
  }
  CocoFile file;
  file.annotated = !document.is_array();
  if (file.annotated) {
    read_annotations(document, path, file);
  } else {
    read_results(document, path, file);
  }
  return file;
}

}  // namespace limn::program
