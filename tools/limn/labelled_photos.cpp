#include "labelled_photos.hpp"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <map>
#include <utility>

#include <limn/core/error.hpp>
#include <limn/metrics/box_evaluation.hpp>

#include "interrupt.hpp"
#include "model_choice.hpp"
#include "photo_work.hpp"
#include "pictures.hpp"

namespace limn::program {

namespace fs = std::filesystem;

namespace {

/// The files that must stay as they are, and one that is written already.
FileSet not_to_be_written(const EvaluateOptions& options, const std::vector<Photo>& photos,
                          const std::string& written) {
  FileSet files;
  files.insert(options.annotations);
  files.insert(options.poses);
  if (options.runs_model()) files.insert(model_file(options.model));
  if (options.runs_detector()) files.insert(detector_file(options.detector));
  if (options.boxes_are_in_a_file()) files.insert(options.boxes);
  for (const Photo& photo : photos) files.insert(photo.file);
  if (written != "-") files.insert(written);
  return files;
}

}  // namespace

EvaluateOutputs::EvaluateOutputs(const EvaluateOptions& options, const std::vector<Photo>& photos)
    : results(options.results, "--results", not_to_be_written(options, photos, "")),
      json(options.json, "--json", not_to_be_written(options, photos, options.results)) {
  defer_interrupts();
}

void EvaluateOutputs::write_results(const std::string& entries) {
  if (entries.empty() && interrupted() != 0) return;
  results.write("[" + entries + "]\n");
  results.finish();
}

CocoFile read_annotations(const EvaluateOptions& options) {
  CocoFile file = read_coco_file(options.annotations);
  if (!file.annotated) throw Error(options.annotations + ": expected COCO annotations, found a list of results");
  for (const CocoPerson& person : file.people) {
    if (detail::is_finite(person.box)) continue;
    throw Error(entry_name(options.annotations, "annotations", person.entry) + ": bbox: expected finite numbers");
  }
  return file;
}

std::vector<Photo> photos_of(const CocoFile& file, const EvaluateOptions& options) {
  const fs::path folder =
      options.images.empty() ? fs::path(options.annotations).parent_path() : fs::path(options.images);
  std::map<std::int64_t, Photo> by_id;
  for (const CocoImage& image : file.images) {
    Photo& photo = by_id[image.id];
    photo.image = image;
    photo.file = (folder / image.file_name).string();
  }
  for (const CocoPerson& person : file.people) by_id[person.image_id].people.push_back(&person);
  std::vector<Photo> photos;
  for (auto& [id, photo] : by_id) photos.push_back(std::move(photo));
  return photos;
}

Box box_of(const CocoPerson& person, const EvaluateOptions& options) {
  Box box = person.box;
  if (options.from_one) {
    box.x -= 1;
    box.y -= 1;
  }
  return box;
}

Box cut_to_photo(const Box& box, Index width, Index height) {
  const float left = (std::max)(0.0F, box.x);
  const float top = (std::max)(0.0F, box.y);
  const float right = (std::min)(static_cast<float>(width), box.x + box.width);
  const float bottom = (std::min)(static_cast<float>(height), box.y + box.height);
  return {left, top, (std::max)(0.0F, right - left), (std::max)(0.0F, bottom - top)};
}

Image load_picture(const Photo& photo) {
  Image picture = load_photo(photo.file);
  check_size(picture, photo.image.width, photo.image.height);
  return picture;
}

void take_detections(const std::vector<Detection>& found, const Image& picture, const EvaluateOptions& options,
                     Photo& photo) {
  std::vector<Detection> taken;
  std::vector<Box> boxes;
  for (const Detection& detection : found) {
    if (static_cast<double>(detection.score) < options.min_box_score) continue;
    taken.push_back(detection);
    boxes.push_back(detection.box);
  }
  if (!options.pck()) {
    for (const Detection& detection : taken) photo.boxes.push_back({nullptr, detection.box, detection.score});
    return;
  }
  std::vector<const CocoPerson*> people;
  std::vector<Box> annotated;
  for (const CocoPerson* person : photo.people) {
    if (person->crowd) continue;
    people.push_back(person);
    annotated.push_back(cut_to_photo(box_of(*person, options), picture.width(), picture.height()));
  }
  constexpr double least_iou = 0.3;
  const auto partners = pair_boxes(annotated, boxes, least_iou);
  for (PersonBox& place : photo.boxes) {
    const auto i = static_cast<std::size_t>(std::find(people.begin(), people.end(), place.person) - people.begin());
    place.found = partners[i].has_value();
    if (place.found) place = {place.person, taken[*partners[i]].box, taken[*partners[i]].score};
  }
}

std::size_t look_at(const std::vector<Photo*>& photos, int threads,
                    const std::function<void(Photo&, std::size_t)>& work) {
  std::vector<std::string> files;
  for (Photo* const photo : photos) {
    files.push_back(photo->file);
    photo->failed = true;  // until it is done
  }
  Reporter reporter(std::move(files), nullptr, true);
  share_out(photos.size(), threads, [&](std::size_t i, std::size_t worker) {
    PhotoReport report;
    try {
      work(*photos[i], worker);
      photos[i]->failed = false;
    } catch (const std::exception& error) {
      report.error = reason_of(error, photos[i]->file);
    }
    reporter.finished(i, report);
  });
  return reporter.finish();
}

}  // namespace limn::program
