// A program that includes stb, with its own settings, before limn's header.
#include <doctest/doctest.h>

#define STBI_NO_STDIO
#define STBI_MAX_DIMENSIONS 5
#include <stb_image.h>
#define STBI_ONLY_HDR  // for an implementation still to come

#include <limn/image/io.hpp>

#include <stb_image.h>

#include "image/pictures.hpp"

#if !defined(STBI_NO_STDIO) || STBI_MAX_DIMENSIONS != 5 || !defined(STBI_ONLY_HDR) || defined(STBI_ONLY_PNG)
#error "io.hpp must put a program's settings of stb back"
#endif
#ifndef STBI_INCLUDE_STB_IMAGE_H
#error "io.hpp must put the include guard of stb back"
#endif
#ifdef STB_IMAGE_IMPLEMENTATION
#error "io.hpp must leave no macro of stb behind"
#endif

TEST_CASE("settings that a program made for its own stb do not reach limn's") {
  const limn::Image image = limn_test::noise_image(9, 8);
  const std::vector<unsigned char> file = limn::encode_image(image, ".png");
  CHECK(limn_test::same(limn::decode_image(file.data(), file.size()), image));
  CHECK(limn::detail::stb::stbi_is_16_bit_from_memory(file.data(), static_cast<int>(file.size())) == 0);
  // The program's own functions, compiled in stb_after_io_test.cpp, are still there.
  CHECK(stbi_is_16_bit_from_memory(file.data(), static_cast<int>(file.size())) == 0);
}
