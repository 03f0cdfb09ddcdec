// Pictures for the tests of the image folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <limn/image/image.hpp>

namespace limn_test {

/// A reproducible stream of bytes (a linear congruential generator, Numerical Recipes' constants).
class Noise {
 public:
  explicit Noise(std::uint32_t seed) : state_(seed) {}
  std::uint32_t next() {
    state_ = state_ * 1664525U + 1013904223U;
    return state_ >> 8;
  }
  std::uint8_t byte() { return static_cast<std::uint8_t>(next() >> 12); }
  /// A number in [low, high).
  double real(double low, double high) { return low + (high - low) * (next() & 0xFFFF) / 65536.0; }

 private:
  std::uint32_t state_;
};

inline limn::Image noise_image(limn::Index width, limn::Index height, std::uint32_t seed = 1) {
  limn::Image image(width, height);
  Noise noise(seed);
  for (limn::Index i = 0; i < width * height * 3; ++i) image.data()[i] = noise.byte();
  return image;
}

/// The same picture as noise_image(), but grey.
inline limn::Image gray_noise_image(limn::Index width, limn::Index height) {
  limn::Image image = noise_image(width, height);
  for (limn::Index i = 0; i < width * height; ++i) {
    image.data()[3 * i + 1] = image.data()[3 * i + 2] = image.data()[3 * i];
  }
  return image;
}

/// A buffer of any pixel format with padding after its rows, or with its last row first.
class Buffer {
 public:
  Buffer(limn::Index width, limn::Index height, limn::PixelFormat format, bool bottom_up = false)
      : width_(width), height_(height), format_(format), bottom_up_(bottom_up) {
    bytes_.assign(static_cast<std::size_t>(stride() * height), 77);
  }
  /// With the pixels of `image`; grey takes the red byte.
  Buffer(const limn::Image& image, limn::PixelFormat format, bool bottom_up = false)
      : Buffer(image.width(), image.height(), format, bottom_up) {
    for (limn::Index y = 0; y < height_; ++y) {
      for (limn::Index x = 0; x < width_; ++x) {
        const std::uint8_t* from = image.pixel(x, y);
        std::uint8_t* to = pixel(x, y);
        const bool reversed = format == limn::PixelFormat::bgr || format == limn::PixelFormat::bgra;
        to[0] = from[reversed ? 2 : 0];
        if (format == limn::PixelFormat::gray) continue;
        to[1] = from[1];
        to[2] = from[reversed ? 0 : 2];
      }
    }
  }

  std::uint8_t* pixel(limn::Index x, limn::Index y) {
    return bytes_.data() + (bottom_up_ ? height_ - 1 - y : y) * stride() + x * limn::bytes_per_pixel(format_);
  }
  limn::Canvas canvas() { return {pixel(0, 0), width_, height_, bottom_up_ ? -stride() : stride(), format_}; }
  limn::ImageView view() { return canvas(); }
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }
  limn::Index stride() const { return width_ * limn::bytes_per_pixel(format_) + 5; }

 private:
  limn::Index width_, height_;
  limn::PixelFormat format_;
  bool bottom_up_;
  std::vector<std::uint8_t> bytes_;
};

inline bool same(const limn::Image& a, const limn::Image& b) {
  if (a.width() != b.width() || a.height() != b.height()) return false;
  for (limn::Index i = 0; i < a.width() * a.height() * 3; ++i) {
    if (a.data()[i] != b.data()[i]) return false;
  }
  return true;
}

constexpr limn::PixelFormat all_formats[] = {limn::PixelFormat::rgb, limn::PixelFormat::bgr, limn::PixelFormat::rgba,
                                             limn::PixelFormat::bgra, limn::PixelFormat::gray};

}  // namespace limn_test
