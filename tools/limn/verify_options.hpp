// What `limn verify` is asked to do, and its two ways to do it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <limn/model_file/model.hpp>
#include <limn/model_file/safetensors.hpp>

namespace limn::program {

/// The least signal-to-noise ratio of an 8-bit network's map, in dB.
constexpr double default_snr = 10;

struct VerifyOptions {
  std::string model;
  std::string reference;
  std::vector<std::string> photos;
  double tolerance = 1e-4;
  std::optional<double> snr;  ///< absent: default_snr
  bool engine = false;
  int threads = 0;
  std::string target;
};

/// Compares what a model computes with another program's tensors. Returns the exit status.
int verify_with_tensors(const VerifyOptions& options, const Model& model, const Safetensors& reference);

/// Compares what a model, an 8-bit one as a rule, computes of photos with what the float model `reference` does.
/// Returns the exit status.
int verify_with_model(const VerifyOptions& options, const Model& model, const Model& reference);

}  // namespace limn::program
