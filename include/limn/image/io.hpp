// Reading and writing picture files, with stb_image and stb_image_write, which have to be on the include path. Not part
// of <limn/limn.hpp>: a program that has its pixels does without.
//
// The functions that use stb have internal linkage, as stb has here (image/stb.hpp): every translation unit that
// includes this header gets its own copy of them, so it is best included in one.
#pragma once

#include <algorithm>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/file.hpp>
#include <limn/image/image.hpp>
#include <limn/image/resample.hpp>
#include <limn/image/stb.hpp>

namespace limn {
namespace detail {

/// Pictures with more pixels are refused: no camera makes them, and decoding one takes gigabytes.
constexpr Index max_image_pixels = Index{1} << 28;

/// Bytes of a file that are read only after a look at where they end. Beyond the end there are zeros.
class Bytes {
 public:
  Bytes(const unsigned char* data, std::size_t size) : data_(data), size_(size) {}
  std::size_t size() const { return size_; }
  Bytes from(std::size_t offset) const {
    return offset <= size_ ? Bytes(data_ + offset, size_ - offset) : Bytes(nullptr, 0);
  }
  Bytes first(std::size_t count) const { return Bytes(data_, (std::min)(count, size_)); }
  bool starts_with(const char* text, std::size_t length) const {
    return length <= size_ && std::memcmp(data_, text, length) == 0;
  }
  unsigned at(std::size_t offset) const { return offset < size_ ? data_[offset] : 0U; }
  unsigned u16(std::size_t offset, bool big_endian = true) const {
    return big_endian ? at(offset) << 8 | at(offset + 1) : at(offset + 1) << 8 | at(offset);
  }
  unsigned u32(std::size_t offset, bool big_endian = true) const {
    return big_endian ? u16(offset) << 16 | u16(offset + 2) : u16(offset + 2, false) << 16 | u16(offset, false);
  }

 private:
  const unsigned char* data_;
  std::size_t size_;
};

/// The orientation (1 to 8) in a TIFF structure, or 1 if there is none or it makes no sense. Exif 2.3, section 4.5:
/// byte order "II" or "MM", the number 42, the offset of the first directory; a directory is a count and entries of 12
/// bytes: tag (0x0112 is Orientation), type (3 is a 16-bit number), count, value.
inline int tiff_orientation(const Bytes& tiff) {
  const bool big_endian = tiff.starts_with("MM", 2);
  if ((!big_endian && !tiff.starts_with("II", 2)) || tiff.u16(2, big_endian) != 42) return 1;
  const Bytes directory = tiff.from(tiff.u32(4, big_endian));
  const unsigned entries = directory.u16(0, big_endian);
  for (unsigned i = 0; i < entries; ++i) {
    const Bytes entry = directory.from(2 + std::size_t{12} * i);
    if (entry.size() < 12) return 1;
    if (entry.u16(0, big_endian) != 0x0112) continue;
    const unsigned value = entry.u16(8, big_endian);
    const bool valid = entry.u16(2, big_endian) == 3 && entry.u32(4, big_endian) == 1 && value >= 1 && value <= 8;
    return valid ? static_cast<int>(value) : 1;
  }
  return 1;
}

/// The orientation in a JPEG's first Exif segment (APP1, Exif 2.3 section 4.5.4), else 1.
inline int jpeg_orientation(Bytes rest) {
  rest = rest.from(2);  // start of image
  while (rest.size() >= 4 && rest.at(0) == 0xFF) {
    const unsigned marker = rest.at(1);
    if (marker == 0xFF) {  // padding
      rest = rest.from(1);
      continue;
    }
    if (marker == 0xDA || marker == 0xD9) break;  // start of scan, end of image
    const std::size_t length = rest.u16(2);       // with its own two bytes, without the marker
    if (length < 2 || rest.size() < 2 + length) break;
    if (marker == 0xE1 && length >= 8 && rest.from(4).starts_with("Exif\0\0", 6)) {
      return tiff_orientation(rest.from(10).first(length - 8));
    }
    rest = rest.from(2 + length);
  }
  return 1;
}

/// The orientation in a PNG's eXIf chunk, else 1.
inline int png_orientation(Bytes rest) {
  rest = rest.from(8);  // signature
  while (rest.size() >= 12) {
    const std::size_t length = rest.u32(0);
    if (length > rest.size() - 12) break;
    if (rest.from(4).starts_with("eXIf", 4)) return tiff_orientation(rest.from(8).first(length));
    rest = rest.from(12 + length);
  }
  return 1;
}

/// Which way up a picture file wants to be shown: the Exif orientation, 1 (as it is stored) to 8.
inline int orientation(const Bytes& file) {
  if (file.starts_with("\xFF\xD8", 2)) return jpeg_orientation(file);
  if (file.starts_with("\x89PNG\r\n\x1A\n", 8)) return png_orientation(file);
  return 1;
}

/// Whether a JPEG's Huffman segment (`segment` begins with its length) defines a table of more than 256 codes.
inline bool has_oversized_table(const Bytes& segment) {
  auto left = static_cast<int>(segment.u16(0)) - 2;
  std::size_t position = 2;
  while (left > 0) {
    const unsigned kind = segment.at(position);
    if ((kind & 0xEC) != 0) return false;  // refused by stb
    unsigned codes = 0;
    for (std::size_t i = 1; i <= 16; ++i) codes += segment.at(position + i);
    if (codes > 256) return true;
    position += 17 + codes;
    left -= 17 + static_cast<int>(codes);
  }
  return false;
}

/// How many bytes of a JPEG to hand to stb, 0 for none. stb_image trusts the number of codes of a Huffman table up to
/// version 2.27 (the one in Debian 12) and writes beyond the table if it is too large, so all tables are looked at
/// first. Nothing behind the end-of-image marker is handed over, for that has not been looked at.
inline std::size_t safe_jpeg_size(const Bytes& file) {
  // Segment by segment up to the first scan. What comes before the first marker byte out of place is read in the same
  // way by stb; from there on, and in the scans, everything that could be a table is taken for one.
  std::size_t position = file.starts_with("\xFF\xD8", 2) ? 2 : file.size();
  while (file.at(position) == 0xFF) {
    const unsigned marker = file.at(position + 1);
    if (marker == 0xDA) break;
    if (marker == 0xC4 && has_oversized_table(file.from(position + 2))) return 0;
    position += marker == 0xFF ? 1 : 2 + std::size_t{file.u16(position + 2)};
  }
  for (std::size_t i = position < file.size() ? position : 0; i < file.size(); ++i) {
    if (file.at(i) != 0xFF) continue;
    if (file.at(i + 1) == 0xC4 && has_oversized_table(file.from(i + 2))) return 0;
    if (file.at(i + 1) == 0xD9) return i + 2;
  }
  return file.size();
}

/// What is wrong with a JPEG that stb would not name, or not even see; null if nothing. Of four colours Adobe's segment
/// (APP14) says whether they are CMYK (0) or YCCK (2), in the byte behind "Adobe", a version and two words of flags;
/// without it stb takes three of them for YCbCr, and the picture is another one.
inline const char* jpeg_trouble(const Bytes& file) {
  int transform = -1;
  Bytes rest = file.starts_with("\xFF\xD8", 2) ? file.from(2) : Bytes(nullptr, 0);
  while (rest.at(0) == 0xFF) {
    const unsigned marker = rest.at(1);
    if (marker == 0xEE && rest.u16(2) >= 14 && rest.from(4).starts_with("Adobe\0", 6)) {
      transform = static_cast<int>(rest.at(15));
    }
    if (marker > 0xC2 && marker <= 0xCF && marker % 4 != 0) return "a lossless or arithmetically coded JPEG";
    if (marker >= 0xC0 && marker <= 0xC2) {  // start of frame: length, bits, height, width, number of colours
      if (rest.at(4) != 8) return "a JPEG of more than 8 bits a channel";
      const bool unknown = rest.at(9) == 4 && transform != 0 && transform != 2;
      return unknown ? "a JPEG of four colours that does not say which" : nullptr;
    }
    rest = rest.from(marker == 0xFF ? 1 : 2 + std::size_t{rest.u16(2)});
  }
  return nullptr;
}

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

/// Reads a picture from the bytes of a JPEG (baseline or progressive), PNG or BMP file: grey, palette or colour, 8 or
/// 16 bits a channel (the upper 8 are kept), and JPEG also in four colours if it says which. Turned and mirrored as its
/// Exif orientation says (JPEG, PNG). Alpha is dropped and the colour below it shown, as cv2.imread and PIL's
/// convert("RGB") do. Colour profiles are ignored. `name` stands for the picture in messages.
///
/// Throws Error if it is no such file, damaged so that it cannot be decoded, or larger than 2^28 pixels. A file that
/// ends too early: PNG always throws; JPEG and BMP throw only if the header is incomplete and else give the picture
/// with the missing part grey or black.
static inline Image decode_image(const unsigned char* bytes, std::size_t size, const std::string& name = "image") try {
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
  int width = 0;
  int height = 0;  // negative in the header of a BMP whose first row is the upper one
  int channels = 0;
  if (detail::stb::stbi_info_from_memory(bytes, length, &width, &height, &channels) == 0)
    throw unreadable(detail::stb::stbi_failure_reason());
  detail::refuse_size(width, std::abs(Index{height}), name);
  const std::unique_ptr<unsigned char, void (*)(void*)> pixels(
      detail::stb::stbi_load_from_memory(bytes, length, &width, &height, &channels, 3), detail::stb::stbi_image_free);
  if (!pixels) throw unreadable(detail::stb::stbi_failure_reason());
  return detail::upright(pixels.get(), width, height, detail::orientation(file));
} catch (...) {
  detail::rethrow_as_error(name);
}

/// Reads a picture file, see decode_image(). The path goes to the C++ runtime as it is: UTF-8 on Linux and macOS, the
/// system's code page on Windows (there, read a file with another name yourself and use decode_image()).
/// Throws Error if the file cannot be read.
static inline Image load_image(const std::string& path) try {
  constexpr auto one_too_many = std::size_t{INT_MAX} + 1;
  const auto bytes = detail::read_file(path, one_too_many);
  return decode_image(bytes.data(), bytes.size(), path);
} catch (...) {
  detail::rethrow_as_error(path);
}

/// The bytes of a picture file of the kind that `extension` says: ".png", ".jpg" or ".jpeg" (quality 95, colours in
/// full resolution), ".bmp", in either case. Grey views give grey PNGs, the others colour; alpha is dropped. `name`
/// stands for the picture in messages. Throws Error on another extension, or if the picture is too large for the
/// format.
static inline std::vector<unsigned char> encode_image(const ImageView& view, const std::string& extension,
                                                      const std::string& name = "image") try {
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
  std::vector<unsigned char> file;
  const auto append = [](void* to, void* data, int count) {
    auto& bytes = *static_cast<std::vector<unsigned char>*>(to);
    const std::size_t before = bytes.size();
    bytes.resize(before + static_cast<std::size_t>(count));
    std::memcpy(bytes.data() + before, data, static_cast<std::size_t>(count));
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
  if (done == 0) throw Error(name + ": cannot be encoded, probably for want of memory");
  return file;
} catch (...) {
  detail::rethrow_as_error(name);
}

/// Writes a picture of any pixel format to a file, its kind by the extension, see encode_image(). An existing file is
/// replaced. For the path see load_image(). Throws Error if the extension is unknown or the file cannot be written.
static inline void save_image(const std::string& path, const ImageView& view) try {
  detail::write_file(path, encode_image(view, detail::extension_of(path), path));
} catch (...) {
  detail::rethrow_as_error(path);
}

}  // namespace limn
