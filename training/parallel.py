"""Data parallelism on one machine: one process and one thread a core, sums through shared memory.

Threads inside one process meet after every operation; when other programs take a core away, each
meeting waits for the slower thread, and a step takes many times longer. Processes that meet only
twice a step lose no more than the core that was taken.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.multiprocessing as mp


class Team:
    """Workers that add up flat float32 vectors. `rank` 0 writes files and prints."""

    def __init__(self, rank: int, size: int, lanes: torch.Tensor | None, barrier: Any) -> None:
        self.rank, self.size = rank, size
        self._lanes, self._barrier, self._turn = lanes, barrier, 0

    def wait(self) -> None:
        """Meet the others."""
        if self._barrier is not None:
            self._barrier.wait()

    def add(self, tensors: Sequence[torch.Tensor], scale: float = 1.0) -> None:
        """Replace each tensor by the sum over workers of it, times `scale`; in place."""
        if self._lanes is None:
            return
        # Two sets of lanes in turn: nobody writes where another may still be reading.
        lanes = self._lanes[self._turn]
        self._turn ^= 1
        start = 0
        for t in tensors:
            lanes[self.rank, start : start + t.numel()].view(t.shape).copy_(t)
            start += t.numel()
        self.wait()
        start = 0
        for t in tensors:
            stop = start + t.numel()
            total = lanes[0, start:stop]
            for other in range(1, self.size):
                total = total + lanes[other, start:stop]
            t.copy_((total * scale).view(t.shape))
            start = stop

    def same(self, value: bool) -> bool:
        """The decision of worker 0, for everybody."""
        if self._lanes is None:
            return value
        flag = torch.tensor([float(value) if self.rank == 0 else 0.0])
        self.add([flag])
        return bool(flag.item() > 0.5)


ALONE = Team(0, 1, None, None)


def _enter(
    rank: int,
    shared: tuple[int, torch.Tensor, Any],
    work: Callable[..., None],
    arguments: tuple[Any, ...],
) -> None:
    size, lanes, barrier = shared

    def follow(parent: int = os.getppid()) -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    # A worker must not go on alone when the run is stopped from outside.
    threading.Thread(target=follow, daemon=True).start()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    work(Team(rank, size, lanes, barrier), *arguments)


def start(work: Callable[..., None], size: int, numbers: int, *arguments: Any) -> None:
    """Run `work(team, *arguments)` in `size` processes that can add `numbers` floats at a time."""
    if size == 1:
        work(ALONE, *arguments)
        return
    lanes = torch.zeros(2, size, numbers).share_memory_()
    barrier = mp.get_context("spawn").Barrier(size)
    mp.spawn(_enter, ((size, lanes, barrier), work, arguments), nprocs=size)
