// A whole model, from the bytes of its file to poses, or people's boxes, in a small photo.
//
// Bytes that begin with a brace are a document, and behind its first zero byte a pattern of half-precision values, or
// of whole numbers: of these a file is made that has all of the network's tensors. Other bytes are a model file as they
// are.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include <limn/estimator/pose_estimator.hpp>
#include <limn/network/summary.hpp>
#include <limn/pose/draw_pose.hpp>
#include <limn/pose/pose_json.hpp>

#include "model_file/safetensors_writer.hpp"
#include "target.hpp"

namespace {

using limn::Index;

using Bytes = std::vector<unsigned char>;

/// Whether thousands of such models can be tried in a minute. What is left out is slow and large, and otherwise the
/// same.
bool is_small(const limn::ModelDocument& document) {
  const limn::InputDocument& input = document.input;
  if (input.width * input.height > 128 * 128 || limn::keypoint_count(document.network) > 64) return false;
  const limn::PartAffinityOptions& search = document.decoder.part_affinity;
  const auto people = static_cast<Index>(document.skeleton.links.size()) * search.max_peaks * search.max_peaks;
  if (people * search.samples > 4 << 20 || search.window > 15 || document.decoder.kernel > 15) return false;
  const limn::Summary summary = limn::summarize(limn::make_graph(document, "fuzz"), input.height, input.width);
  return summary.parameters < 1 << 16 && summary.multiply_adds < 1 << 23;
}

/// A model file around the document, every tensor made of the pattern.
Bytes file_around(const std::string& json, const Bytes& pattern) {
  const limn::ModelDocument document = limn::parse_document(json, "fuzz");
  if (!is_small(document)) return {};
  SafetensorsWriter writer;
  std::size_t next = 0;
  for (const limn::ParameterSpec& spec : limn::make_graph(document, "fuzz").parameters()) {
    const limn::DType dtype = spec.integers ? limn::DType::i8 : limn::DType::f16;
    Bytes values(static_cast<std::size_t>(spec.size()) * limn::size_in_bytes(dtype));
    for (unsigned char& value : values) {
      value = pattern.empty() ? 0x11 : pattern[next++ % pattern.size()];
      if (spec.positive) value = (value & 0x3FU) | 1U;  // finite, too
    }
    writer.add_bytes(spec.name, dtype, spec.shape, values);
  }
  writer.metadata("limn", json);
  return writer.bytes();
}

limn::Image photo() {
  limn::Image image(50, 40);
  for (Index i = 0; i < 50 * 40 * 3; ++i) image.data()[i] = static_cast<std::uint8_t>(i * i * 7 + i / 150);
  return image;
}

void look(const limn::Model& model) {
  static const limn::Image picture = photo();
  if (limn::finds_boxes(model.document().network)) {
    limn::PersonDetector(model).detect(picture);
    return;
  }
  limn::EstimatorOptions options;
  const bool several = model.document().decoder.type == limn::DecoderType::part_affinity;
  options.flip = !several && !model.document().skeleton.flip_pairs.empty();
  const limn::PoseEstimator estimator(model, options);
  std::vector<limn::Pose> poses = estimator.estimate_all(picture);
  poses.push_back(estimator.estimate(picture, limn::Box{-3.5F, 7, 41.25F, 90}));
  limn::Image drawing = picture;
  limn::draw_poses(drawing, poses, estimator.skeleton());
  for (const limn::Pose& pose : poses) limn::to_json(pose);
}

}  // namespace

void fuzz::read(const std::uint8_t* data, std::size_t size) {
  Bytes file(data, data + size);
  if (size > 0 && data[0] == '{') {
    const std::uint8_t* const end = std::find(data, data + size, std::uint8_t{0});
    const std::uint8_t* const pattern = end == data + size ? end : end + 1;
    file = file_around(std::string(data, end), Bytes(pattern, data + size));
    if (file.empty()) return;
  }
  const limn::Model model = limn::Model::from_bytes(file.data(), file.size(), "fuzz");
  if (is_small(model.document())) look(model);
}
