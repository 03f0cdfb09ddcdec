#include <limn/pose/decoders.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace {

const float nan_heat = std::numeric_limits<float>::quiet_NaN();

/// One heatmap of zeros with some cells set.
struct Map {
  limn::Index height, width;
  std::vector<float> values;

  Map(limn::Index rows, limn::Index columns)
      : height(rows), width(columns), values(static_cast<std::size_t>(rows * columns)) {}

  float& at(limn::Index x, limn::Index y) { return values[static_cast<std::size_t>(y * width + x)]; }
  limn::HeatmapView view() const { return limn::HeatmapView::planar(values.data(), 1, height, width); }
};

void check_peak(const limn::Peak& peak, float x, float y, float score) {
  CHECK(peak.x == x);
  CHECK(peak.y == y);
  CHECK(peak.score == score);
}

/// A map with its maximum at (x, y), the right and the lower neighbour being the larger ones; only those that exist.
Map leaning_map(limn::Index height, limn::Index width, limn::Index x, limn::Index y) {
  Map map(height, width);
  map.at(x, y) = 1.0f;
  if (x + 1 < width) map.at(x + 1, y) = 0.5f;
  if (y + 1 < height) map.at(x, y + 1) = 0.5f;
  return map;
}

Map gaussian_map(limn::Index height, limn::Index width, double x, double y, double sigma, double peak) {
  Map map(height, width);
  for (limn::Index row = 0; row < height; ++row) {
    for (limn::Index column = 0; column < width; ++column) {
      const double dx = static_cast<double>(column) - x;
      const double dy = static_cast<double>(row) - y;
      map.at(column, row) = static_cast<float>(peak * std::exp(-(dx * dx + dy * dy) / (2 * sigma * sigma)));
    }
  }
  return map;
}

}  // namespace

TEST_CASE("argmax gives the largest cell and its value") {
  Map map(4, 6);
  map.at(4, 1) = 0.25f;
  map.at(2, 3) = 0.75f;
  check_peak(limn::decode_argmax(map.view())[0], 2, 3, 0.75f);
}

TEST_CASE("on a plateau the first maximum in row order counts") {
  Map map(5, 5);
  map.at(3, 1) = map.at(1, 2) = map.at(2, 2) = 0.5f;
  check_peak(limn::decode_argmax(map.view())[0], 3, 1, 0.5f);
}

TEST_CASE("a map without a positive value gives cell (0, 0) and its maximum as the score") {
  Map map(5, 5);
  check_peak(limn::decode_argmax(map.view())[0], 0, 0, 0);
  for (float& value : map.values) value = -1.0f;
  map.at(3, 3) = -0.5f;
  check_peak(limn::decode_argmax(map.view())[0], 0, 0, -0.5f);
  check_peak(limn::decode_quarter_offset(map.view())[0], 0, 0, -0.5f);
  check_peak(limn::decode_dark(map.view())[0], 0, 0, -0.5f);
}

TEST_CASE("a quarter of a cell towards the larger neighbour, nothing between equal ones") {
  Map map(8, 8);
  map.at(4, 4) = 1.0f;
  check_peak(limn::decode_quarter_offset(map.view())[0], 4, 4, 1);
  map.at(3, 4) = 0.2f;
  check_peak(limn::decode_quarter_offset(map.view())[0], 3.75f, 4, 1);
  map.at(4, 5) = 0.1f;
  check_peak(limn::decode_quarter_offset(map.view())[0], 3.75f, 4.25f, 1);
  map.at(5, 4) = 0.2f;
  check_peak(limn::decode_quarter_offset(map.view())[0], 4, 4.25f, 1);
}

TEST_CASE("the quarter is added only strictly within the borders, and on both axes or on none") {
  const limn::Index height = 6, width = 7;
  for (const limn::Index margin : {0, 1}) {
    for (limn::Index y = 0; y < height; ++y) {
      for (limn::Index x = 0; x < width; ++x) {
        CAPTURE(margin);
        CAPTURE(x);
        CAPTURE(y);
        const bool inside = x > margin && x < width - 1 && y > margin && y < height - 1;
        const Map map = leaning_map(height, width, x, y);
        const float shift = inside ? 0.25f : 0.0f;
        check_peak(limn::decode_quarter_offset(map.view(), margin)[0], static_cast<float>(x) + shift,
                   static_cast<float>(y) + shift, 1);
      }
    }
  }
  // Microsoft's rule is the default: column 1 stays, where imgclsmob's rule shifts.
  const Map map = leaning_map(height, width, 1, 3);
  check_peak(limn::decode_quarter_offset(map.view())[0], 1, 3, 1);
  check_peak(limn::decode_quarter_offset(map.view(), 0)[0], 1.25f, 3.25f, 1);
}

TEST_CASE("DARK recovers the centre of a Gaussian to 0.02 cells") {
  const std::pair<limn::Index, double> kernels[] = {{11, 2.0}, {17, 3.0}};
  for (const auto& pair : kernels) {
    const limn::Index kernel = pair.first;
    const double sigma = pair.second;
    for (const double x : {20.0, 20.1, 19.6, 20.35, 20.49}) {
      for (const double y : {30.0, 30.25, 29.55, 30.45}) {
        CAPTURE(kernel);
        CAPTURE(x);
        CAPTURE(y);
        const Map map = gaussian_map(64, 48, x, y, sigma, 0.6);
        const limn::Peak peak = limn::decode_dark(map.view(), kernel)[0];
        CHECK(std::abs(static_cast<double>(peak.x) - x) < 0.02);
        CHECK(std::abs(static_cast<double>(peak.y) - y) < 0.02);
        // The score is the maximum of the map as it came.
        CHECK(peak.score == map.values[static_cast<std::size_t>(std::lround(y) * 48 + std::lround(x))]);
      }
    }
  }
}

TEST_CASE("DARK recovers the centre of a slanted, elongated Gaussian") {
  const double x = 23.4;
  const double y = 31.7;
  Map map(64, 48);
  for (limn::Index row = 0; row < map.height; ++row) {
    for (limn::Index column = 0; column < map.width; ++column) {
      const double dx = static_cast<double>(column) - x;
      const double dy = static_cast<double>(row) - y;
      const double along = 0.8 * dx + 0.6 * dy;
      const double across = -0.6 * dx + 0.8 * dy;
      map.at(column, row) = static_cast<float>(0.5 * std::exp(-along * along / (2 * 9) - across * across / (2 * 2)));
    }
  }
  const limn::Peak peak = limn::decode_dark(map.view(), 11)[0];
  CHECK(static_cast<double>(peak.x) == doctest::Approx(x).epsilon(0.001));
  CHECK(static_cast<double>(peak.y) == doctest::Approx(y).epsilon(0.001));
}

// The expected numbers were computed with numpy and OpenCV (GaussianBlur with sigma 0) by the steps of mmpose's
// refine_keypoints_dark_udp. The map is a bump that no Gaussian is, of values that a float holds exactly.
TEST_CASE("DARK for unbiased data processing steps as mmpose does, at the border too") {
  struct Case {
    limn::Index height, width, x, y, kernel;
    double refined_x, refined_y;
  };
  for (const Case& test : {Case{12, 14, 6, 5, 11, 6.195561, 4.898453},
                           {12, 14, 0, 0, 11, -0.528008, -0.522498},
                           {12, 14, 13, 5, 11, 13.533659, 5.417046},
                           {20, 16, 8, 11, 17, 8.190952, 10.902278},
                           {9, 10, 1, 8, 11, 1.777947, 8.520417}}) {
    CAPTURE(test.x);
    CAPTURE(test.y);
    Map map(test.height, test.width);
    for (limn::Index y = 0; y < test.height; ++y) {
      for (limn::Index x = 0; x < test.width; ++x) {
        const limn::Index dx = x - test.x;
        const limn::Index dy = y - test.y;
        const limn::Index value = 40 - 3 * dx * dx - 2 * dy * dy - 2 * dx * dy + dx;
        map.at(x, y) = static_cast<float>(value > 0 ? value : 0) / 64.0f;
      }
    }
    const limn::Peak peak = limn::decode_dark_udp(map.view(), test.kernel)[0];
    CHECK(static_cast<double>(peak.x) == doctest::Approx(test.refined_x).epsilon(1e-5));
    CHECK(static_cast<double>(peak.y) == doctest::Approx(test.refined_y).epsilon(1e-5));
    CHECK(peak.score == 0.625f);
  }
}

TEST_CASE("DARK for unbiased data processing recovers the centre of a Gaussian and leaves an empty map alone") {
  const Map map = gaussian_map(64, 48, 20.35, 29.55, 2.0, 0.6);
  const limn::Peak peak = limn::decode_dark_udp(map.view())[0];
  CHECK(std::abs(peak.x - 20.35f) < 0.02f);
  CHECK(std::abs(peak.y - 29.55f) < 0.02f);
  check_peak(limn::decode_dark_udp(Map(8, 8).view())[0], 0, 0, 0);
}

TEST_CASE("DARK takes no step within two cells of the border") {
  const limn::Index height = 9, width = 10;
  for (limn::Index y = 0; y < height; ++y) {
    for (limn::Index x = 0; x < width; ++x) {
      CAPTURE(x);
      CAPTURE(y);
      const bool inside = x > 1 && x < width - 2 && y > 1 && y < height - 2;
      const Map map = gaussian_map(height, width, static_cast<double>(x) + 0.3, static_cast<double>(y) + 0.3, 1, 1);
      const limn::Peak peak = limn::decode_dark(map.view(), 11)[0];
      const bool moved = peak.x != static_cast<float>(x) || peak.y != static_cast<float>(y);
      CHECK(moved == inside);
    }
  }
}

TEST_CASE("the blur's Gaussian has OpenCV's width and sums to one") {
  std::vector<float> taps;
  limn::detail::gaussian_taps(11, taps);
  CHECK(taps[6] / taps[5] == doctest::Approx(std::exp(-1 / 8.0)));  // sigma 2
  limn::detail::gaussian_taps(17, taps);
  CHECK(taps[9] / taps[8] == doctest::Approx(std::exp(-1 / (2 * 2.9 * 2.9))));
  float sum = 0;
  for (const float tap : taps) sum += tap;
  CHECK(sum == doctest::Approx(1));
}

TEST_CASE("the blur is a plain two-dimensional convolution with zeros beyond the border") {
  Map map(4, 7);
  for (std::size_t i = 0; i < map.values.size(); ++i) map.values[i] = static_cast<float>((i * 7) % 11);
  limn::DecoderWorkspace workspace;
  const limn::Index kernel = 11;  // wider than the map
  limn::detail::gaussian_taps(kernel, workspace.taps);
  limn::detail::blur(map.view(), 0, workspace);
  for (limn::Index y = 0; y < map.height; ++y) {
    for (limn::Index x = 0; x < map.width; ++x) {
      double expected = 0;
      for (limn::Index v = 0; v < map.height; ++v) {
        for (limn::Index u = 0; u < map.width; ++u) {
          if (std::abs(v - y) > kernel / 2 || std::abs(u - x) > kernel / 2) continue;
          const auto row_tap = static_cast<double>(workspace.taps[static_cast<std::size_t>(v - y + kernel / 2)]);
          const auto column_tap = static_cast<double>(workspace.taps[static_cast<std::size_t>(u - x + kernel / 2)]);
          expected += row_tap * column_tap * static_cast<double>(map.at(u, v));
        }
      }
      CHECK(workspace.map[static_cast<std::size_t>(y * map.width + x)] == doctest::Approx(expected).epsilon(1e-5));
    }
  }
}

TEST_CASE("planar and interleaved heatmaps decode alike, and so does a cut-out") {
  const limn::Index keypoints = 5, height = 12, width = 10;
  std::vector<float> planar(static_cast<std::size_t>(keypoints * height * width));
  std::vector<float> interleaved(planar.size());
  std::vector<float> padded(static_cast<std::size_t>(keypoints * (height + 1) * (width + 3)), 100.0f);
  unsigned state = 1;
  for (limn::Index k = 0; k < keypoints; ++k) {
    for (limn::Index y = 0; y < height; ++y) {
      for (limn::Index x = 0; x < width; ++x) {
        state = state * 1664525u + 1013904223u;
        const float value = static_cast<float>(state >> 8) / 16777216.0f;
        planar[static_cast<std::size_t>((k * height + y) * width + x)] = value;
        interleaved[static_cast<std::size_t>((y * width + x) * keypoints + k)] = value;
        padded[static_cast<std::size_t>((k * (height + 1) + y) * (width + 3) + x)] = value;
      }
    }
  }
  const auto a = limn::HeatmapView::planar(planar.data(), keypoints, height, width);
  const auto b = limn::HeatmapView::interleaved(interleaved.data(), keypoints, height, width);
  const limn::HeatmapView c(padded.data(), keypoints, height, width, (height + 1) * (width + 3), width + 3, 1);
  for (const limn::DecoderType type : {limn::DecoderType::argmax, limn::DecoderType::quarter_offset,
                                       limn::DecoderType::dark, limn::DecoderType::dark_udp}) {
    const limn::DecoderOptions options{type, 0, 1, 11};
    const auto expected = limn::decode(a, options);
    REQUIRE(expected.size() == 5);
    for (const auto& found : {limn::decode(b, options), limn::decode(c, options)}) {
      REQUIRE(found.size() == expected.size());
      for (std::size_t k = 0; k < found.size(); ++k)
        check_peak(found[k], expected[k].x, expected[k].y, expected[k].score);
    }
  }
}

TEST_CASE("decode runs the decoder that its options name") {
  const Map map = gaussian_map(32, 32, 15.3, 16.2, 2, 0.8);
  const auto same = [](const limn::Peak& a, const limn::Peak& b) {
    return a.x == b.x && a.y == b.y && a.score == b.score;
  };
  CHECK(same(limn::decode(map.view(), {})[0], limn::decode_argmax(map.view())[0]));
  CHECK(same(limn::decode(map.view(), {limn::DecoderType::quarter_offset, 0, 1, 11})[0],
             limn::decode_quarter_offset(map.view())[0]));
  CHECK(same(limn::decode(map.view(), {limn::DecoderType::dark, 0, 1, 11})[0], limn::decode_dark(map.view())[0]));
  CHECK(
      same(limn::decode(map.view(), {limn::DecoderType::dark_udp, 0, 1, 11})[0], limn::decode_dark_udp(map.view())[0]));
  check_peak(limn::decode_quarter_offset(map.view())[0], 15.25f, 16.25f, map.values[16 * 32 + 15]);
}

TEST_CASE("a workspace and a result are used again without new memory") {
  const Map large = gaussian_map(32, 32, 15.3, 16.2, 2, 0.8);
  const Map small = gaussian_map(20, 16, 7.3, 9.2, 2, 0.8);
  const limn::DecoderOptions options{limn::DecoderType::dark, 0, 1, 11};
  limn::DecoderWorkspace workspace;
  std::vector<limn::Peak> peaks;
  limn::decode(large.view(), options, workspace, peaks);
  const float* map = workspace.map.data();
  const float* rows = workspace.rows.data();
  const float* taps = workspace.taps.data();
  const limn::Peak* result = peaks.data();
  limn::decode(small.view(), options, workspace, peaks);
  CHECK(workspace.map.data() == map);
  CHECK(workspace.rows.data() == rows);
  CHECK(workspace.taps.data() == taps);
  CHECK(peaks.data() == result);
  const auto fresh = limn::decode_dark(small.view());
  check_peak(peaks[0], fresh[0].x, fresh[0].y, fresh[0].score);
}

TEST_CASE("NaN and infinity in a heatmap come back as a score, not as a crash") {
  Map map = gaussian_map(16, 16, 7, 7, 2, 0.8);
  map.at(3, 3) = nan_heat;
  for (const limn::DecoderType type : {limn::DecoderType::argmax, limn::DecoderType::quarter_offset,
                                       limn::DecoderType::dark, limn::DecoderType::dark_udp}) {
    const auto peak = limn::decode(map.view(), {type, 0, 1, 11})[0];
    CHECK(peak.x == 0);
    CHECK(peak.y == 0);
    CHECK(std::isnan(peak.score));
  }
  const float infinity = std::numeric_limits<float>::infinity();
  map.at(3, 3) = infinity;
  check_peak(limn::decode_argmax(map.view())[0], 3, 3, infinity);
  check_peak(limn::decode_quarter_offset(map.view())[0], 3.25f, 3.25f, infinity);
  check_peak(limn::decode_dark(map.view())[0], 3, 3, infinity);
  check_peak(limn::decode_dark_udp(map.view())[0], 3, 3, infinity);
  for (float& value : map.values) value = -infinity;
  check_peak(limn::decode_dark(map.view())[0], 0, 0, -infinity);
}

TEST_CASE("maps down to one cell decode") {
  for (limn::Index height = 1; height <= 6; ++height) {
    for (limn::Index width = 1; width <= 6; ++width) {
      const Map map = leaning_map(height, width, width / 2, height / 2);
      const auto x = static_cast<float>(width / 2);
      const auto y = static_cast<float>(height / 2);
      check_peak(limn::decode_argmax(map.view())[0], x, y, 1);
      CHECK(limn::decode_quarter_offset(map.view(), 0)[0].score == 1);
      CHECK(limn::decode_dark(map.view(), 255)[0].score == 1);
      CHECK(limn::decode_dark_udp(map.view(), 255)[0].score == 1);
    }
  }
}

TEST_CASE("options that make no sense are refused") {
  const Map map(8, 8);
  CHECK_THROWS_WITH_AS(limn::decode_quarter_offset(map.view(), -1),
                       "quarter offset decoder: margin -1 must not be negative", limn::Error);
  CHECK_THROWS_WITH_AS(limn::decode_dark(map.view(), 10),
                       "DARK decoder: kernel 10: expected an odd number from 1 to 255", limn::Error);
  CHECK_THROWS_AS(limn::decode_dark(map.view(), 0), limn::Error);
  CHECK_THROWS_AS(limn::decode_dark(map.view(), -11), limn::Error);
  CHECK_THROWS_AS(limn::decode_dark(map.view(), 1000000000001), limn::Error);
  CHECK_THROWS_AS(limn::decode_argmax(limn::HeatmapView()), limn::Error);
  CHECK_THROWS_WITH_AS(limn::decode(map.view(), {limn::DecoderType::part_affinity}),
                       "heatmap decoder: part affinity maps are needed as well: decode_part_affinity() takes both",
                       limn::Error);
  CHECK_THROWS_WITH_AS(limn::decode(map.view(), {limn::DecoderType::center}),
                       "heatmap decoder: maps of sizes are needed as well: decode_boxes() takes both", limn::Error);
}

TEST_CASE("peaks count from the score that the decoder draws from") {
  limn::DecoderOptions decoder;
  decoder.draw_threshold = 0.6F;
  decoder.part_affinity.cmap_threshold = 0.2F;
  decoder.center.threshold = 0.4F;
  CHECK(limn::peak_threshold(decoder) == 0.6F);
  decoder.type = limn::DecoderType::part_affinity;
  CHECK(limn::peak_threshold(decoder) == 0.2F);
  decoder.type = limn::DecoderType::center;
  CHECK(limn::peak_threshold(decoder) == 0.4F);
}
