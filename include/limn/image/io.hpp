// Reading and writing picture files, with stb_image and stb_image_write, which have to be on the include path unless
// the program links limn::compiled. Not part of <limn/limn.hpp>: a program that has its pixels does without.
//
// The functions have internal linkage, as stb has here (image/stb.hpp): every translation unit that includes this
// header gets its own copy of them, so it is best included in one. Those of limn::compiled are there once.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <limn/core/inline.hpp>
#include <limn/core/version.hpp>
#include <limn/image/image.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Reads a picture from the bytes of a JPEG (baseline or progressive), PNG or BMP file: grey, palette or colour, 8 or
/// 16 bits a channel (the upper 8 are kept), and JPEG also in four colours if it says which. Turned and mirrored as its
/// Exif orientation says (JPEG, PNG). Alpha is dropped and the colour below it shown, as cv2.imread and PIL's
/// convert("RGB") do. Colour profiles are ignored. `name` stands for the picture in messages.
///
/// Throws Error if it is no such file, damaged so that it cannot be decoded, or larger than 2^28 pixels. A file that
/// ends too early: PNG always throws; JPEG and BMP throw only if the header is incomplete and else give the picture
/// with the missing part grey or black.
///
/// Where the macro LIMN_TURBOJPEG is defined (and libturbojpeg linked) JPEG files without a fault are decoded by
/// libjpeg-turbo, in less than half of the time; pixels then differ by up to 3 levels of 255.
LIMN_LOCAL Image decode_image(const unsigned char* bytes, std::size_t size, const std::string& name = "image");

/// Reads a picture file, see decode_image(). The path goes to the C++ runtime as it is: UTF-8 on Linux and macOS, the
/// system's code page on Windows (there, read a file with another name yourself and use decode_image()).
/// Throws Error if the file cannot be read.
LIMN_LOCAL Image load_image(const std::string& path);

/// The bytes of a picture file of the kind that `extension` says: ".png", ".jpg" or ".jpeg" (quality 95, colours in
/// full resolution), ".bmp", in either case. Grey views give grey PNGs, the others colour; alpha is dropped. `name`
/// stands for the picture in messages. Throws Error on another extension, or if the picture is too large for the
/// format.
LIMN_LOCAL std::vector<unsigned char> encode_image(const ImageView& view, const std::string& extension,
                                                   const std::string& name = "image");

/// Writes a picture of any pixel format to a file, its kind by the extension, see encode_image(). An existing file is
/// replaced. For the path see load_image(). Throws Error if the extension is unknown or the file cannot be written.
LIMN_LOCAL void save_image(const std::string& path, const ImageView& view);

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn

#ifndef LIMN_COMPILED
#include <limn/image/impl/io.hpp>
#endif
