#!/bin/bash
# Poses in a list of photos, as a Slurm job array: each task does its share of the list.
#
#   sbatch --array=0-15 slurm_array.sh LIST FOLDER [OPTIONS OF limn batch...]
#
# LIST has a path in each line. The answers are then in FOLDER/*.jsonl, in the list's order. A task that is requeued, or a
# job that is submitted again with any other array, goes on with what there is.
#SBATCH --job-name=limn
#SBATCH --cpus-per-task=1
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail
list=$1 folder=$2
shift 2

share=$((SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN))/$SLURM_ARRAY_TASK_COUNT
status=0
"${LIMN:-limn}" batch - --output "$folder" --shard "$share" --resume --threads "${SLURM_CPUS_PER_TASK:-1}" "$@" < "$list" ||
  status=$?
# A photo that cannot be done is an answer like others. Anything else is tried again: a machine may have failed.
if [ "$status" -gt 1 ]; then
  # By this name and not by SLURM_JOB_ID, which for an array's last task is the number of the whole array.
  [ "${SLURM_RESTART_COUNT:-0}" -ge 5 ] || scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
  exit "$status"
fi
