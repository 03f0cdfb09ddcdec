// A picture file: JPEG, PNG or BMP.
#include <cmath>

#include <limn/image/io.hpp>

#include "target.hpp"

namespace {

/// Whether the header tells of so many pixels that reading them takes longer than thousands of small pictures.
bool is_large(const std::uint8_t* data, std::size_t size) {
  constexpr double most_pixels = 1 << 18;
  int width = 0;
  int height = 0;
  int channels = 0;
  const bool known =
      limn::detail::stb::stbi_info_from_memory(data, static_cast<int>(size), &width, &height, &channels) != 0;
  return known &&
         static_cast<double>(width) * std::abs(static_cast<double>(height)) > most_pixels;  // below 0 in some BMPs
}

}  // namespace

void fuzz::read(const std::uint8_t* data, std::size_t size) {
  // The header of a JPEG lies behind its Huffman tables, which only decode_image() makes sure of.
  const bool jpeg = size > 0 && data[0] == 0xFF;
  const std::size_t safe = jpeg ? limn::detail::safe_jpeg_size(limn::detail::Bytes(data, size)) : size;
  if (safe > 0 && is_large(data, safe)) return;
  limn::decode_image(data, size, "fuzz");
}
