#include <limn/engine/winograd_convolution.hpp>

#include <doctest/doctest.h>

#include <limn/engine/simd/kernels.hpp>

#include "engine/convolution_kernels.hpp"

using limn::Conv2d;
using limn::ConvTranspose2d;
using limn::Index;
using limn::Shape;
using limn::Target;
using limn::Tensor;
using limn::detail::WinogradConvolution;
using limn::detail::WinogradMethod;

namespace {

/// On every target that runs here and whose vectors divide the channels, with and without residual and ReLU, on one
/// thread and on three. `tolerance` is relative to the largest magnitude.
template <class Layer, class Plain>
void check_against_plain(const WinogradMethod& method, const Layer& layer, const Shape& input_shape, float tolerance,
                         Plain&& plain) {
  std::mt19937 generator(7);
  const Tensor input = random_tensor(input_shape, generator);
  const limn::FloatVector weight =
      random_values(layer.in_channels * layer.out_channels * layer.kernel.area(), generator);
  const limn::FloatVector bias = random_values(layer.out_channels, generator);
  Tensor residual = random_tensor(layer.output_shape(input_shape), generator);
  CAPTURE(method.name);
  CAPTURE(limn::to_string(input_shape));
  CAPTURE(layer.out_channels);
  for (const bool relu : {false, true}) {
    for (const Tensor* added : {static_cast<const Tensor*>(nullptr), static_cast<const Tensor*>(&residual)}) {
      const Tensor expected = finish_plain([&] { return plain(input, weight, bias); }, added, relu);
      for (const Target target : limn::targets()) {
        const limn::detail::KernelTable& kernels = limn::detail::kernels_of(target);
        if (layer.in_channels % kernels.vector_size != 0 || layer.out_channels % kernels.vector_size != 0) continue;
        CAPTURE(limn::to_string(target));
        REQUIRE(method.supports(layer, kernels));
        const WinogradConvolution kernel(method, layer, {kernels, input_shape, weight, bias, relu});
        for (const int threads : {1, 2, 3}) {
          const Tensor found = run_kernel(kernel, input, added, expected.shape(), threads);
          CHECK(relative_difference(found.matrix(), expected.matrix()) <= tolerance);
        }
      }
    }
  }
}

void check_conv(const WinogradMethod& method, Index in, Index out, Index height, Index width, Index padding,
                float tolerance) {
  if (height + 2 * padding < 3 || width + 2 * padding < 3) return;
  const Conv2d layer{in, out, 3, method.step, padding, true};
  check_against_plain(
      method, layer, {in, height, width}, tolerance,
      [&](const Tensor& x, const limn::FloatVector& w, const limn::FloatVector& b) { return conv2d(x, layer, w, b); });
}

void check_deconv(const WinogradMethod& method, Index in, Index out, Index height, Index width, float tolerance) {
  const ConvTranspose2d layer{in, out, 4, 2, 1, 0, true};
  check_against_plain(method, layer, {in, height, width}, tolerance,
                      [&](const Tensor& x, const limn::FloatVector& w, const limn::FloatVector& b) {
                        return conv_transpose2d(x, layer, w, b);
                      });
}

/// Heights and widths that tiles of 2 and 4 divide and do not divide, down to one pixel, and channels that fill panels
/// of every width and leave them half empty.
template <class Check>
void for_many_shapes(Check&& check) {
  for (const Index vector_size : {4, 8, 16}) {
    for (const auto& [height, width] :
         {std::pair<Index, Index>{1, 1}, {2, 3}, {4, 4}, {5, 7}, {8, 8}, {3, 17}, {13, 6}}) {
      check(vector_size, 2 * vector_size, height, width);
      check(3 * vector_size, vector_size, height, width);
    }
  }
  check(64, 64, 16, 12);
  check(16, 16, 72, 80);  // enough tiles that each thread works on blocks of its own
  check(256, 64, 8, 8);
}

}  // namespace

TEST_CASE("Winograd F(2x2, 3x3) equals the plain convolution") {
  for_many_shapes([](Index in, Index out, Index height, Index width) {
    for (const Index padding : {0, 1, 2}) {
      check_conv(limn::detail::winograd_2x2_3x3, in, out, height, width, padding, 3e-6F);
    }
  });
}

TEST_CASE("Winograd F(4x4, 3x3) equals the plain convolution") {
  for_many_shapes([](Index in, Index out, Index height, Index width) {
    for (const Index padding : {0, 1, 2}) {
      check_conv(limn::detail::winograd_4x4_3x3, in, out, height, width, padding, 3e-5F);
    }
  });
}

TEST_CASE("Winograd with stride 2 equals the plain convolution") {
  for_many_shapes([](Index in, Index out, Index height, Index width) {
    for (const Index padding : {0, 1, 2}) {
      check_conv(limn::detail::winograd_2x2_3x3_stride_2, in, out, height, width, padding, 3e-6F);
      check_conv(limn::detail::winograd_4x4_3x3_stride_2, in, out, height, width, padding, 2e-5F);
    }
  });
}

TEST_CASE("Winograd F(2x2, 2x2) equals the plain transposed convolution") {
  for_many_shapes([](Index in, Index out, Index height, Index width) {
    check_deconv(limn::detail::winograd_2x2_2x2, in, out, height, width, 3e-6F);
  });
}

TEST_CASE("Winograd F(4x4, 2x2) equals the plain transposed convolution") {
  for_many_shapes([](Index in, Index out, Index height, Index width) {
    check_deconv(limn::detail::winograd_4x4_2x2, in, out, height, width, 2e-5F);
  });
}

TEST_CASE("Winograd leaves what it cannot do to others") {
  using limn::detail::winograd_4x4_2x2;
  using limn::detail::winograd_4x4_3x3;
  for (const Target target : limn::targets()) {
    const limn::detail::KernelTable& kernels = limn::detail::kernels_of(target);
    const Index p = kernels.vector_size;
    CHECK_FALSE(winograd_4x4_3x3.supports(Conv2d{p, p, 3, 2, 1}, kernels));
    CHECK_FALSE(winograd_4x4_3x3.supports(Conv2d{p, p, 5, 1, 1}, kernels));
    CHECK_FALSE(limn::detail::winograd_4x4_3x3_stride_2.supports(Conv2d{p, p, 3, 1, 1}, kernels));
    CHECK_FALSE(winograd_4x4_3x3.supports(Conv2d{p + 1, p, 3, 1, 1}, kernels));
    CHECK_FALSE(winograd_4x4_3x3.supports(Conv2d{p, p + 1, 3, 1, 1}, kernels));
    CHECK_FALSE(winograd_4x4_2x2.supports(ConvTranspose2d{p, p, 3, 2, 1, 1}, kernels));
    CHECK_FALSE(winograd_4x4_2x2.supports(ConvTranspose2d{p, p, 4, 2, 0, 0}, kernels));
  }
}

TEST_CASE("Winograd's matrices are those of the literature") {
  // Lavin & Gray 2016, equation 7 and section 5.2, up to the sign that a row of B^T shares with its row of G.
  constexpr limn::detail::WinogradMatrices<2, 3> f2;
  CHECK(f2.g[1][0] == 0.5);
  CHECK(f2.g[2][1] == -0.5);
  CHECK(f2.at[1][3] == 1);
  CHECK(f2.bt[3][1] == -1);
  constexpr limn::detail::WinogradMatrices<4, 3> f4;
  CHECK(f4.bt[0][0] == 4);
  CHECK(f4.bt[0][2] == -5);
  CHECK(f4.g[0][0] == 0.25);
  CHECK(f4.at[3][3] == 8);
  CHECK(f4.at[3][5] == 1);
}
