#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <limn/engine/micro_kernel.hpp>

#include "command.hpp"
#include "engine.hpp"
#include "model_choice.hpp"
#include "text.hpp"

namespace limn::program {

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  ModelChoice choice;
  int threads = 1;
  int runs = 50;
  bool layers = false;
};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 != 0) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

/// Independent chains of multiply-adds in registers: enough of them to hide the latency of each. Returns a value that
/// depends on all, so that none is left out.
float multiply_add_in_registers(Index rounds, float factor, float summand) {
  using namespace Eigen::internal;
  using detail::Packet;
  constexpr int chains = detail::register_count - 4;
  const Packet a = pset1<Packet>(factor);
  const Packet b = pset1<Packet>(summand);
  Packet sums[chains];
  detail::unroll<chains>([&](auto i) LIMN_INLINE_LAMBDA { sums[i] = b; });
  for (Index round = 0; round < rounds; ++round) {
    detail::unroll<chains>([&](auto i) LIMN_INLINE_LAMBDA { sums[i] = pmadd(sums[i], a, b); });
  }
  Packet sum = sums[0];
  for (int i = 1; i < chains; ++i) sum = padd(sum, sums[i]);
  return predux(sum);
}

/// What the threads can do at most, in operations per second: the best of some short measurements.
double measure_peak(const ThreadPool& pool) {
  constexpr Index rounds = 1000000;
  constexpr double operations = 2.0 * (detail::register_count - 4) * detail::packet_size * static_cast<double>(rounds);
  volatile float factor = 0.5F;  // known to nobody before the program runs
  volatile float sink = 0;
  double best = 0;
  for (int repetition = 0; repetition < 10; ++repetition) {
    std::vector<float> results(static_cast<std::size_t>(pool.threads()));
    const float f = factor;
    const auto start = Clock::now();
    pool.parallel_for(pool.threads(), [&](Index i) {
      results[static_cast<std::size_t>(i)] = multiply_add_in_registers(rounds, f, 0.25F);
    });
    best = (std::max)(best, operations * pool.threads() / seconds_since(start));
    for (const float result : results) sink = sink + result;
  }
  return best;
}

void print_layers(const Plan& plan, const std::vector<std::vector<double>>& times, double peak) {
  double total = 0;
  std::vector<double> medians;
  for (const auto& step : times) {
    medians.push_back(median(step));
    total += medians.back();
  }
  Table table({"Step", "Method", "Output", "ms", "Time", "GFLOP/s", "Peak"});
  table.left_align(1);
  for (std::size_t i = 0; i < medians.size(); ++i) {
    const Plan::StepInfo& info = plan.steps()[i];
    const double rate = 2.0 * static_cast<double>(info.multiply_adds) / medians[i];
    const bool counts = info.multiply_adds > 0;
    table.add({info.first == info.last ? info.first : info.first + " ... " + info.last, info.method,
               to_string(info.output), format("%.3f", 1e3 * medians[i]), format("%.1f %%", 100 * medians[i] / total),
               counts ? format("%.1f", rate / 1e9) : "", counts ? format("%.0f %%", 100 * rate / peak) : ""});
  }
  table.print();
}

void bench(const Options& options) {
  const ChosenNetwork network(options.choice);
  std::unique_ptr<RandomWeights> random;
  if (!network.model) random = std::make_unique<RandomWeights>(network.graph);
  const Weights& weights = random ? random->weights() : network.model->weights();
  const auto pool = std::make_shared<const ThreadPool>(options.threads);
  const auto made = make_plan(network.graph, weights, network.height, network.width, pool);
  const Plan& plan = *made;
  Plan::Workspace workspace = plan.make_workspace();
  workspace.input().setRandom();

  for (int i = 0; i < 3; ++i) plan.run(workspace);
  std::vector<double> times;
  for (int i = 0; i < options.runs; ++i) {
    const auto start = Clock::now();
    plan.run(workspace);
    times.push_back(seconds_since(start));
  }
  const double peak = measure_peak(*pool);

  double multiply_adds = 0;
  for (const Plan::StepInfo& info : plan.steps()) multiply_adds += static_cast<double>(info.multiply_adds);
  const double typical = median(times);
  const double rate = 2 * multiply_adds / typical;
  std::printf("%s, input %tdx%td, %s, fp32, %s\n", network.title.c_str(), network.height, network.width,
              count_of(static_cast<std::size_t>(options.threads), "thread", "threads").c_str(),
              count_of(times.size(), "run", "runs").c_str());
  std::printf("ms        median %.2f, min %.2f, max %.2f\n", 1e3 * typical,
              1e3 * *std::min_element(times.begin(), times.end()), 1e3 * *std::max_element(times.begin(), times.end()));
  std::printf("GFLOP/s   %.1f of %.1f that multiply-adds in registers reach now (%.0f %%), for %.3f direct GFLOP\n",
              rate / 1e9, peak / 1e9, 100 * rate / peak, 2 * multiply_adds / 1e9);
  std::printf("memory    %s bytes of weights, %s bytes of workspace\n", thousands(plan.weight_bytes()).c_str(),
              thousands(workspace.size_in_bytes()).c_str());
  if (!options.layers) return;

  std::vector<std::vector<double>> step_times(plan.steps().size());
  for (int i = 0; i < options.runs; ++i) {
    auto start = Clock::now();
    plan.run(workspace, [&](std::size_t step, const auto&) {
      step_times[step].push_back(seconds_since(start));
      start = Clock::now();
    });
  }
  print_layers(plan, step_times, peak);
}

}  // namespace

void add_bench(CLI::App& app, int& status) {
  CLI::App* command =
      app.add_subcommand("bench", "Measure how long a network takes, without reading or drawing photos");
  auto options = std::make_shared<Options>();
  add_model_choice(*command, options->choice);
  command->add_option("--threads", options->threads, "Threads that share the work (default 1)")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  command->add_option("--runs", options->runs, "Runs to take the median of (default 50)")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  command->add_flag("--layers", options->layers,
                    "Show every step as well: method, time, and speed as a\n"
                    "share of what the processor can do");
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
