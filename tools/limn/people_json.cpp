#include "people_json.hpp"

#include <utility>

#include "text.hpp"

namespace limn::program {

namespace {

std::string indented(std::string text) {
  const std::string margin(4, ' ');
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', end + 1)) {
    text.insert(end + 1, margin);
  }
  return margin + text;
}

}  // namespace

PeopleJson::PeopleJson(Output& output, JsonKind kind, nlohmann::ordered_json document) : output_(output), kind_(kind) {
  if (kind == JsonKind::coco) opening_ = "[";
  if (kind != JsonKind::document) return;
  document["photos"] = nlohmann::ordered_json::array();
  opening_ = text_of(document, 2);
  opening_.resize(opening_.size() - 3);  // without the "]\n}" that ends it
}

void PeopleJson::add(const nlohmann::ordered_json& entry) {
  switch (kind_) {
    case JsonKind::document: output_.write(std::exchange(opening_, ",") + "\n" + indented(text_of(entry, 2))); break;
    case JsonKind::lines: output_.write(text_of(entry) + "\n"); break;
    case JsonKind::coco: output_.write(std::exchange(opening_, ",\n") + text_of(entry)); break;
  }
  empty_ = false;
}

void PeopleJson::finish(bool interrupted) {
  if (empty_ && interrupted) return;
  const std::string rest = empty_ ? opening_ : "";
  if (kind_ == JsonKind::coco) output_.write(rest + "]\n");
  if (kind_ == JsonKind::document) {
    output_.write(rest + (empty_ ? "]" : "\n  ]") + (interrupted ? ",\n  \"interrupted\": true" : "") + "\n}\n");
  }
  output_.finish();
}

}  // namespace limn::program
