// Eigen, with the warnings it causes under -Wconversion and -Wshadow kept away from the user's build.
#pragma once

#if defined(__GNUC__) || defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#if !defined(__clang__) && __GNUC__ >= 12
// What Eigen 5 keeps apart by the cache line's size is no part of anybody's interface.
#pragma GCC diagnostic ignored "-Winterference-size"
#endif
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-variable"
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
// GCC 12 takes its own AVX-512 intrinsics, which Eigen includes, for uses of uninitialised variables.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wclass-memaccess"
#endif
#endif

#include <Eigen/Core>

#if defined(__GNUC__) || defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// Signed size and index type used throughout, the same as Eigen's.
using Index = Eigen::Index;

/// What limn keeps in Eigen's containers. How these come by their memory depends on the compile flags, unless they may
/// begin anywhere: files for different instruction sets could not hand them to one another.
using FloatMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::DontAlign>;
/// A column of any length.
using FloatVector = Eigen::Matrix<float, Eigen::Dynamic, 1, Eigen::DontAlign>;
/// The same for arithmetic value by value.
using FloatArray = Eigen::Array<float, Eigen::Dynamic, 1, Eigen::DontAlign>;

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
