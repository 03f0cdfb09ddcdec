// The engine's kernels, once for each target. They are written over a small vector type (vector.inl) and compiled under
// the target's attributes, whatever the compile flags: one binary is fast on every processor.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include <limn/core/version.hpp>
#include <limn/engine/simd/kernel_table.hpp>
#include <limn/engine/winograd_matrices.hpp>

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#elif defined(__wasm_simd128__)
#include <wasm_simd128.h>
#endif

#if LIMN_COMPILED_TARGETS & LIMN_TARGET_SCALAR
#define LIMN_SIMD_TARGET LIMN_TARGET_SCALAR
#define LIMN_SIMD_VECTOR_SIZE 4
#define LIMN_SIMD_REGISTERS 16
namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail::scalar {
#include <limn/engine/simd/kernels.inl>
}  // namespace detail::scalar
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
#endif

#if LIMN_COMPILED_TARGETS & LIMN_TARGET_SSE2
#define LIMN_SIMD_TARGET LIMN_TARGET_SSE2
#define LIMN_SIMD_VECTOR_SIZE 4
#define LIMN_SIMD_REGISTERS 16
#define LIMN_SIMD_EXTENSIONS
namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail::sse2 {
#include <limn/engine/simd/kernels.inl>
}  // namespace detail::sse2
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
#endif

#if LIMN_COMPILED_TARGETS & (LIMN_TARGET_AVX2 | LIMN_TARGET_AVX2_VNNI)
#define LIMN_SIMD_TARGET LIMN_TARGET_AVX2
#define LIMN_SIMD_FEATURES "avx2,fma"
#define LIMN_SIMD_VECTOR_SIZE 8
#define LIMN_SIMD_REGISTERS 16
#define LIMN_SIMD_EXTENSIONS
#define LIMN_SIMD_MULTIPLY_ADD(a, b, c) _mm256_fmadd_ps(a, b, c)
namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail::avx2 {
#include <limn/engine/simd/kernels.inl>
}  // namespace detail::avx2
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
#endif

#if LIMN_COMPILED_TARGETS & LIMN_TARGET_AVX2_VNNI
#define LIMN_SIMD_TARGET LIMN_TARGET_AVX2_VNNI
#define LIMN_SIMD_BASE avx2
#define LIMN_SIMD_FEATURES "avx2,fma,avxvnni"
#define LIMN_SIMD_VECTOR_SIZE 8
#define LIMN_SIMD_REGISTERS 16
#define LIMN_SIMD_EXTENSIONS
namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail::avx2_vnni {
#include <limn/engine/simd/kernels.inl>
}  // namespace detail::avx2_vnni
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
#endif

#if LIMN_COMPILED_TARGETS & (LIMN_TARGET_AVX512 | LIMN_TARGET_AVX512_VNNI)
#define LIMN_SIMD_TARGET LIMN_TARGET_AVX512
#define LIMN_SIMD_FEATURES "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"
#define LIMN_SIMD_VECTOR_SIZE 16
#define LIMN_SIMD_REGISTERS 32
#define LIMN_SIMD_EXTENSIONS
#define LIMN_SIMD_MULTIPLY_ADD(a, b, c) _mm512_fmadd_ps(a, b, c)
namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail::avx512 {
#include <limn/engine/simd/kernels.inl>
}  // namespace detail::avx512
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
#endif

#if LIMN_COMPILED_TARGETS & LIMN_TARGET_AVX512_VNNI
#define LIMN_SIMD_TARGET LIMN_TARGET_AVX512_VNNI
#define LIMN_SIMD_BASE avx512
#define LIMN_SIMD_FEATURES "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma"
#define LIMN_SIMD_VECTOR_SIZE 16
#define LIMN_SIMD_REGISTERS 32
#define LIMN_SIMD_EXTENSIONS
namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail::avx512_vnni {
#include <limn/engine/simd/kernels.inl>
}  // namespace detail::avx512_vnni
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
#endif

#if LIMN_COMPILED_TARGETS & (LIMN_TARGET_NEON | LIMN_TARGET_NEON_DOT)
#define LIMN_SIMD_TARGET LIMN_TARGET_NEON
#define LIMN_SIMD_VECTOR_SIZE 4
#define LIMN_SIMD_REGISTERS 32
#define LIMN_SIMD_EXTENSIONS
#define LIMN_SIMD_MULTIPLY_ADD(a, b, c) vfmaq_f32(c, a, b)
namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail::neon {
#include <limn/engine/simd/kernels.inl>
}  // namespace detail::neon
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
#endif

#if LIMN_COMPILED_TARGETS & LIMN_TARGET_NEON_DOT
#define LIMN_SIMD_TARGET LIMN_TARGET_NEON_DOT
#define LIMN_SIMD_BASE neon
#if !defined(__ARM_FEATURE_DOTPROD)
#define LIMN_SIMD_FEATURES "arch=armv8.2-a+dotprod"
#endif
#define LIMN_SIMD_VECTOR_SIZE 4
#define LIMN_SIMD_REGISTERS 32
#define LIMN_SIMD_EXTENSIONS
namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail::neon_dot {
#include <limn/engine/simd/kernels.inl>
}  // namespace detail::neon_dot
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
#endif

#if LIMN_COMPILED_TARGETS & LIMN_TARGET_WASM_SIMD128
#define LIMN_SIMD_TARGET LIMN_TARGET_WASM_SIMD128
#define LIMN_SIMD_VECTOR_SIZE 4
#define LIMN_SIMD_REGISTERS 16
#define LIMN_SIMD_EXTENSIONS
namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail::wasm_simd128 {
#include <limn/engine/simd/kernels.inl>
}  // namespace detail::wasm_simd128
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
#endif

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// The kernels of a target, which is among targets().
inline const KernelTable& kernels_of(Target target) {
  switch (target) {
#if LIMN_COMPILED_TARGETS & LIMN_TARGET_SCALAR
    case Target::scalar: return scalar::kernels;
#endif
#if LIMN_COMPILED_TARGETS & LIMN_TARGET_SSE2
    case Target::sse2: return sse2::kernels;
#endif
#if LIMN_COMPILED_TARGETS & (LIMN_TARGET_AVX2 | LIMN_TARGET_AVX2_VNNI)
    case Target::avx2: return avx2::kernels;
#endif
#if LIMN_COMPILED_TARGETS & LIMN_TARGET_AVX2_VNNI
    case Target::avx2_vnni: return avx2_vnni::kernels;
#endif
#if LIMN_COMPILED_TARGETS & (LIMN_TARGET_AVX512 | LIMN_TARGET_AVX512_VNNI)
    case Target::avx512: return avx512::kernels;
#endif
#if LIMN_COMPILED_TARGETS & LIMN_TARGET_AVX512_VNNI
    case Target::avx512_vnni: return avx512_vnni::kernels;
#endif
#if LIMN_COMPILED_TARGETS & (LIMN_TARGET_NEON | LIMN_TARGET_NEON_DOT)
    case Target::neon: return neon::kernels;
#endif
#if LIMN_COMPILED_TARGETS & LIMN_TARGET_NEON_DOT
    case Target::neon_dot: return neon_dot::kernels;
#endif
#if LIMN_COMPILED_TARGETS & LIMN_TARGET_WASM_SIMD128
    case Target::wasm_simd128: return wasm_simd128::kernels;
#endif
    default: throw Error(std::string("engine: no kernels for ") + to_string(target));
  }
}

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
