#!/usr/bin/env bash
# Finds the pose in a photo with the default model: installs what is missing (Debian, Ubuntu), builds the limn program,
# runs it and names the picture and the JSON it wrote.
#
#   tools/demo.sh [PHOTO]                 default: examples/photos/photographer.png
#
# Environment:
#   CXX, JOBS          as for tools/test.sh
#   LIMN_BUILD_DIR     where to build (default: build/demo)
#   LIMN_INSTALL       0 installs nothing
set -euo pipefail
caller=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tools/common.sh

photo=${1:-$PWD/examples/photos/photographer.png}
case $photo in /*) ;; *) photo=$caller/$photo ;; esac
[ -r "$photo" ] || fail "$photo cannot be read"
build=${LIMN_BUILD_DIR:-build/demo}

if [ "${LIMN_INSTALL:-1}" != 0 ]; then
  # shellcheck disable=SC2086 # a list of words
  install_packages $packages_program
fi
choose_generator

cmake --preset release -B "$build" -DLIMN_BUILD_TESTS=OFF -DLIMN_BUILD_EXAMPLES=OFF
cmake --build "$build" --target limn_program --parallel "$(job_count)"

mkdir -p out
name=$(basename "$photo")
picture=$PWD/out/${name%.*}_pose.png
json=$PWD/out/${name%.*}_pose.json
"$build/tools/limn" estimate "$photo" --model weights/pose_resnet18_mpii16_192x192.safetensors -o "$picture" --json "$json"

for file in "$picture" "$json"; do
  [ -s "$file" ] || fail "$file was not written"
done
say "picture with the skeleton: $picture"
say "keypoints as JSON:         $json"
