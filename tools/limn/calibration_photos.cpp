#include "calibration_photos.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <filesystem>
#include <functional>
#include <set>
#include <utility>

#include <limn/core/error.hpp>
#include <limn/estimator/preprocess.hpp>
#include <limn/model_file/model.hpp>

#include "engine.hpp"
#include "interrupt.hpp"
#include "labelled_photos.hpp"
#include "model_choice.hpp"
#include "photo_work.hpp"
#include "photos.hpp"
#include "pictures.hpp"

namespace limn::program {

namespace fs = std::filesystem;

namespace {

/// `wanted` of the elements, spread evenly; all if there are no more.
template <class Element>
std::vector<Element> spread(std::vector<Element> elements, std::size_t wanted) {
  if (elements.size() <= wanted) return elements;
  std::vector<Element> chosen;
  for (std::size_t i = 0; i < wanted; ++i) chosen.push_back(std::move(elements[i * elements.size() / wanted]));
  return chosen;
}

bool is_of_one_person(const ModelDocument& document) {
  return !finds_boxes(document.network) && document.decoder.type != DecoderType::part_affinity;
}

}  // namespace

bool CalibrationOptions::annotated() const { return photos.size() == 1 && fs::path(photos[0]).extension() == ".json"; }

CalibrationPhotos::CalibrationPhotos(const CalibrationOptions& options, const ModelDocument& document)
    : options_(options), document_(document) {
  const bool one_person = is_of_one_person(document);
  const bool annotated = options.annotated();
  if (!annotated && !options.images.empty()) {
    throw Error("--images " + options.images + ": only for photos that annotations name");
  }
  const bool detects = one_person && !annotated && !options.no_detector;
  if (one_person && annotated && (options.detector.given() || options.no_detector)) {
    throw Error("--detector and --no-detector: the boxes of people are the annotations'");
  }
  if (!one_person && options.detector.given()) throw Error("--detector: the model looks at whole photos");
  if (annotated) {
    find_annotated(!one_person);
  } else {
    find_photos_given(!detects);
  }
  files_ = spread(std::move(files_), options.most_photos);
  if (detects) detector_file_ = program::detector_file(options.detector);
}

void CalibrationPhotos::find_annotated(bool whole) {
  EvaluateOptions evaluated;  // the same photos and boxes as are evaluated
  evaluated.annotations = options_.photos[0];
  evaluated.images = options_.images;
  const CocoFile file = read_annotations(evaluated);
  for (const Photo& photo : photos_of(file, evaluated)) {
    File found = {photo.file, "", photo.image.width, photo.image.height, {}, whole};
    for (const CocoPerson* person : photo.people) {
      if (!whole && !person->crowd && person->box.width > 0 && person->box.height > 0) {
        found.boxes.push_back(person->box);
      }
    }
    if (whole || !found.boxes.empty()) files_.push_back(std::move(found));
  }
  if (files_.empty()) {
    throw Error(options_.photos[0] + (whole ? ": has no photos" : ": has nobody in it with a box"));
  }
}

void CalibrationPhotos::find_photos_given(bool whole) {
  for (PhotoFile& photo : find_photos(options_.photos)) {
    files_.push_back({std::move(photo.path), std::move(photo.error), 0, 0, {}, whole});
  }
}

void CalibrationPhotos::add_files(FileSet& files) const {
  if (options_.annotated()) files.insert(options_.photos[0]);
  for (const File& file : files_) files.insert(file.path);
}

void CalibrationPhotos::detect(int threads) {
  const auto pool = std::make_shared<const ThreadPool>(1);
  const auto detector = make_detector(Model::open(detector_file_), options_.detector, pool);
  const auto find = [&](File& file) {
    for (const Detection& person : detector->detect(load_photo(file.path))) file.boxes.push_back(person.box);
  };
  std::vector<std::string> names;
  for (const File& file : files_) names.push_back(file.path);
  Reporter reporter(std::move(names), nullptr, true);
  share_out(files_.size(), threads, [&](std::size_t i, std::size_t) {
    File& file = files_[i];
    try {
      if (file.error.empty()) find(file);
    } catch (const std::exception& error) {
      file.error = reason_of(error, file.path);
    }
    PhotoReport report;
    report.error = file.error;
    reporter.finished(i, report);
  });
  failed_ += reporter.finish();
}

void CalibrationPhotos::choose_places() {
  for (std::size_t i = 0; i < files_.size(); ++i) {
    if (!files_[i].error.empty() && !detector_file_.empty()) continue;  // reported
    if (files_[i].whole) places_.push_back({i, std::nullopt});
    for (const Box& box : files_[i].boxes) places_.push_back({i, box});
  }
  places_ = spread(std::move(places_), options_.most_photos);
}

Image CalibrationPhotos::seen_of(const Image& photo, const Box& box) const {
  InputDocument input = document_.input;  // its planes as shares of 255, without mean and deviation
  input.channels = ChannelOrder::rgb;
  input.mean = {0, 0, 0};
  input.std = {1, 1, 1};
  FloatMatrix planes(3, input.width * input.height);
  preprocess(photo, box, input, input.width, input.height, planes);
  Image seen(input.width, input.height);
  for (Index i = 0; i < planes.size(); ++i) {
    seen.data()[i] = static_cast<std::uint8_t>(std::lround(255 * planes.data()[i]));
  }
  return seen;
}

void CalibrationPhotos::look(int threads) {
  if (!detector_file_.empty()) detect(threads);
  if (interrupted() != 0) return;
  choose_places();

  std::vector<std::vector<std::size_t>> places_of(files_.size());
  for (std::size_t i = 0; i < places_.size(); ++i) places_of[places_[i].file].push_back(i);
  std::vector<std::size_t> to_do;
  std::vector<std::string> names;
  for (std::size_t file = 0; file < files_.size(); ++file) {
    if (places_of[file].empty()) continue;
    to_do.push_back(file);
    names.push_back(files_[file].path);
  }
  std::vector<Image> seen(places_.size());
  const auto look_at = [&](std::size_t number) {
    const File& file = files_[number];
    if (!file.error.empty()) throw Error(file.error);
    const Image photo = load_photo(file.path);
    check_size(photo, file.width, file.height);
    for (const std::size_t i : places_of[number]) {
      if (places_[i].box) check_on_photo(*places_[i].box, photo);
    }
    for (const std::size_t i : places_of[number]) seen[i] = seen_of(photo, places_[i].box.value_or(box_of(photo)));
  };
  Reporter reporter(std::move(names), nullptr, true);
  share_out(to_do.size(), threads, [&](std::size_t i, std::size_t) {
    PhotoReport report;
    try {
      look_at(to_do[i]);
    } catch (const std::exception& error) {
      report.error = reason_of(error, files_[to_do[i]].path);
    }
    reporter.finished(i, report);
  });
  failed_ += reporter.finish();
  if (interrupted() != 0) return;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (seen[i].empty()) continue;
    inputs_.push_back(std::move(seen[i]));
    sources_.push_back(places_[i].file);
  }
  if (inputs_.empty()) {
    throw Error(std::string("nothing to run the model on: ") +
                (detector_file_.empty() || failed_ == files_.size()
                     ? "no photo could be done"
                     : "the person detector finds nobody in the photos"));
  }
}

std::size_t CalibrationPhotos::photos() const { return std::set<std::size_t>(sources_.begin(), sources_.end()).size(); }

CalibrationInputs CalibrationPhotos::inputs() const {
  const InputDocument& input = document_.input;
  const auto fill = [this](Index i, Eigen::Ref<FloatMatrix> target) {
    const InputDocument& as_is = document_.input;
    preprocess(inputs_[static_cast<std::size_t>(i)], Affine(), as_is, as_is.width, as_is.height, target);
  };
  return {static_cast<Index>(inputs_.size()), input.height, input.width, fill};
}

std::string CalibrationPhotos::description() const {
  std::string text;
  for (const std::string& given : options_.photos) {
    const fs::path path = fs::path(given).lexically_normal();
    const std::string name = (path.has_filename() ? path : path.parent_path()).filename().string();
    if (text.size() + name.size() > 200) return text + ", ...";
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

}  // namespace limn::program
