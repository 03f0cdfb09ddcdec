#include "evaluate_boxes.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <limn/core/error.hpp>
#include <limn/metrics/box_evaluation.hpp>
#include <limn/pose/pose_json.hpp>

#include "coco_file.hpp"
#include "command.hpp"
#include "engine.hpp"
#include "interrupt.hpp"
#include "labelled_photos.hpp"
#include "model_choice.hpp"
#include "photo_work.hpp"
#include "scores.hpp"
#include "text.hpp"
#include "threads.hpp"

namespace limn::program {

namespace {

constexpr double least_iou = 0.5;

/// What AP and the table are made from: all that a detector finds from this score on.
constexpr float least_score = 0.01F;

/// What is known when all is done.
struct BoxScores {
  std::string detector;
  double threshold = 0;  ///< the detector's own, or the one asked for
  BoxEvaluation evaluation{least_iou};
  std::size_t failed = 0;

  BoxTally tally() const { return evaluation.tally(threshold); }
};

/// Runs the detector on all photos and leaves its boxes there. Returns how many could not be done.
std::size_t detect_people(const PersonDetector& detector, const EvaluateOptions& options, std::vector<Photo>& photos) {
  std::vector<Photo*> all;
  for (Photo& photo : photos) all.push_back(&photo);
  return look_at(all, thread_count(options.threads), [&](Photo& photo, std::size_t) {
    const Image picture = load_picture(photo);
    photo.image.width = picture.width();
    photo.image.height = picture.height();
    take_detections(detector.detect(picture), picture, options, photo);
  });
}

void add_photo(const Photo& photo, const EvaluateOptions& options, BoxEvaluation& evaluation) {
  std::vector<AnnotatedBox> annotated;
  for (const CocoPerson* person : photo.people) {
    const Box box = cut_to_photo(box_of(*person, options), photo.image.width, photo.image.height);
    if (box.width > 0 && box.height > 0) annotated.push_back({box, person->crowd});
  }
  std::vector<Detection> found;
  for (const PersonBox& place : photo.boxes) found.push_back({place.box, static_cast<float>(place.box_score)});
  evaluation.add_image(annotated, found, options.min_height * static_cast<double>(photo.image.height));
}

/// The boxes as COCO's own tools take them.
void write_boxes(EvaluateOutputs& outputs, const std::vector<Photo>& photos, const CocoFile& file) {
  using detail::rounded;
  std::string text;
  for (const Photo& photo : photos) {
    for (const PersonBox& place : photo.boxes) {
      nlohmann::ordered_json entry;
      entry["image_id"] = photo.image.id;
      entry["category_id"] = file.person_category;
      const Box& box = place.box;
      entry["bbox"] = {rounded(box.x, 2), rounded(box.y, 2), rounded(box.width, 2), rounded(box.height, 2)};
      entry["score"] = rounded(place.box_score, 4);
      text += (text.empty() ? "" : ",\n") + entry.dump();
    }
  }
  outputs.write_results(text);
}

void print(const BoxScores& scores, const EvaluateOptions& options) {
  const BoxTally tally = scores.tally();
  std::printf("%s on %s: %s\n", printable(scores.detector).c_str(), printable(options.annotations).c_str(),
              count_of(tally.to_be_found, "person", "people").c_str());
  Table values({"", format("IoU %.2f", least_iou)});
  values.add({"AP", text_of(scores.evaluation.average_precision())});
  values.add({"Recall", text_of(tally.recall())});
  values.add({"Precision", text_of(tally.precision())});
  values.print();
  Table table({"Threshold", "Recall", "Precision", "Wrong"});
  for (const double step : score_steps()) {
    const BoxTally at = scores.evaluation.tally(step);
    table.add({format("%.2f", step), text_of(at.recall()), text_of(at.precision()),
               thousands(static_cast<std::int64_t>(at.wrong))});
  }
  table.print();
  std::printf("Recall and precision: at the threshold %g.\n", scores.threshold);
  std::printf("People: at least %g of the photo's height; others and crowds are neither missed nor wrong to find.\n",
              options.min_height);
  if (scores.failed > 0) std::printf("%s\n", left_out_photos(scores.failed).c_str());
}

nlohmann::ordered_json box_scores_json(const BoxScores& scores, const EvaluateOptions& options) {
  const BoxTally tally = scores.tally();
  nlohmann::ordered_json json;
  json["detector"] = scores.detector;
  json["annotations"] = options.annotations;
  json["metric"] = options.metric;
  json["iou"] = least_iou;
  json["min_height"] = options.min_height;
  json["threshold"] = detail::rounded(scores.threshold, 4);
  json["people"] = tally.to_be_found;
  json["failed_photos"] = scores.failed;
  json["values"] = {
      {"AP", scores.evaluation.average_precision()}, {"Recall", tally.recall()}, {"Precision", tally.precision()}};
  for (const double step : score_steps()) {
    const BoxTally at = scores.evaluation.tally(step);
    json["thresholds"].push_back({{"threshold", step},
                                  {"right", at.right},
                                  {"wrong", at.wrong},
                                  {"recall", at.recall()},
                                  {"precision", at.precision()}});
  }
  return json;
}

}  // namespace

int evaluate_boxes(const EvaluateOptions& options) {
  const CocoFile file = read_annotations(options);
  if (file.people.empty()) throw Error(options.annotations + ": nobody in it has a box");
  std::vector<Photo> photos = photos_of(file, options);
  const Model model = open_detector_model(options.detector);
  const float threshold = options.detector.threshold.value_or(model.document().decoder.center.threshold);
  DetectorChoice choice = options.detector;
  choice.threshold = (std::min)(threshold, least_score);
  const auto detector = make_detector(model, choice, make_pool(photos.size(), thread_count(options.threads)));
  EvaluateOutputs outputs(options, photos);

  BoxScores scores;
  scores.detector = detector->document().name;
  scores.threshold = static_cast<double>(threshold);
  scores.failed = detect_people(*detector, options, photos);
  for (const Photo& photo : photos) {
    if (!photo.failed) add_photo(photo, options, scores.evaluation);
  }
  if (outputs.results) write_boxes(outputs, photos, file);
  if (const int signal = interrupted()) return interrupt_status(signal);
  if (options.json != "-") print(scores, options);
  if (outputs.json) {
    outputs.json.write(box_scores_json(scores, options).dump(2) + "\n");
    outputs.json.finish();
  }
  return scores.failed > 0 ? some_failed : all_well;
}

}  // namespace limn::program
