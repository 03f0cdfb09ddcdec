#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/core/weights.hpp>
#include <limn/model_file/json_parser.hpp>
#include <limn/model_file/memory_map.hpp>
#include <limn/model_file/printable.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

namespace detail {

/// Reads the JSON header of a safetensors file as a stream of events (JsonParser's), so that nothing is kept that
/// the format does not know, and every tensor is checked as soon as it is complete.
class SafetensorsHeader {
 public:
  SafetensorsHeader(std::string file, const unsigned char* data, std::size_t data_size)
      : file_(std::move(file)), data_(data), data_size_(data_size) {}

  void read(std::string_view text) {
    // JSON may begin with blanks; the format wants the brace first.
    if (text.empty() || text[0] != '{') throw Error(file_ + ": header: expected a JSON object, beginning with {");
    JsonParser<SafetensorsHeader>(text, file_ + ": header", *this).parse();
    check_data_is_covered();
  }

  Weights tensors;
  std::map<std::string, std::string> metadata;

  // Events of the parser.
  void null(std::string_view) { unexpected("null"); }
  void boolean(bool, std::string_view) { unexpected("a boolean"); }
  void number(std::int64_t, std::string_view source) { unexpected(printable(source)); }
  void number(double, std::string_view source) { unexpected(printable(source)); }
  void number(std::uint64_t value, std::string_view source) {
    if (place_ == Place::shape) {
      add_extent(value);
    } else if (place_ == Place::offsets) {
      if (offsets_.size() == 2) fail("data_offsets: expected two numbers, found more");
      offsets_.push_back(value);
    } else {
      unexpected(printable(source));
    }
  }
  void string(std::string& value, std::string_view) {
    if (place_ == Place::metadata) {
      metadata[key_] = std::move(value);
    } else if (place_ == Place::tensor && key_ == "dtype") {
      set_dtype(value);
    } else {
      unexpected("\"" + printable(value) + "\"");
    }
  }
  void start_object(std::string_view) {
    if (place_ == Place::outside) {
      place_ = Place::header;
    } else if (place_ == Place::header && name_ == "__metadata__") {
      place_ = Place::metadata;
    } else if (place_ == Place::header) {
      place_ = Place::tensor;
      tensor_ = WeightView();
      offsets_.clear();
      keys_.clear();
    } else {
      unexpected("an object");
    }
  }
  void key(std::string& value) {
    if (place_ == Place::header) {
      name_ = std::move(value);
      const bool known = name_ == "__metadata__" ? has_metadata_ : tensors.count(name_) > 0;
      if (known) fail("appears twice");
      has_metadata_ = has_metadata_ || name_ == "__metadata__";
      return;
    }
    key_ = std::move(value);
    if (place_ == Place::metadata) {
      if (!metadata.emplace(key_, "").second) fail("key \"" + printable(key_) + "\" appears twice");
      return;
    }
    if (key_ != "dtype" && key_ != "shape" && key_ != "data_offsets") {
      fail("expected dtype, shape and data_offsets, found \"" + printable(key_) + "\"");
    }
    if (std::find(keys_.begin(), keys_.end(), key_) != keys_.end()) fail(key_ + " appears twice");
    keys_.push_back(key_);
  }
  void end_object(std::string_view) {
    if (place_ == Place::tensor) add_tensor();
    place_ = place_ == Place::header ? Place::outside : Place::header;
  }
  void start_array(std::string_view) {
    if (place_ == Place::tensor && key_ == "shape") {
      place_ = Place::shape;
    } else if (place_ == Place::tensor && key_ == "data_offsets") {
      place_ = Place::offsets;
    } else {
      unexpected("an array");
    }
  }
  void end_array(std::string_view) { place_ = Place::tensor; }

 private:
  enum class Place { outside, header, metadata, tensor, shape, offsets };

  struct Range {
    std::uint64_t begin;
    std::uint64_t end;
    const std::string* name;
  };

  [[noreturn]] void fail(const std::string& text) const {
    throw Error(file_ + ": " + (name_ == "__metadata__" ? name_ : "tensor " + printable(name_)) + ": " + text);
  }

  [[noreturn]] void unexpected(const std::string& found) const {
    switch (place_) {
      case Place::outside: throw Error(file_ + ": header: expected a JSON object, found " + found);
      case Place::header: fail("expected an object, found " + found);
      case Place::metadata: fail("key \"" + printable(key_) + "\": expected a string, found " + found);
      case Place::tensor: fail(key_ + ": expected " + (key_ == "dtype" ? "a string" : "an array") + ", found " + found);
      case Place::shape:
      case Place::offsets: break;
    }
    fail(key_ + ": expected whole numbers that are not negative, found " + found);
  }

  void set_dtype(const std::string& name) {
    if (name == "F32") {
      tensor_.dtype = DType::f32;
    } else if (name == "F16") {
      tensor_.dtype = DType::f16;
    } else if (name == "I8") {
      tensor_.dtype = DType::i8;
    } else {
      fail("dtype: expected F32, F16 or I8, found " + printable(name));
    }
  }

  /// Keeps the product of all extents other than 0 within Index, whatever their order.
  void add_extent(std::uint64_t extent) {
    constexpr std::size_t most_extents = 8;
    if (tensor_.shape.size() == most_extents) fail("shape: more than " + std::to_string(most_extents) + " extents");
    auto limit = static_cast<std::uint64_t>((std::numeric_limits<Index>::max)());
    for (const Index other : tensor_.shape) {
      if (other > 0) limit /= static_cast<std::uint64_t>(other);
    }
    if (extent > limit)
      fail("shape: " + std::to_string(extent) + " after " + to_string(tensor_.shape) + " is too large");
    tensor_.shape.push_back(static_cast<Index>(extent));
  }

  void add_tensor() {
    for (const char* key : {"dtype", "shape", "data_offsets"}) {
      if (std::find(keys_.begin(), keys_.end(), key) == keys_.end()) fail(std::string(key) + " is missing");
    }
    if (offsets_.size() != 2) fail("data_offsets: expected two numbers, found " + std::to_string(offsets_.size()));
    const std::uint64_t begin = offsets_[0];
    const std::uint64_t end = offsets_[1];
    if (begin > end || end > data_size_) {
      fail("data_offsets: expected a range within the file's " + std::to_string(data_size_) + " bytes of data, found " +
           to_text(begin, end));
    }
    const auto count = static_cast<std::uint64_t>(tensor_.size());
    const std::uint64_t bytes = end - begin;
    const std::size_t value_bytes = size_in_bytes(tensor_.dtype);
    // Divided, not multiplied: the product might overflow.
    if (bytes / value_bytes != count || bytes % value_bytes != 0) {
      fail("data_offsets: expected " + std::to_string(count) + " values of " + std::to_string(value_bytes) +
           " bytes for shape " + to_string(tensor_.shape) + " of " + to_string(tensor_.dtype) + ", found " +
           std::to_string(bytes) + " bytes");
    }
    tensor_.data = data_ + begin;
    const auto added = tensors.emplace(name_, std::move(tensor_)).first;
    ranges_.push_back({begin, end, &added->first});
  }

  /// Tensors must follow one another from the first byte of the data to the last, as the format demands.
  void check_data_is_covered() {
    std::sort(ranges_.begin(), ranges_.end(),
              [](const Range& a, const Range& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
    std::uint64_t end = 0;
    const std::string* previous = nullptr;
    for (const Range& range : ranges_) {
      name_ = *range.name;
      if (range.begin < end) {
        fail("data_offsets " + to_text(range.begin, range.end) + " overlap those of tensor " + printable(*previous));
      }
      if (range.begin > end) {
        fail("data_offsets " + to_text(range.begin, range.end) + " leave a hole after byte " + std::to_string(end));
      }
      end = range.end;
      previous = range.name;
    }
    if (end != data_size_) {
      throw Error(file_ + ": " + std::to_string(data_size_ - end) + " bytes after the last tensor's data");
    }
  }

  static std::string to_text(std::uint64_t begin, std::uint64_t end) {
    return "[" + std::to_string(begin) + ", " + std::to_string(end) + "]";
  }

  std::string file_;
  const unsigned char* data_;
  std::size_t data_size_;
  Place place_ = Place::outside;
  std::string name_;  // last key of the header: the tensor being read, or __metadata__
  bool has_metadata_ = false;
  std::string key_;  // last key of that tensor or of the metadata
  std::vector<std::string> keys_;
  WeightView tensor_;
  std::vector<std::uint64_t> offsets_;
  std::vector<Range> ranges_;
};

}  // namespace detail

/// A safetensors file (https://github.com/huggingface/safetensors): the length of the header in 8 bytes, little-endian;
/// the header, a JSON object; the tensors' bytes, little-endian.
///
/// The header is checked completely when the file is opened, the values of the tensors not at all (check_weights does
/// that). Tensors are views into the mapped file, of F32, F16 or I8, in PyTorch's order of extents; they are valid as
/// long as this object, one moved or copied from it, or, with from_bytes, the bytes. Of the file's own words nothing is
/// believed: no allocation is larger than the file, or than the few MiB that its longest string (1 MiB) may take.
class Safetensors {
 public:
  /// Maps a file. Throws Error, naming the file and the tensor concerned, if it cannot be read or breaks the format in
  /// any way: length, JSON, types, dtype, shape, offsets that overlap, leave holes or do not fit the shape.
  static Safetensors open(const std::string& path) {
    return detail::only_errors(path, [&] {
      auto file = std::make_shared<const detail::MemoryMap>(path);
      Safetensors result(file->data(), file->size(), path);
      result.file_ = std::move(file);
      for (auto& entry : result.tensors_) entry.second.release = &detail::MemoryMap::release;
      return result;
    });
  }

  /// Reads a file that is in memory already, without a copy: `bytes` must outlive the tensors. `name` is what messages
  /// call it. Throws as open() does.
  static Safetensors from_bytes(const void* bytes, std::size_t size, const std::string& name) {
    return detail::only_errors(name, [&] { return Safetensors(static_cast<const unsigned char*>(bytes), size, name); });
  }

  /// All tensors by name, views of the file: valid as long as it is open.
  const Weights& tensors() const { return tensors_; }
  /// The entries of "__metadata__".
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  /// The path, or the name given to from_bytes.
  const std::string& name() const { return name_; }

  /// Throws Error, naming the file, if there is no tensor of that name.
  const WeightView& tensor(const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) throw Error(name_ + ": tensor " + detail::printable(name) + ": missing");
    return found->second;
  }

 private:
  Safetensors(const unsigned char* bytes, std::size_t size, std::string name) : name_(std::move(name)) {
    constexpr std::size_t length_bytes = 8;
    constexpr std::uint64_t longest_header = 100'000'000;  // the reference implementation's limit
    if (bytes == nullptr || size < length_bytes) {
      throw Error(name_ + ": not a safetensors file: expected at least " + std::to_string(length_bytes) +
                  " bytes, found " + std::to_string(size));
    }
    std::uint64_t header_size = 0;
    for (std::size_t i = 0; i < length_bytes; ++i) header_size |= std::uint64_t{bytes[i]} << (8 * i);
    if (header_size > longest_header) {
      throw Error(name_ + ": not a safetensors file: header of " + std::to_string(header_size) +
                  " bytes, expected at most " + std::to_string(longest_header));
    }
    if (header_size > size - length_bytes) {
      throw Error(name_ + ": truncated: header of " + std::to_string(header_size) + " bytes in a file of " +
                  std::to_string(size));
    }
    const auto text_size = static_cast<std::size_t>(header_size);
    const unsigned char* text = bytes + length_bytes;
    detail::SafetensorsHeader header(name_, text + text_size, size - length_bytes - text_size);
    header.read({reinterpret_cast<const char*>(text), text_size});
    tensors_ = std::move(header.tensors);
    metadata_ = std::move(header.metadata);
  }

  std::string name_;
  std::shared_ptr<const detail::MemoryMap> file_;
  Weights tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
