// The instruction set that the engine runs on: --target, the same in every command that has it.
#pragma once

#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include <limn/engine/simd/target.hpp>

namespace limn::program {

/// Adds --target to a command. `target` stays as it is, empty for the best, where the command line does not say.
void add_target(CLI::App& command, std::string& target);

/// The target of that name; none for an empty one. Throws Error if this processor does not run it.
std::optional<Target> wanted_target(const std::string& name);

}  // namespace limn::program
