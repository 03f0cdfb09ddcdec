#!/bin/sh
# plain.sh OUTPUT_DIR MODEL PHOTO -- COMPILER -I... : two source files compiled one by one, linked and run, as without CMake.
set -eu
here=$(dirname "$0")
output=$1 model=$2 photo=$3
shift 4
mkdir -p "$output"
for source in main picture; do
  "$@" -std=c++17 -O1 -c "$here/$source.cpp" -o "$output/$source.o"
done
"$1" "$output/main.o" "$output/picture.o" -o "$output/consumer" -pthread
"$output/consumer" "$model" "$photo"
