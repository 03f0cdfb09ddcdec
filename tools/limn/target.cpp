#include "target.hpp"

namespace limn::program {

void add_target(CLI::App& command, std::string& target) {
  command
      .add_option("--target", target,
                  "Instruction set to run on, of those here:\n" + detail::target_names() + "; default: the first")
      ->type_name("NAME");
}

std::optional<Target> wanted_target(const std::string& name) {
  if (name.empty()) return {};
  return target_named(name);
}

}  // namespace limn::program
