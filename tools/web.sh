#!/usr/bin/env bash
# Builds the web page: static files for any host, in build/web. On Debian and Ubuntu it first installs what is missing.
#
#   tools/web.sh                 builds
#   tools/web.sh test            builds, checks the JavaScript's types and tests the page in Chromium; the last line
#                                says "N passed, N failed, N skipped"
#   tools/web.sh serve [PORT]    builds it if it is not there yet, serves it at http://localhost:PORT/ (default: 8000)
#                                with the headers that threads need, and opens it in the browser
#
# Environment:
#   JOBS               compilers at a time (default: one for each processor)
#   LIMN_BUILD_DIR     where to build (default: build/web); objects go beside it, into build/web.objects
#   LIMN_INSTALL       0 installs nothing
#   LIMN_PROGRAM       test: the limn program whose keypoints the page's are compared with (default: none)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tools/common.sh

site=${LIMN_BUILD_DIR:-build/web}
objects=$site.objects

# The C interface, and what `limn info` prints.
sources="cmake/c_interface.cpp web/bindings.cpp tools/limn/network_text.cpp tools/limn/engine.cpp
tools/limn/document_json.cpp tools/limn/document_text.cpp tools/limn/text.cpp"
# Functions that are LIMN_API can be called from JavaScript.
compile_flags=(-std=c++17 -O3 -msimd128 -Wall -Wextra -Wconversion -Wshadow -Werror
  "-DLIMN_API=__attribute__((used, visibility(\"default\")))"
  -Iinclude -isystem "$objects/include" -isystem "$objects/include/eigen3" -isystem "$objects/include/stb")
link_flags=(-O3 -msimd128 -sMODULARIZE -sEXPORT_ES6 -sEXPORT_NAME=createLimn -sALLOW_MEMORY_GROWTH
  -sINITIAL_MEMORY=64MB -sFILESYSTEM=0 -sENVIRONMENT=worker,node -sINCOMING_MODULE_JS_API=print,wasmBinary,locateFile
  -sEXPORTED_FUNCTIONS=_malloc,_free)

# build_engine NAME [--link FLAG] [FLAG...]: engine/NAME.js and .wasm.
build_engine() {
  local name=$1 only_link=()
  shift
  if [ "${1:-}" = --link ]; then
    only_link=("$2")
    shift 2
  fi
  say "building $name"
  mkdir -p "$objects/$name" "$site/engine"
  # shellcheck disable=SC2086 # a list of words
  printf '%s\n' $sources | xargs -P "$(job_count)" -I '{}' sh -c 'source=$1 folder=$2; shift 2
    exec "$@" -c "$source" -o "$folder/$(basename "$source").o"' sh '{}' "$objects/$name" \
    emcc "${compile_flags[@]}" "$@"
  emcc "${link_flags[@]}" ${only_link[@]+"${only_link[@]}"} "$@" "$objects/$name"/*.o -o "$site/engine/$name.js"
}

build() {
  if [ "${LIMN_INSTALL:-1}" != 0 ]; then
    # shellcheck disable=SC2086 # a list of words
    install_packages $packages_web
  fi
  command -v emcc > /dev/null || fail "emcc, emscripten's compiler, is not installed"
  find_emscriptens_modules

  rm -rf "$site"
  mkdir -p "$site/models" "$site/samples"
  portable_headers "$objects/include" eigen3 nlohmann stb
  build_engine limn -fwasm-exceptions
  build_engine limn_threads --link '-sPTHREAD_POOL_SIZE=Module["threads"]-1' -pthread -fexceptions

  cp web/index.html web/style.css web/manifest.webmanifest web/icon.svg web/service_worker.js "$site"
  mkdir "$site/js"
  cp web/js/*.js "$site/js"
  cp weights/pose_resnet18_mpii16_256x192.int8.safetensors "$site/models/pose.safetensors"
  cp weights/person_detector_320x320.int8.safetensors "$site/models/detector.safetensors"
  for photo in five_people pool_players person_dog_horse grace_hopper; do
    cp "examples/photos/$photo.jpg" "$site/samples"
  done
  cp examples/photos/README.md "$site/samples/LICENCES.md"
  python3 web/list_files.py "$site"
  say "the page is in $site, $(du -sh "$site" | cut -f1)"
}

# count_tests TAP: the summary of Node's test runner in the form that closing_line reads.
count_tests() {
  local name
  printf '<testsuite'
  for name in tests:tests fail:failures cancelled:disabled skipped:skipped; do
    printf '\n %s="%s"' "${name#*:}" "$(sed -n "s/^# ${name%:*} //p" "$1")"
  done
  printf '\n>\n'
}

run_tests() {
  local modules=$site.modules status=0
  if [ "${LIMN_INSTALL:-1}" != 0 ]; then
    install_packages chromium
    command -v npm > /dev/null || install_packages npm
  fi
  mkdir -p "$modules"
  cp web/package.json "$modules"
  if ! command -v chromium > /dev/null || ! npm install --prefix "$modules" --ignore-scripts --no-audit --no-fund \
       --loglevel=error; then
    say "skipped: the page's tests: there is no Chromium, or npm cannot install what $modules/package.json names"
    printf '# tests 1\n# skipped 1\n# fail 0\n# cancelled 0\n' > "$site.tap"
  else
    "$modules/node_modules/.bin/tsc" -p web || status=1
    # One at a time: each has a browser, and the page takes all processors.
    env LIMN_SITE="$site" node --test --test-concurrency=1 --test-reporter=spec --test-reporter-destination=stdout \
      --test-reporter=tap --test-reporter-destination="$site.tap" tests/browser/ < /dev/null || status=1
  fi
  count_tests "$site.tap" > "$site.tests.xml"
  closing_line "$site.tests.xml" || status=1
  return "$status"
}

case ${1:-build} in
  build) build ;;
  test)
    build
    run_tests
    ;;
  serve)
    [ -e "$site/build.json" ] || build
    exec python3 web/serve.py "$site" --port "${2:-8000}" --open
    ;;
  *) fail "expected nothing, test or serve, found $1" ;;
esac
