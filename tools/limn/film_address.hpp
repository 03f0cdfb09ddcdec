// Where films come from: the addresses that jetson-inference's users know, and plain file names.
#pragma once

#include <string>

namespace limn::program {

struct FilmAddress {
  enum class Kind {
    file,            ///< a film
    pictures,        ///< a folder of pictures, or one picture
    pattern,         ///< numbered pictures: img_%i.jpg, img_%04d.png
    camera,          ///< a device of Video4Linux: /dev/video0
    network,         ///< rtsp:// and the like
    standard_input,  ///< "-": a film in a pipe
  };
  Kind kind = Kind::file;
  std::string text;  ///< a path, or the address as it was given

  /// Whether frames come at their own pace and are lost if nobody takes them.
  bool live() const { return kind == Kind::camera || kind == Kind::network; }
};

/// Throws Error for a scheme that nothing is known of, or a film or folder that does not exist.
FilmAddress parse_film_address(const std::string& address);

}  // namespace limn::program
