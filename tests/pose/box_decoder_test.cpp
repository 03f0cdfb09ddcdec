#include <limn/pose/box_decoder.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <limn/pose/geometry.hpp>

using namespace limn;

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

/// The maps of a photo, to be filled by hand. Sizes are 1 x 1 cells and offsets 0 until set.
class Maps {
 public:
  Maps(Index width, Index height)
      : width_(width), height_(height), heat_(cells(1), 0.0f), sizes_(cells(2), 1.0f), offsets_(cells(2), 0.0f) {}

  /// A map whose heat is given row by row.
  Maps(Index width, const std::vector<float>& heat) : Maps(width, static_cast<Index>(heat.size()) / width) {
    heat_ = heat;
  }

  void person(Index x, Index y, float score, float width, float height, float offset_x = 0, float offset_y = 0) {
    heat_[at(0, x, y)] = score;
    sizes_[at(0, x, y)] = width;
    sizes_[at(1, x, y)] = height;
    offsets_[at(0, x, y)] = offset_x;
    offsets_[at(1, x, y)] = offset_y;
  }

  CenterMaps view() const {
    return {HeatmapView::planar(heat_.data(), 1, height_, width_),
            HeatmapView::planar(sizes_.data(), 2, height_, width_),
            HeatmapView::planar(offsets_.data(), 2, height_, width_)};
  }

 private:
  std::size_t cells(Index maps) const { return static_cast<std::size_t>(maps * height_ * width_); }
  std::size_t at(Index map, Index x, Index y) const {
    return static_cast<std::size_t>((map * height_ + y) * width_ + x);
  }

  Index width_, height_;
  std::vector<float> heat_, sizes_, offsets_;
};

const Box large = {-1000, -1000, 2000, 2000};

/// With cells for pixels, in a photo that cuts nothing off.
std::vector<Detection> decoded(const Maps& maps, const CenterOptions& options = {}) {
  return decode_boxes(maps.view(), options, Affine(), large);
}

/// The cells that are centres, "x,y x,y ...", in the order of the detections.
std::string centers(const Maps& maps, const CenterOptions& options = {}) {
  std::string text;
  for (const Detection& person : decoded(maps, options)) {
    const auto middle = [](float start, float length) { return std::to_string(std::lround(start + length / 2)); };
    text += (text.empty() ? "" : " ") + middle(person.box.x, person.box.width) + "," +
            middle(person.box.y, person.box.height);
  }
  return text;
}

void check_box(const Box& found, const Box& expected) {
  CHECK(found.x == doctest::Approx(expected.x));
  CHECK(found.y == doctest::Approx(expected.y));
  CHECK(found.width == doctest::Approx(expected.width));
  CHECK(found.height == doctest::Approx(expected.height));
}

}  // namespace

TEST_CASE("a box lies around its cell and offset, and is as large as the sizes say, in photo pixels") {
  Maps maps(12, 10);
  maps.person(5, 4, 0.75f, 3, 6, 0.25f, -0.5f);
  // A letterbox by hand: input pixel = photo pixel / 2 + (0, 20), and cell x stands for input pixel 8 x + 3.5.
  const Affine network_from_photo = {0.5, 0, 0, 0, 0.5, 20};
  const std::vector<Detection> people =
      decode_boxes(maps.view(), {}, photo_from_heatmap(network_from_photo, 8, 3.5), {0, 0, 192, 120});
  REQUIRE(people.size() == 1);
  CHECK(people[0].score == 0.75f);
  // Centre 5.25, 3.5: input pixel 45.5, 31.5, photo pixel 91, 23. Size 3 x 6: input 24 x 48, photo 48 x 96; clipped
  // from y = -25 to 71.
  check_box(people[0].box, {67, 0, 48, 71});
}

TEST_CASE("maps without offsets have their centres in the middle of cells") {
  Maps maps(4, 3);
  maps.person(2, 1, 0.5f, 1, 2, 0.25f, 0.25f);
  CenterMaps view = maps.view();
  view.offsets = HeatmapView();
  const std::vector<Detection> people = decode_boxes(view, {}, Affine(), large);
  REQUIRE(people.size() == 1);
  check_box(people[0].box, {1.5f, 0, 1, 2});
}

TEST_CASE("centres are cells of at least the threshold that none of the eight around exceeds, the surest first") {
  const Maps maps(5, {
                         0.0f, 0.5f, 0.2f, 0.0f, 0.4f,  //
                         0.0f, 0.0f, 0.6f, 0.0f, 0.0f,  //
                         0.0f, 0.0f, 0.0f, 0.0f, 0.7f,  //
                         0.3f, 0.0f, 0.8f, 0.0f, 0.0f,  //
                         0.0f, 0.0f, 0.0f, 0.9f, 0.0f,
                     });
  CHECK(centers(maps) == "3,4 4,2 2,1 4,0 0,3");  // 0.5 lies beside 0.6 and 0.8 beside 0.9
  CenterOptions options;
  options.threshold = 0.4f;  // a score may equal it
  CHECK(centers(maps, options) == "3,4 4,2 2,1 4,0");
  options.threshold = 1;
  CHECK(centers(maps, options).empty());
  options.threshold = 0;
  CHECK(centers(maps, options).substr(0, 19) == "3,4 4,2 2,1 4,0 0,3");
}

TEST_CASE("of equal neighbours the first in row order is the centre") {
  CHECK(centers({4, {0.5f, 0.5f, 0.5f, 0.5f}}) == "0,0");
  CHECK(centers({1, {0.5f, 0.5f, 0.5f}}) == "0,0");
  CHECK(centers({3, {0, 0, 0, 0, 0.5f, 0.5f, 0, 0.5f, 0.5f}}) == "1,1");
  CHECK(centers({3, {0, 0, 0.5f, 0, 0.5f, 0, 0.5f, 0, 0}}) == "2,0");  // down to the left
  CHECK(centers({3, {0.5f, 0, 0, 0, 0.5f, 0, 0, 0, 0.5f}}) == "0,0");
  // Equal ones that do not touch are two centres, the upper and then the left one first.
  CHECK(centers({3, {0, 0, 0.5f, 0, 0, 0, 0.5f, 0, 0.5f}}) == "2,0 0,2 2,2");
}

TEST_CASE("centres may lie in the corners, and a map of one cell has one") {
  CHECK(centers({3, {0.9f, 0, 0.8f, 0, 0, 0, 0.7f, 0, 0.6f}}) == "0,0 2,0 0,2 2,2");
  CHECK(centers(Maps(1, std::vector<float>{0.5f})) == "0,0");
  CHECK(centers(Maps(1, std::vector<float>{0.25f})).empty());
}

TEST_CASE("a box is dropped that has more in common with a surer one than iou allows") {
  // Three boxes of 4 x 2 cells beside each other, 2 cells from one to the next: neighbours share 4 of 12 cells.
  Maps maps(7, 3);
  maps.person(1, 1, 0.9f, 4, 2);
  maps.person(3, 1, 0.8f, 4, 2);
  maps.person(5, 1, 0.7f, 4, 2);
  CenterOptions options;
  options.iou = 0.34f;
  CHECK(centers(maps, options) == "1,1 3,1 5,1");
  // The second goes for the first; the third stays, since the second does not count any more.
  options.iou = 0.33f;
  CHECK(centers(maps, options) == "1,1 5,1");
  options.iou = 0;
  CHECK(centers(maps, options) == "1,1 5,1");

  // Two boxes of which one is half of the other: exactly 0.5.
  Maps halves(7, 3);
  halves.person(2, 1, 0.9f, 4, 2);
  halves.person(4, 1, 0.8f, 2, 2, -1);
  options.iou = 0.5f;
  CHECK(decoded(halves, options).size() == 2);
  options.iou = 0.49f;
  CHECK(decoded(halves, options).size() == 1);
  // The same place and size twice: 1, which no iou below 1 lets stay.
  Maps twice(7, 3);
  twice.person(2, 1, 0.8f, 4, 2);
  twice.person(4, 1, 0.9f, 4, 2, -2);
  options.iou = 0.99f;
  REQUIRE(decoded(twice, options).size() == 1);
  CHECK(decoded(twice, options)[0].score == 0.9f);
  options.iou = 1;
  CHECK(decoded(twice, options).size() == 2);
}

TEST_CASE("boxes overlap as the photo shows them, clipped") {
  // One is half of the other, but in a photo that ends at x = 5 they are the same.
  Maps maps(16, 3);
  maps.person(3, 1, 0.9f, 6, 2);
  maps.person(6, 1, 0.8f, 12, 2);
  CHECK(decoded(maps).size() == 2);
  const std::vector<Detection> people = decode_boxes(maps.view(), {}, Affine(), {0, 0, 5, 3});
  REQUIRE(people.size() == 1);
  check_box(people[0].box, {0, 0, 5, 2});
}

TEST_CASE("at most max_people stay, the surest, and those dropped for their overlap do not count") {
  Maps maps(9, 3);
  maps.person(1, 1, 0.9f, 4, 2);
  maps.person(3, 1, 0.8f, 8, 2, -2);
  maps.person(5, 1, 0.7f, 1, 2);
  maps.person(7, 1, 0.6f, 1, 2);
  CenterOptions options;
  options.iou = 0.4f;
  CHECK(centers(maps, options) == "1,1 5,1 7,1");
  options.max_people = 2;
  CHECK(centers(maps, options) == "1,1 5,1");
  options.max_people = 1;
  CHECK(centers(maps, options) == "1,1");
}

TEST_CASE("a box that has no area in the photo is dropped") {
  for (const auto& [width, height] : {std::pair<float, float>{0, 2}, {2, 0}, {-2, 2}, {2, -2}, {-2, -2}}) {
    Maps maps(3, 3);
    maps.person(1, 1, 0.5f, width, height);
    CHECK(decoded(maps).empty());
  }
  Maps maps(9, 9);
  maps.person(1, 4, 0.9f, 2, 2);
  maps.person(4, 1, 0.8f, 2, 2);
  maps.person(7, 4, 0.7f, 2, 2);
  maps.person(4, 7, 0.6f, 2, 2);
  maps.person(4, 4, 0.5f, 6, 6);
  // The photo's four sides: the first four boxes just touch it from outside.
  const std::vector<Detection> people = decode_boxes(maps.view(), {}, Affine(), {2, 2, 4, 4});
  REQUIRE(people.size() == 1);
  CHECK(people[0].score == 0.5f);
  check_box(people[0].box, {2, 2, 4, 4});
}

TEST_CASE("a box as large as a float can say is the photo") {
  Maps maps(3, 3);
  maps.person(1, 1, 0.5f, 3e38f, 3e38f);
  const std::vector<Detection> people = decode_boxes(maps.view(), {}, Affine{64, 0, 0, 0, 64, 0}, {0, 0, 160, 90});
  REQUIRE(people.size() == 1);
  check_box(people[0].box, {0, 0, 160, 90});
}

TEST_CASE("numbers that are not finite make no box and hide none") {
  for (const float wrong : {not_a_number, infinity, -infinity}) {
    CAPTURE(wrong);
    for (int place = 0; place < 4; ++place) {
      float values[] = {2, 2, 0, 0};
      values[place] = wrong;
      Maps maps(3, 3);
      maps.person(1, 1, 0.5f, values[0], values[1], values[2], values[3]);
      CHECK(decoded(maps).empty());
    }
  }
  CHECK(centers({3,
                 {not_a_number, not_a_number, not_a_number, not_a_number, 0.5f, not_a_number, not_a_number,
                  not_a_number, not_a_number}}) == "1,1");
  CHECK(centers({3, {not_a_number, not_a_number, not_a_number}}).empty());
}

TEST_CASE("planar and interleaved maps, and a vector used again, give the same people") {
  const std::vector<float> interleaved = {2, 4, 3, 5, 1, 1};  // of each cell, width and height
  const std::vector<float> planar = {2, 3, 1, 4, 5, 1};
  const std::vector<float> heat = {0.1f, 0.7f, 0.2f};
  const HeatmapView heatmaps = HeatmapView::planar(heat.data(), 1, 1, 3);
  std::vector<Detection> people(17);
  for (const HeatmapView& sizes :
       {HeatmapView::interleaved(interleaved.data(), 2, 1, 3), HeatmapView::planar(planar.data(), 2, 1, 3)}) {
    decode_boxes({heatmaps, sizes, {}}, {}, Affine(), large, people);
    REQUIRE(people.size() == 1);
    check_box(people[0].box, {-0.5f, -2.5f, 3, 5});
  }
}

TEST_CASE("maps that do not fit together and options that do not exist are refused") {
  const Maps maps(4, 3);
  const Maps others(3, 4);
  const auto refused = [&](auto change) {
    CenterMaps view = maps.view();
    CenterOptions options;
    change(view, options);
    try {
      decode_boxes(view, options, Affine(), large);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(refused([](CenterMaps&, CenterOptions&) {}).empty());
  CHECK(refused([](CenterMaps& view, CenterOptions&) { view.heatmaps = {}; }) == "heatmaps of 0x0x0 without data");
  CHECK(refused([](CenterMaps& view, CenterOptions&) { view.sizes = {}; }) == "heatmaps of 0x0x0 without data");
  CHECK(refused([](CenterMaps& view, CenterOptions&) { view.heatmaps = view.sizes; }) ==
        "box decoder: heatmaps: expected 1x3x4, found 2x3x4");
  CHECK(refused([&](CenterMaps& view, CenterOptions&) { view.sizes = others.view().sizes; }) ==
        "box decoder: sizes: expected 2x3x4, found 2x4x3");
  CHECK(refused([&](CenterMaps& view, CenterOptions&) { view.offsets = view.heatmaps; }) ==
        "box decoder: offsets: expected 2x3x4, found 1x3x4");
  CHECK(refused([](CenterMaps&, CenterOptions& o) { o.threshold = -0.5f; }) ==
        "box decoder: threshold -0.500000: expected a number from 0 to 1");
  CHECK(refused([](CenterMaps&, CenterOptions& o) { o.threshold = not_a_number; }) ==
        "box decoder: threshold nan: expected a number from 0 to 1");
  CHECK(refused([](CenterMaps&, CenterOptions& o) { o.iou = 1.5f; }) ==
        "box decoder: iou 1.500000: expected a number from 0 to 1");
  CHECK(refused([](CenterMaps&, CenterOptions& o) { o.max_people = 0; }) ==
        "box decoder: max_people 0: expected at least 1");
}
