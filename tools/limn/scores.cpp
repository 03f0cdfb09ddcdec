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

namespace {

/// The names of Posture's values.
constexpr std::array<const char*, 3> posture_names = {"upright", "tilted", "upside down"};

/// A share of a person's size within which keypoints are right, and what the mean of theirs is called.
struct Threshold {
  std::string mean;
  double share;
};

/// The one asked for, and for PCKh a tenth and what was published as a tenth.
std::vector<Threshold> thresholds_of(const EvaluateOptions& options) {
  std::vector<Threshold> thresholds = {{"Mean", options.threshold()}};
  if (options.pckh()) {
    thresholds.push_back({"Mean@0.1", 0.1});
    thresholds.push_back({"Mean@0.1 as published, @0.11", published_tenth});
  }
  return thresholds;
}

using Tallies = std::vector<KeypointTally>;  // one for each keypoint, as are the next
using Sides = std::vector<SideTally>;

/// The keypoints of people, counted.
struct PckCount {
  PckCount(std::vector<Threshold> wanted, const Skeleton& of)
      : thresholds(std::move(wanted)),
        skeleton(of),
        tallies(thresholds.size(), Tallies(of.keypoints.size())),
        sides(of.keypoints.size()) {
    for (const char* name : posture_names) postures.push_back({name, 0, {}, {}});
    postures.push_back({"not to be told", 0, {}, {}});
  }

  /// Adds a person whose keypoints were found at `places`.
  void add(const Labels& labels, const std::vector<Point>& places, double size);

  std::vector<Threshold> thresholds;
  const Skeleton& skeleton;
  std::vector<Tallies> tallies;        ///< for each threshold
  Sides sides;                         ///< at the first threshold, as are the postures
  std::vector<PostureScore> postures;  ///< Posture's values, and none of them
  std::size_t people = 0;
  std::size_t without_size = 0;  ///< people who cannot be counted
};

void PckCount::add(const Labels& labels, const std::vector<Point>& places, double size) {
  ++people;
  for (std::size_t t = 1; t < thresholds.size(); ++t) {
    count_right(labels, places, thresholds[t].share * size, tallies[t]);
  }
  Tallies own(labels.size());
  Sides own_sides(labels.size());
  count_right(labels, places, thresholds[0].share * size, own);
  count_swapped(labels, places, thresholds[0].share * size, skeleton, own_sides);
  for (std::size_t k = 0; k < labels.size(); ++k) {
    tallies[0][k] += own[k];
    sides[k] += own_sides[k];
  }
  const std::optional<Posture> known = posture(labels, skeleton);
  PostureScore& score = postures[known ? static_cast<std::size_t>(*known) : posture_names.size()];
  ++score.people;
  score.tally += mean_tally(own, skeleton);
  score.sides += mean_tally(own_sides, skeleton);
}

PckCount count_pck(const std::vector<Photo>& photos, const CocoFile& file, const EvaluateOptions& options,
                   const KeypointMatch& match) {
  PckCount count(thresholds_of(options), match.skeleton);
  for (const Photo& photo : photos) {
    if (photo.failed) continue;
    for (std::size_t i = 0; i < photo.boxes.size(); ++i) {
      const CocoPerson& person = *photo.boxes[i].person;
      const Labels labels = labels_of(person, match);
      const double size = size_of(person, labels, file, options, match);
      if (size > 0) {
        count.add(labels, places_of(photo.poses[i], options, match), size);
      } else {
        ++count.without_size;
      }
    }
  }
  return count;
}

/// What a person's size was.
std::vector<std::string> size_notes(const CocoFile& file, const EvaluateOptions& options) {
  if (options.pckh()) {
    return {file.head_boxes ? "Size: 0.6 times the diagonal of the head's box, as MPII's evaluation has it."
                            : "Size: from head_top to upper_neck, as there are no head boxes (\"headbox\").",
            "Rows of two sides are the mean of their shares, as published."};
  }
  if (options.size == "torso") return {"Size: from left_shoulder to right_hip."};
  if (options.size == "box") return {"Size: the longer side of the box."};
  return {"Size: from left_shoulder to right_hip, at least 0.3125 of the box's longer side."};
}

void add_pck_notes(Scores& scores, const PckCount& count, const EvaluateOptions& options) {
  if (scores.mean.sides.labelled > 0) {
    scores.notes.emplace_back("Other side's: found as near to the label of the other side's, and not to its own.");
  }
  if (!scores.postures.empty()) {
    scores.notes.emplace_back("Torso: from hips to shoulders, upright and upside down within 45 degrees.");
  }
  if (options.from_one) scores.notes.emplace_back("Labels count pixels from 1: 1 is added to what was found.");
  if (count.without_size > 0) {
    scores.notes.push_back("Left out for want of a size: " + count_of(count.without_size, "person", "people") + ".");
  }
}

/// Adds a photo's people to COCO's evaluation. Returns how many of them are labelled.
std::size_t add_photo(CocoEvaluation& evaluation, const Photo& photo, const EvaluateOptions& options,
                      const KeypointMatch& match) {
  std::size_t labelled = 0;
  std::vector<AnnotatedPerson> annotated;
  for (const CocoPerson* person : photo.people) {
    if (!person->area) {
      throw Error(entry_name(options.annotations, "annotations", person->entry) + ": area: expected a number");
    }
    annotated.push_back({labels_of(*person, match), person->box, *person->area, person->crowd});
    if (!person->crowd && any_labelled(annotated.back().labels)) ++labelled;
  }
  std::vector<FoundPerson> found = photo.given;
  for (const std::size_t i : kept_poses(photo, options, match)) {
    const Pose& pose = photo.poses[i];
    found.push_back({places_of(pose, options, match), static_cast<double>(pose.score), photo.areas[i]});
  }
  evaluation.add_image(annotated, found);
  return labelled;
}

/// Where people were looked for; nothing where their poses were given.
std::vector<std::string> box_notes(const EvaluateOptions& options, bool everybody) {
  if (everybody) return {"Boxes: none; the model looks for everybody in the photo."};
  if (!options.poses.empty()) return {};
  return {options.boxes_are_annotated()
              ? "Boxes: the annotations', clipped to the photo by COCO's rule."
              : "Boxes: " + (options.boxes_are_detected() ? "the detector's" : options.boxes) +
                    "; of poses with an OKS above 0.9 the best is kept.",
          "Scores: the box's times the mean of the keypoints' above 0.2."};
}

}  // namespace

Scores score_pck(const std::vector<Photo>& photos, const CocoFile& file, const EvaluateOptions& options,
                 const KeypointMatch& match) {
  const Skeleton& skeleton = match.skeleton;
  const PckCount count = count_pck(photos, file, options, match);
  Scores scores;
  scores.people = count.people;
  scores.mean = {"Mean", mean_tally(count.tallies[0], skeleton), mean_tally(count.sides, skeleton)};
  if (count.postures.back().people < count.people) scores.postures = count.postures;
  scores.boxes = options.boxes;
  scores.metric = options.pckh() ? "PCKh" : "PCK";
  scores.unit = scores.metric + "@" + format("%g", options.threshold());
  for (std::size_t k = 0; k < skeleton.keypoints.size(); ++k) {
    scores.keypoints.push_back({skeleton.keypoints[k], count.tallies[0][k], count.sides[k]});
  }
  if (options.pckh()) {
    for (const PckhRow& row : published_rows(count.tallies[0], skeleton)) {
      scores.values.emplace_back(row.name, row.share);
    }
  }
  for (std::size_t t = 0; t < count.thresholds.size(); ++t) {
    scores.values.emplace_back(count.thresholds[t].mean, mean_tally(count.tallies[t], skeleton).share());
  }
  scores.notes = size_notes(file, options);
  add_pck_notes(scores, count, options);
  return scores;
}

Scores score_oks(const std::vector<Photo>& photos, const EvaluateOptions& options, const KeypointMatch& match) {
  Scores scores;
  CocoEvaluation evaluation(match.sigmas);
  for (const Photo& photo : photos) {
    if (!photo.failed) scores.people += add_photo(evaluation, photo, options, match);
  }
  const bool everybody = !photos.empty() && photos.front().everybody;
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
  scores.notes = box_notes(options, everybody);
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
