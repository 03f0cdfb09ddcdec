// A model's document as `limn info` prints it.
#pragma once

#include <string>

#include <limn/model_file/document.hpp>

namespace limn::program {

/// A line of what is said about a model; none if the value is empty.
void print_field(const char* name, const std::string& value);

/// What the document of this file says.
void print_document(const ModelDocument& document, const std::string& file);

}  // namespace limn::program
