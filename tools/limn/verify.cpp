#include <memory>
#include <string>

#include <limn/core/error.hpp>
#include <limn/model_file/model.hpp>

#include "command.hpp"
#include "model_choice.hpp"
#include "target.hpp"
#include "text.hpp"
#include "threads.hpp"
#include "verify_options.hpp"

namespace limn::program {

namespace {

int verify(const VerifyOptions& options) {
  const Model model = Model::open(model_file(options.model));
  const Safetensors reference = Safetensors::open(options.reference);
  if (reference.metadata().count("limn") > 0) {
    if (options.photos.empty()) {
      throw Error(options.reference + ": a model is compared with on photos: expected --photo PHOTO..., found none");
    }
    return verify_with_model(options, model, Model::open(options.reference));
  }
  if (!options.photos.empty() || options.snr) {
    throw Error(options.reference + ": expected a model for " + (options.snr ? "--snr" : "--photo") +
                ", found tensors without the metadata entry \"limn\"");
  }
  return verify_with_tensors(options, model, reference);
}

}  // namespace

void add_verify(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand(
      "verify", "Compare what a model computes with tensors of another program, or with another model");
  auto options = std::make_shared<VerifyOptions>();
  command
      ->add_option("REFERENCE", options->reference,
                   "safetensors file: the tensor \"input\" and any of those\n"
                   "that the network makes of it, named after their\n"
                   "layers or outputs (conv1, layer1.0, heatmaps), NCHW;\n"
                   "tests/reference/generate.py --network makes one.\n"
                   "Or the float model that an 8-bit one was made of")
      ->required()
      ->type_name("");
  add_model(*command, options->model);
  command
      ->add_option("--photo", options->photos,
                   "With a float model: photos, or folders of them, each of\n"
                   "which both networks are given as a whole")
      ->type_name("PHOTO");
  command
      ->add_option("--snr", options->snr,
                   "With a float model: the least signal-to-noise ratio of a\n"
                   "map, 10 log10(sum f^2 / sum (f - q)^2) over all photos\n"
                   "for float values f and real values q of the 8-bit ones\n"
                   "(default " +
                       format("%g", default_snr) + ")")
      ->type_name("DB");
  command
      ->add_option("--tolerance", options->tolerance,
                   "Largest difference that is allowed, as a share of the\n"
                   "reference tensor's largest magnitude (default 1e-4)")
      ->check(CLI::NonNegativeNumber)
      ->type_name("T");
  command->add_flag("--engine", options->engine,
                    "Check the fast engine as well as the plain layers,\n"
                    "where layers are not fused; its 8-bit maps have to be\n"
                    "the same as theirs. Its work is shared by the threads;\n"
                    "plain layers are computed by one");
  add_threads(*command, options->threads);
  add_target(*command, options->target);
  command->callback([options, &status] { status = verify(*options); });
}

}  // namespace limn::program
