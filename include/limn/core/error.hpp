#pragma once

#include <stdexcept>
#include <string>

namespace limn {

/// The one exception type limn throws. `what()` is one sentence that names the file or tensor concerned and, where
/// two things disagree, what was expected and what was found.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace limn
