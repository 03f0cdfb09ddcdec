#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// "PATH: WHAT: the system's reason" for the error number `code`; without a reason if that is 0.
inline Error file_error(const std::string& path, const char* what, int code) {
  return Error(path + ": " + what + (code != 0 ? ": " + std::generic_category().message(code) : std::string()));
}

/// The bytes of a file, which may also be a pipe, in a vector or a string: all, or the first `most`. The path goes to
/// the C++ runtime as it is: UTF-8 on Linux and macOS, the system's code page on Windows. Throws Error with the path
/// and the system's reason.
template <class Bytes = std::vector<unsigned char>>
Bytes read_file(const std::string& path, std::size_t most = SIZE_MAX) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) throw file_error(path, "cannot be opened", errno);
  // How large it says it is, which is not believed: a pipe says nothing, a file of /proc 0, and a folder, which opens
  // but gives no byte, may say 2^63.
  file.seekg(0, std::ios::end);
  const std::streamoff end = (std::max)(std::streamoff{0}, std::streamoff{file.tellg()});
  file.clear();
  file.seekg(0);
  file.clear();
  errno = 0;
  const bool empty = file.peek() == std::ifstream::traits_type::eof();
  if (file.bad() || (empty && end > 0)) throw file_error(path, "cannot be read", errno);
  Bytes bytes;
  std::size_t size = 0;
  auto room = static_cast<std::size_t>((std::min)(static_cast<std::uintmax_t>(end) + 1, std::uintmax_t{most}));
  while (file && size < most) {
    bytes.resize(room);
    file.read(reinterpret_cast<char*>(bytes.data() + size), static_cast<std::streamsize>(room - size));
    size += static_cast<std::size_t>(file.gcount());
    room = (std::min)(most, (std::max)(std::size_t{1} << 16, room * 2));
  }
  if (file.bad()) throw file_error(path, "cannot be read", errno);
  bytes.resize(size);
  return bytes;
}

/// Writes a file; an existing one is replaced. For the path see read_file(). Throws Error with the path and the
/// system's reason.
inline void write_file(const std::string& path, const std::vector<unsigned char>& bytes) {
  errno = 0;
  std::ofstream file(path, std::ios::binary);
  if (!file) throw file_error(path, "cannot be opened for writing", errno);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  file.close();  // a full disk may show only now
  if (!file) throw file_error(path, "cannot be written", errno);
}

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
