# What `cmake --install` installs: all of it, or with --component a part, one for each package that distributions make.
#   limn_headers     the headers, limn::limn and pkg-config's limn: the same files on every machine
#   limn_libraries   limn::compiled and what links limn::shared, for who compiles with them; limn-c
#   limn_runtime     the shared library that programs load
#   limn_program     limn, its manual pages and what shells complete of it
#   limn_models      the default model and detector
#   limn_convert     limn-convert, likewise
#   limn_license     for those who have no file of their own for it
include(CMakePackageConfigHelpers)

set(limn_package_dir ${CMAKE_INSTALL_DATAROOTDIR}/cmake/limn)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/limn DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT limn_headers
        FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp" PATTERN "*.inl")
install(TARGETS limn EXPORT limnTargets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT limnTargets NAMESPACE limn:: DESTINATION ${limn_package_dir} COMPONENT limn_headers)

# Each in an export of its own, beside the library: limnConfig.cmake takes those that are there, and those of the right
# processor where there are several.
foreach(kind compiled shared)
  string(TOUPPER ${kind} option)
  if(LIMN_BUILD_${option})
    install(TARGETS limn_${kind} EXPORT limn-${kind}
            ARCHIVE COMPONENT limn_libraries
            LIBRARY COMPONENT limn_runtime NAMELINK_COMPONENT limn_libraries
            RUNTIME COMPONENT limn_runtime)
    install(EXPORT limn-${kind} NAMESPACE limn:: FILE limn-${kind}.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/limn
            COMPONENT limn_libraries)
  endif()
endforeach()

# limnConfig.cmake tries the usual ones, so that it is the same file on every machine.
set(limn_unusual_libdir "")
if(NOT CMAKE_INSTALL_LIBDIR MATCHES "^(lib|lib64|lib/${CMAKE_LIBRARY_ARCHITECTURE})$")
  set(limn_unusual_libdir ${CMAKE_INSTALL_LIBDIR})
endif()
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/limnConfig.cmake.in ${PROJECT_BINARY_DIR}/limnConfig.cmake
                              INSTALL_DESTINATION ${limn_package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/limnConfigVersion.cmake COMPATIBILITY SameMinorVersion
                                 ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/limnConfig.cmake ${PROJECT_BINARY_DIR}/limnConfigVersion.cmake
        DESTINATION ${limn_package_dir} COMPONENT limn_headers)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT limn_license)
if(LIMN_BUILD_REFERENCE)
  install(DIRECTORY ${limn_reference}/html DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT limn_reference)
endif()

# pkg-config: limn for the headers, limn-c for the shared library. They find the prefix from where they lie.
function(limn_install_pc name folder component)
  file(RELATIVE_PATH limn_pc_to_prefix ${CMAKE_INSTALL_PREFIX}/${folder} ${CMAKE_INSTALL_PREFIX})
  string(REGEX REPLACE "/$" "" limn_pc_to_prefix ${limn_pc_to_prefix})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${folder} COMPONENT ${component})
endfunction()
limn_install_pc(limn ${CMAKE_INSTALL_DATAROOTDIR}/pkgconfig limn_headers)
if(LIMN_BUILD_SHARED)
  limn_install_pc(limn-c ${CMAKE_INSTALL_LIBDIR}/pkgconfig limn_libraries)
endif()

# The program looks for its default model and detector in share/limn beside the bin directory it is in.
set(limn_data_dir ${CMAKE_INSTALL_DATADIR}/limn)
if(TARGET limn_program)
  install(TARGETS limn_program RUNTIME COMPONENT limn_program)
  install(FILES ${limn_default_model} ${limn_default_detector} DESTINATION ${limn_data_dir} COMPONENT limn_models)
  install(PROGRAMS ${PROJECT_SOURCE_DIR}/tools/convert.py DESTINATION ${limn_data_dir} COMPONENT limn_convert)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/tools/limn_convert DESTINATION ${limn_data_dir} COMPONENT limn_convert
          FILES_MATCHING PATTERN "*.py" PATTERN "__pycache__" EXCLUDE)
endif()
get_property(limn_convert_link GLOBAL PROPERTY LIMN_CONVERT_LINK)
if(limn_convert_link)
  install(FILES ${limn_convert_link} DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT limn_convert)
endif()
get_property(limn_help_dir GLOBAL PROPERTY LIMN_HELP_DIR)
if(limn_help_dir)
  set(LIMN_ZSH_COMPLETION_DIR ${CMAKE_INSTALL_DATADIR}/zsh/site-functions
      CACHE STRING "Where zsh looks for completions")
  mark_as_advanced(LIMN_ZSH_COMPLETION_DIR)
  set(limn_bash_completion_dir ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  set(limn_fish_completion_dir ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
  # limn-convert's are those with that name; which subcommands limn has is only known when it is built.
  foreach(part program convert)
    set(which REGEX "limn-convert[^/]*$" EXCLUDE)
    if(part STREQUAL "convert")
      set(which FILES_MATCHING REGEX "limn-convert[^/]*$")
    endif()
    install(DIRECTORY ${limn_help_dir}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT limn_${part} ${which})
    install(DIRECTORY ${limn_help_dir}/bash/ DESTINATION ${limn_bash_completion_dir} COMPONENT limn_${part} ${which})
    install(DIRECTORY ${limn_help_dir}/zsh/ DESTINATION ${LIMN_ZSH_COMPLETION_DIR} COMPONENT limn_${part} ${which})
    install(DIRECTORY ${limn_help_dir}/fish/ DESTINATION ${limn_fish_completion_dir} COMPONENT limn_${part} ${which})
  endforeach()
endif()
