// A private copy of stb_image and stb_image_write for image/io.hpp; not for direct use.
//
// Both are compiled here, in a namespace and with internal linkage, and every macro they define or obey is put back as
// it was. So a program may use stb itself, before or after this header and with any settings, and neither notices the
// other: stb keeps settings in global variables, and a program that turns its own pictures upside down on loading
// (OpenGL) must not turn limn's.
#pragma once

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>

// No warnings, in the program's build, about functions of stb that are not used here and macros that are defined again.
#if defined(__GNUC__) || defined(__clang__)
#pragma GCC system_header
#elif defined(_MSC_VER)
#pragma warning(push, 0)
#endif

// All that stb includes, here at global scope: its own #includes then find their guards set.
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(_MSC_VER)
#include <intrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

// The macros that are put back, five at a time: settings, and what stb defines for itself. They have to be named one by
// one, for the preprocessor can neither save all macros nor undefine those of a list.
#define LIMN_PRAGMA(text) _Pragma(#text)
#define LIMN_PUSH(a, b, c, d, e) \
  LIMN_PRAGMA(push_macro(#a))    \
  LIMN_PRAGMA(push_macro(#b)) LIMN_PRAGMA(push_macro(#c)) LIMN_PRAGMA(push_macro(#d)) LIMN_PRAGMA(push_macro(#e))
#define LIMN_POP(a, b, c, d, e) \
  LIMN_PRAGMA(pop_macro(#a))    \
  LIMN_PRAGMA(pop_macro(#b)) LIMN_PRAGMA(pop_macro(#c)) LIMN_PRAGMA(pop_macro(#d)) LIMN_PRAGMA(pop_macro(#e))
#define LIMN_STB_MACROS(FIVE)                                                                                     \
  FIVE(STB_IMAGE_IMPLEMENTATION, STBI_INCLUDE_STB_IMAGE_H, STBI_VERSION, STBIDEF, STBI_ASSERT)                    \
  FIVE(STBI_MALLOC, STBI_REALLOC, STBI_REALLOC_SIZED, STBI_FREE, STBI_MAX_DIMENSIONS)                             \
  FIVE(STBI_NO_STDIO, STBI_NO_ZLIB, STBI_ONLY_JPEG, STBI_ONLY_PNG, STBI_ONLY_BMP)                                 \
  FIVE(STBI_NO_JPEG, STBI_NO_PNG, STBI_NO_BMP, STBI_NO_PSD, STBI_NO_TGA)                                          \
  FIVE(STBI_NO_GIF, STBI_NO_HDR, STBI_NO_PIC, STBI_NO_PNM, STBI_NO_SIMD)                                          \
  FIVE(STBI_NO_FAILURE_STRINGS, STBI_FAILURE_USERMSG, STBI_NO_THREAD_LOCALS, STBI_THREAD_LOCAL, STBI_NEON)        \
  FIVE(STB_IMAGE_WRITE_IMPLEMENTATION, STB_IMAGE_WRITE_STATIC, INCLUDE_STB_IMAGE_WRITE_H, STBIWDEF, STBIW_ASSERT) \
  FIVE(STBIW_MALLOC, STBIW_REALLOC, STBIW_REALLOC_SIZED, STBIW_FREE, STBIW_MEMMOVE)                               \
  FIVE(STBI_WRITE_NO_STDIO, STBIW_CRC32, STBIW_ZLIB_COMPRESS, _CRT_SECURE_NO_WARNINGS, _CRT_NONSTDC_NO_DEPRECATE) \
  FIVE(FAST_BITS, STBI_EXTERN, STBI_HAS_LROTL, STBI_NOTUSED, STBI_SSE2)                                           \
  FIVE(STBI_SIMD_ALIGN, STBI__BYTECAST, STBI__COMBO, STBI__IDCT_1D, STBI__MARKER_none)                            \
  FIVE(STBI__PNG_TYPE, STBI__RESTART, STBI__X64_TARGET, STBI__X86_TARGET, STBI__ZFAST_BITS)                       \
  FIVE(STBI__ZFAST_MASK, STBI__ZNSYMS, stbi__DNL, stbi__EOI, stbi__SOF)                                           \
  FIVE(stbi__SOF_progressive, stbi__SOI, stbi__SOS, stbi__div16, stbi__div4)                                      \
  FIVE(stbi__err, stbi__errpf, stbi__errpuc, stbi__f2f, stbi__float2fixed)                                        \
  FIVE(stbi__fsh, stbi__unpremultiply_on_load, stbi__vertically_flip_on_load, stbi__de_iphone_flag, stbi_inline)  \
  FIVE(stbi_lrot, STBIW_UCHAR, stbiw__ZHASH, stbiw__max, stbiw__sbcount)                                          \
  FIVE(stbiw__sbfree, stbiw__sbgrow, stbiw__sbm, stbiw__sbmaybegrow, stbiw__sbn)                                  \
  FIVE(stbiw__sbneedgrow, stbiw__sbpush, stbiw__sbraw, stbiw__wp32, stbiw__wpng4)                                 \
  FIVE(stbiw__wptag, stbiw__zlib_add, stbiw__zlib_flush, stbiw__zlib_huff, stbiw__zlib_huffa)                     \
  FIVE(stbiw__zlib_huffb, stbiw__zlib_huff1, stbiw__zlib_huff2, stbiw__zlib_huff3, stbiw__zlib_huff4)             \
  FIVE(dct_bfly32o, dct_const, dct_interleave16, dct_interleave8, dct_pass)                                       \
  FIVE(dct_rot, dct_wadd, dct_widen, dct_wsub, STBI__CASE)
LIMN_STB_MACROS(LIMN_PUSH)

// The program's settings, and a name of stb's that is first a function's and then a macro's.
#undef STB_IMAGE_IMPLEMENTATION
#undef STBI_INCLUDE_STB_IMAGE_H
#undef STBI_NO_JPEG
#undef STBI_NO_PNG
#undef STBI_NO_BMP
#undef STBI_NO_ZLIB
#undef STBI_NO_SIMD
#undef STBI_NEON
#undef STBI_NO_FAILURE_STRINGS
#undef STBI_FAILURE_USERMSG
#undef STBI_NO_THREAD_LOCALS
#undef stbi__err
#undef STBI_REALLOC_SIZED
#undef INCLUDE_STB_IMAGE_WRITE_H
#undef STBIW_MALLOC
#undef STBIW_REALLOC
#undef STBIW_REALLOC_SIZED
#undef STBIW_FREE
#undef STBIW_MEMMOVE
#undef STBIW_CRC32
#undef STBIW_ZLIB_COMPRESS

#define STBI_NO_STDIO
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_NO_PSD  // said twice, for the program may have said STBI_ONLY_PSD
#define STBI_NO_TGA
#define STBI_NO_GIF
#define STBI_NO_HDR
#define STBI_NO_PIC
#define STBI_NO_PNM
#define STBI_MAX_DIMENSIONS (1 << 20)
#define STBI_ASSERT(condition) ::limn::detail::stb_require(static_cast<bool>(condition))
// Zeros where a damaged file leaves part of the picture undecided, instead of whatever lay in memory.
#define STBI_MALLOC(size) calloc(1, size)
#define STBI_REALLOC(block, size) realloc(block, size)
#define STBI_FREE(block) free(block)
#define STBIWDEF static
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#define STBIW_ASSERT(condition) ::limn::detail::stb_require(static_cast<bool>(condition))

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// What stb's assertions do: an exception instead of abort(). The decoder's memory leaks then, which is the lesser
/// evil.
inline void stb_require(bool condition) {
  if (!condition) throw Error("stb_image: internal error");
}

// stb_image declares its functions extern "C", and GCC then takes the bare name for the assembler even where a function
// is static, which clashes with a program's own stb in the same file. So the declarations are made those of types,
// which the functions hide: their linkage comes from their definitions.
namespace stb_types {
#define STBIDEF typedef
#include <stb_image.h>
}  // namespace stb_types

namespace stb {
using namespace stb_types;
#undef STBIDEF
#define STBIDEF static
#define STB_IMAGE_IMPLEMENTATION
#include <stb_image.h>
#include <stb_image_write.h>
}  // namespace stb

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn

LIMN_STB_MACROS(LIMN_POP)
#undef LIMN_STB_MACROS
#undef LIMN_POP
#undef LIMN_PUSH
#undef LIMN_PRAGMA
#if defined(_MSC_VER)
#pragma warning(pop)
#endif
