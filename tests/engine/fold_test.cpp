#include <limn/engine/fold.hpp>

#include <doctest/doctest.h>

#include <random>

#include <limn/network/plain_executor.hpp>

#include "engine/random_data.hpp"
#include "formula_weights.hpp"

using namespace limn;

TEST_CASE("a convolution with folded weights gives what the plain convolution and batch norm do") {
  const Conv2d conv = {3, 5, {3, 2}, 1, 1};
  const ConvTranspose2d deconv = {3, 5, 4, 2, 1};
  for (const bool transposed : {false, true}) {
    for (const bool bias : {false, true}) {
      for (const bool normalised : {false, true}) {
        CAPTURE(transposed);
        CAPTURE(bias);
        CAPTURE(normalised);
        Conv2d plain_conv = conv;
        ConvTranspose2d plain_deconv = deconv;
        plain_conv.bias = plain_deconv.bias = bias;
        Graph graph(3);
        const Layer layer = transposed ? Layer(plain_deconv) : Layer(plain_conv);
        NodeId last = graph.add("layer", layer, {Graph::input});
        if (normalised) last = graph.add("norm", BatchNorm2d{5}, {last});
        graph.add_output("out", last);
        const formula::FormulaWeights weights(graph);
        std::mt19937 generator(3);
        const Tensor input = random_tensor({3, 6, 7}, generator);
        const Tensor expected = run_plain(graph, weights.weights(), input)[0];

        const auto steps = detail::fuse(graph);
        REQUIRE(steps.size() == 1);
        const detail::FoldedWeights folded = detail::fold(graph, steps[0], weights.weights());
        plain_conv.bias = plain_deconv.bias = true;
        const Tensor found = transposed ? conv_transpose2d(input, plain_deconv, folded.weight, folded.bias)
                                        : conv2d(input, plain_conv, folded.weight, folded.bias);
        CHECK(relative_difference(found.matrix(), expected.matrix()) <= 1e-5F);
      }
    }
  }
}
