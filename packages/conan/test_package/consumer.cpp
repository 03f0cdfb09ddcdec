#include <cstdio>

#include <limn/core/tensor.hpp>
#include <limn/core/version.hpp>
#include <limn/pose/skeleton.hpp>

int main() {
  limn::Tensor tensor({1, 2, 3});  // needs Eigen
  tensor.matrix().setOnes();
  std::puts("limn " LIMN_VERSION);
  return tensor.matrix().sum() == 6.0F && limn::Skeleton().find("left_knee") == -1 ? 0 : 1;
}
