// JPEG files by libjpeg-turbo (https://libjpeg-turbo.org), which decodes them in less than half of stb's time, for
// image/io.hpp; not for direct use. Only where LIMN_TURBOJPEG is defined, and with libturbojpeg linked.
#pragma once

#ifdef LIMN_TURBOJPEG

#include <climits>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <turbojpeg.h>

#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// The packed RGB pixels of a grey or three-coloured JPEG file without a fault; empty for any other, about which stb
/// has the last word. Pixels differ from stb's by a few levels of 255.
inline std::vector<std::uint8_t> decode_by_turbojpeg(const unsigned char* bytes, std::size_t size, int width,
                                                     int height) {
  std::vector<std::uint8_t> pixels;
  const std::unique_ptr<void, int (*)(tjhandle)> decoder(tjInitDecompress(), tjDestroy);
  const auto length = static_cast<unsigned long>(size);  // its type in TurboJPEG 2; NOLINT(google-runtime-int)
  int found_width = 0;
  int found_height = 0;
  int subsampling = 0;
  int colours = 0;
  if (!decoder ||
      tjDecompressHeader3(decoder.get(), bytes, length, &found_width, &found_height, &subsampling, &colours) != 0) {
    return pixels;
  }
  const bool four = colours == TJCS_CMYK || colours == TJCS_YCCK;
  if (four || found_width != width || found_height != height || width > INT_MAX / 3) return pixels;
  pixels.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  // Also a warning, such as of a file that ends too early, is a fault.
  if (tjDecompress2(decoder.get(), bytes, length, pixels.data(), width, 3 * width, height, TJPF_RGB, 0) != 0) {
    pixels.clear();
  }
  return pixels;
}

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn

#endif
