"""What was seen in a picture, by the picture's digest: derived, so that nobody looks twice.

One small JSON file a picture and kind, ``looks/KIND/DIGEST.json``. The folder can be thrown away:
what is not there, or cannot be read, is looked at again; and what cannot be kept is not missed.
"""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["Looks"]


class Looks:
    """A cache in a folder. ``kind`` names what was looked for and by what, so that another way of
    looking has another kind."""

    def __init__(self, folder: Path) -> None:
        """Keep them in this folder; it is made when the first one is kept."""
        self._folder = folder

    def get(self, kind: str, digest: str) -> dict[str, Any] | None:
        """What was kept; None where nothing was, or it is damaged."""
        with suppress(OSError, ValueError):
            found = json.loads((self._folder / kind / f"{digest}.json").read_bytes())
            return found if isinstance(found, dict) else None
        return None

    def put(self, kind: str, digest: str, seen: dict[str, Any]) -> None:
        """Keep what was seen, if that is possible."""
        file = self._folder / kind / f"{digest}.json"
        partial = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                partial.write_text(json.dumps(seen), encoding="utf-8")
                partial.replace(file)
            finally:
                partial.unlink(missing_ok=True)
