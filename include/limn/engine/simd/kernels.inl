// The kernels of one target and their table: included once for each, by kernels.hpp, in a namespace of its own. Before,
//   LIMN_SIMD_TARGET          is its LIMN_TARGET_...,
//   LIMN_SIMD_BASE            is the namespace of the target whose kernels it takes, with other products of bytes; not
//                             defined where it has its own,
//   LIMN_SIMD_FEATURES        what the target has beyond the compile flags, as the compiler's attribute wants it; not
//                             defined for none,
//   LIMN_SIMD_VECTOR_SIZE     the floats of a vector,
//   LIMN_SIMD_REGISTERS       the vectors that the processor holds,
//   LIMN_SIMD_EXTENSIONS      is defined where vectors are the compiler's, and not arrays, and
//   LIMN_SIMD_MULTIPLY_ADD    where there is an instruction for a * b + c.

#if defined(_MSC_VER)
#define LIMN_SIMD_INLINE __forceinline
#define LIMN_SIMD_LAMBDA
#define LIMN_SIMD_NEVER_INLINE __declspec(noinline)
#define LIMN_SIMD_PREFETCH(address) static_cast<void>(address)
#else
#define LIMN_SIMD_INLINE inline __attribute__((always_inline))
#define LIMN_SIMD_LAMBDA __attribute__((always_inline)) LIMN_SIMD_ATTRIBUTE
#define LIMN_SIMD_NEVER_INLINE __attribute__((noinline))
#define LIMN_SIMD_PREFETCH(address) __builtin_prefetch(address, 0, 2)
#endif

// Functions learn of the features from a pragma, which passes lambdas by: they are told one by one.
#if !defined(LIMN_SIMD_FEATURES)
#define LIMN_SIMD_ATTRIBUTE
#else
#define LIMN_SIMD_ATTRIBUTE __attribute__((target(LIMN_SIMD_FEATURES)))
#define LIMN_SIMD_PRAGMA_TEXT(text) _Pragma(#text)
#define LIMN_SIMD_PRAGMA(text) LIMN_SIMD_PRAGMA_TEXT(text)
#if defined(__clang__)
LIMN_SIMD_PRAGMA(clang attribute push(LIMN_SIMD_ATTRIBUTE, apply_to = function))
#else
LIMN_SIMD_PRAGMA(GCC push_options)
LIMN_SIMD_PRAGMA(GCC target(LIMN_SIMD_FEATURES))
#endif
#endif

constexpr int vector_size = LIMN_SIMD_VECTOR_SIZE;
constexpr int register_count = LIMN_SIMD_REGISTERS;

#include <limn/engine/simd/vector.inl>

#if defined(LIMN_SIMD_BASE)
#include <limn/engine/simd/byte_kernel.inl>

inline constexpr KernelTable kernels =
    LIMN_SIMD_BASE::kernels.with(static_cast<Target>(LIMN_SIMD_TARGET), byte_kernels);
#else
// Each block takes from those before it.
#include <limn/engine/simd/byte_vector.inl>

#include <limn/engine/simd/activations.inl>
#include <limn/engine/simd/byte_finish.inl>
#include <limn/engine/simd/micro_kernel.inl>
#include <limn/engine/simd/winograd_transform.inl>

#include <limn/engine/simd/byte_winograd.inl>

#include <limn/engine/simd/byte_kernel.inl>

inline constexpr KernelTable kernels = {static_cast<Target>(LIMN_SIMD_TARGET),
                                        vector_size,
                                        register_count,
                                        panel_rows,
                                        tile_pixels,
                                        multiply,
                                        winograd_kernels<2, 3, 1>(),
                                        winograd_kernels<4, 3, 1>(),
                                        winograd_kernels<2, 3, 2>(),
                                        winograd_kernels<4, 3, 2>(),
                                        winograd_kernels<2, 2, 1>(),
                                        winograd_kernels<4, 2, 1>(),
                                        byte_kernels,
                                        sigmoid,
                                        tanh,
                                        multiply_add_in_registers};
#endif

#if defined(LIMN_SIMD_FEATURES)
#if defined(__clang__)
LIMN_SIMD_PRAGMA(clang attribute pop)
#else
LIMN_SIMD_PRAGMA(GCC pop_options)
#endif
#undef LIMN_SIMD_PRAGMA
#undef LIMN_SIMD_PRAGMA_TEXT
#endif

#undef LIMN_SIMD_INLINE
#undef LIMN_SIMD_LAMBDA
#undef LIMN_SIMD_NEVER_INLINE
#undef LIMN_SIMD_PREFETCH
#undef LIMN_SIMD_TARGET
#undef LIMN_SIMD_BASE
#undef LIMN_SIMD_ATTRIBUTE
#undef LIMN_SIMD_FEATURES
#undef LIMN_SIMD_VECTOR_SIZE
#undef LIMN_SIMD_REGISTERS
#undef LIMN_SIMD_EXTENSIONS
#undef LIMN_SIMD_MULTIPLY_ADD
