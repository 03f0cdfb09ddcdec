#!/usr/bin/env bash
# Fuzzes what limn reads of what nobody vouches for: builds the fuzz targets and runs them, guided by coverage.
#
#   tools/fuzz.sh [TARGET...] [--seconds N] [--seed N]      for example: tools/fuzz.sh picture --seconds 1200
#
# TARGET: model_file, model_document, picture, coco_file, shard and estimate (tests/fuzz/, with Clang's libFuzzer, address and
# undefined behaviour sanitizers), checkpoint and onnx (tests/fuzz/python_fuzzer.py). Without any, all. Each runs for N
# seconds (default 60) or until it finds something; with a seed from 1 on in the same order every time. Of these only
# onnx needs the Python package onnx.
#
# Environment:
#   JOBS               fuzzers and compilers at a time (default: one for each processor)
#   LIMN_BUILD_DIR     where to build (default: build/fuzz); corpus/TARGET in it grows from run to run
#   LIMN_INSTALL       0 installs nothing
#
# A table tells of each target the executions, the coverage (libFuzzer's cov and ft: edges, and edges by how often; the
# Python fuzzer's: lines), the files kept and the findings. What was found is in findings/TARGET beside the corpus: mend
# it, and put it into tests/fuzz/regressions/TARGET, whose files every build reads again. Exit status 0 if nothing was.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tools/common.sh

compiled="model_file model_document picture coco_file shard estimate"
interpreted="checkpoint onnx"
export build=${LIMN_BUILD_DIR:-build/fuzz} seconds=60 seed=

targets=""
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=${2:?--seconds needs a number}; shift ;;
    --seed) seed=${2:?--seed needs a number}; shift ;;
    -*) fail "unknown option $1; see the comment in tools/fuzz.sh" ;;
    *)
      case " $compiled $interpreted " in
        *" $1 "*) targets="$targets $1" ;;
        *) fail "unknown target $1, expected some of: $compiled $interpreted" ;;
      esac
      ;;
  esac
  shift
done
targets=${targets:-$compiled $interpreted}

if [ "${LIMN_INSTALL:-1}" != 0 ]; then
  # shellcheck disable=SC2086 # lists of words
  install_packages $packages_program $packages_test $packages_clang $packages_fuzz
fi
choose_generator

python=""
for candidate in python3 /usr/bin/python3; do
  if "$candidate" -c "import numpy" 2> /dev/null; then python=$candidate; break; fi
done
[ -n "$python" ] || fail "no python3 that can import numpy, which makes the seeds"
export python

build_targets=()
for target in $targets; do
  case " $compiled " in *" $target "*) build_targets+=("limn_fuzz_$target") ;; esac
done
if [ ${#build_targets[@]} -gt 0 ]; then
  # shellcheck disable=SC2086 # a list of words
  cmake --preset fuzz -B "$build" ${LIMN_CMAKE_OPTIONS:-} > /dev/null
  cmake --build "$build" --parallel "$(job_count)" --target "${build_targets[@]}"
fi
mkdir -p "$build/corpus" "$build/findings" "$build/logs"
"$python" -B tests/fuzz/seeds.py "$build/seeds"

# fuzz TARGET: runs one and writes its line of the table.
fuzz() {
  local log=$build/logs/$1.txt corpus=$build/corpus/$1 findings=$build/findings/$1 status=0 covered kept executions
  mkdir -p "$corpus" "$findings"
  if [ -x "$build/tests/fuzz/limn_fuzz_$1" ]; then
    local largest=4096 old=tests/fuzz/regressions/$1 start=$SECONDS
    [ "$1" = estimate ] && largest=12000  # a whole model file
    [ -d "$old" ] || old=
    # shellcheck disable=SC2086 # $old is nothing or one word
    "$build/tests/fuzz/limn_fuzz_$1" -max_total_time="$seconds" -seed="${seed:-0}" -max_len=$largest \
      -timeout=10 -rss_limit_mb=2048 -dict="$build/seeds/json.dict" -print_final_stats=1 -artifact_prefix="$findings/" \
      "$corpus" "$build/seeds/$1" $old > "$log" 2>&1 || status=1
    # "#1234 NEW cov: 56 ft: 78 corp: 9/10Kb ...": the last such line.
    covered=$(sed -n 's/^#[0-9].* cov: \([0-9]*\) ft: \([0-9]*\) .*/\1 \/ \2/p' "$log" | tail -n 1)
    kept=$(sed -n 's/^#[0-9].* corp: \([0-9]*\).*/\1/p' "$log" | tail -n 1)
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
    [ -n "$executions" ] || executions=$(sed -n 's/^#\([0-9]*\).* cov: .*/\1/p' "$log" | tail -n 1)
    set -- "$1" $((SECONDS - start)) "$executions" "$covered" "$kept" "$status"
  else
    "$python" -B tests/fuzz/python_fuzzer.py "$1" --seconds "$seconds" --seed "${seed:-$RANDOM}" --findings "$findings" \
      > "$log" 2>&1 || status=$?
    if [ "$status" -eq 77 ]; then
      printf '%-15s %s\n' "$1" "$(tail -n 1 "$log")"
      return 0
    fi
    # "N executions, N lines, N files kept, N findings"; where that is missing, the fuzzer itself was killed by a file.
    read -r executions _ covered _ kept _ _ found _ < <(tail -n 1 "$log")
    case $found in '' | *[!0-9]*) executions='?' covered='?' kept='?' found=1 ;; esac
    set -- "$1" "$seconds" "$executions" "$covered lines" "$kept" "$found"
  fi
  printf '%-15s %8s %12s %15s %6s %9s\n' "$@"
  if [ "$6" -ne 0 ]; then
    echo "  see $log and $findings"
    return 1
  fi
}
export -f fuzz

say "$seconds seconds each"
printf '%-15s %8s %12s %15s %6s %9s\n' target seconds executions "cov / ft" kept findings
# shellcheck disable=SC2086 # a list of words
printf '%s\n' $targets | xargs -P "$(job_count)" -I{} bash -c 'fuzz {}' || fail "something was found"
