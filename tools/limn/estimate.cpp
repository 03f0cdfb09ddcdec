#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <limn/pose/draw_pose.hpp>
#include <limn/pose/pose_json.hpp>

#include "boxes.hpp"
#include "command.hpp"
#include "interrupt.hpp"
#include "model_choice.hpp"
#include "networks.hpp"
#include "output.hpp"
#include "people_json.hpp"
#include "photo_work.hpp"
#include "photos.hpp"
#include "pictures.hpp"
#include "text.hpp"
#include "threads.hpp"

namespace limn::program {

namespace fs = std::filesystem;

namespace {

struct EstimateOptions {
  std::vector<std::string> inputs;
  std::string output;
  std::string json;
  std::string format = "limn";
  std::vector<std::string> boxes;
  std::string box_file;
  double min_box_score = 0;
  std::int64_t box_category = 1;
  NetworksChoice networks;
  int threads = 0;
  DrawOptions draw;
  std::optional<float> threshold;  ///< for draw.threshold; without it, what suits the model
  bool heatmaps = false;
  bool no_pictures = false;
  bool quiet = false;

  bool coco() const { return format == "coco"; }
  JsonKind json_kind() const;
};

/// All that is known about a photo before it is opened.
struct Job {
  std::string file;
  std::string error;         ///< why it cannot be done; empty if it can
  bool boxes_given = false;  ///< whether to look into these boxes only
  PhotoBoxes given;
  bool has_id = false;                ///< whether given.image_id is one
  std::string picture;                ///< to be written; empty for none
  std::vector<std::string> heatmaps;  ///< to be written, one for each person; names for as many as may be found
};

JsonKind EstimateOptions::json_kind() const {
  const bool lines = fs::path(json).extension() == ".jsonl";
  if (lines && coco()) throw Error("--json " + json + ": COCO results are a list, expected another name than .jsonl");
  if (coco()) return JsonKind::coco;
  return lines ? JsonKind::lines : JsonKind::document;
}

/// What came of a photo.
struct Result : PhotoReport {
  std::vector<nlohmann::ordered_json> json;
};

/// "a.jpg -> a_pose.jpg, a_heatmaps.jpg: 1 person, score 0.53"
std::string describe(const Job& job, const std::vector<Pose>& poses, const std::vector<std::string>& written) {
  std::string line = job.file;
  std::string separator = " -> ";
  for (const std::string& name : written) line += std::exchange(separator, ", ") + name;
  if (poses.empty()) return line + (job.boxes_given ? ": no box" : ": nobody");
  line += ": " + count_of(poses.size(), "person", "people") + ", score";
  for (const Pose& pose : poses) line += format(" %.2f", static_cast<double>(pose.score));
  return line;
}

/// The JSON of a photo's people; `found` are their boxes with the detector's scores, or nobody.
nlohmann::ordered_json describe_people(const Job& job, const Image& photo, const std::vector<Pose>& poses,
                                       const std::vector<Detection>& found) {
  nlohmann::ordered_json json = to_json(job.file, photo.width(), photo.height(), poses);
  for (std::size_t i = 0; i < found.size(); ++i) {
    json["poses"][i]["box_score"] = detail::rounded(static_cast<double>(found[i].score), 4);
  }
  return json;
}

void estimate_photo(const Networks& networks, const EstimateOptions& options, const Job& job,
                    PoseEstimator::Workspace& workspace, Result& result) {
  const PoseEstimator& estimator = *networks.estimator;
  Image photo = load_photo(job.file);
  check_size(photo, job.given.width, job.given.height);
  for (const Box& box : job.given.boxes) check_on_photo(box, photo);

  std::vector<std::string> written;
  if (!job.picture.empty()) written.push_back(job.picture);
  const auto save_heatmaps = [&](std::size_t i) {
    if (job.heatmaps.empty()) return;
    save_picture(job.heatmaps[i], draw_heatmaps(photo, workspace.heatmaps(), workspace.photo_from_heatmap()));
    written.push_back(job.heatmaps[i]);
  };
  std::vector<Pose> poses;
  std::vector<Detection> found;
  if (!job.boxes_given && !networks.detector) {
    estimator.estimate_all(photo, workspace, poses);
    save_heatmaps(0);
  } else {
    std::vector<Box> boxes = job.given.boxes;
    if (!job.boxes_given) found = networks.detector->detect(photo);
    for (const Detection& person : found) boxes.push_back(person.box);
    if (job.heatmaps.empty()) {
      estimator.estimate(photo, boxes, workspace, poses);
    } else {  // one by one, since the workspace then holds the heatmaps of the last
      poses.resize(boxes.size());
      for (std::size_t i = 0; i < boxes.size(); ++i) {
        estimator.estimate(photo, boxes[i], workspace, poses[i]);
        save_heatmaps(i);
      }
    }
  }
  if (options.coco()) {
    for (const Pose& pose : poses) {
      result.json.push_back(to_coco_result(pose, job.given.image_id));
      result.json.back()["category_id"] = job.given.category;
    }
  } else {
    result.json.push_back(describe_people(job, photo, poses, found));
  }
  if (!job.picture.empty()) {
    draw_poses(photo, poses, estimator.skeleton(), options.draw);
    save_picture(job.picture, photo);
  }
  result.line = describe(job, poses, written);
}

/// The boxes that the command line gives.
struct GivenBoxes {
  explicit GivenBoxes(const EstimateOptions& options) {
    for (const std::string& text : options.boxes) boxes.push_back(parse_box(text));
    if (!options.box_file.empty()) file.emplace(options.box_file, options.min_box_score, options.box_category);
  }

  bool any() const { return file || !boxes.empty(); }

  std::vector<Box> boxes;  ///< of each photo
  std::optional<BoxFile> file;
};

/// Fills in where the people are and which image this is for COCO.
void find_boxes(Job& job, const EstimateOptions& options, const GivenBoxes& boxes) {
  if (!job.error.empty()) return;
  try {
    job.boxes_given = boxes.any();
    if (boxes.file) {
      if (auto found = boxes.file->find(job.file)) {
        job.given = std::move(*found);
        job.has_id = true;
      }
    } else {
      job.given.boxes = boxes.boxes;
    }
    if (options.coco() && !job.has_id) {
      const auto id = id_in_name(job.file);
      if (!id) {
        throw Error("no image id for COCO results: expected digits at the end of the name" +
                    std::string(boxes.file ? ", or the photo in " + options.box_file : ""));
      }
      job.given.image_id = *id;
      job.has_id = true;
    }
  } catch (const Error& error) {
    job.error = error.what();
  }
}

/// The photos, and where their people are if that is given.
std::vector<Job> find_jobs(const EstimateOptions& options, const GivenBoxes& boxes) {
  const std::vector<PhotoFile> photos = find_photos(options.inputs);
  std::vector<Job> jobs(photos.size());
  bool any_found = false;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].file = photos[i].path;
    jobs[i].error = photos[i].error;
    find_boxes(jobs[i], options, boxes);
    any_found = any_found || !jobs[i].given.boxes.empty();
  }
  if (boxes.file && !any_found) throw Error(options.box_file + ": has no box for any of the photos");
  return jobs;
}

/// Decides what the pictures are called. Where boxes are not given there are `most_people` in a photo at most.
/// They are added to `files`, which has what is read.
void name_pictures(std::vector<Job>& jobs, const EstimateOptions& options, std::size_t most_people, FileSet& files) {
  const bool one_file = has_picture_extension(options.output);
  if (one_file && jobs.size() > 1) {
    throw Error("-o " + options.output + ": expected a folder for " + std::to_string(jobs.size()) + " photos");
  }
  OutputNames names(one_file ? fs::path(options.output).parent_path().string() : options.output, files);
  if (one_file && !options.no_pictures && !names.claim_exactly(options.output)) {
    throw Error("-o " + options.output + ": would overwrite " + *files.find(options.output) +
                ", which this command reads");
  }
  bool any = false;
  for (Job& job : jobs) {
    if (!job.error.empty()) continue;
    const std::size_t people = job.boxes_given ? job.given.boxes.size() : most_people;
    const std::string& namesake = one_file ? options.output : job.file;
    if (people > 0 && !options.no_pictures) job.picture = one_file ? options.output : names.claim(job.file, "_pose");
    if (options.heatmaps) job.heatmaps = names.claim(namesake, "_heatmaps", people);
    any = any || !job.picture.empty() || !job.heatmaps.empty();
  }
  const std::string folder = one_file ? fs::path(options.output).parent_path().string() : options.output;
  if (any && !folder.empty()) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (!fs::is_directory(folder, error)) throw Error("-o " + folder + ": cannot make this folder");
  }
}

/// The number of people that may be found in a photo without boxes whose heatmaps are written.
std::size_t most_people(const Networks& networks) {
  return networks.detector ? static_cast<std::size_t>(networks.detector->document().decoder.center.max_people) : 1;
}

/// The files that the command reads.
FileSet files_read(const std::vector<Job>& jobs, const EstimateOptions& options, const Networks& networks) {
  FileSet files;
  for (const Job& job : jobs) files.insert(job.file);
  for (const std::string& file : {options.box_file, networks.model_file, networks.detector_file}) files.insert(file);
  return files;
}

/// Does all photos; tells the user, and adds them to the JSON, in their order. Returns the exit status.
int do_photos(const Networks& networks, const EstimateOptions& options, int threads, const std::vector<Job>& jobs,
              Output& output, PeopleJson& json) {
  std::vector<std::string> files;
  for (const Job& job : jobs) files.push_back(job.file);
  std::vector<Result> results(jobs.size());
  std::FILE* const lines = options.json == "-" ? stderr : stdout;
  Reporter reporter(std::move(files), options.quiet ? nullptr : lines, !options.quiet, [&](std::size_t i) {
    const Result result = std::move(results[i]);
    if (!output) return;
    for (const nlohmann::ordered_json& entry : result.json) json.add(entry);
    if (!result.error.empty() && !options.coco()) json.add({{"file", jobs[i].file}, {"error", result.error}});
  });
  std::vector<PoseEstimator::Workspace> workspaces = make_workspaces(*networks.estimator, jobs.size(), threads);
  share_out(jobs.size(), threads, [&](std::size_t i, std::size_t worker) {
    results[i].error = jobs[i].error;
    try {
      if (results[i].error.empty()) estimate_photo(networks, options, jobs[i], workspaces[worker], results[i]);
    } catch (const std::exception& error) {
      results[i] = Result();
      results[i].error = reason_of(error, jobs[i].file);
    }
    reporter.finished(i, results[i]);
  });

  const bool cut_short = reporter.count() < jobs.size();
  if (output) json.finish(cut_short);
  const std::size_t failed = reporter.finish();
  if (cut_short) return interrupt_status(interrupted());
  return failed > 0 ? some_failed : all_well;
}

int estimate(EstimateOptions options) {
  const GivenBoxes boxes(options);
  const JsonKind json_kind = options.json_kind();
  std::vector<Job> jobs = find_jobs(options, boxes);
  const int threads = thread_count(options.threads);
  NetworksUse use;
  use.detect = !boxes.any();
  use.one_by_one = options.heatmaps;  // each person's are written
  const Networks networks = open_networks(options.networks, use, make_pool(jobs.size(), threads));
  FileSet used = files_read(jobs, options, networks);
  name_pictures(jobs, options, most_people(networks), used);
  options.draw.threshold = options.threshold.value_or(peak_threshold(networks.estimator->document().decoder));

  defer_interrupts();
  Output output(options.json, "--json", used);
  nlohmann::ordered_json document = {{"model", networks.estimator->document().name}};
  if (networks.detector) document["detector"] = networks.detector->document().name;
  PeopleJson json(output, json_kind, std::move(document));
  return do_photos(networks, options, threads, jobs, output, json);
}

constexpr const char* estimate_footer =
    "No file that is read is ever written to, and what is written replaces an older file when\n"
    "it is complete. Until then the JSON, to which each photo is added as it is done, is in\n"
    "FILE.part (or .part2, ... if there is such a file): after a crash or kill -9 what was done\n"
    "is there. An interrupt (SIGINT, SIGTERM) ends the work after the photos begun, and FILE\n"
    "has those done, and \"interrupted\": true; the exit status is then 130 or 143.\n";

void add_outputs(CLI::App& command, EstimateOptions& options) {
  command
      .add_option("-o,--output", options.output,
                  "Folder for the pictures or, for one photo, the\n"
                  "picture's name; default: NAME_pose.jpg or .png in\n"
                  "the working directory")
      ->type_name("OUT");
  command
      .add_option("--json", options.json,
                  "Write the keypoints to FILE; - for stdout. With .jsonl\n"
                  "at the end of its name: JSON Lines, one photo to a line")
      ->type_name("FILE");
  command
      .add_option("--format", options.format,
                  "What the JSON is: limn (default), or coco for a file\n"
                  "of COCO keypoint results")
      ->check(CLI::IsMember({"limn", "coco"}))
      ->type_name("KIND")
      ->needs("--json");
}

/// Where people are: given, or found by a detector.
void add_boxes(CLI::App& command, EstimateOptions& options) {
  auto* box = command.add_option("--box", options.boxes,
                                 "x,y,width,height of a person in photo pixels; may be\n"
                                 "given several times. Without boxes the person detector\n"
                                 "finds them, unless the model finds several people");
  box->allow_extra_args(false)->type_name("BOX");
  auto* boxes = command.add_option("--boxes", options.box_file,
                                   "Boxes for many photos: COCO annotations or detection\n"
                                   "results; photos that have none there are skipped");
  boxes->excludes(box)->type_name("FILE");
  command.add_option("--min-box-score", options.min_box_score, "Leave out detections with a lower score")
      ->needs("--boxes")
      ->type_name("SCORE");
  command
      .add_option("--box-category", options.box_category,
                  "The category of persons in detection results\n"
                  "(default: 1, as COCO has it)")
      ->needs("--boxes")
      ->type_name("ID");
  auto* no_detector = command.add_flag("--no-detector", options.networks.no_detector,
                                       "Detect nobody: without boxes a model of one person\n"
                                       "takes each photo to show one all over it");
  for (CLI::Option* option : add_detector_choice(command, options.networks.detector)) {
    option->excludes(box)->excludes(boxes)->excludes(no_detector);
  }
}

void add_pictures(CLI::App& command, EstimateOptions& options) {
  command.add_flag("--heatmaps", options.heatmaps,
                   "Write the grid of all keypoints' heatmaps as well:\n"
                   "NAME_heatmaps.jpg or .png, one for each person");
  command.add_flag("--no-pictures", options.no_pictures, "Do not write pictures of the poses");
  command
      .add_option("--threshold", options.threshold,
                  "Draw keypoints from this score on; default: the\n"
                  "model's")
      ->type_name("SCORE");
}

}  // namespace

void add_estimate(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("estimate", "Find the pose in each photo; draw it and write it as JSON");
  auto options = std::make_shared<EstimateOptions>();
  command->add_option("PHOTO", options->inputs, "Photos (JPEG, PNG, BMP), or folders of them")
      ->required()
      ->type_name("");
  add_outputs(*command, *options);
  add_boxes(*command, *options);
  add_pictures(*command, *options);
  add_pose_model(*command, options->networks.model, options->networks.input, options->networks.estimator);
  add_threads(*command, options->threads);
  command->add_flag("-q,--quiet", options->quiet, "Print errors only");
  command->footer([] { return std::string(estimate_footer); });
  command->callback([options, &status] { status = estimate(*options); });
}

}  // namespace limn::program
