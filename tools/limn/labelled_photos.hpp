// The photos of the annotations that `limn evaluate` is given.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <limn/image/image.hpp>
#include <limn/metrics/oks.hpp>
#include <limn/pose/box_decoder.hpp>
#include <limn/pose/pose.hpp>

#include "coco_file.hpp"
#include "evaluate_options.hpp"
#include "output.hpp"

namespace limn::program {

/// Where somebody is to be found.
struct PersonBox {
  const CocoPerson* person = nullptr;  ///< whose box it is; null where nobody knows
  Box box;
  double box_score = 1;
  bool found = true;  ///< false for an annotated person whom the detector did not find: there is nothing to look at
};

/// A photo of the annotations.
struct Photo {
  CocoImage image;
  std::string file;
  std::vector<const CocoPerson*> people;
  std::vector<PersonBox> boxes;
  bool everybody = false;          ///< whether a model of several people is to find all, instead of the boxes
  std::vector<FoundPerson> given;  ///< with --poses: the poses, instead of boxes

  bool failed = false;
  std::vector<Pose> poses;               ///< what was found in the boxes; without keypoints where nobody was
  std::vector<double> areas;             ///< of the regions looked at, in square pixels of the photo
  std::vector<const CocoPerson*> whose;  ///< the boxes were; null where nobody knows
};

/// What `limn evaluate` writes, none of it a file that it reads; see Output. From here on interrupts are deferred.
struct EvaluateOutputs {
  EvaluateOutputs(const EvaluateOptions& options, const std::vector<Photo>& photos);

  /// Writes the list of these results, divided by commas, unless there are none because of an interrupt.
  void write_results(const std::string& entries);

  Output results;
  Output json;
};

/// The annotations; throws Error if the file holds something else, or a box that is not finite.
CocoFile read_annotations(const EvaluateOptions& options);

/// The annotations' photos in the order of their ids.
std::vector<Photo> photos_of(const CocoFile& file, const EvaluateOptions& options);

/// The box of an annotated person, in pixels that are counted from 0.
Box box_of(const CocoPerson& person, const EvaluateOptions& options);

/// What of a box lies on a photo of that size, as of a detector's boxes; its size is 0 if there is nothing.
Box cut_to_photo(const Box& box, Index width, Index height);

/// The photo's picture. Throws Error if it cannot be read, or has another size than the annotations say.
Image load_picture(const Photo& photo);

/// Puts a detector's boxes where people are to be looked for. With PCK and PCKh each of the photo's annotated people is
/// paired with a detection, or not found: one to one, by falling intersection over union, which is 0.3 at least;
/// everybody but crowds takes part in that, whether scored or not.
void take_detections(const std::vector<Detection>& found, const Image& picture, const EvaluateOptions& options,
                     Photo& photo);

/// Calls `work` for these photos, by several threads, of which the number is passed as well. What it throws is reported
/// as that photo's failure, and so is an interrupt before it. Returns how many could not be done.
std::size_t look_at(const std::vector<Photo*>& photos, int threads,
                    const std::function<void(Photo&, std::size_t worker)>& work);

}  // namespace limn::program
