#pragma once

#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <limn/core/weights.hpp>

/// Writes small safetensors files for tests, in memory or to disk: well-formed ones through add() and metadata(),
/// others through from_header().
class SafetensorsWriter {
 public:
  /// A tensor of float32 values, stored as they are or rounded to F16 (to nearest, ties to even).
  void add(const std::string& name, limn::DType dtype, const std::vector<limn::Index>& shape,
           const std::vector<float>& values) {
    std::vector<unsigned char> bytes;
    for (const float value : values) {
      if (dtype == limn::DType::f32) {
        append(bytes, value);
      } else {
        append(bytes, static_cast<std::uint16_t>(Eigen::half_impl::float_to_half_rtne(value).x));
      }
    }
    add_bytes(name, limn::to_string(dtype), shape, bytes);
  }

  /// A tensor of any bytes, for dtypes and bit patterns of your choice.
  void add_bytes(const std::string& name, const std::string& dtype, const std::vector<limn::Index>& shape,
                 const std::vector<unsigned char>& bytes) {
    header_[name] = {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {data_.size(), data_.size() + bytes.size()}}};
    append(data_, bytes.data(), bytes.size());
  }

  void metadata(const std::string& key, const std::string& value) { header_["__metadata__"][key] = value; }

  std::vector<unsigned char> bytes() const {
    std::string header = header_.dump();
    while (header.size() % 8 != 0) header += ' ';
    return from_header(header, data_);
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

  nlohmann::json header_ = nlohmann::json::object();
  std::vector<unsigned char> data_;
};
