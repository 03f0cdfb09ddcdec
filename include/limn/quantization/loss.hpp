// What an 8-bit network loses against the float one that it was made of.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <limn/core/tensor.hpp>
#include <limn/core/thread_pool.hpp>
#include <limn/core/version.hpp>
#include <limn/engine/plan.hpp>
#include <limn/pose/decoders.hpp>
#include <limn/quantization/calibration.hpp>
#include <limn/quantization/quantizer.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Squares of a signal f and of the difference to what q makes of it, added up.
struct Noise {
  double signal = 0;  ///< sum f^2
  double noise = 0;   ///< sum (f - q)^2

  /// Adds the values of one map: `f` in floats and `q` as the 8-bit network has it, of one shape.
  void add(const Eigen::Ref<const FloatMatrix>& f, const Eigen::Ref<const FloatMatrix>& q) {
    signal += f.cast<double>().squaredNorm();
    noise += (f.cast<double>() - q.cast<double>()).squaredNorm();
  }
  /// Adds those of another map or input.
  void add(const Noise& other) {
    signal += other.signal;
    noise += other.noise;
  }

  /// Signal to noise, 10 log10(signal / noise), in dB; absent where one of them is 0.
  std::optional<double> decibels() const {
    if (!(signal > 0) || !(noise > 0)) return std::nullopt;
    return 10 * std::log10(signal / noise);
  }
};

/// How far the outputs of an 8-bit network are from the float one's, over many inputs.
struct QuantizationLoss {
  Noise outputs;    ///< all of them
  Index peaks = 0;  ///< the first output's maps whose largest float value is at least a threshold
  Index moved = 0;  ///< those of them whose largest value lies more than one cell from there, in x or in y

  /// Absent if there are no peaks.
  std::optional<double> moved_share() const {
    if (peaks == 0) return std::nullopt;
    return static_cast<double>(moved) / static_cast<double>(peaks);
  }
};

namespace detail {

/// The loss on one input, of which these are the outputs of the float network and of the other.
inline QuantizationLoss loss_of(const std::vector<Tensor>& expected, const std::vector<Tensor>& found,
                                float threshold) {
  QuantizationLoss loss;
  for (std::size_t i = 0; i < expected.size(); ++i) loss.outputs.add(expected[i].matrix(), found[i].matrix());
  for (Index map = 0; map < expected[0].channels(); ++map) {
    const Peak before = find_maximum(expected[0], map);
    if (!(before.score >= threshold)) continue;
    const Peak after = find_maximum(found[0], map);
    ++loss.peaks;
    if (std::abs(after.x - before.x) > 1 || std::abs(after.y - before.y) > 1) ++loss.moved;
  }
  return loss;
}

inline Tensor copy_of(const Eigen::Ref<const FloatMatrix>& values, const Shape& shape) {
  Tensor copy(shape);
  copy.matrix() = values;
  return copy;
}

/// Runs an 8-bit network by its plan and shows its maps as real numbers by the names of the float network's: of a map
/// that was in floats before it became 8-bit, it is the 8-bit one that is shown last.
template <class Show>
void run_quantized(const Graph& graph, const Plan& plan, Plan::Workspace& workspace, const Show& show) {
  const std::string suffix = ".quantize";
  const std::vector<std::optional<MapScale>> scales = map_scales(graph);
  std::map<std::string, NodeId> ids;
  for (NodeId id = 0; id < graph.nodes().size(); ++id) ids[graph.nodes()[id].name] = id;
  const FloatMatrix input = workspace.input();
  show(graph.nodes()[Graph::input].name, input);
  plan.run(workspace, [&](std::size_t step, const Eigen::Map<const Eigen::MatrixXf>& values) {
    const NodeId id = ids.at(plan.steps()[step].last);
    const Node& node = graph.nodes()[id];
    if (std::holds_alternative<Dequantize>(node.layer)) return;
    const bool quantizes = std::holds_alternative<Quantize>(node.layer);
    const std::string name = quantizes ? node.name.substr(0, node.name.size() - suffix.size()) : node.name;
    const std::optional<MapScale>& scale = scales[id];
    if (!scale) return show(name, FloatMatrix(values));
    const Tensor whole = copy_of(values, plan.steps()[step].output);
    show(name, dequantize(whole, Dequantize{*scale}).matrix());
  });
}

}  // namespace detail

/// Makes the plan of a network for inputs of the size that is measured, with one thread. A function of the caller's,
/// because the engine's kernels take compilers long, and it has them somewhere already.
using MakePlan = std::function<std::unique_ptr<const Plan>(const Graph&, const Weights&)>;

/// Measures 8-bit networks against a float one on the same inputs. Refers to what it is made of. What it measures is
/// the same for any number of threads.
class LossMeter {
 public:
  /// Runs the float network on all inputs and keeps its outputs. `peak_threshold`: see QuantizationLoss.
  LossMeter(const Plan& plan, const CalibrationInputs& inputs, const ThreadPool& pool, float peak_threshold,
            MakePlan make_plan)
      : plan_(plan), inputs_(inputs), pool_(pool), threshold_(peak_threshold), make_plan_(std::move(make_plan)) {
    outputs_.resize(static_cast<std::size_t>(inputs.count));
    run(plan,
        [&](Index i, std::vector<Tensor> outputs) { outputs_[static_cast<std::size_t>(i)] = std::move(outputs); });
  }

  /// The loss over all inputs.
  QuantizationLoss loss(const QuantizedNetwork& network) const {
    std::vector<QuantizationLoss> losses(outputs_.size());
    run(*make_plan_(network.graph, network.weights), [&](Index i, const std::vector<Tensor>& found) {
      losses[static_cast<std::size_t>(i)] = detail::loss_of(outputs_[static_cast<std::size_t>(i)], found, threshold_);
    });
    QuantizationLoss sum;
    for (const QuantizationLoss& one : losses) {
      sum.outputs.add(one.outputs);
      sum.peaks += one.peaks;
      sum.moved += one.moved;
    }
    return sum;
  }

  /// The noise of the input and of every map that both networks have, by the names of nodes.
  std::map<std::string, Noise> noise_of_maps(const QuantizedNetwork& network) const {
    const std::unique_ptr<const Plan> plan = make_plan_(network.graph, network.weights);
    std::vector<Plan::Workspace> float_workspaces = detail::make_workspaces(plan_, pool_);
    std::vector<Plan::Workspace> workspaces = detail::make_workspaces(*plan, pool_);
    std::vector<std::map<std::string, Noise>> noise(outputs_.size());
    detail::share_out(pool_, inputs_.count, [&](Index i, std::size_t worker) {
      std::map<std::string, FloatMatrix> expected;
      inputs_.fill(i, workspaces[worker].input());
      float_workspaces[worker].input() = workspaces[worker].input();
      expected["input"] = workspaces[worker].input();
      plan_.run(float_workspaces[worker], [&](std::size_t step, const Eigen::Map<const Eigen::MatrixXf>& values) {
        expected[plan_.steps()[step].last] = values;
      });
      detail::run_quantized(network.graph, *plan, workspaces[worker],
                            [&](const std::string& name, const FloatMatrix& values) {
                              const auto found = expected.find(name);
                              if (found == expected.end()) return;
                              Noise& one = noise[static_cast<std::size_t>(i)][name];
                              one = Noise();
                              one.add(found->second, values);
                            });
    });
    std::map<std::string, Noise> sum;
    for (const auto& one : noise) {
      for (const auto& [name, value] : one) sum[name].add(value);
    }
    return sum;
  }

 private:
  /// Calls `take(i, outputs)` with the outputs of a plan for every input.
  template <class Take>
  void run(const Plan& plan, const Take& take) const {
    std::vector<Plan::Workspace> workspaces = detail::make_workspaces(plan, pool_);
    detail::share_out(pool_, inputs_.count, [&](Index i, std::size_t worker) {
      Plan::Workspace& workspace = workspaces[worker];
      inputs_.fill(i, workspace.input());
      plan.run(workspace);
      std::vector<Tensor> outputs;
      for (std::size_t output = 0; output < plan.output_count(); ++output) {
        outputs.push_back(detail::copy_of(workspace.output(output), plan.output_shape(output)));
      }
      take(i, std::move(outputs));
    });
  }

  const Plan& plan_;
  const CalibrationInputs& inputs_;
  const ThreadPool& pool_;
  float threshold_;
  MakePlan make_plan_;
  std::vector<std::vector<Tensor>> outputs_;  // of the float network, by input
};

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
