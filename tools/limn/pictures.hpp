// Photos that are read and pictures that are written.
#pragma once

#include <string>
#include <vector>

#include <limn/image/image.hpp>

namespace limn::program {

/// The bytes of a picture file, as many as decode_image() takes and one. Throws Error if it cannot be read, or if there
/// is something that a program may wait for forever, such as a named pipe.
std::vector<unsigned char> read_picture_file(const std::string& path);

/// The photo in a file, or in a pipe without a name such as the shell makes of <(...). Throws Error if it cannot be
/// read, or if there is something that a program may wait for forever, such as a named pipe.
Image load_photo(const std::string& path);

/// Writes a picture, its kind by the name's ending, see NewFile. Throws Error if it cannot.
void save_picture(const std::string& path, const ImageView& picture);

}  // namespace limn::program
