// The threads that share a command's work: --threads, the same in every command that has it.
#pragma once

#include <CLI/CLI.hpp>

namespace limn::program {

/// Adds --threads to a command. `threads` stays as it is, 0 for the default, where the command line does not say.
void add_threads(CLI::App& command, int& threads);

/// Threads for the user's wish, 0 for as many as the machine has processors.
int thread_count(int wish);

}  // namespace limn::program
