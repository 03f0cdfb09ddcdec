#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include <limn/engine/simd/kernels.hpp>

#include "command.hpp"
#include "engine.hpp"
#include "model_choice.hpp"
#include "target.hpp"
#include "text.hpp"
#include "threads.hpp"

namespace limn::program {

namespace {

using Clock = std::chrono::steady_clock;

struct BenchOptions {
  ModelChoice choice;
  int threads = 0;
  int runs = 50;
  int batch = 1;
  bool layers = false;
  bool json = false;
  std::string target;
  std::string feed;
  std::string result;
};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 != 0) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

/// What the threads can do at most, in operations per second: the best of some short measurements. `bytes`: whether the
/// operations are those of 8-bit layers.
double measure_peak(const detail::KernelTable& kernels, const ThreadPool& pool, bool bytes) {
  constexpr Index rounds = 1000000;
  const int multiply_adds =
      bytes ? kernels.bytes.multiply_adds_per_round : (kernels.register_count - 4) * kernels.vector_size;
  const double operations = 2.0 * multiply_adds * static_cast<double>(rounds);
  volatile float factor = 0.5F;  // known to nobody before the program runs
  volatile float sink = 0;
  double best = 0;
  for (int repetition = 0; repetition < 10; ++repetition) {
    std::vector<float> results(static_cast<std::size_t>(pool.threads()));
    const float f = factor;
    const auto start = Clock::now();
    pool.parallel_for(pool.threads(), [&](Index i) {
      float& result = results[static_cast<std::size_t>(i)];
      if (bytes) {
        result =
            static_cast<float>(kernels.bytes.multiply_add_in_registers(rounds, static_cast<std::int32_t>(2 * f), 3));
      } else {
        result = kernels.multiply_add_in_registers(rounds, f, 0.25F);
      }
    });
    best = (std::max)(best, operations * pool.threads() / seconds_since(start));
    for (const float result : results) sink = sink + result;
  }
  return best;
}

/// One feature map as PyTorch and ONNX have it, [C, H, W]: limn's own have the channels innermost.
using PlanarMap = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Reads a feature map of that shape from a file of little-endian floats. Throws Error if the file has another size.
PlanarMap read_map(const std::string& name, const Shape& shape) {
  std::ifstream file(name, std::ios::binary);
  if (!file) throw Error(name + ": cannot read this file");
  PlanarMap values(shape.channels, shape.pixels());
  const auto bytes = static_cast<std::streamsize>(values.size() * static_cast<Index>(sizeof(float)));
  file.read(reinterpret_cast<char*>(values.data()), bytes);
  if (file.gcount() != bytes || file.peek() != std::ifstream::traits_type::eof()) {
    throw Error(name + ": expected " + std::to_string(bytes) + " bytes, the " + to_string(shape) +
                " floats of the network's input");
  }
  return values;
}

/// Writes the network's outputs one after another, as read_map reads them.
void write_outputs(const std::string& name, const Plan& plan, const Plan::Workspace& workspace) {
  std::ofstream file(name, std::ios::binary);
  for (std::size_t i = 0; i < plan.output_count(); ++i) {
    const PlanarMap values = workspace.output(i);
    const auto bytes = static_cast<std::streamsize>(values.size() * static_cast<Index>(sizeof(float)));
    file.write(reinterpret_cast<const char*>(values.data()), bytes);
  }
  file.close();
  if (!file) throw Error(name + ": cannot write this file");
}

/// What was measured, in seconds and operations per second.
struct Measurement {
  std::vector<double> times;       ///< of whole runs, for each image of the batch
  std::vector<double> step_times;  ///< medians, if wanted
  double multiply_adds = 0;
  double peak = 0;
  bool bytes = false;  ///< whether the network has 8-bit layers, and the peak is theirs

  double rate() const { return 2 * multiply_adds / median(times); }
  double shortest() const { return *std::min_element(times.begin(), times.end()); }
  double longest() const { return *std::max_element(times.begin(), times.end()); }
};

Measurement measure(const BenchOptions& options, const ChosenNetwork& network, const Plan& plan,
                    const ThreadPool& pool) {
  Plan::Workspace workspace = plan.make_workspace();
  PlanarMap input = PlanarMap::Random(plan.input_shape().channels, plan.input_shape().pixels());
  if (!options.feed.empty()) input = read_map(options.feed, plan.input_shape());

  Measurement measured;
  constexpr int warm_up = 3;
  for (int i = -warm_up; i < options.runs; ++i) {
    for (Index image = 0; image < plan.batch(); ++image) workspace.input(image) = input;  // a run may overwrite it
    const auto start = Clock::now();
    plan.run(workspace, plan.batch());
    if (i >= 0) measured.times.push_back(seconds_since(start) / static_cast<double>(plan.batch()));
  }
  if (!options.result.empty()) write_outputs(options.result, plan, workspace);
  measured.bytes = network.model && network.model->document().precision;
  measured.peak = measure_peak(detail::kernels_of(plan.target()), pool, measured.bytes);
  for (const Plan::StepInfo& info : plan.steps()) measured.multiply_adds += static_cast<double>(info.multiply_adds);
  if (!options.layers) return measured;

  std::vector<std::vector<double>> step_times(plan.steps().size());
  for (int i = 0; i < options.runs; ++i) {
    workspace.input() = input;
    auto start = Clock::now();
    plan.run(workspace, [&](std::size_t step, const auto&) {
      step_times[step].push_back(seconds_since(start));
      start = Clock::now();
    });
  }
  for (const auto& step : step_times) measured.step_times.push_back(median(step));
  return measured;
}

void print_layers(const Plan& plan, const Measurement& measured) {
  double total = 0;
  for (const double time : measured.step_times) total += time;
  Table table({"Step", "Method", "Output", "ms", "Time", measured.bytes ? "GOP/s" : "GFLOP/s", "Peak"});
  table.left_align(1);
  for (std::size_t i = 0; i < measured.step_times.size(); ++i) {
    const Plan::StepInfo& info = plan.steps()[i];
    const double time = measured.step_times[i];
    const double rate = 2.0 * static_cast<double>(info.multiply_adds) / time;
    const bool counts = info.multiply_adds > 0;
    table.add({info.first == info.last ? info.first : info.first + " ... " + info.last, info.method,
               to_string(info.output), format("%.3f", 1e3 * time), format("%.1f %%", 100 * time / total),
               counts ? format("%.1f", rate / 1e9) : "", counts ? format("%.0f %%", 100 * rate / measured.peak) : ""});
  }
  table.print();
}

void print_json(const ChosenNetwork& network, const BenchOptions& options, const Plan& plan,
                const Measurement& measured) {
  nlohmann::ordered_json json;
  json["network"] = network.title;
  json["input"] = {{"height", network.height}, {"width", network.width}};
  json["threads"] = options.threads;
  json["target"] = to_string(plan.target());
  json["batch"] = options.batch;
  for (const double time : measured.times) json["milliseconds"].push_back(1e3 * time);
  json["median_milliseconds"] = 1e3 * median(measured.times);
  json["multiply_adds"] = measured.multiply_adds;
  json["gflops"] = measured.rate() / 1e9;
  json["peak_gflops"] = measured.peak / 1e9;
  json["weight_bytes"] = plan.weight_bytes();
  json["workspace_bytes"] = plan.make_workspace().size_in_bytes();
  for (std::size_t i = 0; i < measured.step_times.size(); ++i) {
    const Plan::StepInfo& info = plan.steps()[i];
    json["layers"].push_back({{"first", info.first},
                              {"last", info.last},
                              {"method", info.method},
                              {"output", {info.output.channels, info.output.height, info.output.width}},
                              {"multiply_adds", info.multiply_adds},
                              {"milliseconds", 1e3 * measured.step_times[i]}});
  }
  std::printf("%s\n", json.dump(2).c_str());
}

void print_text(const ChosenNetwork& network, const BenchOptions& options, const Plan& plan,
                const Measurement& measured) {
  std::printf("%s, input %tdx%td, %s, %s, %s, %s\n", printable(network.title).c_str(), network.height, network.width,
              count_of(static_cast<std::size_t>(options.threads), "thread", "threads").c_str(),
              measured.bytes ? "int8" : "fp32", count_of(measured.times.size(), "run", "runs").c_str(),
              to_string(plan.target()));
  const std::string images = options.batch == 1 ? "" : ", for each of " + std::to_string(options.batch) + " images";
  std::printf("ms        median %.2f, min %.2f, max %.2f%s\n", 1e3 * median(measured.times), 1e3 * measured.shortest(),
              1e3 * measured.longest(), images.c_str());
  std::printf("%s   %.1f of %.1f that multiply-adds in registers reach now (%.0f %%), for %.3f direct %s\n",
              measured.bytes ? "GOP/s  " : "GFLOP/s", measured.rate() / 1e9, measured.peak / 1e9,
              100 * measured.rate() / measured.peak, 2 * measured.multiply_adds / 1e9,
              measured.bytes ? "GOP" : "GFLOP");
  std::printf("memory    %s bytes of weights, %s bytes of workspace\n", thousands(plan.weight_bytes()).c_str(),
              thousands(plan.make_workspace().size_in_bytes()).c_str());
  if (options.layers) print_layers(plan, measured);
}

void bench(BenchOptions options) {
  options.threads = thread_count(options.threads);
  const ChosenNetwork network(options.choice);
  std::unique_ptr<RandomWeights> random;
  if (!network.model) random = std::make_unique<RandomWeights>(network.graph);
  const Weights& weights = random ? random->weights() : network.model->weights();
  const auto pool = std::make_shared<const ThreadPool>(options.threads);
  const auto plan = make_plan(network.graph, weights, network.height, network.width, pool, options.batch,
                              wanted_target(options.target));
  const Measurement measured = measure(options, network, *plan, *pool);
  (options.json ? print_json : print_text)(network, options, *plan, measured);
}

}  // namespace

void add_bench(CLI::App& app, int& status) {
  CLI::App* command =
      app.add_subcommand("bench", "Measure how long a network takes, without reading or drawing photos");
  auto options = std::make_shared<BenchOptions>();
  add_model_choice(*command, options->choice);
  add_threads(*command, options->threads);
  add_target(*command, options->target);
  command->add_option("--runs", options->runs, "Runs to take the median of (default 50)")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  CLI::Option* batch = command
                           ->add_option("--batch", options->batch,
                                        "Images in one run (default 1); the times are for each\n"
                                        "of them")
                           ->check(CLI::PositiveNumber)
                           ->type_name("N");
  command
      ->add_flag("--layers", options->layers,
                 "Show every step as well: method, time, and speed as a\n"
                 "share of what the processor can do; not with --batch,\n"
                 "which runs some steps for all images and some for each")
      ->excludes(batch);
  command->add_flag("--json", options->json, "Print one JSON object instead");
  command
      ->add_option("--feed", options->feed,
                   "File of little-endian floats, planes x height x width,\n"
                   "to give to the network instead of random numbers")
      ->type_name("FILE");
  command
      ->add_option("--result", options->result,
                   "Write what the network puts out, in the same way; for\n"
                   "comparing with other programs (tools/benchmark.py)")
      ->type_name("FILE");
  command->footer([] {
    return std::string(
        "Two operations are counted for each multiply-add of the layers' definition, whatever\n"
        "the method: a method that needs fewer can exceed the processor's peak.\n");
  });
  command->callback([options, &status] {
    bench(*options);
    status = all_well;
  });
}

}  // namespace limn::program
