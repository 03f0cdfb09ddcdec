// Decimal numbers read in exact arithmetic, which is the same with every compiler and under every locale:
// std::from_chars reads no floating point numbers with older standard libraries, and std::strtod wants the locale's
// decimal point.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// A natural number of at most 4096 bits. Nobody checks: see read_decimal for why that is enough.
class BigNatural {
 public:
  explicit BigNatural(std::uint32_t value = 0) { multiply_add(0, value); }

  bool is_zero() const { return size_ == 0; }

  int bits() const {
    int bits = 32 * static_cast<int>(size_);
    for (std::uint32_t bit = 1U << 31; size_ > 0 && (words_[size_ - 1] & bit) == 0; bit >>= 1) --bits;
    return bits;
  }

  /// *this = *this * factor + summand
  void multiply_add(std::uint32_t factor, std::uint32_t summand) {
    std::uint64_t carry = summand;
    for (std::size_t i = 0; i < size_; ++i) {
      carry += std::uint64_t{words_[i]} * factor;
      words_[i] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    if (carry > 0) words_[size_++] = static_cast<std::uint32_t>(carry);
  }

  void multiply_by_power_of_10(int exponent) {
    for (; exponent > 0; --exponent) multiply_add(10, 0);
  }

  void shift_left(int bits) {
    if (is_zero()) return;
    const auto words = static_cast<std::size_t>(bits / 32);
    std::copy_backward(words_.begin(), words_.begin() + size_, words_.begin() + size_ + words);
    std::fill_n(words_.begin(), words, 0);
    size_ += words;
    multiply_add(1U << (bits % 32), 0);
  }

  bool operator>=(const BigNatural& other) const {
    if (size_ != other.size_) return size_ > other.size_;
    for (std::size_t i = size_; i-- > 0;) {
      if (words_[i] != other.words_[i]) return words_[i] > other.words_[i];
    }
    return true;
  }

  /// Of a number that is not larger.
  void subtract(const BigNatural& other) {
    std::uint64_t borrow = 0;
    for (std::size_t i = 0; i < size_; ++i) {
      const std::uint64_t subtrahend = (i < other.size_ ? other.words_[i] : 0) + borrow;
      borrow = words_[i] < subtrahend ? 1 : 0;
      words_[i] = static_cast<std::uint32_t>(words_[i] - subtrahend);
    }
    while (size_ > 0 && words_[size_ - 1] == 0) --size_;
  }

 private:
  std::array<std::uint32_t, 128> words_ = {};  // the lowest first
  std::size_t size_ = 0;                       // without leading zeros
};

/// The double next to numerator / denominator, neither of which is 0; of two as near the one with an even mantissa.
/// Infinity if that is too large for a double.
inline double nearest_double(BigNatural numerator, BigNatural denominator) {
  // The quotient in units of 2^exponent has 54 or 55 bits, one or two more than a double's mantissa; fewer where the
  // last bit is half the smallest double, 2^-1074.
  int exponent = (std::max)(numerator.bits() - denominator.bits() - 54, -1075);
  constexpr int quotient_bits = 55;
  if (exponent < 0) {
    numerator.shift_left(-exponent);
  } else {
    denominator.shift_left(exponent);
  }
  denominator.shift_left(quotient_bits - 1);
  std::uint64_t quotient = 0;
  for (int i = 0; i < quotient_bits; ++i) {
    quotient *= 2;
    if (numerator >= denominator) {
      numerator.subtract(denominator);
      quotient += 1;
    }
    numerator.shift_left(1);
  }
  bool more = !numerator.is_zero();
  if (quotient >> 54 != 0) {
    more = more || quotient % 2 != 0;
    quotient /= 2;
    exponent += 1;
  }
  const bool half = quotient % 2 != 0;
  quotient /= 2;
  if (half && (more || quotient % 2 != 0)) quotient += 1;
  return std::ldexp(static_cast<double>(quotient), exponent + 1);
}

/// The double next to a number as JSON writes it, which `text` must be: -12.5e-3. Infinity if it is too large for a
/// double, 0 if it is too small.
inline double read_decimal(std::string_view text) {
  // Halfway between two doubles no number has more significant digits than 767. Of more it matters only whether there
  // are any but zeros. With the bounds on the magnitude below, numerator and denominator stay below 10^1094, and have
  // 55 bits more while they are divided: 3690.
  constexpr int most_digits = 768;
  // No text is as long as to make up for an exponent of this size.
  constexpr auto largest_exponent = (std::numeric_limits<std::int64_t>::max)() / 16;

  std::size_t i = 0;
  const double sign = text[0] == '-' ? -1 : 1;
  if (sign < 0) ++i;
  BigNatural digits;
  int count = 0;  // of the digits, leading zeros apart
  std::int64_t exponent = 0;
  bool fraction = false;
  bool more = false;
  for (; i < text.size() && text[i] != 'e' && text[i] != 'E'; ++i) {
    if (text[i] == '.') {
      fraction = true;
      continue;
    }
    const auto digit = static_cast<std::uint32_t>(text[i] - '0');
    if (fraction) --exponent;
    if (count == 0 && digit == 0) continue;
    if (count < most_digits) {
      digits.multiply_add(10, digit);
      ++count;
    } else {
      ++exponent;
      more = more || digit != 0;
    }
  }
  if (count == 0) return sign * 0.0;
  if (more) {
    digits.multiply_add(10, 1);
    ++count;
    --exponent;
  }
  if (i < text.size()) {
    ++i;
    const bool negative = text[i] == '-';
    if (negative || text[i] == '+') ++i;
    std::int64_t written = 0;
    for (; i < text.size(); ++i) written = (std::min)(written * 10 + (text[i] - '0'), largest_exponent);
    exponent += negative ? -written : written;
  }

  // From 10^(magnitude - 1) to below 10^magnitude.
  const std::int64_t magnitude = count + exponent;
  if (magnitude > 309) return sign * std::numeric_limits<double>::infinity();
  if (magnitude < -323) return sign * 0.0;
  BigNatural denominator(1);
  if (exponent < 0) {
    denominator.multiply_by_power_of_10(static_cast<int>(-exponent));
  } else {
    digits.multiply_by_power_of_10(static_cast<int>(exponent));
  }
  return sign * nearest_double(digits, denominator);
}

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
