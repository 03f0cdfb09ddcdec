#!/usr/bin/env python3
"""Poses in a list of photos, by the workers of a Dask cluster: each task does its share of the list.

    dask_shares.py LIST FOLDER SHARES [--scheduler ADDRESS] [--workers N]

LIST has a path in each line. The answers are then in FOLDER/*.jsonl, in the list's order. Without a scheduler's address
N worker processes are started here. Workers see LIST, the photos and FOLDER under the same names. Run again, it does what
is missing. The environment variable LIMN names the program.
"""

import argparse
import os
import subprocess

from distributed import Client, LocalCluster, as_completed


def do_share(program, photos, folder, share, shares):
    """Returns whether all photos of the share could be done. Raises if it has to be tried again."""
    command = [program, "batch", "-", "--output", folder, "--shard", f"{share}/{shares}", "--resume", "--threads", "1"]
    with open(photos, "rb") as paths:  # not a pipe: with who fills it, the list would seem to end
        done = subprocess.run(command, stdin=paths, stderr=subprocess.PIPE, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"limn: exit status {done.returncode}: {done.stderr.decode('utf-8', 'replace')[-1000:]}")
    return done.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("list")
    parser.add_argument("folder")
    parser.add_argument("shares", type=int)
    parser.add_argument("--scheduler")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    cluster = options.scheduler or LocalCluster(
        n_workers=options.workers, threads_per_worker=1, processes=True, dashboard_address=None
    )
    with Client(cluster) as client:
        program = os.environ.get("LIMN", "limn")
        photos, folder = os.path.abspath(options.list), os.path.abspath(options.folder)
        tasks = client.map(
            lambda share: do_share(program, photos, folder, share, options.shares),
            range(options.shares),
            pure=False,
            retries=5,
        )
        for number, task in enumerate(as_completed(tasks), 1):
            all_done = task.result()
            print(f"{number} of {options.shares} shares" + ("" if all_done else ", some photos could not be done"), flush=True)
    if not options.scheduler:
        cluster.close()


if __name__ == "__main__":
    main()
