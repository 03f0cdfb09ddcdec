#include <limn/layers/batch_norm2d.hpp>

#include <doctest/doctest.h>

#include "reference_data.hpp"

using limn::BatchNorm2d;

TEST_CASE("batch_norm2d gives PyTorch's numbers in eval mode") {
  for (const reference::Case& test : reference::cases("batch_norm2d")) {
    CAPTURE(test.name);
    const limn::Tensor input = test.map("input");
    const BatchNorm2d layer{input.channels(), test.options.at("eps").get<float>()};
    const limn::Tensor output = limn::batch_norm2d(input, layer, test.values("weight"), test.values("bias"),
                                                   test.values("running_mean"), test.values("running_var"));
    const limn::Tensor expected = test.map("output");
    CHECK(reference::difference(output, expected) <= 1e-5);
    // Channels differ in size, so each is compared on its own too.
    for (limn::Index channel = 0; channel < input.channels(); ++channel) {
      CAPTURE(channel);
      CHECK(reference::difference(output.matrix().row(channel).transpose(),
                                  expected.matrix().row(channel).transpose()) <= 1e-5);
    }
  }
}

TEST_CASE("batch_norm2d has two trainable parameters and two running statistics") {
  const std::vector<limn::ParameterSpec> specs = BatchNorm2d{5}.parameters();
  REQUIRE(specs.size() == 4);
  const std::vector<std::string> names = {"weight", "bias", "running_mean", "running_var"};
  for (std::size_t i = 0; i < specs.size(); ++i) {
    CHECK(specs[i].name == names[i]);
    CHECK(specs[i].shape == std::vector<limn::Index>{5});
    CHECK(specs[i].trainable == (i < 2));
  }
}

TEST_CASE("batch_norm2d refuses an input with the wrong number of channels") {
  const limn::FloatVector three = limn::FloatVector::Ones(3);
  CHECK_THROWS_WITH_AS(limn::batch_norm2d(limn::Tensor({2, 4, 4}), BatchNorm2d{3}, three, three, three, three),
                       "BatchNorm2d: expected 3 input channels, found 2", limn::Error);
}

TEST_CASE("batch_norm2d refuses parameters of the wrong size and names them") {
  const limn::Tensor input({3, 4, 4});
  const limn::FloatVector good = limn::FloatVector::Ones(3);
  const limn::FloatVector bad = limn::FloatVector::Ones(4);
  CHECK_THROWS_WITH_AS(limn::batch_norm2d(input, BatchNorm2d{3}, bad, good, good, good),
                       "BatchNorm2d weight: expected 3 values, found 4", limn::Error);
  CHECK_THROWS_WITH_AS(limn::batch_norm2d(input, BatchNorm2d{3}, good, bad, good, good),
                       "BatchNorm2d bias: expected 3 values, found 4", limn::Error);
  CHECK_THROWS_WITH_AS(limn::batch_norm2d(input, BatchNorm2d{3}, good, good, bad, good),
                       "BatchNorm2d running_mean: expected 3 values, found 4", limn::Error);
  CHECK_THROWS_WITH_AS(limn::batch_norm2d(input, BatchNorm2d{3}, good, good, good, bad),
                       "BatchNorm2d running_var: expected 3 values, found 4", limn::Error);
}
