#include "pictures.hpp"

#include <climits>
#include <filesystem>

#include <limn/core/error.hpp>
#include <limn/core/file.hpp>
#include <limn/image/io.hpp>

#include "output.hpp"

namespace limn::program {

namespace fs = std::filesystem;

std::vector<unsigned char> read_picture_file(const std::string& path) {
  std::error_code error;
  const fs::path file = fs::canonical(path, error);  // there is none for a pipe without a name
  if (!error) {
    const fs::file_status status = fs::status(file, error);
    if (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status)) {
      throw Error(path + ": expected a file, found a named pipe or a device");
    }
  }
  constexpr auto one_too_many = std::size_t{INT_MAX} + 1;
  return detail::read_file(path, one_too_many);
}

Image load_photo(const std::string& path) {
  const std::vector<unsigned char> bytes = read_picture_file(path);
  return decode_image(bytes.data(), bytes.size(), path);
}

void save_picture(const std::string& path, const ImageView& picture) {
  const std::vector<unsigned char> bytes = encode_image(picture, path, path);
  NewFile file(path);
  file.write(bytes.data(), bytes.size());
  file.put_in_place();
}

}  // namespace limn::program
