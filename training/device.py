"""Where to compute: a GPU when there is one, else the processor; the same code on both."""

from __future__ import annotations

import torch


def device() -> torch.device:
    """The GPU, or the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast(where: torch.device) -> torch.autocast:
    """bfloat16 for products of matrices; sums and losses stay in float32."""
    return torch.autocast(where.type, dtype=torch.bfloat16)


def usual_workers(where: torch.device, cores: int = 2) -> int:
    """One process for a GPU; else one for each core, since threads wait for each other."""
    return 1 if where.type == "cuda" else cores
