# Python for the build and the tests. Several interpreters may be installed, and not all of them have the modules that
# are needed.

# limn_find_python(RESULT MODULE): the first interpreter that can import MODULE, or an empty string.
function(limn_find_python result module)
  if(NOT DEFINED CACHE{LIMN_PYTHON_WITH_${module}})
    set(found "")
    foreach(candidate python3 /usr/bin/python3 /usr/local/bin/python3 python)
      execute_process(COMMAND ${candidate} -c "import sys, ${module}; sys.exit(sys.version_info < (3, 9))"
                      RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
      if(status EQUAL 0)
        set(found ${candidate})
        break()
      endif()
    endforeach()
    if(found)
      set(LIMN_PYTHON_WITH_${module} ${found} CACHE STRING "Python 3.9 or later that can import ${module}")
      mark_as_advanced(LIMN_PYTHON_WITH_${module})
    else()
      message(STATUS "limn: no python3 that can import ${module}: what needs it is left out, tests are skipped")
    endif()
  endif()
  set(${result} "${LIMN_PYTHON_WITH_${module}}" PARENT_SCOPE)
endfunction()

# limn_add_python_test(NAME MODULE SCRIPT ARGS...): runs SCRIPT with an interpreter that has MODULE ("sys" for any).
function(limn_add_python_test name module script)
  limn_find_python(python ${module})
  if(python)
    add_test(NAME "${name}" COMMAND ${python} ${script} ${ARGN} COMMAND_EXPAND_LISTS)
  else()
    add_test(NAME "${name}" COMMAND ${CMAKE_COMMAND} -E echo "skipped: no python3 that can import ${module}")
    set_tests_properties("${name}" PROPERTIES SKIP_REGULAR_EXPRESSION "skipped: ")
  endif()
  set_tests_properties("${name}" PROPERTIES SKIP_RETURN_CODE 77 LABELS python TIMEOUT 1200
                       ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1;LIMN_SOURCE_DIR=${PROJECT_SOURCE_DIR}")
endfunction()
