#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <limn/pose/pose_json.hpp>

#include "coco_file.hpp"
#include "command.hpp"
#include "engine.hpp"
#include "evaluate_boxes.hpp"
#include "interrupt.hpp"
#include "keypoint_scores.hpp"
#include "labelled_photos.hpp"
#include "model_choice.hpp"
#include "photo_work.hpp"
#include "scores.hpp"
#include "text.hpp"
#include "threads.hpp"

namespace limn::program {

namespace {

KeypointMatch match_keypoints(const CocoFile& file, const EvaluateOptions& options, const Skeleton* model) {
  KeypointMatch match;
  match.names = file.keypoints;
  if (match.names.empty()) {
    throw Error(options.annotations + ": its category \"person\" has no names of keypoints, in \"keypoints\"");
  }
  for (std::size_t i = 0; i < match.names.size(); ++i) {
    const std::string& name = match.names[i];
    match.in_model.push_back(model != nullptr ? model->find(name) : static_cast<int>(i));
    std::optional<double> sigma = coco_sigma(name);
    if (!file.sigmas.empty()) sigma = file.sigmas[i];
    if (match.in_model.back() < 0 || (options.oks() && !sigma)) {
      match.left_out.push_back(name);
      continue;
    }
    match.scored.push_back(i);
    match.sigmas.push_back(sigma.value_or(0));
    match.skeleton.keypoints.push_back(name);
  }
  for (std::size_t i = 0; model != nullptr && i < model->flip_pairs.size(); ++i) {
    const auto [a, b] = model->flip_pairs[i];
    const int one = match.skeleton.find(model->keypoints[static_cast<std::size_t>(a)]);
    const int other = match.skeleton.find(model->keypoints[static_cast<std::size_t>(b)]);
    if (one >= 0 && other >= 0) match.skeleton.flip_pairs.emplace_back(one, other);
  }
  if (match.scored.empty()) {
    throw Error(options.annotations + ": none of its keypoints can be scored: " + joined(match.names));
  }
  return match;
}

/// Adds the people whose boxes are annotated and who have something to be scored.
void add_annotated(Photo& photo, const EvaluateOptions& options, const KeypointMatch& match) {
  for (const CocoPerson* person : photo.people) {
    if (person->crowd || !any_labelled(labels_of(*person, match))) continue;
    const Box box = box_of(*person, options);
    if (box.width > 0 && box.height > 0) photo.boxes.push_back({person, box});
  }
}

Photo* find_photo(std::vector<Photo>& photos, std::int64_t id) {
  const auto found = std::lower_bound(photos.begin(), photos.end(), id,
                                      [](const Photo& photo, std::int64_t wanted) { return photo.image.id < wanted; });
  return found != photos.end() && found->image.id == id ? &*found : nullptr;
}

/// A list of COCO's results of persons, each with the score that says how sure it is. They are of the annotations'
/// category for them, or of COCO's where the annotations do not call something else by that number.
std::vector<CocoResult> read_results(const std::string& path, const CocoFile& annotations) {
  const CocoFile file = read_coco_file(path);
  if (file.annotated) throw Error(path + ": expected a list of COCO results, found annotations");
  std::vector<CocoResult> results =
      results_of_persons(file, path, annotations.person_category, !annotations.one_is_other, "");
  for (const CocoResult& result : results) {
    if (!result.score) throw Error(entry_name(path, "", result.entry) + ": score: expected a number");
  }
  return results;
}

void add_detections(std::vector<Photo>& photos, const EvaluateOptions& options, const CocoFile& annotations) {
  for (const CocoResult& detection : read_results(options.boxes, annotations)) {
    if (!detection.box || !detail::is_finite(*detection.box)) {
      throw Error(entry_name(options.boxes, "", detection.entry) +
                  ": bbox: expected [x, y, width, height], finite numbers");
    }
    Photo* const photo = find_photo(photos, detection.image_id);
    const bool usable = detection.box->width > 0 && detection.box->height > 0;
    if (photo == nullptr || !usable || *detection.score < options.min_box_score) continue;
    photo->boxes.push_back({nullptr, *detection.box, *detection.score});
  }
}

void add_poses(std::vector<Photo>& photos, const EvaluateOptions& options, const CocoFile& annotations,
               const KeypointMatch& match) {
  for (const CocoResult& pose : read_results(options.poses, annotations)) {
    if (pose.keypoints.size() != 3 * match.names.size()) {
      throw Error(entry_name(options.poses, "", pose.entry) + ": keypoints: expected x, y and score of " +
                  std::to_string(match.names.size()) + " keypoints, as the annotations have");
    }
    FoundPerson person;
    person.score = *pose.score;
    for (const std::size_t i : match.scored)
      person.keypoints.push_back({pose.keypoints[3 * i], pose.keypoints[3 * i + 1]});
    if (Photo* const photo = find_photo(photos, pose.image_id)) photo->given.push_back(std::move(person));
  }
}

/// What is to be run.
struct EvaluatedNetworks {
  std::unique_ptr<const PoseEstimator> estimator;  ///< null with --poses
  std::unique_ptr<const PersonDetector> detector;  ///< null unless boxes are detected
};

EvaluatedNetworks open_evaluated_networks(const EvaluateOptions& options,
                                          const std::shared_ptr<const ThreadPool>& pool) {
  EvaluatedNetworks networks;
  if (options.poses.empty()) {
    EstimatorOptions estimator_options = options.estimator;
    estimator_options.pool = pool;
    std::tie(estimator_options.input_height, estimator_options.input_width) = parse_size(options.input);
    const Model model = Model::open(model_file(options.model));
    networks.estimator = make_estimator(model, estimator_options);
  }
  if (options.boxes_are_detected()) {
    const Model model = open_detector_model(options.detector);
    networks.detector = make_detector(model, options.detector, pool);
  }
  return networks;
}

double area_of(const PoseEstimator::Workspace& workspace) {
  const Affine& map = workspace.photo_from_heatmap();
  const HeatmapView heatmaps = workspace.heatmaps();
  const double cell = std::abs(map.a * map.e - map.b * map.d);
  return cell * static_cast<double>(heatmaps.width * heatmaps.height);
}

/// Looks for everybody in the photo, by a model of several people.
void estimate_everybody(const PoseEstimator& estimator, const Image& picture, Photo& photo,
                        PoseEstimator::Workspace& workspace) {
  estimator.estimate_all(picture, workspace, photo.poses);
  photo.areas.assign(photo.poses.size(), area_of(workspace));
  photo.whose.assign(photo.poses.size(), nullptr);
}

void estimate_people(const PoseEstimator& estimator, const EvaluateOptions& options, const Image& picture, Photo& photo,
                     PoseEstimator::Workspace& workspace) {
  for (PersonBox& person : photo.boxes) {
    // As in the evaluations that COCO's published numbers are from; a detector's boxes are taken there as they are.
    if (!options.oks() && person.found) check_on_photo(person.box, picture);
    if (options.oks() && options.boxes_are_annotated()) {
      try {
        person.box = clip_box(person.box, picture.width(), picture.height());
      } catch (const Error&) {
        continue;  // too little of it is on the photo to look for anybody; whoever it is counts as missed
      }
    }
    photo.poses.emplace_back();
    photo.areas.push_back(0);
    photo.whose.push_back(person.person);
    if (!person.found) continue;
    Pose& pose = photo.poses.back();
    estimator.estimate(picture, person.box, workspace, pose);
    pose.score = static_cast<float>(person_score(pose, person.box_score));
    photo.areas.back() = area_of(workspace);
  }
}

/// Runs the networks on all photos that have somebody to be found. Returns how many could not be done.
std::size_t estimate_all(const EvaluatedNetworks& networks, const EvaluateOptions& options,
                         std::vector<Photo>& photos) {
  const PoseEstimator& estimator = *networks.estimator;
  std::vector<Photo*> to_do;
  for (Photo& photo : photos) {
    const bool anybody = photo.everybody || (options.oks() && options.boxes_are_detected());
    if (!photo.boxes.empty() || anybody) to_do.push_back(&photo);
  }
  if (to_do.empty()) throw Error(options.annotations + ": nobody in it has both a box and a labelled keypoint");
  const int threads = thread_count(options.threads);
  std::vector<PoseEstimator::Workspace> workspaces = make_workspaces(estimator, to_do.size(), threads);
  return look_at(to_do, threads, [&](Photo& photo, std::size_t worker) {
    const Image picture = load_picture(photo);
    if (networks.detector) take_detections(networks.detector->detect(picture), picture, options, photo);
    if (photo.everybody) {
      estimate_everybody(estimator, picture, photo, workspaces[worker]);
    } else {
      estimate_people(estimator, options, picture, photo, workspaces[worker]);
    }
  });
}

/// The poses as COCO's own tools take them: keypoints in the annotations' order, 0 for those the model has not. Where
/// it is known whose box it was, "annotation_id" says so, which those tools do not look at.
void write_results(EvaluateOutputs& outputs, const EvaluateOptions& options, const std::vector<Photo>& photos,
                   const CocoFile& file, const KeypointMatch& match) {
  std::string text;
  for (const Photo& photo : photos) {
    if (photo.failed) continue;
    for (const std::size_t i : kept_poses(photo, options, match)) {
      Pose pose;
      pose.score = photo.poses[i].score;
      for (std::size_t k = 0; k < match.names.size(); ++k) {
        const int source = match.in_model[k];
        pose.keypoints.push_back({match.names[k], 0, 0, 0});
        if (source >= 0) pose.keypoints.back() = photo.poses[i].keypoints[static_cast<std::size_t>(source)];
      }
      nlohmann::ordered_json entry = to_coco_result(pose, photo.image.id);
      entry["category_id"] = file.person_category;
      const CocoPerson* const person = photo.whose[i];
      if (person != nullptr && person->id) entry["annotation_id"] = *person->id;
      text += (text.empty() ? "" : ",\n") + entry.dump();
    }
  }
  outputs.write_results(text);
}

/// What was done, in a line: model, flip test, people.
std::string title_of(const Scores& scores, const EvaluateOptions& options, const std::string& model) {
  std::string title = options.poses.empty() ? model : options.poses;
  const EstimatorOptions& estimator = options.estimator;
  if (estimator.flip) title += estimator.flip_shift ? ", flip test with shift" : ", flip test";
  if (estimator.crop) title += format(", crop %g", *estimator.crop);
  return title + " on " + options.annotations + ": " + thousands(static_cast<Index>(scores.people)) +
         (scores.people == 1 ? " person" : " people");
}

void check(const EvaluateOptions& options) {
  const bool poses = !options.poses.empty();
  if (poses && !options.oks()) throw Error("--poses: only --metric oks can score poses from a file");
  if (options.boxes_are_in_a_file() && options.pck()) {
    throw Error("--boxes " + options.boxes + ": of a file's boxes --metric " + options.metric +
                " does not know whose each is; it takes gt and detect");
  }
  if (options.from_one && !options.pck()) throw Error("--from-one: COCO's annotations count pixels from 0");
  if (options.scores_boxes() && !(options.model.empty() && options.boxes_are_annotated())) {
    throw Error("--metric boxes: runs the person detector only, without --model and --boxes");
  }
  if (options.scores && !options.pck()) throw Error("--scores: only for --metric pck and pckh");
  if (options.detector.given() && !options.boxes_are_detected() && !options.scores_boxes()) {
    throw Error("--detector: only --boxes detect and --metric boxes use a person detector");
  }
}

/// Fills in where people are to be looked for, or the poses if they are given.
void add_places(std::vector<Photo>& photos, const EvaluatedNetworks& networks, const EvaluateOptions& options,
                const CocoFile& file, const KeypointMatch& match) {
  if (!networks.estimator) {
    add_poses(photos, options, file, match);
  } else if (options.oks() && options.boxes_are_annotated() && networks.estimator->finds_several()) {
    for (Photo& photo : photos) photo.everybody = true;
  } else if (options.pck() || options.boxes_are_annotated()) {
    for (Photo& photo : photos) add_annotated(photo, options, match);
  } else if (!options.boxes_are_detected()) {
    add_detections(photos, options, file);
  }
}

/// Says whose boxes they are, and of how many people that count the detector found the box.
void add_detector(Scores& scores, const PersonDetector& detector, const std::vector<Photo>& photos,
                  const CocoFile& file, const EvaluateOptions& options, const KeypointMatch& match) {
  scores.detector = detector.document().name;
  if (options.oks()) return;
  std::size_t found = 0;
  for (const Photo& photo : photos) {
    if (photo.failed) continue;
    for (const PersonBox& place : photo.boxes) {
      const bool counts = size_of(*place.person, labels_of(*place.person, match), file, options, match) > 0;
      found += counts && place.found ? 1 : 0;
    }
  }
  scores.people_found = found;
  scores.notes.push_back(format("Boxes: those that %s found, of %s of %s; the others' keypoints are all wrong.",
                                scores.detector.c_str(), thousands(static_cast<Index>(found)).c_str(),
                                count_of(scores.people, "person", "people").c_str()));
}

int evaluate_poses(const EvaluateOptions& options) {
  const CocoFile file = read_annotations(options);
  std::vector<Photo> photos = photos_of(file, options);
  const EvaluatedNetworks networks =
      open_evaluated_networks(options, make_pool(photos.size(), thread_count(options.threads)));
  const PoseEstimator* const estimator = networks.estimator.get();
  const KeypointMatch match = match_keypoints(file, options, estimator != nullptr ? &estimator->skeleton() : nullptr);
  add_places(photos, networks, options, file, match);
  EvaluateOutputs outputs(options, photos);

  const std::size_t failed = estimator != nullptr ? estimate_all(networks, options, photos) : 0;
  if (outputs.results) write_results(outputs, options, photos, file, match);
  if (const int signal = interrupted()) return interrupt_status(signal);
  Scores scores = options.oks() ? score_oks(photos, options, match) : score_pck(photos, file, options, match);
  const std::string model = estimator != nullptr ? estimator->document().name : "";
  scores.title = title_of(scores, options, model);
  if (networks.detector) add_detector(scores, *networks.detector, photos, file, options, match);
  if (!match.left_out.empty()) {
    scores.notes.push_back("Left out, as the model or COCO's sigmas lack them: " + joined(match.left_out) + ".");
  }
  if (failed > 0) scores.notes.push_back(left_out_photos(failed));
  std::optional<ScoreReport> report;
  if (options.scores) report = report_scores(photos, file, options, match);
  if (options.json != "-") {
    print(scores);
    if (report) print(*report);
  }
  if (outputs.json) {
    nlohmann::ordered_json written = to_json(scores, options, model, failed);
    if (report) written["scores"] = to_json(*report);
    outputs.json.write(written.dump(2) + "\n");
    outputs.json.finish();
  }
  return failed > 0 ? some_failed : all_well;
}

constexpr const char* evaluate_footer =
    "Keypoints are matched by name; those that only the annotations or only the model have\n"
    "do not count. A photo that cannot be read is named, and nobody in it counts.\n"
    "pckh takes the head's size from the annotations' \"headbox\": [x1, y1, x2, y2], and where\n"
    "there are none from head_top to upper_neck.\n\n"
    "With --boxes detect, pck and pckh pair annotated people with detections one to one, the\n"
    "largest intersection over union first and 0.3 at least; the keypoints of people who have\n"
    "no partner count as wrong.\n\n"
    "--scores calls a keypoint absent if it is not labelled, the person has another that is, and\n"
    "it is labelled for anybody in the data set; JSON has every keypoint's table.\n\n"
    "--metric boxes needs images and boxes only, no keypoints. A detection is right from an\n"
    "intersection over union of 0.5 with an annotated box on; smaller people and crowds are\n"
    "neither missed nor wrong to find, nor are smaller detections of nobody. Recall and\n"
    "precision are at the detector's threshold, AP (COCO's) is of all detections from a score\n"
    "of 0.01 on.\n\n"
    "An interrupt (SIGINT, SIGTERM) ends the work after the photos begun: --results has those\n"
    "done, there are no scores, and the exit status is 130 or 143.\n";

/// How a pose is scored.
void add_metric(CLI::App& command, EvaluateOptions& options) {
  command
      .add_option("--metric", options.metric,
                  "pck (default): share of the keypoints that lie within\n"
                  "0.2 of the person's size; pckh: within 0.5 of the\n"
                  "head's; oks: COCO's AP and AR; boxes: recall, precision\n"
                  "and AP of the person detector's boxes, without a model")
      ->check(CLI::IsMember({"pck", "pckh", "oks", "boxes"}))
      ->type_name("METRIC");
  command.add_option("--at", options.at, "Another share than 0.2 for pck or 0.5 for pckh")
      ->check(CLI::PositiveNumber)
      ->type_name("SHARE");
  command
      .add_option("--size", options.size,
                  "A person's size for pck: torso (left shoulder to\n"
                  "right hip), box (its longer side), or torso-or-box\n"
                  "(default: torso, at least 0.3125 of the longer side)")
      ->check(CLI::IsMember({"torso", "box", "torso-or-box"}))
      ->type_name("SIZE");
  command.add_flag("--from-one", options.from_one,
                   "Labels and boxes count pixels from 1, as MPII's do,\n"
                   "not from 0 (pck and pckh)");
  command.add_flag("--scores", options.scores,
                   "Report what the keypoints' scores are worth as well\n"
                   "(pck and pckh): for scores from 0.05 to 0.95, of the\n"
                   "labelled keypoints with at least that the share that is\n"
                   "right, and the shares of all right ones and of all\n"
                   "absent ones that have at least that");
}

/// Where people are looked for.
void add_boxes(CLI::App& command, EvaluateOptions& options) {
  command
      .add_option("--boxes", options.boxes,
                  "gt (default): the annotations' boxes; detect: those of\n"
                  "the person detector; or for oks a FILE of a detector's\n"
                  "results in COCO's format. For oks, a model of several\n"
                  "people looks for everybody instead of gt")
      ->type_name("gt|detect|FILE");
  add_detector_choice(command, options.detector);
  command
      .add_option("--min-height", options.min_height,
                  "boxes: only people at least this share of the photo's\n"
                  "height (default 0.2) are to be found")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("SHARE");
  command.add_option("--min-box-score", options.min_box_score, "Leave out detections with a lower score")
      ->needs("--boxes")
      ->type_name("SCORE");
}

/// Poses read instead of estimated, and what is written.
void add_files(CLI::App& command, EvaluateOptions& options) {
  command
      .add_option("--poses", options.poses,
                  "Run no model: score the poses in FILE, COCO keypoint\n"
                  "results (oks)")
      ->excludes("--model")
      ->excludes("--flip")
      ->excludes("--crop")
      ->excludes("--boxes")
      ->excludes("--images")
      ->type_name("FILE");
  command
      .add_option("--results", options.results,
                  "Write the poses, or with boxes these, to FILE as COCO\n"
                  "results")
      ->excludes("--poses")
      ->type_name("FILE");
  command.add_option("--json", options.json, "Write the scores to FILE; - for stdout")->type_name("FILE");
}

}  // namespace

void add_evaluate(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("evaluate", "Score a model on photos whose keypoints are annotated");
  auto options = std::make_shared<EvaluateOptions>();
  command->add_option("ANNOTATIONS", options->annotations, "Annotations in COCO's keypoint format")
      ->required()
      ->type_name("");
  command
      ->add_option("--images", options->images,
                   "Folder of the photos that the annotations name;\n"
                   "default: the annotations' own")
      ->type_name("DIR");
  add_pose_model(*command, options->model, options->input, options->estimator);
  add_metric(*command, *options);
  add_boxes(*command, *options);
  add_files(*command, *options);
  add_threads(*command, options->threads);
  command->footer([] { return std::string(evaluate_footer); });
  command->callback([options, &status] {
    check(*options);
    status = options->scores_boxes() ? evaluate_boxes(*options) : evaluate_poses(*options);
  });
}

}  // namespace limn::program
