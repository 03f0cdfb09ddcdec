// What the bytes of a picture file tell before stb reads them: which way up it wants to be shown, and what stb would
// not survive, take for something else, or not name.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

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

/// Whether a PNG says of its data that they are longer than the file. stb_image makes room for what it says, up to
/// 2 GiB, before it looks.
inline bool ends_within_png_data(const Bytes& file) {
  Bytes rest = file.starts_with("\x89PNG\r\n\x1A\n", 8) ? file.from(8) : Bytes(nullptr, 0);
  while (rest.size() >= 8) {
    const std::size_t length = rest.u32(0);
    if (length > rest.size() - 8) return rest.from(4).starts_with("IDAT", 4);
    rest = rest.from(8 + length).from(4);  // and a checksum
  }
  return false;
}

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
