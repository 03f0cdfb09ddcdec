#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#if !defined(_WIN32)
#include <unistd.h>
#endif

#include <limn/track/video_estimator.hpp>

#include "command.hpp"
#include "engine.hpp"
#include "film_address.hpp"
#include "film_overlay.hpp"
#include "film_records.hpp"
#include "film_sink.hpp"
#include "film_source.hpp"
#include "interrupt.hpp"
#include "model_choice.hpp"
#include "networks.hpp"
#include "photo_work.hpp"
#include "text.hpp"
#include "threads.hpp"

namespace limn::program {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

namespace {

struct FilmOptions {
  std::vector<std::string> inputs;
  std::string output;
  RecordNames records;
  std::string overlay = "links,keypoints,id";
  bool no_smoothing = false;
  bool no_tracking = false;
  SmoothingOptions smoothing;
  TrackerOptions tracker;
  NextBoxOptions boxes;
  std::optional<float> threshold;
  FilmSourceOptions source;
  std::optional<bool> latest;
  bool no_audio = false;
  NetworksChoice networks;
  int threads = 0;
  bool times = false;
  bool quiet = false;
};

/// Seconds that the stages of the work took.
struct StageTimes {
  double wait = 0;      ///< for the next frame: decoding goes on meanwhile
  double estimate = 0;  ///< detector, poses, tracking
  double write = 0;     ///< records, drawing
  double encode = 0;    ///< waiting to hand a frame over: encoding goes on meanwhile
  std::int64_t detections = 0;
};

struct FilmWork {
  FilmAddress address;
  std::string name;    ///< of the film, for what is made of it
  std::string output;  ///< empty for none
  RecordNames records;
};

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

/// Where each film's results go. Of several films, -o and the records are folders.
std::vector<FilmWork> plan_work(const FilmOptions& options) {
  std::vector<FilmWork> all;
  std::set<std::string> names;
  const bool several = options.inputs.size() > 1;
  for (const std::string& input : options.inputs) {
    FilmWork work;
    work.address = parse_film_address(input);
    work.name =
        work.address.kind == FilmAddress::Kind::standard_input ? "stdin" : fs::path(work.address.text).stem().string();
    if (work.name.empty()) work.name = fs::path(work.address.text).parent_path().filename().string();
    work.name.erase(std::remove(work.name.begin(), work.name.end(), '%'), work.name.end());
    if (work.name.empty() || work.name == "." || work.name == "..") work.name = "film";
    const std::string stem = work.name;
    for (int number = 2; !names.insert(work.name).second; ++number) work.name = stem + "_" + std::to_string(number);
    const auto place = [&](const std::string& given, const std::string& ending) {
      if (given.empty() || !several) return given;
      if (given == "-") throw Error("expected a folder for what is made of several films, found -");
      return (fs::path(given) / (work.name + ending)).string();
    };
    work.output = place(options.output, work.address.kind == FilmAddress::Kind::file ? "_pose.mp4" : "_pose");
    work.records.json = place(options.records.json, ".jsonl");
    work.records.csv = place(options.records.csv, ".csv");
    work.records.posetrack = place(options.records.posetrack, ".json");
    work.records.openpose = place(options.records.openpose, "");
    all.push_back(std::move(work));
  }
  if (several) {
    for (const std::string& folder :
         {options.output, options.records.json, options.records.csv, options.records.posetrack}) {
      std::error_code error;
      if (folder.empty()) continue;
      if (has_film_extension(folder)) throw Error(folder + ": expected a folder for several films");
      fs::create_directories(folder, error);
      if (!fs::is_directory(folder, error)) throw Error(folder + ": cannot make this folder");
    }
  }
  return all;
}

VideoOptions video_options(const FilmOptions& options, const PoseEstimator& estimator) {
  VideoOptions video = VideoOptions::of(estimator);
  video.boxes.detect_every = options.boxes.detect_every;
  video.tracker.memory = options.tracker.memory;
  video.smoothing->min_cutoff = options.smoothing.min_cutoff;
  video.smoothing->beta = options.smoothing.beta;
  if (options.no_smoothing) video.smoothing.reset();
  return video;
}

/// Shows how far the work is, on a terminal.
class Progress {
 public:
  Progress(bool quiet, std::int64_t frames) : frames_(frames) {
#if defined(_WIN32)
    shown_ = false;
    static_cast<void>(quiet);
#else
    shown_ = !quiet && isatty(2) != 0;
#endif
  }
  ~Progress() {
    if (any_) std::fputs("\r\033[K", stderr);
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void tell(std::int64_t done) {
    const Clock::time_point now = Clock::now();
    if (!shown_ || seconds_between(last_, now) < 0.2) return;
    last_ = now;
    const double rate = static_cast<double>(done) / (std::max)(1e-9, seconds_between(start_, now));
    std::string text = "\r\033[Klimn: frame " + thousands(done);
    if (frames_ >= done && frames_ > 0) {
      const int width = 20;
      const auto full = static_cast<std::size_t>(static_cast<double>(done) / static_cast<double>(frames_) * width);
      const auto left = static_cast<long>(static_cast<double>(frames_ - done) / rate);
      text += " of " + thousands(frames_) + " [" + std::string(full, '#') + std::string(width - full, ' ') + "]" +
              format(" %.1f frames/s, %ld:%02ld left", rate, left / 60, left % 60);
    } else {
      text += format(" %.1f frames/s", rate);
    }
    std::fputs(text.c_str(), stderr);
    any_ = true;
  }

 private:
  std::int64_t frames_;
  bool shown_;
  bool any_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

void print_times(const StageTimes& times, std::int64_t frames) {
  Table table({"stage", "ms/frame"});
  const auto add = [&](const char* name, double seconds) {
    table.add({name, format("%.2f", 1000 * seconds / static_cast<double>((std::max)(frames, std::int64_t{1})))});
  };
  add("wait for decoding", times.wait);
  add("detector, poses, tracks", times.estimate);
  add("draw, records", times.write);
  add("wait for encoding", times.encode);
  table.print();
}

/// Does one film. Returns the exit status.
int do_film(const FilmWork& work, const FilmOptions& options, const std::shared_ptr<const PoseEstimator>& estimator,
            FileSet& files) {
  FilmSourceOptions source_options = options.source;
  source_options.latest = options.latest.value_or(work.address.live());
  files.insert(work.address.text);
  if (!work.output.empty()) {
    if (const std::string* const read = files.find(work.output)) {
      throw Error("-o " + work.output + ": would overwrite " + *read + ", which this command reads or writes");
    }
  }
  FilmSource source(work.address, source_options);
  const std::vector<std::unique_ptr<FilmRecord>> records =
      make_film_records(work.records, estimator->skeleton(), work.name, files);
  std::unique_ptr<FilmSink> sink;
  const bool audio = work.address.kind == FilmAddress::Kind::file && source.facts().has_audio && !options.no_audio;
  if (!work.output.empty()) {
    FilmOrigin origin;
    origin.rate = (source.facts().rate > 0 ? source.facts().rate : 30) / static_cast<double>(options.source.every);
    if (audio) origin.audio = work.address.text;
    origin.start = options.source.start;
    sink = std::make_unique<FilmSink>(work.output, origin);
  }
  VideoEstimator video(estimator, video_options(options, *estimator));
  DrawOptions draw;
  draw.threshold = options.threshold.value_or(peak_threshold(estimator->document().decoder));
  FilmPainter painter(parse_overlay(options.overlay), draw);

  StageTimes times;
  std::set<std::int64_t> ids;
  std::int64_t frames = 0;
  std::int64_t most_id = 0;
  std::string failure;
  double last_time = 0;
  Progress progress(options.quiet, source.facts().frames);
  const Clock::time_point begin = Clock::now();
  try {
    for (;;) {
      const Clock::time_point waiting = Clock::now();
      std::optional<Frame> frame = source.next();
      if (!frame || interrupted() != 0) break;
      const Clock::time_point there = Clock::now();
      const std::vector<TrackedPose>* people = &video.next(frame->picture, frame->time);
      std::vector<TrackedPose> untracked;
      if (options.no_tracking) {
        untracked = *people;
        for (std::size_t i = 0; i < untracked.size(); ++i) untracked[i].id = static_cast<std::int64_t>(i) + 1;
        people = &untracked;
      }
      const Clock::time_point estimated = Clock::now();
      for (const TrackedPose& person : *people) most_id = (std::max)(most_id, person.id);
      for (const std::unique_ptr<FilmRecord>& record : records) record->add(*frame, *people);
      last_time = frame->time;
      if (sink) painter.paint(frame->picture, frame->time, *people, estimator->skeleton());
      const Clock::time_point written = Clock::now();
      if (sink) sink->add(std::move(*frame));
      ++frames;
      times.wait += seconds_between(waiting, there);
      times.estimate += seconds_between(there, estimated);
      times.write += seconds_between(estimated, written);
      times.encode += seconds_between(written, Clock::now());
      times.detections += video.detected() ? 1 : 0;
      progress.tell(frames);
    }
  } catch (const std::exception& error) {
    failure = text_of(error);
  }
  // Whatever happened, what was done is kept.
  for (const std::unique_ptr<FilmRecord>& record : records) {
    try {
      record->finish();
    } catch (const std::exception& error) {
      if (failure.empty()) failure = text_of(error);
    }
  }
  if (sink) {
    try {
      sink->finish();
    } catch (const std::exception& error) {
      if (failure.empty()) failure = text_of(error);
    }
  }
  if (!failure.empty()) throw Error(failure);

  const double seconds = seconds_between(begin, Clock::now());
  const std::vector<std::string> complaints = source.complaints();
  for (const std::string& complaint : complaints) {
    std::fprintf(stderr, "limn: %s\n", printable(work.address.text + ": " + complaint).c_str());
  }
  if (interrupted() == 0 && frames == 0) {
    std::fprintf(stderr, "limn: %s: no frame could be read\n", printable(work.address.text).c_str());
    return some_failed;
  }
  if (sink && audio && !sink->has_sound() && has_film_extension(work.output)) {
    std::fprintf(stderr, "limn: %s: its sound could not be copied\n", printable(work.output).c_str());
  }
  if (!options.quiet) {
    std::FILE* const lines =
        work.records.json == "-" || work.records.csv == "-" || work.records.posetrack == "-" ? stderr : stdout;
    std::string line = work.address.text + ": " + count_of(static_cast<std::size_t>(frames), "frame", "frames") +
                       format(" (%.2f s)", last_time - options.source.start);
    if (!options.no_tracking) {
      line += ", " + count_of(static_cast<std::size_t>(most_id), "person", "people");
    }
    line += format(", %.1f frames/s", static_cast<double>(frames) / (std::max)(1e-9, seconds));
    if (source.dropped() > 0) {
      line += ", " + count_of(static_cast<std::size_t>(source.dropped()), "frame", "frames") + " dropped";
    }
    if (!work.output.empty()) line += " -> " + work.output;
    std::fprintf(lines, "%s\n", printable(line).c_str());
    if (options.times && lines == stdout) print_times(times, frames);
  }
  if (interrupted() != 0) return interrupt_status(interrupted());
  return complaints.empty() ? all_well : some_failed;
}

int video(const FilmOptions& options) {
  const std::vector<FilmWork> works = plan_work(options);
  parse_overlay(options.overlay);
  const int threads = thread_count(options.threads);
  FileSet files;
  NetworksUse use;
  use.estimator_detects = true;
  const Networks networks = open_networks(options.networks, use, make_pool(1, threads));
  files.insert(networks.model_file);
  files.insert(networks.detector_file);
  const std::shared_ptr<const PoseEstimator>& estimator = networks.estimator;
  defer_interrupts();
  if (works.size() == 1) return do_film(works.front(), options, estimator, files);
  int status = all_well;
  for (const FilmWork& work : works) {
    try {
      status = (std::max)(status, do_film(work, options, estimator, files));
    } catch (const std::exception& error) {
      std::fprintf(stderr, "limn: %s\n", printable(text_of(error)).c_str());
      status = (std::max)(status, some_failed);
    }
    if (interrupted() != 0) return interrupt_status(interrupted());
  }
  return status;
}

constexpr const char* video_footer =
    "IN is a film, a folder of pictures or numbered ones (img_%i.jpg), a camera (/dev/video0 or\n"
    "v4l2:///dev/video0), a stream (rtsp://...) or - for a film on stdin. Films are read and\n"
    "written by ffmpeg, which must be on PATH. OUT is a film (.mp4, .mov, .mkv, .webm, .avi,\n"
    ".gif) with the sound of the one it is made of, or a folder of JPEG files. Times are the\n"
    "frames' own, in seconds; a new film has a constant rate and shows each frame at its time.\n"
    "An interrupt (SIGINT, SIGTERM) ends the new film and the records properly. The exit status\n"
    "is 1 if a film is damaged or ends early; what was done until then is kept.\n";

void add_records(CLI::App& command, FilmOptions& options) {
  command.add_option("-o,--output", options.output, "The film, or folder for frames, to be drawn; default: none")
      ->type_name("OUT");
  command.add_option("--json", options.records.json, "Write JSON Lines, one for each frame; - for stdout")
      ->type_name("FILE");
  command.add_option("--csv", options.records.csv, "Write a table, one row for each person in each frame")
      ->type_name("FILE");
  command.add_option("--openpose", options.records.openpose, "Write OpenPose's JSON, one file for each frame")
      ->type_name("FOLDER");
  command.add_option("--posetrack", options.records.posetrack, "Write one JSON file of PoseTrack's form")
      ->type_name("FILE");
}

void add_following(CLI::App& command, FilmOptions& options) {
  command
      .add_option("--overlay", options.overlay,
                  "What is drawn: some of links,keypoints,box,id,trail, or\n"
                  "none (default: links,keypoints,id)")
      ->type_name("LIST");
  command.add_option("--threshold", options.threshold, "Draw keypoints from this score on; default: the model's")
      ->type_name("SCORE");
  command.add_flag(
      "--smooth,!--no-smooth", [&options](std::int64_t given) { options.no_smoothing = given < 0; },
      "Take the tremble out of poses (default), or do not");
  command
      .add_option("--smooth-cutoff", options.smoothing.min_cutoff,
                  "Hz below which somebody at rest is followed; lower is\n"
                  "calmer")
      ->capture_default_str()
      ->type_name("HZ");
  command
      .add_option("--smooth-beta", options.smoothing.beta,
                  "By how many Hz that rises for each size of the person a\n"
                  "second; higher lags less")
      ->capture_default_str()
      ->type_name("HZ");
  command.add_flag(
      "--track,!--no-track", [&options](std::int64_t given) { options.no_tracking = given < 0; },
      "Give people ids that stay theirs (default), or number\n"
      "them anew in each frame");
  command
      .add_option("--track-memory", options.tracker.memory, "Seconds for which somebody who is not seen is remembered")
      ->capture_default_str()
      ->type_name("S");
  command
      .add_option("--detect-every", options.boxes.detect_every,
                  "Ask the person detector every so many frames; people are\n"
                  "followed in between")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000))
      ->type_name("N");
}

void add_source(CLI::App& command, FilmOptions& options) {
  const CLI::Range seconds(0.0, 1e9);
  command.add_option("--start", options.source.start, "Begin so many seconds into the film")
      ->check(seconds)
      ->type_name("S");
  command.add_option("--duration", options.source.duration, "Read so many seconds of it")
      ->check(CLI::PositiveNumber)
      ->check(seconds)
      ->type_name("S");
  command.add_option("--every", options.source.every, "Take every so many frames only")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1000000}))
      ->type_name("N");
  command
      .add_option("--rate", options.source.rate,
                  "Frames a second of pictures (default: 30), or that a\n"
                  "camera is asked for")
      ->check(CLI::Range(0.01, 1000.0))
      ->type_name("HZ");
  command.add_flag(
      "--latest,!--no-latest", [&options](std::int64_t given) { options.latest = given > 0; },
      "Drop frames rather than lag (default for cameras and\n"
      "streams only)");
  command.add_flag("--no-audio", options.no_audio, "Do not copy the sound");
}

}  // namespace

void add_video(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("video", "Follow the people in films and before cameras");
  auto options = std::make_shared<FilmOptions>();
  command->add_option("IN", options->inputs, "Films, cameras, folders of pictures; see below")
      ->required()
      ->type_name("");
  add_records(*command, *options);
  add_following(*command, *options);
  add_source(*command, *options);
  auto* no_detector = command->add_flag("--no-detector", options->networks.no_detector,
                                        "Detect nobody: a model of one person takes each frame to\n"
                                        "show one all over it");
  for (CLI::Option* option : add_detector_choice(*command, options->networks.detector)) option->excludes(no_detector);
  add_pose_model(*command, options->networks.model, options->networks.input, options->networks.estimator);
  add_threads(*command, options->threads);
  command->add_flag("--times", options->times, "Print what the stages took");
  command->add_flag("-q,--quiet", options->quiet, "Print errors only");
  command->footer([] { return std::string(video_footer); });
  command->callback([options, &status] { status = video(*options); });
}

}  // namespace limn::program
