#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <limn/model_file/model.hpp>
#include <limn/network/plain_executor.hpp>

#include "command.hpp"
#include "engine.hpp"
#include "model_choice.hpp"
#include "target.hpp"
#include "text.hpp"
#include "threads.hpp"

namespace limn::program {

namespace {

struct Options {
  std::string model;
  std::string reference;
  double tolerance = 1e-4;
  bool engine = false;
  int threads = 0;
  std::string target;
};

/// A PyTorch tensor of one feature map, [C, H, W] or [1, C, H, W], as far as its shape says so.
Shape map_shape(const WeightView& tensor) {
  std::vector<Index> extents = tensor.shape;
  if (extents.size() == 4 && extents[0] == 1) extents.erase(extents.begin());
  if (extents.size() != 3) return {0, 0, 0};
  return {extents[0], extents[1], extents[2]};
}

Tensor to_tensor(const WeightView& view) {
  const FloatVector values = view.to_float();
  Tensor tensor(map_shape(view));
  for (Index c = 0; c < tensor.channels(); ++c) {
    tensor.matrix().row(c) = values.segment(c * tensor.shape().pixels(), tensor.shape().pixels()).transpose();
  }
  return tensor;
}

/// Compares tensors one after another as a network makes them, and keeps the account.
class Comparison {
 public:
  Comparison(const Safetensors& reference, double tolerance) : reference_(reference), tolerance_(tolerance) {}

  /// Compares `found`, channels x pixels, with the reference of that name, if there is one.
  void compare(const std::string& name, const Shape& shape, const Eigen::Ref<const FloatMatrix>& found) {
    const auto entry = reference_.tensors().find(name);
    if (entry == reference_.tensors().end()) return;
    ++count_;
    if (map_shape(entry->second) != shape) {
      note_departure(name, "expected shape " + to_string(entry->second.shape) + ", found " + to_string(shape));
      table_.add({name, to_string(shape), "", "", "", "shape " + to_string(entry->second.shape)});
      return;
    }
    const Tensor expected = to_tensor(entry->second);
    double largest = 0;
    double difference = 0;
    bool comparable = true;
    for (Index i = 0; i < shape.pixels(); ++i) {
      for (Index c = 0; c < shape.channels; ++c) {
        const auto value = static_cast<double>(expected.matrix()(c, i));
        const double apart = std::abs(static_cast<double>(found(c, i)) - value);
        comparable = comparable && std::isfinite(apart);
        largest = (std::max)(largest, std::abs(value));
        difference = (std::max)(difference, apart);
      }
    }
    const double relative = difference == 0 ? 0 : difference / largest;  // infinite where the reference is all zeros
    const bool departs = !comparable || !(relative <= tolerance_);
    if (departs) {
      note_departure(name,
                     comparable ? format("relative difference %.3g", relative) : "a value is not a finite number");
    }
    table_.add({name, to_string(shape), format("%.3g", largest), comparable ? format("%.3g", difference) : "nan",
                comparable ? format("%.3g", relative) : "nan", departs ? "departs" : ""});
  }

  /// Prints the table and the result. Returns whether all agree.
  bool print(const char* title) const {
    std::printf("%s\n", title);
    Table table = table_;
    table.left_align(5);
    table.print();
    if (first_.empty()) {
      std::printf("%s within %g of the largest magnitude\n\n",
                  count_ == 1 ? "the tensor agrees" : ("all " + std::to_string(count_) + " tensors agree").c_str(),
                  tolerance_);
    } else {
      std::printf("%zu of %zu tensors depart by more than %g of the largest magnitude, the first is %s\n\n", departed_,
                  count_, tolerance_, printable(first_).c_str());
    }
    return first_.empty();
  }

  const std::string& first() const { return first_; }

 private:
  void note_departure(const std::string& name, const std::string& how) {
    if (departed_++ == 0) first_ = name + " (" + how + ")";
  }

  const Safetensors& reference_;
  double tolerance_;
  Table table_ = Table({"Tensor", "Shape", "Largest", "Max abs diff", "Relative", ""});
  std::size_t count_ = 0;
  std::size_t departed_ = 0;
  std::string first_;
};

/// Names a reference may hold: the input, the nodes' and the outputs'. Throws Error on any other, and without a proper
/// input.
void check_reference(const Safetensors& reference, const Graph& graph) {
  std::string unknown;
  for (const auto& tensor : reference.tensors()) {
    bool known = false;
    for (const Node& node : graph.nodes()) known = known || node.name == tensor.first;
    for (const auto& output : graph.outputs()) known = known || output.first == tensor.first;
    if (!known) unknown += (unknown.empty() ? "" : ", ") + tensor.first;
  }
  if (!unknown.empty()) throw Error(reference.name() + ": the network has no tensors of these names: " + unknown);
  const WeightView& input = reference.tensor("input");
  if (map_shape(input).channels != graph.input_channels()) {
    throw Error(reference.name() + ": tensor input: expected shape [1, " + std::to_string(graph.input_channels()) +
                ", H, W], found " + to_string(input.shape));
  }
  if (reference.tensors().size() < 2) {
    throw Error(reference.name() + ": expected a tensor to compare with beside input, for example " +
                graph.outputs().front().first);
  }
}

/// The results that have a name of their own beside their node's.
void compare_outputs(Comparison& comparison, const Graph& graph, NodeId node, const Shape& shape,
                     const Eigen::Ref<const FloatMatrix>& found) {
  for (const auto& output : graph.outputs()) {
    if (output.second == node) comparison.compare(output.first, shape, found);
  }
}

int verify(const Options& options) {
  const Model model = Model::open(model_file(options.model));
  const Safetensors reference = Safetensors::open(options.reference);
  const Graph& graph = model.graph();
  check_reference(reference, graph);
  const Tensor input = to_tensor(reference.tensor("input"));
  std::map<std::string, NodeId> ids;
  for (NodeId id = 0; id < graph.nodes().size(); ++id) ids[graph.nodes()[id].name] = id;

  Comparison plain(reference, options.tolerance);
  run_plain(graph, model.weights(), input, [&](const Node& node, const Tensor& found) {
    const NodeId id = ids.at(node.name);
    if (id == Graph::input) return;
    plain.compare(node.name, found.shape(), found.matrix());
    compare_outputs(plain, graph, id, found.shape(), found.matrix());
  });
  bool agrees = plain.print("Plain layers");
  std::string first = plain.first();

  if (options.engine) {
    const auto plan =
        make_plan(graph, model.weights(), input.height(), input.width(),
                  std::make_shared<const ThreadPool>(thread_count(options.threads)), 1, wanted_target(options.target));
    Plan::Workspace workspace = plan->make_workspace();
    workspace.input() = input.matrix();
    Comparison engine(reference, options.tolerance);
    plan->run(workspace, [&](std::size_t step, const Eigen::Map<const Eigen::MatrixXf>& found) {
      const Plan::StepInfo& info = plan->steps()[step];
      engine.compare(info.last, info.output, found);
      compare_outputs(engine, graph, ids.at(info.last), info.output, found);
    });
    const std::string what = std::string("Fast engine on ") + to_string(plan->target()) +
                             " (of layers that were fused only the last one's result exists)";
    agrees = engine.print(what.c_str()) && agrees;
    if (first.empty()) first = engine.first();
  }
  if (!agrees)
    std::fprintf(stderr, "limn: %s departs from %s: %s\n", model.name().c_str(), options.reference.c_str(),
                 printable(first).c_str());
  return agrees ? all_well : some_failed;
}

}  // namespace

void add_verify(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("verify", "Compare what a model computes with tensors of another program");
  auto options = std::make_shared<Options>();
  command
      ->add_option("REFERENCE", options->reference,
                   "safetensors file: the tensor \"input\" and any of those\n"
                   "that the network makes of it, named after their\n"
                   "layers or outputs (conv1, layer1.0, heatmaps), NCHW;\n"
                   "tests/reference/generate.py --network makes one")
      ->required()
      ->type_name("");
  add_model(*command, options->model);
  command
      ->add_option("--tolerance", options->tolerance,
                   "Largest difference that is allowed, as a share of the\n"
                   "reference tensor's largest magnitude (default 1e-4)")
      ->check(CLI::NonNegativeNumber)
      ->type_name("T");
  command->add_flag("--engine", options->engine,
                    "Check the fast engine as well as the plain layers,\n"
                    "where layers are not fused. Its work is shared by the\n"
                    "threads; plain layers are computed by one");
  add_threads(*command, options->threads);
  add_target(*command, options->target);
  command->callback([options, &status] { status = verify(*options); });
}

}  // namespace limn::program
