// What the command line says about the person detector.
#pragma once

#include <optional>
#include <string>

namespace limn::program {

struct DetectorChoice {
  std::string file;                ///< empty for the default detector
  std::string input;               ///< "HxW", or empty for the model's
  std::optional<float> threshold;  ///< absent: the model's

  bool given() const { return !file.empty() || !input.empty() || threshold; }
};

}  // namespace limn::program
