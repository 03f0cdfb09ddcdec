# cmake -D DOXYGEN=PROGRAM -D SOURCE=DIR -D OUTPUT=DIR -D VERSION=X.Y.Z -D WARN_AS_ERROR=NO|FAIL_ON_WARNINGS -P reference.cmake
# makes the reference in OUTPUT/html. What Doxygen warns of differs from version to version: only a test takes it for an
# error.
file(REMOVE_RECURSE ${OUTPUT}/html)
configure_file(${SOURCE}/cmake/Doxyfile.in ${OUTPUT}/Doxyfile @ONLY)
execute_process(COMMAND ${DOXYGEN} ${OUTPUT}/Doxyfile RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${DOXYGEN} ${OUTPUT}/Doxyfile: ${status}")
endif()
