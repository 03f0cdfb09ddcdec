// A program that has its own stb, compiled in the same file after limn's header.
#include <doctest/doctest.h>

#include <limn/image/io.hpp>

#ifdef STBI_INCLUDE_STB_IMAGE_H
#error "io.hpp must leave no macro of stb behind"
#endif
#ifdef STBIDEF
#error "io.hpp must leave no macro of stb behind"
#endif

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_WRITE_IMPLEMENTATION
#if defined(__GNUC__) || defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#endif
#include <stb_image.h>
#include <stb_image_write.h>
#if defined(__GNUC__) || defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include "image/pictures.hpp"

TEST_CASE("a program's own stb, turned upside down, and limn's do not notice each other") {
  const limn::Image image = limn_test::noise_image(4, 3);
  stbi_flip_vertically_on_write(1);
  stbi_set_flip_vertically_on_load(1);
  const std::vector<unsigned char> file = limn::encode_image(image, ".png");
  CHECK(limn_test::same(limn::decode_image(file.data(), file.size()), image));

  int width = 0, height = 0, channels = 0;
  stbi_uc* pixels = stbi_load_from_memory(file.data(), static_cast<int>(file.size()), &width, &height, &channels, 3);
  REQUIRE(pixels != nullptr);
  CHECK(pixels[0] == image.pixel(0, 2)[0]);
  stbi_image_free(pixels);
  stbi_flip_vertically_on_write(0);
  stbi_set_flip_vertically_on_load(0);
}
