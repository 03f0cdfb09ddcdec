// The default model, and the float one that it was made of, on labelled people: the fast engine's heatmaps and those of
// the plain layers. The tests look at the first 20 people, which takes seconds; for all 1000 run them with
// LIMN_PEOPLE=1000 in the environment.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include <limn/estimator/pose_estimator.hpp>
#include <limn/image/io.hpp>
#include <limn/network/plain_executor.hpp>

using namespace limn;

namespace {

/// Another folder of the same form as lspet-val may be named in the environment.
std::string people_folder() {
  const char* chosen = std::getenv("LIMN_LSPET_VAL");
  return chosen != nullptr ? chosen : std::string(LIMN_SOURCE_DIR) + "/../shared/eval/lspet-val";
}

std::size_t people_wanted() {
  const char* chosen = std::getenv("LIMN_PEOPLE");
  return chosen != nullptr ? std::stoul(chosen) : 20;
}

/// How far two sets of heatmaps are apart.
struct Departure {
  double relative = 0;  ///< the largest difference as a share of the largest magnitude of `expected`
  int moved = 0;        ///< heatmaps whose largest value is in another cell
  Index keypoints = 0;  ///< heatmaps compared
};

Departure departure(const HeatmapView& found, const HeatmapView& expected) {
  double largest = 0;
  double difference = 0;
  bool comparable = true;
  for (Index k = 0; k < expected.keypoints; ++k) {
    for (Index y = 0; y < expected.height; ++y) {
      for (Index x = 0; x < expected.width; ++x) {
        const auto value = static_cast<double>(expected(k, y, x));
        const double apart = std::abs(static_cast<double>(found(k, y, x)) - value);
        comparable = comparable && std::isfinite(apart);
        largest = (std::max)(largest, std::abs(value));
        difference = (std::max)(difference, apart);
      }
    }
  }
  REQUIRE(comparable);
  REQUIRE(largest > 0);
  Departure result;
  result.relative = difference / largest;
  const std::vector<Peak> found_peaks = decode_argmax(found);
  const std::vector<Peak> expected_peaks = decode_argmax(expected);
  for (std::size_t k = 0; k < expected_peaks.size(); ++k) {
    const bool same = found_peaks[k].x == expected_peaks[k].x && found_peaks[k].y == expected_peaks[k].y;
    if (!same) ++result.moved;
  }
  return result;
}

/// The worst of all people, and the sum of what moved; nothing where there are no people.
std::optional<Departure> departure_on_people(const std::string& model_file) {
  std::ifstream file(people_folder() + "/annotations.json");
  if (!file) {
    MESSAGE("skipped: no " << people_folder() << "/annotations.json");
    return std::nullopt;
  }
  const nlohmann::json people = nlohmann::json::parse(file);
  std::map<int, std::string> names;
  for (const auto& image : people.at("images")) names[image.at("id")] = image.at("file_name");

  const Model model = Model::open(model_file);
  const InputDocument& document = model.document().input;
  const PoseEstimator estimator(model);
  PoseEstimator::Workspace workspace = estimator.make_workspace();
  Pose pose;
  Tensor input({3, document.height, document.width});

  const auto& annotations = people.at("annotations");
  const std::size_t count = (std::min)(people_wanted(), annotations.size());
  REQUIRE(count > 0);
  Departure worst;
  std::string worst_name;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string& name = names.at(annotations[i].at("image_id"));
    CAPTURE(name);
    const auto corners = annotations[i].at("bbox").get<std::vector<float>>();
    const Box box{corners.at(0), corners.at(1), corners.at(2), corners.at(3)};
    const Image photo = load_image(people_folder() + "/" + name);

    estimator.estimate(photo, box, workspace, pose);
    preprocess(photo, box, document, document.width, document.height, input.matrix());
    const Tensor plain = run_plain(model.graph(), model.weights(), input)[0];

    const HeatmapView found = workspace.heatmaps();
    REQUIRE(Shape{found.keypoints, found.height, found.width} == plain.shape());
    const Departure one = departure(found, plain);
    worst.keypoints += found.keypoints;
    worst.moved += one.moved;
    if (one.relative >= worst.relative) {
      worst.relative = one.relative;
      worst_name = name;
    }
  }
  MESSAGE(count << " people: the heatmaps differ by at most " << worst.relative << " of their largest value ("
                << worst_name << "); " << worst.moved << " of " << worst.keypoints << " keypoints are in another cell");
  return worst;
}

}  // namespace

TEST_CASE("on labelled people the engine's heatmaps are those of the plain layers, with maxima in the same cells") {
  const std::optional<Departure> worst = departure_on_people(LIMN_FLOAT_MODEL);
  if (!worst) return;
  CHECK(worst->relative < 1e-3);
  CHECK(1000 * worst->moved < worst->keypoints);
}

TEST_CASE("on labelled people the engine's heatmaps of an 8-bit model are those of the plain layers, to the bit") {
  const std::optional<Departure> worst = departure_on_people(LIMN_DEFAULT_MODEL);
  if (worst) CHECK(worst->relative == 0);
}
