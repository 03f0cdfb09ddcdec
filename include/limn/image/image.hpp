#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/sizes.hpp>
#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Order of the bytes of one pixel. Alpha is ignored on reading.
enum class PixelFormat { rgb, bgr, rgba, bgra, gray };

/// Bytes a pixel of this format takes.
inline Index bytes_per_pixel(PixelFormat format) {
  switch (format) {
    case PixelFormat::gray: return 1;
    case PixelFormat::rgb:
    case PixelFormat::bgr: return 3;
    case PixelFormat::rgba:
    case PixelFormat::bgra: return 4;
  }
  throw Error("unknown pixel format " + std::to_string(static_cast<int>(format)));
}

/// An 8-bit picture in somebody else's memory, read where it lies. Row y begins at `data + y * row_stride`;
/// `row_stride` is in bytes and may be larger than the row (padding, a cut-out) or negative (bottom-up pictures).
struct ImageView {
  const std::uint8_t* data = nullptr;     ///< the first byte of row 0
  Index width = 0;                        ///< pixels
  Index height = 0;                       ///< pixels
  Index row_stride = 0;                   ///< bytes
  PixelFormat format = PixelFormat::rgb;  ///< order of the bytes of one pixel
};

/// Throws Error if the view is empty, has no data, or has rows that overlap.
inline void check(const ImageView& view) {
  if (view.data == nullptr || view.width <= 0 || view.height <= 0) {
    throw Error("image of " + std::to_string(view.width) + "x" + std::to_string(view.height) +
                (view.data == nullptr ? " pixels without data" : " pixels: both sides must be positive"));
  }
  const auto row_bytes = detail::checked_product<Index>("image row", {view.width, bytes_per_pixel(view.format)});
  if (view.row_stride < row_bytes && view.row_stride > -row_bytes && view.height > 1) {
    throw Error("image row stride " + std::to_string(view.row_stride) + ": expected at least the " +
                std::to_string(row_bytes) + " bytes of a row");
  }
}

/// An 8-bit picture in somebody else's memory that is drawn on where it lies. Members as in ImageView.
struct Canvas {
  std::uint8_t* data = nullptr;           ///< the first byte of row 0
  Index width = 0;                        ///< pixels
  Index height = 0;                       ///< pixels
  Index row_stride = 0;                   ///< bytes
  PixelFormat format = PixelFormat::rgb;  ///< order of the bytes of one pixel

  /// The same picture, for reading.
  ImageView view() const { return {data, width, height, row_stride, format}; }
  /// The same.
  operator ImageView() const { return view(); }  // NOLINT(google-explicit-constructor): what is drawn on can be read
};

/// An 8-bit RGB picture that owns its pixels, rows top to bottom without padding.
class Image {
 public:
  Image() = default;

  /// A black picture. Throws Error if a side is not positive, or their product too large for memory.
  Image(Index width, Index height) : Image(width, height, std::vector<std::uint8_t>()) {}

  /// Takes over `pixels`, RGB, width * height * 3 bytes; an empty vector means black. Throws Error on any other size.
  Image(Index width, Index height, std::vector<std::uint8_t> pixels) : width_(width), height_(height) {
    if (width <= 0 || height <= 0) {
      throw Error("image of " + std::to_string(width) + "x" + std::to_string(height) +
                  " pixels: both sides must be positive");
    }
    if (width > (std::numeric_limits<Index>::max)() / 3 / height) {
      throw Error("image of " + std::to_string(width) + "x" + std::to_string(height) + " pixels: too large for memory");
    }
    const auto expected = static_cast<std::size_t>(width * height * 3);
    if (pixels.empty()) {
      const auto describe = [&] {
        return "image of " + std::to_string(width) + "x" + std::to_string(height) + " pixels";
      };
      detail::only_errors(describe, [&] { pixels.resize(expected); });
    }
    if (pixels.size() != expected) {
      throw Error("image of " + std::to_string(width) + "x" + std::to_string(height) + " RGB pixels: expected " +
                  std::to_string(expected) + " bytes, found " + std::to_string(pixels.size()));
    }
    pixels_ = std::move(pixels);
  }

  /// Pixels of a row.
  Index width() const { return width_; }
  /// Rows.
  Index height() const { return height_; }
  /// Whether it has no pixels.
  bool empty() const { return pixels_.empty(); }

  /// The first byte; row y begins at data() + 3 * width() * y.
  std::uint8_t* data() { return pixels_.data(); }
  /// The same for reading.
  const std::uint8_t* data() const { return pixels_.data(); }

  /// The three bytes (R, G, B) of pixel (x, y).
  std::uint8_t* pixel(Index x, Index y) { return pixels_.data() + (y * width_ + x) * 3; }
  /// The same for reading.
  const std::uint8_t* pixel(Index x, Index y) const { return pixels_.data() + (y * width_ + x) * 3; }

  /// A view of it, valid as long as it is there and keeps its size.
  ImageView view() const { return {pixels_.data(), width_, height_, width_ * 3, PixelFormat::rgb}; }
  /// The same.
  operator ImageView() const { return view(); }  // NOLINT(google-explicit-constructor): an Image is a view of itself

  /// The same to be drawn on.
  Canvas canvas() { return {pixels_.data(), width_, height_, width_ * 3, PixelFormat::rgb}; }
  /// The same.
  operator Canvas() { return canvas(); }  // NOLINT(google-explicit-constructor): an Image can be drawn on

 private:
  Index width_ = 0;
  Index height_ = 0;
  std::vector<std::uint8_t> pixels_;
};

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
