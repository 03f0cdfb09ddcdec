#include "model_choice.hpp"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <limn/core/error.hpp>
#include <limn/models/pose_resnet.hpp>

#include "text.hpp"

namespace limn::program {

namespace fs = std::filesystem;

namespace {

constexpr const char* default_model_name = "pose_resnet18_mpii16_192x192.safetensors";

fs::path& program_path() {
  static fs::path path;
  return path;
}

PoseResNet described_network(const ModelChoice& choice) {
  PoseResNet network;
  network.keypoints = choice.keypoints;
  network.depth = 0;
  const std::string prefix = "resnet";
  for (const int depth : {18, 34, 50, 101, 152}) {
    if (choice.network == prefix + std::to_string(depth)) network.depth = depth;
  }
  if (network.depth == 0) {
    throw Error("--network " + choice.network + ": expected resnet18, resnet34, resnet50, resnet101 or resnet152");
  }
  return network;
}

}  // namespace

void remember_program(const char* argv0) {
  std::error_code error;
  program_path() = fs::read_symlink("/proc/self/exe", error);  // found by the PATH, argv[0] says nothing; Linux only
  if (error && argv0 != nullptr) program_path() = fs::absolute(argv0, error);
}

std::string default_model() {
  const char* chosen = std::getenv("LIMN_MODEL");
  if (chosen != nullptr && *chosen != '\0') return chosen;
  std::vector<fs::path> places;
  if (!program_path().empty()) {
    places.push_back(program_path().parent_path().parent_path() / "share" / "limn" / default_model_name);
  }
#if defined(LIMN_DEFAULT_MODEL)
  places.emplace_back(LIMN_DEFAULT_MODEL);
#endif
  std::string tried;
  for (const fs::path& place : places) {
    std::error_code error;
    if (fs::exists(place, error)) return place.string();
    tried += (tried.empty() ? "" : " and ") + place.string();
  }
  throw Error("no model: name one on the command line or in the environment variable LIMN_MODEL; the default model " +
              std::string("was looked for at ") + tried);
}

RandomWeights::RandomWeights(const Graph& graph) {
  const std::vector<ParameterSpec> specs = graph.parameters();
  std::size_t values = 0;
  for (const ParameterSpec& spec : specs) values += static_cast<std::size_t>(spec.size());
  memory_.resize(values * sizeof(float));

  std::uint32_t state = 1;
  const auto random = [&state] {  // Marsaglia's xorshift, to [-1, 1)
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return static_cast<float>(state >> 8) / 8388608.0F - 1;
  };
  unsigned char* next = memory_.data();
  for (const ParameterSpec& spec : specs) {
    weights_[spec.name] = {DType::f32, spec.shape, next};
    // Kernels are scaled by their inputs (a transposed one's are the outer extent); the rest stays around 0.75.
    const Index area = spec.shape.size() == 4 ? spec.shape[2] * spec.shape[3] : 0;
    const Index inputs = area == 0 ? 0 : (spec.shape[0] + spec.shape[1]) / 2 * area;
    const float scale = inputs > 0 ? std::sqrt(6.0F / static_cast<float>(inputs)) : 0.25F;
    const float middle = inputs > 0 ? 0.0F : 0.75F;
    for (Index i = 0; i < spec.size(); ++i, next += sizeof(float)) {
      const float value = middle + scale * random();
      std::memcpy(next, &value, sizeof(value));
    }
  }
}

void add_model_choice(CLI::App& command, ModelChoice& choice) {
  auto* file =
      command.add_option("MODEL", choice.file, "Model file; the default model if there is neither this\nnor --network");
  file->type_name("");
  auto* network = command.add_option("--network", choice.network,
                                     "Instead of a model: resnet18, resnet34, resnet50,\n"
                                     "resnet101 or resnet152 with three deconvolutions");
  network->excludes(file)->type_name("NAME");
  command.add_option("--keypoints", choice.keypoints, "Its number of keypoints (default 16)")
      ->needs(network)
      ->type_name("N");
  command
      .add_option("--input", choice.input,
                  "Height and width of the input, multiples of 32\npixels; default: the model's, or 256x256")
      ->type_name("HxW");
}

CLI::Option* add_flip(CLI::App& command, bool& flip, bool& flip_shift) {
  CLI::Option* const option = command.add_flag("--flip", flip,
                                               "Flip test: average with the mirrored photo's heatmaps,\n"
                                               "as most published numbers do; twice the time");
  command
      .add_flag("--flip-shift", flip_shift,
                "With --flip: move what was mirrored back right by one\n"
                "cell, as Microsoft's and HRNet's numbers do")
      ->needs(option);
  return option;
}

namespace {

std::optional<Model> open_model(const ModelChoice& choice) {
  if (!choice.network.empty()) return std::nullopt;
  return Model::open(choice.file.empty() ? default_model() : choice.file);
}

}  // namespace

ChosenNetwork::ChosenNetwork(const ModelChoice& choice)
    : model(open_model(choice)), graph(model ? model->graph() : pose_resnet(described_network(choice))) {
  if (model) {
    title = model->document().name;
    height = model->document().input.height;
    width = model->document().input.width;
  } else {
    title = choice.network + " with 3 deconvolutions, " +
            count_of(static_cast<std::size_t>(choice.keypoints), "keypoint", "keypoints");
  }
  const auto [asked_height, asked_width] = parse_size(choice.input);
  if (asked_height > 0) {
    height = asked_height;
    width = asked_width;
  }
  graph.shapes(height, width);
}

}  // namespace limn::program
