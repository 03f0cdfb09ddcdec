#pragma once

namespace limn {

/// How the box of a photo is brought to the size of the network's input.
enum class Geometry {
  affine,     ///< the box is enlarged to the input's aspect ratio, then scaled; what it reaches of the photo is seen
  stretch,    ///< the box is scaled to the input, each axis by its own factor
  letterbox,  ///< the box is scaled to fit into the input and centred
};

}  // namespace limn
