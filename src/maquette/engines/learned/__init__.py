"""The engine ``learned``: networks that enlarge pictures and restore faces."""

from __future__ import annotations

from pathlib import Path

from maquette.engines.learned.engine import Learned

__all__ = ["Learned", "create"]


def create(models: Path | None = None, threads: int = 0) -> Learned:
    """The engine. ``models`` holds ``upscalers`` and ``restorers``; ``threads`` 0 = all cores."""
    return Learned(models, threads)
