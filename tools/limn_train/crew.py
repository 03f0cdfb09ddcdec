"""Several processes that train one network: each works on its part of a batch, and all learn from the mean of what they
find. On processors, two processes of one thread each are faster than one of two, above all beside other work.

Batch norm looks at a process's own part; its statistics are the first process's, as in PyTorch's
DistributedDataParallel.
"""

import os
import signal
import tempfile

import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing

from . import TrainError


class Lost(TrainError):
    """Another process of the crew has ended before its time."""


class Crew:
    """One process of `size`, number `rank`."""

    def __init__(self, rank=0, size=1):
        self.rank = rank
        self.size = size

    def share(self, numbers, batch):
        """This process's part of each whole batch of `numbers`."""
        part = batch // self.size
        starts = range(self.rank * part, len(numbers), batch)
        return [number for start in starts for number in numbers[start : start + part]]

    def average_gradients(self, network):
        if self.size == 1:
            return
        gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        self._sum(flat)
        flat /= self.size
        for gradient, part in zip(gradients, flat.split([gradient.numel() for gradient in gradients])):
            gradient.copy_(part.view(gradient.shape))

    def agreed(self, loss, stop):
        """The mean loss, and whether any process is to stop: then all do, after the same step."""
        if self.size == 1:
            return loss, stop
        both = torch.stack([loss.float().cpu(), torch.tensor(float(stop))])
        self._sum(both)
        return both[0] / self.size, bool(both[1] > 0)

    @staticmethod
    def _sum(values):
        try:
            dist.all_reduce(values)
        except RuntimeError as error:
            raise Lost(f"another process of the training has ended: {error}") from None


def run_crew(size, work):
    """[work(crew), ...] of `size` processes of this machine; what they return and `work`, a function of a module or a
    partial of one, go from process to process. SIGINT and SIGTERM are passed on to them."""
    queue = multiprocessing.get_context("spawn").SimpleQueue()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        meeting = f"file://{folder}/meeting"
        running = multiprocessing.spawn(_member, (size, meeting, work, queue), size, join=False)
        before = {
            number: signal.signal(number, lambda received, _: _pass_on(running.processes, received))
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            # A process ends only after what it says has been read.
            while not running.join(0.1):
                while not queue.empty():
                    results.append(queue.get())
        except multiprocessing.ProcessExitedException as error:
            raise TrainError(f"a process of the training has ended: {error}") from None
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    while not queue.empty():
        results.append(queue.get())
    return [result for _, result in sorted(results, key=lambda pair: pair[0])]


def _pass_on(processes, number):
    for process in processes:
        if process.is_alive():
            os.kill(process.pid, number)


def _member(rank, size, meeting, work, queue):
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=size)
    try:
        queue.put((rank, work(Crew(rank, size))))
    finally:
        dist.destroy_process_group()
