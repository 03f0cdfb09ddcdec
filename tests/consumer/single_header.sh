#!/bin/sh
# single_header.sh OUTPUT_DIR PYTHON SOURCE_DIR EIGEN_DIR STB_DIR COMPILER MODEL DETECTOR PHOTO: the README's first program
# compiled from the single header alone, and run.
set -eu
output=$1 python=$2 source=$3 eigen=$4 stb=$5 compiler=$6 model=$7 detector=$8 photo=$9
mkdir -p "$output"
"$python" "$source/tools/single_header.py" "$output/limn.hpp"
before=$(ls -l --full-time "$output/limn.hpp")
"$python" "$source/tools/single_header.py" "$output/limn.hpp"
[ "$before" = "$(ls -l --full-time "$output/limn.hpp")" ] || { echo "written again though nothing changed"; exit 1; }
sed -e '/#include <limn\/image\/io.hpp>/d' -e 's,<limn/limn.hpp>,"limn.hpp",' "$source/examples/smallest.cpp" \
  > "$output/smallest.cpp"
"$compiler" -std=c++17 -O1 -I"$eigen" -I"$stb" "$output/smallest.cpp" -o "$output/smallest" -pthread
"$output/smallest" "$model" "$detector" "$photo" | grep -q '^upper_neck '
