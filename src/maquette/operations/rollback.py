"""Roll back: an earlier version's picture as the newest again. What came between stays."""

from __future__ import annotations

from maquette.core.recipe import Recipe, Rollback
from maquette.core.version import Version

__all__ = ["rollback"]


def rollback(version: Version) -> Recipe:
    """The recipe that brings a version's picture back, byte for byte."""
    return Recipe(
        engine="pixels",
        task=Rollback(image=version.image, version=version.id),
        size=version.size,
    )
