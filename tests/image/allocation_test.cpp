// What comes out of reading and writing pictures where memory runs out.
#include <doctest/doctest.h>

#include <cstdio>
#include <string>
#include <vector>

#include <limn/image/io.hpp>

#include "counted_new.hpp"

TEST_CASE("wherever memory runs out while a picture is made, written or read, what comes out is an error") {
  limn::Image image(40, 30);
  for (limn::Index i = 0; i < 40 * 30 * 3; ++i) image.data()[i] = static_cast<std::uint8_t>(i * 7);
  CHECK(errors_of_refusals<limn::Error>(1, [] { limn::Image(40, 30); }) == 1);
  for (const char* extension : {".png", ".jpg", ".bmp"}) {
    CAPTURE(extension);
    const std::string name = std::string("a picture with a name that is not short") + extension;
    CHECK(errors_of_refusals<limn::Error>(1, [&] { limn::encode_image(image, name, name); }) > 0);
    const std::vector<unsigned char> bytes = limn::encode_image(image, extension);
    CHECK(errors_of_refusals<limn::Error>(1, [&] { limn::decode_image(bytes.data(), bytes.size(), name); }) > 0);
    const std::string path = std::string("limn_allocation_test") + extension;
    CHECK(errors_of_refusals<limn::Error>(1, [&] { limn::save_image(path, image); }) > 0);
    limn::save_image(path, image);
    CHECK(errors_of_refusals<limn::Error>(1, [&] { limn::load_image(path); }) > 0);
    CHECK(limn::load_image(path).width() == 40);
    std::remove(path.c_str());
  }
}
