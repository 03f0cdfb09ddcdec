#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <limn/model_file/model.hpp>
#include <limn/model_file/safetensors_writer.hpp>
#include <limn/quantization/calibration.hpp>
#include <limn/quantization/loss.hpp>
#include <limn/quantization/put_back.hpp>
#include <limn/quantization/quantizer.hpp>

#include "calibration_photos.hpp"
#include "command.hpp"
#include "document_json.hpp"
#include "engine.hpp"
#include "interrupt.hpp"
#include "model_choice.hpp"
#include "output.hpp"
#include "photos.hpp"
#include "quantize_report.hpp"
#include "text.hpp"
#include "threads.hpp"

namespace limn::program {

namespace fs = std::filesystem;

namespace {

struct QuantizeOptions {
  std::string model;
  CalibrationOptions calibration;
  std::string output;
  std::vector<std::string> kept;
  std::optional<double> max_loss;
  std::string json;
  int threads = 0;
};

/// Comes out of the work after an interrupt.
struct Interrupted {};

/// The same inputs, of which the first after an interrupt ends the work.
CalibrationInputs until_interrupted(CalibrationInputs inputs) {
  auto fill = std::move(inputs.fill);
  inputs.fill = [fill](Index i, Eigen::Ref<FloatMatrix> target) {
    if (interrupted() != 0) throw Interrupted();
    fill(i, target);
  };
  return inputs;
}

/// `count` of the inputs, spread evenly; all if there are no more.
CalibrationInputs some_of(const CalibrationInputs& inputs, Index count) {
  if (count >= inputs.count) return inputs;
  CalibrationInputs some = inputs;
  some.count = count;
  some.fill = [inputs, count](Index i, Eigen::Ref<FloatMatrix> target) {
    inputs.fill(i * inputs.count / count, target);
  };
  return some;
}

/// The names of a network's convolutions, in the order of execution.
std::vector<std::string> convolutions_of(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes()) {
    if (detail::is_convolution(node.layer)) names.push_back(node.name);
  }
  return names;
}

Model open_float_model(const std::string& file) {
  Model model = Model::open(file);
  if (model.document().precision) {
    throw Error(model.name() + ": expected a model of floats, found one of 8 bit, made by limn quantize already");
  }
  return model;
}

/// Throws Error if one of the layers that are to be kept is none that can be.
void check_kept(const QuantizeOptions& options, const Model& model) {
  const std::vector<std::string> names = convolutions_of(model.graph());
  for (const std::string& kept : options.kept) {
    if (std::find(names.begin(), names.end(), kept) != names.end()) continue;
    throw Error("--keep " + kept + ": " + model.name() + " has no convolution of that name; it has " + names.front() +
                " to " + names.back() + ", see limn info");
  }
}

/// The files that the command writes, none of which it reads. From here on interrupts are deferred.
struct Outputs {
  Outputs(const QuantizeOptions& options, FileSet files)
      : model(checked(options.output, files)), json(options.json, "--json", with(std::move(files), options.output)) {
    defer_interrupts();
  }

  static const std::string& checked(const std::string& path, const FileSet& files) {
    if (has_picture_extension(path)) throw Error("-o " + path + ": expected a name for a model, found a picture's");
    if (const std::string* const other = files.find(path)) {
      throw Error("-o " + path + ": would overwrite " + *other + ", which this command reads");
    }
    return path;
  }

  static FileSet with(FileSet files, const std::string& path) {
    files.insert(path);
    return files;
  }

  NewFile model;
  Output json;
};

/// The metadata of the float model's file with the document of the 8-bit one: the same, but without what was measured
/// of the float network and with the entry "precision".
std::map<std::string, std::string> metadata_of(const Model& model, const PrecisionDocument& precision) {
  std::map<std::string, std::string> metadata = Safetensors::open(model.name()).metadata();
  nlohmann::ordered_json document = nlohmann::ordered_json::parse(metadata.at("limn"));
  ModelDocument with_precision = model.document();
  with_precision.precision = precision;
  document.erase("accuracy");
  document["precision"] = to_json(with_precision).at("precision");
  metadata["limn"] = text_of(document);
  return metadata;
}

/// The maps that both networks have, in the order of execution.
std::vector<MapReport> report_maps(const Graph& graph, const QuantizedNetwork& network, const Quantizer& quantizer,
                                   const std::map<std::string, MapRange>& ranges,
                                   const std::map<std::string, Noise>& noise) {
  const std::vector<std::optional<MapScale>> scales = map_scales(network.graph);
  std::map<std::string, MapScale> in_bytes;
  for (NodeId id = 0; id < scales.size(); ++id) {
    if (scales[id]) in_bytes[network.graph.nodes()[id].name] = *scales[id];
  }
  std::vector<MapReport> maps;
  for (const Node& node : graph.nodes()) {
    const auto found = noise.find(node.name);
    if (found == noise.end()) continue;
    MapReport map;
    map.name = node.name;
    map.least = ranges.at(node.name).least();
    map.most = ranges.at(node.name).most();
    map.noise = found->second;
    if (network.quantization.maps.count(node.name) > 0) {
      map.chosen = quantizer.scales().at(node.name);
      map.scale = map.chosen->scale;
    } else if (in_bytes.count(node.name) > 0) {
      map.scale = in_bytes.at(node.name);
      map.scale_of = graph.nodes()[node.inputs[0]].name;
    }
    maps.push_back(std::move(map));
  }
  return maps;
}

/// A plan for the inputs. Each is run by one thread, so that the number of threads changes nothing.
std::unique_ptr<const Plan> make_single_plan(const Graph& graph, const Weights& weights,
                                             const CalibrationInputs& inputs) {
  return make_plan(graph, weights, inputs.height, inputs.width, std::make_shared<const ThreadPool>(1));
}

/// Quantises the model and fills in the report. Returns the network, which refers to the quantizer's memory.
QuantizedNetwork quantize_model(const QuantizeOptions& options, const Model& model, const Plan& plan,
                                const CalibrationInputs& inputs, const std::map<std::string, MapRange>& ranges,
                                const Quantizer& quantizer, const ThreadPool& pool, QuantizeReport& report) {
  const float threshold = peak_threshold(model.document().decoder);
  const MakePlan plan_of = [&inputs](const Graph& graph, const Weights& weights) {
    return make_single_plan(graph, weights, inputs);
  };
  const LossMeter all(plan, inputs, pool, threshold, plan_of);
  std::set<std::string> floats(options.kept.begin(), options.kept.end());
  report.kept.assign(floats.begin(), floats.end());
  report.convolutions = quantizer.convolutions().size();
  report.loss = all.loss(quantizer.network(floats));
  if (options.max_loss && report.loss.moved_share().value_or(0) > *options.max_loss) {
    // As many runs of the network as there are for a backbone of some thirty convolutions.
    constexpr Index most_runs = 1200;
    const auto convolutions = static_cast<Index>(quantizer.convolutions().size());
    const CalibrationInputs some = some_of(inputs, std::clamp(most_runs / convolutions, Index{4}, Index{24}));
    const LossMeter few(plan, some, pool, threshold, plan_of);
    report.loss_before = report.loss;
    report.max_loss = *options.max_loss;
    PutBack found = put_back(quantizer, all, few, floats, report.loss, *options.max_loss);
    for (const LayerCost& layer : found.convolutions) floats.insert(layer.name);
    report.put_back = std::move(found.convolutions);
    report.loss = found.loss;
  }
  QuantizedNetwork network = quantizer.network(floats);
  report.maps = report_maps(model.graph(), network, quantizer, ranges, all.noise_of_maps(network));
  return network;
}

PrecisionDocument precision_of(const QuantizedNetwork& network, const QuantizeReport& report,
                               const CalibrationPhotos& photos) {
  PrecisionDocument precision;
  precision.quantization = network.quantization;
  precision.inputs = static_cast<Index>(report.inputs);
  precision.photos = static_cast<Index>(report.photos);
  precision.set = photos.description();
  if (const auto decibels = report.loss.outputs.decibels()) {
    precision.snr = std::clamp(*decibels, -1000.0, 1000.0);  // a file's bounds
  }
  precision.moved = report.loss.moved_share();
  return precision;
}

int quantize(const QuantizeOptions& options) {
  const Model model = open_float_model(options.model);
  check_kept(options, model);
  CalibrationPhotos photos(options.calibration, model.document());
  FileSet files;
  files.insert(model.name());
  files.insert(photos.detector_file());
  photos.add_files(files);
  Outputs outputs(options, std::move(files));
  const int threads = thread_count(options.threads);
  try {
    photos.look(threads);
    if (interrupted() != 0) throw Interrupted();

    const CalibrationInputs inputs = until_interrupted(photos.inputs());
    const ThreadPool pool(threads);
    const auto plan = make_single_plan(model.graph(), model.weights(), inputs);
    const std::map<std::string, MapRange> ranges = calibrate(*plan, inputs, pool);
    const Quantizer quantizer(model.graph(), model.weights(), ranges, RangeRule::automatic);
    QuantizeReport report;
    report.inputs = photos.count();
    report.photos = photos.photos();
    report.failed = photos.failed();
    const QuantizedNetwork network = quantize_model(options, model, *plan, inputs, ranges, quantizer, pool, report);

    const std::vector<unsigned char> bytes =
        safetensors_bytes(network.weights, metadata_of(model, precision_of(network, report, photos)), options.output);
    Model::from_bytes(bytes.data(), bytes.size(), options.output);
    outputs.model.write(bytes.data(), bytes.size());
    outputs.model.put_in_place();

    report.model = model.document().name;
    report.source = model.name();
    report.source_bytes = fs::file_size(model.name());
    report.file = options.output;
    report.bytes = bytes.size();
    if (options.json != "-") report.print();
    if (outputs.json) {
      outputs.json.write(text_of(report.to_json(), 2) + "\n");
      outputs.json.finish();
    }
  } catch (const Interrupted&) {
    return interrupt_status(interrupted());
  }
  return photos.failed() > 0 ? some_failed : all_well;
}

constexpr const char* quantize_footer =
    "A model of one person is run on the people in the photos, whom the person detector finds\n"
    "or the annotations have; others on whole photos. Photos that cannot be read are named and\n"
    "left out. What the network sees there decides the range of each 8-bit map: all of it, or\n"
    "less where that costs less than the coarser steps. The loss is measured on the same inputs.\n\n"
    "The same model and photos give the same bytes on processors of one kind, whatever the\n"
    "number of threads. The file's document says how it was made, and what was measured of the\n"
    "float model is not said of it.\n";

}  // namespace

void add_quantize(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("quantize", "Make an 8-bit model of a float one");
  auto options = std::make_shared<QuantizeOptions>();
  command->add_option("MODEL", options->model, "Model file of floats")->required()->type_name("");
  command
      ->add_option("PHOTO", options->calibration.photos,
                   "Photos (JPEG, PNG, BMP) or folders of them such as the\n"
                   "model will see, or COCO annotations (.json)")
      ->required()
      ->type_name("");
  command->add_option("-o,--output", options->output, "The 8-bit model's file")->required()->type_name("OUT");
  command
      ->add_option("--keep", options->kept,
                   "Convolutions that stay in floats, by the names of\n"
                   "limn info")
      ->type_name("LAYER");
  command
      ->add_option("--max-loss", options->max_loss,
                   "Put the convolutions that cost most back into floats\n"
                   "until at most this share of the heatmaps' maxima lies\n"
                   "more than a cell from the float model's")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("SHARE");
  command
      ->add_option("--photos", options->calibration.most_photos,
                   "Look at this many photos at most, spread evenly over\n"
                   "those given, and at as many people (default 300)")
      ->check(CLI::Range(1, 1000000))
      ->type_name("N");
  command
      ->add_option("--images", options->calibration.images,
                   "Folder of the photos that the annotations name;\n"
                   "default: the annotations' own")
      ->type_name("DIR");
  auto* no_detector = command->add_flag("--no-detector", options->calibration.no_detector,
                                        "Detect nobody: a model of one person takes each photo\n"
                                        "to show one all over it");
  for (CLI::Option* option : add_detector_choice(*command, options->calibration.detector)) {
    option->excludes(no_detector);
  }
  command->add_option("--json", options->json, "Write what is printed to FILE as JSON; - for stdout")
      ->type_name("FILE");
  add_threads(*command, options->threads);
  command->footer([] { return std::string(quantize_footer); });
  command->callback([options, &status] { status = quantize(*options); });
}

}  // namespace limn::program
