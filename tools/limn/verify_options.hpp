// What `limn verify` is asked to do, and its two ways to do it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <limn/model_file/model.hpp>
#include <limn/model_file/safetensors.hpp>

namespace limn::program {

/// The least signal-to-noise ratio of an 8-bit network's map, in dB. Measured: of the default models, 8-bit ones as
/// limn quantize makes them have at least 25.0 dB in every map, on single photos 22.2, and random networks of 159 and
/// 293 convolutions 29.0 and 25.3; the default model with the bias of one layer missing has -0.6, with a wrong zero
/// point 1.3, with one channel's weights twice as large 17.2, with a scale a quarter of what it should be 1.8 to 15.7.
constexpr double default_snr = 20;

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
