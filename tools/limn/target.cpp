#include "target.hpp"

namespace limn::program {

void add_target(CLI::App& command, std::string& target) {
  // The same text on every processor: manual pages and completions are made of it, for others as well.
  command
      .add_option("--target", target,
                  "Instruction set to run on, one that the processor has\nof: " +
                      detail::names_of(detail::compiled_targets()) + ";\ndefault: the best")
      ->type_name("NAME");
}

std::optional<Target> wanted_target(const std::string& name) {
  if (name.empty()) return {};
  return target_named(name);
}

}  // namespace limn::program
