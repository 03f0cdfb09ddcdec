#include <limn/network/summary.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>

#include <limn/models/pose_resnet.hpp>
#include <limn/network/quantized_graph.hpp>

using namespace limn;

TEST_CASE("the summary lists every layer as PyTorch does, a residual block after its layers") {
  PoseResNet options;
  options.depth = 18;
  options.keypoints = 16;
  const Summary summary = summarize(pose_resnet(options), 256, 256);
  const char* expected[] = {"Conv2d", "BatchNorm2d", "ReLU",        "MaxPool2d", "Conv2d",    "BatchNorm2d",
                            "ReLU",   "Conv2d",      "BatchNorm2d", "ReLU",      "BasicBlock"};
  for (std::size_t i = 0; i < std::size(expected); ++i) CHECK(summary.rows[i].type == expected[i]);
  CHECK(summary.rows[0].parameters == 9408);
  CHECK(summary.rows[0].output == Shape{64, 128, 128});
  CHECK(summary.rows[1].parameters == 128);
  CHECK(summary.rows[10].name == "layer1.0");
  CHECK(summary.rows[10].block);
  CHECK(summary.rows.back().name == "final_layer");
  CHECK(summary.rows.back().output == Shape{16, 64, 64});
  CHECK(summary.rows.back().parameters == 256 * 16 + 16);
  const auto blocks = std::count_if(summary.rows.begin(), summary.rows.end(),
                                    [](const SummaryRow& row) { return row.type == "BasicBlock"; });
  CHECK(blocks == 8);
}

TEST_CASE("the totals are the published ones") {
  // Counted from the structure; they agree with the figures of the original repositories. Parameters, and multiply-adds
  // in units of 10^9 to three decimals.
  struct Published {
    int depth;
    Index keypoints, height, width;
    std::int64_t parameters;
    double giga_multiply_adds;
  };
  for (const Published& row : {Published{18, 17, 256, 192, 15376721, 2.897},
                               {18, 16, 256, 256, 15376464, 3.862},
                               {50, 17, 256, 192, 33999697, 5.426},
                               {50, 16, 256, 256, 33999440, 7.234},
                               {50, 17, 384, 288, 33999697, 12.209},
                               {101, 17, 256, 192, 52991825, 9.063},
                               {152, 17, 256, 192, 68635473, 12.699}}) {
    PoseResNet options;
    options.depth = row.depth;
    options.keypoints = row.keypoints;
    const Summary summary = summarize(pose_resnet(options), row.height, row.width);
    CHECK(summary.parameters == row.parameters);
    CHECK(static_cast<double>(summary.multiply_adds) / 1e9 == doctest::Approx(row.giga_multiply_adds).epsilon(2e-4));
  }
}

TEST_CASE("an 8-bit convolution has a row also if it does a sum, with the multiply-adds of the float one") {
  PoseResNet options;
  options.depth = 18;
  options.width = 4;
  const Graph graph = pose_resnet(options);
  Quantization quantization;
  quantization.maps["input"] = {1, 128};
  for (const limn::detail::FusedStep& step : limn::detail::fuse(graph)) {
    const std::string& name = graph.nodes()[step.output].name;
    if (name != "final_layer") quantization.maps[name] = {1, 0};
  }
  const Summary summary = summarize(quantized_graph(graph, quantization), 64, 64);
  CHECK(summary.multiply_adds == summarize(graph, 64, 64).multiply_adds);
  const auto convolution = std::find_if(summary.rows.begin(), summary.rows.end(),
                                        [](const SummaryRow& row) { return row.name == "layer1.0"; });
  REQUIRE(convolution != summary.rows.end());
  CHECK(convolution->type == "QuantizedConv2d");
  CHECK(convolution->parameters == 4 * 4 * 9 + 4);  // weights and bias; scales are not trained
  CHECK(convolution->multiply_adds == 4 * 4 * 9 * 16 * 16);
  CHECK((convolution + 1)->name == "layer1.0");
  CHECK((convolution + 1)->block);
}

TEST_CASE("multiply-adds of more than 32 bits are counted, and of more than 64 are an error") {
  // A layer of 65536 x 65536 channels on 2^24 pixels has 2^56 multiply-adds, and 2^32 weights.
  Graph graph(65536);
  NodeId x = Graph::input;
  for (int i = 0; i < 4; ++i) {
    x = graph.add("conv" + std::to_string(i), Conv2d{65536, 65536}, {x});
  }
  if (sizeof(Index) == 8) {
    const Summary summary = summarize(graph, 4096, 4096);
    CHECK(summary.multiply_adds == std::int64_t{4} << 56);
    CHECK(summary.parameters == std::int64_t{4} << 32);
  }
  CHECK(summarize(graph, 1, 1).parameters == std::int64_t{4} << 32);
  CHECK(summarize(graph, 16, 16).multiply_adds == std::int64_t{4} << 40);
  CHECK(Conv2d{65536, 65536}.multiply_adds({65536, 4096, 4096}) == std::int64_t{1} << 56);
  CHECK_THROWS_WITH_AS((Conv2d{65536, 65536, 9, 1, 4}.multiply_adds({65536, 65536, 65536})),
                       doctest::Contains("Conv2d multiply-adds"), Error);
  if (sizeof(Index) == 8) {
    for (int i = 4; i < 600; ++i) x = graph.add("conv" + std::to_string(i), Conv2d{65536, 65536}, {x});
    CHECK_THROWS_WITH_AS(summarize(graph, 4096, 4096), doctest::Contains("network's multiply-adds"), Error);
  }
}
