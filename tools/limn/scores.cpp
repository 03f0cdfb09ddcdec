#include "scores.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>

#include <limn/core/error.hpp>
#include <limn/metrics/coco_evaluation.hpp>
#include <limn/metrics/oks.hpp>
#include <limn/metrics/pckh.hpp>
#include <limn/metrics/posture.hpp>

#include "text.hpp"

namespace limn::program {

namespace {

/// The names of Posture's values.
constexpr std::array<const char*, 3> postures = {"upright", "tilted", "upside down"};

}  // namespace

Labels labels_of(const CocoPerson& person, const KeypointMatch& match) {
  Labels labels(match.scored.size());
  if (person.keypoints.empty()) return labels;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double* const triple = &person.keypoints[3 * match.scored[i]];
    labels[i] = {{triple[0], triple[1]}, static_cast<Visibility>(static_cast<int>(triple[2]))};
  }
  return labels;
}

bool any_labelled(const Labels& labels) {
  return std::any_of(labels.begin(), labels.end(), [](const Label& label) { return label.labelled(); });
}

std::vector<Point> places_of(const Pose& pose, const EvaluateOptions& options, const KeypointMatch& match) {
  constexpr double nowhere = std::numeric_limits<double>::quiet_NaN();
  if (pose.keypoints.empty()) return std::vector<Point>(match.scored.size(), {nowhere, nowhere});
  std::vector<Point> places;
  for (const std::size_t i : match.scored) {
    const Keypoint& keypoint = pose.keypoints[static_cast<std::size_t>(match.in_model[i])];
    places.push_back({static_cast<double>(keypoint.x), static_cast<double>(keypoint.y)});
  }
  return options.from_one ? from_one(std::move(places)) : places;
}

double size_of(const CocoPerson& person, const Labels& labels, const CocoFile& file, const EvaluateOptions& options,
               const KeypointMatch& match) {
  if (options.pckh()) {
    if (!file.head_boxes) return head_segment_size(labels, match.skeleton);
    if (!person.head_box) return 0;
    const auto& [x1, y1, x2, y2] = *person.head_box;
    return head_box_size(x1, y1, x2, y2);
  }
  if (options.size == "torso") return torso_size(labels, match.skeleton);
  if (options.size == "box") return box_size(person.box);
  return torso_or_box_size(labels, match.skeleton, person.box);
}

std::vector<std::size_t> kept_poses(const Photo& photo, const EvaluateOptions& options, const KeypointMatch& match) {
  std::vector<FoundPerson> persons;
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < photo.poses.size(); ++i) {
    persons.push_back(
        {places_of(photo.poses[i], options, match), static_cast<double>(photo.poses[i].score), photo.areas[i]});
    if (!photo.poses[i].keypoints.empty()) all.push_back(i);
  }
  return options.oks() && !options.boxes_are_annotated() ? oks_nms(persons, match.sigmas) : all;
}

Scores score_pck(const std::vector<Photo>& photos, const CocoFile& file, const EvaluateOptions& options,
                 const KeypointMatch& match) {
  const Skeleton& skeleton = match.skeleton;
  // At the threshold asked for, and for PCKh at a tenth and at what was published as a tenth.
  std::vector<std::pair<std::string, double>> thresholds = {{"Mean", options.threshold()}};
  if (options.pckh()) {
    thresholds.emplace_back("Mean@0.1", 0.1);
    thresholds.emplace_back("Mean@0.1 as published, @0.11", published_tenth);
  }

  Scores scores;
  std::size_t without_size = 0;
  const std::size_t count = skeleton.keypoints.size();
  using Tallies = std::vector<KeypointTally>;
  using Sides = std::vector<SideTally>;
  std::vector<Tallies> tallies(thresholds.size(), Tallies(count));
  Sides sides(count);
  for (const char* name : postures) scores.postures.push_back({name, 0, {}, {}});
  scores.postures.push_back({"not to be told", 0, {}, {}});
  for (const Photo& photo : photos) {
    if (photo.failed) continue;
    for (std::size_t i = 0; i < photo.boxes.size(); ++i) {
      const CocoPerson& person = *photo.boxes[i].person;
      const Labels labels = labels_of(person, match);
      const double size = size_of(person, labels, file, options, match);
      if (!(size > 0)) {
        ++without_size;
        continue;
      }
      ++scores.people;
      const std::vector<Point> places = places_of(photo.poses[i], options, match);
      for (std::size_t t = 1; t < thresholds.size(); ++t) {
        count_right(labels, places, thresholds[t].second * size, tallies[t]);
      }
      Tallies own(count);
      Sides own_sides(count);
      count_right(labels, places, thresholds[0].second * size, own);
      count_swapped(labels, places, thresholds[0].second * size, skeleton, own_sides);
      for (std::size_t k = 0; k < count; ++k) {
        tallies[0][k] += own[k];
        sides[k] += own_sides[k];
      }
      const std::optional<Posture> known = posture(labels, skeleton);
      PostureScore& score = scores.postures[known ? static_cast<std::size_t>(*known) : postures.size()];
      ++score.people;
      score.tally += mean_tally(own, skeleton);
      score.sides += mean_tally(own_sides, skeleton);
    }
  }

  scores.mean = {"Mean", mean_tally(tallies[0], skeleton), mean_tally(sides, skeleton)};
  if (scores.postures.back().people == scores.people) scores.postures.clear();
  scores.boxes = options.boxes;
  scores.metric = options.pckh() ? "PCKh" : "PCK";
  scores.unit = scores.metric + "@" + format("%g", options.threshold());
  for (std::size_t k = 0; k < skeleton.keypoints.size(); ++k) {
    scores.keypoints.push_back({skeleton.keypoints[k], tallies[0][k], sides[k]});
  }
  if (options.pckh()) {
    for (const PckhRow& row : published_rows(tallies[0], skeleton)) scores.values.emplace_back(row.name, row.share);
  }
  for (std::size_t t = 0; t < thresholds.size(); ++t) {
    scores.values.emplace_back(thresholds[t].first, mean_tally(tallies[t], skeleton).share());
  }

  if (options.pckh()) {
    scores.notes.push_back(file.head_boxes
                               ? "Size: 0.6 times the diagonal of the head's box, as MPII's evaluation has it."
                               : "Size: from head_top to upper_neck, as there are no head boxes (\"headbox\").");
    scores.notes.emplace_back("Rows of two sides are the mean of their shares, as published.");
  } else if (options.size == "torso") {
    scores.notes.emplace_back("Size: from left_shoulder to right_hip.");
  } else if (options.size == "box") {
    scores.notes.emplace_back("Size: the longer side of the box.");
  } else {
    scores.notes.emplace_back("Size: from left_shoulder to right_hip, at least 0.3125 of the box's longer side.");
  }
  if (scores.mean.sides.labelled > 0) {
    scores.notes.emplace_back("Other side's: found as near to the label of the other side's, and not to its own.");
  }
  if (!scores.postures.empty()) {
    scores.notes.emplace_back("Torso: from hips to shoulders, upright and upside down within 45 degrees.");
  }
  if (options.from_one) scores.notes.emplace_back("Labels count pixels from 1: 1 is added to what was found.");
  if (without_size > 0) {
    scores.notes.push_back("Left out for want of a size: " + count_of(without_size, "person", "people") + ".");
  }
  return scores;
}

Scores score_oks(const std::vector<Photo>& photos, const EvaluateOptions& options, const KeypointMatch& match) {
  Scores scores;
  const bool everybody = !photos.empty() && photos.front().everybody;
  CocoEvaluation evaluation(match.sigmas);
  for (const Photo& photo : photos) {
    if (photo.failed) continue;
    std::vector<AnnotatedPerson> annotated;
    for (const CocoPerson* person : photo.people) {
      if (!person->area) {
        throw Error(entry_name(options.annotations, "annotations", person->entry) + ": area: expected a number");
      }
      annotated.push_back({labels_of(*person, match), person->box, *person->area, person->crowd});
      if (!person->crowd && any_labelled(annotated.back().labels)) ++scores.people;
    }
    std::vector<FoundPerson> found = photo.given;
    for (const std::size_t i : kept_poses(photo, options, match)) {
      const Pose& pose = photo.poses[i];
      found.push_back({places_of(pose, options, match), static_cast<double>(pose.score), photo.areas[i]});
    }
    evaluation.add_image(annotated, found);
  }
  scores.boxes = everybody ? "none" : options.boxes;
  scores.metric = "OKS";
  scores.unit = "COCO";
  const CocoSummary summary = evaluation.summary();
  scores.values = {{"AP", summary.ap},
                   {"AP .50", summary.ap_50},
                   {"AP .75", summary.ap_75},
                   {"AP medium", summary.ap_medium},
                   {"AP large", summary.ap_large},
                   {"AR", summary.ar},
                   {"AR .50", summary.ar_50},
                   {"AR .75", summary.ar_75},
                   {"AR medium", summary.ar_medium},
                   {"AR large", summary.ar_large}};
  if (everybody) {
    scores.notes.emplace_back("Boxes: none; the model looks for everybody in the photo.");
  } else if (options.poses.empty()) {
    scores.notes.emplace_back(options.boxes_are_annotated()
                                  ? "Boxes: the annotations', clipped to the photo by COCO's rule."
                                  : "Boxes: " + (options.boxes_are_detected() ? "the detector's" : options.boxes) +
                                        "; of poses with an OKS above 0.9 the best is kept.");
    scores.notes.emplace_back("Scores: the box's times the mean of the keypoints' above 0.2.");
  }
  return scores;
}

std::vector<double> score_steps() {
  std::vector<double> steps;
  for (int i = 1; i < 20; ++i) steps.push_back(i / 20.0);
  return steps;
}

std::string left_out_photos(std::size_t failed) {
  return "Left out with everybody in them: " + count_of(failed, "photo", "photos") + ".";
}

void print(const Scores& scores) {
  std::printf("%s\n", printable(scores.title).c_str());
  if (!scores.keypoints.empty()) {
    Table table({"Keypoint", scores.unit, "Labelled", "Other side's"});
    const auto add = [&](const KeypointScore& score) {
      const bool counts = counts_in_mean(score.name);
      table.add({score.name + (counts ? "" : " (not in the mean)"), text_of(score.tally.share()),
                 thousands(score.tally.labelled), text_of(score.sides.share())});
    };
    for (const KeypointScore& score : scores.keypoints) add(score);
    add(scores.mean);
    table.print();
  }
  if (!scores.postures.empty()) {
    Table table({"Torso", scores.unit, "People", "Other side's"});
    for (const PostureScore& score : scores.postures) {
      if (score.people == 0) continue;
      table.add({score.name, text_of(score.tally.share()), thousands(static_cast<Index>(score.people)),
                 text_of(score.sides.share())});
    }
    table.print();
  }
  if (scores.keypoints.empty() || scores.values.size() > 1) {
    Table table({"", scores.unit});
    for (const auto& [name, value] : scores.values) table.add({name, text_of(value)});
    table.print();
  }
  for (const std::string& note : scores.notes) std::printf("%s\n", printable(note).c_str());
}

nlohmann::ordered_json to_json(const Scores& scores, const EvaluateOptions& options, const std::string& model,
                               std::size_t failed) {
  nlohmann::ordered_json json;
  if (options.poses.empty()) {
    json["model"] = model;
    json["boxes"] = scores.boxes;
    json["flip"] = options.estimator.flip;
    json["flip_shift"] = options.estimator.flip_shift;
    if (!scores.detector.empty()) json["detector"] = scores.detector;
    if (options.estimator.crop) json["crop"] = *options.estimator.crop;
  } else {
    json["poses"] = options.poses;
  }
  json["annotations"] = options.annotations;
  json["metric"] = scores.metric;
  if (!options.oks()) json["threshold"] = options.threshold();
  json["people"] = scores.people;
  if (scores.people_found) json["people_found"] = *scores.people_found;
  json["failed_photos"] = failed;
  for (const auto& [name, value] : scores.values) json["values"][name] = value;
  const auto counts_of = [](const auto& score) {
    nlohmann::ordered_json counts = {{"right", score.tally.right}, {"labelled", score.tally.labelled}};
    counts["other_sides"] = score.sides.swapped;
    counts["labelled_on_both_sides"] = score.sides.labelled;
    return counts;
  };
  for (const KeypointScore& score : scores.keypoints) json["keypoints"][score.name] = counts_of(score);
  for (const PostureScore& score : scores.postures) {
    json["torso"][score.name] = counts_of(score);
    json["torso"][score.name]["people"] = score.people;
  }
  return json;
}

}  // namespace limn::program
