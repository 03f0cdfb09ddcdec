# limn_developer_options: what limn's own programs and tests are compiled with. Never handed to a user's target.
add_library(limn_developer_options INTERFACE)
target_link_libraries(limn_developer_options INTERFACE limn::limn)

if(MSVC)
  target_compile_options(limn_developer_options INTERFACE /W4 /bigobj /utf-8)
  if(LIMN_WERROR)
    target_compile_options(limn_developer_options INTERFACE /WX)
  endif()
else()
  target_compile_options(limn_developer_options INTERFACE -Wall -Wextra -Wconversion -Wshadow)
  if(LIMN_WERROR)
    target_compile_options(limn_developer_options INTERFACE -Werror)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      # GCC 12 at -O3 takes growing standard vectors for overflows; its opinion changes with what is inlined where.
      target_compile_options(limn_developer_options INTERFACE -Wno-error=array-bounds -Wno-error=stringop-overflow
                                                              -Wno-error=stringop-overread -Wno-error=maybe-uninitialized)
    endif()
  endif()
  if(CMAKE_UNITY_BUILD)
    # What one file calls its own constants is another's parameter.
    target_compile_options(limn_developer_options INTERFACE -Wno-shadow)
  endif()
  if(LIMN_SANITIZE)
    # Each width of the vectors once, and products of bytes: the others' memory is no different.
    string(CONCAT limn_sanitized_targets
           "LIMN_TARGETS=(LIMN_TARGET_SCALAR | LIMN_TARGET_AVX2 | LIMN_TARGET_AVX512 | LIMN_TARGET_AVX512_VNNI | "
           "LIMN_TARGET_NEON | LIMN_TARGET_NEON_DOT)")
    target_compile_definitions(limn_developer_options INTERFACE ${limn_sanitized_targets})
    target_compile_definitions(limn_compiled PUBLIC ${limn_sanitized_targets})
    # stb_image_write shifts negative numbers, which C++20 defines as what it expects.
    target_compile_options(limn_developer_options INTERFACE -fsanitize=${LIMN_SANITIZE} -fno-sanitize-recover=all
                                                            -fno-sanitize=shift-base -fno-omit-frame-pointer)
    if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
      target_compile_options(
        limn_developer_options INTERFACE -fsanitize-ignorelist=${CMAKE_CURRENT_LIST_DIR}/sanitizers_ignored.txt)
    endif()
    target_link_options(limn_developer_options INTERFACE -fsanitize=${LIMN_SANITIZE})
    # GCC warns that ThreadSanitizer does not follow fences, which Eigen's thread pool has beside its atomics.
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND LIMN_SANITIZE MATCHES "thread")
      target_compile_options(limn_developer_options INTERFACE -Wno-tsan)
    endif()
  endif()
endif()
