#!/usr/bin/env bash
# Builds tests/soak/ and lets 16 threads share one estimator for 100,000 frames: photos of all sizes and formats, bad
# ones among them. Every result must be what one thread alone finds, and the memory must stay.
#
#   tools/soak.sh [--frames N] [--threads N] [--model FILE]
#
# Without a model file a small made-up network is used, with which that takes minutes.
#
# Environment:
#   CXX                the compiler (default: c++)
#   LIMN_BUILD_DIR     where to build (default: build/test, as tools/test.sh)
#   LIMN_CMAKE_OPTIONS more options for cmake, separated by blanks
#   LIMN_INSTALL       0 installs nothing
#
# Exit status 0 if all of that is so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tools/common.sh

build=${LIMN_BUILD_DIR:-build/test}
if [ "${LIMN_INSTALL:-1}" != 0 ]; then
  # shellcheck disable=SC2086 # lists of words
  install_packages $packages_program $packages_test
fi
choose_generator
# shellcheck disable=SC2086 # a list of words
cmake --preset release -B "$build" ${LIMN_CMAKE_OPTIONS:-} > /dev/null
cmake --build "$build" --parallel "$(job_count)" --target limn_soak
exec "$build/tests/soak/limn_soak" "$@"
