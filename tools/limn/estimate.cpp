#include <cstdio>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <limn/image/io.hpp>
#include <limn/pose/draw_pose.hpp>
#include <limn/pose/json.hpp>

#include "boxes.hpp"
#include "command.hpp"
#include "engine.hpp"
#include "model_choice.hpp"
#include "photo_work.hpp"
#include "photos.hpp"
#include "text.hpp"

namespace limn::program {

namespace fs = std::filesystem;

namespace {

struct Options {
  std::vector<std::string> inputs;
  std::string output;
  std::string json;
  std::string format = "limn";
  std::vector<std::string> boxes;
  std::string box_file;
  double min_box_score = 0;
  std::string model;
  std::string input;
  int threads = 0;
  EstimatorOptions estimator;  ///< flip test and crop
  DrawOptions draw;
  std::optional<float> threshold;  ///< for draw.threshold; without it, what suits the model
  bool heatmaps = false;
  bool no_pictures = false;
  bool quiet = false;

  bool coco() const { return format == "coco"; }
};

/// All that is known about a photo before it is opened.
struct Job {
  std::string file;
  std::string error;                  ///< why it cannot be done; empty if it can
  bool whole_photo = true;            ///< everybody in the photo, or one person, whose box it is
  PhotoBoxes given;                   ///< else these
  bool has_id = false;                ///< whether given.image_id is one
  std::string picture;                ///< to be written; empty for none
  std::vector<std::string> heatmaps;  ///< one for each person
};

/// What came of a photo.
struct Result : PhotoReport {
  std::vector<nlohmann::ordered_json> json;
};

/// "a.jpg -> a_pose.jpg, a_heatmaps.jpg: 1 person, score 0.53"
std::string describe(const Job& job, const std::vector<Pose>& poses) {
  std::string line = job.file;
  std::string separator = " -> ";
  std::vector<std::string> written = job.heatmaps;
  if (!job.picture.empty()) written.insert(written.begin(), job.picture);
  for (const std::string& name : written) line += std::exchange(separator, ", ") + name;
  if (poses.empty()) return line + (job.whole_photo ? ": nobody" : ": no box");
  line += ": " + count_of(poses.size(), "person", "people") + ", score";
  for (const Pose& pose : poses) line += format(" %.2f", static_cast<double>(pose.score));
  return line;
}

void estimate_photo(const PoseEstimator& estimator, const Options& options, const Job& job,
                    PoseEstimator::Workspace& workspace, Result& result) {
  Image photo = load_image(job.file);
  const std::vector<Box>& boxes = job.given.boxes;
  check_size(photo, job.given.width, job.given.height);
  for (const Box& box : boxes) check_on_photo(box, photo);

  const auto save_heatmaps = [&](std::size_t i) {
    if (job.heatmaps.empty()) return;
    save_image(job.heatmaps[i], draw_heatmaps(photo, workspace.heatmaps(), workspace.photo_from_heatmap()));
  };
  std::vector<Pose> poses(boxes.size());
  if (job.whole_photo) {
    estimator.estimate_all(photo, workspace, poses);
    save_heatmaps(0);
  } else {
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      estimator.estimate(photo, boxes[i], workspace, poses[i]);
      save_heatmaps(i);
    }
  }
  if (options.coco()) {
    for (const Pose& pose : poses) result.json.push_back(to_coco_result(pose, job.given.image_id));
  } else {
    result.json.push_back(to_json(job.file, photo.width(), photo.height(), poses));
  }
  if (!job.picture.empty()) {
    draw_poses(photo, poses, estimator.skeleton(), options.draw);
    save_image(job.picture, photo);
  }
  result.line = describe(job, poses);
}

/// Fills in where the people are and which image this is for COCO.
void find_boxes(Job& job, const Options& options, const std::vector<Box>& boxes, const BoxFile* box_file) {
  if (!job.error.empty()) return;
  try {
    if (box_file != nullptr) {
      job.whole_photo = false;
      if (auto found = box_file->find(job.file)) {
        job.given = std::move(*found);
        job.has_id = true;
      }
    } else if (!boxes.empty()) {
      job.whole_photo = false;
      job.given.boxes = boxes;
    }
    if (options.coco() && !job.has_id) {
      const auto id = id_in_name(job.file);
      if (!id) {
        throw Error("no image id for COCO results: expected digits at the end of the name" +
                    std::string(box_file != nullptr ? ", or the photo in " + options.box_file : ""));
      }
      job.given.image_id = *id;
      job.has_id = true;
    }
  } catch (const Error& error) {
    job.error = error.what();
  }
}

/// Decides what the pictures are called.
void name_pictures(std::vector<Job>& jobs, const std::vector<PhotoFile>& photos, const Options& options) {
  const bool one_file = has_picture_extension(options.output);
  if (one_file && jobs.size() > 1) {
    throw Error("-o " + options.output + ": expected a folder for " + std::to_string(jobs.size()) + " photos");
  }
  OutputNames names(one_file ? fs::path(options.output).parent_path().string() : options.output, photos);
  if (one_file && !options.no_pictures && !names.claim_exactly(options.output)) {
    throw Error("-o " + options.output + ": would overwrite the photo");
  }
  bool any = false;
  for (Job& job : jobs) {
    if (!job.error.empty()) continue;
    const std::size_t people = job.whole_photo ? 1 : job.given.boxes.size();
    const std::string& namesake = one_file ? options.output : job.file;
    if (people > 0 && !options.no_pictures) job.picture = one_file ? options.output : names.claim(job.file, "_pose");
    for (std::size_t i = 0; options.heatmaps && i < people; ++i) {
      job.heatmaps.push_back(names.claim(namesake, "_heatmaps"));
    }
    any = any || !job.picture.empty() || !job.heatmaps.empty();
  }
  const std::string folder = one_file ? fs::path(options.output).parent_path().string() : options.output;
  if (any && !folder.empty()) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (!fs::is_directory(folder, error)) throw Error("-o " + folder + ": cannot make this folder");
  }
}

/// {"model": NAME, "photos": [...]}, or COCO's list of results, one to a line.
void write_json(std::FILE* file, const Options& options, const ModelDocument& document, const std::vector<Job>& jobs,
                std::vector<Result>& results) {
  using nlohmann::ordered_json;
  constexpr auto any_name = ordered_json::error_handler_t::replace;  // file names need not be UTF-8
  std::string text;
  if (options.coco()) {
    for (const Result& result : results) {
      for (const ordered_json& entry : result.json) text += (text.empty() ? "" : ",\n") + entry.dump();
    }
    text = "[" + text + "]\n";
  } else {
    ordered_json all;
    all["model"] = document.name;
    all["photos"] = ordered_json::array();
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      for (ordered_json& photo : results[i].json) all["photos"].push_back(std::move(photo));
      if (!results[i].error.empty()) all["photos"].push_back({{"file", jobs[i].file}, {"error", results[i].error}});
    }
    text = all.dump(2, ' ', false, any_name) + "\n";
  }
  write_output(file, options.json, text);
}

int estimate(Options options) {
  std::vector<Box> boxes;
  for (const std::string& text : options.boxes) boxes.push_back(parse_box(text));
  std::optional<BoxFile> box_file;
  if (!options.box_file.empty()) box_file.emplace(options.box_file, options.min_box_score);

  const std::vector<PhotoFile> photos = find_photos(options.inputs);
  std::vector<Job> jobs(photos.size());
  bool any_found = false;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].file = photos[i].path;
    jobs[i].error = photos[i].error;
    find_boxes(jobs[i], options, boxes, box_file ? &*box_file : nullptr);
    any_found = any_found || !jobs[i].given.boxes.empty();
  }
  if (box_file && !any_found) throw Error(options.box_file + ": has no box for any of the photos");
  name_pictures(jobs, photos, options);

  // One photo is shared by the threads, several are shared out among them.
  const int threads = thread_count(options.threads);
  EstimatorOptions estimator_options = options.estimator;
  estimator_options.threads = jobs.size() == 1 ? threads : 1;
  std::tie(estimator_options.input_height, estimator_options.input_width) = parse_size(options.input);
  const auto made = make_estimator(options.model.empty() ? default_model() : options.model, estimator_options);
  const PoseEstimator& estimator = *made;
  // What the part affinity decoder found is above its own threshold.
  if (estimator.finds_several()) options.draw.threshold = estimator.document().decoder.part_affinity.cmap_threshold;
  if (options.threshold) options.draw.threshold = *options.threshold;

  std::FILE* json = open_output(options.json);

  std::vector<Result> results(jobs.size());
  std::vector<std::string> files;
  for (const Job& job : jobs) files.push_back(job.file);
  std::FILE* const lines = options.json == "-" ? stderr : stdout;
  Reporter reporter(std::move(files), options.quiet ? nullptr : lines, !options.quiet);
  share_out(estimator, jobs.size(), threads, [&](std::size_t i, PoseEstimator::Workspace& workspace) {
    results[i].error = jobs[i].error;
    try {
      if (results[i].error.empty()) estimate_photo(estimator, options, jobs[i], workspace, results[i]);
    } catch (const std::exception& error) {
      results[i] = Result();
      results[i].error = without_name(error.what(), jobs[i].file);
    }
    reporter.finished(i, results[i]);
  });

  if (json != nullptr) write_json(json, options, estimator.document(), jobs, results);
  const std::size_t failed = reporter.finish();
  return failed > 0 ? some_failed : all_well;
}

}  // namespace

void add_estimate(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("estimate", "Find the pose in each photo; draw it and write it as JSON");
  auto options = std::make_shared<Options>();
  command->add_option("PHOTO", options->inputs, "Photos (JPEG, PNG, BMP), or folders of them")
      ->required()
      ->type_name("");
  command
      ->add_option("-o,--output", options->output,
                   "Folder for the pictures or, for one photo, the\n"
                   "picture's name; default: NAME_pose.jpg or .png in\n"
                   "the working directory")
      ->type_name("OUT");
  command->add_option("--json", options->json, "Write the keypoints to FILE; - for stdout")->type_name("FILE");
  command
      ->add_option("--format", options->format,
                   "What the JSON is: limn (default), or coco for a file\n"
                   "of COCO keypoint results")
      ->check(CLI::IsMember({"limn", "coco"}))
      ->type_name("KIND")
      ->needs("--json");
  auto* box = command->add_option("--box", options->boxes,
                                  "x,y,width,height of a person in photo pixels; may be\n"
                                  "given several times. Without boxes a model of one\n"
                                  "person takes each photo to show one all over it");
  box->allow_extra_args(false)->type_name("BOX");
  command
      ->add_option("--boxes", options->box_file,
                   "Boxes for many photos: COCO annotations or detection\n"
                   "results; photos that have none there are skipped")
      ->excludes(box)
      ->type_name("FILE");
  command->add_option("--min-box-score", options->min_box_score, "Leave out detections with a lower score")
      ->needs("--boxes")
      ->type_name("SCORE");
  command->add_flag("--heatmaps", options->heatmaps,
                    "Write the grid of all keypoints' heatmaps as well:\n"
                    "NAME_heatmaps.jpg or .png, one for each person");
  command->add_flag("--no-pictures", options->no_pictures, "Do not write pictures of the poses");
  command
      ->add_option("--threshold", options->threshold,
                   format("Draw keypoints from this score on (default %.2f, or\n"
                          "what the model's part affinity decoder goes by)",
                          static_cast<double>(options->draw.threshold)))
      ->type_name("SCORE");
  command
      ->add_option("--threads", options->threads,
                   "Threads in all; default: as many as the machine has\n"
                   "processors. Several photos are done at the same time,\n"
                   "one is shared")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  command->add_option("--model", options->model, "Model file")->type_name("FILE");
  command
      ->add_option("--input", options->input,
                   "Height and width of the network's input, multiples of\n"
                   "32 pixels; default: the model's")
      ->type_name("HxW");
  add_flip(*command, options->estimator);
  add_crop(*command, options->estimator);
  command->add_flag("-q,--quiet", options->quiet, "Print errors only");
  command->callback([options, &status] { status = estimate(*options); });
}

}  // namespace limn::program
