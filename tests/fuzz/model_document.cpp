// The JSON document of a model file, and the graph of the network that it describes, float or 8-bit.
#include <string>

#include <limn/model_file/document.hpp>

#include "target.hpp"

void fuzz::read(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const limn::ModelDocument document = limn::parse_document(text, "fuzz");
  const limn::Graph graph = limn::make_graph(document, "fuzz");
  graph.parameters();
  graph.shapes(document.input.height, document.input.width);
}
