#!/usr/bin/env bash
# Poses in a list of photos, by processes that GNU parallel starts, and starts again when they die.
#
#   gnu_parallel.sh LIST FOLDER SHARES [OPTIONS OF parallel...]      for example: --jobs 8 --sshlogin a,b,c
#
# LIST has a path in each line. The answers are then in FOLDER/*.jsonl, in the list's order; FOLDER.joblog says how long
# each of the SHARES took. Run again, it does what is missing.
set -euo pipefail
list=$(realpath "$1") folder=$(realpath -m "$2") shares=$3
shift 3

# A photo that cannot be done is an answer like others (exit status 1); anything else is tried again.
one='"$0" batch - --output "$1" --shard "$2/$3" --resume --threads 1 < "$4" || [ $? -eq 1 ]'
seq 0 $((shares - 1)) |
  parallel --will-cite --retries 5 --joblog "$folder.joblog" "$@" --quote \
    sh -c "$one" "${LIMN:-limn}" "$folder" {} "$shares" "$list"
