#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>
#include <limn/core/weights.hpp>
#include <limn/model_file/printable.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

namespace detail {

/// IEEE 754: the exponent bits of infinities and NaNs are all ones, those of other numbers are not.
template <class Bits>
bool all_finite(const unsigned char* data, Index count, Bits exponent) {
  bool finite = true;
  for (Index i = 0; i < count; ++i) {
    Bits bits = 0;
    std::memcpy(&bits, data + static_cast<std::size_t>(i) * sizeof(bits), sizeof(bits));
    finite = finite && (bits & exponent) != exponent;
  }
  return finite;
}

/// Problems of one sort with tensors: the first and their number.
struct TensorProblems {
  std::string first;
  std::size_t count = 0;

  void add(const std::string& tensor, const std::string& problem) {
    if (count++ == 0) first = "tensor " + printable(tensor) + ": " + problem;
  }
  void check(const std::string& file) const {
    if (count == 0) return;
    throw Error(file + ": " + first + (count == 1 ? "" : " (and " + std::to_string(count - 1) + " more)"));
  }
};

}  // namespace detail

/// Whether the tensor holds neither NaN nor infinity, as whole numbers never do. Allocates nothing.
inline bool all_finite(const WeightView& weights) {
  if (weights.dtype == DType::i8) return true;
  if (weights.dtype == DType::f32) {
    return detail::all_finite<std::uint32_t>(weights.data, weights.size(), 0x7F800000U);
  }
  return detail::all_finite<std::uint16_t>(weights.data, weights.size(), 0x7C00U);
}

/// Throws Error, naming `file` and the first tensor concerned, unless `weights` holds the tensors of `expected` (see
/// Graph::parameters) and no others, each in the expected shape, I8 where whole numbers are expected and F32 or F16
/// elsewhere, of finite values, and of positive ones where they must be. Every value is read, but for whole numbers.
inline void check_weights(const Weights& weights, const std::vector<ParameterSpec>& expected, const std::string& file) {
  detail::TensorProblems missing;
  detail::TensorProblems misshapen;
  detail::TensorProblems mistyped;
  detail::TensorProblems unknown;
  detail::TensorProblems infinite;
  detail::TensorProblems not_positive;
  std::set<std::string> known;
  for (const ParameterSpec& spec : expected) {
    known.insert(spec.name);
    const auto found = weights.find(spec.name);
    if (found == weights.end()) {
      missing.add(spec.name, "missing, expected shape " + to_string(spec.shape));
    } else if (found->second.shape != spec.shape) {
      misshapen.add(spec.name, "expected shape " + to_string(spec.shape) + ", found " + to_string(found->second.shape));
    } else if ((found->second.dtype == DType::i8) != spec.integers) {
      mistyped.add(spec.name, std::string("expected ") + (spec.integers ? "I8" : "F32 or F16") + ", found " +
                                  to_string(found->second.dtype));
    } else if (!all_finite(found->second)) {
      infinite.add(spec.name, "expected finite values, found NaN or infinity");
    } else if (spec.positive) {
      const FloatVector values = found->second.to_float();
      const float* const end = values.data() + values.size();
      const float* const wrong = std::find_if(values.data(), end, [](float value) { return !(value > 0); });
      if (wrong != end) not_positive.add(spec.name, "expected positive values, found " + std::to_string(*wrong));
    }
  }
  for (const auto& [name, view] : weights) {
    if (known.count(name) == 0) unknown.add(name, "the network has none of that name");
  }
  for (const detail::TensorProblems* problems : {&missing, &misshapen, &mistyped, &unknown, &infinite, &not_positive})
    problems->check(file);
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
