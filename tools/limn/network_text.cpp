#include "network_text.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>

#include <limn/network/summary.hpp>

#include "document_text.hpp"
#include "engine.hpp"
#include "text.hpp"

namespace limn::program {

std::vector<std::pair<std::int64_t, std::string>> bytes_by_type(const Model& model) {
  std::map<std::string, std::int64_t> bytes;
  for (const auto& weight : model.weights()) {
    const WeightView& view = weight.second;
    bytes[to_string(view.dtype)] += std::int64_t{view.size()} * static_cast<std::int64_t>(size_in_bytes(view.dtype));
  }
  std::vector<std::pair<std::int64_t, std::string>> sorted;
  for (const auto& [type, size] : bytes) sorted.emplace_back(size, type);
  std::sort(sorted.rbegin(), sorted.rend());
  return sorted;
}

Memory memory_of(const Model& model, Index height, Index width) {
  const auto plan = make_plan(model.graph(), model.weights(), height, width, std::make_shared<const ThreadPool>(1));
  return {plan->weight_bytes(), plan->make_workspace().size_in_bytes()};
}

namespace {

std::string shape_text(const Shape& shape) {
  return format("[%td, %td, %td]", shape.channels, shape.height, shape.width);
}

std::string describe_bytes(const Model& model, Index file_bytes) {
  std::string text;
  for (const auto& [size, type] : bytes_by_type(model))
    text += (text.empty() ? "" : ", ") + thousands(size) + " " + type;
  return thousands(file_bytes) + " bytes (" + text + ")";
}

}  // namespace

void print_network(const std::string& title, const Graph& graph, Index height, Index width, const Model* model,
                   Index file_bytes) {
  if (model != nullptr) {
    print_document(model->document(), model->name());
  } else {
    print_field("network", title);
  }

  const Summary summary = summarize(graph, height, width);
  Table table({"Layer (type)", "Output shape", "Parameters", "Multiply-adds"});
  table.add({"input", shape_text(summary.input), "", ""});
  for (const SummaryRow& row : summary.rows) {
    table.add({row.name + " (" + row.type + ")", shape_text(row.output), row.block ? "" : thousands(row.parameters),
               row.block ? "" : thousands(row.multiply_adds)});
  }
  std::printf("\n");
  table.print();
  std::printf("Parameters: %s\n", thousands(summary.parameters).c_str());
  std::printf("Multiply-adds: %s\n", thousands(summary.multiply_adds).c_str());
  if (model != nullptr) {
    std::printf("Model file: %s\n", describe_bytes(*model, file_bytes).c_str());
    const Memory memory = memory_of(*model, height, width);
    std::printf("In memory: %s bytes of weights, and %s bytes for each thread that estimates\n",
                thousands(memory.weights).c_str(), thousands(memory.thread).c_str());
  }
  std::printf("Runs on: %s, of the instruction sets here (%s)\n", to_string(choose_target()),
              detail::target_names().c_str());
}

}  // namespace limn::program
