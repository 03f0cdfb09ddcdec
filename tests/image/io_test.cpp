#include <limn/image/io.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "image/files.hpp"
#include "image/pictures.hpp"

using limn::Image;
using limn::Index;
using limn_test::Buffer;
using limn_test::Bytes;
using limn_test::noise_image;
using limn_test::same;

namespace {

Image decode(const Bytes& bytes) { return limn::decode_image(bytes.data(), bytes.size()); }

/// Red, green and blue of a pixel as one number, 0xRRGGBB.
int rgb(const Image& image, Index x, Index y) {
  const std::uint8_t* p = image.pixel(x, y);
  return p[0] << 16 | p[1] << 8 | p[2];
}

/// A picture that JPEG keeps well: colours change slowly, and differently along x and y.
Image smooth_image(Index width, Index height) {
  Image image(width, height);
  for (Index y = 0; y < height; ++y) {
    for (Index x = 0; x < width; ++x) {
      image.pixel(x, y)[0] = static_cast<std::uint8_t>(40 + 180 * x / width);
      image.pixel(x, y)[1] = static_cast<std::uint8_t>(40 + 180 * y / height);
      image.pixel(x, y)[2] = static_cast<std::uint8_t>(200 - 90 * x / width - 90 * y / height);
    }
  }
  return image;
}

int worst_difference(const Image& a, const Image& b) {
  int worst = 0;
  for (Index i = 0; i < a.width() * a.height() * 3; ++i) worst = std::max(worst, std::abs(a.data()[i] - b.data()[i]));
  return worst;
}

/// What decoding says, or "" if it gives a picture.
std::string complaint(const Bytes& bytes, const std::string& name = "image") {
  try {
    limn::decode_image(bytes.data(), bytes.size(), name);
  } catch (const limn::Error& error) {
    return error.what();
  }
  return "";
}

/// A file name in the working directory whose file is gone when the test is over.
struct TemporaryFile {
  std::string path;
  explicit TemporaryFile(const std::string& name) : path("limn_io_test_" + name) {}
  ~TemporaryFile() { std::remove(path.c_str()); }
};

/// A grey JPEG, 16x16, value 20 + 9 x + 4 y, written by libjpeg-turbo (quality 90).
const char* const gray_jpeg =
    "ffd8ffe000104a46494600010100000100010000ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b0a"
    "0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffc0000b080010001001011100ffc400150001010000000000"
    "0000000000000000000807ffc400191000010500000000000000000000000000000607223351ffda0008010100003f002c35a9ba618301ad4d"
    "d30c22ad6a6e9860c06b5374c30fffd9";

/// A progressive JPEG, 16x16, 4:2:0, red 8 x + 4 y, green 50 + 10 y, blue 255 - 10 x, by libjpeg-turbo (quality 80).
const char* const progressive_jpeg =
    "ffd8ffe000104a46494600010100000100010000ffdb00430006040506050406060506070706080a100a0a09090a140e0f0c10171418181714"
    "16161a1d251f1a1b231c1616202c20232627292a29191f2d302d283025282928ffdb0043010707070a080a130a0a13281a161a282828282828"
    "2828282828282828282828282828282828282828282828282828282828282828282828282828282828282828ffc2001108001000100301220"
    "0021101031101ffc4001500010100000000000000000000000000000305ffc4001501010100000000000000000000000000000405ffda000c"
    "0301000210031000000188d7de98bfffc400161000030000000000000000000000000000000103ffda00080101000105025114451144ffc400"
    "161100030000000000000000000000000000000304ffda0008010301013f018da7ffc400161100030000000000000000000000000000000405"
    "ffda0008010201013f01a0d1ffc40014100100000000000000000000000000000020ffda0008010100063f021fffc400151001010000000000"
    "0000000000000000000061ffda0008010100013f219a69a6ffda000c0301000200030000001077ffc400151101010000000000000000000000"
    "0000000031ffda0008010301013f109bffc400161100030000000000000000000000000000002131ffda0008010201013f10bb3fffc4001610"
    "01010100000000000000000000000000003110ffda0008010100013f10c02040ffd9";

}  // namespace

TEST_CASE("PNG and BMP keep every pixel of every pixel format") {
  for (const char* extension : {".png", ".bmp", ".PNG"}) {
    for (const limn::PixelFormat format : limn_test::all_formats) {
      const bool gray = format == limn::PixelFormat::gray;
      const Image image = gray ? limn_test::gray_noise_image(13, 7) : noise_image(13, 7);
      for (const bool bottom_up : {false, true}) {
        CAPTURE(extension);
        CAPTURE(static_cast<int>(format));
        Buffer buffer(image, format, bottom_up);
        CHECK(same(decode(limn::encode_image(buffer.view(), extension)), image));
      }
    }
  }
}

TEST_CASE("JPEG keeps smooth pictures nearly") {
  const Image image = smooth_image(37, 29);
  for (const limn::PixelFormat format : {limn::PixelFormat::rgb, limn::PixelFormat::bgra}) {
    Buffer buffer(image, format);
    const Image back = decode(limn::encode_image(buffer.view(), ".jpeg"));
    REQUIRE(back.width() == 37);
    REQUIRE(back.height() == 29);
    CHECK(worst_difference(back, image) <= 6);
  }
}

TEST_CASE("a grey view is written as a grey PNG") {
  Buffer buffer(limn_test::gray_noise_image(5, 4), limn::PixelFormat::gray);
  const Bytes file = limn::encode_image(buffer.view(), ".png");
  CHECK(file[25] == 0);  // colour type in the header
  const Bytes colored = limn::encode_image(noise_image(5, 4), ".png");
  CHECK(colored[25] == 2);
}

TEST_CASE("a grey JPEG has three equal channels") {
  const Image image = decode(limn_test::from_hex(gray_jpeg));
  REQUIRE(image.width() == 16);
  REQUIRE(image.height() == 16);
  for (Index y = 0; y < 16; ++y) {
    for (Index x = 0; x < 16; ++x) {
      CHECK(std::abs(image.pixel(x, y)[0] - (20 + 9 * x + 4 * y)) <= 2);
      CHECK(image.pixel(x, y)[1] == image.pixel(x, y)[0]);
      CHECK(image.pixel(x, y)[2] == image.pixel(x, y)[0]);
    }
  }
}

TEST_CASE("a progressive JPEG with halved colour resolution is read") {
  const Image image = decode(limn_test::from_hex(progressive_jpeg));
  REQUIRE(image.width() == 16);
  REQUIRE(image.height() == 16);
  double sum = 0;
  for (Index y = 0; y < 16; ++y) {
    for (Index x = 0; x < 16; ++x) {
      const std::uint8_t* p = image.pixel(x, y);
      sum += std::abs(static_cast<double>(p[0] - (8 * x + 4 * y)));
      sum += std::abs(static_cast<double>(p[1] - (50 + 10 * y)));
      sum += std::abs(static_cast<double>(p[2] - (255 - 10 * x)));
    }
  }
  CHECK(sum / (16 * 16 * 3) < 5);
}

TEST_CASE("a JPEG in four colours is read if Adobe's segment says which they are") {
  // 8x8, all of the inverted inks 200, 100, 50 and 255, written by hand.
  const std::string before = "ffd8";
  std::string adobe = "ffee000e41646f62650064000000000000";
  std::string rest = "ffdb004300";
  for (int i = 0; i < 64; ++i) rest += "08";
  rest +=
      "ffc00014080008000804011100021100031100041100ffc4001f000000000c000000000000000000000000000102030405060708090a0b"
      "ffc40014100100000000000000000000000000000000ffda000e040100020003000400003f00790519d89ffbffd9";
  adobe.resize(2 * 16);
  const Image image = decode(limn_test::from_hex(before + adobe + rest));
  REQUIRE(image.width() == 8);
  for (int channel = 0; channel < 3; ++channel) {
    const int expected = channel == 0 ? 200 : channel == 1 ? 100 : 50;
    CHECK(std::abs(image.pixel(7, 7)[channel] - expected) <= 2);
  }
  const auto refused = [](const std::string& hex, const std::string& reason) {
    const Bytes file = limn_test::from_hex(hex);
    CHECK_THROWS_WITH_AS(limn::decode_image(file.data(), file.size(), "x"),
                         ("x: not a picture limn can read (JPEG, PNG or BMP): a " + reason).c_str(), limn::Error);
  };
  refused(before + rest, "JPEG of four colours that does not say which");
  adobe.back() = '1';
  refused(before + adobe + rest, "JPEG of four colours that does not say which");
  refused(before + "ffc000140c0008000804011100021100031100041100", "JPEG of more than 8 bits a channel");
  refused(before + "ffc30014080008000804011100021100031100041100", "lossless or arithmetically coded JPEG");
}

TEST_CASE("PNG: 16 bits keep their upper 8") {
  const Image gray = decode(limn_test::png_file(3, 2, 16, 0,
                                                {0, 0x00, 0xFF, 0x80, 0x00, 0xFF, 0x01,  //
                                                 0, 0x12, 0x34, 0x00, 0x00, 0x7F, 0xFF}));
  CHECK(rgb(gray, 0, 0) == 0x000000);
  CHECK(rgb(gray, 1, 0) == 0x808080);
  CHECK(rgb(gray, 2, 0) == 0xFFFFFF);
  CHECK(rgb(gray, 0, 1) == 0x121212);
  CHECK(rgb(gray, 2, 1) == 0x7F7F7F);
  const Image color = decode(limn_test::png_file(1, 1, 16, 2, {0, 0x10, 0xAA, 0x20, 0xBB, 0x30, 0xCC}));
  CHECK(rgb(color, 0, 0) == 0x102030);
  const Image alpha = decode(limn_test::png_file(1, 1, 16, 6, {0, 0x10, 0xAA, 0x20, 0xBB, 0x30, 0xCC, 0x00, 0x01}));
  CHECK(rgb(alpha, 0, 0) == 0x102030);
}

TEST_CASE("PNG: grey, one bit, palette and alpha become RGB") {
  const Image gray = decode(limn_test::png_file(2, 1, 8, 0, {0, 0x12, 0xF0}));
  CHECK(rgb(gray, 0, 0) == 0x121212);
  CHECK(rgb(gray, 1, 0) == 0xF0F0F0);
  const Image bit = decode(limn_test::png_file(3, 1, 1, 0, {0, 0xA0}));
  CHECK(rgb(bit, 0, 0) == 0xFFFFFF);
  CHECK(rgb(bit, 1, 0) == 0x000000);
  CHECK(rgb(bit, 2, 0) == 0xFFFFFF);
  const Bytes colors = limn_test::png_chunk("PLTE", {0x01, 0x02, 0x03, 0xFE, 0xDC, 0xBA});
  const Image palette = decode(limn_test::png_file(2, 1, 8, 3, {0, 1, 0}, colors));
  CHECK(rgb(palette, 0, 0) == 0xFEDCBA);
  CHECK(rgb(palette, 1, 0) == 0x010203);
  Bytes transparent = colors;
  limn_test::append(transparent, limn_test::png_chunk("tRNS", {0x00, 0x80}));
  const Image clear = decode(limn_test::png_file(2, 1, 8, 3, {0, 1, 0}, transparent));
  CHECK(same(clear, palette));
  const Image gray_alpha = decode(limn_test::png_file(2, 1, 8, 4, {0, 0x12, 0x00, 0xF0, 0x80}));
  CHECK(same(gray_alpha, gray));
  const Image color_alpha = decode(limn_test::png_file(2, 1, 8, 6, {0, 9, 8, 7, 0, 6, 5, 4, 255}));
  CHECK(rgb(color_alpha, 0, 0) == 0x090807);
  CHECK(rgb(color_alpha, 1, 0) == 0x060504);
}

TEST_CASE("BMP: palette, 24 and 32 bits, either row first") {
  const Image lower_first = decode(limn_test::bmp_file(1, 2, 24, {0x03, 0x02, 0x01, 0, 0x06, 0x05, 0x04, 0}));
  CHECK(rgb(lower_first, 0, 0) == 0x040506);
  CHECK(rgb(lower_first, 0, 1) == 0x010203);
  const Image upper_first = decode(limn_test::bmp_file(1, -2, 24, {0x03, 0x02, 0x01, 0, 0x06, 0x05, 0x04, 0}));
  CHECK(rgb(upper_first, 0, 0) == 0x010203);
  const Image alpha = decode(limn_test::bmp_file(2, 1, 32, {0x03, 0x02, 0x01, 0x00, 0x06, 0x05, 0x04, 0x80}));
  CHECK(rgb(alpha, 0, 0) == 0x010203);
  CHECK(rgb(alpha, 1, 0) == 0x040506);
  const Image palette = decode(limn_test::bmp_file(2, 1, 8, {1, 0, 0, 0}, {0x10, 0x20, 0x30, 0, 0x40, 0x50, 0x60, 0}));
  CHECK(rgb(palette, 0, 0) == 0x605040);
  CHECK(rgb(palette, 1, 0) == 0x302010);
}

TEST_CASE("all eight Exif orientations of a JPEG are undone, in either byte order") {
  const Bytes jpeg = limn::encode_image(smooth_image(23, 14), ".jpg");
  const Image stored = decode(jpeg);
  const Index w = 23;
  const Index h = 14;
  for (std::size_t orientation = 1; orientation <= 8; ++orientation) {
    for (const bool big_endian : {false, true}) {
      CAPTURE(orientation);
      CAPTURE(big_endian);
      const Image shown = decode(limn_test::with_exif(jpeg, limn_test::tiff(orientation, big_endian)));
      REQUIRE(shown.width() == (orientation < 5 ? w : h));
      REQUIRE(shown.height() == (orientation < 5 ? h : w));
      bool right = true;
      for (Index y = 0; y < h; ++y) {
        for (Index x = 0; x < w; ++x) {
          // Where the stored pixel (x, y) is to be seen.
          const Index places[9][2] = {
              {},     {x, y},         {w - 1 - x, y},         {w - 1 - x, h - 1 - y}, {x, h - 1 - y},
              {y, x}, {h - 1 - y, x}, {h - 1 - y, w - 1 - x}, {y, w - 1 - x}};
          right = right && rgb(stored, x, y) == rgb(shown, places[orientation][0], places[orientation][1]);
        }
      }
      CHECK(right);
    }
  }
}

TEST_CASE("the orientation is found behind other segments and padding") {
  const Bytes jpeg = limn::encode_image(smooth_image(8, 4), ".jpg");
  const Bytes turned = limn_test::with_exif(jpeg, limn_test::tiff(6, true));
  CHECK(decode(limn_test::with_segment(turned, 0xE0, Bytes(300, 1))).width() == 4);
  CHECK(decode(limn_test::with_segment(turned, 0xE1, {'h', 't', 't', 'p', ':', '/', '/', 'n', 's'})).width() == 4);
  Bytes padded = turned;
  padded.insert(padded.begin() + 2, 3, 0xFF);
  CHECK(decode(padded).width() == 4);
}

TEST_CASE("a PNG's eXIf chunk turns it, too") {
  const Bytes rows = {0, 1, 2, 3, 4, 5, 6, 0, 7, 8, 9, 10, 11, 12};
  const Bytes exif = limn_test::png_chunk("eXIf", limn_test::tiff(6, false));
  const Image shown = decode(limn_test::png_file(2, 2, 8, 2, rows, exif));
  CHECK(rgb(shown, 0, 0) == 0x070809);
  CHECK(rgb(shown, 1, 0) == 0x010203);
  CHECK(rgb(shown, 0, 1) == 0x0A0B0C);
  CHECK(rgb(shown, 1, 1) == 0x040506);
}

TEST_CASE("Exif data that makes no sense is ignored") {
  const Bytes jpeg = limn::encode_image(smooth_image(12, 5), ".jpg");
  const Image stored = decode(jpeg);
  const auto ignored = [&](const Bytes& tiff) { return same(decode(limn_test::with_exif(jpeg, tiff)), stored); };
  for (const bool big_endian : {false, true}) {
    CHECK(ignored(limn_test::tiff(0, big_endian)));
    CHECK(ignored(limn_test::tiff(9, big_endian)));
    CHECK(ignored(limn_test::tiff(0xFFFF, big_endian)));
    CHECK(ignored(limn_test::tiff(6, big_endian, 4)));
    CHECK(ignored(limn_test::tiff(6, big_endian, 3, 2)));
    Bytes changed = limn_test::tiff(6, big_endian);
    changed[2] = changed[3] = 43;
    CHECK(ignored(changed));
    const Bytes whole = limn_test::tiff(6, big_endian);
    for (std::size_t length = 0; length < whole.size() - 4; ++length) {
      // The orientation's entry ends before the four bytes of the next directory's offset.
      CAPTURE(length);
      CHECK(ignored(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length))));
    }
    for (std::size_t at = 4; at < 8; ++at) {
      changed = whole;
      changed[at] = 0xFF;
      CHECK(ignored(changed));
    }
  }
  Bytes many = limn_test::tiff(6, true);
  many[24 + 2] = 0x77;         // no orientation after all ...
  many[12] = many[13] = 0xFF;  // ... but 65535 entries
  CHECK(ignored(many));
  CHECK(ignored(Bytes()));
  CHECK(same(decode(limn_test::with_segment(jpeg, 0xE1, {'E', 'x', 'i'})), stored));
}

TEST_CASE("what is no picture is refused with its name") {
  CHECK(complaint({}, "none.jpg") == "none.jpg: is empty");
  CHECK_THROWS_WITH_AS(limn::decode_image(nullptr, 12, "null"), "null: is empty", limn::Error);
  CHECK(complaint(Bytes(2000, 'x'), "note.txt") ==
        "note.txt: not a picture limn can read (JPEG, PNG or BMP): unknown image type");
  CHECK(complaint({'G', 'I', 'F', '8', '9', 'a', 1, 0, 1, 0, 0, 0, 0}).find("not a picture limn can read") !=
        std::string::npos);
  CHECK_THROWS_WITH_AS(limn::load_image("no/such/photo.jpg"),
                       "no/such/photo.jpg: cannot be opened: No such file or directory", limn::Error);
  CHECK_THROWS_AS(limn::load_image(LIMN_SOURCE_DIR), limn::Error);
  CHECK_THROWS_AS(limn::load_image(LIMN_SOURCE_DIR "/CMakeLists.txt"), limn::Error);
}

TEST_CASE("pictures of absurd size are refused before they are decoded") {
  const Bytes rows = {0, 1};
  CHECK(complaint(limn_test::png_file(30000, 30000, 8, 0, rows), "bomb.png") ==
        "bomb.png: a picture of 30000x30000 pixels, expected at most 2^28 pixels");
  CHECK(complaint(limn_test::png_file(0x7FFFFFFF, 1, 8, 0, rows)).find("not a picture") != std::string::npos);
  CHECK(complaint(limn_test::png_file(0, 1, 8, 0, rows)) != "");
  CHECK(complaint(limn_test::bmp_file(40000, 40000, 24, rows)).find("2^28") != std::string::npos);
  Bytes jpeg = limn::encode_image(smooth_image(8, 8), ".jpg");
  for (std::size_t i = 0; i + 8 < jpeg.size(); ++i) {
    if (jpeg[i] == 0xFF && jpeg[i + 1] == 0xC0) jpeg[i + 5] = jpeg[i + 7] = 0xFF;
  }
  CHECK(complaint(jpeg).find("2^28") != std::string::npos);
}

TEST_CASE("a JPEG's Huffman table with too many codes is refused, wherever it is") {
  const Bytes jpeg = limn::encode_image(smooth_image(8, 8), ".jpg");
  Bytes table = {0x03};  // DC table 3, which nothing uses
  limn_test::append(table, {0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0});
  limn_test::append(table, Bytes(4 * 255, 7));
  const std::string reason = "image: not a picture limn can read (JPEG, PNG or BMP): bad Huffman table";
  CHECK(complaint(limn_test::with_segment(jpeg, 0xC4, table)) == reason);
  CHECK(complaint(limn_test::with_segment(limn_test::with_exif(jpeg, Bytes(90, 1)), 0xC4, table)) == reason);
  // Behind a good table in the same segment.
  Bytes second = {0x02, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};
  CHECK(complaint(limn_test::with_segment(jpeg, 0xC4, second)) == "");
  limn_test::append(second, table);
  CHECK(complaint(limn_test::with_segment(jpeg, 0xC4, second)) == reason);
  // Behind the first scan of a progressive file, and behind bytes that belong to no segment.
  Bytes late = limn_test::from_hex(progressive_jpeg);
  Bytes segment = limn_test::with_segment({0, 0}, 0xC4, table);
  segment.erase(segment.begin(), segment.begin() + 2);
  late.insert(late.end() - 2, segment.begin(), segment.end());
  CHECK(complaint(late) == reason);
  Bytes stray = limn_test::with_segment(jpeg, 0xC4, table);
  stray.insert(stray.begin() + 2, 3, 0x11);
  CHECK(complaint(stray) == reason);
  Bytes padded = limn_test::with_segment(jpeg, 0xC4, table);
  padded.insert(padded.begin(), 0xFF);
  CHECK(complaint(padded) == reason);
  // In data that is not read as a table it does no harm.
  CHECK(complaint(limn_test::with_segment(jpeg, 0xEF, segment)) == "");
  Bytes behind = jpeg;
  limn_test::append(behind, segment);
  CHECK(complaint(behind) == "");
}

TEST_CASE("what follows the end of a JPEG does not matter") {
  const Bytes jpeg = limn::encode_image(smooth_image(9, 8), ".jpg");
  Bytes longer = jpeg;
  limn_test::append(longer, Bytes(1000, 0xFF));
  CHECK(same(decode(longer), decode(jpeg)));
  limn_test::append(longer, jpeg);  // as cameras do that keep two pictures in a file
  CHECK(same(decode(longer), decode(jpeg)));
}

TEST_CASE("a PNG whose data are said to be longer than the file is refused before there is room for them") {
  Bytes file = limn_test::png_file(2, 1, 8, 2, Bytes(7));
  const Bytes kind = {'I', 'D', 'A', 'T'};
  const auto data = std::search(file.begin(), file.end(), kind.begin(), kind.end());
  REQUIRE(data != file.end());
  CHECK(complaint(file).empty());
  *(data - 4) = 0x40;  // 2^30 bytes
  CHECK(complaint(file).find("a PNG that ends too early") != std::string::npos);
}

TEST_CASE("a file cut off anywhere gives an error or a picture of the right size") {
  const Image image = smooth_image(21, 18);
  Bytes exif_jpeg = limn_test::with_exif(limn::encode_image(image, ".jpg"), limn_test::tiff(3, true));
  const struct {
    const char* name;
    Bytes file;
    std::size_t needed;  // with at least this many bytes missing there must be an error
  } cases[] = {{"JPEG", exif_jpeg, exif_jpeg.size() / 2},
               {"progressive JPEG", limn_test::from_hex(progressive_jpeg), 450},
               {"grey JPEG", limn_test::from_hex(gray_jpeg), 100},
               {"PNG", limn::encode_image(image, ".png"), 30},
               {"16-bit PNG", limn_test::png_file(2, 1, 16, 0, {0, 1, 2, 3, 4}), 20},
               {"BMP", limn::encode_image(image, ".bmp"), 21 * 18 * 3 + 18}};
  for (const auto& c : cases) {
    const Image whole = decode(c.file);
    for (std::size_t length = 0; length < c.file.size(); ++length) {
      // A copy of exactly this length, so that the address sanitizer sees a read beyond it.
      const Bytes cut(c.file.begin(), c.file.begin() + static_cast<std::ptrdiff_t>(length));
      CAPTURE(c.name);
      CAPTURE(length);
      bool refused = false;
      try {
        const Image part = decode(cut);
        CHECK(part.width() == whole.width());
        CHECK(part.height() == whole.height());
      } catch (const limn::Error&) {
        refused = true;
      }
      if (c.file.size() - length > c.needed) CHECK(refused);
    }
  }
}

TEST_CASE("a damaged file gives an error or a picture, the same each time") {
  const Image image = noise_image(19, 17);
  const Bytes exif = limn_test::tiff(6, false);
  const Bytes originals[] = {limn_test::with_exif(limn::encode_image(image, ".jpg"), exif),
                             limn_test::from_hex(progressive_jpeg),
                             limn_test::from_hex(gray_jpeg),
                             limn::encode_image(image, ".png"),
                             limn_test::png_file(2, 2, 8, 2, {0, 1, 2, 3, 4, 5, 6, 1, 7, 8, 9, 10, 11, 12},
                                                 limn_test::png_chunk("eXIf", exif)),
                             limn::encode_image(image, ".bmp"),
                             limn_test::bmp_file(2, 1, 8, {1, 0, 0, 0}, {16, 32, 48, 0, 64, 80, 96, 0})};
  const char* rounds_text = std::getenv("LIMN_FUZZ_ROUNDS");  // more for a long run by hand
  const int rounds = rounds_text != nullptr ? std::atoi(rounds_text) : 200;
  limn_test::Noise noise(2024);
  int refused = 0;
  int read = 0;
  for (const Bytes& original : originals) {
    for (int round = 0; round < rounds; ++round) {
      Bytes file = original;
      const auto changes = 1 + noise.next() % 6;
      for (std::uint32_t i = 0; i < changes; ++i) {
        // Half of the changes go to the headers, which are short but matter most.
        const std::size_t range = noise.next() % 2 == 0 ? file.size() : std::min<std::size_t>(file.size(), 80);
        file[noise.next() % range] = noise.next() % 3 == 0 ? std::uint8_t{0xFF} : noise.byte();
      }
      // Sizes that are allowed but would take long are not the point here.
      const auto safe = file[0] == 0xFF ? limn::detail::safe_jpeg_size({file.data(), file.size()}) : file.size();
      int width = 0, height = 0, channels = 0;
      limn::detail::stb::stbi_info_from_memory(file.data(), static_cast<int>(safe), &width, &height, &channels);
      if (std::abs(static_cast<double>(width) * height) > 1e6) continue;
      try {
        const Image first = decode(file);
        // A BMP's colour that is not in its palette is whatever lies in memory.
        if (file[0] != 'B') CHECK(same(first, decode(file)));
        ++read;
      } catch (const limn::Error&) {
        ++refused;
      }
    }
  }
  CHECK(read > 0);
  CHECK(refused > 0);
}

TEST_CASE("pictures are saved and loaded by the extension of their name") {
  const Image image = smooth_image(20, 10);
  for (const char* name : {"a.png", "a.b.PNG", "a.bmp", "a.jpg", "a.JPEG"}) {
    CAPTURE(name);
    TemporaryFile file(name);
    limn::save_image(file.path, noise_image(3, 3));  // replaced by the next line
    limn::save_image(file.path, image);
    const Image back = limn::load_image(file.path);
    const bool jpeg =
        std::string(name).find(".j") != std::string::npos || std::string(name).find(".J") != std::string::npos;
    CHECK(worst_difference(back, image) <= (jpeg ? 6 : 0));
    std::ifstream stream(file.path, std::ios::binary);
    const int begin = stream.get();
    CHECK(begin == (jpeg ? 0xFF : std::string(name).find("bmp") != std::string::npos ? 'B' : 0x89));
  }
}

TEST_CASE("a picture that cannot be saved is an error that names the file") {
  const Image image(2, 2);
  CHECK_THROWS_WITH_AS(limn::save_image("out.gif", image),
                       "out.gif: unknown picture format \".gif\", expected .png, .jpg, .jpeg or .bmp", limn::Error);
  CHECK_THROWS_AS(limn::save_image("png", image), limn::Error);
  CHECK_THROWS_AS(limn::save_image("folder.png/out", image), limn::Error);
  CHECK_THROWS_WITH_AS(limn::save_image("no/such/folder/out.png", image),
                       "no/such/folder/out.png: cannot be opened for writing: No such file or directory", limn::Error);
  CHECK_THROWS_AS(limn::save_image("out.png", Image()), limn::Error);
  const std::uint8_t byte = 0;
  const limn::ImageView wide = {&byte, 70000, 1, 70000, limn::PixelFormat::gray};
  CHECK_THROWS_WITH_AS(limn::encode_image(wide, ".jpg", "wide.jpg"),
                       "wide.jpg: a JPEG has at most 65535 pixels a side, the picture has 70000x1", limn::Error);
  const limn::ImageView huge = {&byte, 1 << 20, 1 << 20, 1 << 20, limn::PixelFormat::gray};
  CHECK_THROWS_AS(limn::encode_image(huge, ".png"), limn::Error);
}
