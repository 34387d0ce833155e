"""Importing the heavy libraries in good time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["uncollected"]


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
