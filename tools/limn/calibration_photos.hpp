// The network inputs that `limn quantize` runs a model on.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <limn/core/thread_pool.hpp>
#include <limn/estimator/person_detector.hpp>
#include <limn/image/image.hpp>
#include <limn/model_file/document.hpp>
#include <limn/quantization/calibration.hpp>

#include "detector_choice.hpp"
#include "files.hpp"

namespace limn::program {

/// What the command line says about them.
struct CalibrationOptions {
  std::vector<std::string> photos;  ///< files and folders, or one file of COCO annotations
  std::string images;               ///< the folder of the photos that the annotations name; empty: their own
  std::size_t most_photos = 300;
  DetectorChoice detector;
  bool no_detector = false;

  /// Whether it is annotations that are given: a single file whose name ends in .json.
  bool annotated() const;
};

/// Photos and the boxes in them that a network is to look at.
///
/// A model of one person looks into the boxes of people, annotated or detected, others look at whole photos. No more
/// than `most_photos` photos are looked at, and of what is found in them as many boxes, each spread evenly.
class CalibrationPhotos {
 public:
  /// Finds the photos; throws Error if the options do not go with the model or with each other, or the annotations are
  /// none.
  CalibrationPhotos(const CalibrationOptions& options, const ModelDocument& document);

  /// The file of the person detector that is needed; empty if none is.
  const std::string& detector_file() const { return detector_file_; }

  /// Adds all files that are read, but for the detector's.
  void add_files(FileSet& files) const;

  /// Looks at the photos by several threads and keeps what the network sees of them. A photo that cannot be done is
  /// reported and left out. An interrupt ends it, see interrupted(). Throws Error if nothing is found.
  void look(int threads);

  std::size_t failed() const { return failed_; }        ///< photos that could not be done
  std::size_t photos() const;                           ///< that inputs are from
  std::size_t count() const { return inputs_.size(); }  ///< of inputs
  CalibrationInputs inputs() const;                     ///< which refer to this object
  std::string description() const;                      ///< what the photos were, for the model's document

 private:
  struct File {
    std::string path;
    std::string error;  ///< why it cannot be done, where that is known
    Index width = 0;    ///< as the annotations say; 0 if nobody does
    Index height = 0;
    std::vector<Box> boxes;
    bool whole = false;  ///< whether the network sees all of it
  };
  struct Place {
    std::size_t file;
    std::optional<Box> box;  ///< absent: the whole photo
  };

  void find_annotated(bool whole);
  void find_photos_given(bool whole);
  void detect(int threads);
  void choose_places();
  Image seen_of(const Image& photo, const Box& box) const;

  const CalibrationOptions& options_;
  const ModelDocument& document_;
  std::string detector_file_;
  std::vector<File> files_;
  std::vector<Place> places_;
  std::vector<Image> inputs_;         ///< what the network sees, as RGB
  std::vector<std::size_t> sources_;  ///< of each the file
  std::size_t failed_ = 0;
};

}  // namespace limn::program
