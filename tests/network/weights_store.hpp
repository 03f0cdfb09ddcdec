// Weights that a test makes up, and the memory they lie in.
#pragma once

#include <cstring>
#include <list>
#include <string>
#include <vector>

#include <limn/core/weights.hpp>

class WeightsStore {
 public:
  WeightsStore() = default;
  WeightsStore(const WeightsStore&) = delete;
  WeightsStore& operator=(const WeightsStore&) = delete;

  /// `values` in PyTorch's order; F32, or I8, which takes whole numbers from -128 to 127.
  void add(const std::string& name, const std::vector<limn::Index>& shape, const limn::FloatVector& values,
           limn::DType dtype = limn::DType::f32) {
    std::vector<unsigned char> bytes(static_cast<std::size_t>(values.size()) * limn::size_in_bytes(dtype));
    for (limn::Index i = 0; i < values.size(); ++i) {
      if (dtype == limn::DType::i8) {
        const auto value = static_cast<signed char>(values[i]);
        std::memcpy(bytes.data() + i, &value, 1);
      } else {
        std::memcpy(bytes.data() + i * static_cast<limn::Index>(sizeof(float)), &values[i], sizeof(float));
      }
    }
    memory_.push_back(std::move(bytes));
    weights_[name] = {dtype, shape, memory_.back().data()};
  }

  const limn::Weights& weights() const { return weights_; }

 private:
  std::list<std::vector<unsigned char>> memory_;  // a list: what is in it stays where it is
  limn::Weights weights_;
};
