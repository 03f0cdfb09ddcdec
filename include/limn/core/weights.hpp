#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/sizes.hpp>
#include <limn/core/version.hpp>

#if defined(__BYTE_ORDER__) && defined(__ORDER_LITTLE_ENDIAN__)
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "limn reads the numbers of model files as they lie there, little-endian: it needs a little-endian machine"
#endif
#endif

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Element type of a stored tensor, little-endian.
enum class DType {
  f32,
  f16,
  i8  ///< signed whole numbers; what they stand for is the layer's business
};

/// Bytes of one value.
inline std::size_t size_in_bytes(DType dtype) { return dtype == DType::f32 ? 4 : dtype == DType::f16 ? 2 : 1; }

/// What safetensors files call it.
inline const char* to_string(DType dtype) { return dtype == DType::f32 ? "F32" : dtype == DType::f16 ? "F16" : "I8"; }

/// PyTorch's notation for a tensor's extents, outermost first: "[64, 3, 7, 7]".
inline std::string to_string(const std::vector<Index>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

/// A stored tensor, seen but not owned: element type, extents in PyTorch's order (outermost first) and the raw bytes,
/// which need not be aligned. Valid as long as the file or buffer it points into.
struct WeightView {
  DType dtype = DType::f32;             ///< type of the values
  std::vector<Index> shape;             ///< extents, outermost first
  const unsigned char* data = nullptr;  ///< the first byte

  /// Told when the bytes have been copied, if they are in a mapped file: it can give their memory back until they are
  /// read again. nullptr if there is nothing to give back.
  void (*release)(const unsigned char* data, std::size_t size) = nullptr;

  /// Number of values. Throws Error if an extent is negative or there are more than Index counts.
  Index size() const { return detail::checked_product<Index>("stored tensor", shape); }

  /// The values as fp32, in storage order.
  FloatVector to_float() const {
    FloatVector values(size());
    if (dtype == DType::f32) {
      if (values.size() > 0) std::memcpy(values.data(), data, static_cast<std::size_t>(values.size()) * sizeof(float));
    } else if (dtype == DType::i8) {
      for (Index i = 0; i < values.size(); ++i) values[i] = static_cast<float>(static_cast<signed char>(data[i]));
    } else {
      for (Index i = 0; i < values.size(); ++i) {
        std::uint16_t bits = 0;
        std::memcpy(&bits, data + 2 * i, sizeof(bits));
        values[i] = Eigen::half_impl::half_to_float(Eigen::half_impl::raw_uint16_to_half(bits));
      }
    }
    if (release != nullptr) release(data, static_cast<std::size_t>(values.size()) * size_in_bytes(dtype));
    return values;
  }
};

/// A tensor that a network needs: its PyTorch name and extents, outermost first.
struct ParameterSpec {
  std::string name;          ///< PyTorch's, "layer1.0.conv1.weight" for example; of a layer by itself, "weight"
  std::vector<Index> shape;  ///< extents, outermost first
  bool trainable = true;     ///< false for batch norm's running statistics, which do not count as parameters
  bool integers = false;     ///< whether it is stored as I8; the others as F32 or F16
  bool positive = false;     ///< whether every value must be greater than 0

  /// Number of values. Throws Error if an extent is negative or there are more than 64 bits count.
  std::int64_t size() const { return detail::checked_product<std::int64_t>(name, shape); }
};

/// Tensors by PyTorch name, for example "layer1.0.conv1.weight".
using Weights = std::map<std::string, WeightView>;

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
