#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/weights.hpp>
#include <limn/model_file/safetensors_writer.hpp>

/// Writes small safetensors files for tests, in memory or to disk, of tensors and metadata that it keeps; malformed
/// ones through from_header().
class SafetensorsWriter {
 public:
  /// A tensor of float32 values, stored as they are or rounded to F16 or I8 (to nearest, ties to even).
  void add(const std::string& name, limn::DType dtype, const std::vector<limn::Index>& shape,
           const std::vector<float>& values) {
    std::vector<unsigned char> bytes;
    for (const float value : values) {
      switch (dtype) {
        case limn::DType::f32: append(bytes, value); break;
        case limn::DType::f16:
          append(bytes, static_cast<std::uint16_t>(Eigen::half_impl::float_to_half_rtne(value).x));
          break;
        case limn::DType::i8: append(bytes, static_cast<std::int8_t>(std::nearbyint(value))); break;
      }
    }
    add_bytes(name, dtype, shape, std::move(bytes));
  }

  /// A tensor of bit patterns of your choice.
  void add_bytes(const std::string& name, limn::DType dtype, const std::vector<limn::Index>& shape,
                 std::vector<unsigned char> bytes) {
    tensors_[name] = {dtype, shape, std::move(bytes)};
  }

  void metadata(const std::string& key, const std::string& value) { metadata_[key] = value; }

  std::vector<unsigned char> bytes() const {
    limn::Weights views;
    for (const auto& [name, tensor] : tensors_) views[name] = {tensor.dtype, tensor.shape, tensor.bytes.data()};
    return limn::safetensors_bytes(views, metadata_, "a test's file");
  }

  void save(const std::string& path) const {
    const std::vector<unsigned char> content = bytes();
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  }

  /// A file of the given header, whatever it says, with its length before and `data` behind it.
  static std::vector<unsigned char> from_header(const std::string& header, const std::vector<unsigned char>& data) {
    std::vector<unsigned char> bytes;
    append(bytes, static_cast<std::uint64_t>(header.size()));
    append(bytes, header.data(), header.size());
    append(bytes, data.data(), data.size());
    return bytes;
  }

 private:
  struct Tensor {
    limn::DType dtype;
    std::vector<limn::Index> shape;
    std::vector<unsigned char> bytes;
  };

  template <class T>
  static void append(std::vector<unsigned char>& bytes, T value) {
    append(bytes, &value, sizeof(T));
  }

  /// Not vector::insert, in which GCC 12 at -O3 sees overflows that are not there.
  static void append(std::vector<unsigned char>& bytes, const void* data, std::size_t size) {
    if (size == 0) return;
    const std::size_t old_size = bytes.size();
    bytes.resize(old_size + size);
    std::memcpy(bytes.data() + old_size, data, size);
  }

  std::map<std::string, Tensor> tensors_;
  std::map<std::string, std::string> metadata_;
};
