#include "film_overlay.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include <limn/core/error.hpp>
#include <limn/image/draw.hpp>

namespace limn::program {

namespace {

constexpr double trail_seconds = 2;

/// Lines of a digit on a field 1 wide and 2 high, as on a pocket calculator.
struct Stroke {
  double x0, y0, x1, y1;
};
constexpr std::array<Stroke, 7> strokes = {Stroke{0, 0, 1, 0}, {1, 0, 1, 1}, {1, 1, 1, 2}, {0, 2, 1, 2},
                                           {0, 1, 0, 2},       {0, 0, 0, 1}, {0, 1, 1, 1}};
constexpr std::array<const char*, 10> digits = {"012345", "12",     "01643", "01236",   "1256",
                                                "05623",  "054326", "012",   "0123456", "012356"};

/// The number with the middle of its lower edge there, its digits `height` pixels high.
void draw_number(const Canvas& canvas, std::int64_t number, double x, double y, double height,
                 const DrawOptions& options) {
  const std::string text = std::to_string(number);
  const double unit = height / 2;
  const double step = 1.7 * unit;
  const double left = x - (static_cast<double>(text.size()) * step - (step - unit)) / 2;
  const double thickness = (std::max)(0.3 * unit, 1.5);
  for (const bool rim : {true, false}) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const double start = left + static_cast<double>(i) * step;
      for (const char* stroke = digits[static_cast<std::size_t>(text[i] - '0')]; *stroke != 0; ++stroke) {
        const Stroke& line = strokes[static_cast<std::size_t>(*stroke - '0')];
        draw_line(canvas, start + unit * line.x0, y - height + unit * line.y0, start + unit * line.x1,
                  y - height + unit * line.y1, thickness + (rim ? 3 : 0), rim ? options.outline : options.middle);
      }
    }
  }
}

}  // namespace

FilmOverlay parse_overlay(const std::string& words) {
  FilmOverlay overlay = {false, false, false, false, false};
  std::size_t start = 0;
  while (start <= words.size()) {
    const std::size_t end = (std::min)(words.find(',', start), words.size());
    const std::string word = words.substr(start, end - start);
    const std::array<std::pair<const char*, bool*>, 5> known = {{{"links", &overlay.links},
                                                                 {"keypoints", &overlay.keypoints},
                                                                 {"box", &overlay.box},
                                                                 {"id", &overlay.id},
                                                                 {"trail", &overlay.trail}}};
    const auto found = std::find_if(known.begin(), known.end(), [&](const auto& entry) { return entry.first == word; });
    if (found != known.end()) {
      *found->second = true;
    } else if (word != "none") {
      throw Error("--overlay: expected some of links, keypoints, box, id, trail, with commas between them, or none, " +
                  std::string("found \"") + word + "\"");
    }
    start = end + 1;
  }
  return overlay;
}

FilmPainter::FilmPainter(const FilmOverlay& overlay, DrawOptions draw) : overlay_(overlay), draw_(std::move(draw)) {
  draw_.links = overlay.links;
  draw_.keypoints = overlay.keypoints;
  draw_.box = overlay.box;
}

void FilmPainter::leave_footprints(double time, const std::vector<TrackedPose>& people) {
  for (auto trail = trails_.begin(); trail != trails_.end();) {
    std::deque<Footprint>& steps = trail->second;
    while (!steps.empty() && time - steps.front().time > trail_seconds) steps.pop_front();
    trail = steps.empty() ? trails_.erase(trail) : std::next(trail);
  }
  for (const TrackedPose& person : people) {
    const Box& box = person.pose.box;
    trails_[person.id].push_back(
        {time, static_cast<double>(box.x + box.width / 2), static_cast<double>(box.y + box.height)});
  }
}

void FilmPainter::paint(Image& frame, double time, const std::vector<TrackedPose>& people, const Skeleton& skeleton) {
  const double size = static_cast<double>((std::max)(frame.width(), frame.height()));
  if (overlay_.trail) {
    leave_footprints(time, people);
    for (const auto& [id, steps] : trails_) {
      const DrawOptions colors = options_of_person(draw_, static_cast<std::size_t>(id - 1));
      for (std::size_t i = 1; i < steps.size(); ++i) {
        const double age = (time - steps[i].time) / trail_seconds;
        draw_line(frame, steps[i - 1].x, steps[i - 1].y, steps[i].x, steps[i].y, (std::max)(0.004 * size, 1.5),
                  colors.middle, 0.9 * (1 - age));
      }
    }
  }
  for (const TrackedPose& person : people) {
    const DrawOptions options = options_of_person(draw_, static_cast<std::size_t>(person.id - 1));
    draw_pose(frame, person.pose, skeleton, options);
    if (!overlay_.id) continue;
    const Box& box = person.pose.box;
    const double height =
        std::clamp(0.12 * static_cast<double>((std::max)(box.width, box.height)), 10.0, 0.05 * size + 10);
    const double x = static_cast<double>(box.x + box.width / 2);
    // Above the box, or in it where that is beyond the picture.
    const double y = (std::max)(static_cast<double>(box.y) - 4, height + 4);
    draw_number(frame, person.id, x, y, height, options);
  }
}

}  // namespace limn::program
