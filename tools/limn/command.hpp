// The subcommands of the limn program. Each function adds one to the command line; where that one is given, it runs
// while the command line is read, and leaves the exit status in `status`.
#pragma once

#include <CLI/CLI.hpp>

namespace limn::program {

/// What the program tells by its exit status.
constexpr int all_well = 0;
constexpr int some_failed = 1;  ///< a photo or a shard could not be done, or a tensor departs from its reference
constexpr int cannot_run = 2;   ///< the command line or the model is wrong, or the JSON or stdout cannot be written

void add_estimate(CLI::App& app, int& status);
void add_info(CLI::App& app, int& status);
void add_verify(CLI::App& app, int& status);
void add_batch(CLI::App& app, int& status);
void add_bench(CLI::App& app, int& status);
void add_evaluate(CLI::App& app, int& status);
void add_quantize(CLI::App& app, int& status);
void add_video(CLI::App& app, int& status);

}  // namespace limn::program
