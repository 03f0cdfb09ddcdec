// A program that has its own stb, static and with its own settings, compiled in the same file before limn's header.
#include <doctest/doctest.h>

#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_ONLY_BMP
#define STBI_NO_SIMD
#define STBI_NO_THREAD_LOCALS
#define STBI_NO_FAILURE_STRINGS
#define STBI_WRITE_NO_STDIO
#if defined(__GNUC__) || defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#include <stb_image.h>
#include <stb_image_write.h>
#if defined(__GNUC__) || defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include <limn/image/io.hpp>

#include "image/pictures.hpp"

#if !defined(STBI_ONLY_BMP) || defined(STBI_ONLY_PNG) || !defined(STBI_NO_PNG) || defined(STBI_THREAD_LOCAL)
#error "io.hpp must put a program's settings of stb back"
#endif

TEST_CASE("a program's own static stb, which reads no PNG, and limn's do not notice each other") {
  const limn::Image image = limn_test::noise_image(7, 5);
  const std::vector<unsigned char> file = limn::encode_image(image, ".png");
  CHECK(limn_test::same(limn::decode_image(file.data(), file.size()), image));
  CHECK_THROWS_WITH_AS(limn::decode_image(file.data(), 1, "cut.png"),
                       "cut.png: not a picture limn can read (JPEG, PNG or BMP): unknown image type", limn::Error);

  int width = 0, height = 0, channels = 0;
  CHECK(stbi_info_from_memory(file.data(), static_cast<int>(file.size()), &width, &height, &channels) == 0);
  const std::vector<unsigned char> bmp = limn::encode_image(image, ".bmp");
  CHECK(stbi_info_from_memory(bmp.data(), static_cast<int>(bmp.size()), &width, &height, &channels) == 1);
  CHECK(width == 7);
}
