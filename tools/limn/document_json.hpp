// A model's document as JSON, for `limn info --json`.
#pragma once

#include <nlohmann/json.hpp>

#include <limn/model_file/document.hpp>

namespace limn::program {

/// The document as a model file has it, with everything filled in that a file may leave out: parse_document() makes of
/// it the document that it was made of.
nlohmann::ordered_json to_json(const ModelDocument& document);

/// A map's scale and zero point, as the document lists them.
nlohmann::ordered_json to_json(const MapScale& scale);

/// The document's words.
const char* name_of(Geometry geometry);
const char* name_of(DecoderType type);

}  // namespace limn::program
