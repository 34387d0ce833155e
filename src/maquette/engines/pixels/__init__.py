"""The engine ``pixels``: exact work without a model."""

from __future__ import annotations

from maquette.engines.pixels.engine import Pixels, create

__all__ = ["Pixels", "create"]
