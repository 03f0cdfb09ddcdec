// A network as `limn info` prints it: what its file says, layer by layer, what it takes.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/eigen.hpp>
#include <limn/model_file/model.hpp>
#include <limn/network/graph.hpp>

namespace limn::program {

/// Bytes of a model's tensors for each type of their values, the most first.
std::vector<std::pair<std::int64_t, std::string>> bytes_by_type(const Model& model);

/// Bytes that a model's network takes in memory.
struct Memory {
  Index weights;
  Index thread;  ///< for each thread that estimates
};

Memory memory_of(const Model& model, Index height, Index width);

/// Prints it to stdout, for an input of this size: of `model`, whose file has so many bytes, or of a network that is
/// only described, null, which `title` then stands for.
void print_network(const std::string& title, const Graph& graph, Index height, Index width, const Model* model,
                   Index file_bytes);

}  // namespace limn::program
