// Picture files made in memory, byte by byte, for the tests.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace limn_test {

using Bytes = std::vector<unsigned char>;

inline void append(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }

/// `value` in `count` bytes.
inline void put(Bytes& to, std::size_t value, int count, bool big_endian) {
  for (int i = 0; i < count; ++i) {
    const int shift = 8 * (big_endian ? count - 1 - i : i);
    to.push_back(static_cast<unsigned char>(value >> shift & 0xFF));
  }
}

inline Bytes from_hex(const std::string& text) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<unsigned char>(std::stoi(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

/// A PNG chunk: length, type, data, CRC-32 of type and data.
inline Bytes png_chunk(const std::string& type, const Bytes& data) {
  Bytes chunk;
  put(chunk, data.size(), 4, true);
  chunk.insert(chunk.end(), type.begin(), type.end());
  append(chunk, data);
  std::uint32_t crc = 0xFFFFFFFFU;
  for (std::size_t i = 4; i < chunk.size(); ++i) {
    crc ^= chunk[i];
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320U : 0U);
  }
  put(chunk, crc ^ 0xFFFFFFFFU, 4, true);
  return chunk;
}

/// A PNG file. `rows` is the raw picture, a filter byte (0) before each row; it is stored without compression, so it
/// must be shorter than 64 KiB. `extra` is put before the picture's data: palette, transparency, eXIf.
inline Bytes png_file(unsigned width, unsigned height, int bits, int color_type, const Bytes& rows,
                      const Bytes& extra = Bytes()) {
  Bytes header;
  put(header, width, 4, true);
  put(header, height, 4, true);
  for (const int value : {bits, color_type, 0, 0, 0}) header.push_back(static_cast<unsigned char>(value));
  Bytes zlib = {0x78, 0x01, 0x01};
  put(zlib, rows.size(), 2, false);
  put(zlib, ~rows.size() & 0xFFFF, 2, false);
  append(zlib, rows);
  std::uint32_t a = 1;
  std::uint32_t b = 0;
  for (const unsigned char byte : rows) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  put(zlib, b << 16 | a, 4, true);
  Bytes file = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  append(file, png_chunk("IHDR", header));
  append(file, extra);
  append(file, png_chunk("IDAT", zlib));
  append(file, png_chunk("IEND", Bytes()));
  return file;
}

/// A BMP file with a 40-byte header; `palette` in blue, green, red, 0; `rows` as they are stored, each padded to a
/// multiple of four bytes. A negative height means that the first row is the upper one.
inline Bytes bmp_file(int width, int height, int bits, const Bytes& rows, const Bytes& palette = Bytes()) {
  Bytes file = {'B', 'M'};
  const std::size_t offset = 54 + palette.size();
  put(file, offset + rows.size(), 4, false);
  put(file, 0, 4, false);
  put(file, offset, 4, false);
  put(file, 40, 4, false);
  put(file, static_cast<std::uint32_t>(width), 4, false);
  put(file, static_cast<std::uint32_t>(height), 4, false);
  put(file, 1, 2, false);
  put(file, static_cast<std::size_t>(bits), 2, false);
  put(file, 0, 4, false);
  put(file, rows.size(), 4, false);
  put(file, 0, 8, false);
  put(file, palette.size() / 4, 4, false);
  put(file, 0, 4, false);
  append(file, palette);
  append(file, rows);
  return file;
}

/// The TIFF structure of Exif data with two entries, the second of them the orientation.
inline Bytes tiff(std::size_t orientation, bool big_endian, std::size_t type = 3, std::size_t count = 1) {
  Bytes data = big_endian ? Bytes{'M', 'M'} : Bytes{'I', 'I'};
  put(data, 42, 2, big_endian);
  put(data, 12, 4, big_endian);  // the directory is not right behind the header
  put(data, 0xABCDEF01, 4, big_endian);
  put(data, 2, 2, big_endian);
  put(data, 0x010F, 2, big_endian);  // maker, text of 4 bytes
  put(data, 2, 2, big_endian);
  put(data, 4, 4, big_endian);
  append(data, {'a', 'b', 'c', 0});
  put(data, 0x0112, 2, big_endian);
  put(data, type, 2, big_endian);
  put(data, count, 4, big_endian);
  put(data, orientation, 2, big_endian);
  put(data, 0, 2, big_endian);
  put(data, 0, 4, big_endian);
  return data;
}

/// `jpeg` with a segment inserted after its start-of-image marker.
inline Bytes with_segment(const Bytes& jpeg, unsigned char marker, const Bytes& data) {
  Bytes file(jpeg.begin(), jpeg.begin() + 2);
  append(file, {0xFF, marker});
  put(file, data.size() + 2, 2, true);
  append(file, data);
  file.insert(file.end(), jpeg.begin() + 2, jpeg.end());
  return file;
}

inline Bytes with_exif(const Bytes& jpeg, const Bytes& tiff_data) {
  Bytes data = {'E', 'x', 'i', 'f', 0, 0};
  append(data, tiff_data);
  return with_segment(jpeg, 0xE1, data);
}

}  // namespace limn_test
