#!/usr/bin/env bash
# Finds everybody and their poses in photos with the default models: installs what is missing (Debian, Ubuntu), builds the
# limn program, runs it and names the pictures and the JSON it wrote.
#
#   tools/demo.sh [PHOTO...]              default: two photos of examples/photos, of several people and of one
#
# Environment:
#   CXX, JOBS          as for tools/test.sh
#   LIMN_BUILD_DIR     where to build (default: build/demo)
#   LIMN_INSTALL       0 installs nothing
set -euo pipefail
caller=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tools/common.sh

[ $# -gt 0 ] || set -- "$PWD/examples/photos/five_people.jpg" "$PWD/examples/photos/person_dog_horse.jpg"
photos=()
for photo in "$@"; do
  case $photo in /*) ;; *) photo=$caller/$photo ;; esac
  [ -r "$photo" ] || fail "$photo cannot be read"
  photos+=("$photo")
done
build=${LIMN_BUILD_DIR:-build/demo}

if [ "${LIMN_INSTALL:-1}" != 0 ]; then
  # shellcheck disable=SC2086 # a list of words
  install_packages $packages_program
fi
choose_generator

cmake --preset release -B "$build" -DLIMN_BUILD_TESTS=OFF -DLIMN_BUILD_EXAMPLES=OFF
cmake --build "$build" --target limn_program --parallel "$(job_count)"

mkdir -p out
"$build/tools/limn" estimate "${photos[@]}" -o out --json out/poses.json
[ -s out/poses.json ] || fail "out/poses.json was not written"
say "the pictures are in $PWD/out, and the keypoints as JSON in $PWD/out/poses.json"
