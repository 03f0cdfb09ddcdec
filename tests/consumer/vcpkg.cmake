# cmake -D SOURCE=DIR -D OUTPUT=DIR -D VERSION=X.Y.Z -D GENERATOR=NAME -D COMPILER=CXX -P vcpkg.cmake: runs the port's portfile with
# vcpkg's functions replaced by what they come to here, and builds Conan's test program against what it installed, as anybody
# who uses vcpkg would. vcpkg itself is not needed. Features that take minutes to compile are left out.
cmake_minimum_required(VERSION 3.24)

set(port ${SOURCE}/packages/vcpkg/ports/limn)
set(PORT limn)
set(FEATURES core)
set(CURRENT_PACKAGES_DIR ${OUTPUT}/installed)
file(REMOVE_RECURSE ${OUTPUT})

# run(COMMAND...): it must succeed.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\n${output}")
  endif()
endfunction()

function(expect what found expected)
  if(NOT found STREQUAL expected)
    message(FATAL_ERROR "${what}: expected ${expected}, found ${found}")
  endif()
endfunction()

function(vcpkg_check_features)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" OUT_FEATURE_OPTIONS FEATURES)
  set(options "")
  while(arg_FEATURES)
    list(POP_FRONT arg_FEATURES feature option)
    # A feature that the manifest does not have could never be asked for.
    string(JSON description GET "${manifest}" features ${feature} description)
    if(feature IN_LIST FEATURES)
      list(APPEND options -D${option}=ON)
    else()
      list(APPEND options -D${option}=OFF)
    endif()
  endwhile()
  set(${arg_OUT_FEATURE_OPTIONS} ${options} PARENT_SCOPE)
endfunction()

function(vcpkg_cmake_configure)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" SOURCE_PATH "OPTIONS;OPTIONS_DEBUG;OPTIONS_RELEASE")
  run(${CMAKE_COMMAND} -S ${arg_SOURCE_PATH} -B ${OUTPUT}/build -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${COMPILER}
      -DCMAKE_INSTALL_PREFIX=${CURRENT_PACKAGES_DIR} -DCMAKE_BUILD_TYPE=Release ${arg_OPTIONS} ${arg_OPTIONS_RELEASE})
endfunction()

function(vcpkg_cmake_install)
  run(${CMAKE_COMMAND} --build ${OUTPUT}/build --target install)
endfunction()

function(vcpkg_cmake_config_fixup)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" CONFIG_PATH "")
  file(GLOB files ${CURRENT_PACKAGES_DIR}/${arg_CONFIG_PATH}/*)
  file(COPY ${files} DESTINATION ${CURRENT_PACKAGES_DIR}/share/${PORT})
  file(REMOVE_RECURSE ${CURRENT_PACKAGES_DIR}/share/cmake)
  # One folder less up to the prefix than before.
  set(targets ${CURRENT_PACKAGES_DIR}/share/${PORT}/limnTargets.cmake)
  file(READ ${targets} text)
  string(REPLACE [[get_filename_component(_IMPORT_PREFIX "${_IMPORT_PREFIX}" PATH)
if(]] "if(" text "${text}")
  file(WRITE ${targets} "${text}")
endfunction()

function(vcpkg_fixup_pkgconfig)
endfunction()

function(vcpkg_install_copyright)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" FILE_LIST)
  file(INSTALL ${arg_FILE_LIST} DESTINATION ${CURRENT_PACKAGES_DIR}/share/${PORT} RENAME copyright)
endfunction()

file(READ ${port}/vcpkg.json manifest)
string(JSON name GET "${manifest}" name)
string(JSON version GET "${manifest}" version)
expect("vcpkg.json's name" "${name}" ${PORT})
expect("vcpkg.json's version" "${version}" ${VERSION})

include(${port}/portfile.cmake)

# What vcpkg complains of after a build: files in the wrong places, and none where some must be.
foreach(needed include/limn/limn.hpp share/limn/limnConfig.cmake share/limn/copyright share/limn/usage)
  if(NOT EXISTS ${CURRENT_PACKAGES_DIR}/${needed})
    message(FATAL_ERROR "${needed} is not installed")
  endif()
endforeach()
foreach(unwanted bin debug/include debug/share lib/cmake share/doc share/cmake)
  if(EXISTS ${CURRENT_PACKAGES_DIR}/${unwanted})
    message(FATAL_ERROR "${unwanted} is installed")
  endif()
endforeach()

run(${CMAKE_COMMAND} -S ${SOURCE}/packages/conan/test_package -B ${OUTPUT}/consumer -G ${GENERATOR}
    -DCMAKE_CXX_COMPILER=${COMPILER} -Dlimn_DIR=${CURRENT_PACKAGES_DIR}/share/limn)
run(${CMAKE_COMMAND} --build ${OUTPUT}/consumer)
execute_process(COMMAND ${OUTPUT}/consumer/consumer RESULT_VARIABLE status OUTPUT_VARIABLE output)
expect("the consumer" "${status} ${output}" "0 limn ${VERSION}\n")
