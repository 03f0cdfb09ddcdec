#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/core/sizes.hpp>
#include <limn/core/version.hpp>
#include <limn/core/weights.hpp>
#include <limn/model_file/printable.hpp>
#include <limn/model_file/safetensors.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// The text as a JSON string, in quotes.
inline std::string json_string(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string result = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': result += "\\\""; break;
      case '\\': result += "\\\\"; break;
      case '\b': result += "\\b"; break;
      case '\f': result += "\\f"; break;
      case '\n': result += "\\n"; break;
      case '\r': result += "\\r"; break;
      case '\t': result += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          result += std::string("\\u00") + digits[c / 16] + digits[c % 16];
        } else {
          result += c;
        }
    }
  }
  return result + '"';
}

/// "[2,3]"
template <class Number>
std::string json_array(const std::vector<Number>& numbers) {
  std::string result = "[";
  for (const Number number : numbers) result += (result.size() > 1 ? "," : "") + std::to_string(number);
  return result + "]";
}

/// A tensor that is to be written.
struct TensorEntry {
  const std::string* name;
  const WeightView* view;
  std::int64_t size;  ///< bytes
};

/// The tensors in the order of the data: larger elements first, so that all are aligned.
inline std::vector<TensorEntry> data_order(const Weights& tensors, const std::string& file) {
  std::vector<TensorEntry> entries;
  for (const auto& [name, view] : tensors) {
    const std::string what = file + ": tensor " + printable(name);
    if (name == "__metadata__") throw Error(what + ": expected another name, which the format does not use itself");
    const Index values = checked_product<Index>(what, view.shape);
    const auto value_bytes = static_cast<std::int64_t>(size_in_bytes(view.dtype));
    entries.push_back({&name, &view, checked_product<std::int64_t>(what, {std::int64_t{values}, value_bytes})});
  }
  std::stable_sort(entries.begin(), entries.end(), [](const TensorEntry& a, const TensorEntry& b) {
    return size_in_bytes(a.view->dtype) > size_in_bytes(b.view->dtype);
  });
  return entries;
}

/// The header, padded so that the data behind it and its length are aligned.
inline std::string safetensors_header(const std::vector<TensorEntry>& tensors,
                                      const std::map<std::string, std::string>& metadata) {
  std::string header;
  if (!metadata.empty()) {
    std::string members;
    for (const auto& [key, value] : metadata) {
      members += (members.empty() ? "" : ",") + json_string(key) + ":" + json_string(value);
    }
    header = "{\"__metadata__\":{" + members + "}";
  }
  std::int64_t begin = 0;
  for (const TensorEntry& tensor : tensors) {
    const std::int64_t end = checked_sum("tensors", begin, tensor.size);
    header += (header.empty() ? "{" : ",") + json_string(*tensor.name) + ":{\"dtype\":\"" +
              to_string(tensor.view->dtype) + "\",\"shape\":" + json_array(tensor.view->shape) +
              ",\"data_offsets\":" + json_array(std::vector<std::int64_t>{begin, end}) + "}";
    begin = end;
  }
  header += header.empty() ? "{}" : "}";
  header.append((8 - header.size() % 8) % 8, ' ');
  return header;
}

}  // namespace detail

/// The bytes of a safetensors file (see Safetensors) of these tensors and metadata, always the same for the same ones:
/// first the F32 tensors, then F16, then I8, each in the order of names, as the reference implementation writes them.
///
/// `name` stands for the file in messages. Throws Error if Safetensors would not read the file: a tensor has more than
/// 8 extents or a negative one, or is named __metadata__, a text is no UTF-8 or longer than 1 MiB; or if there is not
/// so much memory.
inline std::vector<unsigned char> safetensors_bytes(const Weights& tensors,
                                                    const std::map<std::string, std::string>& metadata,
                                                    const std::string& name) {
  return detail::only_errors(name, [&] {
    const std::vector<detail::TensorEntry> entries = detail::data_order(tensors, name);
    const std::string header = detail::safetensors_header(entries, metadata);
    const auto header_size = static_cast<std::uint64_t>(header.size());
    std::size_t size = sizeof(header_size) + header.size();
    for (const detail::TensorEntry& tensor : entries) size += static_cast<std::size_t>(tensor.size);

    std::vector<unsigned char> bytes(size);
    unsigned char* next = bytes.data();
    const auto append = [&next](const void* data, std::size_t count) {
      if (count > 0) std::memcpy(next, data, count);
      next += count;
    };
    append(&header_size, sizeof(header_size));
    append(header.data(), header.size());
    for (const detail::TensorEntry& tensor : entries) {
      const auto count = static_cast<std::size_t>(tensor.size);
      append(tensor.view->data, count);
      if (tensor.view->release != nullptr) tensor.view->release(tensor.view->data, count);
    }
    Safetensors::from_bytes(bytes.data(), bytes.size(), name);
    return bytes;
  });
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
