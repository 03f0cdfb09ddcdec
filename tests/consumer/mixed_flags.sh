#!/bin/sh
# mixed_flags.sh OUTPUT_DIR MODEL PHOTO -- COMPILER -I... : one source file compiled twice, for every x86-64 and for this
# machine; both in one program, which runs. Of what both define the linker takes the first: each comes first once.
set -eu
here=$(dirname "$0")/mixed_flags
output=$1 model=$2 photo=$3
shift 4
mkdir -p "$output"
"$@" -std=c++17 -O1 -DLIMN_CONSUMER_NAME=lower -c "$here/part.cpp" -o "$output/lower.o" &
"$@" -std=c++17 -O1 -march=native -DLIMN_CONSUMER_NAME=higher -c "$here/part.cpp" -o "$output/higher.o"
wait $!
"$@" -std=c++17 -O1 -c "$here/main.cpp" -o "$output/main.o"
for order in "main lower higher" "higher lower main"; do
  objects=
  for name in $order; do objects="$objects $output/$name.o"; done
  # shellcheck disable=SC2086 # a list of files
  "$1" $objects -o "$output/consumer" -pthread
  "$output/consumer" "$model" "$photo"
done
