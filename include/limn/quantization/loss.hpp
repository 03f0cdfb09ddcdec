// What an 8-bit network loses against the float one that it was made of.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/tensor.hpp>
#include <limn/core/thread_pool.hpp>
#include <limn/core/version.hpp>
#include <limn/engine/plan.hpp>
#include <limn/network/plain_executor.hpp>
#include <limn/pose/decoders.hpp>
#include <limn/quantization/calibration.hpp>
#include <limn/quantization/quantizer.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Squares of a signal f and of the difference to what q makes of it, added up.
struct Noise {
  double signal = 0;  ///< sum f^2
  double noise = 0;   ///< sum (f - q)^2

  void add(const Eigen::Ref<const FloatMatrix>& f, const Eigen::Ref<const FloatMatrix>& q) {
    signal += f.cast<double>().squaredNorm();
    noise += (f.cast<double>() - q.cast<double>()).squaredNorm();
  }
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

/// The score from which the decoder takes a heatmap's peak for more than nothing: that of the keypoints it is worth
/// drawing, of candidates for part affinity, of people's boxes.
inline float peak_threshold(const DecoderOptions& decoder) {
  if (decoder.type == DecoderType::part_affinity) return decoder.part_affinity.cmap_threshold;
  if (decoder.type == DecoderType::center) return decoder.center.threshold;
  return decoder.draw_threshold;
}

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

/// Runs an 8-bit network and shows its maps as real numbers by the names of the float network's: of a map that was in
/// floats before it became 8-bit, it is the 8-bit one that is shown last.
template <class Show>
std::vector<Tensor> run_quantized(const QuantizedNetwork& network, const Tensor& input, const Show& show) {
  const std::string suffix = ".quantize";
  const std::vector<std::optional<MapScale>> scales = map_scales(network.graph);
  NodeId id = 0;
  return run_plain(network.graph, network.weights, input, [&](const Node& node, const Tensor& values) {
    const std::optional<MapScale>& scale = scales[id++];
    if (std::holds_alternative<Dequantize>(node.layer)) return;
    const bool quantizes = std::holds_alternative<Quantize>(node.layer);
    const std::string name = quantizes ? node.name.substr(0, node.name.size() - suffix.size()) : node.name;
    show(name, scale ? dequantize(values, Dequantize{*scale}) : values);
  });
}

inline Tensor copy_of(const Eigen::Ref<const FloatMatrix>& values, const Shape& shape) {
  Tensor copy(shape);
  copy.matrix() = values;
  return copy;
}

}  // namespace detail

/// Measures 8-bit networks against a float one on the same inputs. Refers to what it is made of. What it measures is
/// the same for any number of threads.
class LossMeter {
 public:
  /// Runs the float network on all inputs and keeps its outputs. `peak_threshold`: see QuantizationLoss.
  LossMeter(const Plan& plan, const CalibrationInputs& inputs, const ThreadPool& pool, float peak_threshold)
      : plan_(plan), inputs_(inputs), pool_(pool), threshold_(peak_threshold) {
    std::vector<Plan::Workspace> workspaces = make_workspaces();
    outputs_.resize(static_cast<std::size_t>(inputs.count));
    detail::share_out(pool, inputs.count, [&](Index i, std::size_t worker) {
      inputs.fill(i, workspaces[worker].input());
      plan.run(workspaces[worker]);
      for (std::size_t output = 0; output < plan.output_count(); ++output) {
        outputs_[static_cast<std::size_t>(i)].push_back(
            detail::copy_of(workspaces[worker].output(output), plan.output_shape(output)));
      }
    });
  }

  /// The loss over all inputs.
  QuantizationLoss loss(const QuantizedNetwork& network) const {
    std::vector<QuantizationLoss> losses(outputs_.size());
    detail::share_out(pool_, inputs_.count, [&](Index i, std::size_t) {
      const std::vector<Tensor> found =
          detail::run_quantized(network, input(i), [](const std::string&, const Tensor&) {});
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
    std::vector<Plan::Workspace> workspaces = make_workspaces();
    std::vector<std::map<std::string, Noise>> noise(outputs_.size());
    detail::share_out(pool_, inputs_.count, [&](Index i, std::size_t worker) {
      std::map<std::string, FloatMatrix> expected;
      Plan::Workspace& workspace = workspaces[worker];
      const Tensor in = input(i);
      expected["input"] = in.matrix();
      workspace.input() = in.matrix();
      plan_.run(workspace, [&](std::size_t step, const Eigen::Map<const Eigen::MatrixXf>& values) {
        expected[plan_.steps()[step].last] = values;
      });
      detail::run_quantized(network, in, [&](const std::string& name, const Tensor& values) {
        const auto found = expected.find(name);
        if (found == expected.end()) return;
        Noise& one = noise[static_cast<std::size_t>(i)][name];
        one = Noise();
        one.add(found->second, values.matrix());
      });
    });
    std::map<std::string, Noise> sum;
    for (const auto& one : noise) {
      for (const auto& [name, value] : one) sum[name].add(value);
    }
    return sum;
  }

 private:
  std::vector<Plan::Workspace> make_workspaces() const {
    std::vector<Plan::Workspace> workspaces;
    for (int i = 0; i < pool_.threads(); ++i) workspaces.push_back(plan_.make_workspace());
    return workspaces;
  }

  Tensor input(Index i) const {
    Tensor input(plan_.input_shape());
    inputs_.fill(i, input.matrix());
    return input;
  }

  const Plan& plan_;
  const CalibrationInputs& inputs_;
  const ThreadPool& pool_;
  float threshold_;
  std::vector<std::vector<Tensor>> outputs_;  // of the float network, by input
};

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
