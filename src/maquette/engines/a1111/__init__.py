"""The engine ``a1111``: AUTOMATIC1111's web UI, Forge, SD.Next, and what speaks ``/sdapi/v1``."""

from __future__ import annotations

from maquette.engines.a1111.engine import A1111, create

__all__ = ["A1111", "create"]
