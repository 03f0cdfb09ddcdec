// Lets libFuzzer think of the bytes (https://llvm.org/docs/LibFuzzer.html).
#include <limn/core/error.hpp>

#include "target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    fuzz::read(data, size);
  } catch (const limn::Error&) {
  }
  return 0;
}
