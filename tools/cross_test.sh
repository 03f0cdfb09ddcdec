#!/bin/bash
# Tests limn for processors and systems that this machine does not have: compiled for them, run in an emulator.
#
# Usage: tools/cross_test.sh [TARGET...]
#
# TARGET: neon (64-bit Arm, with Debian's cross compiler and qemu-user) and wasm (WebAssembly, with emscripten and node),
# for which the engine's kernels and the reader of JSON are tested, and the whole library is compiled; and windows
# (MinGW-w64 and wine), where all unit tests, examples/smallest.cpp and the program are run. Without any, the first two.
#
# Environment:
#   LIMN_BUILD_DIR     where to build (default: build/cross)
#   LIMN_INSTALL       0 installs nothing
#
# A target whose tools are missing is skipped, and said to be. Exit status 0 if no test failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tools/common.sh

targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(neon wasm)
builds=${LIMN_BUILD_DIR:-build/cross}
kernels="main engine/simd/target_test engine/simd/activations_test engine/simd/byte_kernels_test
engine/direct_convolution_test engine/winograd_convolution_test engine/byte_convolution_test
engine/byte_winograd_test model_file/json_number_test model_file/json_parser_test"

model=weights/pose_resnet18_mpii16_256x192.int8.safetensors
detector=weights/person_detector_320x320.int8.safetensors
version=$(sed -n 's/^project(limn VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)

portable_headers "$builds/include" doctest eigen3 stb nlohmann CLI

# compile COMPILER FLAG... < LINES: a line is the flags of one file. Two at a time.
compile() {
  xargs -P "$(job_count)" -L 1 "$@" -std=c++17 -O2 -Wall -Wextra -Wconversion -Werror -DLIMN_TARGETS=~0 \
    -DLIMN_SOURCE_DIR='"."' -DLIMN_DEFAULT_MODEL="\"$model\"" -DLIMN_DEFAULT_DETECTOR="\"$detector\"" \
    -DLIMN_FLOAT_MODEL="\"${model/.int8/}\"" -DLIMN_TEST_VERSION="\"$version\"" -Iinclude -Itests \
    -isystem "$builds/include" -isystem "$builds/include/eigen3" -isystem "$builds/include/stb"
}

# An example, with which all of limn is compiled.
example() { echo "-Wshadow -c examples/smallest.cpp -o $objects/smallest.o"; }

# The kernels' tests, which one program holds.
kernel_tests() {
  local name
  for name in $kernels; do echo "-Wshadow -c tests/$name.cpp -o $objects/tests/$(basename "$name").o"; done
}

# as_one OBJECT FILE...: files that are compiled as one, as in a unity build.
as_one() {
  local one
  one=$objects/$(basename "$1" .o).cpp
  printf "#include \"$PWD/%s\"\n" "${@:2}" > "$one"
  echo "-c $one -o $1"
}

# All unit tests, those of a folder as one file; but those of picture files each include stb in another way.
folders="core image layers network models engine pose model_file quantization estimator track metrics"
unit_tests() {
  local folder files
  for folder in $folders; do
    [ "$folder" != image ] || continue
    mapfile -t files < <(find "tests/$folder" -name '*_test.cpp' | sort)
    as_one "$objects/tests/$folder.o" "${files[@]}"
  done
  find tests/image -name '*_test.cpp' | sed "s,.*/\(.*\)\.cpp,-Wshadow -c & -o $objects/tests/image.\1.o,"
  echo "-c tests/main.cpp -o $objects/main.o"
}

# What doctest said into FILE, in a line if nothing failed.
report() {
  grep -q 'test cases: *[1-9]' "$1" || status=1
  if grep -q 'Status: SUCCESS' "$1"; then
    sed -n "s/^\[doctest\] test cases:/limn: $target: $(basename "$1" .txt):/p" "$1"
  else
    cat "$1"
  fi
}

# An emulator takes long: two halves at a time.
run_kernels() {
  "$@" --no-colors --source-file='*direct*' > "$objects/convolution.txt" 2>&1 &
  "$@" --no-colors --source-file-exclude='*direct*' > "$objects/kernels.txt" 2>&1 || status=1
  wait $! || status=1
  report "$objects/convolution.txt"
  report "$objects/kernels.txt"
}

status=0
for target in "${targets[@]}"; do
  case $target in
    neon) packages="$packages_neon" needed="aarch64-linux-gnu-g++ qemu-aarch64" ;;
    wasm) packages="$packages_wasm" needed="emcc node" ;;
    windows) packages="$packages_windows" needed="x86_64-w64-mingw32-g++-posix wine" ;;
    *) fail "expected neon, wasm or windows, found $target" ;;
  esac
  if [ "${LIMN_INSTALL:-1}" != 0 ]; then
    # shellcheck disable=SC2086 # a list of words
    install_packages doctest-dev libeigen3-dev libstb-dev nlohmann-json3-dev libcli11-dev $packages
  fi
  for program in $needed; do
    if ! command -v "$program" > /dev/null; then
      say "skipped: $target: there is no $program"
      continue 2
    fi
  done

  say "building for $target"
  objects=$builds/$target
  mkdir -p "$objects/tests"
  case $target in
    neon)
      { kernel_tests; example; } | compile aarch64-linux-gnu-g++ -Wno-psabi
      aarch64-linux-gnu-g++ -static "$objects"/tests/*.o -o "$objects/kernels" -pthread
      run_kernels qemu-aarch64 "$objects/kernels"
      ;;
    wasm)
      find_emscriptens_modules
      { kernel_tests; example; } | compile emcc -msimd128 -fwasm-exceptions
      # One file: this emscripten takes a node that can fetch for a browser.
      emcc -O2 -msimd128 -fwasm-exceptions -sALLOW_MEMORY_GROWTH -sSINGLE_FILE "$objects"/tests/*.o -o "$objects/kernels.js"
      run_kernels node "$objects/kernels.js"
      ;;
    windows)
      compiler=x86_64-w64-mingw32-g++-posix
      { as_one "$objects/limn.o" tools/limn/*.cpp; unit_tests; example; } | compile $compiler -Wa,-mbig-obj
      mkdir -p "$objects/wine"
      # Debian's wine looks for 32-bit programs first, which it is not there for; a program of 64 bits is enough here.
      wine=$(command -v wine64 || ls /usr/lib/wine/wine64 2> /dev/null || command -v wine)
      emulator=(env WINEPREFIX="$(realpath "$objects/wine")" WINEDEBUG=-all "$wine")

      $compiler -static "$objects/smallest.o" -o "$objects/smallest.exe"
      "${emulator[@]}" "$objects/smallest.exe" "$model" "$detector" examples/photos/five_people.jpg > "$objects/people.txt"
      people=$(grep -c '^upper_neck [0-9]' "$objects/people.txt" || true)
      say "$target: examples/smallest.cpp finds $people people in a photo of five"
      [ "$people" = 5 ] || status=1

      # The program, of which all but films works there: what it writes into a folder, and that it is not done again.
      $compiler -static "$objects/limn.o" -o "$objects/limn.exe"
      rm -rf "$objects/answers"
      "${emulator[@]}" "$objects/limn.exe" batch examples/photos -o "$objects/answers"
      echo examples/photos/five_people.jpg | "${emulator[@]}" "$objects/limn.exe" batch > "$objects/five_people.jsonl"
      cp "$objects/answers/000000.jsonl" "$objects/answers.jsonl"
      "${emulator[@]}" "$objects/limn.exe" batch examples/photos -o "$objects/answers"
      cmp "$objects/answers.jsonl" "$objects/answers/000000.jsonl" || status=1
      head -n 1 "$objects/answers.jsonl" | cmp - "$objects/five_people.jsonl" || status=1
      answers=$(grep -c '"status":"ok"' "$objects/answers.jsonl" || true)
      photos=$(find examples/photos -name '*.jpg' -o -name '*.png' | wc -l)
      say "$target: limn batch has $answers answers for $photos photos"
      [ "$answers" -eq "$photos" ] || status=1

      for folder in $folders; do
        $compiler -static "$objects/tests/$folder".*o "$objects/main.o" -o "$objects/$folder.exe"
        "${emulator[@]}" "$objects/$folder.exe" --no-colors > "$objects/$folder.txt" 2>&1 || status=1
        report "$objects/$folder.txt"
      done
      ;;
  esac
done
exit $status
