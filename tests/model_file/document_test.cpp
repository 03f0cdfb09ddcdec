#include <limn/model_file/document.hpp>

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include <model_file/damage.hpp>
#include <model_file/safetensors_writer.hpp>

using limn::Error;
using limn::ModelDocument;
using limn::parse_document;
using nlohmann::json;

namespace {

/// Everything that may be left out is.
const char* const smallest = R"({
    "version": 1, "name": "small",
    "network": {"type": "pose_resnet", "depth": 50, "deconv": {"channels": [256, 128], "kernel": 4}},
    "input": {"width": 192, "height": 256, "channels": "rgb", "mean": [0.5, 0.25, 0], "std": [1, 0.5, 2],
              "geometry": "affine"},
    "decoder": {"type": "argmax"},
    "keypoints": ["head", "left_hand", "right_hand"], "links": [[0, 1], [2, 0]]})";

/// The same of a network that finds boxes.
const char* const smallest_of_boxes = R"({
    "version": 1, "name": "boxes",
    "network": {"type": "center_net", "depth": 18, "deconv": {"channels": [128, 64], "kernel": 4}},
    "input": {"width": 320, "height": 256, "channels": "rgb", "mean": [0, 0, 0], "std": [1, 1, 1],
              "geometry": "letterbox"},
    "decoder": {"type": "center"}})";

/// A document, the smallest if none is given, with the JSON text `value` at `place` (a JSON pointer), or without what
/// is there.
std::string changed(const std::string& place, const char* value, const char* of = smallest) {
  json document = json::parse(of);
  const json::json_pointer pointer(place);
  if (value != nullptr) {
    document[pointer] = json::parse(value);
  } else {
    document[pointer.parent_pointer()].erase(pointer.back());
  }
  return document.dump();
}

/// The network of a document whose network must be a pose_resnet.
const limn::PoseResNet& pose_resnet(const ModelDocument& document) {
  REQUIRE(std::holds_alternative<limn::PoseResNet>(document.network));
  return std::get<limn::PoseResNet>(document.network);
}

ModelDocument with(const std::string& place, const char* value) { return parse_document(changed(place, value), "F"); }

/// What the message of a refused document says after naming the file and the entry; empty if it is not refused.
std::string refusal(const std::string& text) {
  const std::string prefix = "F: metadata 'limn': ";
  try {
    parse_document(text, "F");
    return "";
  } catch (const Error& error) {
    const std::string message = error.what();
    return message.rfind(prefix, 0) == 0 ? message.substr(prefix.size()) : "without a prefix: " + message;
  }
}

struct Case {
  const char* place;
  const char* value;
  const char* message;
};

template <std::size_t count>
void check_refusals(const Case (&cases)[count], const char* of = smallest) {
  for (const Case& wrong : cases) CHECK(refusal(changed(wrong.place, wrong.value, of)) == std::string(wrong.message));
}

using Pairs = std::vector<std::pair<int, int>>;
using Values = std::array<float, 3>;

}  // namespace

TEST_CASE("the smallest document has the documented defaults") {
  const ModelDocument document = parse_document(smallest, "F");
  CHECK(document.name == "small");
  CHECK(pose_resnet(document).depth == 50);
  CHECK(pose_resnet(document).width == 64);
  CHECK(pose_resnet(document).keypoints == 3);
  REQUIRE(pose_resnet(document).deconvs.size() == 2);
  CHECK(pose_resnet(document).deconvs[0].channels == 256);
  CHECK(pose_resnet(document).deconvs[1].channels == 128);
  CHECK(pose_resnet(document).deconvs[0].kernel == 4);
  CHECK(pose_resnet(document).deconvs[1].kernel == 4);
  CHECK_FALSE(pose_resnet(document).deconv_bias);
  CHECK(pose_resnet(document).final_kernel == 1);
  CHECK_FALSE(pose_resnet(document).stride_on_first_1x1);
  CHECK_FALSE(pose_resnet(document).sigmoid_output);
  CHECK(pose_resnet(document).style.normalization == limn::Normalization::batch_norm);
  CHECK(pose_resnet(document).style.relu);
  CHECK(document.input.width == 192);
  CHECK(document.input.height == 256);
  CHECK(document.input.channels == limn::ChannelOrder::rgb);
  CHECK((document.input.mean == Values{0.5f, 0.25f, 0}));
  CHECK((document.input.std == Values{1, 0.5f, 2}));
  CHECK(document.input.geometry == limn::Geometry::affine);
  CHECK(document.input.padding == 1.25);
  CHECK(document.input.crop == 0);
  CHECK(document.input.resample == limn::Resample::bilinear);
  CHECK(document.decoder.type == limn::DecoderType::argmax);
  CHECK(document.decoder.offset == 0);
  CHECK(document.decoder.margin == 1);
  CHECK(document.decoder.draw_threshold == 0.2f);
  CHECK(document.decoder.kernel == 11);
  CHECK((document.skeleton.keypoints == std::vector<std::string>{"head", "left_hand", "right_hand"}));
  CHECK((document.skeleton.links == Pairs{{0, 1}, {2, 0}}));
  CHECK(document.skeleton.flip_pairs.empty());
  CHECK(document.source.url.empty());
  CHECK(document.accuracy.empty());
}

TEST_CASE("a full document is read as it is written") {
  const ModelDocument document = parse_document(R"({
    "version": 1, "name": "full", "something else": [{"a": null}],
    "network": {"type": "pose_resnet", "depth": 152,
                "deconv": {"channels": [512, 256, 128], "kernel": [4, 3, 2], "bias": true},
                "width": 48, "final_kernel": 3, "stride_on": "1x1", "output_activation": "sigmoid", "normalization": "bias",
                "activation": "none"},
    "input": {"width": 288, "height": 384, "channels": "bgr", "mean": [0.485, 0.456, 0.406],
              "std": [0.229, 0.224, 0.225], "geometry": "letterbox", "padding": 1, "resample": "nearest",
              "crop": 1.5},
    "decoder": {"type": "dark", "offset": -1.5, "margin": 0, "kernel": 17, "draw_threshold": 0.5},
    "keypoints": ["a", "b", "c", "d"], "links": [], "flip_pairs": [[0, 1], [3, 2]],
    "source": {"url": "u", "sha256": "s", "license": "l", "trained_on": "t", "by": 1},
    "accuracy": [{"set": "val", "metric": "AP", "value": 0.704}, {"set": "test", "metric": "AP", "value": 1}]})",
                                                "F");
  CHECK(pose_resnet(document).depth == 152);
  CHECK(pose_resnet(document).width == 48);
  CHECK(pose_resnet(document).keypoints == 4);
  REQUIRE(pose_resnet(document).deconvs.size() == 3);
  CHECK(pose_resnet(document).deconvs[0].kernel == 4);
  CHECK(pose_resnet(document).deconvs[1].kernel == 3);
  CHECK(pose_resnet(document).deconvs[2].kernel == 2);
  CHECK(pose_resnet(document).deconvs[2].channels == 128);
  CHECK(pose_resnet(document).deconv_bias);
  CHECK(pose_resnet(document).final_kernel == 3);
  CHECK(pose_resnet(document).stride_on_first_1x1);
  CHECK(pose_resnet(document).sigmoid_output);
  CHECK(pose_resnet(document).style.normalization == limn::Normalization::bias);
  CHECK_FALSE(pose_resnet(document).style.relu);
  CHECK(document.input.channels == limn::ChannelOrder::bgr);
  CHECK((document.input.mean == Values{0.485f, 0.456f, 0.406f}));
  CHECK(document.input.geometry == limn::Geometry::letterbox);
  CHECK(document.input.padding == 1.0);
  CHECK(document.input.crop == 1.5);
  CHECK(document.input.resample == limn::Resample::nearest);
  CHECK(document.decoder.type == limn::DecoderType::dark);
  CHECK(document.decoder.offset == -1.5);
  CHECK(document.decoder.margin == 0);
  CHECK(document.decoder.draw_threshold == 0.5f);
  CHECK(document.decoder.kernel == 17);
  CHECK((document.skeleton.flip_pairs == Pairs{{0, 1}, {3, 2}}));
  CHECK(document.source.url == "u");
  CHECK(document.source.sha256 == "s");
  CHECK(document.source.license == "l");
  CHECK(document.source.trained_on == "t");
  REQUIRE(document.accuracy.size() == 2);
  CHECK(document.accuracy[0].set == "val");
  CHECK(document.accuracy[0].metric == "AP");
  CHECK(document.accuracy[0].value == 0.704);
}

TEST_CASE("the words of the document mean what they say") {
  CHECK(with("/input/channels", R"("bgr")").input.channels == limn::ChannelOrder::bgr);
  CHECK(with("/input/geometry", R"("stretch")").input.geometry == limn::Geometry::stretch);
  CHECK(with("/input/geometry", R"("letterbox")").input.geometry == limn::Geometry::letterbox);
  CHECK(with("/input/geometry", R"("udp")").input.geometry == limn::Geometry::udp);
  CHECK(with("/decoder/type", R"("dark_udp")").decoder.type == limn::DecoderType::dark_udp);
  CHECK(with("/input/resample", R"("bilinear")").input.resample == limn::Resample::bilinear);
  CHECK(with("/decoder/type", R"("quarter_offset")").decoder.type == limn::DecoderType::quarter_offset);
  CHECK_FALSE(pose_resnet(with("/network/stride_on", R"("3x3")")).stride_on_first_1x1);
  CHECK_FALSE(pose_resnet(with("/network/output_activation", R"("none")")).sigmoid_output);
  for (const char* depth : {"18", "34", "50", "101", "152"}) {
    CHECK(std::to_string(pose_resnet(with("/network/depth", depth)).depth) == depth);
  }
}

TEST_CASE("an HRNet is read with its options, or with the published ones") {
  const auto network = [](const char* value) {
    const ModelDocument document = with("/network", value);
    REQUIRE(std::holds_alternative<limn::HRNet>(document.network));
    return std::get<limn::HRNet>(document.network);
  };
  const limn::HRNet smallest_one = network(R"({"type": "hrnet", "width": 48})");
  CHECK(smallest_one.width == 48);
  CHECK(smallest_one.keypoints == 3);
  CHECK(smallest_one.final_kernel == 1);
  CHECK(smallest_one.style.normalization == limn::Normalization::batch_norm);
  CHECK(smallest_one.style.relu);
  const limn::HRNet full =
      network(R"({"type": "hrnet", "width": 7, "final_kernel": 3, "normalization": "none", "activation": "none"})");
  CHECK(full.width == 7);
  CHECK(full.final_kernel == 3);
  CHECK(full.style.normalization == limn::Normalization::none);
  CHECK_FALSE(full.style.relu);
  check_refusals({
      {"/network", R"({"type": "hrnet"})", "network.width: expected a width from 1 to 4096, found nothing"},
      {"/network", R"({"type": "hrnet", "width": 0})", "network.width: expected a width from 1 to 4096, found 0"},
      {"/network", R"({"type": "hrnet", "width": 4097})", "network.width: expected a width from 1 to 4096, found 4097"},
      {"/network", R"({"type": "hrnet", "width": 32, "final_kernel": 2})",
       "network.final_kernel: expected 1 or 3, found 2"},
      {"/network", R"({"type": "hrnet", "width": 32, "activation": "tanh"})",
       "network.activation: expected \"relu\" or \"none\", found \"tanh\""},
      {"/network", R"({"type": "hrnet", "width": 32, "normalization": "group"})",
       "network.normalization: expected \"batch_norm\" or \"bias\" or \"none\", found \"group\""},
  });
}

TEST_CASE("a network of part affinity fields has one for each link of the document") {
  const auto network = [](const char* value) {
    const ModelDocument document = with("/network", value);
    REQUIRE(std::holds_alternative<limn::CmapPaf>(document.network));
    return std::get<limn::CmapPaf>(document.network);
  };
  const limn::CmapPaf smallest_one = network(R"({"type": "cmap_paf", "depth": 18})");
  CHECK(smallest_one.depth == 18);
  CHECK(smallest_one.keypoints == 3);
  CHECK(smallest_one.links == 2);
  CHECK(smallest_one.upsample_channels == 256);
  CHECK(smallest_one.upsamples == 3);
  CHECK(smallest_one.flat_layers == 0);
  CHECK(smallest_one.attention);
  const limn::CmapPaf full = network(
      R"({"type": "cmap_paf", "depth": 50, "upsample_channels": 128, "upsamples": 2, "flat_layers": 1,
          "attention": false})");
  CHECK(full.depth == 50);
  CHECK(full.upsample_channels == 128);
  CHECK(full.upsamples == 2);
  CHECK(full.flat_layers == 1);
  CHECK_FALSE(full.attention);
  const std::string type = R"({"type": "cmap_paf", "depth": 18, )";
  const std::pair<const char*, const char*> wrong[] = {
      {R"("upsamples": 0})", "network.upsamples: expected a number from 1 to 5, found 0"},
      {R"("upsamples": 6})", "network.upsamples: expected a number from 1 to 5, found 6"},
      {R"("flat_layers": -1})", "network.flat_layers: expected a number from 0 to 16, found -1"},
      {R"("upsample_channels": 0})", "network.upsample_channels: expected a width from 1 to 65536, found 0"},
      {R"("attention": 1})", "network.attention: expected true or false, found 1"},
  };
  for (const auto& [rest, message] : wrong) CHECK(refusal(changed("/network", (type + rest).c_str())) == message);
  CHECK(refusal(changed("/network", R"({"type": "cmap_paf", "depth": 121})")) ==
        "network.depth: expected 18, 34, 50, 101 or 152, found 121");

  json document = json::parse(changed("/network", R"({"type": "cmap_paf", "depth": 18})"));
  document["links"] = json::array();
  CHECK(refusal(document.dump()) ==
        "links: expected at least one link for a network of part affinity fields, found []");
}

TEST_CASE("the decoder of part affinity fields has trt_pose's constants unless the document has others") {
  json document = json::parse(changed("/network", R"({"type": "cmap_paf", "depth": 18})"));
  document["decoder"] = {{"type", "part_affinity"}};
  limn::DecoderOptions decoder = parse_document(document.dump(), "F").decoder;
  CHECK(decoder.type == limn::DecoderType::part_affinity);
  CHECK(decoder.part_affinity.cmap_threshold == 0.1f);
  CHECK(decoder.part_affinity.link_threshold == 0.1f);
  CHECK(decoder.part_affinity.window == 5);
  CHECK(decoder.part_affinity.samples == 7);
  CHECK(decoder.part_affinity.max_peaks == 100);
  CHECK(decoder.part_affinity.max_objects == 100);
  CHECK(decoder.part_affinity.min_keypoints == 1);
  document["decoder"] = json::parse(R"({"type": "part_affinity", "offset": 2, "cmap_threshold": 0.15,
    "link_threshold": -0.5, "window": 7, "samples": 10, "max_peaks": 50, "max_objects": 20, "min_keypoints": 2})");
  decoder = parse_document(document.dump(), "F").decoder;
  CHECK(decoder.offset == 2.0);
  CHECK(decoder.part_affinity.cmap_threshold == 0.15f);
  CHECK(decoder.part_affinity.link_threshold == -0.5f);
  CHECK(decoder.part_affinity.window == 7);
  CHECK(decoder.part_affinity.samples == 10);
  CHECK(decoder.part_affinity.max_peaks == 50);
  CHECK(decoder.part_affinity.max_objects == 20);
  CHECK(decoder.part_affinity.min_keypoints == 2);
  check_refusals({
      {"/decoder/cmap_threshold", "0", "decoder.cmap_threshold: expected a positive number from 1e-6 to 1e6, found 0"},
      {"/decoder/link_threshold", "1e7", "decoder.link_threshold: expected a number up to 1e6, found 10000000.0"},
      {"/decoder/window", "4", "decoder.window: expected an odd number from 1 to 255, found 4"},
      {"/decoder/window", "257", "decoder.window: expected an odd number from 1 to 255, found 257"},
      {"/decoder/samples", "1", "decoder.samples: expected a number from 2 to 4096, found 1"},
      {"/decoder/max_peaks", "0", "decoder.max_peaks: expected a number from 1 to 4096, found 0"},
      {"/decoder/max_objects", "4097", "decoder.max_objects: expected a number from 1 to 4096, found 4097"},
      {"/decoder/min_keypoints", "1.5", "decoder.min_keypoints: expected a number from 1 to 4096, found 1.5"},
      {"/decoder/type", R"("part_affinity")",
       "decoder.type: expected another decoder for a network without part affinity fields, found \"part_affinity\""},
  });
}

TEST_CASE("a network that finds boxes is read without keypoints, with its options or those documented") {
  const auto network = [](const ModelDocument& document) {
    REQUIRE(std::holds_alternative<limn::CenterNet>(document.network));
    return std::get<limn::CenterNet>(document.network);
  };
  ModelDocument document = parse_document(smallest_of_boxes, "F");
  CHECK(network(document).depth == 18);
  CHECK(network(document).width == 64);
  REQUIRE(network(document).deconvs.size() == 2);
  CHECK(network(document).deconvs[1].channels == 64);
  CHECK(network(document).deconvs[1].kernel == 4);
  CHECK_FALSE(network(document).deconv_bias);
  CHECK_FALSE(network(document).convolutions);
  CHECK(network(document).head_channels == 0);
  CHECK(network(document).offsets);
  CHECK(network(document).style.normalization == limn::Normalization::batch_norm);
  CHECK(network(document).style.relu);
  CHECK(document.skeleton.keypoints.empty());
  CHECK(document.decoder.type == limn::DecoderType::center);
  CHECK(document.decoder.offset == 0);
  CHECK(document.decoder.center.threshold == 0.3f);
  CHECK(document.decoder.center.max_people == 100);
  CHECK(document.decoder.center.iou == 0.6f);

  json full = json::parse(smallest_of_boxes);
  full["keypoints"] = full["links"] = full["flip_pairs"] = json::array();
  full["network"] = json::parse(R"({"type": "center_net", "depth": 50, "width": 32,
    "deconv": {"channels": [16], "kernel": [2], "bias": true}, "convolutions": true, "head_channels": 24,
    "offsets": false, "normalization": "bias", "activation": "none"})");
  full["decoder"] = json::parse(R"({"type": "center", "offset": 3.5, "threshold": 0, "max_people": 7, "iou": 1})");
  document = parse_document(full.dump(), "F");
  CHECK(network(document).depth == 50);
  CHECK(network(document).width == 32);
  CHECK(network(document).deconvs[0].kernel == 2);
  CHECK(network(document).deconv_bias);
  CHECK(network(document).convolutions);
  CHECK(network(document).head_channels == 24);
  CHECK_FALSE(network(document).offsets);
  CHECK(network(document).style.normalization == limn::Normalization::bias);
  CHECK_FALSE(network(document).style.relu);
  CHECK(document.decoder.offset == 3.5);
  CHECK(document.decoder.center.threshold == 0);
  CHECK(document.decoder.center.max_people == 7);
  CHECK(document.decoder.center.iou == 1);
}

TEST_CASE("a document of boxes that says too much, or what does not exist, is refused") {
  check_refusals(
      {
          {"/network/depth", "20", "network.depth: expected 18, 34, 50, 101 or 152, found 20"},
          {"/network/width", "0", "network.width: expected a width from 1 to 4096, found 0"},
          {"/network/width", "4097", "network.width: expected a width from 1 to 4096, found 4097"},
          {"/network/deconv", nullptr, "network.deconv: expected an object, found nothing"},
          {"/network/deconv/channels", "[]", "network.deconv.channels: expected a list of 1 to 5 widths, found []"},
          {"/network/convolutions", "1", "network.convolutions: expected true or false, found 1"},
          {"/network/head_channels", "-1", "network.head_channels: expected a width from 0 to 65536, found -1"},
          {"/network/head_channels", "65537", "network.head_channels: expected a width from 0 to 65536, found 65537"},
          {"/network/offsets", "\"no\"", "network.offsets: expected true or false, found \"no\""},
          {"/network/normalization", "\"group\"",
           "network.normalization: expected \"batch_norm\" or \"bias\" or \"none\", found \"group\""},
          {"/decoder/threshold", "-0.1", "decoder.threshold: expected a number from 0 to 1, found -0.1"},
          {"/decoder/threshold", "1.5", "decoder.threshold: expected a number from 0 to 1, found 1.5"},
          {"/decoder/iou", "\"much\"", "decoder.iou: expected a number from 0 to 1, found \"much\""},
          {"/decoder/max_people", "0", "decoder.max_people: expected a number from 1 to 4096, found 0"},
          {"/decoder/max_people", "1.5", "decoder.max_people: expected a number from 1 to 4096, found 1.5"},
          {"/keypoints", "[\"nose\"]", "keypoints: expected none, since the network finds boxes, found [\"nose\"]"},
          {"/keypoints", "3", "keypoints: expected none, since the network finds boxes, found 3"},
          {"/links", "[[0, 1]]", "links: expected none, since the network finds boxes, found [[0,1]]"},
          {"/flip_pairs", "[[0, 1]]", "flip_pairs: expected none, since the network finds boxes, found [[0,1]]"},
      },
      smallest_of_boxes);
}

TEST_CASE("the decoder of boxes goes with the network of boxes only, and that with no other") {
  for (const char* type : {"argmax", "quarter_offset", "dark", "dark_udp"}) {
    const std::string quoted = json(type).dump();
    CHECK(refusal(changed("/decoder/type", quoted.c_str(), smallest_of_boxes)) ==
          "decoder.type: expected \"center\" for a network that finds boxes, found " + quoted);
  }
  CHECK(refusal(changed("/decoder/type", "\"part_affinity\"", smallest_of_boxes)) ==
        "decoder.type: expected another decoder for a network without part affinity fields, found \"part_affinity\"");
  for (const char* network : {R"({"type": "hrnet", "width": 32})", R"({"type": "cmap_paf", "depth": 18})",
                              R"({"type": "pose_resnet", "depth": 18, "deconv": {"channels": [8], "kernel": 4}})"}) {
    json document = json::parse(changed("/network", network));
    document["decoder"]["type"] = "center";
    CHECK(refusal(document.dump()) ==
          "decoder.type: expected another decoder for a network of keypoints, found \"center\"");
  }
}

TEST_CASE("every required field that is missing is named") {
  for (const char* place : {"/version", "/name", "/network", "/network/type", "/network/depth", "/network/deconv",
                            "/network/deconv/channels", "/network/deconv/kernel", "/input", "/input/width",
                            "/input/height", "/input/channels", "/input/mean", "/input/std", "/input/geometry",
                            "/decoder", "/decoder/type", "/keypoints", "/links"}) {
    std::string field = std::string(place).substr(1);
    for (char& c : field) c = c == '/' ? '.' : c;
    const std::string message = refusal(changed(place, nullptr));
    CAPTURE(message);
    CHECK(message.rfind(field + ": expected ", 0) == 0);
    CHECK(message.find(", found nothing") != std::string::npos);
  }
}

TEST_CASE("every field of the wrong type is named") {
  for (const char* place : {"/version",
                            "/network",
                            "/network/type",
                            "/network/depth",
                            "/network/deconv",
                            "/network/deconv/channels",
                            "/network/deconv/channels/1",
                            "/network/deconv/kernel",
                            "/network/deconv/bias",
                            "/network/width",
                            "/network/final_kernel",
                            "/network/stride_on",
                            "/network/output_activation",
                            "/network/normalization",
                            "/network/activation",
                            "/input",
                            "/input/width",
                            "/input/height",
                            "/input/channels",
                            "/input/mean",
                            "/input/std",
                            "/input/std/0",
                            "/input/geometry",
                            "/input/padding",
                            "/input/resample",
                            "/input/crop",
                            "/decoder",
                            "/decoder/type",
                            "/decoder/offset",
                            "/decoder/margin",
                            "/decoder/kernel",
                            "/decoder/draw_threshold",
                            "/decoder/threshold",
                            "/keypoints",
                            "/keypoints/0",
                            "/links",
                            "/links/0",
                            "/links/0/1",
                            "/flip_pairs",
                            "/source",
                            "/accuracy"}) {
    const std::string name = std::string(place).substr(1);
    const std::string section = name.substr(0, name.find('/'));
    for (const char* value : {"null", "-1e300", "{\"a\": 1}", "[[0]]"}) {
      // A source may hold anything else.
      if (section == "source" && value[0] == '{') continue;
      const std::string message = refusal(changed(place, value));
      CAPTURE(place);
      CAPTURE(value);
      CAPTURE(message);
      CHECK(message.rfind(section, 0) == 0);
      CHECK(message.find(": expected ") != std::string::npos);
      CHECK(message.find(", found ") != std::string::npos);
    }
  }
  check_refusals({
      {"/name", "7", "name: expected a string, found 7"},
      {"/network/deconv/bias", "1", "network.deconv.bias: expected true or false, found 1"},
      {"/source", "[]", "source: expected an object, found []"},
      {"/source", R"({"url": 1})", "source.url: expected a string, found 1"},
      {"/accuracy", "{}", "accuracy: expected a list of up to 4096 results, found {}"},
      {"/accuracy", R"([{"set": "a", "metric": "b", "value": "c"}])",
       "accuracy[0].value: expected a number, found \"c\""},
      {"/accuracy", R"([{"set": "a", "metric": "b"}])", "accuracy[0].value: expected a number, found nothing"},
  });
}

TEST_CASE("another version is refused before anything else") {
  const std::string expected = "version: expected 1, which is the version this limn reads, found ";
  CHECK(refusal(R"({"version": 2, "network": 3})") == expected + "2");
  CHECK(refusal(changed("/version", "\"1\"")) == expected + "\"1\"");
  CHECK(refusal(changed("/version", "1.0")) == expected + "1.0");
}

TEST_CASE("a network or decoder that this version does not know is refused with those it knows") {
  check_refusals({
      {"/network/type", R"("densenet")",
       "network.type: expected \"pose_resnet\" or \"cmap_paf\" or \"hrnet\" or \"center_net\", found \"densenet\""},
      {"/decoder/type", R"("simcc")",
       "decoder.type: expected \"argmax\" or \"quarter_offset\" or \"dark\" or \"dark_udp\" or "
       "\"part_affinity\" or \"center\", found \"simcc\""},
  });
}

TEST_CASE("numbers of the network out of range are refused") {
  check_refusals({
      {"/network/depth", "20", "network.depth: expected 18, 34, 50, 101 or 152, found 20"},
      {"/network/depth", "153", "network.depth: expected 18, 34, 50, 101 or 152, found 153"},
      {"/network/width", "0", "network.width: expected a width from 1 to 4096, found 0"},
      {"/network/width", "4097", "network.width: expected a width from 1 to 4096, found 4097"},
      {"/network/deconv/channels/0", "0", "network.deconv.channels[0]: expected a width from 1 to 65536, found 0"},
      {"/network/deconv/channels/0", "-256",
       "network.deconv.channels[0]: expected a width from 1 to 65536, found -256"},
      {"/network/deconv/channels/0", "65537",
       "network.deconv.channels[0]: expected a width from 1 to 65536, found 65537"},
      {"/network/deconv/channels/0", "18446744073709551615",
       "network.deconv.channels[0]: expected a width from 1 to 65536, found 18446744073709551615"},
      {"/network/deconv/channels/0", "256.0",
       "network.deconv.channels[0]: expected a width from 1 to 65536, found 256.0"},
      {"/network/deconv/channels", "[]", "network.deconv.channels: expected a list of 1 to 5 widths, found []"},
      {"/network/deconv/channels", "[1,2,3,4,5,6]",
       "network.deconv.channels: expected a list of 1 to 5 widths, found [1,2,3,4,5,6]"},
      {"/network/deconv/kernel", "5", "network.deconv.kernel: expected 2, 3 or 4, found 5"},
      {"/network/deconv/kernel", "[4, 1]", "network.deconv.kernel[1]: expected 2, 3 or 4, found 1"},
      {"/network/deconv/kernel", "[4]",
       "network.deconv.kernel: expected a number, or as many as there are channels, found [4]"},
      {"/network/final_kernel", "2", "network.final_kernel: expected 1 or 3, found 2"},
  });
}

TEST_CASE("numbers of the input out of range are refused") {
  check_refusals({
      {"/input/width", "100", "input.width: expected a positive multiple of 32, found 100"},
      {"/input/width", "0", "input.width: expected a positive multiple of 32 up to 16384, found 0"},
      {"/input/height", "-32", "input.height: expected a positive multiple of 32 up to 16384, found -32"},
      {"/input/height", "16416", "input.height: expected a positive multiple of 32 up to 16384, found 16416"},
      {"/input/height", "18446744073709551584",
       "input.height: expected a positive multiple of 32 up to 16384, found 18446744073709551584"},
      {"/input/std/1", "0", "input.std[1]: expected a positive number from 1e-6 to 1e6, found 0"},
      {"/input/std/1", "-1", "input.std[1]: expected a positive number from 1e-6 to 1e6, found -1"},
      {"/input/std/1", "1e-300", "input.std[1]: expected a positive number from 1e-6 to 1e6, found 1e-300"},
      {"/input/mean/2", "1e300", "input.mean[2]: expected a number up to 1e6, found 1e+300"},
      {"/input/mean", "[0, 0]", "input.mean: expected three numbers, found [0,0]"},
      {"/input/padding", "0", "input.padding: expected a positive factor from 0.001 to 1000, found 0"},
      {"/input/padding", "-1", "input.padding: expected a positive factor from 0.001 to 1000, found -1"},
      {"/input/crop", "0.5", "input.crop: expected 0 or a factor from 1 to 1000, found 0.5"},
      {"/input/crop", "-1", "input.crop: expected 0 or a factor from 1 to 1000, found -1"},
      {"/input/crop", "1e9", "input.crop: expected 0 or a factor from 1 to 1000, found 1000000000.0"},
  });
  CHECK(with("/input/width", "16384").input.width == 16384);
}

TEST_CASE("numbers of the decoder out of range are refused") {
  check_refusals({
      {"/decoder/offset", "1e300", "decoder.offset: expected a number of pixels up to 10000, found 1e+300"},
      {"/decoder/draw_threshold", "-0.1", "decoder.draw_threshold: expected a number from 0 to 1e6, found -0.1"},
      {"/decoder/margin", "-1", "decoder.margin: expected a number of cells from 0 to 4096, found -1"},
      {"/decoder/kernel", "-1", "decoder.kernel: expected an odd number from 3 to 99, found -1"},
      {"/decoder/kernel", "1", "decoder.kernel: expected an odd number from 3 to 99, found 1"},
      {"/decoder/kernel", "12", "decoder.kernel: expected an odd number from 3 to 99, found 12"},
      {"/decoder/kernel", "101", "decoder.kernel: expected an odd number from 3 to 99, found 101"},
  });
  CHECK(with("/decoder/kernel", "3").decoder.kernel == 3);
  CHECK(with("/decoder/kernel", "99").decoder.kernel == 99);
}

TEST_CASE("keypoints without a name, or with one that is taken, are refused") {
  check_refusals({
      {"/keypoints", "[]", "keypoints: expected a list of 1 to 4096 names, found []"},
      {"/keypoints/1", "\"\"", "keypoints[1]: expected a name, found \"\""},
      {"/keypoints/2", "\"head\"", "keypoints[2]: expected a name that no other keypoint has, found \"head\""},
      {"/keypoints/2", "3", "keypoints[2]: expected a string, found 3"},
  });
}

TEST_CASE("a link or flip pair that names no keypoint is refused and named") {
  check_refusals({
      {"/links/1", "[0, 3]", "links[1]: expected two different keypoints from 0 to 2, found [0,3]"},
      {"/links/1", "[-1, 0]", "links[1]: expected two different keypoints from 0 to 2, found [-1,0]"},
      {"/links/1", "[4294967296, 0]", "links[1]: expected two different keypoints from 0 to 2, found [4294967296,0]"},
      {"/links/1", "[1, 1]", "links[1]: expected two different keypoints from 0 to 2, found [1,1]"},
      {"/links/1", "[0, 1, 2]", "links[1]: expected two different keypoints from 0 to 2, found [0,1,2]"},
      {"/links/1", "[0]", "links[1]: expected two different keypoints from 0 to 2, found [0]"},
      {"/links/1", "[0, 1.0]", "links[1]: expected two different keypoints from 0 to 2, found [0,1.0]"},
      {"/flip_pairs", "[[1, 2], [0, 3]]", "flip_pairs[1]: expected two different keypoints from 0 to 2, found [0,3]"},
      {"/flip_pairs", "[[1, 2], [2, 0]]",
       "flip_pairs: expected each keypoint in one pair at most, found [[1,2],[2,0]]"},
  });
}

TEST_CASE("text that is no document is refused") {
  for (const char* text : {"", "{", "{}}", "{\"version\": 1e999}", "{\"name\": \"\xFF\"}", "{\"name\": 'a'}"}) {
    CAPTURE(text);
    CHECK(refusal(text).rfind("invalid JSON: ", 0) == 0);
  }
  CHECK(refusal("[]") == "expected an object, found []");
  CHECK(refusal("null") == "expected an object, found null");
  CHECK(refusal(R"({"version": 1, "version": 1})") == "key \"version\" appears twice");
  CHECK(refusal(R"({"a": {"b": 1, "c": [{"b": 1}], "b": 2}})") == "key \"b\" appears twice");
  CHECK(refusal(std::string(500000, '[')) == "nested more than 16 deep");
  std::string many = "[0";
  for (int i = 0; i < 30000; ++i) many += ",0";
  CHECK(refusal(many + "]") == "more than 20000 values");
}

TEST_CASE("a file without a document is refused with the tool that makes one") {
  SafetensorsWriter writer;
  writer.metadata("format", "pt");
  const std::vector<unsigned char> bytes = writer.bytes();
  const auto file = limn::Safetensors::from_bytes(bytes.data(), bytes.size(), "F");
  CHECK_THROWS_WITH_AS(limn::read_document(file),
                       "F: not a limn model file: the metadata have no entry 'limn' (tools/convert.py makes model "
                       "files from PyTorch checkpoints)",
                       Error);
}

TEST_CASE("the document of a file is that of its metadata, and its mistakes name the file") {
  SafetensorsWriter writer;
  writer.metadata("limn", changed("/name", "\"M\xC3\xBCller \\\"1\\\"\""));
  std::vector<unsigned char> bytes = writer.bytes();
  CHECK(limn::read_document(limn::Safetensors::from_bytes(bytes.data(), bytes.size(), "F")).name ==
        "M\xC3\xBCller \"1\"");
  writer.metadata("limn", "{}");
  bytes = writer.bytes();
  const auto file = limn::Safetensors::from_bytes(bytes.data(), bytes.size(), "model.safetensors");
  CHECK_THROWS_WITH_AS(limn::read_document(file), doctest::Contains("model.safetensors: metadata 'limn': version: "),
                       Error);
}

TEST_CASE("a document cut off at any byte is an error") {
  const std::string whole = smallest;
  REQUIRE(refusal(whole).empty());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK(refusal(whole.substr(0, size)).rfind("invalid JSON: ", 0) == 0);
  }
}

TEST_CASE("a damaged document is read or refused, whatever the damage") {
  const std::string whole = json::parse(smallest).dump();
  Damage damage(20250602, {"{", "}", "[", "]", ",", ":", "\"", "\\", "-", "0", "1e99", "[]", "{}", "null", "true"});
  int read = 0;
  int refused = 0;
  for (int round = 0; round < 10000; ++round) {
    const std::string message = refusal(damage.damaged(whole, 2));
    ++(message.empty() ? read : refused);
    REQUIRE(message.rfind("without a prefix", 0) != 0);
  }
  // Both have to happen for the test to mean anything.
  CHECK(read > 100);
  CHECK(refused > 5000);
}
