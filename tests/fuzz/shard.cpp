// A tar archive, as `limn batch` reads it.
#include <vector>

#include "input_stream.hpp"
#include "scratch_file.hpp"
#include "tar_file.hpp"
#include "target.hpp"

void fuzz::read(const std::uint8_t* data, std::size_t size) {
  static const ScratchFile scratch;
  limn::program::InputStream stream(scratch.write(data, size));
  limn::program::TarFile tar(stream);
  bool read = true;  // every other file, the others are skipped
  while (tar.next()) {
    if (read) static_cast<void>(tar.read());
    read = !read;
  }
}
