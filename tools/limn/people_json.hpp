// The JSON of `limn estimate`, written as the photos are done.
#pragma once

#include <cstddef>
#include <string>

#include <nlohmann/json.hpp>

#include "output.hpp"

namespace limn::program {

enum class JsonKind {
  document,  ///< {"model": NAME, "detector": NAME, "photos": [...]}
  lines,     ///< JSON Lines (https://jsonlines.org): the photos alone, one to a line
  coco,      ///< COCO's list of results, one to a line
};

/// Writes entries into an output, each of them as soon as it is there.
class PeopleJson {
 public:
  /// `document`: what it says besides the photos.
  PeopleJson(Output& output, JsonKind kind, nlohmann::ordered_json document);

  /// A photo, or one of COCO's results. Throws Error if it cannot be written.
  void add(const nlohmann::ordered_json& entry);

  /// Ends the text, of which a document says so if it was `interrupted`, and puts the file in its place, unless it was
  /// interrupted before there was anything. Throws Error if it cannot be written.
  void finish(bool interrupted);

 private:
  Output& output_;
  JsonKind kind_;
  std::string opening_;  // what comes before the next entry
  bool empty_ = true;
};

}  // namespace limn::program
