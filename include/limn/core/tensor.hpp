#pragma once

#include <string>

#include <limn/core/eigen.hpp>
#include <limn/core/error.hpp>
#include <limn/core/sizes.hpp>
#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Size of one feature map: channels, rows and columns. A batch is a sequence of feature maps.
struct Shape {
  Index channels = 0;  ///< feature maps
  Index height = 0;    ///< rows
  Index width = 0;     ///< columns

  /// height * width.
  Index pixels() const { return height * width; }
  /// channels * height * width: values.
  Index size() const { return channels * height * width; }
  friend bool operator==(const Shape& a, const Shape& b) {
    return a.channels == b.channels && a.height == b.height && a.width == b.width;
  }
  friend bool operator!=(const Shape& a, const Shape& b) { return !(a == b); }
};

/// "CxHxW", for messages and tables.
inline std::string to_string(const Shape& shape) {
  return std::to_string(shape.channels) + "x" + std::to_string(shape.height) + "x" + std::to_string(shape.width);
}

/// One feature map, channels x height x width in fp32.
///
/// Stored as a column-major matrix of `channels` rows and `height * width` columns: the channels of a pixel are
/// contiguous and pixels follow one another row by row (NHWC with N = 1). A 1x1 convolution is then one matrix
/// product, and the pixels of an image row are a block of neighbouring columns.
class Tensor {
 public:
  /// Column-major, as FloatMatrix is.
  using Matrix = FloatMatrix;

  Tensor() = default;

  /// A tensor of zeros. Throws Error if an extent is negative or there is not so much memory.
  explicit Tensor(Shape shape) : shape_(shape) {
    if (shape.channels < 0 || shape.height < 0 || shape.width < 0) {
      throw Error("tensor shape " + to_string(shape) + ": extents must not be negative");
    }
    const auto describe = [&] { return "tensor of " + to_string(shape) + " values"; };
    detail::only_errors(describe, [&] {
      detail::checked_product<Index>("tensor", {shape.channels, shape.height, shape.width, Index{sizeof(float)}});
      values_ = Matrix::Zero(shape.channels, shape.pixels());
    });
  }

  /// Channels, height and width.
  const Shape& shape() const { return shape_; }
  /// Feature maps.
  Index channels() const { return shape_.channels; }
  /// Rows.
  Index height() const { return shape_.height; }
  /// Columns.
  Index width() const { return shape_.width; }

  /// The first of shape().size() values: channel c of pixel (y, x) is data()[(y * width() + x) * channels() + c].
  float* data() { return values_.data(); }
  /// The same for reading.
  const float* data() const { return values_.data(); }

  /// The value of a channel at pixel (y, x). Indices are not checked.
  float& operator()(Index channel, Index y, Index x) { return values_(channel, y * shape_.width + x); }
  /// The same for reading.
  float operator()(Index channel, Index y, Index x) const { return values_(channel, y * shape_.width + x); }

  /// The whole map, channels x (height * width).
  Matrix& matrix() { return values_; }
  /// The same for reading.
  const Matrix& matrix() const { return values_; }

  /// Image row y, channels x width.
  auto row(Index y) { return values_.middleCols(y * shape_.width, shape_.width); }
  /// The same for reading.
  auto row(Index y) const { return values_.middleCols(y * shape_.width, shape_.width); }

  /// The channels of pixel (y, x).
  auto pixel(Index y, Index x) { return values_.col(y * shape_.width + x); }
  /// The same for reading.
  auto pixel(Index y, Index x) const { return values_.col(y * shape_.width + x); }

 private:
  Shape shape_;
  Matrix values_;
};

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
