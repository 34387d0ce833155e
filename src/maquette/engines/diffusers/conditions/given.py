"""Where adapters lie that were given by a path: one small file for each, named by the digest.

A recipe names an adapter by its bytes alone. Whoever gives one by a path orders in one process and
often lets it be drawn in another, or replays it tomorrow: this is how that one finds the file. It
belongs to the person, never to a project, for it holds paths of this machine.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

__all__ = ["look_up", "write_down"]


def write_down(folder: Path, digest: str, path: Path) -> None:
    """Note where the adapter of this digest lies. Where that cannot be written, other processes
    will not find it, and say so."""
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = folder / f".{digest}.{os.getpid()}"
        draft.write_text(str(path), "utf-8", "surrogateescape")
        draft.replace(folder / digest)


def look_up(folder: Path, digest: str) -> Path | None:
    """Where it lay when it was last given; None when it never was, or has gone."""
    with contextlib.suppress(OSError, ValueError):
        path = Path((folder / digest).read_text("utf-8", "surrogateescape"))
        return path if path.exists() else None
    return None
