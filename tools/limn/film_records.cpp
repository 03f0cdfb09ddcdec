#include "film_records.hpp"

#include <cmath>
#include <filesystem>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include <limn/core/error.hpp>
#include <limn/pose/pose_json.hpp>

#include "text.hpp"

namespace limn::program {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::ordered_json;
using limn::detail::rounded;

class JsonLines : public FilmRecord {
 public:
  JsonLines(const std::string& path, const FileSet& others) : output_(path, "--json", others) {}

  void add(const Frame& frame, const std::vector<TrackedPose>& people) override {
    Json line = {{"frame", frame.number}, {"time", rounded(frame.time, 6)}, {"people", Json::array()}};
    for (const TrackedPose& person : people) {
      Json entry = {{"id", person.id}};
      entry.update(to_json(person.pose));
      line["people"].push_back(std::move(entry));
    }
    output_.write(text_of(line) + "\n");
  }

  void finish() override { output_.finish(); }

 private:
  Output output_;
};

/// Source of the form: OpenPose's documentation, "Output format" (doc/02_output.md). The keypoints are the skeleton's,
/// in its order, not those of OpenPose's own networks.
class OpenPoseFolder : public FilmRecord {
 public:
  OpenPoseFolder(std::string folder, std::string film) : folder_(std::move(folder)), film_(std::move(film)) {
    std::error_code error;
    fs::create_directories(folder_, error);
    if (!fs::is_directory(folder_, error)) throw Error("--openpose " + folder_ + ": cannot make this folder");
  }

  void add(const Frame& frame, const std::vector<TrackedPose>& people) override {
    Json document = {{"version", 1.3}, {"people", Json::array()}};
    for (const TrackedPose& person : people) {
      Json entry = {{"person_id", {person.id}}, {"pose_keypoints_2d", Json::array()}};
      for (const Keypoint& keypoint : person.pose.keypoints) {
        for (const auto& [value, decimals] : {std::pair{keypoint.x, 2}, {keypoint.y, 2}, {keypoint.score, 4}}) {
          entry["pose_keypoints_2d"].push_back(rounded(static_cast<double>(value), decimals));
        }
      }
      for (const char* none : {"face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d"}) {
        entry[none] = Json::array();
      }
      document["people"].push_back(std::move(entry));
    }
    const std::string name = format("_%012lld_keypoints.json", static_cast<long long>(frame.number));
    NewFile file((fs::path(folder_) / (film_ + name)).string());
    const std::string text = text_of(document) + "\n";
    file.write(text.data(), text.size());
    file.put_in_place();
  }

  void finish() override {}

 private:
  std::string folder_;
  std::string film_;
};

/// RFC 4180, but with lines that end as everywhere. Names of keypoints have no commas in any skeleton of limn's; where
/// one has, it is quoted.
class CsvTable : public FilmRecord {
 public:
  CsvTable(const std::string& path, const Skeleton& skeleton, const FileSet& others)
      : output_(path, "--csv", others), columns_(skeleton.keypoints.size()) {
    std::string header = "frame,time,id,score,box_x,box_y,box_width,box_height";
    for (const std::string& name : skeleton.keypoints) {
      for (const char* value : {"_x", "_y", "_score"}) header += "," + quoted(name + value);
    }
    output_.write(header + "\n");
  }

  void add(const Frame& frame, const std::vector<TrackedPose>& people) override {
    const std::string start = format("%lld,%.6f", static_cast<long long>(frame.number), frame.time);
    std::string rows;
    for (const TrackedPose& person : people) {
      const Pose& pose = person.pose;
      rows += start + format(",%lld", static_cast<long long>(person.id)) + number(pose.score, 4) +
              number(pose.box.x, 2) + number(pose.box.y, 2) + number(pose.box.width, 2) + number(pose.box.height, 2);
      for (const Keypoint& keypoint : pose.keypoints) {
        rows += number(keypoint.x, 2) + number(keypoint.y, 2) + number(keypoint.score, 4);
      }
      rows += "\n";
    }
    if (people.empty()) rows = start + std::string(6 + 3 * columns_, ',') + "\n";
    output_.write(rows);
  }

  void finish() override { output_.finish(); }

 private:
  static std::string quoted(const std::string& text) {
    if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
    std::string result = "\"";
    for (const char c : text) result += c == '"' ? std::string("\"\"") : std::string(1, c);
    return result + "\"";
  }

  /// What is not finite is an empty cell.
  static std::string number(float value, int decimals) {
    return std::isfinite(value) ? format(",%.*f", decimals, static_cast<double>(value)) : ",";
  }

  Output output_;
  std::size_t columns_;
};

/// Source of the form: PoseTrack18's annotations (https://github.com/leonid-pishchulin/poseval, "PoseTrack18
/// format"), which are COCO's with a frame's number and a person's track. What is annotated is written as it is found;
/// images come last, which a reader of JSON does not mind.
class PoseTrackFile : public FilmRecord {
 public:
  PoseTrackFile(const std::string& path, const Skeleton& skeleton, std::string film, const FileSet& others)
      : output_(path, "--posetrack", others), film_(std::move(film)) {
    Json category = {{"supercategory", "person"}, {"id", 1}, {"name", "person"}};
    category["keypoints"] = skeleton.keypoints;
    category["skeleton"] = Json::array();
    for (const auto& [a, b] : skeleton.links) category["skeleton"].push_back({a + 1, b + 1});
    output_.write("{\"categories\": [" + text_of(category) + "],\n\"annotations\": [");
  }

  void add(const Frame& frame, const std::vector<TrackedPose>& people) override {
    std::string text;
    for (const TrackedPose& person : people) {
      const Box& box = person.pose.box;
      Json entry = {{"id", ++annotations_}, {"image_id", frame.number}, {"track_id", person.id}, {"category_id", 1}};
      entry["bbox"] = {rounded(box.x, 2), rounded(box.y, 2), rounded(box.width, 2), rounded(box.height, 2)};
      entry["keypoints"] = Json::array();
      entry["scores"] = Json::array();
      for (const Keypoint& keypoint : person.pose.keypoints) {
        entry["keypoints"].push_back(rounded(keypoint.x, 2));
        entry["keypoints"].push_back(rounded(keypoint.y, 2));
        entry["keypoints"].push_back(keypoint.score > 0 ? 1 : 0);
        entry["scores"].push_back(rounded(keypoint.score, 4));
      }
      text += (annotations_ > 1 ? ",\n" : "\n") + text_of(entry);
    }
    if (!text.empty()) output_.write(text);
    frames_.push_back(frame.number);
  }

  void finish() override {
    output_.write("],\n\"images\": [");
    for (std::size_t i = 0; i < frames_.size(); ++i) {
      const Json image = {{"file_name", film_ + format("/%06lld.jpg", static_cast<long long>(frames_[i]))},
                          {"id", frames_[i]},
                          {"frame_id", frames_[i]},
                          {"vid_id", film_},
                          {"nframes", frames_.size()},
                          {"is_labeled", true}};
      output_.write((i > 0 ? ",\n" : "\n") + text_of(image));
    }
    output_.write("]}\n");
    output_.finish();
  }

 private:
  Output output_;
  std::string film_;
  std::int64_t annotations_ = 0;
  std::vector<std::int64_t> frames_;
};

}  // namespace

std::vector<std::unique_ptr<FilmRecord>> make_film_records(const RecordNames& names, const Skeleton& skeleton,
                                                           const std::string& film, const FileSet& others) {
  std::vector<std::unique_ptr<FilmRecord>> records;
  if (!names.json.empty()) records.push_back(std::make_unique<JsonLines>(names.json, others));
  if (!names.csv.empty()) records.push_back(std::make_unique<CsvTable>(names.csv, skeleton, others));
  if (!names.posetrack.empty()) {
    records.push_back(std::make_unique<PoseTrackFile>(names.posetrack, skeleton, film, others));
  }
  if (!names.openpose.empty()) records.push_back(std::make_unique<OpenPoseFolder>(names.openpose, film));
  return records;
}

}  // namespace limn::program
