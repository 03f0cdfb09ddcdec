#!/bin/bash
# Tests the engine's kernels and the reader of JSON for processors and compilers that this machine does not have: compiled
# for them, run in an emulator. The whole library is compiled for them as well.
#
# Usage: tools/cross_test.sh [TARGET...]
#
# TARGET: neon (64-bit Arm, with Debian's cross compiler and qemu-user), wasm (WebAssembly, with emscripten and node) and
# windows (MinGW-w64 and wine, where examples/smallest.cpp and the program are run on photos as well). Without any, the first two.
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
tests="main engine/simd/target_test engine/simd/activations_test engine/simd/byte_kernels_test
engine/direct_convolution_test engine/winograd_convolution_test engine/byte_convolution_test
engine/byte_winograd_test model_file/json_number_test model_file/json_parser_test"

portable_headers "$builds/include" doctest eigen3 stb nlohmann CLI

# build COMPILER FLAG...: the objects of the tests, and one of all of limn, two at a time.
build() {
  local name
  {
    for name in $tests; do
      echo "-c tests/$name.cpp -o $objects/tests/$(basename "$name").o"
    done
    echo "-c examples/smallest.cpp -o $objects/smallest.o"
  } | xargs -P "$(job_count)" -L 1 "$@" -std=c++17 -O2 -Wall -Wextra -Wconversion -Wshadow -Werror \
    -DLIMN_TARGETS=~0 -DLIMN_SOURCE_DIR='""' -Iinclude -Itests -isystem "$builds/include" \
    -isystem "$builds/include/eigen3" -isystem "$builds/include/stb"
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
      build aarch64-linux-gnu-g++ -Wno-psabi
      aarch64-linux-gnu-g++ -static "$objects"/tests/*.o -o "$objects/kernels" -pthread
      run=(qemu-aarch64 "$objects/kernels")
      ;;
    wasm)
      find_emscriptens_modules
      build emcc -msimd128 -fwasm-exceptions
      # One file: this emscripten takes a node that can fetch for a browser.
      emcc -O2 -msimd128 -fwasm-exceptions -sALLOW_MEMORY_GROWTH -sSINGLE_FILE "$objects"/tests/*.o -o "$objects/kernels.js"
      run=(node "$objects/kernels.js")
      ;;
    windows)
      build x86_64-w64-mingw32-g++-posix
      x86_64-w64-mingw32-g++-posix -static "$objects"/tests/*.o -o "$objects/kernels.exe"
      x86_64-w64-mingw32-g++-posix -static "$objects/smallest.o" -o "$objects/smallest.exe"
      mkdir -p "$objects/wine"
      # Debian's wine looks for 32-bit programs first, which it is not there for; a program of 64 bits is enough here.
      wine=$(command -v wine64 || ls /usr/lib/wine/wine64 2> /dev/null || command -v wine)
      emulator=(env WINEPREFIX="$(realpath "$objects/wine")" WINEDEBUG=-all "$wine")
      run=("${emulator[@]}" "$objects/kernels.exe")
      "${emulator[@]}" "$objects/smallest.exe" weights/pose_resnet18_mpii16_256x192.int8.safetensors \
        weights/person_detector_320x320.int8.safetensors examples/photos/five_people.jpg > "$objects/people.txt"
      people=$(grep -c '^upper_neck [0-9]' "$objects/people.txt" || true)
      say "$target: examples/smallest.cpp finds $people people in a photo of five"
      [ "$people" = 5 ] || status=1
      # The program, of which all but films works there: what it writes into a folder, and that it is not done again.
      for file in tools/limn/*.cpp; do echo "#include \"$PWD/$file\""; done > "$objects/limn.cpp"
      x86_64-w64-mingw32-g++-posix -static -std=c++17 -O2 -Wall -Wextra -Wconversion -Werror -Iinclude \
        -isystem "$builds/include" -isystem "$builds/include/eigen3" -isystem "$builds/include/stb" \
        -DLIMN_DEFAULT_MODEL='"weights/pose_resnet18_mpii16_256x192.int8.safetensors"' \
        -DLIMN_DEFAULT_DETECTOR='"weights/person_detector_320x320.int8.safetensors"' \
        -Wa,-mbig-obj "$objects/limn.cpp" -o "$objects/limn.exe"
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
      ;;
  esac

  # An emulator takes long: two halves at a time.
  "${run[@]}" --no-colors --source-file='*direct*' > "$objects/first.txt" 2>&1 &
  "${run[@]}" --no-colors --source-file-exclude='*direct*' > "$objects/second.txt" 2>&1 || status=1
  wait $! || status=1
  for half in first second; do
    grep -q 'test cases: *[1-9]' "$objects/$half.txt" || status=1
    if grep -q 'Status: SUCCESS' "$objects/$half.txt"; then
      sed -n "s/^\[doctest\] test cases:/limn: $target:/p" "$objects/$half.txt"
    else
      cat "$objects/$half.txt"
    fi
  done
done
exit $status
