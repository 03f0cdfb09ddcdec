#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <limn/core/file.hpp>
#include <limn/core/version.hpp>
#include <limn/pose/pose_json.hpp>

#include "batch_input.hpp"
#include "batch_output.hpp"
#include "batch_work.hpp"
#include "command.hpp"
#include "interrupt.hpp"
#include "model_choice.hpp"
#include "networks.hpp"
#include "photo_work.hpp"
#include "sha256.hpp"
#include "text.hpp"
#include "threads.hpp"

namespace limn::program {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::ordered_json;

struct BatchOptions {
  std::vector<std::string> inputs;
  StdinKind stdin_kind = StdinKind::lines;
  std::string output = "-";
  std::size_t block = 1000;
  std::string shard;
  bool resume = false;
  NetworksChoice networks;
  int threads = 0;
  bool times = false;
};

/// What the answers say of the networks, and of all that decides what the answers are.
struct Provenance {
  Provenance(const Networks& networks, const EstimatorOptions& options) {
    const ModelDocument& model = networks.estimator->document();
    const std::string hash = hash_of(networks.model_file);
    identity["model"] = short_form(hash);
    description = {{"limn", LIMN_VERSION}, {"model", {{"name", model.name}, {"sha256", hash}}}};
    description["input"] = size_of(model);
    description["flip"] = options.flip;
    description["flip_shift"] = options.flip_shift;
    description["crop"] = model.input.crop;
    if (!networks.detector) return;
    const ModelDocument& detector = networks.detector->document();
    const std::string detector_hash = hash_of(networks.detector_file);
    identity["detector"] = short_form(detector_hash);
    description["detector"] = {{"name", detector.name},
                               {"sha256", detector_hash},
                               {"input", size_of(detector)},
                               {"threshold", detail::rounded(detector.decoder.center.threshold, 6)}};
  }

  BatchIdentity identity;
  Json description;

 private:
  static std::string hash_of(const std::string& file) {
    const auto bytes = detail::read_file(file);
    return sha256(bytes.data(), bytes.size());
  }

  /// Enough to tell models apart.
  static std::string short_form(const std::string& hash) { return hash.substr(0, 16); }

  static Json size_of(const ModelDocument& document) {
    return {{"width", document.input.width}, {"height", document.input.height}};
  }
};

/// Throws Error unless the inputs can be told apart in the output.
void check_inputs(const BatchOptions& options, bool to_folder) {
  std::set<std::string> names;
  std::size_t shards = 0;
  std::size_t streams = 0;
  for (const std::string& input : options.inputs) {
    streams += input == "-" ? 1 : 0;
    if (!is_shard(input, options.stdin_kind)) continue;
    ++shards;
    if (to_folder && !names.insert(fs::path(input).stem().string()).second) {
      throw Error(input + ": another shard of this name goes to the same file in " + options.output);
    }
  }
  if (streams > 1) throw Error("-: expected stdin once");
  if (to_folder && shards > 0 && shards < options.inputs.size()) {
    throw Error("-o " + options.output + ": expected shards only or none, found both");
  }
}

/// Hands out the photos, in the units in which their answers belong together.
class Questions {
 public:
  Questions(const BatchOptions& options, const BatchIdentity& identity, BatchOutput& output, BatchWork& work)
      : options_(options), identity_(identity), output_(output), work_(work) {}

  /// Asks all of them, until there is a reason to stop.
  void ask() {
    if (!output_.is_folder()) begin("");
    for (const std::string& input : options_.inputs) {
      if (stopped()) return;
      ask_all_of(input);
    }
    if (stopped()) return;
    end();
  }

  /// Shards that could not be opened, of which nothing is written.
  std::size_t unopened() const { return unopened_; }

 private:
  bool stopped() { return interrupted() != 0 || work_.failed(); }

  void ask_all_of(const std::string& input) {
    const bool own_unit = output_.is_folder() && is_shard(input, options_.stdin_kind);
    if (own_unit) {
      begin(input == "-" ? "stdin" : fs::path(input).stem().string());
      if (!unit_) return;
    }
    std::unique_ptr<BatchSource> source;
    try {
      source = open_source(input, options_.stdin_kind);
    } catch (const Error& error) {
      std::fprintf(stderr, "limn: %s\n", printable(error.what()).c_str());
      ++unopened_;
      if (own_unit) unit_.reset();
      return;
    }
    BatchItem item;
    while (!stopped() && source->next(item)) {
      if (output_.is_folder() && !own_unit) count_into_blocks();
      if (unit_) ask_for(*source, item);
    }
    if (own_unit && !stopped()) end();
  }

  void ask_for(BatchSource& source, BatchItem& item) {
    BatchTask task;
    task.unit = unit_;
    if (auto old = unit_->take_old(item.key, identity_)) {
      task.line = std::move(old->line);
      task.old = true;
      item.error = std::move(old->error);
    } else if (item.error.empty()) {
      source.load(item);
    }
    if (interrupted() != 0) return;  // bytes, or the name, may have ended for that
    task.item = std::move(item);
    work_.add(std::move(task));
  }

  void count_into_blocks() {
    if (in_block_++ % options_.block != 0) return;
    end();
    begin(format("%06zu", block_++));
  }

  void begin(const std::string& name) { unit_ = output_.begin(name); }

  void end() {
    if (!unit_) return;
    BatchTask task;
    task.unit = std::move(unit_);
    task.last = true;
    work_.add(std::move(task));
  }

  const BatchOptions& options_;
  const BatchIdentity& identity_;
  BatchOutput& output_;
  BatchWork& work_;
  std::shared_ptr<BatchUnit> unit_;
  std::size_t in_block_ = 0;
  std::size_t block_ = 0;
  std::size_t unopened_ = 0;
};

/// "1000 photos, 1532 people, 62.1 s: 16.1 photos/s", and what the threads did in that time.
void print_times(const BatchWork& work, double seconds, int threads) {
  const BatchCounts& counts = work.counts();
  const auto done = static_cast<double>(counts.photos - counts.old);
  std::fprintf(stderr, "limn: %s, %s, %.1f s: %.2f photos/s, %.2f for each of %s\n",
               count_of(static_cast<std::size_t>(counts.photos), "photo", "photos").c_str(),
               count_of(static_cast<std::size_t>(counts.people), "person", "people").c_str(), seconds, done / seconds,
               done / seconds / threads, count_of(static_cast<std::size_t>(threads), "thread", "threads").c_str());
  const BatchTimes times = work.times();
  const double all = seconds * threads / 100;
  std::fprintf(stderr,
               "limn: decode %.1f %%, detect %.1f %%, pose %.1f %%, JSON %.1f %%, write %.1f %%, wait %.1f %% of the "
               "threads' time\n",
               times.decode / all, times.detect / all, times.pose / all, times.json / all, times.write / all,
               times.wait / all);
}

int batch(BatchOptions options) {
  if (options.inputs.empty()) options.inputs.emplace_back("-");
  const BatchShare share = options.shard.empty() ? BatchShare() : parse_share(options.shard);
  options.threads = thread_count(options.threads);
  const Networks networks = open_networks(options.networks, {}, make_pool(2, options.threads));
  Provenance made_by(networks, options.networks.estimator);
  FileSet used;
  used.insert(networks.model_file);
  used.insert(networks.detector_file);
  for (const std::string& input : options.inputs) used.insert(input == "-" ? "" : input);
  BatchOutput output(options.output, share, options.resume, std::move(used));
  check_inputs(options, output.is_folder());
  const bool shards = is_shard(options.inputs.front(), options.stdin_kind);
  if (!shards) made_by.description["block"] = options.block;
  output.check_made_by(made_by.description);

  defer_interrupts();
  const auto start = std::chrono::steady_clock::now();
  BatchWork work({*networks.estimator, networks.detector.get(), made_by.identity}, options.threads);
  Questions questions(options, made_by.identity, output, work);
  questions.ask();
  work.finish();
  if (options.times) {
    print_times(work, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), options.threads);
  }
  if (const int signal = interrupted()) {
    std::fprintf(stderr, "limn: interrupted after %s\n",
                 count_of(static_cast<std::size_t>(work.counts().photos), "photo", "photos").c_str());
    return interrupt_status(signal);
  }
  return work.counts().failed > 0 || questions.unopened() > 0 ? some_failed : all_well;
}

constexpr const char* batch_footer =
    "IN: a folder (and the folders in it), a tar shard (NAME.tar, as WebDataset has them), a\n"
    "list of requests (NAME.jsonl), a photo, or - for stdin, which is read if there is no IN.\n"
    "A request is {\"file\": PATH, \"key\": KEY, \"boxes\": [[x, y, width, height], ...]}, only\n"
    "the file being needed. Photos and requests on stdin are answered as they come.\n\n"
    "For each photo one line of JSON, in their order: {\"key\", \"status\": \"ok\", \"width\",\n"
    "\"height\", \"people\", \"model\", \"detector\"}, or \"status\": \"error\" and \"error\". The key is\n"
    "the request's, else the path, in a shard the name without its ending; people are as\n"
    "`limn estimate --json` writes them; model and detector are the first 16 digits of their\n"
    "files' SHA-256.\n\n"
    "Into a folder (-o FOLDER) go a file for each shard, NAME.jsonl, or for every --block\n"
    "photos, 000000.jsonl and so on. A file that is there is whole; it is skipped when the\n"
    "same is run again. What was done of the others is in NAME.jsonl.part, with which\n"
    "--resume goes on. Processes that share the work have the same arguments, but each its\n"
    "own --shard. FOLDER/batch.json says what the answers were made with; nothing else is\n"
    "added to them.\n";

void add_work(CLI::App& command, BatchOptions& options) {
  const std::map<std::string, StdinKind> kinds = {
      {"lines", StdinKind::lines}, {"nul", StdinKind::nul}, {"jsonl", StdinKind::jsonl}, {"tar", StdinKind::tar}};
  command
      .add_option("--stdin", options.stdin_kind,
                  "What stdin is: lines (default; a path in each), nul (a\n"
                  "path before each zero byte), jsonl (requests) or tar")
      ->transform(CLI::CheckedTransformer(kinds).description(""))
      ->type_name("KIND");
  command
      .add_option("-o,--output", options.output,
                  "Where the answers go: - for stdout (default), a file\n"
                  "NAME.jsonl, or a folder")
      ->type_name("OUT");
  command.add_option("--block", options.block, "Photos to a file of the folder")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{1000000000}))
      ->type_name("N");
  command
      .add_option("--shard", options.shard,
                  "Do the files numbered I, I + N, ... only, I from 0 to\n"
                  "N - 1: the share of one of N processes")
      ->type_name("I/N");
  command.add_flag("--resume", options.resume, "Go on where an unfinished run has ended");
}

}  // namespace

void add_batch(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("batch", "Find the poses in very many photos: JSON Lines, shards, workers");
  auto options = std::make_shared<BatchOptions>();
  command->add_option("IN", options->inputs, "Photos, folders, shards, lists of requests; see below")->type_name("");
  add_work(*command, *options);
  auto* no_detector = command->add_flag("--no-detector", options->networks.no_detector,
                                        "Detect nobody: without boxes a model of one person takes\n"
                                        "each photo to show one all over it");
  for (CLI::Option* option : add_detector_choice(*command, options->networks.detector)) option->excludes(no_detector);
  add_pose_model(*command, options->networks.model, options->networks.input, options->networks.estimator);
  add_threads(*command, options->threads);
  command->add_flag("--times", options->times, "Print how fast it was, and what the stages took");
  command->footer([] { return std::string(batch_footer); });
  command->callback([options, &status] { status = batch(*options); });
}

}  // namespace limn::program
