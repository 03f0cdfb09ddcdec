// What is drawn on the frames of a film.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include <limn/image/image.hpp>
#include <limn/pose/draw_pose.hpp>
#include <limn/track/video_estimator.hpp>

namespace limn::program {

struct FilmOverlay {
  bool links = true;
  bool keypoints = true;
  bool box = false;
  bool id = false;
  bool trail = false;
};

/// From "links,keypoints,box,id,trail", any of them, or "none". Throws Error for another word.
FilmOverlay parse_overlay(const std::string& words);

/// Draws people on frames, each in the colour that is their id's in all frames.
class FilmPainter {
 public:
  /// `draw`: how; which parts are drawn is `overlay`'s.
  FilmPainter(const FilmOverlay& overlay, DrawOptions draw);

  /// Draws the people of the film's next frame.
  void paint(Image& frame, double time, const std::vector<TrackedPose>& people, const Skeleton& skeleton);

 private:
  struct Footprint {
    double time;
    double x;
    double y;
  };

  void leave_footprints(double time, const std::vector<TrackedPose>& people);

  FilmOverlay overlay_;
  DrawOptions draw_;
  std::map<std::int64_t, std::deque<Footprint>> trails_;  // of the last seconds
};

}  // namespace limn::program
