// `limn evaluate --metric boxes`: how well a person detector does.
#pragma once

#include "evaluate_options.hpp"

namespace limn::program {

/// Scores the detector on the annotations' boxes. Returns the exit status.
int evaluate_boxes(const EvaluateOptions& options);

}  // namespace limn::program
