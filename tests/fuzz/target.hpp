// What a fuzz target is made of: one of these source files, and libfuzzer.cpp or replay.cpp, which call it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fuzz {

/// Hands bytes that nobody vouches for to what reads them. limn::Error means that they were refused; any other
/// exception is a fault.
void read(const std::uint8_t* data, std::size_t size);

}  // namespace fuzz
