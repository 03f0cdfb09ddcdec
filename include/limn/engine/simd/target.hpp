// The instruction sets the engine's kernels are compiled for. LIMN_TARGETS restricts them, the same for all files of a
// program: -DLIMN_TARGETS="(LIMN_TARGET_SSE2 | LIMN_TARGET_AVX2)".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#define LIMN_TARGET_SCALAR 1
#define LIMN_TARGET_SSE2 2
#define LIMN_TARGET_AVX2 4
#define LIMN_TARGET_AVX512 8
#define LIMN_TARGET_AVX512_VNNI 16
#define LIMN_TARGET_NEON 32
#define LIMN_TARGET_WASM_SIMD128 64
#define LIMN_TARGET_AVX2_VNNI 128
#define LIMN_TARGET_NEON_DOT 256

// Those this compiler can make for this kind of processor. Without GCC's vector extensions, scalar only.
#if !defined(__GNUC__)
#define LIMN_POSSIBLE_TARGETS LIMN_TARGET_SCALAR
#elif defined(__x86_64__) || (defined(__i386__) && defined(__SSE2__))
// VNNI without AVX-512 came with GCC 11 and LLVM 12, which is in Apple's Clang 13.
#if defined(__apple_build_version__) ? __clang_major__ >= 13 \
: defined(__clang__)                 ? __clang_major__ >= 12 \
                                     : __GNUC__ >= 11
#define LIMN_POSSIBLE_TARGETS                                                                                \
  (LIMN_TARGET_SCALAR | LIMN_TARGET_SSE2 | LIMN_TARGET_AVX2 | LIMN_TARGET_AVX512 | LIMN_TARGET_AVX512_VNNI | \
   LIMN_TARGET_AVX2_VNNI)
#else
#define LIMN_POSSIBLE_TARGETS \
  (LIMN_TARGET_SCALAR | LIMN_TARGET_SSE2 | LIMN_TARGET_AVX2 | LIMN_TARGET_AVX512 | LIMN_TARGET_AVX512_VNNI)
#endif
#elif defined(__aarch64__)
// Before Clang 16, arm_neon.h has only what the compile flags allow.
#if defined(__ARM_FEATURE_DOTPROD) || !defined(__clang__) || \
    (__clang_major__ >= 16 && !defined(__apple_build_version__))
#define LIMN_POSSIBLE_TARGETS (LIMN_TARGET_SCALAR | LIMN_TARGET_NEON | LIMN_TARGET_NEON_DOT)
#else
#define LIMN_POSSIBLE_TARGETS (LIMN_TARGET_SCALAR | LIMN_TARGET_NEON)
#endif
#elif defined(__wasm_simd128__)
#define LIMN_POSSIBLE_TARGETS (LIMN_TARGET_SCALAR | LIMN_TARGET_WASM_SIMD128)
#else
#define LIMN_POSSIBLE_TARGETS LIMN_TARGET_SCALAR
#endif

// Scalar where there is nothing else: every processor of the others' kinds has vectors.
#if defined(LIMN_TARGETS)
#define LIMN_COMPILED_TARGETS (LIMN_POSSIBLE_TARGETS & (LIMN_TARGETS))
#elif LIMN_POSSIBLE_TARGETS == LIMN_TARGET_SCALAR
#define LIMN_COMPILED_TARGETS LIMN_TARGET_SCALAR
#else
#define LIMN_COMPILED_TARGETS (LIMN_POSSIBLE_TARGETS & ~LIMN_TARGET_SCALAR)
#endif
#if LIMN_COMPILED_TARGETS == 0
#error "LIMN_TARGETS names no instruction set that limn can be compiled for here"
#endif

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// An instruction set that the engine's kernels are compiled for. The numbers are those of the macros.
enum class Target {
  scalar = LIMN_TARGET_SCALAR,              ///< no vectors, for every processor
  sse2 = LIMN_TARGET_SSE2,                  ///< every x86-64: 4 floats at a time
  avx2 = LIMN_TARGET_AVX2,                  ///< with FMA; Intel since Haswell, AMD since Excavator: 8 floats
  avx512 = LIMN_TARGET_AVX512,              ///< F, BW, DQ and VL; Intel since Skylake-X, AMD since Zen 4: 16 floats
  avx512_vnni = LIMN_TARGET_AVX512_VNNI,    ///< and products of 8-bit integers
  neon = LIMN_TARGET_NEON,                  ///< every 64-bit Arm: 4 floats
  wasm_simd128 = LIMN_TARGET_WASM_SIMD128,  ///< WebAssembly's 128-bit vectors: 4 floats
  avx2_vnni = LIMN_TARGET_AVX2_VNNI,        ///< avx2 and products of 8-bit integers; Intel since Alder Lake, AMD Zen 5
  neon_dot = LIMN_TARGET_NEON_DOT           ///< neon and products of 8-bit integers; most 64-bit Arm since 2018
};

/// As a user writes it.
inline const char* to_string(Target target) {
  switch (target) {
    case Target::sse2: return "sse2";
    case Target::avx2: return "avx2";
    case Target::avx2_vnni: return "avx2_vnni";
    case Target::avx512: return "avx512";
    case Target::avx512_vnni: return "avx512_vnni";
    case Target::neon: return "neon";
    case Target::neon_dot: return "neon_dot";
    case Target::wasm_simd128: return "wasm_simd128";
    case Target::scalar: break;
  }
  return "scalar";
}

namespace detail {

/// Whether the processor, and the operating system, which has to keep the registers, have what a target needs.
inline bool runs_here(Target target) {
#if LIMN_POSSIBLE_TARGETS & LIMN_TARGET_AVX2
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (target == Target::avx2) return avx2;
  if (target == Target::avx2_vnni) {
    // Bit 4 of leaf 7.1's EAX, which not every compiler's __builtin_cpu_supports knows.
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    return avx2 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax & 16U) != 0;
  }
  if (target == Target::avx512) return avx512;
  if (target == Target::avx512_vnni) return avx512 && __builtin_cpu_supports("avx512vnni");
#endif
#if defined(__aarch64__) && defined(__linux__)
  constexpr unsigned long dot_product = 1UL << 20;  // HWCAP_ASIMDDP
  if (target == Target::neon_dot && (getauxval(AT_HWCAP) & dot_product) == 0) return false;
#elif defined(__aarch64__) && !defined(__APPLE__)
  if (target == Target::neon_dot) return false;
#endif
  return (LIMN_POSSIBLE_TARGETS & static_cast<int>(target)) != 0;
}

}  // namespace detail

namespace detail {

/// The targets that are compiled in, the best first.
inline std::vector<Target> compiled_targets() {
  std::vector<Target> compiled;
  for (const Target target : {Target::avx512_vnni, Target::avx512, Target::avx2_vnni, Target::avx2, Target::sse2,
                              Target::neon_dot, Target::neon, Target::wasm_simd128, Target::scalar}) {
    if ((LIMN_COMPILED_TARGETS & static_cast<int>(target)) != 0) compiled.push_back(target);
  }
  return compiled;
}

}  // namespace detail

/// The targets that are compiled in and that this processor runs, the best first. Empty only where LIMN_TARGETS leaves
/// out those that every processor has.
inline std::vector<Target> targets() {
  std::vector<Target> found;
  for (const Target target : detail::compiled_targets()) {
    if (detail::runs_here(target)) found.push_back(target);
  }
  return found;
}

namespace detail {

inline std::string names_of(const std::vector<Target>& targets) {
  std::string names;
  for (const Target target : targets) names += (names.empty() ? "" : ", ") + std::string(to_string(target));
  return names.empty() ? "none" : names;
}

/// The names of targets(), for messages.
inline std::string target_names() { return names_of(targets()); }

[[noreturn]] inline void no_target(const std::string& found) {
  throw Error("engine: expected an instruction set that is compiled in and that this processor has (" + target_names() +
              "), found " + found);
}

}  // namespace detail

/// The one the user wants, or else the best. Throws Error if it is not among targets().
inline Target choose_target(std::optional<Target> wanted = {}) {
  for (const Target target : targets()) {
    if (!wanted || target == *wanted) return target;
  }
  detail::no_target(wanted ? to_string(*wanted) : "none");
}

/// The target of that name. Throws Error if it is not among targets().
inline Target target_named(const std::string& name) {
  for (const Target target : targets()) {
    if (name == to_string(target)) return target;
  }
  detail::no_target(name);
}

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
