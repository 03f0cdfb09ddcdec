#include <cmath>
#include <cstdio>
#include <exception>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <limn/estimator/preprocess.hpp>
#include <limn/image/image.hpp>
#include <limn/network/fuse.hpp>
#include <limn/network/plain_executor.hpp>
#include <limn/network/quantized_graph.hpp>
#include <limn/quantization/loss.hpp>

#include "command.hpp"
#include "engine_check.hpp"
#include "engine_maps.hpp"
#include "photo_work.hpp"
#include "photos.hpp"
#include "pictures.hpp"
#include "text.hpp"
#include "verify_options.hpp"

namespace limn::program {

namespace {

/// Nodes that only lead from floats to 8 bit or back; their maps are those of the nodes that they read.
bool converts(const Node& node) {
  return std::holds_alternative<Quantize>(node.layer) || std::holds_alternative<Dequantize>(node.layer);
}

std::map<std::string, Shape> shapes_of(const Model& model) {
  const InputDocument& input = model.document().input;
  const std::vector<Shape> shapes = model.graph().shapes(input.height, input.width);
  std::map<std::string, Shape> by_name;
  for (NodeId id = 0; id < shapes.size(); ++id) by_name[model.graph().nodes()[id].name] = shapes[id];
  return by_name;
}

/// Throws Error unless `model` computes what `floats` does, as far as names and shapes of maps say so, and `floats` is
/// a float model.
void check_networks(const Model& model, const Model& floats) {
  if (floats.document().precision) throw Error(floats.name() + ": expected a float model, found an 8-bit one");
  const auto refuse = [&](const std::string& what) {
    throw Error(model.name() + ": expected the network of " + floats.name() + ", " + what);
  };
  const std::map<std::string, Shape> wanted = shapes_of(floats);
  const std::map<std::string, Shape> found = shapes_of(model);
  for (const Node& node : model.graph().nodes()) {
    if (converts(node)) continue;
    const auto same = wanted.find(node.name);
    if (same == wanted.end()) refuse("which has no map " + node.name);
    if (same->second != found.at(node.name)) {
      refuse("whose map " + node.name + " is " + to_string(same->second) + ", found " + to_string(found.at(node.name)));
    }
  }
  for (const detail::FusedStep& step : detail::fuse(floats.graph())) {
    const std::string& name = floats.graph().nodes()[step.output].name;
    if (found.count(name) == 0) refuse("which has a map " + name + ", found none");
  }
}

/// The whole photo as a model's input.
Tensor input_of(const Model& model, const ImageView& photo) {
  const InputDocument& input = model.document().input;
  Tensor tensor({3, input.height, input.width});
  preprocess(photo, box_of(photo), input, input.width, input.height, tensor.matrix());
  return tensor;
}

/// How far the maps of a network are from those of the float one, over all photos.
class MapComparison {
 public:
  MapComparison(const Graph& graph, double least) : graph_(graph), scales_(map_scales(graph)), least_(least) {
    maps_.resize(graph.nodes().size());
  }

  /// The map of a node, and the float network's; 8-bit ones are compared as the real numbers that they stand for.
  void add(NodeId id, const Tensor& found, const Tensor& wanted) {
    Map& map = maps_[id];
    map.shape = found.shape();
    const Tensor real = scales_[id] ? dequantize(found, {*scales_[id]}) : found;
    map.noise.add(wanted.matrix(), real.matrix());
  }

  /// Prints the table and the result.
  void print(const std::string& title) {
    std::printf("%s\n", title.c_str());
    Table table({"Map", "Shape", "Scale", "Zero point", "dB", ""});
    table.left_align(5);
    std::size_t departed = 0;
    std::size_t count = 0;
    std::string lowest;
    double lowest_db = 0;
    for (NodeId id = 0; id < maps_.size(); ++id) {
      const Node& node = graph_.nodes()[id];
      if (converts(node)) continue;
      const double db = decibels(maps_[id].noise);
      const bool departs = !(db >= least_);
      const std::optional<MapScale>& scale = scales_[id];
      table.add({node.name, to_string(maps_[id].shape), scale ? format("%.4g", static_cast<double>(scale->scale)) : "",
                 scale ? std::to_string(scale->zero_point) : "", text_of_decibels(db), departs ? "departs" : ""});
      ++count;
      if (departs && departed++ == 0) first_ = node.name + " (" + text_of_decibels(db) + " dB)";
      if (lowest.empty() || db < lowest_db) {
        lowest = node.name;
        lowest_db = db;
      }
    }
    table.print();
    if (departed > 0) {
      std::printf("%zu of %zu maps have less than %g dB, the first is %s\n\n", departed, count, least_,
                  printable(first_).c_str());
    } else if (std::isinf(lowest_db)) {
      std::printf("all %zu maps are the same\n\n", count);
    } else {
      std::printf("all %zu maps have at least %g dB, %s the least: %s\n\n", count, least_, printable(lowest).c_str(),
                  text_of_decibels(lowest_db).c_str());
    }
  }

  /// What departs first; nothing if nothing does.
  const std::string& first() const { return first_; }

 private:
  struct Map {
    Shape shape;
    Noise noise;
  };

  /// Infinite if all values are the same; not a number if one of them is none.
  static double decibels(const Noise& noise) {
    return noise.noise == 0 ? HUGE_VAL : 10 * std::log10(noise.signal / noise.noise);
  }

  static std::string text_of_decibels(double db) {
    return db == HUGE_VAL ? "the same" : std::isnan(db) ? "nan" : format("%.1f", db);
  }

  const Graph& graph_;
  std::vector<std::optional<MapScale>> scales_;
  double least_;
  std::vector<Map> maps_;  ///< by node
  std::string first_;
};

/// Says so if a photo cannot be read, and returns nothing then.
std::optional<Image> read(const PhotoFile& photo) {
  std::string reason = photo.error;
  try {
    if (reason.empty()) return load_photo(photo.path);
  } catch (const std::exception& error) {
    reason = reason_of(error, photo.path);
  }
  std::fprintf(stderr, "limn: %s: %s\n", printable(photo.path).c_str(), printable(reason).c_str());
  return std::nullopt;
}

/// Both networks on one photo, and the engine if it is asked for.
void compare_on(const ImageView& photo, const Model& model, const Model& floats, const VerifyOptions& options,
                MapComparison& comparison, EngineCheck& engine) {
  std::set<std::string> names;
  for (const Node& node : model.graph().nodes()) names.insert(node.name);
  std::map<std::string, Tensor> wanted;
  run_plain(floats.graph(), floats.weights(), input_of(floats, photo), [&](const Node& node, const Tensor& map) {
    if (names.count(node.name) > 0) wanted.emplace(node.name, map);
  });
  const Tensor input = input_of(model, photo);
  NodeId id = 0;
  run_plain(model.graph(), model.weights(), input, [&](const Node& node, const Tensor& map) {
    const NodeId here = id++;
    if (!converts(node)) comparison.add(here, map, wanted.at(node.name));
  });
  if (options.engine) engine.add(input, EngineMaps(model, input, options));
}

}  // namespace

int verify_with_model(const VerifyOptions& options, const Model& model, const Model& floats) {
  check_networks(model, floats);
  MapComparison comparison(model.graph(), options.snr.value_or(default_snr));
  EngineCheck engine(model, options.tolerance);
  std::size_t compared = 0;
  const std::vector<PhotoFile> photos = find_photos(options.photos);
  for (const PhotoFile& photo : photos) {
    const std::optional<Image> image = read(photo);
    if (!image) continue;
    compare_on(image->view(), model, floats, options, comparison, engine);
    ++compared;
  }
  if (compared == 0) return some_failed;

  comparison.print("Plain layers of " + model.name() + " beside those of " + floats.name() + ", on " +
                   count_of(compared, "photo", "photos"));
  if (options.engine) engine.print();
  bool agrees = true;
  for (const auto& [first, what] :
       {std::pair<std::string, std::string>{comparison.first(), floats.name()}, {engine.first(), "the plain layers"}}) {
    if (first.empty()) continue;
    agrees = false;
    std::fprintf(stderr, "limn: %s departs from %s: %s\n", printable(model.name()).c_str(), printable(what).c_str(),
                 printable(first).c_str());
  }
  return agrees && compared == photos.size() ? all_well : some_failed;
}

}  // namespace limn::program
