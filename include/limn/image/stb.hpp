// A private copy of stb_image and stb_image_write for image/io.hpp; not for direct use.
//
// Both are compiled here, in a namespace and with internal linkage, and every macro they define or obey is put back as
// it was. So a program may use stb itself, before or after this header and with any settings, and neither notices the
// other: stb keeps settings in global variables, and a program that turns its own pictures upside down on loading
// (OpenGL) must not turn limn's.
#pragma once

#include <limn/core/error.hpp>

// No warnings about stb's code, whose functions are not all used here, in the program's build.
#if defined(__GNUC__) || defined(__clang__)
#pragma GCC system_header
#endif

// All that stb includes, here at global scope: its own #includes then find their guards set.
#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__SSE2__) || defined(_M_X64) || defined(_M_IX86)
#include <emmintrin.h>
#endif
#if defined(_MSC_VER)
#include <intrin.h>
#endif

namespace limn {
namespace detail {

/// What stb's assertions do: an exception instead of abort(). The decoder's memory leaks then, which is the lesser
/// evil.
inline void stb_require(bool condition) {
  if (!condition) throw Error("stb_image: internal error");
}

}  // namespace detail
}  // namespace limn

// Settings the program may have made, or stb may have left behind.
#pragma push_macro("STB_IMAGE_IMPLEMENTATION")
#pragma push_macro("STB_IMAGE_STATIC")
#pragma push_macro("STBI_INCLUDE_STB_IMAGE_H")
#pragma push_macro("STBI_VERSION")
#pragma push_macro("STBIDEF")
#pragma push_macro("STBI_ASSERT")
#pragma push_macro("STBI_MALLOC")
#pragma push_macro("STBI_REALLOC")
#pragma push_macro("STBI_REALLOC_SIZED")
#pragma push_macro("STBI_FREE")
#pragma push_macro("STBI_MAX_DIMENSIONS")
#pragma push_macro("STBI_NO_STDIO")
#pragma push_macro("STBI_NO_LINEAR")
#pragma push_macro("STBI_NO_FAILURE_STRINGS")
#pragma push_macro("STBI_FAILURE_USERMSG")
#pragma push_macro("STBI_WINDOWS_UTF8")
#pragma push_macro("STBI_NO_THREAD_LOCALS")
#pragma push_macro("STBI_THREAD_LOCAL")
#pragma push_macro("STBI_NO_SIMD")
#pragma push_macro("STBI_NEON")
#pragma push_macro("STBI_SSE2")
#pragma push_macro("STBI_NO_ZLIB")
#pragma push_macro("STBI_SUPPORT_ZLIB")
#pragma push_macro("STBI_NO_JPEG")
#pragma push_macro("STBI_NO_PNG")
#pragma push_macro("STBI_NO_BMP")
#pragma push_macro("STBI_NO_PSD")
#pragma push_macro("STBI_NO_TGA")
#pragma push_macro("STBI_NO_GIF")
#pragma push_macro("STBI_NO_HDR")
#pragma push_macro("STBI_NO_PIC")
#pragma push_macro("STBI_NO_PNM")
#pragma push_macro("STBI_ONLY_JPEG")
#pragma push_macro("STBI_ONLY_PNG")
#pragma push_macro("STBI_ONLY_BMP")
#pragma push_macro("STBI_ONLY_PSD")
#pragma push_macro("STBI_ONLY_TGA")
#pragma push_macro("STBI_ONLY_GIF")
#pragma push_macro("STBI_ONLY_HDR")
#pragma push_macro("STBI_ONLY_PIC")
#pragma push_macro("STBI_ONLY_PNM")
#pragma push_macro("STB_IMAGE_WRITE_IMPLEMENTATION")
#pragma push_macro("STB_IMAGE_WRITE_STATIC")
#pragma push_macro("INCLUDE_STB_IMAGE_WRITE_H")
#pragma push_macro("STBIWDEF")
#pragma push_macro("STBIW_ASSERT")
#pragma push_macro("STBIW_MALLOC")
#pragma push_macro("STBIW_REALLOC")
#pragma push_macro("STBIW_REALLOC_SIZED")
#pragma push_macro("STBIW_FREE")
#pragma push_macro("STBIW_MEMMOVE")
#pragma push_macro("STBIW_CRC32")
#pragma push_macro("STBIW_ZLIB_COMPRESS")
#pragma push_macro("STBIW_WINDOWS_UTF8")
#pragma push_macro("STBI_WRITE_NO_STDIO")
#pragma push_macro("FAST_BITS")
#pragma push_macro("_CRT_SECURE_NO_WARNINGS")
#pragma push_macro("_CRT_NONSTDC_NO_DEPRECATE")
#undef FAST_BITS
#undef STB_IMAGE_IMPLEMENTATION
#undef STB_IMAGE_STATIC
#undef STBI_INCLUDE_STB_IMAGE_H
#undef STBI_VERSION
#undef STBIDEF
#undef STBI_ASSERT
#undef STBI_MALLOC
#undef STBI_REALLOC
#undef STBI_REALLOC_SIZED
#undef STBI_FREE
#undef STBI_MAX_DIMENSIONS
#undef STBI_NO_STDIO
#undef STBI_NO_LINEAR
#undef STBI_NO_FAILURE_STRINGS
#undef STBI_FAILURE_USERMSG
#undef STBI_WINDOWS_UTF8
#undef STBI_NO_THREAD_LOCALS
#undef STBI_THREAD_LOCAL
#undef STBI_NO_SIMD
#undef STBI_NEON
#undef STBI_SSE2
#undef STBI_NO_ZLIB
#undef STBI_SUPPORT_ZLIB
#undef STBI_NO_JPEG
#undef STBI_NO_PNG
#undef STBI_NO_BMP
#undef STBI_NO_PSD
#undef STBI_NO_TGA
#undef STBI_NO_GIF
#undef STBI_NO_HDR
#undef STBI_NO_PIC
#undef STBI_NO_PNM
#undef STBI_ONLY_JPEG
#undef STBI_ONLY_PNG
#undef STBI_ONLY_BMP
#undef STBI_ONLY_PSD
#undef STBI_ONLY_TGA
#undef STBI_ONLY_GIF
#undef STBI_ONLY_HDR
#undef STBI_ONLY_PIC
#undef STBI_ONLY_PNM
#undef STB_IMAGE_WRITE_IMPLEMENTATION
#undef STB_IMAGE_WRITE_STATIC
#undef INCLUDE_STB_IMAGE_WRITE_H
#undef STBIWDEF
#undef STBIW_ASSERT
#undef STBIW_MALLOC
#undef STBIW_REALLOC
#undef STBIW_REALLOC_SIZED
#undef STBIW_FREE
#undef STBIW_MEMMOVE
#undef STBIW_CRC32
#undef STBIW_ZLIB_COMPRESS
#undef STBIW_WINDOWS_UTF8
#undef STBI_WRITE_NO_STDIO
#undef _CRT_SECURE_NO_WARNINGS
#undef _CRT_NONSTDC_NO_DEPRECATE

#if defined(_MSC_VER)
#pragma warning(push, 0)
#endif

#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_MAX_DIMENSIONS (1 << 20)
#define STBI_ASSERT(condition) ::limn::detail::stb_require(static_cast<bool>(condition))
// Zeros where a damaged file leaves part of the picture undecided, instead of whatever lay in memory.
#define STBI_MALLOC(size) calloc(1, size)
#define STBI_REALLOC(block, size) realloc(block, size)
#define STBI_FREE(block) free(block)
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#define STBIW_ASSERT(condition) ::limn::detail::stb_require(static_cast<bool>(condition))

// stb_image declares these extern "C", and GCC then takes the bare name for the assembler even where the function is
// static, which clashes with a program's own stb in the same file.
#define stbi_load_from_memory limn_stbi_load_from_memory
#define stbi_load_from_callbacks limn_stbi_load_from_callbacks
#define stbi_load_16_from_memory limn_stbi_load_16_from_memory
#define stbi_load_16_from_callbacks limn_stbi_load_16_from_callbacks
#define stbi_is_hdr_from_memory limn_stbi_is_hdr_from_memory
#define stbi_is_hdr_from_callbacks limn_stbi_is_hdr_from_callbacks
#define stbi_hdr_to_ldr_gamma limn_stbi_hdr_to_ldr_gamma
#define stbi_hdr_to_ldr_scale limn_stbi_hdr_to_ldr_scale
#define stbi_failure_reason limn_stbi_failure_reason
#define stbi_image_free limn_stbi_image_free
#define stbi_info_from_memory limn_stbi_info_from_memory
#define stbi_info_from_callbacks limn_stbi_info_from_callbacks
#define stbi_is_16_bit_from_memory limn_stbi_is_16_bit_from_memory
#define stbi_is_16_bit_from_callbacks limn_stbi_is_16_bit_from_callbacks
#define stbi_set_unpremultiply_on_load limn_stbi_set_unpremultiply_on_load
#define stbi_set_unpremultiply_on_load_thread limn_stbi_set_unpremultiply_on_load_thread
#define stbi_convert_iphone_png_to_rgb limn_stbi_convert_iphone_png_to_rgb
#define stbi_convert_iphone_png_to_rgb_thread limn_stbi_convert_iphone_png_to_rgb_thread
#define stbi_set_flip_vertically_on_load limn_stbi_set_flip_vertically_on_load
#define stbi_set_flip_vertically_on_load_thread limn_stbi_set_flip_vertically_on_load_thread
#define stbi_zlib_decode_malloc_guesssize limn_stbi_zlib_decode_malloc_guesssize
#define stbi_zlib_decode_malloc_guesssize_headerflag limn_stbi_zlib_decode_malloc_guesssize_headerflag
#define stbi_zlib_decode_malloc limn_stbi_zlib_decode_malloc
#define stbi_zlib_decode_buffer limn_stbi_zlib_decode_buffer
#define stbi_zlib_decode_noheader_malloc limn_stbi_zlib_decode_noheader_malloc
#define stbi_zlib_decode_noheader_buffer limn_stbi_zlib_decode_noheader_buffer

namespace limn {
namespace detail {
namespace stb {
#include <stb_image.h>
#include <stb_image_write.h>
}  // namespace stb
}  // namespace detail
}  // namespace limn

#if defined(_MSC_VER)
#pragma warning(pop)
#endif

// What stb defines for itself; if the program had used stb before, nothing needs these any more.
#undef stbi_load_from_memory
#undef stbi_load_from_callbacks
#undef stbi_load_16_from_memory
#undef stbi_load_16_from_callbacks
#undef stbi_is_hdr_from_memory
#undef stbi_is_hdr_from_callbacks
#undef stbi_hdr_to_ldr_gamma
#undef stbi_hdr_to_ldr_scale
#undef stbi_failure_reason
#undef stbi_image_free
#undef stbi_info_from_memory
#undef stbi_info_from_callbacks
#undef stbi_is_16_bit_from_memory
#undef stbi_is_16_bit_from_callbacks
#undef stbi_set_unpremultiply_on_load
#undef stbi_set_unpremultiply_on_load_thread
#undef stbi_convert_iphone_png_to_rgb
#undef stbi_convert_iphone_png_to_rgb_thread
#undef stbi_set_flip_vertically_on_load
#undef stbi_set_flip_vertically_on_load_thread
#undef stbi_zlib_decode_malloc_guesssize
#undef stbi_zlib_decode_malloc_guesssize_headerflag
#undef stbi_zlib_decode_malloc
#undef stbi_zlib_decode_buffer
#undef stbi_zlib_decode_noheader_malloc
#undef stbi_zlib_decode_noheader_buffer
#undef FAST_BITS
#undef STBI_EXTERN
#undef STBI_HAS_LROTL
#undef STBI_NOTUSED
#undef STBI_SIMD_ALIGN
#undef STBI__BYTECAST
#undef STBI__CASE
#undef STBI__COMBO
#undef STBI__HDR_BUFLEN
#undef STBI__IDCT_1D
#undef STBI__MARKER_none
#undef STBI__PNG_TYPE
#undef STBI__RESTART
#undef STBI__X64_TARGET
#undef STBI__X86_TARGET
#undef STBI__ZFAST_BITS
#undef STBI__ZFAST_MASK
#undef STBI__ZNSYMS
#undef stbi__DNL
#undef stbi__EOI
#undef stbi__SOF
#undef stbi__SOF_progressive
#undef stbi__SOI
#undef stbi__SOS
#undef stbi__de_iphone_flag
#undef stbi__div16
#undef stbi__div4
#undef stbi__err
#undef stbi__errpf
#undef stbi__errpuc
#undef stbi__f2f
#undef stbi__float2fixed
#undef stbi__float2int
#undef stbi__fsh
#undef stbi__unpremultiply_on_load
#undef stbi__vertically_flip_on_load
#undef stbi_inline
#undef stbi_lrot
#undef STBIW_EXTERN
#undef STBIW_UCHAR
#undef stbiw__ZHASH
#undef stbiw__max
#undef stbiw__sbcount
#undef stbiw__sbfree
#undef stbiw__sbgrow
#undef stbiw__sbm
#undef stbiw__sbmaybegrow
#undef stbiw__sbn
#undef stbiw__sbneedgrow
#undef stbiw__sbpush
#undef stbiw__sbraw
#undef stbiw__wp32
#undef stbiw__wpng4
#undef stbiw__wptag
#undef stbiw__zlib_add
#undef stbiw__zlib_flush
#undef stbiw__zlib_huff
#undef stbiw__zlib_huff1
#undef stbiw__zlib_huff2
#undef stbiw__zlib_huff3
#undef stbiw__zlib_huff4
#undef stbiw__zlib_huffa
#undef stbiw__zlib_huffb

#undef STB_IMAGE_IMPLEMENTATION
#undef STB_IMAGE_STATIC
#undef STBI_INCLUDE_STB_IMAGE_H
#undef STBI_VERSION
#undef STBIDEF
#undef STBI_ASSERT
#undef STBI_MALLOC
#undef STBI_REALLOC
#undef STBI_REALLOC_SIZED
#undef STBI_FREE
#undef STBI_MAX_DIMENSIONS
#undef STBI_NO_STDIO
#undef STBI_NO_LINEAR
#undef STBI_NO_FAILURE_STRINGS
#undef STBI_FAILURE_USERMSG
#undef STBI_WINDOWS_UTF8
#undef STBI_NO_THREAD_LOCALS
#undef STBI_THREAD_LOCAL
#undef STBI_NO_SIMD
#undef STBI_NEON
#undef STBI_SSE2
#undef STBI_NO_ZLIB
#undef STBI_SUPPORT_ZLIB
#undef STBI_NO_JPEG
#undef STBI_NO_PNG
#undef STBI_NO_BMP
#undef STBI_NO_PSD
#undef STBI_NO_TGA
#undef STBI_NO_GIF
#undef STBI_NO_HDR
#undef STBI_NO_PIC
#undef STBI_NO_PNM
#undef STBI_ONLY_JPEG
#undef STBI_ONLY_PNG
#undef STBI_ONLY_BMP
#undef STBI_ONLY_PSD
#undef STBI_ONLY_TGA
#undef STBI_ONLY_GIF
#undef STBI_ONLY_HDR
#undef STBI_ONLY_PIC
#undef STBI_ONLY_PNM
#undef STB_IMAGE_WRITE_IMPLEMENTATION
#undef STB_IMAGE_WRITE_STATIC
#undef INCLUDE_STB_IMAGE_WRITE_H
#undef STBIWDEF
#undef STBIW_ASSERT
#undef STBIW_MALLOC
#undef STBIW_REALLOC
#undef STBIW_REALLOC_SIZED
#undef STBIW_FREE
#undef STBIW_MEMMOVE
#undef STBIW_CRC32
#undef STBIW_ZLIB_COMPRESS
#undef STBIW_WINDOWS_UTF8
#undef STBI_WRITE_NO_STDIO
#undef _CRT_SECURE_NO_WARNINGS
#undef _CRT_NONSTDC_NO_DEPRECATE
#pragma pop_macro("STB_IMAGE_IMPLEMENTATION")
#pragma pop_macro("STB_IMAGE_STATIC")
#pragma pop_macro("STBI_INCLUDE_STB_IMAGE_H")
#pragma pop_macro("STBI_VERSION")
#pragma pop_macro("STBIDEF")
#pragma pop_macro("STBI_ASSERT")
#pragma pop_macro("STBI_MALLOC")
#pragma pop_macro("STBI_REALLOC")
#pragma pop_macro("STBI_REALLOC_SIZED")
#pragma pop_macro("STBI_FREE")
#pragma pop_macro("STBI_MAX_DIMENSIONS")
#pragma pop_macro("STBI_NO_STDIO")
#pragma pop_macro("STBI_NO_LINEAR")
#pragma pop_macro("STBI_NO_FAILURE_STRINGS")
#pragma pop_macro("STBI_FAILURE_USERMSG")
#pragma pop_macro("STBI_WINDOWS_UTF8")
#pragma pop_macro("STBI_NO_THREAD_LOCALS")
#pragma pop_macro("STBI_THREAD_LOCAL")
#pragma pop_macro("STBI_NO_SIMD")
#pragma pop_macro("STBI_NEON")
#pragma pop_macro("STBI_SSE2")
#pragma pop_macro("STBI_NO_ZLIB")
#pragma pop_macro("STBI_SUPPORT_ZLIB")
#pragma pop_macro("STBI_NO_JPEG")
#pragma pop_macro("STBI_NO_PNG")
#pragma pop_macro("STBI_NO_BMP")
#pragma pop_macro("STBI_NO_PSD")
#pragma pop_macro("STBI_NO_TGA")
#pragma pop_macro("STBI_NO_GIF")
#pragma pop_macro("STBI_NO_HDR")
#pragma pop_macro("STBI_NO_PIC")
#pragma pop_macro("STBI_NO_PNM")
#pragma pop_macro("STBI_ONLY_JPEG")
#pragma pop_macro("STBI_ONLY_PNG")
#pragma pop_macro("STBI_ONLY_BMP")
#pragma pop_macro("STBI_ONLY_PSD")
#pragma pop_macro("STBI_ONLY_TGA")
#pragma pop_macro("STBI_ONLY_GIF")
#pragma pop_macro("STBI_ONLY_HDR")
#pragma pop_macro("STBI_ONLY_PIC")
#pragma pop_macro("STBI_ONLY_PNM")
#pragma pop_macro("STB_IMAGE_WRITE_IMPLEMENTATION")
#pragma pop_macro("STB_IMAGE_WRITE_STATIC")
#pragma pop_macro("INCLUDE_STB_IMAGE_WRITE_H")
#pragma pop_macro("STBIWDEF")
#pragma pop_macro("STBIW_ASSERT")
#pragma pop_macro("STBIW_MALLOC")
#pragma pop_macro("STBIW_REALLOC")
#pragma pop_macro("STBIW_REALLOC_SIZED")
#pragma pop_macro("STBIW_FREE")
#pragma pop_macro("STBIW_MEMMOVE")
#pragma pop_macro("STBIW_CRC32")
#pragma pop_macro("STBIW_ZLIB_COMPRESS")
#pragma pop_macro("STBIW_WINDOWS_UTF8")
#pragma pop_macro("STBI_WRITE_NO_STDIO")
#pragma pop_macro("FAST_BITS")
#pragma pop_macro("_CRT_SECURE_NO_WARNINGS")
#pragma pop_macro("_CRT_NONSTDC_NO_DEPRECATE")
