#pragma once

#include <vector>

#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// A place in photo pixels, right and down, whole numbers being pixel centres.
struct Point {
  double x = 0;  ///< to the right
  double y = 0;  ///< down
};

/// Whether and how an annotator saw a keypoint; the numbers are those of COCO's annotations.
enum class Visibility {
  not_labelled = 0,  ///< its place means nothing
  hidden = 1,        ///< labelled, though something is in front of it
  visible = 2,
};

/// A keypoint as an annotation has it.
struct Label {
  Point place;                                       ///< photo pixels
  Visibility visibility = Visibility::not_labelled;  ///< whether the place means something

  /// Whether the place means something.
  bool labelled() const { return visibility != Visibility::not_labelled; }
};

/// A person as annotated: one label for each keypoint, in an order that all persons and poses share.
using Labels = std::vector<Label>;

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
