"""The engine ``firefly``: Adobe Firefly Services, version 3, asynchronous."""

from __future__ import annotations

from maquette.engines.firefly.engine import Firefly, create

__all__ = ["Firefly", "create"]
