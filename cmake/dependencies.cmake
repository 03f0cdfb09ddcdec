# Every dependency is the parent project's if it has one, else the system's if it is installed, else fetched at a
# pinned tag. All are header-only, so a fetched one is only a directory of headers: its own build is never run.
include(FetchContent)

# limn_header_dependency(TARGET NAME REPOSITORY TAG INCLUDE_DIR FIND_PACKAGE_ARGS...)
# INCLUDE_DIR is relative to the fetched checkout. A function, so that what find_package sets stays here; GLOBAL, so
# that a parent project that links limn::limn sees what limn::limn links.
function(limn_header_dependency target name repository tag include_dir)
  if(TARGET ${target})
    return()
  endif()
  FetchContent_Declare(${name} GIT_REPOSITORY ${repository} GIT_TAG ${tag} GIT_SHALLOW TRUE
                       SOURCE_SUBDIR no-build FIND_PACKAGE_ARGS ${ARGN} GLOBAL)
  FetchContent_MakeAvailable(${name})
  if(NOT TARGET ${target})
    FetchContent_GetProperties(${name} SOURCE_DIR source)
    add_library(${target} INTERFACE IMPORTED GLOBAL)
    set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${source}/${include_dir})
  endif()
endfunction()

# Eigen 3.4 and what followed it, which is 5. Each package knows its own major version only, and but for 3.4.0's a range.
function(limn_find_eigen)
  foreach(version 3.4...5 5)
    if(NOT TARGET Eigen3::Eigen)
      find_package(Eigen3 ${version} QUIET NO_MODULE GLOBAL)
    endif()
  endforeach()
endfunction()
limn_find_eigen()
limn_header_dependency(Eigen3::Eigen Eigen3 https://gitlab.com/libeigen/eigen.git 3.4.0 . 3.4 NO_MODULE)
if(NOT TARGET Threads::Threads)
  find_package(Threads REQUIRED GLOBAL)
endif()

# Of the library's headers only <limn/pose/pose_json.hpp> includes it; who includes that links it beside limn::limn.
if(LIMN_BUILD_TOOLS OR LIMN_BUILD_TESTS)
  limn_header_dependency(nlohmann_json::nlohmann_json nlohmann_json https://github.com/nlohmann/json.git v3.11.2 include
                         3.9)
endif()

# stb has neither releases nor a package file. A project that brings its own pixels does without it, so it is fetched
# only for limn's own programs.
find_path(LIMN_STB_INCLUDE_DIR stb_image.h PATH_SUFFIXES stb DOC "Directory of stb_image.h and stb_image_write.h")
if(NOT LIMN_STB_INCLUDE_DIR AND (LIMN_BUILD_TOOLS OR LIMN_BUILD_EXAMPLES OR LIMN_BUILD_TESTS))
  FetchContent_Declare(stb GIT_REPOSITORY https://github.com/nothings/stb.git
                       GIT_TAG 8b5f1f37b5b75829fc72d38e7b5d4bcbf8a26d55)
  FetchContent_MakeAvailable(stb)
  set(LIMN_STB_INCLUDE_DIR ${stb_SOURCE_DIR})
endif()

# libjpeg-turbo, where it is wanted, and tested where it is there.
if(LIMN_TURBOJPEG OR LIMN_BUILD_TESTS)
  find_path(LIMN_TURBOJPEG_INCLUDE_DIR turbojpeg.h DOC "Directory of turbojpeg.h")
  find_library(LIMN_TURBOJPEG_LIBRARY turbojpeg DOC "libjpeg-turbo's libturbojpeg")
  mark_as_advanced(LIMN_TURBOJPEG_INCLUDE_DIR LIMN_TURBOJPEG_LIBRARY)
endif()
if(LIMN_TURBOJPEG_INCLUDE_DIR AND LIMN_TURBOJPEG_LIBRARY)
  add_library(limn_turbojpeg INTERFACE)
  target_include_directories(limn_turbojpeg SYSTEM INTERFACE ${LIMN_TURBOJPEG_INCLUDE_DIR})
  target_link_libraries(limn_turbojpeg INTERFACE ${LIMN_TURBOJPEG_LIBRARY})
  target_compile_definitions(limn_turbojpeg INTERFACE LIMN_TURBOJPEG)
elseif(LIMN_TURBOJPEG)
  message(FATAL_ERROR "LIMN_TURBOJPEG: no libturbojpeg found (Debian: libturbojpeg0-dev)")
endif()
