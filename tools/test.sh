#!/usr/bin/env bash
# Builds limn and runs all of its tests. On Debian and Ubuntu it first installs the packages that are missing.
#
#   tools/test.sh [CTEST OPTIONS...]      for example: tools/test.sh -R conv2d
#
# Environment:
#   CXX                the compiler (default: c++; the sanitizers' presets say clang++)
#   JOBS               compilers and tests at a time (default: one for each processor)
#   LIMN_PRESET        release (default), dev, asan-ubsan or tsan: CMakePresets.json
#   LIMN_BUILD_DIR     where to build (default: build/test, or build/PRESET for another preset than release)
#   LIMN_CMAKE_OPTIONS more options for cmake, separated by blanks, e.g. -DLIMN_WERROR=ON
#   LIMN_WITH_PYTORCH  1 installs PyTorch too (some hundred MB): the reference tensors are computed again, and a small
#                      network is trained
#   LIMN_INSTALL       0 installs nothing
#
# The last line says "N passed, N failed, N skipped". Exit status 0 if at least one test ran and none failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tools/common.sh

preset=${LIMN_PRESET:-release}
if [ "$preset" = release ]; then build=build/test; else build=build/$preset; fi
build=${LIMN_BUILD_DIR:-$build}

if [ "${LIMN_INSTALL:-1}" != 0 ]; then
  packages="$packages_program $packages_test"
  case $preset in *san*) packages="$packages $packages_clang $packages_sanitizers" ;; esac
  if [ "${LIMN_WITH_PYTORCH:-0}" = 1 ]; then packages="$packages $packages_reference"; fi
  # shellcheck disable=SC2086 # lists of words
  install_packages $packages
fi
choose_generator

# What a sanitizer has something to say about: limn's code in the unit tests, and what uses threads. Whole networks on
# whole photos show it nothing that a crop of one does not, and take ten times as long.
targets=()
selection=()
case $preset in
  asan-ubsan)
    targets=(--target limn_unit_tests)
    selection=(-L unit -E '^fuzz/|on labelled people|of the default model is what its plain layers')
    ;;
  tsan)
    targets=(--target limn_core_tests limn_engine_tests limn_estimator_tests limn_soak)
    selection=(-R '[Tt]hread')
    ;;
esac

# Most of a compiler's time goes into the headers: a program's files compiled as one take a third of the time. For whoever
# compiles again and again after small changes, `cmake --preset dev` compiles them one by one.
# shellcheck disable=SC2086 # a list of words
cmake --preset "$preset" -B "$build" -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=0 ${LIMN_CMAKE_OPTIONS:-}
cmake --build "$build" --parallel "$(job_count)" ${targets[@]+"${targets[@]}"}

results=$(cd "$build" && pwd)/tests.xml
rm -f "$results"
status=0
ctest --test-dir "$build" --output-on-failure --no-tests=error --parallel "$(job_count)" --output-junit "$results" \
  ${selection[@]+"${selection[@]}"} "$@" < /dev/null || status=$?

closing_line "$results" || status=1
exit "$status"
