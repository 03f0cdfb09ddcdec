#include "film_address.hpp"

#include <filesystem>
#include <system_error>

#include <limn/core/error.hpp>

#include "photos.hpp"

namespace limn::program {

namespace fs = std::filesystem;

namespace {

bool begins(const std::string& text, const std::string& with) { return text.compare(0, with.size(), with) == 0; }

bool is_device(const std::string& path) { return begins(path, "/dev/video"); }

}  // namespace

FilmAddress parse_film_address(const std::string& address) {
  using Kind = FilmAddress::Kind;
  if (address == "-") return {Kind::standard_input, address};
  std::string path = address;
  const std::size_t colon = address.find("://");
  if (colon != std::string::npos) {
    const std::string scheme = address.substr(0, colon);
    if (scheme == "v4l2") return {Kind::camera, address.substr(colon + 3)};
    for (const char* known : {"rtsp", "rtsps", "rtmp", "rtmps", "srt", "udp", "rtp", "tcp", "http", "https"}) {
      if (scheme == known) return {Kind::network, address};
    }
    if (scheme != "file") {
      throw Error(address + ": expected a file, a folder, /dev/videoN, v4l2://, rtsp:// or another stream's address " +
                  "that ffmpeg reads (rtmp, srt, udp, rtp, tcp, http), found " + scheme + "://");
    }
    path = address.substr(colon + 3);
  }
  if (is_device(path)) return {Kind::camera, path};
  std::error_code error;
  if (fs::is_directory(path, error)) return {Kind::pictures, path};
  if (fs::exists(path, error)) return {has_picture_extension(path) ? Kind::pictures : Kind::file, path};
  if (path.find('%') != std::string::npos) return {Kind::pattern, path};
  throw Error(path + ": cannot be read: no such file or folder");
}

}  // namespace limn::program
