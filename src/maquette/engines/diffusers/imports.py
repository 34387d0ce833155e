"""Importing the heavy libraries in good time."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["patient_threads", "uncollected"]


def patient_threads() -> None:
    """Let torch's threads sleep while they wait for one another, unless the environment says how.

    To be called before torch is imported: OpenMP reads it then. By default a thread that waits
    turns on the spot and so takes the processor from the one that it waits for: with another
    program at work on the same two cores, 20 steps of Postcard took 2.6 to 8.5 s instead of 1.1 s.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@contextmanager
def uncollected() -> Iterator[None]:
    """Pause the garbage collector, and leave what was made meanwhile out of its rounds for good.

    Torch, diffusers and transformers make millions of objects that live as long as the process;
    looking through them again and again while they are imported costs a sixth of the time.
    """
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.freeze()
            gc.enable()
