include(CMakePackageConfigHelpers)

set(limn_package_dir ${CMAKE_INSTALL_DATAROOTDIR}/cmake/limn)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/limn DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp" PATTERN "*.inl")
install(TARGETS limn EXPORT limnTargets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
set(limn_architecture ARCH_INDEPENDENT)
foreach(kind compiled shared)
  string(TOUPPER ${kind} option)
  if(LIMN_BUILD_${option})
    install(TARGETS limn_${kind} EXPORT limnTargets)
    set(limn_architecture "")
  endif()
endforeach()
install(EXPORT limnTargets NAMESPACE limn:: DESTINATION ${limn_package_dir})
if(TARGET limn_program)
  install(TARGETS limn_program)
  # Where the program looks for its default model and detector: share/limn beside the bin directory it is in.
  install(FILES ${limn_default_model} ${limn_default_detector} DESTINATION ${CMAKE_INSTALL_DATADIR}/limn)
endif()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/limnConfig.cmake.in ${PROJECT_BINARY_DIR}/limnConfig.cmake
                              INSTALL_DESTINATION ${limn_package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/limnConfigVersion.cmake COMPATIBILITY SameMinorVersion
                                 ${limn_architecture})
install(FILES ${PROJECT_BINARY_DIR}/limnConfig.cmake ${PROJECT_BINARY_DIR}/limnConfigVersion.cmake
        DESTINATION ${limn_package_dir})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(LIMN_BUILD_REFERENCE)
  install(DIRECTORY ${limn_reference}/html DESTINATION ${CMAKE_INSTALL_DOCDIR})
endif()

# pkg-config: limn for the headers, limn-c for the shared library. They find the prefix from where they lie.
set(limn_pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH limn_pc_to_prefix ${CMAKE_INSTALL_PREFIX}/${limn_pc_dir} ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" limn_pc_to_prefix ${limn_pc_to_prefix})
configure_file(${PROJECT_SOURCE_DIR}/cmake/limn.pc.in ${PROJECT_BINARY_DIR}/limn.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/limn.pc DESTINATION ${limn_pc_dir})
if(LIMN_BUILD_SHARED)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/limn-c.pc.in ${PROJECT_BINARY_DIR}/limn-c.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/limn-c.pc DESTINATION ${limn_pc_dir})
endif()
