#pragma once

#include <string>
#include <utility>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/model_file/check_weights.hpp>
#include <limn/model_file/document.hpp>
#include <limn/model_file/safetensors.hpp>
#include <limn/network/graph.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// A model file, opened and checked: what it says about itself, the network it describes, float or 8-bit, and that
/// network's weights.
///
/// The weights are not copied: they stay in the mapped file, or in the bytes the caller holds, and are valid as long
/// as this model (or a copy of it) and those bytes.
class Model {
 public:
  /// Opens a model file. Throws Error naming the file, and the tensor or field, if anything in it is not as it should
  /// be: see Safetensors, parse_document, make_graph and check_weights.
  static Model open(const std::string& path) {
    return detail::only_errors(path, [&] { return Model(Safetensors::open(path)); });
  }

  /// The same from bytes that the caller keeps alive and unchanged; `name` stands for the file in messages.
  static Model from_bytes(const void* data, std::size_t size, const std::string& name = "model") {
    return detail::only_errors(name, [&] { return Model(Safetensors::from_bytes(data, size, name)); });
  }

  /// The file's name, or what from_bytes() was given.
  const std::string& name() const { return file_.name(); }
  /// What the file says of the model, checked.
  const ModelDocument& document() const { return document_; }
  /// The network, in 8 bit if the file is.
  const Graph& graph() const { return graph_; }
  /// The file's tensors, views of it.
  const Weights& weights() const { return file_.tensors(); }

 private:
  explicit Model(Safetensors file)
      : file_(std::move(file)), document_(read_document(file_)), graph_(make_graph(document_, file_.name())) {
    check_weights(file_.tensors(), graph_.parameters(), file_.name());
  }

  Safetensors file_;
  ModelDocument document_;
  Graph graph_;
};

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
