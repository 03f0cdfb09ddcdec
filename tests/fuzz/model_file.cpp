// A safetensors file: the container of a model file, with every tensor in it.
#include <limn/model_file/check_weights.hpp>
#include <limn/model_file/safetensors.hpp>

#include "target.hpp"

void fuzz::read(const std::uint8_t* data, std::size_t size) {
  const limn::Safetensors file = limn::Safetensors::from_bytes(data, size, "fuzz");
  for (const auto& [name, tensor] : file.tensors()) {
    if (limn::all_finite(tensor) != tensor.to_float().allFinite()) {
      throw std::logic_error("two opinions of what is finite, on tensor " + name);
    }
  }
}
