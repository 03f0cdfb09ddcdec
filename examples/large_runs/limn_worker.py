"""A `limn batch` that stays open and answers: for actors of Ray, map_batches, services, notebooks.

    with LimnWorker() as worker:
        for answer in worker.ask([{"file": "a.jpg"}, {"file": "b.jpg", "boxes": [[10, 20, 100, 200]]}]):
            print(answer["key"], len(answer["people"]))
"""

import json
import subprocess
import threading


class LimnWorker:
    """One process. Not for several threads at a time."""

    def __init__(self, program="limn", options=("--threads", "1")):
        self.process = subprocess.Popen(
            [program, "batch", "--stdin", "jsonl", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, requests):
        """Yields the answer to each request, in their order; a photo that cannot be done has status "error"."""
        requests = list(requests)
        lines = "".join(json.dumps(request) + "\n" for request in requests).encode("utf-8")
        # Written by another thread: who does not read the answers meanwhile may wait forever.
        writer = threading.Thread(target=self._write, args=(lines,))
        writer.start()
        for _ in requests:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f"limn ended with exit status {self.process.wait()}")
            yield json.loads(line)
        writer.join()

    def _write(self, lines):
        try:
            self.process.stdin.write(lines)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # ask() says so

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.stdout.close()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
