#include "keypoint_scores.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <limn/metrics/pck.hpp>

#include "text.hpp"

namespace limn::program {

namespace {

/// What there is to say about the keypoints with at least some score; shares are NaN of nothing.
struct Row {
  Index right = 0;
  Index wrong = 0;
  Index absent = 0;

  double precision() const { return static_cast<double>(right) / static_cast<double>(right + wrong); }
  double kept(const KeypointScores& of) const { return share(right, of.right); }
  double absent_drawn(const KeypointScores& of) const { return share(absent, of.absent); }

 private:
  static double share(Index count, const std::vector<double>& of) {
    return static_cast<double>(count) / static_cast<double>(of.size());
  }
};

Row row_at(const KeypointScores& scores, double least) {
  const auto count = [least](const std::vector<double>& of) {
    return static_cast<Index>(std::count_if(of.begin(), of.end(), [least](double score) { return score >= least; }));
  };
  return {count(scores.right), count(scores.wrong), count(scores.absent)};
}

void append(std::vector<double>& to, const std::vector<double>& more) { to.insert(to.end(), more.begin(), more.end()); }

/// Whether anybody in the data set has a label of each keypoint that is scored.
std::vector<bool> known_keypoints(const CocoFile& file, const KeypointMatch& match) {
  std::vector<bool> known(match.scored.size(), false);
  for (const CocoPerson& person : file.people) {
    const Labels labels = labels_of(person, match);
    for (std::size_t k = 0; k < known.size(); ++k) known[k] = known[k] || labels[k].labelled();
  }
  return known;
}

void add_person(const Pose& pose, const Labels& labels, double allowed, const EvaluateOptions& options,
                const KeypointMatch& match, std::vector<KeypointScores>& keypoints) {
  std::vector<KeypointTally> tallies(labels.size());
  count_right(labels, places_of(pose, options, match), allowed, tallies);
  for (std::size_t k = 0; k < labels.size(); ++k) {
    const auto source = static_cast<std::size_t>(match.in_model[match.scored[k]]);
    const double score = pose.keypoints.empty() ? 0 : static_cast<double>(pose.keypoints[source].score);
    KeypointScores& scores = keypoints[k];
    (!labels[k].labelled() ? scores.absent : tallies[k].right > 0 ? scores.right : scores.wrong).push_back(score);
  }
}

}  // namespace

ScoreReport report_scores(const std::vector<Photo>& photos, const CocoFile& file, const EvaluateOptions& options,
                          const KeypointMatch& match) {
  std::vector<KeypointScores> keypoints(match.scored.size());
  for (std::size_t k = 0; k < keypoints.size(); ++k) keypoints[k].name = match.skeleton.keypoints[k];
  for (const Photo& photo : photos) {
    if (photo.failed) continue;
    for (std::size_t i = 0; i < photo.boxes.size(); ++i) {
      const CocoPerson& person = *photo.boxes[i].person;
      const Labels labels = labels_of(person, match);
      const double size = size_of(person, labels, file, options, match);
      if (size > 0) add_person(photo.poses[i], labels, options.threshold() * size, options, match, keypoints);
    }
  }
  ScoreReport report;
  report.mean.name = "Mean";
  const std::vector<bool> known = known_keypoints(file, match);
  for (std::size_t k = 0; k < keypoints.size(); ++k) {
    if (!known[k]) continue;
    if (counts_in_mean(keypoints[k].name)) {
      append(report.mean.right, keypoints[k].right);
      append(report.mean.wrong, keypoints[k].wrong);
      append(report.mean.absent, keypoints[k].absent);
    }
    report.keypoints.push_back(std::move(keypoints[k]));
  }
  return report;
}

void print(const ScoreReport& report) {
  const KeypointScores& mean = report.mean;
  Table table({"Score from", "Right", "Right ones kept", "Absent ones drawn"});
  for (const double step : score_steps()) {
    const Row row = row_at(mean, step);
    table.add(
        {format("%.2f", step), text_of(row.precision()), text_of(row.kept(mean)), text_of(row.absent_drawn(mean))});
  }
  table.print();
  std::printf("Scores: of %s labelled keypoints %s are right; %s are absent, not labelled where others are.\n",
              thousands(static_cast<Index>(mean.right.size() + mean.wrong.size())).c_str(),
              thousands(static_cast<Index>(mean.right.size())).c_str(),
              thousands(static_cast<Index>(mean.absent.size())).c_str());
}

nlohmann::ordered_json to_json(const ScoreReport& report) {
  const auto table_of = [](const KeypointScores& scores) {
    nlohmann::ordered_json json;
    json["labelled"] = scores.right.size() + scores.wrong.size();
    json["right"] = scores.right.size();
    json["absent"] = scores.absent.size();
    for (const double step : score_steps()) {
      const Row row = row_at(scores, step);
      json["from"].push_back({{"score", step},
                              {"labelled", row.right + row.wrong},
                              {"right", row.right},
                              {"absent", row.absent},
                              {"precision", row.precision()},
                              {"kept", row.kept(scores)},
                              {"absent_drawn", row.absent_drawn(scores)}});
    }
    return json;
  };
  nlohmann::ordered_json json;
  json["mean"] = table_of(report.mean);
  for (const KeypointScores& scores : report.keypoints) json["keypoints"][scores.name] = table_of(scores);
  return json;
}

}  // namespace limn::program
