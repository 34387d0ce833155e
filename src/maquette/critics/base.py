"""The contract of every critic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from PIL import Image

from maquette.core.finding import Finding
from maquette.core.trace import Trace
from maquette.core.version import Version

__all__ = ["Critic"]


@runtime_checkable
class Critic(Protocol):
    """Looks at a version and says what it noticed. It changes nothing and reads no storage."""

    @property
    def name(self) -> str:
        """The critic's name: that of its file."""
        ...

    def look(
        self,
        version: Version,
        picture: Image.Image,
        trace: Trace | None,
        notes: Mapping[str, float] | None = None,
    ) -> list[Finding]:
        """Findings, worst first; none is a good sign and the usual one.

        ``picture`` is the version's, RGB or RGBA; ``trace`` its token maps, if there are any;
        ``notes`` what the engine measured while it drew (``{"seam": 0.02}``).
        """
        ...
