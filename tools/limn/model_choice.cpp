#include "model_choice.hpp"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <limn/core/error.hpp>
#include <limn/models/network_description.hpp>

#include "text.hpp"

namespace limn::program {

namespace fs = std::filesystem;

namespace {

fs::path& program_path() {
  static fs::path path;
  return path;
}

/// The file that an environment variable names, else the one of that name in share/limn of where the program is
/// installed, else `in_source_tree`. Throws Error, saying `missing` and where it was looked for, if there is none.
std::string default_file(const char* variable, const fs::path& in_source_tree, const std::string& missing) {
  const char* chosen = std::getenv(variable);
  if (chosen != nullptr && *chosen != '\0') return chosen;
  std::vector<fs::path> places;
  if (!program_path().empty()) {
    places.push_back(program_path().parent_path().parent_path() / "share" / "limn" / in_source_tree.filename());
  }
  places.push_back(in_source_tree);
  std::string tried;
  for (const fs::path& place : places) {
    std::error_code error;
    if (fs::exists(place, error)) return place.string();
    tried += (tried.empty() ? "" : " and ") + place.string();
  }
  throw Error(missing + tried);
}

/// A network that can be named on the command line, with the size of the photos it is usually given.
struct KnownNetwork {
  std::string name;
  std::string title;
  NetworkDescription network;
  Index height;
  Index width;
};

std::vector<KnownNetwork> known_networks() {
  std::vector<KnownNetwork> known;
  for (const int depth : {18, 34, 50, 101, 152}) {
    PoseResNet network;
    network.depth = depth;
    network.keypoints = 16;
    const std::string name = "resnet" + std::to_string(depth);
    known.push_back({name, name + " with 3 deconvolutions", network, 256, 256});
  }
  known.push_back({"pose-resnet18-body", "pose-resnet18-body", CmapPaf(), 224, 224});
  for (const Index width : {32, 48}) {
    HRNet network;
    network.width = width;
    const std::string name = "hrnet-w" + std::to_string(width);
    known.push_back({name, name, network, 256, 192});
  }
  PoseResNet lip;
  lip.depth = 18;
  lip.keypoints = 16;
  lip.deconvs = {{512, 4}, {512, 4}, {512, 4}};
  lip.sigmoid_output = true;
  known.push_back({"lip", "lip (resnet18 with 3 deconvolutions of 512 channels)", lip, 256, 256});
  CenterNet detector;
  detector.depth = 18;
  detector.width = 32;
  detector.deconvs = {{128, 4}, {128, 4}};
  known.push_back({"person-detector", "person-detector", detector, 320, 320});
  return known;
}

std::string known_names() {
  std::string names;
  for (const KnownNetwork& known : known_networks()) names += (names.empty() ? "" : ", ") + known.name;
  return names;
}

/// The network that --network names.
KnownNetwork described_network(const ModelChoice& choice) {
  for (KnownNetwork& known : known_networks()) {
    if (known.name != choice.network) continue;
    if (choice.keypoints) set_keypoint_count(known.network, *choice.keypoints);
    const auto keypoints = static_cast<std::size_t>(keypoint_count(known.network));
    if (!finds_boxes(known.network)) known.title += ", " + count_of(keypoints, "keypoint", "keypoints");
    return known;
  }
  throw Error("--network " + choice.network + ": expected one of " + known_names());
}

}  // namespace

void remember_program(const char* argv0) {
  std::error_code error;
  program_path() = fs::read_symlink("/proc/self/exe", error);  // found by the PATH, argv[0] says nothing; Linux only
  if (error && argv0 != nullptr) program_path() = fs::absolute(argv0, error);
}

std::string default_model() {
  return default_file("LIMN_MODEL", LIMN_DEFAULT_MODEL,
                      "no model: --model FILE or the environment variable LIMN_MODEL names one; the default model was "
                      "looked for at ");
}

std::string default_detector() {
  return default_file("LIMN_DETECTOR", LIMN_DEFAULT_DETECTOR,
                      "no person detector: --detector FILE or the environment variable LIMN_DETECTOR names one, and "
                      "limn estimate --no-detector takes each photo for one person; the default detector was looked "
                      "for at ");
}

std::string model_file(const std::string& chosen) { return chosen.empty() ? default_model() : chosen; }

std::string detector_file(const DetectorChoice& choice) {
  return choice.file.empty() ? default_detector() : choice.file;
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

CLI::Option* add_model(CLI::App& command, std::string& file) {
  return command.add_option("--model", file, "Model file; default: LIMN_MODEL, or the one that comes\nwith limn")
      ->type_name("FILE");
}

void add_model_choice(CLI::App& command, ModelChoice& choice) {
  auto* file = add_model(command, choice.file);
  auto* short_for_file = command.add_option("MODEL", choice.file, "The same as --model MODEL");
  short_for_file->excludes(file)->type_name("");
  auto* network = command.add_option("--network", choice.network,
                                     "Instead of a model: resnet18, resnet34, resnet50,\n"
                                     "resnet101 or resnet152 (with three deconvolutions),\n"
                                     "pose-resnet18-body, hrnet-w32, hrnet-w48, lip or\n"
                                     "person-detector");
  network->excludes(file)->excludes(short_for_file)->type_name("NAME");
  command.add_option("--keypoints", choice.keypoints, "Its number of keypoints (default: as published)")
      ->needs(network)
      ->type_name("N");
  command
      .add_option("--input", choice.input,
                  "Height and width of the input, multiples of 32\npixels; default: the model's, or as published")
      ->type_name("HxW");
}

void add_pose_model(CLI::App& command, std::string& file, std::string& input, EstimatorOptions& options) {
  add_model(command, file);
  command
      .add_option("--input", input,
                  "Height and width of the network's input, multiples of\n"
                  "32 pixels; default: the model's")
      ->type_name("HxW");
  CLI::Option* const flip = command.add_flag("--flip", options.flip,
                                             "Flip test: average with the mirrored photo's heatmaps,\n"
                                             "as most published numbers do; twice the time");
  command
      .add_flag("--flip-shift", options.flip_shift,
                "With --flip: move what was mirrored back right by one\n"
                "cell, as Microsoft's and HRNet's numbers do")
      ->needs(flip);
  command
      .add_option("--crop", options.crop,
                  "Black out what lies outside of a person's box enlarged\n"
                  "by FACTOR, such as neighbours; 0 for nothing. Default:\n"
                  "the model's")
      ->type_name("FACTOR");
}

std::vector<CLI::Option*> add_detector_choice(CLI::App& command, DetectorChoice& choice) {
  CLI::Option* const file = command.add_option("--detector", choice.file,
                                               "Person detector's model file; default: LIMN_DETECTOR,\n"
                                               "or the one that comes with limn");
  CLI::Option* const threshold = command.add_option("--detector-threshold", choice.threshold,
                                                    "Score from which on the detector's boxes are people;\n"
                                                    "default: the model's");
  CLI::Option* const input = command.add_option("--detector-input", choice.input,
                                                "Height and width of the detector's input, multiples of\n"
                                                "32 pixels; default: the model's");
  return {file->type_name("FILE"), threshold->check(CLI::Range(0.0, 1.0))->type_name("SCORE"), input->type_name("HxW")};
}

Model open_detector_model(const DetectorChoice& choice) { return Model::open(detector_file(choice)); }

namespace {

std::optional<Model> open_model(const ModelChoice& choice) {
  if (!choice.network.empty()) return std::nullopt;
  return Model::open(model_file(choice.file));
}

}  // namespace

ChosenNetwork::ChosenNetwork(const ModelChoice& choice)
    : model(open_model(choice)), graph(model ? model->graph() : make_graph(described_network(choice).network)) {
  if (model) {
    title = model->document().name;
    height = model->document().input.height;
    width = model->document().input.width;
  } else {
    const KnownNetwork known = described_network(choice);
    title = known.title;
    height = known.height;
    width = known.width;
  }
  const auto [asked_height, asked_width] = parse_size(choice.input);
  if (asked_height > 0) {
    height = asked_height;
    width = asked_width;
  }
  graph.shapes(height, width);
}

}  // namespace limn::program
