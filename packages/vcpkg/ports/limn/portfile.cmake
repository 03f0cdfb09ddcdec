# The sources are those of the clone that this port lies in: there is no release yet to download. For one, CONTRIBUTING.md
# ("Releases") says what stands in place of this paragraph.
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../../.." ABSOLUTE)
if(NOT EXISTS "${SOURCE_PATH}/include/limn/limn.hpp")
  message(FATAL_ERROR "The port limn builds the clone that it lies in, and ${SOURCE_PATH} is none: use it where it is, "
                      "as an overlay port or a filesystem registry")
endif()

vcpkg_check_features(OUT_FEATURE_OPTIONS features
  FEATURES
    compiled LIMN_BUILD_COMPILED
    tools LIMN_BUILD_TOOLS)
if("compiled" IN_LIST FEATURES)
  vcpkg_check_linkage(ONLY_STATIC_LIBRARY)
else()
  set(VCPKG_BUILD_TYPE release)  # headers are the same in both
endif()
if(NOT "stb" IN_LIST FEATURES)
  list(APPEND features -DLIMN_STB_INCLUDE_DIR=OFF)  # else what happens to be installed would change limn::compiled
endif()

vcpkg_cmake_configure(
  SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS
    ${features}
    -DLIMN_BUILD_EXAMPLES=OFF
    -DLIMN_BUILD_SHARED=OFF
    -DLIMN_BUILD_TESTS=OFF
    -DLIMN_INSTALL=ON
  OPTIONS_DEBUG
    -DLIMN_BUILD_TOOLS=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH share/cmake/limn)
vcpkg_fixup_pkgconfig()

if("tools" IN_LIST FEATURES)
  # The program looks for its models in share/limn beside the folder that it is in.
  set(tools "${CURRENT_PACKAGES_DIR}/tools/${PORT}")
  vcpkg_copy_tools(TOOL_NAMES limn DESTINATION "${tools}/bin" AUTO_CLEAN)
  file(GLOB models "${CURRENT_PACKAGES_DIR}/share/limn/*.safetensors")
  file(INSTALL ${models} DESTINATION "${tools}/share/limn")
  file(REMOVE ${models})
endif()

file(REMOVE_RECURSE
  "${CURRENT_PACKAGES_DIR}/debug/include"
  "${CURRENT_PACKAGES_DIR}/debug/share"
  "${CURRENT_PACKAGES_DIR}/share/doc")
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
