// Which network a command works on: a model file, the default one, or one described on the command line.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include <limn/core/weights.hpp>
#include <limn/estimator/estimator_options.hpp>
#include <limn/model_file/model.hpp>
#include <limn/network/graph.hpp>

#include "detector_choice.hpp"

namespace limn::program {

/// Notes how the program was called; default_model() looks beside it.
void remember_program(const char* argv0);

/// The model file for a command that names none: the one in the environment variable LIMN_MODEL, else in share/limn of
/// where the program is installed, else in the source tree it was built from. Throws Error if there is none.
std::string default_model();

/// Likewise the person detector's: the one in LIMN_DETECTOR, else in the same places.
std::string default_detector();

/// The model file that was chosen, or the default one.
std::string model_file(const std::string& chosen);
std::string detector_file(const DetectorChoice& choice);

/// Weights of the right shapes for any graph, and their memory. Values are random, always the same, and such that
/// nothing overflows: for measuring time, not for poses.
class RandomWeights {
 public:
  explicit RandomWeights(const Graph& graph);
  const Weights& weights() const { return weights_; }

 private:
  std::vector<unsigned char> memory_;
  Weights weights_;
};

/// What the command line says about the network.
struct ModelChoice {
  std::string file;
  std::string network;             ///< "resnet18", ...
  std::optional<Index> keypoints;  ///< absent: as usual for that network
  std::string input;               ///< "HxW"
};

/// Adds --model, which every command has, and returns it; model_file() says which one `file` stands for.
CLI::Option* add_model(CLI::App& command, std::string& file);

/// Adds --model, --network, --keypoints and --input to a command that reads a model and nothing else, which is why the
/// model's file may be given without --model as well.
void add_model_choice(CLI::App& command, ModelChoice& choice);

/// Adds --model, --input, --flip, --flip-shift and --crop to a command that estimates poses.
void add_pose_model(CLI::App& command, std::string& file, std::string& input, EstimatorOptions& options);

/// Adds --detector, --detector-threshold and --detector-input to a command and returns them.
std::vector<CLI::Option*> add_detector_choice(CLI::App& command, DetectorChoice& choice);

/// The detector's model file, or the default one's, open. Throws Error if there is none.
Model open_detector_model(const DetectorChoice& choice);

/// A network that was chosen, with the input's height and width.
struct ChosenNetwork {
  explicit ChosenNetwork(const ModelChoice& choice);

  std::optional<Model> model;  ///< absent if the network is only described
  Graph graph;
  Index height = 256;
  Index width = 256;
  std::string title;
};

}  // namespace limn::program
