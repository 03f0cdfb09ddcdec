#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include <fcntl.h>
#if defined(_WIN32)
#include <io.h>
#endif

#include <limn/core/version.hpp>

#include "command.hpp"
#include "model_choice.hpp"
#include "text.hpp"

namespace {

void add_commands(CLI::App& app, int& status) {
  app.set_version_flag("--version", "limn " LIMN_VERSION);
  app.require_subcommand(1);
  limn::program::add_estimate(app, status);
  limn::program::add_video(app, status);
  limn::program::add_batch(app, status);
  limn::program::add_info(app, status);
  limn::program::add_verify(app, status);
  limn::program::add_bench(app, status);
  limn::program::add_evaluate(app, status);
  limn::program::add_quantize(app, status);
}

/// Makes sure that no file is opened in the place of stdin, stdout or stderr where they are closed, and then gets what
/// is printed. A closed stdout stays one that cannot be written to. On Windows, that bytes stay as they are.
void prepare_standard_streams() {
#if defined(_WIN32)
  for (int stream = 0; stream <= 1; ++stream) static_cast<void>(_setmode(stream, _O_BINARY));
#else
  for (int stream = 0; stream <= 2; ++stream) {
    if (fcntl(stream, F_GETFD) == -1) static_cast<void>(open("/dev/null", stream == 2 ? O_WRONLY : O_RDONLY));
  }
#endif
}

void print_error(const char* message) { std::fprintf(stderr, "limn: %s\n", message); }

int run(int argc, char** argv) {
  int status = limn::program::all_well;
  try {
    limn::program::remember_program(argv[0]);
    CLI::App app("Finds the poses of people in photos, on the CPU.", "limn");
    app.footer(
        "Exit status: 0 all went well; 1 a photo or a shard could not be done, or a tensor\n"
        "departs from its reference; 2 the command line or the model is wrong, or the JSON or\n"
        "stdout cannot be written; 128 and the signal's number after an interrupt.\n"
        "Errors go to stderr, in lines that begin with \"limn: \".\n\n"
        "A command that needs a model and is told none takes the one that the environment\n"
        "variable LIMN_MODEL names, else the default model that comes with limn; likewise the\n"
        "person detector that LIMN_DETECTOR names, else the default one.");
    add_commands(app, status);
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app.exit(error);  // --help
      print_error((limn::program::printable(error.what()) + " (see limn --help)").c_str());
      return limn::program::cannot_run;
    }
  } catch (const std::bad_alloc&) {
    print_error("not enough memory");
    return limn::program::cannot_run;
  } catch (const std::exception& error) {
    std::fflush(stdout);
    print_error(limn::program::printable(error.what()).c_str());
    return limn::program::cannot_run;
  }
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  prepare_standard_streams();
  const int status = run(argc, argv);
  const bool printed = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  if (printed || (status != limn::program::all_well && status != limn::program::some_failed)) return status;
  print_error("what is printed cannot be written to stdout");
  return limn::program::cannot_run;
}
