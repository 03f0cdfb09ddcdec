#include <cstdio>
#include <exception>
#include <string>

#include "command.hpp"
#include "model_choice.hpp"
#include "text.hpp"

namespace {

void add_commands(CLI::App& app, int& status) {
  app.set_version_flag("--version", "limn " LIMN_VERSION);
  app.require_subcommand(1);
  limn::program::add_estimate(app, status);
  limn::program::add_info(app, status);
  limn::program::add_verify(app, status);
  limn::program::add_bench(app, status);
  limn::program::add_evaluate(app, status);
}

}  // namespace

int main(int argc, char** argv) {
  int status = limn::program::all_well;
  try {
    limn::program::remember_program(argv[0]);
    CLI::App app("Finds the poses of people in photos, on the CPU.", "limn");
    app.footer(
        "Exit status: 0 all went well; 1 a photo could not be done, or a tensor departs from\n"
        "its reference; 2 the command line or the model is wrong, or the JSON cannot be written.\n"
        "Errors go to stderr, in lines that begin with \"limn: \".\n\n"
        "A command that needs a model and is told none takes the one that the environment\n"
        "variable LIMN_MODEL names, else the default model that comes with limn; likewise the\n"
        "person detector that LIMN_DETECTOR names, else the default one.");
    add_commands(app, status);
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app.exit(error);  // --help
      std::fprintf(stderr, "limn: %s (see limn --help)\n", limn::program::printable(error.what()).c_str());
      return limn::program::cannot_run;
    }
  } catch (const std::exception& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "limn: %s\n", limn::program::printable(error.what()).c_str());
    return limn::program::cannot_run;
  }
  return status;
}
