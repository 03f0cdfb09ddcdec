#pragma once

#include <climits>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/file.hpp>
#include <limn/core/version.hpp>
#include <limn/image/image.hpp>
#include <limn/image/io.hpp>
#include <limn/image/picture_file.hpp>
#include <limn/image/resample.hpp>
#include <limn/image/stb.hpp>
#include <limn/image/turbojpeg.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// Pictures with more pixels are refused: no camera makes them, and decoding one takes gigabytes.
constexpr Index max_image_pixels = Index{1} << 28;

/// The picture of packed RGB `pixels` as it is to be shown. Exif 2.3 section 4.6.4, Orientation: the stored first row
/// and first column are the shown picture's 1 top and left, 2 top and right, 3 bottom and right, 4 bottom and left,
/// 5 left and top, 6 right and top, 7 right and bottom, 8 left and bottom.
inline Image upright(const std::uint8_t* pixels, Index width, Index height, int orientation) {
  const bool turned = orientation >= 5;
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image image(turned ? height : width, turned ? width : height);
  // Going right and going down in the shown picture, in bytes of the stored one.
  const std::uint8_t* start =
      pixels + ((from_right ? width - 1 : 0) + (from_bottom ? (height - 1) * width : Index{0})) * 3;
  const Index along_row = from_right ? -3 : 3;
  const Index along_column = from_bottom ? -3 * width : 3 * width;
  const Index right = turned ? along_column : along_row;
  const Index down = turned ? along_row : along_column;
  std::uint8_t* out = image.data();
  for (Index y = 0; y < image.height(); ++y) {
    for (Index x = 0; x < image.width(); ++x, out += 3) std::memcpy(out, start + y * down + x * right, 3);
  }
  return image;
}

/// ".png" of "photos/Me.PNG", in lower case; empty if the file name has no dot.
inline std::string extension_of(const std::string& path) {
  const std::size_t name = path.find_last_of("/\\");
  const std::size_t dot = path.rfind('.');
  if (dot == std::string::npos || (name != std::string::npos && dot < name)) return std::string();
  std::string extension = path.substr(dot);
  for (char& c : extension) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return extension;
}

/// A view's pixels as stb wants them, rows without padding: one byte a pixel for grey, else three (RGB).
inline std::vector<unsigned char> packed(const ImageView& view) {
  const Index channels = view.format == PixelFormat::gray ? 1 : 3;
  std::vector<unsigned char> pixels(static_cast<std::size_t>(view.width * view.height * channels));
  unsigned char* out = pixels.data();
  with_layout(view.format, [&](auto layout) {
    using Layout = decltype(layout);
    for (Index y = 0; y < view.height; ++y) {
      const std::uint8_t* in = view.data + y * view.row_stride;
      for (Index x = 0; x < view.width; ++x, in += Layout::bytes, out += channels) {
        out[0] = in[Layout::red];
        if (channels == 1) continue;
        out[1] = in[Layout::green];
        out[2] = in[Layout::blue];
      }
    }
  });
  return pixels;
}

inline void refuse_size(Index width, Index height, const std::string& name) {
  if (width <= 0 || height <= 0) throw Error(name + ": a picture without pixels");
  if (width > max_image_pixels / height) {
    throw Error(name + ": a picture of " + std::to_string(width) + "x" + std::to_string(height) +
                " pixels, expected at most 2^28 pixels");
  }
}

}  // namespace detail

LIMN_LOCAL Image decode_image(const unsigned char* bytes, std::size_t size, const std::string& name) try {
  if (bytes == nullptr || size == 0) throw Error(name + ": is empty");
  if (size > INT_MAX) throw Error(name + ": a picture file may have at most 2 GiB");
  const auto unreadable = [&name](const char* reason) {
    if (reason != nullptr && std::strcmp(reason, "outofmem") == 0) return Error(name + ": not enough memory");
    return Error(name +
                 ": not a picture limn can read (JPEG, PNG or BMP): " + (reason != nullptr ? reason : "damaged"));
  };
  const detail::Bytes file(bytes, size);
  const bool jpeg = bytes[0] == 0xFF;
  const auto length = static_cast<int>(jpeg ? detail::safe_jpeg_size(file) : size);
  if (length == 0) throw unreadable("bad Huffman table");
  if (const char* const trouble = jpeg ? detail::jpeg_trouble(file) : nullptr) throw unreadable(trouble);
  if (detail::ends_within_png_data(file)) throw unreadable("a PNG that ends too early");
  int width = 0;
  int height = 0;  // negative in the header of a BMP whose first row is the upper one
  int channels = 0;
  if (detail::stb::stbi_info_from_memory(bytes, length, &width, &height, &channels) == 0)
    throw unreadable(detail::stb::stbi_failure_reason());
  detail::refuse_size(width, std::abs(Index{height}), name);
#ifdef LIMN_TURBOJPEG
  if (jpeg) {
    const auto decoded = detail::decode_by_turbojpeg(bytes, static_cast<std::size_t>(length), width, height);
    if (!decoded.empty()) return detail::upright(decoded.data(), width, height, detail::orientation(file));
  }
#endif
  const std::unique_ptr<unsigned char, void (*)(void*)> pixels(
      detail::stb::stbi_load_from_memory(bytes, length, &width, &height, &channels, 3), detail::stb::stbi_image_free);
  if (!pixels) throw unreadable(detail::stb::stbi_failure_reason());
  return detail::upright(pixels.get(), width, height, detail::orientation(file));
} catch (...) {
  detail::rethrow_as_error(name);
}

LIMN_LOCAL Image load_image(const std::string& path) try {
  constexpr auto one_too_many = std::size_t{INT_MAX} + 1;
  const auto bytes = detail::read_file(path, one_too_many);
  return decode_image(bytes.data(), bytes.size(), path);
} catch (...) {
  detail::rethrow_as_error(path);
}

LIMN_LOCAL std::vector<unsigned char> encode_image(const ImageView& view, const std::string& extension,
                                                   const std::string& name) try {
  check(view);
  const std::string kind = detail::extension_of(extension);
  const bool jpeg = kind == ".jpg" || kind == ".jpeg";
  if (!jpeg && kind != ".png" && kind != ".bmp") {
    throw Error(name + ": unknown picture format \"" + kind + "\", expected .png, .jpg, .jpeg or .bmp");
  }
  detail::refuse_size(view.width, view.height, name);
  if (jpeg && (view.width > 65535 || view.height > 65535)) {
    throw Error(name + ": a JPEG has at most 65535 pixels a side, the picture has " + std::to_string(view.width) + "x" +
                std::to_string(view.height));
  }
  const std::vector<unsigned char> pixels = detail::packed(view);
  const int width = static_cast<int>(view.width);
  const int height = static_cast<int>(view.height);
  const int channels = view.format == PixelFormat::gray ? 1 : 3;
  struct File {
    std::vector<unsigned char> bytes;
    bool whole = true;
  } file;
  // No exception passes through stb, which would leave its memory behind.
  const auto append = [](void* to, void* data, int count) {
    File& all = *static_cast<File*>(to);
    try {
      const std::size_t before = all.bytes.size();
      all.bytes.resize(before + static_cast<std::size_t>(count));
      std::memcpy(all.bytes.data() + before, data, static_cast<std::size_t>(count));
    } catch (...) {
      all.whole = false;
    }
  };
  int done = 0;
  if (jpeg) {
    done = detail::stb::stbi_write_jpg_to_func(append, &file, width, height, channels, pixels.data(), 95);
  } else if (kind == ".png") {
    const int stride = width * channels;
    done = detail::stb::stbi_write_png_to_func(append, &file, width, height, channels, pixels.data(), stride);
  } else {
    done = detail::stb::stbi_write_bmp_to_func(append, &file, width, height, channels, pixels.data());
  }
  if (done == 0 || !file.whole) throw Error(name + ": cannot be encoded, probably for want of memory");
  return std::move(file.bytes);
} catch (...) {
  detail::rethrow_as_error(name);
}

LIMN_LOCAL void save_image(const std::string& path, const ImageView& view) try {
  detail::write_file(path, encode_image(view, detail::extension_of(path), path));
} catch (...) {
  detail::rethrow_as_error(path);
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
