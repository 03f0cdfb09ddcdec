#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <set>
#include <vector>

#include <limn/engine/simd/kernels.hpp>

using limn::Index;
using limn::Target;
using limn::detail::ByteFormat;
using limn::detail::ByteSum;
using limn::detail::ByteTileInput;
using limn::detail::ByteTileOutput;
using limn::detail::group_values;
using limn::detail::kernels_of;
using limn::detail::KernelTable;
using limn::detail::value_bytes;

namespace {

using Bytes = std::vector<unsigned char>;
constexpr unsigned char untouched = 77;

int draw(std::mt19937& random, int least, int most) {
  return least + static_cast<int>(random() % static_cast<unsigned>(most - least + 1));
}

/// The extremes every third time.
unsigned char draw_byte(std::mt19937& random) {
  const int kind = draw(random, 0, 5);
  return static_cast<unsigned char>(kind == 0 ? 0 : kind == 1 ? 255 : draw(random, 0, 255));
}

int draw_weight(std::mt19937& random) {
  const int kind = draw(random, 0, 5);
  return kind == 0 ? -128 : kind == 1 ? 127 : draw(random, -128, 127);
}

Bytes draw_bytes(std::mt19937& random, Index count) {
  Bytes bytes(static_cast<std::size_t>(count));
  for (unsigned char& byte : bytes) byte = draw_byte(random);
  return bytes;
}

/// The formulas of byte_kernels.hpp, one value at a time.
int rounded(float value, float least, float most) {
  if (!(value > least)) value = least;
  if (!(value < most)) value = most;
  return static_cast<int>(std::nearbyint(value));
}

int scaled(float value, int zero_point, bool relu) {
  return zero_point + rounded(value, static_cast<float>(relu ? 0 : -zero_point), static_cast<float>(255 - zero_point));
}

int added(float a, float b, int zero_point, bool relu) {
  const int sum = rounded(a, -2097152.0F, 2097152.0F) + rounded(b, -2097152.0F, 2097152.0F) + 128;
  // Rounded down, which a division is not.
  const int shifted = (sum - ((sum % 256) + 256) % 256) / 256;
  return std::min(std::max(shifted + zero_point, relu ? zero_point : 0), 255);
}

/// One tile of random size and content for a target, and what should come of it.
class Tile {
 public:
  Tile(const KernelTable& kernels, Index pixels, Index rows, int mode, std::mt19937& random) : kernels_(kernels) {
    const ByteFormat format = kernels.bytes.format;
    const Index values = group_values(format);
    segments_ = draw(random, 0, 3);
    length_ = draw(random, 1, 7);
    const Index count = length_ * values;
    pixel_stride_ = draw(random, 1, static_cast<int>(count) + 5);  // values; windows may overlap
    segment_stride_ = draw(random, static_cast<int>(count), static_cast<int>(count) + 30);
    const Index first = draw(random, 0, 3);
    // Not a value more than is read, so that the sanitizers see if one is.
    const Index last_segment = segments_ > 0 ? (segments_ - 1) * segment_stride_ : 0;
    map_ = draw_bytes(random, first + (pixels - 1) * pixel_stride_ + last_segment + count);
    prepared_.resize(map_.size() * static_cast<std::size_t>(value_bytes(format)));
    kernels.bytes.prepare(map_.data(), prepared_.data(), static_cast<Index>(map_.size()));

    floats_ = mode % 3 == 2;
    with_residual_ = mode % 3 == 1;
    relu_ = mode >= 3;
    const Index panel_rows = kernels.panel_rows;
    for (Index row = 0; row < panel_rows; ++row) {
      // Powers of 2 make ties, and large factors meet the clamps.
      const int kind = draw(random, 0, 5);
      const float tie = std::ldexp(1.0F, -draw(random, 1, 12));
      const float factor = kind < 3 ? tie : static_cast<float>(draw(random, 1, 100000)) * 1e-6F;
      factors_.push_back(kind == 5 ? 3e8F : factor * (with_residual_ ? 256.0F : 1.0F));
      const int large = draw(random, 0, 9);
      bias_.push_back(large == 0 ? 1 << 30 : large == 1 ? -(1 << 30) : draw(random, -60000, 60000));
    }
    residual_factor_ = draw(random, 0, 1) != 0 ? 128.0F : static_cast<float>(draw(random, 1, 2000));
    if (draw(random, 0, 9) == 0) residual_factor_ = 1e6F;
    residual_zero_point_ = draw_byte(random);
    zero_point_ = draw_byte(random);

    // What a caller does for signed bytes: 128 times the weights are missing from the sums.
    std::vector<std::int32_t> bias = bias_;
    std::vector<std::int32_t> packed(static_cast<std::size_t>(std::max<Index>(1, segments_ * length_ * panel_rows)));
    weights_.resize(static_cast<std::size_t>(segments_ * count * panel_rows));
    for (Index group = 0; group < segments_ * length_; ++group) {
      for (Index row = 0; row < panel_rows; ++row) {
        std::int8_t bytes[4] = {};
        std::int16_t words[2] = {};
        for (Index k = 0; k < values; ++k) {
          const int weight = draw_weight(random);
          weights_[static_cast<std::size_t>((group * values + k) * panel_rows + row)] = weight;
          if (format == ByteFormat::words) {
            words[k] = static_cast<std::int16_t>(weight);
          } else {
            bytes[k] = static_cast<std::int8_t>(weight);
          }
          if (format == ByteFormat::signed_bytes) bias[static_cast<std::size_t>(row)] += 128 * weight;
        }
        std::int32_t& to = packed[static_cast<std::size_t>(group * panel_rows + row)];
        std::memcpy(&to, format == ByteFormat::words ? static_cast<void*>(words) : bytes, sizeof(to));
      }
    }

    const Index out_stride = rows + draw(random, 0, 5);
    const Index residual_stride = rows + draw(random, 0, 5);
    const Index out_size = (pixels - 1) * out_stride + rows;
    const Bytes residual = draw_bytes(random, (pixels - 1) * residual_stride + rows);
    Bytes bytes(static_cast<std::size_t>(out_size) + 8, untouched);
    std::vector<float> floats(bytes.size(), -7.0F);
    const Index value = value_bytes(format);
    const ByteTileInput in{prepared_.data() + first * value, pixel_stride_ * value, length_, segments_,
                           segment_stride_ * value};
    const ByteTileOutput out{bytes.data() + 4,
                             floats_ ? floats.data() + 4 : nullptr,
                             out_stride,
                             bias.data(),
                             factors_.data(),
                             with_residual_ ? residual.data() : nullptr,
                             residual_stride,
                             residual_factor_,
                             residual_zero_point_,
                             zero_point_,
                             relu_,
                             rows};
    kernels.bytes.multiply(pixels, packed.data(), in, out, {});

    Bytes expected_bytes(bytes.size(), untouched);
    std::vector<float> expected_floats(floats.size(), -7.0F);
    for (Index n = 0; n < pixels; ++n) {
      for (Index row = 0; row < rows; ++row) {
        const auto place = static_cast<std::size_t>(n * out_stride + row + 4);
        const float product = static_cast<float>(sum(first, n, row)) * factors_[static_cast<std::size_t>(row)];
        if (floats_) {
          expected_floats[place] = relu_ && product < 0 ? 0.0F : product;
        } else if (with_residual_) {
          const int r = residual[static_cast<std::size_t>(n * residual_stride + row)];
          const float other = static_cast<float>(r - residual_zero_point_) * residual_factor_;
          expected_bytes[place] = static_cast<unsigned char>(added(product, other, zero_point_, relu_));
        } else {
          expected_bytes[place] = static_cast<unsigned char>(scaled(product, zero_point_, relu_));
        }
      }
    }
    equal = bytes == expected_bytes && floats == expected_floats;
  }

  bool equal;

 private:
  std::int32_t sum(Index first, Index n, Index row) const {
    std::int64_t result = bias_[static_cast<std::size_t>(row)];
    const Index count = length_ * group_values(kernels_.bytes.format);
    for (Index segment = 0; segment < segments_; ++segment) {
      for (Index k = 0; k < count; ++k) {
        const auto from = static_cast<std::size_t>(first + n * pixel_stride_ + segment * segment_stride_ + k);
        const auto weight = static_cast<std::size_t>((segment * count + k) * kernels_.panel_rows + row);
        result += map_[from] * weights_[weight];
      }
    }
    return static_cast<std::int32_t>(result);
  }

  const KernelTable& kernels_;
  Index segments_, length_, pixel_stride_, segment_stride_;
  Bytes map_, prepared_;
  std::vector<int> weights_;
  std::vector<std::int32_t> bias_;
  std::vector<float> factors_;
  float residual_factor_;
  int residual_zero_point_, zero_point_;
  bool floats_, with_residual_, relu_;
};

/// Counts that no vector divides, and some that all do.
std::vector<Index> counts() {
  std::vector<Index> result = {127, 128, 129, 255, 256, 300};
  for (Index count = 0; count <= 70; ++count) result.push_back(count);
  return result;
}

}  // namespace

TEST_CASE("products of bytes are the same sums, scaled and rounded, on every target") {
  for (const Target target : limn::targets()) {
    CAPTURE(limn::to_string(target));
    const KernelTable& kernels = kernels_of(target);
    std::set<Index> sizes;
    for (Index pixels = 1; pixels <= 12; ++pixels) sizes.insert(kernels.next_tile(pixels));
    REQUIRE(*sizes.rbegin() == kernels.tile_pixels);
    std::mt19937 random(1);
    for (const Index pixels : sizes) {
      CAPTURE(pixels);
      for (Index rows = 1; rows <= kernels.panel_rows; ++rows) {
        CAPTURE(rows);
        int wrong = 0;
        for (int mode = 0; mode < 6; ++mode) {
          for (int i = 0; i < 4; ++i) wrong += Tile(kernels, pixels, rows, mode, random).equal ? 0 : 1;
        }
        CHECK(wrong == 0);
      }
    }
  }
}

TEST_CASE("sums of bytes are exact up to 2^30 on every target") {
  for (const Target target : limn::targets()) {
    CAPTURE(limn::to_string(target));
    const KernelTable& kernels = kernels_of(target);
    const ByteFormat format = kernels.bytes.format;
    constexpr Index count = 32896;  // 255 * 128 times that is 2^30 and a little less
    const Bytes map(count, 255);
    Bytes prepared(static_cast<std::size_t>(count * value_bytes(format)));
    kernels.bytes.prepare(map.data(), prepared.data(), count);
    const auto panel_rows = static_cast<std::size_t>(kernels.panel_rows);
    for (const int weight : {-128, 127}) {
      const std::int8_t bytes[4] = {static_cast<std::int8_t>(weight), static_cast<std::int8_t>(weight),
                                    static_cast<std::int8_t>(weight), static_cast<std::int8_t>(weight)};
      const std::int16_t words[2] = {static_cast<std::int16_t>(weight), static_cast<std::int16_t>(weight)};
      std::int32_t group = 0;
      std::memcpy(&group, format == ByteFormat::words ? static_cast<const void*>(words) : bytes, sizeof(group));
      const Index groups = count / group_values(format);
      const std::vector<std::int32_t> weights(static_cast<std::size_t>(groups) * panel_rows, group);
      const std::int32_t correction = format == ByteFormat::signed_bytes ? 128 * weight * static_cast<int>(count) : 0;
      const std::vector<std::int32_t> bias(panel_rows, correction + 1000);
      const std::vector<float> factors(panel_rows, 1.0F);
      std::vector<float> floats(panel_rows, 0.0F);
      const ByteTileOutput out{nullptr, floats.data(), 0, bias.data(), factors.data(), nullptr,
                               0,       0.0F,          0, 0,           false,          kernels.panel_rows};
      kernels.bytes.multiply(1, weights.data(), {prepared.data(), 0, groups, 1, 0}, out, {});
      const int expected = 255 * weight * static_cast<int>(count) + 1000;
      CHECK(floats == std::vector<float>(panel_rows, static_cast<float>(expected)));
    }
  }
}

TEST_CASE("bytes are brought into a target's format") {
  std::mt19937 random(2);
  for (const Target target : limn::targets()) {
    CAPTURE(limn::to_string(target));
    const KernelTable& kernels = kernels_of(target);
    const ByteFormat format = kernels.bytes.format;
    CHECK(group_values(format) * value_bytes(format) == 4);
    for (const Index count : counts()) {
      const Bytes in = draw_bytes(random, count);
      Bytes out(static_cast<std::size_t>(count * value_bytes(format) + 1), untouched);
      kernels.bytes.prepare(in.data(), out.data(), count);
      Bytes expected;
      for (const unsigned char value : in) {
        const std::int16_t word = value;
        const int byte = format == ByteFormat::signed_bytes ? value - 128 : value;
        const auto* begin = reinterpret_cast<const unsigned char*>(&word);
        if (format == ByteFormat::words) {
          expected.insert(expected.end(), begin, begin + 2);
        } else {
          expected.push_back(static_cast<unsigned char>(byte & 255));
        }
      }
      expected.push_back(untouched);
      CHECK(out == expected);
    }
  }
}

TEST_CASE("floats become bytes, to nearest and ties to even, and bytes floats on every target") {
  std::vector<float> special = {0.0F,        -0.0F,      1e30F,  -1e30F, 1e-30F,
                                0.49999997F, 254.49998F, 254.5F, 255.5F, 2147483648.0F};
  special.push_back(std::numeric_limits<float>::infinity());
  special.push_back(-std::numeric_limits<float>::infinity());
  special.push_back(std::numeric_limits<float>::quiet_NaN());
  for (int i = -600; i <= 600; ++i) special.push_back(static_cast<float>(i) * 0.5F);
  for (const Target target : limn::targets()) {
    CAPTURE(limn::to_string(target));
    const KernelTable& kernels = kernels_of(target);
    std::mt19937 random(3);
    for (const Index count : counts()) {
      for (const float inverse_scale : {1.0F, 0.25F, 3.7F}) {
        const int zero_point = draw_byte(random);
        std::vector<float> in;
        for (Index i = 0; i < count; ++i) in.push_back(special[random() % special.size()]);
        Bytes out(static_cast<std::size_t>(count) + 1, untouched);
        kernels.bytes.quantize(in.data(), out.data(), count, inverse_scale, zero_point);
        Bytes expected;
        for (const float value : in) {
          expected.push_back(static_cast<unsigned char>(scaled(value * inverse_scale, zero_point, false)));
        }
        expected.push_back(untouched);
        CHECK(out == expected);

        std::vector<float> back(out.size(), -7.0F);
        kernels.bytes.dequantize(out.data(), back.data(), count, inverse_scale, zero_point);
        std::vector<float> expected_back;
        for (Index i = 0; i < count; ++i) {
          const int value = out[static_cast<std::size_t>(i)] - zero_point;
          expected_back.push_back(static_cast<float>(value) * inverse_scale);
        }
        expected_back.push_back(-7.0F);
        CHECK(back == expected_back);
      }
    }
  }
}

TEST_CASE("maps of bytes are added, and the larger of two taken, on every target") {
  for (const Target target : limn::targets()) {
    CAPTURE(limn::to_string(target));
    const KernelTable& kernels = kernels_of(target);
    std::mt19937 random(4);
    for (const Index count : counts()) {
      for (int i = 0; i < 8; ++i) {
        // Multiples of 128 make ties.
        const auto factor = [&] {
          const int kind = draw(random, 0, 4);
          return kind < 2 ? 128.0F * static_cast<float>(kind + 1)
                          : static_cast<float>(draw(random, 1, 100000)) * (kind == 4 ? 10.0F : 0.01F);
        };
        const ByteSum sum{factor(),          draw_byte(random), factor(),
                          draw_byte(random), draw_byte(random), random() % 2 != 0};
        const Bytes a = draw_bytes(random, count);
        const Bytes b = draw_bytes(random, count);
        Bytes expected;
        Bytes larger;
        for (std::size_t k = 0; k < a.size(); ++k) {
          expected.push_back(static_cast<unsigned char>(
              added(static_cast<float>(a[k] - sum.a_zero_point) * sum.a_factor,
                    static_cast<float>(b[k] - sum.b_zero_point) * sum.b_factor, sum.zero_point, sum.relu)));
          larger.push_back(std::max(a[k], b[k]));
        }
        expected.push_back(untouched);
        larger.push_back(untouched);
        Bytes out(a.size() + 1, untouched);
        kernels.bytes.add(a.data(), b.data(), out.data(), count, sum);
        CHECK(out == expected);
        std::copy(a.begin(), a.end(), out.begin());
        kernels.bytes.add(out.data(), b.data(), out.data(), count, sum);
        CHECK(out == expected);
        std::copy(a.begin(), a.end(), out.begin());
        kernels.bytes.maximum(b.data(), out.data(), count);
        CHECK(out == larger);
      }
    }
  }
}

TEST_CASE("multiply-adds of bytes in registers are done, all of them") {
  for (const Target target : limn::targets()) {
    CAPTURE(limn::to_string(target));
    const KernelTable& kernels = kernels_of(target);
    const int group = static_cast<int>(group_values(kernels.bytes.format));
    const int chains = kernels.bytes.multiply_adds_per_round / (kernels.vector_size * group);
    CHECK(chains == kernels.register_count - 4);
    const std::int32_t start = chains * (chains - 1) / 2;
    CHECK(kernels.bytes.multiply_add_in_registers(0, 3, 5) == 5 * chains + start);
    // A group is {3, 0, ...}, and meets the summand or, where the compiler would see through that, the sum.
    const std::int32_t result = kernels.bytes.multiply_add_in_registers(1, 3, 1);
    CHECK((result == chains + start + 3 * chains || result == 4 * (chains + start)));
  }
}
